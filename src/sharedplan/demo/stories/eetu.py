"""Soite in its middle: the third phase of Eetu Rautio, a step that waits, and a goal that he makes his own."""

from sharedplan.clock import Clock
from sharedplan.demo.stories import records, ways
from sharedplan.demo.stories.cast import (
    ANTTI,
    EETU,
    FAMILY_SYSTEM,
    JOHANNA,
    KIRSI,
    MENTAL_HEALTH_SYSTEM,
    MERJA,
    NGO,
    NGO_SYSTEM,
)
from sharedplan.demo.stories.outcomes import Done, Foreseen, Reviewed
from sharedplan.demo.stories.steps import Step, Steps, get, patch, post, put

MADE = records.of_demo("eetu")
PLAN = MADE["CarePlan"][0]
GOAL = "Goal/eetu-paihteet"
PHASE = "Task/eetu-vaihe-toteutus"
WHOLE = {each: 0 for each in ("CarePlan", "CareTeam", "Goal", "Task", "Encounter", "Consent", "QuestionnaireResponse")}


def goes_on(clock: Clock) -> Steps:
    plan = yield from ways.in_force(PLAN, JOHANNA)
    seen = yield from ways.views(
        PLAN,
        ways.View(FAMILY_SYSTEM, WHOLE, why="he is their own client"),
        ways.View(MENTAL_HEALTH_SYSTEM, WHOLE, why="Eetu's consent names the mental health services"),
        ways.View(NGO_SYSTEM, {}),
        ways.View(
            MERJA,
            {"CarePlan": 1, "Goal": 0},
            ("Consent", "Encounter", "QuestionnaireResponse"),
            "he is old enough to decide what his mother sees",
        ),
    )
    met = records.meeting(MADE, EETU, "client-meeting", "FLD", "finished", clock.now(), KIRSI)
    yield Step(
        MENTAL_HEALTH_SYSTEM, "sends that Kirsi met him, where he chose", put({**met, "id": "eetu-kirsi"}), Done()
    )
    unsure = patch(GOAL, records.agreed("pending"))
    yield Step(EETU, "has not made up his mind about the goal that concerns substances", unsure, Done())
    step = records.task("own-step", EETU, EETU, EETU, "in-progress", clock.now(), basedOn=[records.to(PLAN)])
    step |= {
        "id": "eetu-oma-askel-kirsi",
        "extension": [{"url": records.PERTAINS, "valueReference": records.to(GOAL)}],
        "description": "Käyn kaksi kertaa vielä juttelemassa Kirsin kanssa",
        "restriction": {"period": {"end": records.day(clock.now(), 60)}},
    }
    yield Step(EETU, "says what he will do himself: talk with Kirsi twice more", put(step), Done())
    yield Step(EETU, "agrees to the goal, which has become his own", patch(GOAL, records.agreed()), Done())
    waits = records.task("own-step", EETU, JOHANNA, ANTTI, "on-hold", clock.now(), basedOn=[records.to(PLAN)])
    waits |= {"id": "eetu-uniarvio", "code": {"text": "Uniarvio"}}
    waits |= {"restriction": {"period": {"end": records.day(clock.now(), 60)}}}
    yield Step(MENTAL_HEALTH_SYSTEM, "sends that the assessment of his sleep waits, not why", put(waits), Done())
    yield Step(JOHANNA, "has the plan reviewed", get(f"{PLAN}/$review"), Reviewed(("R3.16",), ("R3.4", "R0.5")))
    why = {**waits, "statusReason": {"text": "Odottaa unitutkimuksen aikaa keskussairaalasta"}}
    yield Step(MENTAL_HEALTH_SYSTEM, "sends what it waits for", put(why), Done())
    phase = yield Step(JOHANNA, "opens the phase of realisation", get(PHASE), Done())
    ended = {**phase.body, "status": "completed"}
    yield Step(
        JOHANNA,
        "asks what would be said if the phase ended today, without ending it",
        post(ended, "Task/eetu-vaihe-toteutus/$validate?mode=update"),
        Foreseen(),
    )
    yield Step(
        JOHANNA,
        "asks whether the NGO's system may see the plan, and what is missing",
        post(ways.whether(NGO, "CarePlan"), f"{EETU.person}/$access-decision"),
        ways.decided("deny"),
    )
    yield Step(
        JOHANNA,
        "has the plan reviewed again",
        get(f"{PLAN}/$review"),
        Reviewed(
            (), ("R3.16", "R3.4", "R0.4", "R0.5"), {"R3.3": "", "R3.4": "", "R3.16": "keskussairaalasta", "R0.4": ""}
        ),
    )
    yield from ways.views(
        PLAN,
        ways.View(FAMILY_SYSTEM, WHOLE),
        ways.View(MENTAL_HEALTH_SYSTEM, WHOLE),
        ways.View(NGO_SYSTEM, {}),
        ways.View(MERJA, {"CarePlan": 1, "Goal": 0}, ("Consent", "Encounter")),
        before=seen,
    )
    yield from ways.closing(plan, JOHANNA)
    yield from ways.sheet(PLAN, MERJA, "fi", ("Eetun yhteinen suunnitelma", "Johanna Määttä"))
