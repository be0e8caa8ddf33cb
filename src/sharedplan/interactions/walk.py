"""A walk from one resource to the next that they name, step by step, and the same walk again after something changed.

What was found is kept by its steps. When the walk is taken again, the database is asked once for all of them: whether
everything is as it was, and what was written since. A step that leads to the same question is then not asked, and what
has been read is not read again; the answer is that of a walk that was taken for the first time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from sharedplan.care.situation import Situation
from sharedplan.interactions.reader import Key, Read, Reader, key_of
from sharedplan.search.expression import Expression
from sharedplan.store import together
from sharedplan.store.queries import Query
from sharedplan.store.together import Parts, Row
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Included, Version

MOST_TEXT = 2_000_000
"""Characters that a walk which is kept has read: far less than an answer of the database can hold."""


class Astray(Exception):
    """The walk leads where it did not lead before."""


@dataclass(frozen=True)
class Leg:
    """One step: what was asked of which types, and what was found. `first`: the rank of its first part in the walk."""

    parts: Parts
    first: int
    rows: tuple[Row, ...]  # with their ranks in the walk

    @cached_property
    def told(self) -> list[bytes]:
        """What stands for the rows in the mark."""
        return [together.told(each) for each in self.rows]

    @cached_property
    def _names(self) -> list[tuple[int, str]]:
        return [(each.rank, each.version.id) for each in self.rows]

    def has(self, row: Row) -> bool:
        """Whether the row is of this step."""
        return 0 <= row.rank - self.first < len(self.parts)

    def with_(self, changed: Iterable[Row]) -> "Leg":
        """With these rows, new ones or in the place of what they were."""
        told = dict(zip(self._names, zip(self.rows, self.told, strict=True), strict=True))
        told |= {(each.rank, each.version.id): (each, together.told(each)) for each in changed}
        if len(told) == len(self.rows):
            return self._of((row for row, _ in told.values()), [its for _, its in told.values()])
        ordered = [told[each] for each in sorted(told)]
        return self._of([row for row, _ in ordered], [its for _, its in ordered])

    @property
    def bare(self) -> "Leg":
        """Without the texts."""
        if all(each.version.content is None for each in self.rows):
            return self
        rows = (
            each if each.version.content is None else each._replace(version=each.version._replace(content=None))
            for each in self.rows
        )
        return self._of(rows, self.told)

    def _of(self, rows: Iterable[Row], told: list[bytes]) -> "Leg":
        made = replace(self, rows=tuple(rows))
        made.__dict__["told"] = told
        return made


@dataclass(frozen=True)
class Walk:
    """`reads`: what each of the versions says. `gathered`: how many of the steps gathered what is known of the client.
    `changed`: what has come in the place of what since it was taken; None when something else happened, too."""

    legs: tuple[Leg, ...] = ()
    reads: Mapping[Key, Read] = field(default_factory=dict)
    gathered: int = 0
    changed: tuple[tuple[Version, Version], ...] | None = None

    @cached_property
    def parts(self) -> Parts:
        return tuple(part for leg in self.legs for part in leg.parts)

    @property
    def rows(self) -> Iterator[Row]:
        return (row for leg in self.legs for row in leg.rows)

    @cached_property
    def size(self) -> int:
        """Characters of all the texts."""
        return sum(each.size for each in self.reads.values())

    @cached_property
    def mark(self) -> str:
        """What stands for all that was found, as `Unit.since` tells it."""
        return together.mark(told for leg in self.legs for told in leg.told)

    @cached_property
    def newest(self) -> datetime:
        """When the last of it was written."""
        return max((each.version.last_updated for each in self.rows), default=datetime.min.replace(tzinfo=UTC))

    def question(self, *, within: Mapping[str, Expression], limit: int) -> Query:
        """For `Unit.since`."""
        return together.since(self.parts, within=within, limit=limit)

    def since(self, mark: str, changed: Sequence[Row]) -> "Walk | None":
        """As it is with what was written since; None when that is not all that has happened."""
        if mark == self.mark:
            return self
        legs, replaced = [], list[tuple[Version, Version]]()
        for leg in self.legs:
            mine = {(each.rank, each.version.id): each for each in changed if leg.has(each)}
            was = [each for each in leg.rows if (each.rank, each.version.id) in mine] if mine else []
            replaced += [(each.version, mine[each.rank, each.version.id].version) for each in was]
            legs.append(leg.with_(mine.values()) if mine else leg)
        now = replace(self, legs=tuple(legs), changed=tuple(replaced) if len(replaced) == len(changed) else None)
        return now if now.mark == mark and self._is_little_with(changed) else None

    async def anew(self, unit: Unit, *, within: Mapping[str, Expression], limit: int) -> "Walk":
        """As it is now; nothing at all when there is more than was to be looked at."""
        if not self.legs:
            return Walk()
        rows, is_cut = await unit.rows(self.parts, self.rows, within=within, limit=limit)
        if is_cut or not self._is_little_with(rows):
            return Walk()
        rows = _recognised(rows, self.rows)
        legs = tuple(replace(leg, rows=tuple(each for each in rows if leg.has(each))) for leg in self.legs)
        return replace(self, legs=legs, changed=None)

    def _is_little_with(self, rows: Iterable[Row]) -> bool:
        return self.size + sum(len(each.version.content or "") for each in rows) <= MOST_TEXT


def _recognised(rows: Iterable[Row], known: Iterable[Row]) -> list[Row]:
    """The rows; those that are known, as they are: whether something of one is masked is only told of what is there to
    be read."""
    before = {_identity(each): each.version for each in known}
    return [
        each if (version := before.get(_identity(each))) is None else each._replace(version=_again(version, each))
        for each in rows
    ]


def _identity(row: Row) -> tuple[int, str, int, bool]:
    return row.rank, row.version.id, row.version.version, row.is_banned


def _again(known: Version, row: Row) -> Version:
    return known._replace(controller=row.version.controller)


class Walker:
    """Takes a walk: what the one `before` found is not asked for again. `unit`: whom else is asked; without one, it
    raises Astray when there is something to ask."""

    def __init__(self, base: str, before: Walk, unit: Unit | None) -> None:
        self.reader = Reader(base, before.reads)
        self._before = before
        self._unit = unit
        self._legs: list[Leg] = []
        self.gathered = 0

    @property
    def may_ask(self) -> bool:
        """Whether what is not known is asked for; else it leads astray."""
        return self._unit is not None

    async def together(
        self, wheres: Mapping[str, Expression], *, within: Mapping[str, Expression], limit: int
    ) -> Included:
        """As `Unit.together`, without whom each speaks of. Raises Astray."""
        parts = tuple(wheres.items())
        first = sum(len(each.parts) for each in self._legs)
        leg = next((each for each in self._before.legs if each.parts == parts and len(each.rows) <= limit), None)
        if leg is None:
            if self._unit is None:
                raise Astray
            known = self._known(tuple(wheres))
            rows, is_cut = await self._unit.rows(parts, known, within=within, limit=limit)
            leg = Leg(parts, 0, tuple(_recognised(rows, known)))
        else:
            is_cut = False
        if leg.first != first:
            rows = [each._replace(rank=each.rank - leg.first + first) for each in leg.rows]
            leg = Leg(parts, first, tuple(rows))
        self._legs.append(leg)
        return Included([each.version for each in leg.rows], is_cut)

    def _known(self, types: Sequence[str]) -> list[Row]:
        """What was read of these types before, as rows of parts of them."""
        ranks = {type: rank for rank, type in enumerate(types)}
        rows = (each for each in self._before.rows if key_of(each.version) in self._before.reads)
        return [each._replace(rank=ranks[each.version.type]) for each in rows if each.version.type in ranks]

    def straight(self, before: Situation, at: datetime) -> Situation | None:
        """What was gathered before, as it is at that moment, when all that has changed since names the very same
        things: what is gathered again is then the same, but for that. None when it is not so simple."""
        walk, resources, registers = self._before, {**before.resources}, {**before.registers}
        if walk.changed is None or not walk.gathered:
            return None
        reads = dict(walk.reads)
        for was, now in walk.changed:
            old, new = walk.reads.get(key_of(was)), self.reader.read(now)
            if old is None or (old.names, old.canonicals) != (new.names, new.canonicals):
                return None
            reads.pop(key_of(was), None)
            name = f"{now.type}/{now.id}"
            if name in resources:
                resources[name], registers[name] = new.resource, now.controller
        self.reader.read_now |= reads
        self._legs = [*walk.legs[: walk.gathered]]
        self.gathered = walk.gathered
        return replace(before, at=at, resources=resources, registers=registers)

    def has_gathered(self) -> None:
        """All steps until now have gathered what is known of the client."""
        self.gathered = len(self._legs)

    @property
    def walk(self) -> Walk:
        """The walk that was taken, with what was read, and no text of it."""
        legs, reads = tuple(leg.bare for leg in self._legs), self.reader.read_now
        if len(reads) > sum(len(leg.rows) for leg in legs):
            keys = {key_of(each.version) for leg in legs for each in leg.rows}
            reads = {key: each for key, each in reads.items() if key in keys}
        return Walk(legs, reads, self.gathered, ())
