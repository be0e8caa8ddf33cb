"""The order of a transaction, who is who in it, and where its references lead."""

import pytest

from sharedplan.errors import Incorrect
from sharedplan.exchange.entries import Entry
from sharedplan.exchange.plan import Links, check_identities, rank
from sharedplan.fhir.exchanges import Asked

BASE = "https://plan.example/fhir"


def entry(number: int, full_url: str | None = None) -> Entry:
    return Entry(number, full_url, Asked("create", "Patient", base=BASE))


def test_deletions_come_first_and_reads_last_each_kind_in_the_order_sent() -> None:
    methods = ["GET", "PUT", "POST", "PATCH", "HEAD", "DELETE", "POST", "DELETE"]
    came = [{"request": {"method": method}, "number": number} for number, method in enumerate(methods)]
    assert [each["number"] for each in sorted(came, key=rank)] == [5, 7, 2, 6, 1, 3, 0, 4]


@pytest.mark.parametrize("entry", [None, {}, {"request": {"method": "TRACE"}}, {"request": {"method": []}}])
def test_what_cannot_be_told_comes_last_of_all(entry: object) -> None:
    assert rank(entry) == 4


def test_two_changes_of_one_resource_are_refused_and_both_named() -> None:
    check_identities([(entry(0), ("Patient", "1")), (entry(1), ("Patient", "2")), (entry(2), ("Group", "1"))])
    with pytest.raises(Incorrect, match="entries 0 and 2 both change Patient/1"):
        check_identities([(entry(0), ("Patient", "1")), (entry(1), ("Patient", "2")), (entry(2), ("Patient", "1"))])


def test_a_urn_leads_to_the_resource_of_its_entry() -> None:
    links = Links()
    links.add(entry(0, "urn:uuid:a"), ("Patient", "1"))
    links.add(entry(1), ("Patient", "2"))
    assert links.seen_from(entry(2, "urn:uuid:b")) == {"urn:uuid:a": "Patient/1"}


def test_a_relative_reference_means_the_base_of_the_entry_that_holds_it() -> None:
    links = Links()
    links.add(entry(0, "https://other.example/r4/Patient/p"), ("Patient", "1"))
    links.add(entry(1, f"{BASE}/Patient/p"), ("Patient", "2"))
    assert links.seen_from(entry(2, "https://other.example/r4/Group/g"))["Patient/p"] == "Patient/1"
    assert links.seen_from(entry(2, f"{BASE}/Group/g"))["Patient/p"] == "Patient/2"
    assert links.seen_from(entry(2, "urn:uuid:c"))["Patient/p"] == "Patient/2"
    assert links.seen_from(entry(2, "https://third.example/r4/Group/g")) == links.by_url
    assert links.seen_from(entry(2))["https://other.example/r4/Patient/p"] == "Patient/1"


def test_one_full_url_cannot_stand_for_two_resources() -> None:
    links = Links()
    links.add(entry(0, "urn:uuid:a"), ("Patient", "1"))
    links.add(entry(1, "urn:uuid:a"), ("Patient", "1"))
    with pytest.raises(Incorrect) as failure:
        links.add(entry(2, "urn:uuid:a"), ("Patient", "2"))
    assert failure.value.issues[0].at == "Bundle.entry[2].fullUrl"
