"""The pages of a search in the order of the last change, walked to either end, are its list: whoever sees most of a
type gets the same as others, though less is looked through for him."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from databases import Server
from exchange.cast import person, system
from sharedplan.access.decision import Facts, decide
from sharedplan.access.principal import Principal
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.exchanges import Asked
from sharedplan.store.places import ordered
from sharedplan.store.searches import Place, Search, Seeing
from sharedplan.store.searching import page
from store.test_leading import LARGE, SMALL, World, asked

MUCH = Seeing(much=frozenset(CATALOGUE))
QUESTIONS = [
    "CarePlan?_lastUpdated=gt2000&_sort=_lastUpdated",
    "CarePlan?_sort=-_lastUpdated",
    "Task?_lastUpdated=gt2000&_sort=-_lastUpdated",
    "Communication?_sort=_lastUpdated",
]
ASKERS = [system(SMALL), system(LARGE), person("Practitioner/small", SMALL)]
COUNTS = (1, 2, 5, 30)

TIED = """
    UPDATE {0} SET last_updated = date_trunc('second', last_updated) + abs(hashtext(id)) % 4 * interval '1 microsecond'
"""


class Walk:
    """The pages of one search as of one moment."""

    def __init__(self, world: World, search: Search, by: Principal, moment: datetime) -> None:
        self._world = world
        self._search = search
        self._by = by
        self._moment = moment
        self.windows = 0

    def all(self) -> list[dict[str, Any]]:
        return self._page(replace(self._search, count=500), None, False)

    def forwards(self) -> Iterator[str]:
        last = None
        while found := self._page(self._search, last, False):
            yield from (row["id"] for row in found)
            last = found[-1]

    def backwards(self, last: dict[str, Any]) -> Iterator[str]:
        """From before that row to the first."""
        while found := self._page(self._search, last, True):
            yield from (row["id"] for row in reversed(found))
            last = found[0]

    def _page(self, search: Search, last: dict[str, Any] | None, is_backwards: bool) -> list[dict[str, Any]]:
        keys = (last["k0"], 0, last["id"]) if last is not None else None
        search = replace(search, place=Place(self._moment, keys, is_backwards))
        found = self._world.rows(search, self._by)
        windowed = replace(search, seeing=MUCH)
        self.windows += "FROM along" in page(windowed).sql
        assert self._world.rows(windowed, self._by) == found
        return ordered(search, found)


async def tie(url: str) -> None:
    """Many things get one instant."""
    connection = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
    for table in ("care_plan", "task", "communication"):
        await connection.execute(TIED.format(table))
    await connection.close()


@pytest.mark.parametrize("is_tied", [False, True], ids=["", "tied"])
def test_the_pages_of_a_pull_are_its_list(server: Server, is_tied: bool) -> None:
    with server.database() as url:
        world = World(url, 11)
        try:
            if is_tied:
                world.run(tie(url))
            before = datetime.now(UTC) if is_tied else world.change()
            windows = shown = 0
            for moment in {before, datetime.now(UTC)}:
                for by in ASKERS:
                    slices = dict(decide(Asked("search-type", "CarePlan"), by, Facts(datetime.now(UTC))).slices)
                    for number, question in enumerate(QUESTIONS):
                        for total in ("none", "some", "accurate"):
                            count = COUNTS[(number + len(total)) % len(COUNTS)]
                            search = replace(asked(question, slices), count=count, total=total)
                            walk = Walk(world, search, by, moment)
                            rows = walk.all()
                            assert [*walk.forwards()] == [row["id"] for row in rows]
                            if rows:
                                assert [*walk.backwards(rows[-1])] == [row["id"] for row in rows[-2::-1]]
                            windows, shown = windows + walk.windows, shown + len(rows)
            assert windows > 100 and shown > 100
        finally:
            world.close()


def test_the_total_is_of_all_that_match(server: Server) -> None:
    with server.database() as url:
        world = World(url, 12)
        try:
            for by in ASKERS:
                slices = dict(decide(Asked("search-type", "CarePlan"), by, Facts(datetime.now(UTC))).slices)
                for total in ("some", "accurate"):
                    search = replace(asked(QUESTIONS[0], slices), count=1, total=total)
                    every = replace(search, count=500, seeing=MUCH)
                    shown = [row for row in world.rows(every, by) if row["id"] is not None]
                    assert world.rows(replace(search, seeing=MUCH), by)[0]["total"] == len(shown) > 1
        finally:
            world.close()
