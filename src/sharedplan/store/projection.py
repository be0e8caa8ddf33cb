"""A resource and its index values → one typed row of its table, beside the version in the truth; extracts none.

All statements that write are made here, once per type. Each writes the version and its projection together, so that
the two cannot part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.parameters import columns
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store import attesting, derived, guard, trail
from sharedplan.store.types import ENCODERS, Encoder, array, placeholder
from sharedplan.store.versions import Change

INSTANT = """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
"""An instant as `fhir/resources.py` writes it."""

_OWN = ("id", "version", "last_updated", "controller", "content")


@dataclass(frozen=True, eq=False)
class Projection:
    """How one type lies in its table. There is one for each type, which keeps the texts of its statements."""

    type: str
    table: str  # quoted
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    encoders: tuple[Encoder, ...]

    def encoded(self, values: Mapping[str, Any]) -> list[Any]:
        """The index values in the order of the columns, as the driver sends them."""
        get = values.get
        return [
            None if (value := get(name)) is None else encode(value)
            for name, encode in zip(self.names, self.encoders, strict=True)
        ]

    @cached_property
    def fields(self) -> str:
        """What reading a row selects, of the table as `r`."""
        return "r.id, r.version, r.last_updated, r.content" + (
            ", r.trail, r.outcome, r.patient, r.entity" if self.type == "AuditEvent" else ""
        )

    @property
    def name(self) -> str:
        """The table's name, not quoted."""
        return CATALOGUE[self.type].table

    @property
    def ever(self) -> str:
        """The view, quoted, of its rows and of those that they superseded."""
        return f'"ever_{self.name}"'

    @property
    def clients(self) -> str:
        """The view, quoted, of whose its rows are and those that they superseded, and in what register."""
        return f'"clients_of_{self.name}"'

    @property
    def is_superseded(self) -> bool:
        """Whether rows give way to others; the audit's never do."""
        return self.type != "AuditEvent"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns, quoted."""
        trail = ("trail",) if self.type == "AuditEvent" else ()
        return (*_OWN, *trail, *(f'"{name}"' for name in self.names))

    @cached_property
    def patients(self) -> str:
        """SQL of the patients that a row, as `r`, speaks of: text[] or null; empty for a type that never does."""
        if self.type == "Patient":
            return "ARRAY['Patient/' || r.id]"
        if "patient" not in self.names:
            return ""
        if self.kinds[self.names.index("patient")] == "text":
            return "CASE WHEN r.patient IS NOT NULL THEN ARRAY[r.patient] END"
        return "r.patient"

    def patients_of(self, change: Change) -> tuple[str, ...]:
        """The same of a change that is about to be written; none of a deletion, which carries no values."""
        if self.type == "Patient":
            return (f"Patient/{change.id}",)
        found = change.values.get("patient")
        return (found,) if isinstance(found, str) else tuple(found or ())

    @lru_cache  # noqa: B019  # few are ever made
    def alone(self, interaction: str, *, is_new: bool, recorded: bool, attested: bool = False) -> str:
        """The one statement that draws the instant and writes one change, with its audit row if it is `recorded`, and
        its Provenance if it is `attested`.

        Gives (turn, at). Parameters: those of `alone_with`, then those of `trail.row` and of `attesting.parameters`,
        and the turn (`store/company.py`).
        """
        register = self._register(id="$3", given="$5", is_new=is_new)
        if interaction == "delete":
            told = f"RETURNING {self.patients} AS patients" if self.patients else ""
            before = f"projected AS (DELETE FROM {self.table} r WHERE r.id = $3::text {told}),"
            made = "SELECT at, NULL::json AS content, $1::text AS head, $2::text AS tail FROM clock"
            after = self._superseding(id="$3", at="made.at", source=", made")
            if self.is_derived:
                after += f", {derived.forgetting(self.type, id='$3')}"
            first, patients = 8, "(SELECT patients FROM projected)" if self.patients else ""
            audit = trail.insert(first, patients=patients)
        else:
            before = ""
            made = f"SELECT at, ($1::text || {INSTANT} || $2::text)::json AS content FROM clock"
            values = "".join(f", {placeholder(kind, n)}" for n, kind in enumerate(self.kinds, 8))
            after = f""", projected AS (
                INSERT INTO {self.table} ({self._listed})
                SELECT $3::text, $4::integer, at, {register}, content{values} FROM made
                {"" if is_new else self._or_replaced}
            )"""
            after += "" if is_new else self._superseding(id="$3", at="made.at", source=", made")
            first = 8 + len(self.kinds)
            if self.is_derived:
                after += self._deriving(id="$3", rows=f"${first}", at="made.at", source=", made")
                first += 1
            audit, patients = trail.insert(first), "$7::text::text[]"
        last = first + (len(trail.FIELDS) if recorded else 0)
        if attested:
            provenance = projection("Provenance")
            after += attesting.beside(provenance, last, register=register, who="$6", patients=patients)
            last += attesting.many(provenance)
        if recorded:
            # The audit row goes in before the clock is drawn, for whoever has drawn keeps all others waiting but those
            # who write in company.
            before += f"recorded AS ({audit} RETURNING 1),"
        return guard.writing(f"""
            WITH {before}
            clock AS MATERIALIZED (
                SELECT draw_instants({2 if attested else 1}) AS at {"FROM recorded" if recorded else ""}
            ),
            made AS MATERIALIZED ({made}),
            kept AS (
                INSERT INTO resource_version (type, id, version, last_updated, interaction, content, controller, who,
                    patients)
                SELECT '{self.type}', $3::text, $4::integer, at, '{interaction}', content, {register}, $6::json,
                    $7::text::text[]
                FROM made
            ){after}
            SELECT ${last}::integer AS turn, at FROM clock
        """)

    def alone_with(self, change: Change) -> list[Any]:
        """The parameters of `alone`."""
        head, tail = (change.stamped.head, change.stamped.tail) if change.stamped else (None, None)
        patients = array(self.patients_of(change))
        known = [head, tail, change.id, change.version, change.controller, change.who, patients]
        return known if change.stamped is None else known + self._sent(change)

    @lru_cache  # noqa: B019  # few are ever made
    def among_many(self, interaction: str, *, is_new: bool) -> str:
        """The statement that writes one of many changes, whose instants are drawn. Parameters: `among_many_with`."""
        register = self._register(id="$1", given="$4", is_new=is_new)
        truth = f"""
            WITH kept AS (
                INSERT INTO resource_version (type, id, version, last_updated, interaction, content, controller, who,
                    patients)
                VALUES ('{self.type}', $1::text, $2::integer, $3::timestamptz, '{interaction}', $5::json, {register},
                    $6::json, $7::text::text[])
            ){"" if is_new else self._superseding(id="$1", at="$3::timestamptz")}
        """
        if interaction == "delete":
            if self.is_derived:
                truth += f", {derived.forgetting(self.type, id='$1')}"
            return guard.writing(f"{truth}, gone AS (DELETE FROM {self.table} WHERE id = $1::text) SELECT 1")
        if self.is_derived:
            rows = f"${8 + len(self.kinds)}"
            truth += self._deriving(id="$1", rows=rows, at="$3::timestamptz")
        values = "".join(f", {placeholder(kind, n)}" for n, kind in enumerate(self.kinds, 8))
        return guard.writing(f"""
            {truth}, projected AS (
                INSERT INTO {self.table} ({self._listed})
                VALUES ($1::text, $2::integer, $3::timestamptz, {register}, $5::json{values})
                {"" if is_new else self._or_replaced}
            ) SELECT 1
        """)

    def among_many_with(self, change: Change, at: Any, content: str | None) -> list[Any]:
        """The parameters of `among_many`."""
        known = [change.id, change.version, at, change.controller, content, change.who, array(self.patients_of(change))]
        return known if content is None else known + self._sent(change)

    @property
    def is_derived(self) -> bool:
        """Whether rows of access are made of the type."""
        return self.type in derived.TABLES

    def _sent(self, change: Change) -> list[Any]:
        """The index values, and what is derived."""
        return (
            [*self.encoded(change.values), change.derived or "[]"] if self.is_derived else self.encoded(change.values)
        )

    def _deriving(self, *, id: str, rows: str, at: str, source: str = "") -> str:
        """Steps of a statement that replace what the version before said of access."""
        forgotten = derived.forgetting(self.type, id=id)
        told = derived.telling(self.type, id=id, rows=rows, at=at, source=source)
        return f", {forgotten}, {told}"

    def _superseding(self, *, id: str, at: str, source: str = "") -> str:
        """A step of a statement that keeps the row which is about to go, for pages that still show its moment."""
        if not self.is_superseded:
            return ""
        names = ", ".join(self.columns)
        held = ", ".join(f"r.{name}" for name in self.columns)
        return f""", superseded AS (
                INSERT INTO past.{self.table} ({names}, until)
                SELECT {held}, {at} FROM {self.table} r{source} WHERE r.id = {id}::text
            )"""

    def _register(self, *, id: str, given: str, is_new: bool) -> str:
        """SQL of the controller: a resource stays in the register that it was created in, whoever changes it."""
        if is_new:
            return f"{given}::text"
        return f"coalesce((SELECT r.controller FROM {self.table} r WHERE r.id = {id}::text), {given}::text)"

    @cached_property
    def _listed(self) -> str:
        return ", ".join((*_OWN, *(f'"{name}"' for name in self.names)))

    @cached_property
    def _or_replaced(self) -> str:
        """A later version takes the place of the row; after a deletion there is none."""
        sets = ", ".join(f"{name} = excluded.{name}" for name in self._listed.split(", ")[1:])
        return f" ON CONFLICT (id) DO UPDATE SET {sets}"


@kept_until_renewed()
def projection(type: str) -> Projection:
    """The projection of a type of the catalogue."""
    found: Sequence[Any] = columns(type)
    return Projection(
        type=type,
        table=f'"{CATALOGUE[type].table}"',
        names=tuple(column.name for column in found),
        kinds=tuple(column.kind for column in found),
        encoders=tuple(ENCODERS[column.kind] for column in found),
    )


def projections() -> Iterator[Projection]:
    """Those of all types of the catalogue."""
    return map(projection, CATALOGUE)
