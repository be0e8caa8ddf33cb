"""What others wrote: the examples of R4, Synthea's patients, and bodies of which it is known what is right."""

from typing import Any

import pytest

from judged import found
from published import bodies, bundles, examples
from sharedplan.errors import SharedplanError
from sharedplan.fhir import resources
from sharedplan.fhir.json_text import read


@pytest.mark.parametrize("text", examples())
def test_the_examples_of_the_standard_are_accepted(text: str) -> None:
    resource = read(text)
    assert found(resource) == []


@pytest.mark.parametrize("text", bundles()[::3])
def test_synthetic_patients_are_accepted(text: str) -> None:
    assert found(read(text)) == []


@pytest.mark.parametrize("case", bodies("accept"), ids=lambda case: case["id"])
def test_what_should_be_accepted_is(case: dict[str, Any]) -> None:
    resources.check(case["resourceType"], read(case["body"]))


TOGETHER = {"ms-Bundle-TransactionWithMultipleEntriesModifyingSameResource"}
"""Right by themselves; that the entries of a transaction do not go together is for the transaction to say."""


@pytest.mark.parametrize("case", bodies("reject", "reject-parse"), ids=lambda case: case["id"])
def test_what_should_be_refused_is_with_a_status_that_is_right(case: dict[str, Any]) -> None:
    if case["id"] in TOGETHER:
        resources.check("Bundle", read(case["body"]))
        return
    with pytest.raises(SharedplanError) as refused:
        resources.check(case["resourceType"] or "Patient", read(case["body"]))
    assert refused.value.status in case["http"]
    assert all(issue.saying for issue in refused.value.issues)
    is_json = "not JSON" not in str(refused.value)
    assert all(issue.at is not None for issue in refused.value.issues) == is_json
