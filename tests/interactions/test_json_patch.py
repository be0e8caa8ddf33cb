"""JSON Patch: RFC 6902 against the jsonpatch library, and our limits."""

import copy
from typing import Any

import jsonpatch
import jsonpointer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.errors import Incorrect, SharedplanError, Unprocessable
from sharedplan.interactions.json_patch import MOST_COPIES, MOST_OPERATIONS, equal, patched

NAMES = st.sampled_from(["a", "b", "c~d", "e/f", "0"])
VALUES = st.recursive(
    st.one_of(st.integers(-3, 3), st.sampled_from(["", "x", "y"])),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
POINTERS = st.lists(st.sampled_from(["a", "b", "c~0d", "e~1f", "0", "1", "-"]), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)


@st.composite
def operations(draw: st.DrawFn) -> dict[str, Any]:
    op = draw(st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]))
    operation: dict[str, Any] = {"op": op, "path": draw(POINTERS)}
    if op in {"add", "replace", "test"}:
        operation["value"] = draw(VALUES)
    if op in {"move", "copy"}:
        operation["from"] = draw(POINTERS)
    return operation


def without_empties(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_empties(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner not in ({}, [])}
    if isinstance(value, list):
        return [inner for inner in map(without_empties, value) if inner not in ({}, [])]
    return value


@given(DOCUMENTS, st.lists(operations(), min_size=1, max_size=4))
def test_it_does_what_the_reference_library_does(document: dict[str, Any], patch: list[dict[str, Any]]) -> None:
    if sum(operation["op"] == "copy" for operation in patch) > MOST_COPIES:
        return
    before = copy.deepcopy(document)
    try:
        expected = jsonpatch.apply_patch(document, copy.deepcopy(patch))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        expected = None
    try:
        result = patched(document, patch)
    except SharedplanError:
        result = None
    if expected is None or result is None:
        assert expected is None, (expected, patch)
        assert result is None, (result, patch)
    else:
        assert result == without_empties(expected)
    assert document == before


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_made_by_the_reference_library_leads_from_one_to_the_other(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    patch = jsonpatch.make_patch(one, other).patch
    if sum(operation["op"] == "copy" for operation in patch) <= MOST_COPIES:
        assert patched(one, patch) == other


def test_an_array_emptied_by_a_removal_goes_with_it() -> None:
    plan = {"resourceType": "CarePlan", "text": {"div": "x"}, "note": [{"text": "one"}]}
    assert "note" not in patched(plan, [{"op": "remove", "path": "/note/0"}])
    assert "note" not in patched(plan, [{"op": "remove", "path": "/note/0/text"}])


def test_an_empty_value_that_the_client_brings_stays_for_the_validator_to_refuse() -> None:
    assert patched({"a": 1}, [{"op": "add", "path": "/note", "value": []}])["note"] == []


def test_true_is_not_one() -> None:
    assert not equal(True, 1)
    assert not equal([0], [False])
    with pytest.raises(Unprocessable):
        patched({"active": True}, [{"op": "test", "path": "/active", "value": 1}])


def test_a_failing_test_changes_nothing_and_is_unprocessable() -> None:
    patient = {"resourceType": "Patient", "gender": "male"}
    with pytest.raises(Unprocessable, match="operation 1"):
        patched(
            patient,
            [{"op": "remove", "path": "/gender"}, {"op": "test", "path": "/resourceType", "value": "Person"}],
        )
    assert patient == {"resourceType": "Patient", "gender": "male"}


@pytest.mark.parametrize("path", ["/id", "/resourceType", "/meta/versionId", "/meta/lastUpdated"])
@pytest.mark.parametrize("op", ["add", "remove", "replace", "move", "copy"])
def test_what_the_server_keeps_cannot_be_patched(op: str, path: str) -> None:
    patient = {"resourceType": "Patient", "id": "1", "meta": {"versionId": "1", "lastUpdated": "x"}, "gender": "male"}
    with pytest.raises(Unprocessable):
        patched(patient, [{"op": op, "path": path, "value": "x", "from": "/gender"}])
    with pytest.raises(Unprocessable):
        patched(patient, [{"op": "move", "from": path, "path": "/gender"}])


def test_what_the_server_keeps_can_be_tested() -> None:
    patient = {"resourceType": "Patient", "id": "1"}
    assert patched(patient, [{"op": "test", "path": "/id", "value": "1"}]) == patient


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "remove", "path": "/a"},
        ["remove"],
        [{"op": "delete", "path": "/a"}],
        [{"op": ["add"], "path": "/a"}],
        [{"op": "add", "path": "/a"}],
        [{"op": "add", "value": 1}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": "/a~2", "value": 1}],
        [{"op": "add", "path": "/a~", "value": 1}],
        [{"op": "move", "path": "/a"}],
        [{"op": "test", "path": "/a", "value": 1}] * (MOST_OPERATIONS + 1),
        [{"op": "copy", "from": "/a", "path": "/b"}] * (MOST_COPIES + 1),
    ],
)
def test_what_is_no_patch_or_too_much_is_incorrect(patch: Any) -> None:
    with pytest.raises(Incorrect):
        patched({"a": 1}, patch)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": ""},
        {"op": "remove", "path": "/none"},
        {"op": "remove", "path": "/list/2"},
        {"op": "remove", "path": "/list/-"},
        {"op": "remove", "path": "/list/01"},
        {"op": "remove", "path": "/list/-1"},
        {"op": "remove", "path": "/list/٣"},
        {"op": "add", "path": "/list/3", "value": 1},
        {"op": "add", "path": "/list/99999999999999999999", "value": 1},
        {"op": "add", "path": "/text/x", "value": 1},
        {"op": "move", "from": "/list", "path": "/list/0"},
        {"op": "replace", "path": "", "value": 1},
    ],
)
def test_what_does_not_fit_the_resource_is_unprocessable(operation: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable):
        patched({"list": [1, 2], "text": "t"}, [operation])


def test_a_patch_cannot_grow_a_resource_without_end() -> None:
    wide = {"a": list(range(40_000))}
    with pytest.raises(Incorrect):
        patched(wide, [{"op": "copy", "from": "/a", "path": f"/b{n}"} for n in range(5)])
    deep: Any = 0
    for _ in range(50):
        deep = [deep]
    with pytest.raises(Incorrect):
        patched(
            {"a": [[1]]},
            [{"op": "add", "path": "/a/0/0", "value": deep}] * 2
            + [{"op": "add", "path": "/a/0/0" + "/0" * 40, "value": deep}],
        )


def test_what_is_added_is_not_shared_with_the_patch() -> None:
    patch = [{"op": "add", "path": "/a", "value": {"b": 1}}, {"op": "add", "path": "/a/c", "value": 2}]
    assert patched({}, patch) == {"a": {"b": 1, "c": 2}}
    assert patch[0]["value"] == {"b": 1}
