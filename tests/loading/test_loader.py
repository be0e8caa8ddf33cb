"""Items into a real store: what is there afterwards, what was refused and why, and that twice is once."""

from typing import Any

import pytest

from loading.texts import bundle, patient, plan, posted, put, text
from sharedplan.clock import SystemClock
from sharedplan.fhir import json_text
from sharedplan.fhir.summaries import summarised
from sharedplan.interactions import proposals
from sharedplan.loading.loader import Loader
from sharedplan.loading.preparing import Choices
from sharedplan.loading.reading import Text
from sharedplan.loading.report import Outcome
from sharedplan.search.expression import Everything
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Version
from store.changes import a_search

SOUTH = "Organization/south"


class World:
    """A store with a loader, and a way to look at what is in it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def load(self, *texts: Text, organization: str | None = SOUTH, strict: bool = False) -> Outcome:
        loader = Loader(self.store, SystemClock(), Choices(organization, strict, "http://here.test/fhir"))
        done = await loader.load(texts)
        outcome = done.outcome
        if done.missed:
            outcome.add(await loader.load_again(texts, done.missed))
        return outcome

    async def all(self, type: str) -> list[dict[str, Any]]:
        async with self.store.begin() as unit:
            found = await unit.search(a_search(type, count=1000))
        return [json_text.read(str(each.content)) for each in found.versions]

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = await self.store.pool.acquire()
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            self.store.pool.release(connection)

    async def newest(self, type: str, id: str) -> Version:
        async with self.store.begin() as unit:
            found = await unit.newest(type, id, within=Everything())
        assert found is not None
        return found


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    kinds = (outcome.created, outcome.updated, outcome.unchanged)
    return (*(count.total() for count in kinds), len(outcome.refused))  # type: ignore[return-value]


TRANSACTION = bundle(
    "transaction",
    posted(patient(id="theirs", active=True), "urn:uuid:0b6d1a43-0000-4000-8000-000000000001"),
    posted(plan("urn:uuid:0b6d1a43-0000-4000-8000-000000000001"), "urn:uuid:0b6d1a43-0000-4000-8000-000000000002"),
    posted(plan("urn:uuid:0b6d1a43-0000-4000-8000-000000000001", title="no fullUrl")),
)


async def test_a_transaction_is_stored_with_its_references_leading_where_they_are_meant_to(world: World) -> None:
    assert counts(await world.load(text(TRANSACTION))) == (3, 0, 0, 0)
    (person,) = await world.all("Patient")
    plans = await world.all("CarePlan")
    assert {each["subject"]["reference"] for each in plans} == {f"Patient/{person['id']}"}
    assert person["id"] != "theirs", "an id in a POST has no meaning"
    assert list(person)[:2] == ["resourceType", "id"]


async def test_what_is_loaded_twice_is_stored_once(world: World) -> None:
    await world.load(text(TRANSACTION))
    before = await world.all("CarePlan")
    assert counts(await world.load(text(TRANSACTION))) == (0, 0, 3, 0)
    assert await world.all("CarePlan") == before


async def test_two_equal_posts_in_one_bundle_make_two(world: World) -> None:
    twice = bundle("transaction", posted(patient(active=True)), posted(patient(active=True)))
    assert counts(await world.load(text(twice))) == (2, 0, 0, 0)
    assert counts(await world.load(text(twice))) == (0, 0, 2, 0)


async def test_two_organisations_that_load_the_same_have_each_their_own(world: World) -> None:
    await world.load(text(TRANSACTION))
    assert counts(await world.load(text(TRANSACTION), organization="Organization/north")) == (3, 0, 0, 0)


async def test_what_changed_meanwhile_becomes_the_next_version(world: World) -> None:
    await world.load(text(patient(id="a", active=True)))
    assert counts(await world.load(text(patient(id="a", active=False)))) == (0, 1, 0, 0)
    assert (await world.newest("Patient", "a")).version == 2


async def test_a_transaction_with_one_fault_leaves_nothing(world: World) -> None:
    broken = bundle("transaction", put(patient(id="good")), put(patient(id="bad", gender="none")))
    outcome = await world.load(text(broken, line=7))
    assert counts(outcome) == (0, 0, 0, 2)
    fault, rest = outcome.refused
    assert str(fault).startswith("some.ndjson:7 entry 1 (Patient/bad): Patient.gender: ")
    assert "stored whole or not at all: 2 entries" in str(rest)
    assert await world.all("Patient") == []


@pytest.mark.parametrize("type", ["batch", "collection"])
async def test_elsewhere_each_entry_stands_for_itself(world: World, type: str) -> None:
    entries = [put(patient(id="good")), put(patient(id="bad", gender="none")), put(patient(id="fine"))]
    if type == "collection":
        entries = [{"resource": each["resource"]} for each in entries]
    outcome = await world.load(text(bundle(type, *entries)))
    assert counts(outcome) == (2, 0, 0, 1)
    assert outcome.refused[0].entry == 1
    assert {each["id"] for each in await world.all("Patient")} == {"good", "fine"}


async def test_single_resources_stand_each_for_itself(world: World) -> None:
    lines = [patient(id="a"), b'{"resourceType":"Patient","id":"b",}', patient(id="c", colour="red"), patient(id="d")]
    outcome = await world.load(*(text(line, number) for number, line in enumerate(lines, 1)))
    assert counts(outcome) == (2, 0, 0, 2)
    assert {each.place for each in outcome.refused} == {"some.ndjson:2", "some.ndjson:3"}
    (colour,) = [each for each in outcome.refused if each.place.endswith(":3")]
    assert colour.what == "Patient/c"
    assert any(reason.startswith("Patient.colour: ") for reason in colour.reasons)


async def test_entries_of_a_collection_find_each_other_by_full_url(world: World) -> None:
    url = "urn:uuid:0b6d1a43-0000-4000-8000-00000000000a"
    whole = bundle("collection", {"fullUrl": url, "resource": patient(active=True)}, {"resource": plan(url, id="p")})
    await world.load(text(whole))
    (person,) = await world.all("Patient")
    (found,) = await world.all("CarePlan")
    assert found["subject"]["reference"] == f"Patient/{person['id']}"


async def test_what_is_not_offered_is_left_out_with_the_references_to_it(world: World) -> None:
    claim = {"resourceType": "Claim", "status": "active"}
    goal = {"resourceType": "Goal", "lifecycleStatus": "active", "subject": {"reference": "Patient/1"}}
    goal["description"] = {"text": "to walk"}
    whole = bundle(
        "transaction",
        posted(claim, "urn:uuid:0b6d1a43-0000-4000-8000-00000000000c"),
        posted(
            plan("Patient/1", supportingInfo=[{"reference": "urn:uuid:0b6d1a43-0000-4000-8000-00000000000c"}]),
            "urn:uuid:0b6d1a43-0000-4000-8000-00000000000d",
        ),
        posted(goal, "urn:uuid:0b6d1a43-0000-4000-8000-00000000000e"),
    )
    outcome = await world.load(text(whole))
    assert counts(outcome) == (2, 0, 0, 0)
    assert dict(outcome.left_out) == {"Claim": 1}
    assert outcome.references_cut == 1
    (found,) = await world.all("CarePlan")
    assert "supportingInfo" not in found
    refused = await world.load(text(whole), strict=True)
    assert "1 entries are of types that are not offered: Claim" in str(refused.refused[0])


async def test_what_cannot_be_without_what_is_left_out_is_refused_and_the_rest_goes_on(world: World) -> None:
    url = "urn:uuid:0b6d1a43-0000-4000-8000-0000000000f1"
    substance = {"resourceType": "Substance", "code": {"text": "water"}}
    provenance = {
        "resourceType": "Provenance",
        "id": "p",
        "target": [{"reference": url}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"display": "Sari"}}],
    }
    whole = bundle("transaction", posted(substance, url), posted(provenance, "urn:uuid:1"), put(patient(id="a")))
    outcome = await world.load(text(whole))
    assert counts(outcome) == (1, 0, 0, 1)
    assert "Provenance.target[0] is required, and refers to" in str(outcome.refused[0])


async def test_a_conditional_create_finds_what_is_there(world: World) -> None:
    await world.load(text(patient(id="a", identifier=[{"system": "urn:ids", "value": "1"}])))
    same = bundle(
        "batch", posted(patient(identifier=[{"system": "urn:ids", "value": "1"}]), ifNoneExist="identifier=urn:ids|1")
    )
    assert counts(await world.load(text(same))) == (0, 0, 1, 0)
    assert [each["id"] for each in await world.all("Patient")] == ["a"]


async def test_a_conditional_reference_finds_its_target_or_is_refused(world: World) -> None:
    refers = bundle("transaction", posted(plan("Patient?identifier=urn:ids|7"), "urn:uuid:p"))
    refused = await world.load(text(refers))
    assert counts(refused) == (0, 0, 0, 2)
    assert "selects no Patient" in str(refused.refused[0])
    await world.load(text(patient(id="seven", identifier=[{"system": "urn:ids", "value": "7"}])))
    assert counts(await world.load(text(refers))) == (1, 0, 0, 0)
    (found,) = await world.all("CarePlan")
    assert found["subject"]["reference"] == "Patient/seven"


async def test_what_a_conditional_reference_missed_is_tried_again_at_the_end(world: World) -> None:
    loader = Loader(world.store, SystemClock(), Choices(SOUTH))
    lines = [
        text(plan("Patient?identifier=urn:ids|8", id="early"), 1),
        text(patient(id="other"), 2),
    ]
    done = await loader.load(lines)
    assert done.missed == {(0, 0)}
    assert counts(done.outcome) == (1, 0, 0, 0)
    await loader.load([text(patient(id="eight", identifier=[{"system": "urn:ids", "value": "8"}]))])
    assert counts(await loader.load_again(lines, done.missed)) == (1, 0, 0, 0)


async def test_a_log_entry_comes_in_once_and_is_never_changed(world: World) -> None:
    event = {
        "resourceType": "AuditEvent",
        "id": "e",
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110114"},
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"requestor": False}],
        "source": {"observer": {"display": "old system"}},
    }
    assert counts(await world.load(text(event))) == (1, 0, 0, 0)
    assert counts(await world.load(text(event))) == (0, 0, 1, 0)
    changed = await world.load(text({**event, "recorded": "2026-02-02T00:00:00Z"}))
    assert "never changed" in str(changed.refused[0])
    assert counts(await world.load(text(bundle("transaction", posted(event, "urn:uuid:e"))))) == (1, 0, 0, 0)


async def test_what_is_loaded_belongs_to_the_organisation_and_is_on_record(world: World) -> None:
    await world.load(text(patient(id="a")), organization=SOUTH)
    rows = await world.rows("SELECT controller FROM patient WHERE id = 'a'")
    assert rows == [(SOUTH,)]
    ((trail, patients, entities),) = await world.rows("SELECT trail::text, patient, entity FROM audit_event")
    assert "sharedplan load" in trail
    assert "some.ndjson:1" in trail
    assert patients == ["Patient/a"]
    assert "Patient/a" in entities


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"[1, 2]", "this is no resource"),
        (b'{"resourceType":"Dream"}', "is no type of resource"),
        (b'{"resourceType":"Patient","id":"a b"}', "an id is 1 to 64 characters"),
        (b'{"resourceType":"Bundle","type":"message"}', "is not loaded"),
        (b'{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:1"}]}', "this is no resource"),
        (b'{"resourceType":"Bundle","type":"transaction","entry":[1]}', "an entry is a JSON object"),
        (b'{"resourceType":"Patient","active":NaN}', "NaN"),
    ],
)
async def test_what_is_no_resource_is_refused_with_a_reason(world: World, value: bytes, why: str) -> None:
    outcome = await world.load(text(value))
    assert counts(outcome)[3] >= 1
    assert any(why in str(each) for each in outcome.refused), outcome.refused


async def test_a_part_of_a_resource_is_refused_like_on_every_other_way_in(world: World) -> None:
    whole = patient(id="a", active=True)
    await world.load(text(whole))
    outcome = await world.load(text(summarised("Patient", whole, "text")))
    assert counts(outcome) == (0, 0, 0, 1)
    assert (await world.newest("Patient", "a")).version == 1
    assert "Patient.meta: This Patient is only a part of one" in str(outcome.refused[0])


async def test_a_type_that_is_not_offered_is_left_out_when_it_comes_alone(world: World) -> None:
    outcome = await world.load(text({"resourceType": "Claim", "id": "c"}))
    assert dict(outcome.left_out) == {"Claim": 1}
    assert outcome.refused == []


async def test_a_mistake_of_ours_refuses_what_it_is_about_and_not_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed = proposals.index_values

    def stumbling(type: str, resource: dict[str, Any], *, base: str = "") -> dict[str, Any]:
        if resource["id"] == "odd":
            raise KeyError("secret content")
        return indexed(type, resource, base=base)

    monkeypatch.setattr(proposals, "index_values", stumbling)
    outcome = await world.load(*(text(patient(id=id), n) for n, id in enumerate(["a", "odd", "b"], 1)))
    assert counts(outcome) == (2, 0, 0, 1)
    assert "some.ndjson:2 (Patient/odd): a fault of the service, not of the resource: KeyError at" in str(
        outcome.refused[0]
    )
    assert "secret" not in str(outcome.refused[0])


def provenance(target: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"display": "Sari"}}],
        **elements,
    }


async def test_what_is_loaded_leaves_provenances_that_name_the_load(world: World) -> None:
    await world.load(text(bundle("transaction", put(patient(id="a")), put(plan("Patient/a", id="p")))))
    found = {each["target"][0]["reference"]: each for each in await world.all("Provenance")}
    assert found.keys() == {"Patient/a/_history/1", "CarePlan/p/_history/1"}
    author, assembler = found["CarePlan/p/_history/1"]["agent"]
    assert author["who"] == author["onBehalfOf"] == {"reference": SOUTH}
    assert assembler["who"]["identifier"] == {"value": "sharedplan load"}


async def test_provenances_come_before_what_they_are_of_and_find_it_still(world: World) -> None:
    own = {"tag": [{"system": "https://sharedplan.dev/fhir/CodeSystem/provenance", "code": "by-service"}]}
    there, mine, lost = (
        provenance("CarePlan/p/_history/4", id="there", meta=own),
        provenance("CarePlan/p", id="mine"),
        provenance("CarePlan/none", id="lost"),
    )
    lines = [there, mine, lost, patient(id="a"), plan("Patient/a", id="p")]
    outcome = Outcome()
    loader = Loader(world.store, SystemClock(), Choices(SOUTH, False, "http://here.test/fhir"))
    missed = []
    for number, each in enumerate(lines):
        texts = [text(each, number + 1)]
        done = await loader.load(texts)
        outcome.add(done.outcome)
        missed += [(texts, done.missed)] if done.missed else []
    for texts, of_these in missed:
        outcome.add(await loader.load_again(texts, of_these))
    assert counts(outcome) == (5, 0, 0, 0)
    async with world.store.begin() as unit:
        named = await unit.named([f"Provenance/{id}" for id in ("there", "mine", "lost")], within=None)
    assert {name: each.patients for name, each in named.items()} == {
        "Provenance/there": ("Patient/a",),
        "Provenance/mine": ("Patient/a",),
        "Provenance/lost": (),
    }
