"""The pages of a search show one moment, whatever is written between them: each match of it once, in order, as it was.

What the moment held is told by the versions in the truth, and its order by the resources themselves.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import json_text
from sharedplan.search.expression import Everything, Expression, InCompartment
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.parse import parse
from sharedplan.search.values.date import EARLIEST, LATEST, span
from sharedplan.store.searches import Place, Search, SortKey
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Found, Version
from store.changes import ALL, a_change, a_deletion, written

Json = dict[str, Any]

FAMILIES = ("Aalto", "aalto", "Ääri", "Åkerman", "Zacher", "Öst", "Aho-Aalto", "van der Aa")
DAYS = ("2024", "2024-05", "2024-05-01", "2023-12-31", "2024-05-01T10:00:00Z")


def a_random_patient(dice: random.Random) -> Json:
    names = [{"family": dice.choice(FAMILIES)} for _ in range(dice.randrange(3))]
    doctors = [{"reference": f"Practitioner/{dice.randrange(4)}"} for _ in range(dice.randrange(3))]
    made: Json = {"resourceType": "Patient"}
    if names:
        made["name"] = names
    if doctors:
        made["generalPractitioner"] = doctors
    if dice.random() < 0.7:
        made["birthDate"] = dice.choice(DAYS[:4])
    if dice.random() < 0.7:
        made["gender"] = dice.choice(("female", "male", "other"))
    if dice.random() < 0.7:
        made["managingOrganization"] = {"reference": f"Organization/{dice.randrange(3)}"}
    return made


def a_random_observation(dice: random.Random) -> Json:
    made: Json = {
        "resourceType": "Observation",
        "status": dice.choice(("final", "preliminary")),
        "code": {"coding": [{"system": "urn:x", "code": dice.choice("abc")}]},
        "subject": {"reference": f"Patient/{dice.choice(('anna', 'anna', 'bertil'))}"},
    }
    match dice.randrange(4):
        case 0:
            made["effectiveDateTime"] = dice.choice(DAYS)
        case 1:
            made["effectivePeriod"] = {"start": dice.choice(DAYS)}
        case 2:
            made["effectivePeriod"] = {"end": dice.choice(DAYS)}
    if dice.random() < 0.7:
        made["valueQuantity"] = {"value": dice.choice((-3, 0, 1.5, 2, 10, 1000))}
    return made


MAKERS: dict[str, Callable[[random.Random], Json]] = {
    "Patient": a_random_patient,
    "Observation": a_random_observation,
}


def of_observation_date(resource: Json) -> tuple[datetime | None, datetime | None]:
    if "effectiveDateTime" in resource:
        return span(resource["effectiveDateTime"])
    period = resource.get("effectivePeriod")
    if not period:
        return None, None
    return (
        span(period["start"])[0] if "start" in period else EARLIEST,
        span(period["end"])[1] if "end" in period else LATEST,
    )


def letters(text: str) -> str:
    return text.lower().translate(str.maketrans("åäö", "{|}"))


def both(values: list[Any]) -> tuple[Any, Any]:
    """The least and the greatest."""
    return (min(values), max(values)) if values else (None, None)


def ends(type: str, code: str, version: Version) -> tuple[Any, Any]:
    """What a resource is sorted by in rising and in falling order."""
    resource = json_text.read(str(version.content))
    match type, code:
        case _, "_id":
            return both([version.id])
        case _, "_lastUpdated":
            return both([version.last_updated])
        case "Patient", "family":
            return both([letters(each["family"]) for each in resource.get("name", ())])
        case "Patient", "birthdate":
            return span(resource["birthDate"]) if "birthDate" in resource else (None, None)
        case "Patient", "gender":
            return both([resource["gender"]] if "gender" in resource else [])
        case "Patient", "organization":
            given = resource.get("managingOrganization")
            return both([given["reference"]] if given else [])
        case "Patient", "general-practitioner":
            return both([each["reference"] for each in resource.get("generalPractitioner", ())])
        case "Observation", "date":
            return of_observation_date(resource)
        case "Observation", "code":
            return both([each["code"] for each in resource["code"]["coding"]])
        case "Observation", "value-quantity":
            return both([resource["valueQuantity"]["value"]] if "valueQuantity" in resource else [])
    raise AssertionError(code)


SORTED_BY = {
    "Patient": ("_id", "_lastUpdated", "family", "birthdate", "gender", "organization", "general-practitioner"),
    "Observation": ("_id", "_lastUpdated", "date", "code", "value-quantity"),
}
QUESTIONS = {
    "Patient": ("", "gender=female", "gender:not=female", "family=aa", "birthdate:missing=false"),
    "Observation": ("", "status=final", "value-quantity=gt0", "date=ge2024", "patient=Patient/anna"),
}


def in_order(search: Search, found: list[Version]) -> list[Version]:
    """The versions in the order that the search asks for, by its keys from the last to the first."""
    (type,) = search.wheres
    is_falling = len(search.sort) == 1 and search.sort[0].is_descending
    ordered = sorted(found, key=lambda each: each.id, reverse=is_falling)
    for key in reversed(search.sort):
        of = {each.id: ends(type, key.parameter.code, each)[key.is_descending] for each in found}
        having = [each for each in ordered if of[each.id] is not None]
        having.sort(key=lambda each: of[each.id], reverse=key.is_descending)
        ordered = having + [each for each in ordered if of[each.id] is None]
    return ordered


async def held_at(store: Store, type: str, moment: datetime) -> list[Version]:
    """What was there at the moment, by the versions that are kept."""
    async with store.begin() as unit:
        history = await unit.history(within={type: ALL}, type=type, count=100_000)
    newest: dict[str, Version] = {}
    for version in history.versions:
        if version.last_updated <= moment:
            newest.setdefault(version.id, version)
    return [each for each in newest.values() if not each.is_deleted]


def is_match(where: Expression, version: Version) -> bool:
    values = index_values(version.type, json_text.read(str(version.content)))
    return matches(where, version.type, version.id, values, last_updated=version.last_updated)


class Writer:
    """Creates, changes and deletes resources of one type at random."""

    def __init__(self, store: Store, type: str, dice: random.Random, prefix: str = "r") -> None:
        self._store, self._type, self._dice, self._prefix = store, type, dice, prefix
        self._versions: dict[str, tuple[int, bool]] = {}  # id → (version, whether it is there)

    async def create(self, count: int) -> None:
        made = []
        for _ in range(count):
            id = f"{self._prefix}{len(self._versions)}"
            self._versions[id] = (1, True)
            made.append(a_change(MAKERS[self._type](self._dice), id=id))
        await written(self._store, *made)

    async def do_something(self, *, deletes: bool = True) -> None:
        """One unit of work of one to three changes."""
        if self._dice.random() < 0.25:
            return await self.create(self._dice.randrange(1, 4))
        changes = []
        for id in self._dice.sample(sorted(self._versions), min(self._dice.randrange(1, 4), len(self._versions))):
            version, is_there = self._versions[id]
            if is_there and deletes and self._dice.random() < 0.3:
                changes.append(a_deletion(self._type, id, version=version + 1))
            else:
                changes.append(a_change(MAKERS[self._type](self._dice), id=id, version=version + 1))
            self._versions[id] = (version + 1, changes[-1].interaction != "delete")
        await written(self._store, *changes)
        return None


def a_random_search(type: str, dice: random.Random, seen: Mapping[str, Expression]) -> Search:
    pairs = [tuple(each.split("=", 1)) for each in [dice.choice(QUESTIONS[type])] if each]
    codes = dice.sample(SORTED_BY[type], dice.randrange(4))
    sort = tuple(SortKey(PARAMETERS[type][code], dice.random() < 0.5) for code in codes)
    where = parse(type, pairs).where  # type: ignore[arg-type]
    return Search({type: where}, seen, dice.randrange(1, 8), "accurate", sort)


async def page(store: Store, search: Search, place: Place | None = None) -> Found:
    async with store.begin() as unit:
        return await unit.search(replace(search, place=place))


def identities(versions: list[Version]) -> list[tuple[str, int, str | None]]:
    return [(each.id, each.version, each.content) for each in versions]


EVERYTHING: dict[str, Expression] = dict.fromkeys(CATALOGUE, Everything())
OF_ANNA: dict[str, Expression] = dict.fromkeys(CATALOGUE, InCompartment("Patient", "anna"))


SEEDS = [pytest.param(seed, marks=pytest.mark.long) if seed >= 10 else seed for seed in range(25)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("type", MAKERS)
async def test_following_the_pages_shows_every_match_of_the_first_moment_once(
    store: Store, type: str, seed: int
) -> None:
    dice = random.Random(seed)
    writer = Writer(store, type, dice)
    await writer.create(22)
    for _ in range(6):
        await writer.do_something()
    for _ in range(2):
        search = a_random_search(type, dice, EVERYTHING)
        first = await page(store, search)
        if first.as_of is None:  # the only page, which needs no moment
            assert not first.more
            continue
        expected = in_order(
            search, [each for each in await held_at(store, type, first.as_of) if is_match(search.wheres[type], each)]
        )
        pages, moment = [first], first.as_of
        while pages[-1].more:
            for _ in range(dice.randrange(4)):
                await writer.do_something()
            pages.append(await page(store, search, Place(moment, pages[-1].last)))
        shown = [each for found in pages for each in found.versions]
        assert identities(shown) == identities(expected), search
        assert {found.total for found in pages} == {len(expected)}
        assert {found.as_of for found in pages} == {moment}

        # Back again, page by page, while others write on.
        for later, earlier in zip(pages[:0:-1], pages[-2::-1], strict=True):
            await writer.do_something()
            back = await page(store, search, Place(moment, later.first, is_backwards=True))
            assert identities(back.versions) == identities(earlier.versions), search
            assert (back.first, back.last, back.total) == (earlier.first, earlier.last, len(expected))
            assert back.more == (earlier is not pages[0])
        again = await page(store, search, Place(moment))
        assert identities(again.versions) == identities(first.versions)


@pytest.mark.parametrize("seed", range(10))
async def test_what_has_become_hidden_since_is_not_shown(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    writer = Writer(store, "Observation", dice)
    await writer.create(22)
    search = a_random_search("Observation", dice, OF_ANNA)
    where = search.wheres["Observation"]

    def is_of_anna(version: Version) -> bool:
        return '"Patient/anna"' in str(version.content)

    found = await page(store, search)
    moment = found.as_of or datetime.now(UTC)
    then = await held_at(store, "Observation", moment)
    visible = {each.id for each in then if is_of_anna(each)}
    shown = list(found.versions)
    while True:
        assert {each.id for each in found.versions} <= visible
        assert all(is_of_anna(each) for each in found.versions)
        if not found.more:
            break
        for _ in range(dice.randrange(4)):
            await writer.do_something(deletes=False)
        now = {
            each.id
            for each in await held_at(store, "Observation", datetime.max.replace(tzinfo=moment.tzinfo))
            if is_of_anna(each)
        }
        visible &= now | {each.id for each in shown}
        found = await page(store, search, Place(moment, found.last))
        asked = [each for each in then if is_of_anna(each) and each.id in now and is_match(where, each)]
        assert found.total == len(asked)
        shown += found.versions
    assert identities(shown) == identities(
        [each for each in in_order(search, then) if each.id in {s.id for s in shown}]
    )
    missing = {each.id for each in then if is_of_anna(each) and is_match(where, each)} - {each.id for each in shown}
    assert not missing & visible


@pytest.mark.parametrize("type", MAKERS)
async def test_pages_are_true_while_many_write_at_once(store: Store, type: str) -> None:
    writers = [Writer(store, type, random.Random(n), f"w{n}-") for n in range(4)]
    for writer in writers:
        await writer.create(12)
    is_over = False

    async def write(writer: Writer) -> None:
        while not is_over:
            await writer.do_something()

    async def read(dice: random.Random) -> None:
        for _ in range(4):
            search = a_random_search(type, dice, EVERYTHING)
            found = await page(store, search)
            if found.as_of is None:
                continue
            moment, total, shown = found.as_of, found.total, list(found.versions)
            while found.more:
                found = await page(store, search, Place(moment, found.last))
                assert found.total == total
                shown += found.versions
            where = search.wheres[type]
            expected = in_order(search, [each for each in await held_at(store, type, moment) if is_match(where, each)])
            assert identities(shown) == identities(expected), search

    async def read_all() -> None:
        nonlocal is_over
        try:
            await asyncio.gather(*(read(random.Random(n)) for n in range(3)))
        finally:
            is_over = True

    await asyncio.gather(read_all(), *(write(each) for each in writers))
