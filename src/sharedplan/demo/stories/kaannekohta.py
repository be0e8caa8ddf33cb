"""Käännekohta: a crisis; a social instructor and a nurse meet the client one to five times, as a pair, and counted."""

from datetime import timedelta

from sharedplan.clock import Clock
from sharedplan.demo.stories import records, riitta, ways
from sharedplan.demo.stories.cast import ELINA, HEALTH_SYSTEM, NGO_FOR_JARI, NIKO, PETRA, SOCIAL_SYSTEM
from sharedplan.demo.stories.outcomes import Done, Reviewed
from sharedplan.demo.stories.steps import Chapter, Step, Steps, Story, add, get, patch, post, replace

PEOPLE = (1, "social-instructor", ELINA), (2, "nurse", PETRA)
SAID = {
    "life-situation": "Ero, ja palkka ei riitä vuokraan.",
    "weakening-factors": "Valvotut yöt ja pikavipit.",
    "needs": "Että joku katsoo laskut kanssani.",
    "strengths": "Työ pysyy, ja siskon perhe on lähellä.",
    "own-estimate": "Selviän, kun pääsen alkuun.",
    "professional-estimate": "Talous- ja velkaneuvonta, uni kuntoon.",
}


def told(clock: Clock) -> Steps:
    start = clock.now() - timedelta(days=21)
    mervi = yield from ways.known(SOCIAL_SYSTEM, "Mervi", "Kallio", "1985-12-01")
    request = records.referral("kaannekohta", mervi, NIKO, start, "Kriisi eron jälkeen.", "cooperation-tried")
    yield from ways.referred(SOCIAL_SYSTEM, request, mervi, ELINA, start, "R2.6")
    made = yield from ways.started("kaannekohta", mervi, ELINA, start)
    (plan,), (team,), (consent,) = made["CarePlan"], made["CareTeam"], made["Consent"]
    yield Step(ELINA, "has the plan reviewed", get(f"{plan}/$review"), Reviewed(("R2.3", "R0.9"), (), {"R2.1": "0/5"}))
    yield Step(
        ELINA, "proposes Petra as the other of the pair", patch(team, *records.crew(PEOPLE, clock.now())), Done()
    )
    named = records.recipients(ELINA, PETRA, SOCIAL_SYSTEM, HEALTH_SYSTEM)
    yield Step(
        mervi,
        "accepts the two of them, and the record systems of both their organisations",
        patch(
            consent,
            *records.given(
                clock.now(),
                "Annettu puhelimessa ja vahvistettu asiointipalvelussa",
                named,
            ),
        ),
        Done(),
    )
    yield Step(ELINA, "calls the pair together", patch(team, replace("/status", "active")), Done())
    for way, doing in (
        ("VR", "calls her"),
        ("HH", "visits her at home, with Petra"),
        ("AMB", "meets her at the office"),
    ):
        people = (ELINA,) if way == "VR" else (ELINA, PETRA)
        met = records.meeting(made, mervi, "client-meeting", way, "finished", clock.now(), *people)
        yield Step(ELINA, doing, post(met), Done())
    missed = records.meeting(made, mervi, "client-meeting", "AMB", "cancelled", clock.now(), PETRA)
    yield Step(PETRA, "waits for her in vain", post(missed), Done())
    yield Step(
        ELINA,
        "writes down the assessment, two parts of which are not asked yet",
        post(records.answers(made, mervi, ELINA, clock.now(), SAID)),
        Done(("R2.5",)),
    )
    yield Step(mervi, "agrees to the goal", patch(made["Goal"][0], records.agreed()), Done())
    yield Step(
        ELINA, "puts the plan in force", patch(plan, replace("/status", "active")), Done(("R2.5", "R2.6", "R3.7"))
    )
    for way in ("HH", "AMB"):
        met = records.meeting(made, mervi, "client-meeting", way, "finished", clock.now(), ELINA, PETRA)
        yield Step(PETRA, "meets her, with Elina", post(met), Done())
    met = records.meeting(made, mervi, "client-meeting", "FLD", "finished", clock.now(), ELINA, PETRA)
    yield Step(ELINA, "goes to the debt advice with her, the sixth time they meet", post(met), Done(("R2.1",)))
    yield Step(
        ELINA,
        "has the plan reviewed",
        get(f"{plan}/$review"),
        Reviewed(("R2.1", "R2.6"), ("R2.3", "R0.9"), {"R3.15": "1", "R2.4": ""}),
    )
    yield from ways.views(
        plan,
        ways.View(mervi, {"Encounter": 7}),
        ways.View(SOCIAL_SYSTEM, {"Encounter": 7, "QuestionnaireResponse": 1}),
        ways.View(HEALTH_SYSTEM, {"Encounter": 7, "QuestionnaireResponse": 1}),
        ways.View(NGO_FOR_JARI, {}),
    )
    yield Step(ELINA, "closes the plan", patch(plan, replace("/status", "completed")), Done(_CLOSED))
    asked = records.task("feedback", mervi, ELINA, mervi, "requested", clock.now(), basedOn=[records.to(plan)])
    yield Step(ELINA, "asks her how it was", post(asked), Done())
    ended = add("/period/end", records.day(clock.now()))
    yield Step(
        ELINA, "ends the episode", patch(made["EpisodeOfCare"][0], replace("/status", "finished"), ended), Done()
    )
    yield from ways.measured("kaannekohta", SOCIAL_SYSTEM, clock.now())


_LEFT = ("R2.5", "R2.6", "R3.7")
_CLOSED = ("R0.10", "R1.5", "R2.1", *_LEFT)

KAANNEKOHTA = Story(
    "kaannekohta",
    "Käännekohta: Riitta Koivisto",
    "A crisis, and a pair of a social instructor and a nurse who meet her one to five times. The service counts: a "
    "no-show is none, a sixth meeting is told and not refused.",
    "riitta",
    (SOCIAL_SYSTEM, HEALTH_SYSTEM, NGO_FOR_JARI),
    (
        Chapter("Mervi Kallio: from the first day to the last", told),
        Chapter("Riitta Koivisto: how it goes on", riitta.goes_on),
    ),
)
