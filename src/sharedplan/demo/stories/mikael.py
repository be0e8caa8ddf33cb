"""Minun tiimini in its middle: Mikael Lindroos's team works on, he narrows what some of it sees, and Kai stays."""

from datetime import timedelta

from sharedplan.clock import Clock
from sharedplan.demo import world
from sharedplan.demo.stories import records, ways
from sharedplan.demo.stories.cast import (
    HEALTH_SYSTEM,
    JONNA,
    KAI,
    MIKAEL,
    NGO_FOR_JARI,
    NGO_SYSTEM,
    SARI,
    SOCIAL_SYSTEM,
)
from sharedplan.demo.stories.outcomes import Done, Refused, Reviewed
from sharedplan.demo.stories.steps import Step, Steps, add, get, patch, put, replace

MADE = records.of_demo("mikael")
PLAN, TEAM = MADE["CarePlan"][0], MADE["CareTeam"][0]
PERMIT = "Consent/mikael-tyo-ja-jarjesto"
WHOLE = {each: 0 for each in ("CarePlan", "CareTeam", "Goal", "Task", "Encounter", "Consent", "QuestionnaireResponse")}
NARROW = {"CarePlan": 1, "CareTeam": 1, "Task": 0}
NEVER = ("Consent", "Encounter", "QuestionnaireResponse", "Condition")


def goes_on(clock: Clock) -> Steps:
    plan = yield from ways.in_force(PLAN, KAI)
    given = yield from ways.consents(MIKAEL, KAI)
    classes = world.resources()[PERMIT]["provision"]["class"]
    whole = patch(PERMIT, replace("/provision/class", classes))
    if given[PERMIT]["provision"]["class"] != classes:
        yield Step(MIKAEL, ways.BROKEN_OFF, whole, Done())
    why = "Mikael let Jonna and Jari see the plan, the team, the goals and the tasks"
    seen = yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE, why="it is their own client"),
        ways.View(HEALTH_SYSTEM, WHOLE, why="Mikael's consent names the health centre"),
        ways.View(NGO_SYSTEM, {}, why="Mikael let Jari in by name, and not all of the NGO"),
        ways.View(NGO_FOR_JARI, {**NARROW, "Goal": 0}, NEVER, why),
        ways.View(JONNA, {**NARROW, "Goal": 0}, NEVER, why),
    )
    offer = records.task("own-step", MIKAEL, KAI, JONNA, "in-progress", clock.now(), basedOn=[records.to(PLAN)])
    offer |= {"id": "mikael-palkkatuki", "code": {"text": "Neuvottelee pajan kanssa palkkatuesta"}}
    offer |= {"restriction": {"period": {"end": records.day(clock.now(), 30)}}}
    yield Step(SOCIAL_SYSTEM, "sends what Jonna takes on: the talks about subsidised work", put(offer), Done())
    met = records.meeting(MADE, MIKAEL, "professional-meeting", "VR", "finished", clock.now(), KAI, JONNA)
    yield Step(KAI, "talks with her by phone, as Mikael allowed", put({**met, "id": "mikael-puhelu-tanaan"}), Done())
    yield Step(
        KAI,
        "goes on leave today, and Sari would begin a week later",
        patch(
            TEAM,
            add("/participant/0/period/end", records.instant(clock.now())),
            add("/participant/-", records.member("coordinator", SARI, clock.now() + timedelta(days=7))),
        ),
        Refused("R4.1", ("Mikael Lindroos",)),
    )
    fewer = [each for each in classes if each["code"] != "Goal"]
    yield Step(
        MIKAEL,
        "leaves the goals out of what he lets Jonna and Jari see",
        patch(PERMIT, replace("/provision/class", fewer)),
        Done(),
    )
    yield from ways.views(
        PLAN,
        ways.View(SOCIAL_SYSTEM, WHOLE),
        ways.View(HEALTH_SYSTEM, WHOLE),
        ways.View(NGO_FOR_JARI, NARROW, ("Goal", *NEVER), "the goals are hidden from the next request on"),
        ways.View(JONNA, NARROW, ("Goal", *NEVER)),
        before=seen,
    )
    yield Step(MIKAEL, "lets them see the goals again", whole, Done())
    yield Step(
        KAI,
        "has the plan reviewed",
        get(f"{PLAN}/$review"),
        Reviewed(
            (),
            ("R0.1", "R1.1", "R4.1", "R4.3"),
            {"R4.1": "Kai Nieminen", "R4.2": "", "R4.9": "Jonna Aalto", "R1.2": ""},
        ),
    )
    yield from ways.closing(plan, KAI, "R0.10", "R1.5")
    yield from ways.log(MIKAEL, "Kai Nieminen")
