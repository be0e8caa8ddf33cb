"""FHIRPath Patch: the operations of https://hl7.org/fhir/R4/fhirpatch.html, and what is refused."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.errors import Incorrect, SharedplanError, Unprocessable
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.fhirpath import find
from sharedplan.interactions.fhirpath_patch import patched
from sharedplan.interactions.fhirpath_syntax import LONGEST, parse


def operation(**parts: Any) -> Json:
    """One operation: type, path and name as text, value as the part's own members."""
    listed = []
    for name, value in parts.items():
        if name == "value":
            listed.append({"name": name, **value})
        elif name == "type":
            listed.append({"name": name, "valueCode": value})
        else:
            listed.append({"name": name, "valueInteger" if isinstance(value, int) else "valueString": value})
    return {"name": "operation", "part": listed}


def after(resource: Json, *operations: Json) -> Json:
    before = copy.deepcopy(resource)
    result = patched(resource, {"resourceType": "Parameters", "parameter": list(operations)})
    assert resource == before
    return result


def patient(**elements: Any) -> Json:
    return {"resourceType": "Patient", "id": "anna", **elements}


IDENTIFIERS = [{"system": "urn:s", "value": "1"}, {"system": "urn:s", "value": "2"}, {"system": "urn:t", "value": "3"}]


def values(resource: Json) -> list[str]:
    return [each["value"] for each in resource.get("identifier", [])]


def test_an_empty_patch_changes_nothing() -> None:
    assert patched(patient(), {"resourceType": "Parameters"}) == patient()


def test_add_sets_a_single_element() -> None:
    given = operation(type="add", path="Patient", name="birthDate", value={"valueDate": "1930-01-01"})
    assert after(patient(), given) == patient(birthDate="1930-01-01")


def test_add_refuses_a_single_element_that_is_there() -> None:
    with pytest.raises(Unprocessable):
        after(
            patient(birthDate="1920-01-01"),
            operation(type="add", path="Patient", name="birthDate", value={"valueDate": "1930-01-01"}),
        )


def test_add_refuses_a_second_form_of_a_choice() -> None:
    with pytest.raises(Unprocessable):
        after(
            patient(deceasedBoolean=False),
            operation(type="add", path="Patient", name="deceased", value={"valueDateTime": "2020"}),
        )


def test_add_appends_to_a_list() -> None:
    given = operation(type="add", path="Patient", name="identifier", value={"valueIdentifier": {"value": "9"}})
    assert values(after(patient(identifier=IDENTIFIERS[:1]), given)) == ["1", "9"]


def test_add_names_a_choice_by_the_type_of_its_value() -> None:
    observation = {"resourceType": "Observation"}
    given = operation(type="add", path="Observation", name="value", value={"valueQuantity": {"value": 1}})
    assert after(observation, given)["valueQuantity"] == {"value": 1}


def test_add_builds_an_element_without_a_type_of_its_own_from_parts() -> None:
    contact = {
        "part": [
            {"name": "name", "valueHumanName": {"text": "a name"}},
            {"name": "relationship", "valueCodeableConcept": {"text": "mother"}},
            {"name": "relationship", "valueCodeableConcept": {"text": "guardian"}},
            {"name": "gender", "valueCode": "female", "_valueCode": {"id": "g"}},
        ]
    }
    assert after(patient(), operation(type="add", path="Patient", name="contact", value=contact))["contact"] == [
        {
            "name": {"text": "a name"},
            "relationship": [{"text": "mother"}, {"text": "guardian"}],
            "gender": "female",
            "_gender": {"id": "g"},
        }
    ]


def test_parts_may_nest() -> None:
    activity = {
        "part": [
            {
                "name": "detail",
                "part": [
                    {"name": "status", "valueCode": "scheduled"},
                    {"name": "scheduled", "valuePeriod": {"start": "2026"}},
                ],
            }
        ]
    }
    plan = {"resourceType": "CarePlan"}
    result = after(plan, operation(type="add", path="CarePlan", name="activity", value=activity))
    assert result["activity"] == [{"detail": {"status": "scheduled", "scheduledPeriod": {"start": "2026"}}}]


@pytest.mark.parametrize(("index", "expected"), [(0, "9123"), (1, "1923"), (3, "1239")])
def test_insert_puts_an_item_at_its_index(index: int, expected: str) -> None:
    given = operation(type="insert", path="Patient.identifier", index=index, value={"valueIdentifier": {"value": "9"}})
    assert "".join(values(after(patient(identifier=IDENTIFIERS), given))) == expected


def test_insert_begins_a_list_that_is_not_there() -> None:
    given = operation(type="insert", path="Patient.identifier", index=0, value={"valueIdentifier": {"value": "9"}})
    assert values(after(patient(), given)) == ["9"]


@pytest.mark.parametrize("index", [-1, 4])
def test_insert_beyond_the_list_is_refused(index: int) -> None:
    with pytest.raises(Unprocessable):
        after(
            patient(identifier=IDENTIFIERS),
            operation(type="insert", path="Patient.identifier", index=index, value={"valueIdentifier": {}}),
        )


def test_delete_removes_one_element_and_what_it_leaves_empty() -> None:
    before = patient(contact=[{"name": {"text": "a name"}, "gender": "male"}])
    assert after(before, operation(type="delete", path="Patient.contact[0].name.text")) == patient(
        contact=[{"gender": "male"}]
    )
    assert after(before, operation(type="delete", path="Patient.contact[0]")) == patient()


def test_delete_of_what_is_not_there_does_nothing() -> None:
    assert after(patient(), operation(type="delete", path="Patient.birthDate")) == patient()


def test_delete_of_several_at_once_is_refused() -> None:
    with pytest.raises(Unprocessable):
        after(patient(identifier=IDENTIFIERS), operation(type="delete", path="Patient.identifier"))


def test_delete_takes_the_extensions_of_a_primitive_along() -> None:
    before = patient(
        birthDate="1920", _birthDate={"id": "b"}, name=[{"given": ["a", "b"], "_given": [None, {"id": "x"}]}]
    )
    assert after(before, operation(type="delete", path="Patient.birthDate"))["name"] == before["name"]
    assert "_birthDate" not in after(before, operation(type="delete", path="Patient.birthDate"))
    assert after(before, operation(type="delete", path="Patient.name.given[0]"))["name"] == [
        {"given": ["b"], "_given": [{"id": "x"}]}
    ]
    assert after(before, operation(type="delete", path="Patient.name.given[1]"))["name"] == [{"given": ["a"]}]


def test_replace_sets_an_element_in_its_place() -> None:
    before = patient(gender="male", birthDate="1920", _birthDate={"id": "b"}, active=True)
    result = after(before, operation(type="replace", path="Patient.birthDate", value={"valueDate": "1930"}))
    assert list(result.items()) == list(patient(gender="male", birthDate="1930", active=True).items())


def test_replace_may_change_the_type_of_a_choice() -> None:
    before = {"resourceType": "Observation", "valueString": "x", "status": "final"}
    result = after(before, operation(type="replace", path="Observation.value", value={"valueInteger": 3}))
    assert list(result) == ["resourceType", "valueInteger", "status"]


def test_replace_of_an_item_keeps_the_others() -> None:
    given = operation(
        type="replace", path="Patient.identifier.where(value = '2')", value={"valueIdentifier": {"value": "9"}}
    )
    assert values(after(patient(identifier=IDENTIFIERS), given)) == ["1", "9", "3"]


def test_replace_needs_exactly_one_element() -> None:
    for path in ("Patient.birthDate", "Patient.identifier.value"):
        with pytest.raises(Unprocessable):
            after(patient(identifier=IDENTIFIERS), operation(type="replace", path=path, value={"valueString": "x"}))


@pytest.mark.parametrize(
    ("source", "destination", "expected"), [(2, 0, "312"), (0, 2, "231"), (1, 1, "123"), (0, 1, "213")]
)
def test_move_reorders_a_list(source: int, destination: int, expected: str) -> None:
    given = operation(type="move", path="Patient.identifier", source=source, destination=destination)
    assert "".join(values(after(patient(identifier=IDENTIFIERS), given))) == expected


@pytest.mark.parametrize(("source", "destination"), [(3, 0), (0, 3), (-1, 0)])
def test_move_beyond_the_list_is_refused(source: int, destination: int) -> None:
    with pytest.raises(Unprocessable):
        after(
            patient(identifier=IDENTIFIERS),
            operation(type="move", path="Patient.identifier", source=source, destination=destination),
        )


@pytest.mark.parametrize(
    ("path", "name"),
    [("Patient.id", None), ("Patient", None), ("Patient.meta.versionId", None), ("Patient.meta.lastUpdated", None)],
)
def test_what_the_server_keeps_cannot_be_patched(path: str, name: str | None) -> None:
    before = patient(meta={"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z", "source": "urn:s"})
    for kind in ("delete", "replace"):
        with pytest.raises((Unprocessable, Incorrect)):
            after(before, operation(type=kind, path=path, value={"valueString": "x"}))


def test_what_the_server_keeps_cannot_be_added() -> None:
    with pytest.raises(Unprocessable):
        after({"resourceType": "Patient"}, operation(type="add", path="Patient", name="id", value={"valueId": "x"}))
    with pytest.raises(Unprocessable):
        after(
            patient(meta={"source": "urn:s"}),
            operation(type="add", path="Patient.meta", name="versionId", value={"valueId": "7"}),
        )


def test_tags_and_ids_of_inner_elements_are_free() -> None:
    before = patient(meta={"versionId": "1"}, contact=[{"id": "c"}])
    tagged = after(before, operation(type="add", path="Patient.meta", name="tag", value={"valueCoding": {"code": "t"}}))
    assert tagged["meta"]["tag"] == [{"code": "t"}]
    assert after(before, operation(type="replace", path="Patient.contact.id", value={"valueString": "d"}))[
        "contact"
    ] == [{"id": "d"}]


@pytest.mark.parametrize("value", [{"valueString": "x"}, {"valueHumanName": {"text": "x"}}, {}, {"part": "x"}])
def test_a_value_of_the_wrong_type_is_refused(value: Json) -> None:
    with pytest.raises((Unprocessable, Incorrect)):
        after(patient(), operation(type="add", path="Patient", name="identifier", value=value))
    with pytest.raises((Unprocessable, Incorrect)):
        after(patient(), operation(type="add", path="Patient", name="gender", value={"valueCoding": {}}))


@pytest.mark.parametrize(
    "parameters",
    [
        [],
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": ["x"]},
        {"resourceType": "Parameters", "parameter": [{"name": "other", "part": []}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation"}]},
        {"resourceType": "Parameters", "parameter": [operation(type="delete")]},
        {"resourceType": "Parameters", "parameter": [operation(type="upsert", path="Patient")]},
        {"resourceType": "Parameters", "parameter": [operation(type="add", path="Patient", name="gender")]},
        {"resourceType": "Parameters", "parameter": [operation(type="delete", path="Patient.gender")] * 201},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [{"name": "type"}] * 2}]},
    ],
)
def test_what_is_no_patch_is_incorrect(parameters: Any) -> None:
    with pytest.raises(Incorrect):
        patched(patient(), parameters)


@pytest.mark.parametrize(
    "path",
    [
        "Patient.name.resolve()",
        "Patient.name[",
        "Patient.name['x']",
        "Patient.name[1.5]",
        "Patient..name",
        "Patient.name.where()",
        "Patient.name.where(use = 'x'",
        "Patient.name | Patient.contact",
        "%resource.name",
        "Patient.name.trace('x')",
        "(" * 30 + "Patient" + ")" * 30,
        "Patient.name.where(use > 3)",
        "Patient.name.exists()",
        "'text'",
        "x" * 2000,
        "",
    ],
)
def test_a_path_outside_the_subset_is_incorrect(path: str) -> None:
    with pytest.raises(Incorrect):
        after(patient(name=[{"given": ["a"], "use": "b"}]), operation(type="delete", path=path))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Patient.name.given", ["Anna", "Liisa", "Ann"]),
        ("name.given", ["Anna", "Liisa", "Ann"]),
        ("Patient.name[1].given", ["Ann"]),
        ("Patient.name.where(use = 'nickname').given.first()", ["Ann"]),
        ("Patient.name.where(use != 'nickname').given.last()", ["Liisa"]),
        ("Patient.name.where(given.count() > 1).given.skip(1)", ["Liisa"]),
        ("Patient.name.where(period.exists().not()).given", ["Ann"]),
        ("Patient.name.where(use = 'official' and period.start >= '2000').given.take(1)", ["Anna"]),
        ("Patient.name.where(use = 'old' or given contains 'x')", None),
        ("Patient.name.where($this.use.startsWith('nick')).given", ["Ann"]),
        ("Patient.extension('urn:a').value", ["x"]),
        ("Patient.extension.where(url = 'urn:b').value.ofType(Quantity).value", [3]),
        ("Patient.birthDate.extension('urn:time').value", ["noon"]),
        ("Patient.`name`.tail().given", ["Ann"]),
        ("Patient.contained.where(id = 'o').name", ["Org"]),
        ("Patient.active", [True]),
        ("Patient.where(active = true).name[0].use", ["official"]),
        ("Patient.name.given[7]", []),
        ("Patient.nonsense", []),
        ("Observation.name", []),
        ("Patient.name.where(given.endsWith('sa')).use", []),
        ("Patient.name.where(period.start = @2001).use", ["official"]),
        (r"Patient.name.where(text = 'it\'s').use", []),
    ],
)
def test_a_path_selects(path: str, expected: list[Any] | None) -> None:
    resource = patient(
        active=True,
        birthDate="1980",
        _birthDate={"extension": [{"url": "urn:time", "valueString": "noon"}]},
        extension=[{"url": "urn:a", "valueString": "x"}, {"url": "urn:b", "valueQuantity": {"value": 3}}],
        name=[
            {"use": "official", "given": ["Anna", "Liisa"], "period": {"start": "2001"}},
            {"use": "nickname", "given": ["Ann"]},
        ],
        contained=[{"resourceType": "Organization", "id": "o", "name": "Org"}],
    )
    if expected is None:
        with pytest.raises(Incorrect):
            parse(path)
    else:
        assert [place.value for place in find(resource, path)] == expected


ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from(["add", "insert", "delete", "replace", "move", "Patient", "Patient.name", "Patient.name[0].given"]),
    st.sampled_from(["name", "given", "contact", "deceased", "extension", "Patient.extension", "Patient.deceased", ""]),
)
MEMBERS = st.sampled_from(
    ["name", "part", "resource", "valueCode", "valueString", "valueInteger", "valueHumanName", "_valueString", "value"]
)
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(MEMBERS, inner, max_size=3)),
    max_leaves=8,
)
PART_NAMES = st.sampled_from(["type", "path", "name", "value", "index", "source", "destination"])
OPERATIONS = st.lists(
    st.builds(lambda name, value: {"name": name, **value}, PART_NAMES, st.dictionaries(MEMBERS, ANYTHING, max_size=2)),
    max_size=6,
).map(lambda parts: {"name": "operation", "part": parts})


@given(st.lists(st.one_of(OPERATIONS, ANYTHING), max_size=3))
def test_whatever_is_sent_is_applied_or_refused(operations: list[Any]) -> None:
    before = patient(name=[{"given": ["a"], "_given": [{"id": "i"}]}], deceasedBoolean=True)
    try:
        result = patched(before, {"resourceType": "Parameters", "parameter": operations})
    except SharedplanError:
        return
    assert result["id"] == "anna" and result["resourceType"] == "Patient"


@given(st.text(alphabet="Patient.name[0]()'\\ =<>!$this@2`,where-first", max_size=60))
def test_whatever_a_path_says_it_is_read_or_refused(path: str) -> None:
    try:
        find(patient(name=[{"given": ["a"]}]), path)
    except Incorrect:
        return


def test_the_longest_path_is_followed() -> None:
    path = ".".join(["a"] * (LONGEST // 2))
    assert find(patient(), path) == []


def test_the_paths_of_one_patch_share_a_budget() -> None:
    many = patient(name=[{"family": "a"} for _ in range(5_000)])
    look = operation(type="delete", path="Patient.name.where(family = 'z')")
    assert after(many, look) == many
    with pytest.raises(Incorrect, match="look at more than"):
        patched(many, {"resourceType": "Parameters", "parameter": [look] * 200})
