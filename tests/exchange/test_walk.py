"""The walk from a client's resources to what they name, taken again after something has changed."""

import json
from datetime import UTC, datetime

import pytest

from builders import a_reference, an_encounter
from exchange.asking import BASE, Ask, a_bundle, resource_in
from exchange.cast import person, put, system
from exchange.test_gathering import slices
from sharedplan.access.principal import Principal
from sharedplan.care.situation import Situation
from sharedplan.demo import world
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.gathering import LIMIT, gathered_whole
from sharedplan.interactions.walk import Astray, Walk, Walker
from sharedplan.search.masking import SAFETY_BAN
from sharedplan.store.unit_of_work import Store

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOCIAL, NIKO = system(world.SOCIAL), person("Practitioner/niko", world.HEALTH)
CLIENT = "Patient/aino"


async def walked(
    store: Store, before: Walk | None = None, by: Principal = SOCIAL, *, may_ask: bool = True
) -> tuple[Situation, Walk]:
    """What is found, and how; what the walk before found is not asked for again."""
    unit = store.begin()
    unit.asked_by(by.person, by.organization)
    async with unit, unit.snapshot():
        walker = Walker(BASE, before or Walk(), unit if may_ask else None)
        reader, within = walker.reader, slices(by)
        found = await gathered_whole(
            CLIENT, walker, within=within, at=AT, plan="CarePlan/aino", base=BASE, reader=reader
        )
        walker.has_gathered()
        return found.situation, walker.walk


async def since(store: Store, before: Walk, by: Principal = SOCIAL) -> Walk | None:
    """The walk with what was written since."""
    unit = store.begin()
    unit.asked_by(by.person, by.organization)
    async with unit:
        query = before.question(within=slices(by), limit=LIMIT)
        return before.since(*await unit.since(before.parts, query, before.newest))


async def anew(store: Store, before: Walk, by: Principal = SOCIAL) -> Walk:
    unit = store.begin()
    unit.asked_by(by.person, by.organization)
    async with unit, unit.snapshot():
        return await before.anew(unit, within=slices(by), limit=LIMIT)


async def changed(ask: Ask, thing: str, **elements: object) -> None:
    resource = resource_in(await ask("read", thing, by=SOCIAL))
    await ask("update", thing, {**resource, **elements}, by=SOCIAL)


def told(situation: Situation) -> list[tuple[str, Json, str | None]]:
    """Everything in its order."""
    return [(name, each, situation.registers[name]) for name, each in situation.resources.items()]


async def test_while_nothing_changes_it_is_the_same(demo: Ask, guarded: Store) -> None:
    for by in (SOCIAL, NIKO):
        _, walk = await walked(guarded, by=by)
        assert await since(guarded, walk, by) is walk


async def test_what_has_changed_comes_with_the_question_whether_it_has(demo: Ask, guarded: Store) -> None:
    first, walk = await walked(guarded)
    await changed(demo, "Patient/aino", name=[{"text": "Aino Uusinimi"}])
    now = await since(guarded, walk)
    assert now is not None
    straight = Walker(BASE, now, None).straight(first, AT)
    again, taken = await walked(guarded, now, may_ask=False)
    anew, _ = await walked(guarded)
    assert straight is not None and told(straight) == told(again) == told(anew) != told(first)
    assert await since(guarded, taken) is taken
    assert all(each.version.content is None for each in taken.rows)


async def test_what_is_new_and_names_nothing_new_is_found_without_asking_again(demo: Ask, guarded: Store) -> None:
    first, walk = await walked(guarded)
    meeting = an_encounter(CLIENT, id="new", episodeOfCare=[a_reference("EpisodeOfCare/aino")])
    await demo("update", "Encounter/new", meeting, by=SOCIAL)
    now = await since(guarded, walk)
    assert now is not None and Walker(BASE, now, None).straight(first, AT) is None
    again, _ = await walked(guarded, now, may_ask=False)
    assert "Encounter/new" in again.resources and told(again) == told((await walked(guarded))[0])


async def test_what_names_something_new_leads_astray(demo: Ask, guarded: Store) -> None:
    _, walk = await walked(guarded)
    stranger = {"individual": a_reference("Practitioner/tuomas")}
    meeting = an_encounter(CLIENT, id="new", participant=[stranger])
    await demo("transaction", "", a_bundle("transaction", put(meeting)), by=SOCIAL)
    now = await since(guarded, walk)
    assert now is not None
    with pytest.raises(Astray):
        await walked(guarded, now, may_ask=False)
    again, _ = await walked(guarded, now)
    assert "Practitioner/tuomas" in again.resources and told(again) == told((await walked(guarded))[0])


async def test_what_has_gone_or_has_come_into_sight_is_told_by_the_mark(demo: Ask, guarded: Store) -> None:
    gone = "Encounter/gone"
    await demo("update", gone, an_encounter(CLIENT, id="gone"), by=SOCIAL)
    first, walk = await walked(guarded)
    await demo("delete", gone, by=SOCIAL)
    assert await since(guarded, walk) is None
    now = await anew(guarded, walk)
    assert not [each for each in now.rows if each.version.content is not None], "all of it is known"
    again, taken = await walked(guarded, now, may_ask=False)
    assert gone in first.resources and gone not in again.resources and told(again) == told((await walked(guarded))[0])
    assert await since(guarded, taken) is taken


async def test_what_a_ban_hides_is_not_mixed_with_what_was_seen_before(demo: Ask, guarded: Store) -> None:
    await changed(demo, CLIENT, address=[{"city": "Hanko"}])
    seen, walk = await walked(guarded, by=NIKO)
    assert "Hanko" in json.dumps(seen.resources[CLIENT])
    ban = [{"system": SAFETY_BAN, "code": "1"}]
    await changed(demo, CLIENT, address=[{"city": "Hanko"}], meta={"security": ban})
    assert await since(guarded, walk, NIKO) is None, "of others than the Patient something is hidden now, too"
    now = await anew(guarded, walk, NIKO)
    again, taken = await walked(guarded, now, NIKO)
    assert "Hanko" not in json.dumps(dict(again.resources)) and "Hanko" in json.dumps(
        dict((await walked(guarded))[0].resources)
    )
    assert told(again) == told((await walked(guarded, by=NIKO))[0])
    assert await since(guarded, taken, NIKO) is taken


async def test_more_than_is_looked_at_is_not_told_by_parts(demo: Ask, guarded: Store) -> None:
    _, walk = await walked(guarded)
    unit = guarded.begin()
    unit.asked_by(SOCIAL.person, SOCIAL.organization)
    async with unit, unit.snapshot():
        assert await walk.anew(unit, within=slices(SOCIAL), limit=3) == Walk()
        assert await Walk().anew(unit, within=slices(SOCIAL), limit=LIMIT) == Walk()
