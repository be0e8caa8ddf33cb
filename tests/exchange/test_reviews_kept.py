"""Reviews that are kept once for all who see the same: whoever asks, and whoever asked before, each is told what a
service that kept nothing would tell him."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from builders import a_concept, a_patient, a_reference, an_encounter
from exchange.asking import Ask, asking, resource_in
from exchange.cast import person, system
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.care import codes
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation
from sharedplan.clock import FixedClock
from sharedplan.demo import world
from sharedplan.errors import SharedplanError
from sharedplan.exchange.reviews import SIGHTS, OfPlan, Reviewed
from sharedplan.interactions.reader import Read
from sharedplan.interactions.walk import Leg, Walk
from sharedplan.search.expression import HasId
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.store.together import Row
from sharedplan.store.unit_of_work import Store, Unit
from sharedplan.store.versions import Version

SOCIAL = system(world.SOCIAL)
ASKERS = {
    "the system": SOCIAL,
    "another system of the register": replace(SOCIAL, client_id="another"),
    "the system of the health station": system(world.HEALTH),
    "the coordinator": person("Practitioner/sari", world.SOCIAL),
    "a member of another organisation": person("Practitioner/niko", world.HEALTH),
    "a member with a narrow view": person("Practitioner/jari", "Organization/kantapoyta"),
    "a relative": person("RelatedPerson/leena", None),
    "the client": person("Patient/aino", None),
    "an outsider": person("Practitioner/antti", "Organization/mielenterveys-ja-paihdepalvelut"),
    "another client": person("Patient/pekka", None),
}
ASKERS["the coordinator by a narrow token"] = replace(
    ASKERS["the coordinator"], scopes=parse("user/CarePlan.rs user/CareTeam.rs user/Practitioner.rs user/Task.rs")
)


async def told(ask: Ask, by: Principal, plan: str = "aino", at: datetime | None = None) -> str:
    """The text of the review at that time, or of the refusal."""
    clock = FixedClock(at) if at is not None else None
    try:
        answer = await ask("operation", f"CarePlan/{plan}?_language=fi", by=by, operation="review", clock=clock)
    except SharedplanError as failure:
        return repr(failure)
    return str(answer.content)


async def changed(ask: Ask, thing: str, **elements: Any) -> None:
    resource = resource_in(await ask("read", thing, by=SOCIAL))
    await ask("update", thing, {**resource, **elements}, by=SOCIAL)


async def test_each_is_told_what_a_service_that_kept_nothing_tells_him(demo: Ask, guarded: Store) -> None:
    """At his first time, again, and after changes: to the letter, in whatever order they ask."""
    draw, one, other = Random(5), asking(Store(guarded.pool)), asking(Store(guarded.pool))

    async def same(*names: str) -> dict[str, str]:
        truth = {name: await told(asking(Store(guarded.pool)), ASKERS[name]) for name in names}
        for ask in (one, other):
            for name in draw.sample(names, len(names)):
                assert await told(ask, ASKERS[name]) == truth[name], name
        return truth

    for name in ASKERS:  # who has been there is told
        await told(demo, ASKERS[name])
    first = await same(*ASKERS)
    assert first["an outsider"] == first["another client"] and "NotFound" in first["an outsider"]
    assert len({*first.values()}) >= 5, "they do not see the same"
    assert await same("the client", "a member with a narrow view") == {
        name: first[name] for name in ("the client", "a member with a narrow view")
    }
    meeting = an_encounter(
        "Patient/aino",
        id="no-show",
        status="cancelled",
        type=[a_concept(codes.ENCOUNTER_TYPE, "client-meeting")],
        episodeOfCare=[a_reference("EpisodeOfCare/aino")],
    )
    await demo("update", "Encounter/no-show", meeting, by=SOCIAL)
    assert (await same(*ASKERS))["the system"] != first["the system"]
    await demo("delete", "Encounter/no-show", by=SOCIAL)
    assert (await same(*ASKERS))["the system"] == first["the system"]
    await changed(demo, "Consent/aino-jari", status="inactive")
    withdrawn = await same(*ASKERS)
    assert "NotFound" in withdrawn["a member with a narrow view"]
    ban = {"meta": {"security": [{"system": SAFETY_BAN, "code": "1"}]}}
    await changed(demo, "Patient/aino", address=[{"city": "Hanko"}], **ban)
    await same(*ASKERS)


async def test_who_sees_the_very_same_is_not_read_it_again(
    demo: Ask, guarded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    rows = Unit.rows

    async def counted(unit: Unit, *given: Any, **more: Any) -> Any:
        found = await rows(unit, *given, **more)
        read.append(sum(each.version.content is not None for each in found[0]))
        return found

    monkeypatch.setattr(Unit, "rows", counted)
    ask = asking(Store(guarded.pool))
    await told(ask, ASKERS["the system"])
    assert sum(read) > 20
    read.clear()
    await told(ask, ASKERS["another system of the register"])
    assert not read
    await changed(demo, "Task/aino-tarkistus", description="Soita")
    await told(ask, ASKERS["another system of the register"])
    await told(ask, ASKERS["the system"])
    assert not read, "what has changed came with the question whether it had"
    await told(ask, ASKERS["a member with a narrow view"])
    assert read and not sum(read), "he sees less, and all of that is known"


async def test_whose_term_ends_is_judged_by_the_consents_of_then(demo: Ask, guarded: Store) -> None:
    """Nothing changes but the time: who coordinates needs no acceptance, and once he does not, the permit counts that
    stood when he was at the meeting, though the client has narrowed it since."""
    permit = resource_in(await demo("read", "Consent/aino-jari", by=SOCIAL))
    (actor,) = permit["provision"]["actor"]
    at_large = {**actor, "reference": a_reference("Organization/kantapoyta")}
    await changed(demo, "Consent/aino-jari", provision={**permit["provision"], "actor": [at_large]})
    today = datetime.now(UTC)
    ends = today + timedelta(days=1)
    sari, *others, jari = resource_in(await demo("read", "CareTeam/aino", by=SOCIAL))["participant"]
    terms = [
        {**sari, "period": {**sari["period"], "end": "2026-06-01T00:00:00Z"}},
        {**jari, "role": sari["role"], "period": {"start": "2026-06-01T00:00:00Z", "end": ends.isoformat()}},
        {**sari, "period": {"start": ends.isoformat()}},
    ]
    await changed(demo, "CareTeam/aino", participant=[*terms, *others, jari])
    ask = asking(Store(guarded.pool))
    await told(ask, SOCIAL, at=today)
    later = await told(ask, SOCIAL, at=ends + timedelta(days=1))
    assert later == await told(asking(Store(guarded.pool)), SOCIAL, at=ends + timedelta(days=1))
    assert "Jari Mäkinen on merkitty tapaamiseen 5.2.2026" not in later


async def test_an_outsider_finds_nothing_whether_somebody_has_asked_or_not(
    demo: Ask, guarded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the time that it takes tells him: nothing but the plan is asked for."""
    asked: list[object] = []
    since = Unit.since

    async def counted(unit: Unit, *given: Any) -> Any:
        asked.append(given)
        return await since(unit, *given)

    monkeypatch.setattr(Unit, "since", counted)
    ask, other = asking(Store(guarded.pool)), asking(Store(guarded.pool))
    await told(ask, SOCIAL)
    assert await told(ask, ASKERS["an outsider"]) == await told(other, ASKERS["an outsider"])
    assert not asked
    await told(ask, ASKERS["the system of the health station"])
    assert asked


# What is kept of one plan


AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
PARTS = (("Patient", HasId(("1",))),)


def a_review(number: int, parts: Any = PARTS) -> Reviewed:
    """Of the client's version of that number."""
    version = Version("Patient", "1", number, AT, "update", None)
    read = Read(a_patient(id="1"), 100, (), ())
    walk = Walk((Leg(parts, 0, (Row(0, version, False),)),), {("Patient", "1", number, False): read}, 1, ())
    return Reviewed(walk, View(Situation(AT, {"Patient/1": read.resource}, "Patient/1"), None))


def test_what_was_seen_under_a_mark_is_found_else_the_newest() -> None:
    kept, one, other = OfPlan(), a_review(1), a_review(2)
    assert kept.of(None) is None and kept.same(PARTS, one.walk.mark) is None
    kept.put(one, None)
    kept.put(other, None)
    assert kept.of(one.walk.mark) is one and kept.of("?") is other and kept.of(None) is other
    assert kept.same(PARTS, one.walk.mark) is one
    assert kept.same((("Patient", HasId(("2",))),), one.walk.mark) is None


def test_what_has_changed_takes_the_place_of_what_was() -> None:
    kept, was, now = OfPlan(), a_review(1), a_review(2)
    kept.put(was, None)
    kept.put(now, was)
    assert kept.of(was.walk.mark) is now


def test_the_sights_of_a_plan_are_few_and_what_several_see_weighs_once() -> None:
    kept = OfPlan()
    for number in range(3 * SIGHTS):
        kept.put(a_review(number), None)
    assert kept.same(PARTS, a_review(0).walk.mark) is None
    assert kept.weight == 2 * SIGHTS
    kept = OfPlan()
    kept.put(a_review(1), None)
    kept.put(a_review(1), None)
    assert kept.weight == 2, "the very same is kept once"


def test_only_organizations_that_nothing_else_names_were_asked_for() -> None:
    found = replace(a_review(1), organizations=frozenset({"Organization/1"}))
    assert found.names(frozenset({"Organization/1", "Patient/1"}))
    assert not found.names(frozenset()) and not found.names(frozenset({"Organization/1", "Organization/2"}))
