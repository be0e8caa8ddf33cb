"""Addresses: which interaction a method and a path ask for, and what is said when they ask for none."""

import pytest

from sharedplan.errors import Incorrect, NotFound, NotOffered
from sharedplan.fhir.addresses import Address, addressed


@pytest.mark.parametrize(
    ("method", "path", "address"),
    [
        ("POST", "", Address("batch")),
        ("GET", "", Address("search-system")),
        ("GET", "_history", Address("history-system")),
        ("POST", "_search", Address("search-system", takes_form=True)),
        ("GET", "CarePlan", Address("search-type", "CarePlan")),
        ("POST", "CarePlan/_search", Address("search-type", "CarePlan", takes_form=True)),
        ("POST", "CarePlan", Address("create", "CarePlan")),
        ("PUT", "CarePlan", Address("update", "CarePlan")),
        ("PATCH", "CarePlan", Address("patch", "CarePlan")),
        ("DELETE", "CarePlan", Address("delete", "CarePlan")),
        ("GET", "CarePlan/_history", Address("history-type", "CarePlan")),
        ("GET", "CarePlan/a-1", Address("read", "CarePlan", "a-1")),
        ("HEAD", "CarePlan/a-1", Address("read", "CarePlan", "a-1")),
        ("GET", "CarePlan/a-1/", Address("read", "CarePlan", "a-1")),
        ("PUT", "CarePlan/a-1", Address("update", "CarePlan", "a-1")),
        ("PATCH", "CarePlan/a-1", Address("patch", "CarePlan", "a-1")),
        ("DELETE", "CarePlan/a-1", Address("delete", "CarePlan", "a-1")),
        ("GET", "CarePlan/a-1/_history", Address("history-instance", "CarePlan", "a-1")),
        ("GET", "CarePlan/a-1/_history/2", Address("vread", "CarePlan", "a-1", "2")),
        ("POST", "CarePlan/$validate", Address("operation", "CarePlan", operation="validate")),
        ("GET", "CarePlan/a-1/$validate", Address("operation", "CarePlan", "a-1", operation="validate")),
        ("POST", "AuditEvent/$validate", Address("operation", "AuditEvent", operation="validate")),
        ("POST", "$validate", Address("operation", operation="validate")),
    ],
)
def test_method_and_path_name_an_interaction(method: str, path: str, address: Address) -> None:
    assert addressed(method, path) == address


def test_a_misspelled_type_is_told_its_neighbour() -> None:
    with pytest.raises(NotFound, match="did you mean CarePlan"):
        addressed("GET", "CarePlans/1")


@pytest.mark.parametrize(
    "path", ["Claim", "Claim/1", "careplan/1", "_everything", "CarePlan/1/2", "CarePlan/1/_history/2/3"]
)
def test_what_names_nothing_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        addressed("GET", path)


@pytest.mark.parametrize("operation", ["$", "$Validate", "$a_b", "$a/b/c"])
def test_an_operation_that_could_not_be_is_not_found(operation: str) -> None:
    with pytest.raises(NotFound):
        addressed("POST", f"CarePlan/1/{operation}")


@pytest.mark.parametrize("id", ["a b", "ä", "x" * 65, "a_b", "a\n", "..%2f", "_lastUpdated"])
def test_an_id_that_no_resource_could_have_is_incorrect(id: str) -> None:
    with pytest.raises(Incorrect):
        addressed("PUT", f"CarePlan/{id}")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "CarePlan/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("PUT", "CarePlan/1/_history/1", {"GET", "HEAD"}),
        ("GET", "CarePlan/_search", {"POST"}),
        ("DELETE", "", {"GET", "HEAD", "POST"}),
        ("OPTIONS", "CarePlan", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
        ("PUT", "CarePlan/1/$validate", {"GET", "HEAD", "POST"}),
        ("POST", "AuditEvent", {"GET", "HEAD"}),
        ("DELETE", "AuditEvent/1", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_offered_is_told_the_others(method: str, path: str, allow: set[str]) -> None:
    with pytest.raises(NotOffered) as refused:
        addressed(method, path)
    assert set(refused.value.allow) == allow
