"""Questions and answers at their limits: what is too much is refused or cut, and told; nothing is lost on the way."""

from decimal import Decimal

import pytest

from exchange.answers import ids, link, query
from exchange.asking import Ask, a_patient, resource_in
from exchange.cast import S, system
from sharedplan.errors import Incorrect
from sharedplan.search.values import number
from sharedplan.store import weighing


@pytest.mark.usefixtures("texts_made_anew")
async def test_a_page_cut_short_by_its_weight_leads_on_to_the_rest(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        await ask("update", f"Patient/p{n}", a_patient(id=f"p{n}", name=[{"text": "x" * 700}]))
    monkeypatch.setattr(weighing, "ANSWER_BYTES", 2_500)
    page = resource_in(await ask("search-type", "Patient?_count=10&name:missing=false"))
    seen, pages = ids(page), 1
    while (following := link(page, "next")) is not None and pages < 9:
        page = resource_in(await ask("search-type", "Patient?" + query(following)))
        seen, pages = seen + ids(page), pages + 1
    assert seen == ["p0", "p1", "p2", "p3", "p4"]
    assert pages > 1


@pytest.mark.parametrize(
    "question",
    [
        "?" + "&".join(["_lastUpdated=" + ",".join(["2024"] * 100)] * 5),
        "Location?" + "&".join(["near=" + ",".join(["60|24|1|km"] * 100)] * 80),
        "Patient?" + "&".join(["birthdate=" + ",".join(["2024"] * 100)] * 100),
    ],
)
async def test_a_question_of_too_many_values_is_refused(ask: Ask, question: str) -> None:
    kind = "search-system" if question.startswith("?") else "search-type"
    with pytest.raises(Incorrect) as refused:
        await ask(kind, question)
    assert refused.value.issues[0].code == "too-costly"


async def test_a_filter_holds_no_character_that_is_no_text(ask: Ask) -> None:
    with pytest.raises(Incorrect, match="not text"):
        await ask("search-type", 'Patient?_filter=name eq "a\\u0000b"')


async def test_a_lenient_search_of_several_types_asks_none_what_one_does_not_know(ask: Ask) -> None:
    await ask("update", "Patient/a", a_patient(id="a", birthDate="1980-01-01"))
    group = {"resourceType": "Group", "id": "g", "type": "person", "actual": True}
    await ask("update", "Group/g", group)
    for types in ("Group,Patient", "Patient,Group"):
        bundle = resource_in(await ask("search-system", f"?_type={types}&birthdate=1900&_id=a,g", lenient=True))
        assert sorted(each["resource"]["id"] for each in bundle["entry"] if each["search"]["mode"] == "match") == [
            "a",
            "g",
        ]
        assert "birthdate" not in str(link(bundle, "self"))
        assert [each["search"]["mode"] for each in bundle["entry"]].count("outcome") == 1


async def test_the_trail_is_searched_by_itself(ask: Ask) -> None:
    await ask("update", "Patient/a", a_patient(id="a"))
    with pytest.raises(Incorrect, match="by itself"):
        await ask("search-system", "?_type=Patient,AuditEvent")
    everything = resource_in(await ask("search-system", ""))
    assert {each["resource"]["resourceType"] for each in everything["entry"]} == {"Patient", "Provenance"}


@pytest.mark.usefixtures("texts_made_anew")
async def test_only_the_count_is_exact_whatever_it_costs(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharedplan.store.walking.COUNTED", 3)
    for n in range(5):
        await ask("update", f"Patient/p{n}", a_patient(id=f"p{n}"))
    for control in ("_summary=count", "_count=0", "_total=estimate", "_total=accurate"):
        assert resource_in(await ask("search-type", f"Patient?{control}"))["total"] == 5
    assert "total" not in resource_in(await ask("search-type", "Patient?_count=2"))


@pytest.mark.usefixtures("texts_made_anew")
async def test_the_log_is_counted_less_far(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharedplan.store.walking.COUNTED_OF_THE_LOG", 3)
    for n in range(5):
        await ask("update", f"Patient/p{n}", a_patient(id=f"p{n}"), by=system(S))
    assert "total" not in resource_in(await ask("search-type", "AuditEvent?_count=2", by=system(S)))
    assert resource_in(await ask("search-type", "AuditEvent?_count=2&_total=accurate", by=system(S)))["total"] >= 5
    assert resource_in(await ask("search-type", "AuditEvent?entity=Patient/p4", by=system(S)))["total"] == 1


async def test_periods_without_an_end_come_after_all_that_have_one(ask: Ask) -> None:
    for name, period in (("ended", {"start": "2024", "end": "2025"}), ("open", {"start": "2024"}), ("none", None)):
        plan = {
            "resourceType": "CarePlan",
            "id": name,
            "status": "active",
            "intent": "plan",
            "subject": {"reference": "Patient/a"},
            **({"period": period} if period else {}),
        }
        await ask("update", f"CarePlan/{name}", plan)
    for question, expected in (("_sort=-date", ["open", "ended", "none"]), ("_sort=date", ["ended", "open", "none"])):
        assert ids(resource_in(await ask("search-type", f"CarePlan?{question}"))) == expected
        page = resource_in(await ask("search-type", f"CarePlan?{question}&_count=1"))
        seen = ids(page)
        while (following := link(page, "next")) is not None:
            page = resource_in(await ask("search-type", "CarePlan?" + query(following)))
            seen += ids(page)
        assert seen == expected


async def test_quantities_are_sorted_by_what_they_are_not_by_their_digits(ask: Ask) -> None:
    for name, value, code in (
        ("two-kilos", Decimal(2), "kg"),
        ("a-kilo", Decimal(1000), "g"),
        ("a-gram", Decimal(1), "g"),
    ):
        observation = {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"text": "weight"},
            "valueQuantity": {"value": int(value), "system": "http://unitsofmeasure.org", "code": code},
        }
        await ask("update", f"Observation/{name}", observation)
    found = ids(resource_in(await ask("search-type", "Observation?_sort=-value-quantity")))
    assert found == ["two-kilos", "a-kilo", "a-gram"]


def test_a_number_of_many_digits_means_itself() -> None:
    prefix, value, low, high = number.asked("n", "1234567890123456789.0123456789012")
    assert prefix == "eq"
    assert low < value < high
    assert high - low == Decimal("1e-13")
    assert number.asked("n", "1e2")[2:] == (95, 105)


async def test_many_entries_are_found_one_by_one(ask: Ask) -> None:
    for n in range(3):
        await ask("update", f"Patient/p{n}", a_patient(id=f"p{n}"))
        team = {"resourceType": "CareTeam", "id": f"t{n}", "status": "active"}
        await ask("update", f"CareTeam/t{n}", team)
        plan = {
            "resourceType": "CarePlan",
            "id": f"c{n}",
            "status": "active",
            "intent": "plan",
            "subject": {"reference": f"Patient/p{n}"},
            "careTeam": [{"reference": f"CareTeam/t{n}"}],
        }
        await ask("update", f"CarePlan/c{n}", plan)
    found = resource_in(await ask("search-type", "CarePlan?care-team.status=active"))
    assert ids(found) == ["c0", "c1", "c2"]
    assert ids(resource_in(await ask("search-type", "CarePlan?care-team.status=inactive"))) == []
