"""Index values: what search finds a resource by."""

from datetime import UTC, datetime
from typing import Any

import pytest

from search.examples import resources
from sharedplan.catalogue import CATALOGUE
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import SHARED, columns
from sharedplan.search.values.entry import LIMIT
from sharedplan.search.values.lookup import MOST_BYTES
from sharedplan.search.values.words import LONGEST

SNOMED = "http://snomed.info/sct"


def every(type: str, **elements: Any) -> dict[str, Any]:
    """All columns that have a value."""
    found = index_values(type, {"resourceType": type, **elements}, base="https://plan.example/fhir")
    return {name: value for name, value in found.items() if value is not None}


def indexed(type: str, **elements: Any) -> dict[str, Any]:
    """The columns that have a value, without those that all parameters share."""
    shared = {column.name for column in SHARED}
    return {name: value for name, value in every(type, **elements).items() if name not in shared}


def test_every_column_of_the_type_is_there_and_null_when_there_is_nothing_for_it() -> None:
    for type in CATALOGUE:
        found = index_values(type, {"resourceType": type})
        assert list(found) == [column.name for column in columns(type)]
        assert {name for name, value in found.items() if value is not None} == (
            {"deceased"} if type == "Patient" else set()
        )


def test_all_test_data_is_indexed_in_the_shape_that_its_columns_have() -> None:
    for resource in resources():
        found = index_values(resource["resourceType"], resource)
        for column in columns(resource["resourceType"]):
            value = found[column.name]
            if value is None:
                continue
            match column.kind:
                case "text":
                    assert isinstance(value, str) and len(value) <= LIMIT
                case "text[]":
                    assert value and all(len(each) <= LIMIT + 1 for each in value)
                case "tstzrange":
                    assert_range(value)
                case "tstzrange[]":
                    assert value
                    for each in value:
                        assert_range(each)
                case "numrange" | "numrange[]":
                    for low, high, bounds in value if column.kind == "numrange[]" else [value]:
                        assert bounds in ("[]", "[)", "(]", "()")
                        assert low is None or high is None or low <= high
                case "float8[]":
                    assert [type(each) for each in value] == [float, float]
                case "lookup":
                    assert 0 < len(set(value)) == len(value)
                    assert sum(len(each.encode()) for each in value) <= MOST_BYTES
                case "words":
                    assert value.strip() and len(value) <= LONGEST
                case kind:
                    raise AssertionError(kind)


def assert_range(value: tuple[datetime | None, datetime | None]) -> None:
    low, high = value
    assert low is not None or high is not None
    assert low is None or high is None or low < high


def test_a_concept_is_found_by_code_by_system_and_code_and_by_system() -> None:
    category = [{"coding": [{"system": SNOMED, "code": "734163000"}, {"code": "local"}], "text": "Care plan"}]
    assert indexed("CarePlan", category=category) == {
        "category": ["734163000", f"{SNOMED}|734163000", f"{SNOMED}|", "local", "|local"]
    }
    shared = every("CarePlan", category=category)
    assert shared["lookup"] == ["category\x1fcare plan"]
    assert shared["words"] == "local\nCare plan"


@pytest.mark.parametrize(
    ("type", "elements", "column", "entries"),
    [
        ("Patient", {"active": False}, "active", ["false", "|false"]),
        ("Patient", {"gender": "female"}, "gender", ["female", "|female"]),
        ("Patient", {"identifier": [{"system": "urn:x", "value": "1"}]}, "identifier", ["1", "urn:x|1", "urn:x|"]),
        ("Patient", {"identifier": [{"system": "urn:x"}]}, "identifier", None),
        ("Patient", {"telecom": [{"system": "phone", "value": "+358"}]}, "phone", ["+358", "phone|+358", "phone|"]),
        ("Patient", {"telecom": [{"system": "email", "value": "a@b.fi"}]}, "phone", None),
        ("Encounter", {"class": {"system": "urn:x", "code": "AMB"}}, "class", ["AMB", "urn:x|AMB", "urn:x|"]),
        ("Encounter", {"class": {"system": "urn:x"}}, "class", ["urn:x|"]),
        ("Group", {"characteristic": [{"valueBoolean": True}]}, "value", ["true", "|true"]),
        ("Patient", {"identifier": [{"value": "a|b"}]}, "identifier", ["a\\|b", "|a\\|b"]),
        ("CarePlan", {"meta": {"tag": [{"code": "t"}]}}, "meta_tag", ["t", "|t"]),
    ],
)
def test_tokens(type: str, elements: dict[str, Any], column: str, entries: list[str] | None) -> None:
    assert indexed(type, **elements).get(column) == entries


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/3", "Patient/1"),
        ("https://plan.example/fhir/Patient/1", "Patient/1"),
        ("https://plan.example/fhir/Patient/1/_history/3", "Patient/1"),
        ("https://plan.example/fhirs/Patient/1", "https://plan.example/fhirs/Patient/1"),
        ("https://other.example/fhir/Patient/1/_history/3", "https://other.example/fhir/Patient/1"),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
        ("#contained", None),
    ],
)
def test_references(text: str, entry: str | None) -> None:
    assert indexed("CarePlan", subject={"reference": text}).get("subject") == entry


def test_a_reference_counts_for_a_parameter_of_one_type_only_when_it_is_of_that_type() -> None:
    assert indexed("CarePlan", subject={"reference": "Group/1"}) == {"subject": "Group/1"}
    assert indexed("CarePlan", subject={"reference": "Patient/1"}) == {"subject": "Patient/1", "patient": "Patient/1"}


def test_a_choice_that_is_no_reference_has_nothing_to_index() -> None:
    assert indexed("Consent", sourceAttachment={"title": "paper"}) == {}


def test_a_canonical_is_found_with_its_version_and_without() -> None:
    assert indexed("CarePlan", instantiatesCanonical=["https://x.example/PlanDefinition/stop|2"]) == {
        "instantiates_canonical": ["https://x.example/PlanDefinition/stop", "https://x.example/PlanDefinition/stop|2"]
    }


def test_names_are_found_by_every_part_without_case_and_accents_and_exactly() -> None:
    found = indexed("Patient", name=[{"family": "Virtänen", "given": ["Aino", None], "_given": [None, {"id": "x"}]}])
    assert found["name"] == ["virtanen", "=Virtänen", "aino", "=Aino"]
    assert found["family"] == ["virtanen", "=Virtänen"]
    assert found["given"] == ["aino", "=Aino"]


def test_a_date_is_the_whole_day_in_finland() -> None:
    assert indexed("Patient", birthDate="1980-07-05") == {
        "birthdate": (datetime(1980, 7, 4, 22, tzinfo=UTC), datetime(1980, 7, 5, 22, tzinfo=UTC)),
        "deceased": ["false", "|false"],
    }


def test_several_periods_have_one_that_encloses_them() -> None:
    activity = [
        {"detail": {"scheduledPeriod": {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"}}},
        {"detail": {"scheduledPeriod": {"start": "2024-03-01T00:00:00Z"}}},
        {"detail": {"scheduledString": "when it suits"}},
    ]
    first = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, 0, 0, 1, tzinfo=UTC))
    second = (datetime(2024, 3, 1, tzinfo=UTC), None)
    assert indexed("CarePlan", activity=activity) == {
        "activity_date": [first, second],
        "activity_date_span": (first[0], None),
    }


def test_a_schedule_counts_by_its_outer_limits() -> None:
    timing = {"event": ["2024-02-01T08:00:00Z", "2024-02-03T08:00:00Z"], "repeat": {"frequency": 1}}
    assert indexed("ServiceRequest", occurrenceTiming=timing)["occurrence"] == (
        datetime(2024, 2, 1, 8, tzinfo=UTC),
        datetime(2024, 2, 3, 8, 0, 1, tzinfo=UTC),
    )
    assert "occurrence" not in indexed("ServiceRequest", occurrenceTiming={"repeat": {"frequency": 1}})


def test_an_extension_counts_by_its_value() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/observation-geneticsDnaVariant"
    assert indexed("Observation", extension=[{"url": url, "valueString": "Abc"}])["dna_variant"] == ["abc", "=Abc"]


def test_entries_are_short_enough_for_an_index_however_long_the_element_is() -> None:
    long = "x" * 100_000
    found = every(
        "Patient",
        identifier=[{"system": f"urn:{long}", "value": long}],
        managingOrganization={"reference": f"https://x.example/{long}"},
        name=[{"family": long}],
        meta={"source": f"https://x.example/{long}", "profile": [f"https://x.example/{long}|1"]},
    )
    assert len(found.pop("words")) <= LONGEST
    for value in found.values():
        for entry in [value] if isinstance(value, str) else value:
            assert len(entry) <= LIMIT + 1
