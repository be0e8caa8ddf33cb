"""Searches of a type and of the system, page by page, through the conductor."""

import uuid
from dataclasses import replace

import pytest

from exchange.asking import ANNA, BASE, POLICY, Ask, a_bundle, a_patient, an_entry, identified, resource_in
from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Json
from sharedplan.search.identity import SYSTEM


def ids(bundle: Json) -> list[str]:
    return [each["resource"]["id"] for each in bundle.get("entry", [])]


def link(bundle: Json, relation: str) -> str | None:
    return next((each["url"] for each in bundle["link"] if each["relation"] == relation), None)


def query(url: str | None) -> str:
    assert url is not None
    return url.partition("?")[2]


async def test_a_search_shows_what_matches_with_total_and_links(ask: Ask) -> None:
    await ask("update", "Patient/a", identified("1", id="a"))
    await ask("update", "Patient/b", identified("2", id="b"))
    bundle = resource_in(await ask("search-type", "Patient?identifier=urn:ids|2"))
    assert (bundle["type"], bundle["total"], ids(bundle)) == ("searchset", 1, ["b"])
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Patient/b"
    assert bundle["entry"][0]["search"] == {"mode": "match"}
    assert link(bundle, "self") == f"{BASE}/Patient?identifier=urn:ids%7C2"
    assert link(bundle, "next") is None


async def test_pages_miss_and_repeat_nothing_while_others_write(ask: Ask) -> None:
    for number in range(5):
        await ask("update", f"Patient/p{number}", a_patient(id=f"p{number}", gender="female"))
    page = resource_in(await ask("search-type", "Patient?gender=female&_count=2"))
    seen = ids(page)
    assert page["total"] == 5
    while (following := link(page, "next")) is not None:
        assert "female" not in following
        await ask("update", "Patient/p0", a_patient(id="p0", gender="female", active=len(seen) == 2))
        page = resource_in(await ask("search-type", "Patient?" + query(following)))
        seen += ids(page)
        assert page["total"] == 5
    assert seen == ["p0", "p1", "p2", "p3", "p4"]


async def test_sorting_by_time_goes_on_across_pages(ask: Ask) -> None:
    for number in (2, 0, 1):
        await ask("update", f"Patient/p{number}", a_patient(id=f"p{number}"))
    first = resource_in(await ask("search-type", "Patient?_sort=-_lastUpdated&_count=2"))
    second = resource_in(await ask("search-type", "Patient?" + query(link(first, "next"))))
    assert ids(first) + ids(second) == ["p1", "p0", "p2"]


async def test_a_count_of_none_and_a_summary_of_count_show_the_total_only(ask: Ask) -> None:
    await ask("create", "Patient", a_patient())
    for parameter in ("_count=0", "_summary=count"):
        bundle = resource_in(await ask("search-type", f"Patient?{parameter}"))
        assert bundle["total"] == 1
        assert "entry" not in bundle and link(bundle, "next") is None
    assert "total" not in resource_in(await ask("search-type", "Patient?_total=none"))


async def test_an_empty_search_is_a_bundle_without_entries(ask: Ask) -> None:
    bundle = resource_in(await ask("search-type", "Patient?identifier=nobody"))
    assert bundle["total"] == 0
    assert "entry" not in bundle


async def test_what_a_post_asks_stays_out_of_its_links(ask: Ask) -> None:
    for number in range(3):
        await ask("update", f"Patient/p{number}", identified("131052-308T", id=f"p{number}"))
    first = resource_in(await ask("search-type", "Patient?identifier=131052-308T&_count=2", method="POST"))
    assert "131052" not in f"{link(first, 'self')}{link(first, 'next')}"
    again = resource_in(await ask("search-type", "Patient?" + query(link(first, "self"))))
    assert ids(again) == ids(first) == ["p0", "p1"]
    assert ids(resource_in(await ask("search-type", "Patient?" + query(link(first, "next"))))) == ["p2"]


async def test_an_identity_code_is_asked_for_by_post_only(ask: Ask) -> None:
    await ask("update", "Patient/a", a_patient(id="a", identifier=[{"system": SYSTEM, "value": "131052-308T"}]))
    question = f"Patient?identifier={SYSTEM}|131052-308T"
    with pytest.raises(Incorrect):
        await ask("search-type", question)
    with pytest.raises(Incorrect):
        await ask("search-type", "Patient?identifier=131052-308T")
    assert ids(resource_in(await ask("search-type", question, method="POST"))) == ["a"]
    entries = a_bundle("batch", an_entry("GET", question))
    (found,) = resource_in(await ask("batch", "", entries, method="POST"))["entry"]
    assert ids(found["resource"]) == ["a"]
    assert "131052" not in str(found["resource"]["link"])


async def test_what_is_unknown_is_refused_or_told_when_the_search_is_lenient(ask: Ask) -> None:
    await ask("update", "Patient/a", a_patient(id="a", gender="male"))
    with pytest.raises(Incorrect):
        await ask("search-type", "Patient?gendre=male")
    bundle = resource_in(await ask("search-type", "Patient?gendre=female&gender=male", lenient=True))
    assert bundle["total"] == 1
    assert link(bundle, "self") == f"{BASE}/Patient?gender=male"
    outcome = bundle["entry"][1]
    assert outcome["search"] == {"mode": "outcome"}
    assert outcome["resource"]["issue"][0]["severity"] == "warning"


async def test_a_search_finds_and_counts_only_what_is_visible(ask: Ask) -> None:
    for name in ("anna", "otto"):
        await ask("update", f"Patient/{name}", a_patient(id=name, gender="female"))
    bundle = resource_in(await ask("search-type", "Patient?gender=female", by=ANNA))
    assert (ids(bundle), bundle["total"]) == (["anna"], 1)
    assert resource_in(await ask("search-type", "Patient?_id=otto", by=ANNA))["total"] == 0


async def test_the_system_is_searched_type_by_type(ask: Ask) -> None:
    for number in range(3):
        await ask("update", f"Patient/p{number}", a_patient(id=f"p{number}"))
        group = {"resourceType": "Group", "id": f"g{number}", "type": "person", "actual": True}
        await ask("update", f"Group/g{number}", group)
    whole = resource_in(await ask("search-system", "?_type=Group,Patient"))
    assert (ids(whole), whole["total"]) == (["p0", "p1", "p2", "g0", "g1", "g2"], 6)
    assert link(whole, "self") == f"{BASE}?_type=Group,Patient"
    for size in (1, 2, 3, 4, 5):
        page = resource_in(await ask("search-system", f"?_type=Group,Patient&_count={size}"))
        seen = ids(page)
        while (following := link(page, "next")) is not None:
            page = resource_in(await ask("search-system", "?" + query(following)))
            assert page["total"] == 6
            seen += ids(page)
        assert seen == ids(whole)
    one = resource_in(await ask("search-system", "?_id=g1"))
    assert ids(one) == ["g1"]


async def test_the_system_is_searched_only_by_what_all_its_types_have(ask: Ask) -> None:
    for wrong in ("_type=Claim", "_type=Patient,Group&gender=male", "_type=Patient,Group&_sort=gender", "gender=male"):
        with pytest.raises(Incorrect):
            await ask("search-system", f"?{wrong}")


async def test_a_question_too_long_for_the_link_to_its_next_page_is_refused(ask: Ask) -> None:
    for number in range(2):
        await ask("update", f"Patient/{number}", a_patient(id=str(number)))
    long = "Patient?_id=0,1" + "".join(f",{uuid.uuid4()}" for _ in range(98))
    first = resource_in(await ask("search-type", f"{long}&_count=1", method="POST"))
    assert len(link(first, "next") or "") < POLICY.url_limit
    narrow = replace(POLICY, url_limit=1024)
    assert ids(resource_in(await ask("search-type", long, method="POST", policy=narrow))) == ["0", "1"]
    with pytest.raises(Incorrect, match="larger _count"):
        await ask("search-type", f"{long}&_count=1", method="POST", policy=narrow)
