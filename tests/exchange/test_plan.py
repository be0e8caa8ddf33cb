"""The order of a transaction, who is who in it, and where its references lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.errors import Incorrect
from sharedplan.exchange.entries import Entry
from sharedplan.exchange.plan import Links, check_identities, rank
from sharedplan.fhir.exchanges import Asked
from sharedplan.fhir.references import rewritten

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
    links.add(entry(0, "urn:uuid:a"), ("Patient", "1"), 1)
    links.add(entry(1), ("Patient", "2"), 1)
    assert links.seen_from(entry(2, "urn:uuid:b")) == {"urn:uuid:a": "Patient/1"}


def test_a_relative_reference_means_the_base_of_the_entry_that_holds_it() -> None:
    links = Links()
    links.add(entry(0, "https://other.example/r4/Patient/p"), ("Patient", "1"), 1)
    links.add(entry(1, f"{BASE}/Patient/p"), ("Patient", "2"), 1)
    assert links.seen_from(entry(2, "https://other.example/r4/Group/g"))["Patient/p"] == "Patient/1"
    assert links.seen_from(entry(2, f"{BASE}/Group/g"))["Patient/p"] == "Patient/2"
    assert links.seen_from(entry(2, "urn:uuid:c"))["Patient/p"] == "Patient/2"
    assert links.seen_from(entry(2, "https://third.example/r4/Group/g")) == links.by_url
    assert links.seen_from(entry(2))["https://other.example/r4/Patient/p"] == "Patient/1"


def test_a_reference_to_a_version_stays_one() -> None:
    links = Links()
    links.add(entry(0, "https://other.example/r4/Patient/p"), ("Patient", "1"), 4)
    seen = links.seen_at("https://other.example/r4")
    texts = [
        "Patient/p/_history/9",
        "https://other.example/r4/Patient/p/_history/2",
        "Patient/x/_history/1",
        "Patient/p",
    ]
    assert links.versioned(texts, seen) == {
        "Patient/p/_history/9": "Patient/1/_history/4",
        "https://other.example/r4/Patient/p/_history/2": "Patient/1/_history/4",
    }


def test_one_full_url_cannot_stand_for_two_resources() -> None:
    links = Links()
    links.add(entry(0, "urn:uuid:a"), ("Patient", "1"), 1)
    links.add(entry(1, "urn:uuid:a"), ("Patient", "1"), 1)
    with pytest.raises(Incorrect) as failure:
        links.add(entry(2, "urn:uuid:a"), ("Patient", "2"), 1)
    assert failure.value.issues[0].at == "Bundle.entry[2].fullUrl"


BASES = (BASE, "https://other.example/r4", "https://third.example/fhir/R4")
NEW_IDS = [f"new-{number}" for number in range(4)]


@st.composite
def bundles(draw: st.DrawFn) -> tuple[list[str | None], list[list[tuple[str, str]]]]:
    """(fullUrls of four Groups, for each the references it holds with what each must become)."""
    kinds = draw(st.lists(st.sampled_from(["urn", "none", *BASES]), min_size=4, max_size=4))
    urls = [_full_url(kind, number, draw(st.booleans())) for number, kind in enumerate(kinds)]
    held: list[list[tuple[str, str]]] = []
    for holder in kinds:
        base = holder if holder in BASES else BASE
        pairs: list[tuple[str, str]] = []
        for target in draw(st.lists(st.integers(0, 4), max_size=4)):
            if target == 4:
                text = draw(
                    st.sampled_from(["Patient/outside", "urn:uuid:outside", "#contained", f"{BASES[2]}/Group/no"])
                )
                pairs.append((text, text))
                continue
            url = urls[target]
            if url is not None:
                pairs.append((url, f"Group/{NEW_IDS[target]}"))
                here, _, there = url.partition("/Group/")
                if there and here == base:
                    pairs.append((f"Group/{there}", f"Group/{NEW_IDS[target]}"))
                    pairs.append((f"Group/{there}/_history/7", f"Group/{NEW_IDS[target]}/_history/1"))
                elif there:
                    pairs.append((f"Group/{there}-elsewhere", f"Group/{there}-elsewhere"))
        held.append(pairs)
    return urls, held


def _full_url(kind: str, number: int, same: bool) -> str | None:
    if kind == "none":
        return None
    if kind == "urn":
        return f"urn:uuid:0000000{number}-0000-4000-8000-000000000000"
    return f"{kind}/Group/{'x' if same and kind == BASES[number % 3] else number}"


@given(bundles())
def test_every_reference_leads_where_the_standard_says_and_nothing_else_changes(
    made: tuple[list[str | None], list[list[tuple[str, str]]]],
) -> None:
    urls, held = made
    if len({url for url in urls if url}) < len([url for url in urls if url]):
        return
    links = Links()
    entries = [entry(number, url) for number, url in enumerate(urls)]
    for number, one in enumerate(entries):
        links.add(one, ("Group", NEW_IDS[number]), 1)
    for one, pairs in zip(entries, held, strict=True):
        seen = links.seen_from(one)
        mapping = {**seen, **links.versioned([before for before, _ in pairs], seen)}
        group = {
            "resourceType": "Group",
            "name": next((before for before, _ in pairs), "none"),
            "member": [{"entity": {"reference": before, "display": before}} for before, _ in pairs],
        }
        result = rewritten(group, mapping)
        assert result["name"] == group["name"]
        assert [each["entity"]["reference"] for each in result["member"]] == [after for _, after in pairs]
        assert [each["entity"]["display"] for each in result["member"]] == [before for before, _ in pairs]
