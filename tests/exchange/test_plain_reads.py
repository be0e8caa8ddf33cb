"""The short way of the usual read leads to the same answer and the same trail as the long one."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exchange.asking import POLICY, RECORDS, Ask
from exchange.cast import AINO, Aino, H, Leena, Mother, N, Niko, S, Sari, consents, k1, system, the_world
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.audit import SERIOUS_FAILURE
from sharedplan.clock import SystemClock
from sharedplan.errors import SharedplanError, Unavailable
from sharedplan.exchange.plain_read import PlainRead
from sharedplan.fhir.exchanges import Answer
from sharedplan.search.expression import Everything
from sharedplan.store.searches import Search
from sharedplan.store.unit_of_work import RetryableConflict, Store
from sharedplan.store.versions import Version

ASKERS: dict[str, Principal] = {
    "register": system(S),
    "another register": system(H),
    "a third": system(N),
    "member": Sari,
    "member elsewhere": Niko,
    "client": Aino,
    "relative": Leena,
    "mother": Mother,
    "nobody": replace(RECORDS, organization=None),
    "no scope for plans": replace(Sari, scopes=parse("user/Patient.rs")),
    "only active plans": replace(Sari, scopes=parse("user/CarePlan.rs?status=active user/Patient.rs")),
    "in an emergency": replace(Niko, purpose="ETREAT"),
    "too late": replace(Sari, expires=datetime(2020, 1, 1, tzinfo=UTC)),
}
NAMES = (AINO, "Patient/none", "Patient/gone", "CarePlan/1", "CareTeam/1", "Consent/k1", "Goal/1", "Observation/psy", S)

SHORT = {"no scope for plans": 3, "only active plans": 4, "in an emergency": 0, "too late": 0}
"""How many of them go the short way; of other askers all."""


async def outcome(read: Awaitable[Version | Answer | None]) -> object:
    """What comes of a read: what is shown, or what is told instead."""
    try:
        found = await read
    except SharedplanError as failure:
        return type(failure), [each.saying for each in failure.issues], getattr(failure, "version", None)
    return found and (found.content, found.version, found.last_updated)


async def last_row(store: Store) -> Version | None:
    async with store.begin() as unit:
        search = Search({"AuditEvent": Everything()}, {"AuditEvent": Everything()}, 1, "none", ())
        found = (await unit.search(search)).versions
    return max(found, key=lambda each: each.id, default=None)


async def told(store: Store, since: set[str]) -> list[object]:
    """The audit rows beside those, without what each has of its own."""
    async with store.begin() as unit:
        search = Search({"AuditEvent": Everything()}, {"AuditEvent": Everything()}, 500, "none", ())
        found = [each for each in (await unit.search(search)).versions if each.id not in since]
    since.update(each.id for each in found)
    return [(each.trail, each.patients) for each in found]


@pytest.mark.parametrize("who", ASKERS)
async def test_both_ways_lead_to_the_same(who: str, ask: Ask, guarded: Store, store: Store) -> None:
    by = ASKERS[who]
    await the_world(ask)
    await consents(ask, k1())
    await ask("update", "Patient/gone", {"resourceType": "Patient", "id": "gone"}, by=system(S))
    await ask("delete", "Patient/gone", by=system(S))
    plainly = PlainRead(guarded, SystemClock(), POLICY)
    known: set[str] = set()
    await told(store, known)
    short = 0
    for name in NAMES:
        type, _, id = name.partition("/")
        found = await outcome(plainly(type, id, by, "request-1", "fi"))
        rows = await told(store, known)
        answer = await outcome(ask("read", name, by=by, accept_language="fi"))
        if found is not None:
            short += 1
            assert found == answer, name
            assert rows == await told(store, known), name
        assert len(rows) == (found is not None), name
        await told(store, known)
    assert short == SHORT.get(who, len(NAMES))


async def test_the_log_is_read_the_long_way(ask: Ask, guarded: Store, store: Store) -> None:
    await the_world(ask)
    row = await last_row(store)
    assert row is not None
    assert await PlainRead(guarded, SystemClock(), POLICY)("AuditEvent", row.id, system(S), "request-1") is None


@pytest.mark.parametrize(
    ("failure", "told_as"),
    [(Unavailable("the database cannot be reached"), "503 transient"), (ValueError("a fault of ours"), "ValueError")],
)
async def test_what_fails_is_on_record(
    failure: Exception, told_as: str, ask: Ask, guarded: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await the_world(ask)
    known: set[str] = set()
    await told(store, known)

    async def failing(*asked: object, **how: object) -> None:
        raise failure

    monkeypatch.setattr(Store, "read", failing)
    with pytest.raises(type(failure)):
        await PlainRead(guarded, SystemClock(), POLICY)("CarePlan", "1", system(S), "request-1")
    [(trail, _)] = await told(store, known)  # type: ignore[misc]
    assert (trail.interaction, trail.resource, trail.outcome, trail.reasons) == (
        *("read", "CarePlan/1", SERIOUS_FAILURE),
        (told_as,),
    )


async def test_one_that_met_somebody_else_is_tried_again_the_long_way(
    ask: Ask, guarded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await the_world(ask)

    async def failing(*asked: object, **how: object) -> None:
        raise RetryableConflict("locked")

    monkeypatch.setattr(Store, "read", failing)
    assert await PlainRead(guarded, SystemClock(), POLICY)("CarePlan", "1", system(S), "request-1") is None
