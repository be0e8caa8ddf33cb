"""STOP-työryhmä in its middle: the next meeting of Pekka Turunen's group, and whom he lets come to it."""

from sharedplan.clock import Clock
from sharedplan.demo.stories import records, ways
from sharedplan.demo.stories.cast import (
    HEIDI,
    JARI,
    MENTAL_HEALTH_SYSTEM,
    MINNA,
    NGO_SYSTEM,
    PEKKA,
    SOCIAL_SYSTEM,
    TUOMAS,
)
from sharedplan.demo.stories.outcomes import Done, Hidden, Refused, Reviewed
from sharedplan.demo.stories.steps import Step, Steps, get, patch, put, replace
from sharedplan.fhir.exchanges import Json

MADE = records.of_demo("pekka")
PLAN, TEAM = MADE["CarePlan"][0], MADE["CareTeam"][0]
WHOLE = {each: 0 for each in ("CarePlan", "CareTeam", "Goal", "Task", "Encounter", "Consent", "QuestionnaireResponse")}
NARROW = {"CarePlan": 1, "CareTeam": 1, "Task": 0}


def goes_on(clock: Clock) -> Steps:
    plan = yield from ways.in_force(PLAN, MINNA)
    given = yield from ways.consents(PEKKA, MINNA)
    gone = patch("Consent/pekka-jari", replace("/status", "inactive"))
    if "Consent/pekka-jari" in given:
        yield Step(MINNA, ways.BROKEN_OFF, gone, Done())
    seen = yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE, why="it is their own client"),
        ways.View(MENTAL_HEALTH_SYSTEM, WHOLE, why="Pekka's consent names the mental health services"),
        ways.View(NGO_SYSTEM, {}),
    )
    yield Step(
        MINNA,
        "plans the next meeting of the group, and asks Jari of the NGO along",
        put(_meeting(clock)),
        Refused("R0.1", ("Jari Mäkinen", "Pekka Turunen")),
    )
    how = "Suullinen lupa vertaisohjaajalle"
    permit = records.permit(PEKKA, clock.now(), how, (JARI, NGO_SYSTEM), "CarePlan", "CareTeam", "Task")
    heard = records.heard_by(MINNA, HEIDI)["value"]
    yield Step(
        MINNA,
        "writes down that Pekka lets Jari and the NGO see the plan, the team and the tasks; Heidi heard it",
        put({**permit, "id": "pekka-jari", "extension": heard}),
        Done(),
    )
    yield Step(MINNA, "plans the meeting once more, and this time Jari may come", put(_meeting(clock)), Done())
    team = yield Step(MINNA, "opens the team", get(TEAM), Done())
    joins = put(records.joined(team.body, "ngo", JARI, clock.now()))
    yield Step(MINNA, "takes Jari on to the team", joins, Done())
    yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE),
        ways.View(MENTAL_HEALTH_SYSTEM, WHOLE),
        ways.View(NGO_SYSTEM, NARROW, ("Goal", "Consent", "Patient", "Encounter"), "Pekka let them see no more"),
        before=seen,
    )
    fetch = records.task("own-step", PEKKA, MINNA, JARI, "requested", clock.now(), basedOn=[records.to(PLAN)])
    fetch |= {"id": "pekka-saatto", "code": {"text": "Hakee Pekan verstaalta kokoukseen"}}
    fetch |= {"restriction": {"period": {"end": records.day(clock.now())}}}
    yield Step(MINNA, "asks Jari to fetch Pekka from the workshop", put(fetch), Done())
    yield Step(JARI, "does so", patch("Task/pekka-saatto", replace("/status", "completed")), Done())
    yield Step(MINNA, "holds the meeting", patch("Encounter/pekka-tanaan", replace("/status", "finished")), Done())
    yield Step(
        MINNA,
        "has the plan reviewed",
        get(f"{PLAN}/$review"),
        Reviewed((), ("R0.1", "R0.3", "R0.7", "R1.1", "R4.1"), {"R0.1": "", "R0.7": "Jari Mäkinen", "R1.2": ""}),
    )
    yield Step(MINNA, "writes down that Pekka takes it back: Jari came for this once", gone, Done())
    yield Step(NGO_SYSTEM, "reads the plan once more", get(PLAN), Hidden(why="the permit is taken back"))
    team = yield Step(MINNA, "opens the team", get(TEAM), Done())
    yield Step(MINNA, "ends Jari's time on the team", put(records.left(team.body, JARI, clock.now())), Done())
    yield from ways.closing(plan, MINNA, "R0.10", "R1.5")
    yield from ways.sheet(PLAN, PEKKA, "sv", ("Pekka Turunen", "Heidi Laakso"))


def _meeting(clock: Clock) -> Json:
    """From now on: what is accepted counts from when it was given."""
    people = (MINNA, TUOMAS, HEIDI, JARI)
    met = records.meeting(MADE, PEKKA, "network-meeting", "AMB", "planned", clock.now(), *people)
    return {**met, "id": "pekka-tanaan"}
