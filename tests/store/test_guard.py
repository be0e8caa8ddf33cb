"""The second guard: a statement that does not say who asks sees nothing, whatever it asks for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from builders import (
    a_care_plan,
    a_care_team,
    a_communication,
    a_consent,
    a_patient,
    a_practitioner,
    a_practitioner_role,
    a_reference,
)
from sharedplan.access.rows import rows_of
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Fault
from sharedplan.search.expression import Everything
from sharedplan.store.engine import Pool
from sharedplan.store.guard import JUDGEMENT, PATH, Who, opening
from sharedplan.store.projection import projections
from sharedplan.store.searching import Search
from sharedplan.store.session import Session
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Change
from store.changes import a_change, a_trail, written

NORTH, SOUTH = "Organization/north", "Organization/south"
ELSEWHERE = "Organization/elsewhere"
NIKO = "Practitioner/niko"
EVERYTHING = dict.fromkeys(CATALOGUE, Everything())

TABLES = [row.table for row in CATALOGUE.values()]
OF_CLIENTS = [
    shape.name
    for shape in projections()
    if shape.type == "Patient" or ("patient", "text") in zip(shape.names, shape.kinds, strict=True)
]
GUARDED = sorted(
    [
        *TABLES,
        *(f"{kind}_{each}" for kind in ("ever", "contained") for each in TABLES if each != "audit_event"),
        *(f"clients_of_{each}" for each in OF_CLIENTS),
        *("resource_version", "access_rule", "access_member", "access_opening", "subscription_event"),
    ]
)

HARMLESS = (
    *("added_parameter", "client_assertion", "audit_seal", "alembic_version", "last_commit", "audit_digest"),
    *("subscription_state", "subscription_secret"),
)
"""What says nothing of a client."""


def of(controller: str, resource: dict[str, Any], version: int = 1) -> Change:
    change = a_change(resource, id=resource["id"], version=version, controller=controller)
    return replace(change, derived=rows_of(resource, version))


@pytest.fixture
async def two_clients(store: Store) -> None:
    """Anna and Otto in the register of the north, each with a plan that was changed once; on Anna's team is Niko, and
    the south as an organisation is on Otto's."""
    for name, member in (("anna", NIKO), ("otto", SOUTH)):
        client = f"Patient/{name}"
        team = a_care_team(client, id=name, participant=[{"member": a_reference(member)}])
        await written(
            store,
            of(NORTH, a_patient(id=name)),
            of(NORTH, a_care_plan(client, id=name)),
            of(NORTH, team),
            of(NORTH, a_consent(client, id=name)),
        )
        await written(store, of(NORTH, a_care_plan(client, id=name, title="t"), version=2))
    await written(store, of(NORTH, a_practitioner(id="niko")))
    async with store.begin() as unit:
        await unit.record(a_trail())


@pytest.fixture
async def connection(service_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the service has it."""
    opened = await asyncpg.connect(service_url, server_settings={"search_path": PATH})
    yield opened
    await opened.close()


async def seen(store: Store, type: str, person: str | None, organization: str | None) -> set[str]:
    """The ids that somebody sees whose slices, by some fault, are everything."""
    async with store.begin() as unit:
        unit.asked_by(person, organization)
        found = await unit.search(Search({type: Everything()}, EVERYTHING, 50))
        assert found.total == len(found.versions)
        return {each.id for each in found.versions}


async def test_all_that_is_stored_has_a_view_and_none_shows_a_row_unasked(
    two_clients: None, connection: asyncpg.Connection, guarded: Store, pool: Pool
) -> None:
    session = Session(pool)
    views = "SELECT relname::text FROM pg_class WHERE relnamespace = 'guarded'::regnamespace ORDER BY relname"
    found = [row[0] for row in await session.fetch(views, [])]
    assert found == GUARDED
    beneath = 0
    for name in found:
        assert await connection.fetchval(f'SELECT count(*) FROM "{name}"') == 0, name
        beneath += (await session.fetch(f'SELECT count(*) FROM public."{name}"', []))[0][0]
    session.rest()
    assert beneath > 25
    service = Session(guarded.pool)
    assert await service.fetch("SELECT * FROM care_plan", []) == []
    assert await service.fetch("SELECT * FROM resource_version WHERE content IS NOT NULL", []) == []
    service.rest()


async def test_the_tables_themselves_are_refused(connection: asyncpg.Connection, pool: Pool) -> None:
    session = Session(pool)
    every = """
        SELECT relnamespace::regnamespace::text || '."' || relname || '"' FROM pg_class
        WHERE relnamespace::regnamespace::text NOT IN ('guarded', 'pg_catalog', 'information_schema', 'pg_toast')
        AND relkind IN ('r', 'v', 'p', 'm')
    """
    names = {row[0] for row in await session.fetch(every, [])}
    session.rest()
    harmless = {f'public."{each}"' for each in HARMLESS}
    assert len(names) > 100
    assert harmless < names
    for name in sorted(names - harmless):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT * FROM {name}")


async def test_a_statement_that_opened_it_leaves_nothing_to_the_next_one(
    two_clients: None, connection: asyncpg.Connection
) -> None:
    plans = "SELECT id FROM care_plan"
    north = Who("asker", None, NORTH)
    asked = opening(plans, 1)
    for ends in ("COMMIT", "ROLLBACK"):
        await connection.execute("BEGIN")
        assert len(await connection.fetch(asked, *north)) == 2
        assert await connection.fetch(plans) == []
        await connection.execute(ends)
        assert await connection.fetch(plans) == []
    assert len(await connection.fetch(asked, *north)) == 2
    assert await connection.fetch(plans) == []
    assert await connection.fetchval("SELECT current_setting('sharedplan.organization', true)") in ("", None)
    assert await connection.fetch(asked, "asker", None, None) == []


async def test_a_slice_that_is_too_wide_shows_what_the_asker_has_to_do_with(two_clients: None, guarded: Store) -> None:
    for type in ("CarePlan", "Consent", "Patient"):
        assert await seen(guarded, type, None, NORTH) == {"anna", "otto"}
        assert await seen(guarded, type, None, SOUTH) == {"otto"}
        assert await seen(guarded, type, NIKO, None) == {"anna"}
        assert await seen(guarded, type, "Patient/otto", None) == {"otto"}
        assert await seen(guarded, type, "Practitioner/nobody", "Organization/nowhere") == set()
        assert await seen(guarded, type, None, None) == set()
    assert await seen(guarded, "Practitioner", None, None) == {"niko"}


async def test_a_consultation_that_names_no_client_is_shown_to_whom_it_asks(store: Store, guarded: Store) -> None:
    """Whatever the slice: what names a client is not, and of what it said before only the newest version."""
    role = "PractitionerRole/nikos"
    await written(
        store,
        of(SOUTH, a_practitioner_role(id="nikos", practitioner=a_reference(NIKO), organization=a_reference(SOUTH))),
        of(SOUTH, a_practitioner_role(id="past", organization=a_reference(SOUTH), active=False)),
    )
    for id, to in {"niko": NIKO, "role": role, "south": SOUTH, "past": "PractitionerRole/past"}.items():
        message = {**a_communication("Patient/anna", recipient=[a_reference(to)]), "id": id}
        anonymous = {name: each for name, each in message.items() if name != "subject"}
        await written(store, of(NORTH, {**message, "id": f"{id}-anna"}), of(NORTH, message))
        await written(store, of(NORTH, anonymous, version=2))
    for person, organization, sees in (
        (NIKO, None, {"niko"}),
        (NIKO, SOUTH, {"niko", "role", "south"}),
        (role, SOUTH, {"niko", "role", "south"}),
        (NIKO, ELSEWHERE, {"niko"}),
        (None, SOUTH, {"role", "south"}),
        ("Practitioner/other", SOUTH, set()),
        (None, ELSEWHERE, set()),
        ("Patient/anna", None, {f"{id}-anna" for id in ("niko", "role", "south", "past")}),
        (None, None, set()),
    ):
        assert await seen(store=guarded, type="Communication", person=person, organization=organization) == sees
        async with guarded.begin() as unit:
            unit.asked_by(person, organization)
            page = await unit.history(within=EVERYTHING, type="Communication", id=None, count=99)
            told = {(each.id, each.version) for each in page.versions if not each.id.endswith("-anna")}
            expected = {(id, 2) for id in sees if not id.endswith("-anna")}
            assert told - {(id, 1) for id in ("niko", "role", "south", "past")} == expected
            assert (told == expected) is (person != "Patient/anna")  # the older ones are hers


async def test_reads_versions_histories_and_locks_are_guarded_as_searches_are(
    two_clients: None, guarded: Store
) -> None:
    for person, sees in ((NIKO, True), ("Patient/otto", False)):
        async with guarded.begin() as unit:
            unit.asked_by(person, None)
            for found in (
                await unit.read("CarePlan", "anna", within=Everything()),
                await unit.newest("CarePlan", "anna", within=Everything()),
                await unit.version("CarePlan", "anna", 1, within=Everything()),
                await unit.lock("CarePlan", "anna", within=Everything()),
                (await unit.history(within=EVERYTHING, type="CarePlan", id="anna", count=9)).versions or None,
                await unit.matching("CarePlan", Everything(), within=EVERYTHING) == [("anna", 2)] or None,
            ):
                assert (found is not None) is sees


async def test_later_pages_are_guarded_with_all_that_was_superseded(
    two_clients: None, connection: asyncpg.Connection
) -> None:
    asked = opening("SELECT id, version FROM ever_care_plan ORDER BY id, version", 1)
    assert [tuple(row) for row in await connection.fetch(asked, "asker", NIKO, None)] == [("anna", 1), ("anna", 2)]
    assert len(await connection.fetch(asked, *JUDGEMENT)) == 4


async def test_a_team_that_somebody_left_opens_it_no_more(two_clients: None, store: Store, guarded: Store) -> None:
    left = a_care_team("Patient/anna", id="anna", participant=[])
    await written(store, of(NORTH, left, version=2))
    assert await seen(guarded, "CarePlan", NIKO, None) == set()


async def test_what_was_found_out_of_one_client_is_not_taken_for_another(
    two_clients: None, connection: asyncpg.Connection
) -> None:
    """Clients in turn, so that what is kept of one is asked for another; more strangers than are kept."""
    many = [f"Patient/{'stranger' * 6}-{n}" for n in range(400)]
    named = [*["Patient/anna", "Patient/otto"] * 3, "Patient/ann", "Patient/annaa", None, *many, *many, "Patient/otto"]
    asked = opening("SELECT guard_knows(n) FROM unnest($1::text[]) n", 2)
    for person, organization, known in ((NIKO, None, "Patient/anna"), (None, SOUTH, "Patient/otto")):
        told = [row[0] for row in await connection.fetch(asked, named, "asker", person, organization)]
        assert told == [each == known for each in named]


async def test_a_stranger_is_found_out_once_and_no_longer_than_the_statement_lasts(
    two_clients: None, store: Store, connection: asyncpg.Connection
) -> None:
    asked = opening("SELECT count(*) FILTER (WHERE guard_knows('Patient/otto')) FROM generate_series(1, 2000)", 1)
    looked = "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables WHERE relname = $1"
    async with connection.transaction():
        assert await connection.fetchval(asked, "asker", NIKO, None) == 0
        assert await connection.fetchval(looked, "access_member") < 10
        joined = a_care_team("Patient/otto", id="otto", participant=[{"member": a_reference(NIKO)}])
        await written(store, of(NORTH, joined, version=2))
        assert await connection.fetchval(asked, "asker", NIKO, None) == 2000


async def test_several_who_are_known_are_found_out_once_each(
    two_clients: None, store: Store, connection: asyncpg.Connection
) -> None:
    joined = a_care_team("Patient/otto", id="otto", participant=[{"member": a_reference(NIKO)}])
    await written(store, of(NORTH, joined, version=2))
    in_turn = "(ARRAY['Patient/anna', 'Patient/otto'])[1 + n % 2]"
    asked = opening(f"SELECT count(*) FILTER (WHERE guard_knows({in_turn})) FROM generate_series(1, 2000) n", 1)
    looked = "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables WHERE relname = $1"
    async with connection.transaction():
        before = await connection.fetchval(looked, "access_member")
        assert await connection.fetchval(asked, "asker", NIKO, None) == 2000
        assert await connection.fetchval(looked, "access_member") - (before or 0) < 10


async def test_what_a_judgement_reads_is_read_for_it_alone(two_clients: None, guarded: Store) -> None:
    async with guarded.begin() as unit:
        unit.asked_by("Practitioner/nobody", None)
        with unit.judging():
            assert await unit.read("CarePlan", "anna", within=Everything()) is not None
        assert await unit.read("CarePlan", "anna", within=Everything()) is None


async def test_consents_as_rows_are_for_judgements_only(two_clients: None, connection: asyncpg.Connection) -> None:
    for table in ("access_rule", "access_member", "access_opening"):
        asked = opening(f"SELECT client FROM {table}", 1)
        assert await connection.fetch(asked, "asker", None, NORTH) == []
    assert len(await connection.fetch(opening("SELECT client FROM access_member", 1), *JUDGEMENT)) == 2


async def test_a_slice_without_who_asks_is_not_even_sent(two_clients: None, guarded: Store) -> None:
    session = Session(guarded.pool)
    with pytest.raises(Fault):
        await session.fetch(opening("SELECT id FROM care_plan", 1), [])
    session.abandon()


@pytest.mark.parametrize("asks", [None, "", "askers", "Asker"])
async def test_what_the_guard_does_not_know_opens_nothing(
    two_clients: None, connection: asyncpg.Connection, asks: str | None
) -> None:
    for table in ("care_plan", "access_member", "resource_version WHERE type = 'CarePlan'"):
        found = await connection.fetch(opening(f"SELECT 1 FROM {table}", 1), asks, None, None)
        assert found == [], table


async def test_a_person_is_not_taken_for_a_role_whose_id_is_part_of_his(
    two_clients: None, store: Store, guarded: Store
) -> None:
    await written(store, of(NORTH, a_practitioner_role(id="lookalike", practitioner=a_reference(NIKO))))
    assert await seen(guarded, "CarePlan", "PractitionerRole/lookalike", ELSEWHERE) == {"anna"}
    assert await seen(guarded, "CarePlan", "Practitioner/abcdlookalike", ELSEWHERE) == set()


async def test_what_lies_open_in_the_guard_is_what_says_nothing_of_clients(connection: asyncpg.Connection) -> None:
    listed = await connection.fetchval("SELECT public.guard_lies_open()")
    assert set(listed) == {row.type for row in CATALOGUE.values() if not row.client_data}
