"""The links between the pages of a search: whom they work for, for how long, and that they can be gone back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.answers import ids, link, named, query, searched
from exchange.asking import ANNA, BY_SCOPES, POLICY, RECORDS, Ask, a_patient
from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.cursors import Cursors

ROUTINE = {"resourceType": "Observation", "status": "final", "code": {"text": "Weight"}}


async def some_patients(ask: Ask, count: int = 7) -> None:
    for number in range(count):
        await ask("update", f"Patient/p{number}", a_patient(id=f"p{number}", gender="female"))


async def an_observation(ask: Ask, id: str, of: str = "anna", **elements: object) -> None:
    subject = {"reference": f"Patient/{of}"}
    body = {**ROUTINE, "id": id, "subject": subject, **elements}
    await ask("update", f"Observation/{id}", body, policy=BY_SCOPES)


async def test_the_page_before_is_the_page_that_was_there_before(ask: Ask) -> None:
    await some_patients(ask)
    pages = [await searched(ask, "Patient?gender=female&_count=3&_sort=-_id")]
    assert link(pages[0], "previous") is None and link(pages[0], "first") is None
    while (following := link(pages[-1], "next")) is not None:
        await ask("update", "Patient/p4", a_patient(id="p4", gender="male"))
        pages.append(await searched(ask, "Patient?" + query(following)))
    assert [ids(each) for each in pages] == [["p6", "p5", "p4"], ["p3", "p2", "p1"], ["p0"]]
    back = pages[-1]
    for earlier in pages[-2::-1]:
        back = await searched(ask, "Patient?" + query(link(back, "previous")))
        assert [each["resource"] for each in back["entry"]] == [each["resource"] for each in earlier["entry"]]
        assert back["total"] == 7
    assert link(back, "previous") is None
    first = await searched(ask, "Patient?" + query(link(pages[-1], "first")))
    assert ids(first) == ids(pages[0])
    onward = await searched(ask, "Patient?" + query(link(back, "next")))
    assert ids(onward) == ids(pages[1])


async def test_each_page_shows_itself_again(ask: Ask) -> None:
    await some_patients(ask)
    page = await searched(ask, "Patient?gender=female&_count=3")
    while page is not None:
        again = await searched(ask, "Patient?" + query(link(page, "self")))
        assert ids(again) == ids(page)
        following = link(page, "next")
        if following is None:
            break
        page = await searched(ask, "Patient?" + query(following))


async def test_what_was_deleted_since_is_shown_as_it_was(ask: Ask) -> None:
    await some_patients(ask, 3)
    first = await searched(ask, "Patient?gender=female&_count=2")
    await ask("delete", "Patient/p2")
    second = await searched(ask, "Patient?" + query(link(first, "next")))
    assert (ids(second), second["total"]) == (["p2"], 3)
    assert second["entry"][0]["resource"]["meta"]["versionId"] == "1"
    assert ids(await searched(ask, "Patient?gender=female")) == ["p0", "p1"]


async def test_what_has_become_anothers_since_is_not_shown(ask: Ask) -> None:
    for number in range(4):
        await an_observation(ask, f"o{number}")
    first = await searched(ask, "Observation?_count=2", by=ANNA)
    assert (ids(first), first["total"]) == (["o0", "o1"], 4)
    await an_observation(ask, "o2", of="otto")
    second = await searched(ask, "Observation?" + query(link(first, "next")), by=ANNA)
    assert (ids(second), second["total"]) == (["o3"], 3)


async def test_what_was_deleted_as_anothers_is_not_shown(ask: Ask) -> None:
    for number in range(4):
        await an_observation(ask, f"o{number}")
    following = query(link(await searched(ask, "Observation?_count=1", by=ANNA), "next"))
    await ask("delete", "Observation/o1")
    await an_observation(ask, "o2", of="otto")
    await ask("delete", "Observation/o2")
    second = await searched(ask, "Observation?" + following, by=ANNA)
    assert (ids(second), second["total"]) == (["o1"], 3)
    assert second["entry"][0]["resource"]["subject"]["reference"] == "Patient/anna"
    third = await searched(ask, "Observation?" + query(link(second, "next")), by=ANNA)
    assert ids(third) == ["o3"]


async def test_what_has_become_ones_own_since_is_no_match_of_the_first_moment(ask: Ask) -> None:
    await an_observation(ask, "o0")
    await an_observation(ask, "o1", of="otto")
    await an_observation(ask, "o2")
    first = await searched(ask, "Observation?_count=1", by=ANNA)
    await an_observation(ask, "o1")
    second = await searched(ask, "Observation?" + query(link(first, "next")), by=ANNA)
    assert (ids(second), second["total"]) == (["o2"], 2)


def changed(url: str) -> list[str]:
    """The link with one character of its cursor changed, shortened, or replaced."""
    start, _, cursor = url.partition("_page=")
    middle = len(cursor) // 2
    other = "A" if cursor[middle] != "A" else "B"
    return [
        f"{start}_page={cursor[:middle]}{other}{cursor[middle + 1 :]}",
        f"{start}_page={cursor[:-8]}",
        f"{start}_page={cursor[8:]}",
        f"{start}_page=",
        f"{start}_page=x",
        f"{start}_page=ä",
        f"{start}_page={cursor}&_count=1",
        f"{start}_page={cursor}&_page={cursor}",
    ]


async def test_a_link_that_was_tampered_with_is_refused(ask: Ask) -> None:
    await some_patients(ask, 3)
    following = link(await searched(ask, "Patient?_count=2"), "next")
    assert following is not None
    assert ids(await searched(ask, "Patient?" + query(following))) == ["p2"]
    for wrong in changed(following):
        with pytest.raises(Incorrect):
            await searched(ask, "Patient?" + query(wrong))


async def test_a_link_works_for_nobody_else(ask: Ask) -> None:
    for number in range(3):
        await an_observation(ask, f"o{number}")
    following = query(link(await searched(ask, "Observation?_count=2", by=ANNA), "next"))
    others = (
        replace(ANNA, client_id="another"),
        replace(ANNA, person="Patient/otto"),
        replace(ANNA, organization="Organization/north"),
        RECORDS,
    )
    for other in others:
        with pytest.raises(Incorrect):
            await searched(ask, "Observation?" + following, by=other)
    renewed = replace(ANNA, token_id="t-3")
    assert ids(await searched(ask, "Observation?" + following, by=renewed)) == ["o2"]


async def test_a_link_works_at_its_own_address_only(ask: Ask) -> None:
    await some_patients(ask, 3)
    following = query(link(await searched(ask, "Patient?_count=2"), "next"))
    for other in ("Observation?", "?"):
        with pytest.raises(Incorrect):
            await searched(ask, other + following)
    with pytest.raises(Incorrect):
        await searched(ask, "Patient?" + following, compartment=("Patient", "p0"))
    with pytest.raises(Incorrect):
        await ask("history-type", "Patient?" + following)


async def test_a_link_works_for_as_long_as_what_it_shows_is_kept(ask: Ask) -> None:
    await some_patients(ask, 3)
    following = query(link(await searched(ask, "Patient?_count=2"), "next"))
    with pytest.raises(Incorrect, match="older than"):
        await searched(ask, "Patient?" + following, policy=replace(POLICY, page_lifetime=timedelta(0)))
    with pytest.raises(Incorrect):
        await searched(ask, "Patient?" + following, policy=replace(POLICY, cursors=Cursors(b"another key")))
    assert ids(await searched(ask, "Patient?" + following)) == ["p2"]


async def test_the_age_of_a_link_is_that_of_the_first_page(ask: Ask) -> None:
    await some_patients(ask, 4)
    page: Json = await searched(ask, "Patient?_count=1")
    given = []
    while (following := link(page, "next")) is not None:
        cursor = query(following).partition("=")[2]
        given.append(POLICY.cursors.opened(cursor, client='["records","Organization/north",null]')["given"])
        page = await searched(ask, "Patient?" + query(following))
    assert len(given) == 3 and len(set(given)) == 1


async def test_pages_of_all_types_together_go_on_from_one_to_the_next(ask: Ask) -> None:
    await some_patients(ask, 3)
    await an_observation(ask, "o0", of="p0")
    page = await searched(ask, "?_type=Patient,Observation&_sort=-_lastUpdated&_count=2")
    shown = named(page)
    await ask("delete", "Patient/p1")
    while (following := link(page, "next")) is not None:
        page = await searched(ask, "?" + query(following))
        assert page["total"] == 4
        shown += named(page)
    assert shown == ["Observation/o0", "Patient/p2", "Patient/p1", "Patient/p0"]
