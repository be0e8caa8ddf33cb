"""What the entries of a Bundle ask for."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.errors import Incorrect, NotFound, NotOffered, SharedplanError
from sharedplan.exchange.entries import listed, named, place, read
from sharedplan.fhir.exchanges import Asked, Prefer

AROUND = Asked(
    "transaction", prefer=Prefer("minimal"), base="https://plan.example/fhir", request_id="r-1", method="POST"
)


def entry(method: str, url: str, resource: Any = None, full_url: str | None = None, **request: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url is not None:
        made["fullUrl"] = full_url
    return made


PATIENT = {"resourceType": "Patient"}
BINARY = {"resourceType": "Binary", "contentType": "application/json-patch+json"}


@pytest.mark.parametrize(
    ("method", "url", "interaction", "type", "id"),
    [
        ("POST", "Patient", "create", "Patient", None),
        ("POST", "/Patient", "create", "Patient", None),
        ("POST", "https://plan.example/fhir/Patient", "create", "Patient", None),
        ("PUT", "Patient/1", "update", "Patient", "1"),
        ("PUT", "Patient?identifier=a%7Cb", "update", "Patient", None),
        ("PATCH", "Patient/1", "patch", "Patient", "1"),
        ("DELETE", "Patient/1", "delete", "Patient", "1"),
        ("DELETE", "Patient?identifier=x", "delete", "Patient", None),
        ("GET", "Patient/1", "read", "Patient", "1"),
        ("HEAD", "Patient/1", "read", "Patient", "1"),
        ("GET", "Patient/1/_history/2", "vread", "Patient", "1"),
        ("GET", "Patient/1/_history", "history-instance", "Patient", "1"),
        ("GET", "Patient/_history?_count=1", "history-type", "Patient", None),
        ("GET", "_history", "history-system", None, None),
        ("GET", "Patient?name=x", "search-type", "Patient", None),
        ("GET", "?_type=Patient", "search-system", None, None),
        ("POST", "Patient/$validate", "operation", "Patient", None),
    ],
)
def test_an_entry_asks_for_the_interaction_of_its_method_and_url(
    method: str, url: str, interaction: str, type: str | None, id: str | None
) -> None:
    asked = read(entry(method, url, PATIENT), 0, AROUND).asked
    assert (asked.interaction, asked.type, asked.id) == (interaction, type, id)
    assert (asked.base, asked.request_id, asked.prefer) == (AROUND.base, "r-1", Prefer("minimal"))


def test_conditions_and_preconditions_are_the_entrys_own() -> None:
    asked = read(
        entry("PUT", "Patient?identifier=a%7Cb&x=", PATIENT, ifMatch='W/"1"', ifNoneMatch="*"), 0, AROUND
    ).asked
    assert asked.parameters == (("identifier", "a|b"), ("x", ""))
    assert (asked.if_match, asked.if_none_match) == ('W/"1"', "*")
    assert read(entry("POST", "Patient", PATIENT, ifNoneExist="identifier=a|b"), 0, AROUND).asked.if_none_exist
    since = read(entry("GET", "Patient/1", ifModifiedSince="2026-01-01T00:00:00Z"), 0, AROUND).asked.if_modified_since
    assert since is not None and since.year == 2026


def test_a_patch_is_parameters_or_a_binary() -> None:
    assert read(entry("PATCH", "Patient/1", {"resourceType": "Parameters"}), 0, AROUND).asked.patch_format == (
        "fhirpath-patch"
    )
    data = base64.b64encode(b'[{"op":"remove","path":"/gender"}]').decode()
    asked = read(entry("PATCH", "Patient/1", {**BINARY, "data": data}), 0, AROUND).asked
    assert (asked.patch_format, asked.body) == ("json-patch", [{"op": "remove", "path": "/gender"}])


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        (7, "request"),
        ({}, "request"),
        ({"request": []}, "request"),
        ({"request": {"method": "POST", "url": "Patient"}}, "resource"),
        ({"request": {"method": "POST", "url": "Patient"}, "resource": []}, "resource"),
        ({"request": {"method": "OPTIONS", "url": "Patient"}}, "request.method"),
        ({"request": {"method": ["GET"], "url": "Patient"}}, "request.method"),
        ({"request": {"method": "GET"}}, "request.url"),
        ({"request": {"method": "GET", "url": 7}}, "request.url"),
        ({"request": {"method": "GET", "url": "Patient", "ifmatch": "x"}}, "request.ifmatch"),
        ({"request": {"method": "GET", "url": "Patient"}, "fullurl": "x"}, "fullurl"),
        ({"request": {"method": "GET", "url": "Patient/1", "ifModifiedSince": "1999"}}, "request.ifModifiedSince"),
        ({"request": {"method": "POST", "url": ""}, "resource": {}}, "request.url"),
        (entry("PATCH", "Patient/1", {**BINARY, "contentType": "x"}), "resource.contentType"),
        (
            entry(
                "PATCH",
                "Patient/1",
                {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "?"},
            ),
            "resource.data",
        ),
        (entry("PATCH", "Patient/1", {**BINARY, "data": "ä"}), "resource.data"),
    ],
)
def test_a_wrong_entry_is_named_with_its_element(wrong: Any, at: str) -> None:
    with pytest.raises(Incorrect) as failure:
        read(wrong, 3, AROUND)
    assert failure.value.issues[0].at == f"Bundle.entry[3].{at}"


@pytest.mark.parametrize(
    ("url", "kind"),
    [("Claim/1", NotFound), ("Patient/1/2/3", NotFound), ("Patient/%20", Incorrect), ("AuditEvent/1", NotOffered)],
)
def test_an_address_that_is_not_offered_is_named_with_its_entry(url: str, kind: type[SharedplanError]) -> None:
    with pytest.raises(kind) as failure:
        read(entry("DELETE", url), 3, AROUND)
    assert failure.value.issues[0].at == place(3)


def test_issues_of_a_resource_point_into_the_bundle_once() -> None:
    failure = named(named(Incorrect("bad", at="Patient.name[0].given"), 2), 2)
    assert failure.issues[0].at == "Bundle.entry[2].resource.name[0].given"
    assert failure.issues[0].saying == "entry 2: bad"


@pytest.mark.parametrize(
    "bundle",
    [
        {"entry": {}},
        {"entry": [{}] * 3},
        {"Entry": []},
    ],
)
def test_a_bundle_that_is_none_or_too_large_is_incorrect(bundle: dict[str, Any]) -> None:
    with pytest.raises(Incorrect):
        listed({"resourceType": "Bundle", "type": "batch", **bundle}, most=2)


def test_a_bundle_may_be_empty() -> None:
    assert listed({"resourceType": "Bundle", "type": "batch"}, most=2) == []


ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from(["POST", "PATCH", "GET", "Patient", "Patient/1", "x", ""]),
)
MEMBERS = st.sampled_from(["request", "resource", "fullUrl", "method", "url", "resourceType", "data", "contentType"])
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(MEMBERS, inner, max_size=4)),
    max_leaves=8,
)


@given(ANYTHING)
def test_whatever_an_entry_is_it_is_read_or_refused(anything: Any) -> None:
    try:
        read(anything, 0, AROUND)
    except SharedplanError as failure:
        assert all(issue.at is not None and issue.at.startswith("Bundle.entry[0]") for issue in failure.issues)
