"""POSOTE-20: several needs, one team; NGO and relatives are members with views of their own; feedback at the end."""

from collections.abc import Mapping
from datetime import timedelta

from sharedplan.clock import Clock
from sharedplan.demo.stories import aino, cast, records, ways
from sharedplan.demo.stories.cast import HEALTH_SYSTEM, JARI, KAI, NGO_FOR_JARI, NGO_SYSTEM, NIKO, SARI, SOCIAL_SYSTEM
from sharedplan.demo.stories.outcomes import Done, Hidden, Refused, Reviewed
from sharedplan.demo.stories.records import Made
from sharedplan.demo.stories.steps import Asker, Chapter, Step, Steps, Story, add, get, patch, post, replace

SAID = {
    "life-situation": "Asun yksin, ja laskut ovat perinnässä.",
    "strengths": "Sisko, käsityöt ja sisu.",
    "own-estimate": "Tarvitsen jonkun, joka katsoo kokonaisuutta.",
    "professional-estimate": "Velkaneuvonta ja selän tutkimukset yhtä aikaa.",
}
HEARD = {"was-heard": 5, "plan-is-mine": 4, "know-whom-to-contact": 5, "got-help": 4}
WORKED = {"joint-work": 5, "roles-clear": 4, "information-flow": 5}


def told(clock: Clock) -> Steps:
    start = clock.now() - timedelta(days=9)
    tarja = yield from ways.known(SOCIAL_SYSTEM, "Tarja", "Mustonen", "1968-09-17")
    born = records.kin(tarja, "Raija Mustonen", "SIS", since=records.day(start))
    told = yield Step(SOCIAL_SYSTEM, "writes down her sister", post(born), Done())
    raija = cast.relative("Raija Mustonen", told.name, "her sister")
    request = records.referral(
        "posote", tarja, NIKO, start, "Selkäkipu, velat ja yksinäisyys.", "cooperation-tried", "help-not-received"
    )
    yield from ways.referred(SOCIAL_SYSTEM, request, tarja, SARI, start)
    made = yield from ways.started("posote", tarja, SARI, start)
    (plan,), (team,), (consent,) = made["CarePlan"], made["CareTeam"], made["Consent"]
    people = (1, "social-worker", KAI), (2, "nurse", NIKO), (3, "ngo", JARI), (4, "relative", raija)
    yield Step(SARI, "proposes the team", patch(team, *records.crew(people, clock.now())), Done())
    accepted = (SARI, KAI, NIKO, HEALTH_SYSTEM, raija)
    at, named = clock.now(), records.recipients(*accepted, JARI, NGO_SYSTEM)
    yield Step(
        SARI,
        "records that Tarja, who has no e-identity, said yes, and not how",
        patch(consent, replace("/status", "active"), add("/dateTime", records.instant(at)), named),
        Refused("R3.13", ("Tarja Mustonen",)),
    )
    yield Step(
        SARI,
        "records it with herself, who wrote it down, and Niko, who heard it",
        patch(consent, *records.given(at, "Suullinen suostumus terveysasemalla", named), records.heard_by(SARI, NIKO)),
        Done(),
    )
    yield Step(SARI, "calls the team together", patch(team, replace("/status", "active")), Done())
    yield Step(tarja, "agrees to the first goal", patch(made["Goal"][0], records.agreed()), Done())
    said = post(records.answers(made, tarja, SARI, clock.now(), SAID))
    yield Step(SARI, "writes down the assessment, her view beside theirs", said, Done())
    assessed = patch(made["Task"][0], replace("/status", "completed"), ways.executed(start, clock.now()))
    yield Step(SARI, "is done with it", assessed, Done())
    yield Step(
        SARI,
        "puts the plan in force, which they made together",
        patch(plan, replace("/status", "active"), add("/contributor", [tarja.reference])),
        Done(),
    )
    visit = records.task("own-step", tarja, SARI, JARI, "requested", clock.now(), basedOn=[records.to(plan)])
    visit |= {"code": {"text": "Lähtee Tarjan mukaan velkaneuvontaan"}}
    visit |= {"restriction": {"period": {"end": records.day(clock.now(), 14)}}}
    asked = yield Step(SARI, "asks Jari of the NGO to go along to the debt advice", post(visit), Done())
    yield from ways.views(
        plan,
        ways.View(tarja, {"CarePlan": 1, "CareTeam": 1, "Goal": 2, "Consent": 1}),
        ways.View(SOCIAL_SYSTEM, {"CarePlan": 1, "CareTeam": 1, "Goal": 2, "QuestionnaireResponse": 1, "Consent": 1}),
        ways.View(HEALTH_SYSTEM, {"CarePlan": 1, "CareTeam": 1, "Goal": 2, "QuestionnaireResponse": 1, "Consent": 1}),
        ways.View(NGO_SYSTEM, {"CarePlan": 1, "CareTeam": 1}, ("Goal", "Consent", "Patient", "QuestionnaireResponse")),
        ways.View(
            JARI, {"CarePlan": 1, "CareTeam": 1, "Task": 1}, ("Goal", "Consent", "Patient", "QuestionnaireResponse")
        ),
        ways.View(raija, {"CarePlan": 1, "CareTeam": 1}, ("Goal", "Consent", "Task")),
    )
    yield Step(JARI, "takes it on", patch(asked.name, replace("/status", "accepted")), Done())
    yield Step(
        tarja,
        "withdraws her consent for Jari and the NGO",
        patch(consent, records.recipients(*accepted)),
        Done(),
    )
    gone = Hidden(why="the consent is withdrawn, for people and systems alike")
    yield Step(JARI, "reads the plan once more", get(plan), gone)
    yield Step(NGO_SYSTEM, "fetches it once more", get(f"{plan}/$everything"), gone)
    yield Step(
        SARI, "has the plan reviewed", get(f"{plan}/$review"), Reviewed(("R1.1",), ("R1.2", "R3.13"), {"R1.3": ""})
    )
    yield Step(SARI, "closes the plan", patch(plan, replace("/status", "completed")), Done(_CLOSED))
    yield from _tells_how_it_was("client", tarja, tarja, made, made["Task"][-1], HEARD, clock)
    from_worker = records.task("feedback", tarja, SARI, NIKO, "requested", clock.now(), basedOn=[records.to(plan)])
    asked = yield Step(SARI, "asks Niko, too", post(from_worker), Done())
    yield from _tells_how_it_was("worker", tarja, NIKO, made, asked.name, WORKED, clock)
    yield Step(SARI, "has it reviewed again", get(f"{plan}/$review"), Reviewed((), ("R1.5", "R0.10"), {"R0.10": ""}))
    yield from ways.measured("feedback", SOCIAL_SYSTEM, clock.now())
    yield from ways.log(tarja, "Sari Lehtonen")


def _tells_how_it_was(
    kind: str, client: Asker, by: Asker, made: Made, task: str, said: Mapping[str, int], clock: Clock
) -> Steps:
    answers = post(records.feedback(made, kind, client, by, clock.now(), said))
    told = yield Step(by, "says how it was", answers, Done())
    yield Step(by, "has answered", patch(task, *records.answered(told.name)), Done())


_CLOSED = ("R0.10", "R1.1", "R4.2")
"""What is told when it closes: no worker was asked yet, and Jari is still on the team without a consent."""

POSOTE = Story(
    "posote",
    "POSOTE-20: Aino Heikkilä",
    "Several needs, one team. An NGO worker and a sister are on it and see what is theirs to see; the client says yes "
    "without any device, takes a part of it back, and is asked in the end how it was.",
    "aino",
    (SOCIAL_SYSTEM, HEALTH_SYSTEM, NGO_FOR_JARI),
    (
        Chapter("Tarja Mustonen: from the first day to the last", told),
        Chapter("Aino Heikkilä: how it goes on", aino.goes_on),
    ),
)
