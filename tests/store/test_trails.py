"""The audit rows that reads and writes leave."""

import pytest

from builders import a_care_plan, a_goal, a_patient, a_practitioner, an_appointment, an_audit_event
from sharedplan.errors import Conflict
from sharedplan.interactions.audit_events import rendered
from sharedplan.interactions.spoken_of import about
from sharedplan.search.expression import Everything, HasId, HasToken, Nothing, RefersTo
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.engine import Pool
from sharedplan.store.searches import SortKey
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Store
from store.changes import NORTH, a_change, a_deletion, a_search, a_trail, as_written, written

ALL = Everything()


async def trails(store: Store) -> list[Trail]:
    """All audit rows, oldest first."""
    async with store.begin() as unit:
        by_time = (SortKey(PARAMETERS["AuditEvent"]["_lastUpdated"]),)
        found = await unit.search(a_search("AuditEvent", count=1000, sort=by_time))
    assert all(each.content is None for each in found.versions)
    return [each.trail for each in found.versions if each.trail is not None]


async def test_a_read_leaves_its_trail_with_the_patient_it_was_about(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan(subject="Patient/anna")))
    trail = a_trail(resource_id=plan.id, person="Practitioner/1", purpose="TREAT", reasons=("own register", "team"))
    async with store.begin() as unit:
        found = await unit.read("CarePlan", plan.id, within=ALL, trail=trail)
        assert found == plan._replace(patients=("Patient/anna",), controller=NORTH)
        assert unit.has_recorded
    assert await trails(store) == [trail._replace(patients=("Patient/anna",), registers=(NORTH,))]


async def test_a_read_that_finds_nothing_is_on_record_as_the_askers_fault(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan()))
    absent, hidden = a_trail(resource_id="never"), a_trail(resource_id=plan.id)
    async with store.begin() as unit:
        assert await unit.read("CarePlan", "never", within=ALL, trail=absent) is None
        assert await unit.read("CarePlan", plan.id, within=Nothing(), trail=hidden) is None
    assert await trails(store) == [absent._replace(outcome="4"), hidden._replace(outcome="4")]


async def test_a_search_leaves_what_it_showed(store: Store) -> None:
    subjects = ("Patient/anna", "Patient/anna", "Patient/bertil", "Patient/cecilia")
    await written(store, *(a_change(a_care_plan(subject=each), id=f"plan-{n}") for n, each in enumerate(subjects)))
    trail = a_trail("search-type", query="status=active")
    async with store.begin() as unit:
        for within in (ALL, Nothing()):
            found = await unit.search(a_search("CarePlan", within=within, count=3))
            await unit.record(about(trail, found.versions))
        assert unit.has_recorded
    some, none = await trails(store)
    assert sorted(some.patients) == ["Patient/anna", "Patient/bertil"]
    assert sorted(some.entities) == ["CarePlan/plan-0", "CarePlan/plan-1", "CarePlan/plan-2"]
    assert none == trail


@pytest.mark.parametrize("alone", [True, False])
async def test_writes_leave_their_trails(store: Store, alone: bool) -> None:
    async def done(*steps: tuple[str, dict[str, object] | None, int]) -> None:
        for interaction, resource, version in steps:
            async with store.begin() as unit:
                if resource is None:
                    unit.put(a_deletion("CarePlan", "plan", version=version))
                else:
                    unit.put(a_change(resource, id="plan", version=version, interaction=interaction))
                if not alone:
                    unit.put(a_change(a_practitioner()))
                await unit.write([a_trail(interaction, resource_id="plan", version=version)])
                assert unit.has_recorded

    await done(("create", a_care_plan(), 1), ("update", a_care_plan(), 2), ("delete", None, 3))
    told = {"patients": ("Patient/anna",), "registers": ("Organization/north",)}
    assert await trails(store) == [
        a_trail("create", resource_id="plan", version=1, **told),
        a_trail("update", resource_id="plan", version=2, **told),
        a_trail("delete", resource_id="plan", version=3, **told),
    ]


async def test_patients_named_by_the_caller_are_kept(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan()))
    trail = a_trail(resource_id=plan.id, patients=("Patient/other",), entities=("Group/1",))
    async with store.begin() as unit:
        await unit.read("CarePlan", plan.id, within=ALL, trail=trail)
    assert await trails(store) == [trail._replace(registers=(NORTH,))]


async def test_patients_are_told_of_patients_themselves_and_of_many(store: Store) -> None:
    participants = [{"actor": {"reference": f"Patient/{each}"}, "status": "accepted"} for each in ("anna", "bertil")]
    [anna, meeting, doctor] = await written(
        store,
        a_change(a_patient(), id="anna"),
        a_change(an_appointment(participant=participants)),
        a_change(a_practitioner()),
    )
    async with store.begin() as unit:
        for each in (anna, meeting, doctor):
            trail = a_trail(type=each.type, resource_id=each.id)
            found = await unit.read(each.type, each.id, within=ALL, trail=trail)
            assert found is not None and as_written(found) == [each]
    assert [each.patients for each in await trails(store)] == [
        ("Patient/anna",),
        ("Patient/anna", "Patient/bertil"),
        (),
    ]


async def test_rows_may_be_recorded_by_themselves(store: Store) -> None:
    told = [a_trail("batch", None), a_trail("read", outcome="8"), a_trail("capabilities", None, reasons=("open",))]
    async with store.begin() as unit:
        await unit.record(told[0])
    async with store.begin() as unit:
        await unit.record(*told[1:])
        assert unit.has_recorded
    assert await trails(store) == told


async def test_a_unit_that_fails_leaves_no_trail(store: Store) -> None:
    [plan] = await written(store, a_change(a_care_plan(), id="plan"))
    unit = store.begin()
    with pytest.raises(Conflict):
        async with unit:
            await unit.lock("Goal", "goal", within=ALL)
            await unit.record(a_trail("read"))
            unit.put(a_change(a_care_plan(), id=plan.id))
            await unit.write([a_trail("create")])
    assert not unit.has_recorded
    assert await trails(store) == []


async def test_the_log_is_found_by_patient_and_by_resource(store: Store) -> None:
    plans = await written(store, a_change(a_care_plan()), a_change(a_care_plan(subject="Patient/bertil")))
    async with store.begin() as unit:
        for plan in plans:
            await unit.read("CarePlan", plan.id, within=ALL, trail=a_trail(resource_id=plan.id))
        known = PARAMETERS["AuditEvent"]
        by_patient = RefersTo(known["patient"], ("Patient/anna",))
        by_entity = RefersTo(known["entity"], (f"CarePlan/{plans[0].id}",))
        of_north = RefersTo(known["agent"], (NORTH,))
        reads = HasToken(known["subtype"], "http://hl7.org/fhir/restful-interaction", "read")
        found = [
            [each.trail.resource_id for each in (await unit.search(a_search("AuditEvent", where))).versions]
            for where in (by_patient, by_entity, of_north, reads)
        ]
    assert found == [[plans[0].id], [plans[0].id], [plans[0].id, plans[1].id], [plans[0].id, plans[1].id]]


async def test_an_event_loaded_from_elsewhere_has_content_and_no_trail(store: Store) -> None:
    [loaded] = await written(store, a_change(an_audit_event()))
    async with store.begin() as unit:
        assert await unit.read("AuditEvent", loaded.id, within=ALL) == loaded
        assert await unit.version("AuditEvent", loaded.id, 1, within=ALL) == loaded
        assert loaded.trail is None


async def test_an_own_event_has_one_version(store: Store) -> None:
    async with store.begin() as unit:
        await unit.record(a_trail("read"))
    async with store.begin() as unit:
        [event] = (await unit.search(a_search("AuditEvent", count=1))).versions
        assert await unit.version("AuditEvent", event.id, 1, within=ALL) == event
        assert await unit.version("AuditEvent", event.id, 2, within=ALL) is None
        assert await unit.version("AuditEvent", event.id, 1, within=HasId(("other",))) is None


async def test_a_row_is_found_by_what_its_event_says(store: Store, pool: Pool) -> None:
    """The columns of a row are the index values of the AuditEvent that it is rendered as."""
    [plan] = await written(store, a_change(a_goal()))
    trail = a_trail(type="Goal", resource_id=plan.id, person="Practitioner/1", purpose="TREAT")
    async with store.begin() as unit:
        await unit.read("Goal", plan.id, within=ALL, trail=trail)
        [event] = (await unit.search(a_search("AuditEvent", count=1))).versions
    assert event.trail is not None
    values = index_values("AuditEvent", rendered(event.trail, event))
    connection = await pool.acquire()
    row = await connection.fetchrow("SELECT * FROM audit_event")
    pool.release(connection)
    for column in ("action", "subtype", "type", "agent", "outcome", "patient", "entity"):
        assert sorted(row[column]) == sorted(values[column]), column
    assert (row["date"].lower, row["date"].upper) == values["date"]
