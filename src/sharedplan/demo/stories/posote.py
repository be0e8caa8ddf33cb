"""POSOTE-20: several needs, one team; NGO and relatives are members with views of their own; feedback at the end."""

from datetime import timedelta

from sharedplan.clock import Clock
from sharedplan.demo.stories import cast, records, ways
from sharedplan.demo.stories.cast import JARI, KAI, NIKO, SARI, SOCIAL_SYSTEM
from sharedplan.demo.stories.outcomes import Done, Hidden, Refused, Reviewed
from sharedplan.demo.stories.steps import Step, Steps, Story, add, get, patch, post, replace

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
    at, named = clock.now(), records.recipients(KAI, NIKO, JARI, raija)
    yield Step(
        SARI,
        "records that Tarja, who has no e-identity, said yes; and not how",
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
    told = post(records.answers(made, tarja, SARI, clock.now(), SAID))
    yield Step(SARI, "writes down the assessment, her view beside theirs", told, Done())
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
        (tarja, {"CarePlan": 1, "CareTeam": 1, "Goal": 2, "Consent": 1}, ()),
        (NIKO, {"CarePlan": 1, "CareTeam": 1, "Goal": 2, "Task": 6}, ()),
        (JARI, {"CarePlan": 1, "CareTeam": 1, "Task": 1}, ("Goal", "Consent", "Patient")),
        (raija, {"CarePlan": 1, "CareTeam": 1}, ("Goal", "Consent", "Task")),
    )
    yield Step(JARI, "takes it on", patch(asked.name, replace("/status", "accepted")), Done())
    yield Step(
        tarja,
        "withdraws her consent for Jari",
        patch(consent, records.recipients(KAI, NIKO, raija)),
        Done(),
    )
    yield Step(JARI, "reads the plan once more", get(plan), Hidden())
    yield Step(
        SARI, "has the plan reviewed", get(f"{plan}/$review"), Reviewed(("R1.1",), ("R1.2", "R3.13"), {"R1.3": ""})
    )
    yield Step(SARI, "closes the plan", patch(plan, replace("/status", "completed")), Done(_CLOSED))
    (feedback,) = made["Task"][-1:]
    yield Step(
        tarja,
        "says how it was for her",
        post(records.feedback(made, "client", tarja, tarja, feedback, clock.now(), HEARD)),
        Done(),
    )
    yield Step(tarja, "is done with that", patch(feedback, replace("/status", "completed")), Done())
    from_worker = records.task("feedback", tarja, SARI, NIKO, "requested", clock.now(), basedOn=[records.to(plan)])
    asked = yield Step(SARI, "asks Niko, too", post(from_worker), Done())
    yield Step(
        NIKO,
        "says how it was for him",
        post(records.feedback(made, "worker", tarja, NIKO, asked.name, clock.now(), WORKED)),
        Done(),
    )
    yield Step(NIKO, "is done with that", patch(asked.name, replace("/status", "completed")), Done())
    yield Step(SARI, "has it reviewed again", get(f"{plan}/$review"), Reviewed((), ("R1.5", "R0.10"), {"R0.10": ""}))
    yield from ways.measured("feedback", SOCIAL_SYSTEM, clock.now())
    yield from ways.log(tarja)


_CLOSED = ("R0.10", "R1.1", "R4.2")
"""What is told when it closes: no worker was asked yet, and Jari is still on the team without a consent."""

POSOTE = Story(
    "posote",
    "POSOTE-20: Tarja Mustonen",
    "Several needs, one team. An NGO worker and her sister are on it and see what is theirs to see; she says yes "
    "without any device, takes a part of it back, and is asked in the end how it was.",
    told,
)
