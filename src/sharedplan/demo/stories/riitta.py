"""Käännekohta in its middle: Riitta Koivisto's fourth meeting, a no-show, and whether it goes on or closes."""

from sharedplan.clock import Clock
from sharedplan.demo.stories import records, ways
from sharedplan.demo.stories.cast import ELINA, HEALTH_SYSTEM, JARI, NGO_FOR_JARI, PETRA, RIITTA, SOCIAL_SYSTEM
from sharedplan.demo.stories.outcomes import Done, Hidden, Reviewed
from sharedplan.demo.stories.steps import Step, Steps, add, get, patch, put, replace

MADE = records.of_demo("riitta")
PLAN = MADE["CarePlan"][0]
WHOLE = {each: 0 for each in ("CarePlan", "CareTeam", "Goal", "Task", "Encounter", "Consent", "QuestionnaireResponse")}


def goes_on(clock: Clock) -> Steps:
    plan = yield from ways.in_force(PLAN, ELINA)
    given = yield from ways.consents(RIITTA, ELINA)
    gone = patch("Consent/riitta-jari", replace("/status", "inactive"))
    if "Consent/riitta-jari" in given:
        yield Step(ELINA, ways.BROKEN_OFF, gone, Done())
    seen = yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE, why="it is their own client"),
        ways.View(HEALTH_SYSTEM, WHOLE, why="Riitta's consent names the health centre"),
        ways.View(NGO_FOR_JARI, {}),
    )
    met = records.meeting(MADE, RIITTA, "client-meeting", "HH", "finished", clock.now(), ELINA, PETRA)
    yield Step(HEALTH_SYSTEM, "sends that the pair met her at home", put({**met, "id": "riitta-neljas"}), Done())
    missed = records.meeting(MADE, RIITTA, "client-meeting", "AMB", "cancelled", clock.now(), ELINA)
    yield Step(
        SOCIAL_SYSTEM, "sends that Elina waited for her in vain", put({**missed, "id": "riitta-ei-saapunut"}), Done()
    )
    yield Step(
        ELINA,
        "has the plan reviewed: four meetings, for whoever did not come was not met",
        get(f"{PLAN}/$review"),
        Reviewed((), ("R2.1", "R2.3", "R2.5"), {"R2.1": "4/5", "R3.15": "2", "R2.4": "2", "R2.2": ""}),
    )
    how = "Suullinen lupa kysyä neuvoa vertaisohjaajalta"
    permit = records.permit(RIITTA, clock.now(), how, (JARI,), "Task") | {"id": "riitta-jari"}
    heard = {"extension": records.heard_by(ELINA, PETRA)["value"]}
    yield Step(ELINA, "writes down that Riitta lets her ask Jari of the NGO for advice", put(permit | heard), Done())
    asked = records.task("consultation", RIITTA, ELINA, JARI, "accepted", clock.now(), basedOn=[records.to(PLAN)])
    asked |= {"id": "riitta-konsultaatio", "description": "Onko teillä vertaisryhmää eronneille vanhemmille?"}
    asked |= {"restriction": {"period": {"end": records.day(clock.now(), 7)}}}
    yield Step(ELINA, "asks him by phone; he takes it on", put(asked), Done())
    outside = Hidden(why="who gives advice sees the question alone, and does not join the team")
    yield Step(NGO_FOR_JARI, "asks for the plan", get(PLAN), outside)
    note = [{"text": "Maanantaisin kello 17, ilmoittautua ei tarvitse."}]
    answered = patch("Task/riitta-konsultaatio", replace("/status", "completed"), add("/note", note))
    yield Step(NGO_FOR_JARI, "sends his answer", answered, Done())
    yield Step(ELINA, "writes down that this permit has served", gone, Done())
    on = replace("/restriction/period/end", records.day(clock.now(), 28))
    yield Step(
        ELINA,
        "and Riitta decide to go on: the next review is in four weeks",
        patch("Task/riitta-tarkistus", on),
        Done(),
    )
    yield from ways.closing(plan, ELINA, "R0.10", "R1.5")
    yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE),
        ways.View(HEALTH_SYSTEM, WHOLE),
        ways.View(NGO_FOR_JARI, {}),
        before=seen,
    )
    yield from ways.sheet(PLAN, RIITTA, "fi", ("Riitta Koivisto", "Elina Hakala"))
