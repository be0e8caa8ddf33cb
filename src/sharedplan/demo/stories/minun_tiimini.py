"""Minun tiimini: the client in the centre, employment services on the team, and always exactly one own worker."""

from datetime import timedelta

from sharedplan.care import codes
from sharedplan.clock import Clock
from sharedplan.demo.stories import cast, mikael, records, ways
from sharedplan.demo.stories.cast import (
    HEALTH_SYSTEM,
    JARI,
    JONNA,
    KAI,
    MINNA,
    NGO_FOR_JARI,
    NIKO,
    OLLI,
    SARI,
    SOCIAL_SYSTEM,
)
from sharedplan.demo.stories.outcomes import Done, Hidden, Refused, Reviewed
from sharedplan.demo.stories.steps import Chapter, Step, Steps, Story, add, get, patch, post, replace

IDENTITY_CODE = "110696-952D"
"""A personal identity code of the series for tests."""


def told(clock: Clock) -> Steps:
    start = clock.now() - timedelta(days=4)
    asking = {
        "resourceType": "Communication",
        "status": "completed",
        "sender": KAI.reference,
        "recipient": [NIKO.reference],
        "payload": [{"contentString": f"Miten auttaisin nuorta miestä ({IDENTITY_CODE}), joka ei uskalla ryhmään?"}],
    }
    yield Step(KAI, "asks the nurse for advice, and tells too much", post(asking), Refused("R4.8"))
    asking["payload"] = [{"contentString": "Miten auttaisin nuorta miestä, joka ei uskalla ryhmään?"}]
    question = yield Step(KAI, "asks without saying who it is", post(asking), Done())
    yield Step(NIKO, "reads it, in the register of another organisation", get(question.name), Done())
    yield Step(OLLI, "is not asked, and finds nothing", get(question.name), Hidden(why="it asks somebody else"))
    joonas = yield from ways.known(SOCIAL_SYSTEM, "Joonas", "Heino", "1996-06-11")
    request = records.referral("minun-tiimini", joonas, JONNA, start, "Työttömänä kolme vuotta.", "cooperation-tried")
    yield from ways.referred(SOCIAL_SYSTEM, request, joonas, SARI, start)
    made = yield from ways.started("minun-tiimini", joonas, SARI, start)
    (plan,), (team,), (consent,), tasks = made["CarePlan"], made["CareTeam"], made["Consent"], made["Task"]
    tier = {"system": codes.ASSESSMENT_TIER, "code": "multidisciplinary"}
    stated = add("/extension", [{"url": codes.TIER, "valueCode": "multidisciplinary"}])
    yield Step(
        SARI, "states how deep the assessment goes", patch(tasks[0], add("/code/coding/-", tier), stated), Done()
    )
    people = (1, "social-worker", KAI), (2, "nurse", NIKO), (3, "employment", JONNA), (4, "ngo", JARI)
    yield Step(SARI, "proposes the team", patch(team, *records.crew(people, clock.now())), Done())
    yield Step(NIKO, "looks into the plan before Joonas said yes", get(plan), Hidden(why="a team needs his consent"))
    named = records.recipients(SARI, KAI, NIKO, JARI, HEALTH_SYSTEM)
    yield Step(
        joonas,
        "consents to three of them by name, and to the record system of the health centre",
        patch(
            consent,
            *records.given(clock.now(), "Annettu asiointipalvelussa", named),
        ),
        Done(),
    )
    apart = records.permit(joonas, clock.now(), "Lupa työllisyyspalveluille, annettu asiointipalvelussa", (JONNA,))
    jonnas = yield Step(joonas, "gives Jonna of the employment services a permit of her own", post(apart), Done())
    yield Step(SARI, "calls the team together", patch(team, replace("/status", "active")), Done())
    met = records.meeting(made, joonas, "client-meeting", "AMB", "finished", clock.now(), SARI, JONNA)
    yield Step(SARI, "meets him, with Jonna", post(met), Done())
    yield Step(joonas, "agrees to what he wants to reach", patch(made["Goal"][0], records.agreed()), Done())
    yield Step(SARI, "puts the plan in force", patch(plan, replace("/status", "active")), Done(_LEFT))
    yield from ways.views(
        plan,
        ways.View(joonas, {"CarePlan": 1, "Goal": 2, "Consent": 2}),
        ways.View(SOCIAL_SYSTEM, {"CarePlan": 1, "Goal": 2, "Encounter": 1}),
        ways.View(HEALTH_SYSTEM, {"CarePlan": 1, "Goal": 2, "Encounter": 1}),
        ways.View(NGO_FOR_JARI, {"CarePlan": 1, "CareTeam": 1}, ("Goal", "Consent")),
        ways.View(JONNA, {"CarePlan": 1, "CareTeam": 1}, ("Goal", "Consent")),
    )
    now, later = clock.now(), clock.now() + timedelta(days=7)
    ends = add("/participant/0/period/end", records.instant(now))
    yield Step(
        SARI,
        "hands over to Minna, who begins a week later",
        patch(team, ends, add("/participant/-", records.member("coordinator", MINNA, later))),
        Refused("R4.1", ("Joonas Heino",)),
    )
    yield Step(
        SARI,
        "hands over to Minna at the very instant",
        patch(team, ends, add("/participant/-", records.member("coordinator", MINNA, now))),
        Done(),
    )
    manager = replace("/careManager", MINNA.reference)
    yield Step(MINNA, "is his own worker now", patch(made["EpisodeOfCare"][0], manager), Done())
    yield Step(joonas, "takes that permit back", patch(jonnas.name, replace("/status", "inactive")), Done())
    yield Step(JONNA, "reads the plan once more", get(plan), Hidden(why="that permit is taken back"))
    yield from ways.emergency(
        joonas, cast.for_purpose(OLLI, "BTG"), OLLI, plan, "Tajuton asemalla, lääkitys ei tiedossa", MINNA
    )
    yield Step(
        MINNA,
        "has the plan reviewed",
        get(f"{plan}/$review"),
        Reviewed(("R1.1",), ("R0.1", "R4.1", "R4.3"), {"R4.4": "4", "R4.9": ""}),
    )
    yield from ways.log(joonas, "Olli Rantala")
    yield from ways.measured("contact-to-first-meeting", SOCIAL_SYSTEM, clock.now())


_LEFT = ("R0.6", "R0.9", "R3.6", "R3.7")
"""What is still to be done when the plan comes into force."""

MINUN_TIIMINI = Story(
    "minun-tiimini",
    "Minun tiimini: Mikael Lindroos",
    "He is in the centre of his team, with employment services and an NGO on it. There is one own worker at every "
    "instant; what he takes back is closed at the next request; an emergency opens the core, and he sees who did it.",
    "mikael",
    (SOCIAL_SYSTEM, HEALTH_SYSTEM, NGO_FOR_JARI),
    (Chapter("Joonas Heino: how it begins", told), Chapter("Mikael Lindroos: how it goes on", mikael.goes_on)),
)
