"""STOP-työryhmä: much help and none that holds; a group across administrations, and the client decides who attends."""

from datetime import timedelta

from sharedplan.care import codes
from sharedplan.clock import Clock
from sharedplan.demo.stories import pekka, records, ways
from sharedplan.demo.stories.cast import HEIDI, JARI, KAI, MENTAL_HEALTH_SYSTEM, NGO_SYSTEM, SARI, SOCIAL_SYSTEM, TUOMAS
from sharedplan.demo.stories.outcomes import Done, Refused, Reviewed
from sharedplan.demo.stories.steps import Chapter, Step, Steps, Story, add, get, patch, post, replace

PEOPLE = (1, "social-worker", KAI), (2, "housing", TUOMAS), (3, "mental-health", HEIDI)
SAID = {
    "life-situation": "Asun vuokrayksiössä, josta on tullut häätövaroitus.",
    "weakening-factors": "Vieroitus on keskeytynyt kolmesti.",
    "health": "Nukun huonosti ja pelkään öisin.",
    "services-in-use": "Päivystys, selviämisasema ja sosiaalityö, kukin erikseen.",
    "needs": "Yksi paikka, josta joku vastaa.",
    "strengths": "Olen kirvesmies ja pidän tavarat kunnossa.",
    "own-estimate": "Pärjään, jos saan pitää asunnon.",
    "professional-estimate": "Asuminen ensin, hoito sen rinnalle.",
}


def told(clock: Clock) -> Steps:
    start = clock.now() - timedelta(days=6)
    veikko = yield from ways.known(SOCIAL_SYSTEM, "Veikko", "Salonen", "1979-03-02")
    request = records.referral(
        "stop", veikko, KAI, start, "Päivystyskäyntejä 14 puolessa vuodessa.", "cooperation-tried"
    )
    referral = yield from ways.referred(SOCIAL_SYSTEM, request, veikko, SARI, start, "R0.2")
    background = records.concept(codes.REFERRAL_BACKGROUND, "help-not-received")
    yield Step(
        SOCIAL_SYSTEM, "adds what the referral lacked", patch(referral, add("/reasonCode/0", background)), Done()
    )
    made = yield from ways.started("stop", veikko, SARI, start)
    (plan,), (team,), (consent,), (step,) = made["CarePlan"], made["CareTeam"], made["Consent"], made["Task"][1:2]
    filled = records.crew(PEOPLE, clock.now())
    yield Step(
        SARI,
        "calls the team together before Veikko has said yes",
        patch(team, replace("/status", "active"), *filled),
        Refused("R1.1", ("Kai Nieminen", "Heidi Laakso", "Veikko Salonen")),
    )
    yield Step(SARI, "proposes the team to him instead", patch(team, *filled), Done())
    named = records.recipients(SARI, KAI, TUOMAS, HEIDI, MENTAL_HEALTH_SYSTEM)
    yield Step(
        veikko,
        "gives his consent: for these three by name, and for the record system of the mental health services",
        patch(
            consent,
            *records.given(
                clock.now(),
                "Annettu asiointipalvelussa",
                named,
            ),
        ),
        Done(),
    )
    yield Step(SARI, "calls the team together", patch(team, replace("/status", "active")), Done())
    yield Step(
        SARI,
        "plans a network meeting, and asks the NGO along",
        post(records.meeting(made, veikko, "network-meeting", "AMB", "planned", clock.now(), SARI, HEIDI, JARI)),
        Refused("R0.1", ("Jari Mäkinen", "Veikko Salonen")),
    )
    met = yield Step(
        SARI,
        "plans it with those whom he has accepted",
        post(records.meeting(made, veikko, "network-meeting", "AMB", "planned", clock.now(), SARI, HEIDI, TUOMAS)),
        Done(),
    )
    yield Step(
        SARI,
        "writes down the assessment, his view and the professionals' side by side",
        post(records.answers(made, veikko, SARI, clock.now(), SAID)),
        Done(),
    )
    assessed = patch(made["Task"][0], replace("/status", "completed"), ways.executed(start, clock.now()))
    yield Step(SARI, "is done with the assessment", assessed, Done())
    yield Step(
        SARI,
        "puts the plan in force before he had a part in it",
        patch(plan, replace("/status", "active")),
        Refused("R0.3", ("Veikko Salonen",)),
    )
    yield Step(SARI, "holds the meeting", patch(met.name, replace("/status", "finished")), Done())
    yield Step(veikko, "agrees to the first goal", patch(made["Goal"][0], records.agreed()), Done())
    yield Step(veikko, "takes up his own step", patch(step, replace("/status", "in-progress")), Done())
    yield Step(SARI, "puts the plan in force", patch(plan, replace("/status", "active")), Done())
    yield from ways.views(
        plan,
        ways.View(veikko, {"CarePlan": 1, "Goal": 2, "Encounter": 1, "Consent": 1}),
        ways.View(SOCIAL_SYSTEM, {"CarePlan": 1, "Goal": 2, "QuestionnaireResponse": 1}),
        ways.View(MENTAL_HEALTH_SYSTEM, {"CarePlan": 1, "Goal": 2, "Encounter": 1}),
        ways.View(NGO_SYSTEM, {}),
    )
    yield Step(
        SARI,
        "has the plan reviewed",
        get(f"{plan}/$review"),
        Reviewed((), ("R0.1", "R0.2", "R0.3", "R0.4", "R0.7", "R3.7"), {"R0.8": "", "R4.4": "6"}),
    )
    yield from ways.sheet(plan, veikko, "fi", ("Veikko Salonen", "Heidi Laakso"))


STOP = Story(
    "stop",
    "STOP-työryhmä: Pekka Turunen",
    "Much help, and none that holds. A group across administrations plans with him, and he decides who is there.",
    "pekka",
    (SOCIAL_SYSTEM, MENTAL_HEALTH_SYSTEM, NGO_SYSTEM),
    (Chapter("Veikko Salonen: how it begins", told), Chapter("Pekka Turunen: how it goes on", pekka.goes_on)),
)
