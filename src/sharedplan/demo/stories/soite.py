"""Soite: a young client and the family; three phases on the clock; nobody is bounced, and a disagreement is kept."""

from datetime import timedelta

from sharedplan.care import codes
from sharedplan.clock import Clock
from sharedplan.demo.stories import cast, eetu, records, ways
from sharedplan.demo.stories.cast import FAMILY_SYSTEM, HEIDI, JOHANNA, LAURA, MENTAL_HEALTH_SYSTEM, NGO_SYSTEM
from sharedplan.demo.stories.outcomes import Done, Holds, Refused, Reviewed
from sharedplan.demo.stories.steps import Chapter, Step, Steps, Story, add, get, patch, post, replace


def told(clock: Clock) -> Steps:
    start = clock.now() - timedelta(days=30)
    born = clock.now() - timedelta(days=11 * 365 + 100)
    onni = yield from ways.known(FAMILY_SYSTEM, "Onni", "Laine", records.day(born))
    mother = records.kin(onni, "Katja Laine", "MTH", "GUARD", since=records.day(born))
    told = yield Step(FAMILY_SYSTEM, "writes down his mother, who has custody", post(mother), Done())
    katja = cast.relative("Katja Laine", told.name, "his mother")
    request = records.referral(
        "soite",
        onni,
        LAURA,
        start,
        "Poissaoloja koulusta ja valvottuja öitä.",
        "cooperation-tried",
        "help-not-received",
    )
    referral = yield from ways.referred(FAMILY_SYSTEM, request, onni, JOHANNA, start)
    made = yield from ways.started("soite", onni, JOHANNA, start)
    (plan,), (team,), (consent,), tasks = made["CarePlan"], made["CareTeam"], made["Consent"], made["Task"]
    basis = records.concept(codes.LEGAL_BASIS, "shl-36-special-support")
    late = Done(("R3.1",))
    yield Step(JOHANNA, "states by what law his need is assessed", patch(tasks[0], add("/reasonCode", basis)), late)
    yield Step(JOHANNA, "looks by when that has to be done", get(tasks[0]), ways.CLOCKED)
    people = (
        (1, "social-worker", JOHANNA),
        (2, "mental-health", HEIDI),
        (4, "school", LAURA),
    )
    yield Step(JOHANNA, "proposes the team", patch(team, *records.crew(people, clock.now())), Done())
    named = records.recipients(JOHANNA, HEIDI, LAURA, MENTAL_HEALTH_SYSTEM)
    yield Step(
        katja,
        "consents for Onni, who is eleven, to health care and school",
        patch(
            consent,
            replace("/performer", [katja.reference]),
            *records.given(clock.now(), "Huoltajan suostumus", named),
        ),
        Done(),
    )
    yield Step(JOHANNA, "calls the team together", patch(team, replace("/status", "active")), Done())
    met = records.meeting(made, onni, "network-meeting", "AMB", "finished", clock.now(), JOHANNA, HEIDI, LAURA, katja)
    yield Step(
        JOHANNA, "holds the network meeting; his mother came along", post(met), Refused("R0.1", ("Katja Laine",))
    )
    why = {"url": codes.DEVIATION, "valueString": "Onni pyysi äitinsä mukaan ovelta."}
    yield Step(JOHANNA, "records why she was there", post({**met, "extension": [why]}), Done(("R0.1",)))
    wish = records.goal(onni, JOHANNA, "Onni jättää pelaamisen kello 21.", "disagree", "Pelaaminen jatkuu aamuun.")
    against = yield Step(JOHANNA, "writes down a goal of hers that Onni does not share", post(wish), Done())
    mine = add(
        "/note/-", {"authorReference": onni.reference, "text": "Pelaan, kun en saa unta. Koulussa on pelottavaa."}
    )
    yield Step(onni, "adds how he sees it", patch(against.name, mine), Done())
    yield Step(
        JOHANNA,
        "accepts the goal all the same",
        patch(against.name, replace("/lifecycleStatus", "accepted")),
        Refused("R0.4", ("Onni Laine",)),
    )
    yield Step(onni, "agrees to the goal about school", patch(made["Goal"][1], records.agreed()), Done())
    both = add("/goal/-", records.to(against.name))
    yield Step(
        JOHANNA,
        "puts the plan in force, with both views in it",
        patch(plan, replace("/status", "active"), both),
        Done(_LEFT),
    )
    first = records.to(referral)
    onward = records.task("referral", onni, JOHANNA, LAURA, "requested", clock.now(), focus=first)
    sent = yield Step(JOHANNA, "hands him on to Laura at school", post(onward), Done())
    found = yield Step(
        JOHANNA,
        "looks who holds him",
        get(f"Task?patient={onni.person}&code=referral&status=accepted"),
        Holds(
            "Johanna holds him",
            lambda answer: [each["owner"]["reference"] for each in answer.resources] == [JOHANNA.person],
            lambda answer: [f"{each['owner']['display']} ({each['status']})" for each in answer.resources],
        ),
    )
    mine_ = f"Task/{found.resources[0]['id']}"
    done = replace("/status", "completed")
    yield Step(JOHANNA, "is done with him", patch(mine_, done), Refused("R3.9", ("Johanna Määttä", "Onni Laine")))
    no = add("/statusReason", {"text": "Ei kuulu meille"})
    yield Step(LAURA, "declines: not theirs", patch(sent.name, replace("/status", "rejected"), no), Done())
    onward = records.task("referral", onni, JOHANNA, HEIDI, "requested", clock.now(), focus=first)
    sent = yield Step(JOHANNA, "hands him on to Heidi", post(onward), Done())
    yield Step(HEIDI, "takes hold of him", patch(sent.name, replace("/status", "accepted")), Done())
    yield Step(JOHANNA, "is done with him now", patch(mine_, done), Done())
    yield Step(
        JOHANNA,
        "ends the first phase",
        patch(tasks[2], replace("/status", "completed"), ways.executed(start, clock.now())),
        Done(),
    )
    yield Step(
        JOHANNA,
        "has the plan reviewed",
        get(f"{plan}/$review"),
        Reviewed(("R0.6",), ("R3.4", "R3.17", "R0.3"), {"R3.9": "1", "R3.17": "Onni Laine", "R3.3": ""}),
    )
    asked = ways.whether(str(MENTAL_HEALTH_SYSTEM.organization), "CarePlan")
    yield Step(
        JOHANNA,
        "asks whether the mental health services' system may see the plan, and why",
        post(asked, f"{onni.person}/$access-decision"),
        ways.decided("permit"),
    )
    yield from ways.views(
        plan,
        ways.View(onni, {"CarePlan": 1, "Goal": 3}),
        ways.View(katja, {"CarePlan": 1}),
        ways.View(FAMILY_SYSTEM, {"CarePlan": 1, "Goal": 3}),
        ways.View(MENTAL_HEALTH_SYSTEM, {"CarePlan": 1, "Goal": 3}),
        ways.View(LAURA, {"CarePlan": 1, "Goal": 3}),
        ways.View(NGO_SYSTEM, {}),
    )
    yield from ways.measured("assessment-in-time", FAMILY_SYSTEM, clock.now())


_LEFT = ("R0.1", "R0.5", "R0.6", "R0.9", "R3.1")
"""What is still to be done when the plan comes into force."""

SOITE = Story(
    "soite",
    "Soite: Eetu Rautio",
    "A young client: his mother consents while he is a child, he himself when he is old enough. Social care, school "
    "and mental health services; three phases on the clock. Whoever holds him holds him until the next one has said "
    "yes, and his no is kept beside.",
    "eetu",
    (FAMILY_SYSTEM, MENTAL_HEALTH_SYSTEM, NGO_SYSTEM),
    (Chapter("Onni Laine: how it begins", told), Chapter("Eetu Rautio: how it goes on", eetu.goes_on)),
)
