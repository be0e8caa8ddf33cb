"""POSOTE-20 in its middle: three systems write on Aino Heikkilä's plan, and she decides about a goal and a guest."""

from sharedplan.clock import Clock
from sharedplan.demo import world
from sharedplan.demo.stories import records, ways
from sharedplan.demo.stories.cast import (
    AINO,
    HEALTH_SYSTEM,
    JARI,
    LEENA,
    NGO_FOR_JARI,
    NGO_SYSTEM,
    NIKO,
    SARI,
    SOCIAL_SYSTEM,
)
from sharedplan.demo.stories.outcomes import Done, Hidden, Refused, Reviewed
from sharedplan.demo.stories.steps import Step, Steps, get, patch, put, replace

MADE = records.of_demo("aino")
PLAN = MADE["CarePlan"][0]
GOAL = "Goal/aino-tyokyky"
PERMIT = "Consent/aino-jari"
WHOLE = {each: 0 for each in ("CarePlan", "CareTeam", "Goal", "Task", "Encounter", "Consent", "Observation")}
NARROW = {"CarePlan": 1, "CareTeam": 1, "Task": 0}


def goes_on(clock: Clock) -> Steps:
    plan = yield from ways.in_force(PLAN, SARI)
    given = yield from ways.consents(AINO, SARI)
    opened = patch(PERMIT, replace("/status", "active"))
    if PERMIT not in given:
        yield Step(AINO, ways.BROKEN_OFF, opened, Done())
    jaris = ways.View(
        NGO_FOR_JARI,
        NARROW,
        ("Goal", "Consent", "Encounter", "Observation", "Patient"),
        "Aino let Jari see the plan, the team and the tasks",
    )
    seen = yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE, why="it is their own client"),
        ways.View(HEALTH_SYSTEM, WHOLE, why="Aino's consent names the health centre"),
        ways.View(NGO_SYSTEM, {}, why="Aino let Jari in by name, and not all of the NGO"),
        jaris,
        ways.View(LEENA, {"CarePlan": 1, "Goal": 0}, ("Consent",), "Aino let her sister see what the plan names"),
    )
    visit = records.meeting(MADE, AINO, "client-meeting", "AMB", "finished", clock.now(), NIKO)
    yield Step(HEALTH_SYSTEM, "sends today's visit to Niko", put({**visit, "id": "aino-vastaanotto-tanaan"}), Done())
    sleep = {
        **world.resources()["Observation/aino-univaikeus"],
        "id": "aino-univaikeus-tanaan",
        "encounter": records.to("Encounter/aino-vastaanotto-tanaan"),
        "effectiveDateTime": records.instant(clock.now()),
        "valueInteger": 9,
        "note": [{"text": "Lievä unettomuus; unipäiväkirja jatkuu."}],
    }
    yield Step(HEALTH_SYSTEM, "sends how she sleeps: 9 points, it was 18", put(sleep), Done())
    call = records.task("own-step", AINO, SARI, JARI, "requested", clock.now(), basedOn=[records.to(PLAN)])
    call |= {"id": "aino-soitto", "code": {"text": "Soittaa Ainolle ennen torstain ruokaryhmää"}}
    call |= {"restriction": {"period": {"end": records.day(clock.now(), 7)}}}
    yield Step(SOCIAL_SYSTEM, "sends what Sari asks of Jari: to call Aino before the cooking group", put(call), Done())
    done = patch("Task/aino-soitto", replace("/status", "completed"))
    may_not = Hidden(403, "Aino's permit lets Jari read; it says nothing of writing")
    yield Step(NGO_FOR_JARI, "sends that he did so", done, may_not)
    yield Step(SARI, "writes it down for him", done, Done())
    goal = yield Step(NIKO, "opens the goal about her capacity to work", get(GOAL), Done())
    if not records.is_stance(goal.body, "disagree"):
        yield Step(AINO, ways.BROKEN_OFF, patch(GOAL, records.agreed("disagree")), Done())
    yield Step(
        NIKO,
        "accepts it, though she does not agree",
        patch(GOAL, replace("/lifecycleStatus", "accepted")),
        Refused("R0.4", ("Aino Heikkilä",)),
    )
    yield Step(AINO, "thinks about it", patch(GOAL, records.agreed("pending")), Done())
    yield Step(AINO, "says no again: not yet", patch(GOAL, records.agreed("disagree")), Done())
    yield from ways.views(PLAN, ways.View(SOCIAL_SYSTEM, WHOLE), ways.View(HEALTH_SYSTEM, WHOLE), jaris, before=seen)
    yield Step(AINO, "takes Jari's permit back", patch(PERMIT, replace("/status", "inactive")), Done())
    gone = Hidden(why="the permit is taken back, though he is still on the team")
    yield Step(NGO_FOR_JARI, "reads the plan once more", get(PLAN), gone)
    yield Step(
        SARI,
        "has the plan reviewed",
        get(f"{PLAN}/$review"),
        Reviewed(("R1.1",), ("R0.4", "R3.17"), {"R3.17": "Aino Heikkilä", "R0.4": ""}),
    )
    yield Step(AINO, "gives it again, for the cooking group goes on", opened, Done())
    yield Step(NGO_FOR_JARI, "reads the plan", get(PLAN), Done())
    yield Step(
        SARI,
        "has the plan reviewed again",
        get(f"{PLAN}/$review"),
        Reviewed((), ("R1.1", "R4.1"), {"R1.1": "", "R1.2": "", "R1.5": ""}),
    )
    yield from ways.closing(plan, SARI)
    yield from ways.log(AINO, "Sari Lehtonen")
