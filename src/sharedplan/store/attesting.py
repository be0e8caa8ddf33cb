"""The Provenance of a change on its way into the database, beside the change itself; pure.

It lies in the register of what it is of, speaks of the same clients, and is an instant younger. All but these and
`recorded`, the instant of the change, is made before (`interactions/provenances.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from sharedplan.store import guard
from sharedplan.store.types import Encoder, array, placeholder
from sharedplan.store.versions import Attestation, Change

_INSTANT = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_VERSION = (
    "INSERT INTO resource_version (type, id, version, last_updated, interaction, content, controller, who, patients)"
)
_OWN = ("id", "version", "last_updated", "controller", "content")
_FOLLOWING = {"recorded": "tstzrange({recorded}, {recorded} + interval '1 microsecond')", "patient": "{patients}"}
"""Column → SQL of what follows from the change."""


class Shape(Protocol):
    """How Provenance lies in its table (`projection.py`)."""

    @property
    def table(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def encoders(self) -> tuple[Encoder, ...]: ...


def beside(shape: Shape, first: int, *, register: str, who: str, patients: str) -> str:
    """Steps of a statement that writes one change, whose instant is the `at` of `clock`; all but `first` are SQL.

    The parameters from `first` on are those of `parameters`.
    """
    spoken_of = f"coalesce({patients}, '{{}}')" if patients else "'{}'::text[]"
    id, head, middle, tail = (f"${first + n}::text" for n in range(4))
    text = f"{head} || {_INSTANT.format('at')} || {middle} || {_INSTANT.format('recorded')} || {tail}"
    values = _values(shape, first + 4, recorded="recorded", patients=f"nullif({spoken_of}, '{{}}')")
    return f""", attesting AS MATERIALIZED (
                SELECT recorded, at, ({text})::json AS content
                FROM (SELECT at AS recorded, at + interval '1 microsecond' AS at FROM clock) drawn
            ), attested AS (
                {_VERSION}
                SELECT 'Provenance', {id}, 1, at, 'create', content, {register}, {who}::json, {spoken_of} FROM attesting
            ), attested_row AS (
                INSERT INTO {shape.table} ({_listed(shape)})
                SELECT {id}, 1, at, {register}, content{values} FROM attesting
            )"""


def parameters(shape: Shape, attested: Attestation) -> list[Any]:
    """The parameters of `beside`."""
    return [attested.id, *attested.pieces, *_encoded(shape, attested)]


def many(shape: Shape) -> int:
    """How many parameters those are."""
    return 4 + sum(1 for _ in _sent(shape))


def among_many(shape: Shape) -> str:
    """The statement that writes one of many, after the changes. Parameters: `among_many_with`."""
    values = _values(shape, 10, recorded="$5::timestamptz", patients="nullif($4::text::text[], '{}')")
    return guard.writing(f"""
        WITH its AS (
            SELECT v.controller FROM resource_version v
            WHERE v.type = $7::text AND v.id = $8::text AND v.version = $9::integer
        ), kept AS (
            {_VERSION}
            SELECT 'Provenance', $1::text, 1, $2::timestamptz, 'create', $3::json, its.controller, $6::json,
                $4::text::text[]
            FROM its
        ), projected AS (
            INSERT INTO {shape.table} ({_listed(shape)})
            SELECT $1::text, 1, $2::timestamptz, its.controller, $3::json{values} FROM its
        ) SELECT 1
    """)


def among_many_with(
    shape: Shape,
    change: Change,
    attested: Attestation,
    *,
    at: datetime,
    content: str,
    recorded: datetime,
    patients: Sequence[str],
) -> list[Any]:
    """The parameters of `among_many`."""
    told = [attested.id, at, content, array(patients), recorded, change.who, change.type, change.id, change.version]
    return told + _encoded(shape, attested)


def _sent(shape: Shape) -> Iterator[tuple[str, str, Encoder]]:
    """(name, kind, encoder) of the columns whose values travel."""
    every = zip(shape.names, shape.kinds, shape.encoders, strict=True)
    return (each for each in every if each[0] not in _FOLLOWING)


def _encoded(shape: Shape, attested: Attestation) -> list[Any]:
    get = attested.values.get
    return [None if (value := get(name)) is None else encode(value) for name, _, encode in _sent(shape)]


def _values(shape: Shape, first: int, **following: str) -> str:
    """SQL of the columns' values, in the order of `_listed`."""
    sent = [placeholder(kind, n) for n, (_, kind, _) in enumerate(_sent(shape), first)]
    return "".join(f", {each}" for each in (*sent, *(sql.format(**following) for sql in _FOLLOWING.values())))


def _listed(shape: Shape) -> str:
    names = (*(name for name, _, _ in _sent(shape)), *_FOLLOWING)
    return ", ".join((*_OWN, *(f'"{name}"' for name in names)))
