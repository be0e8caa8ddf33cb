"""What a search may say of its answer, through the conductor: the order, the size, the total, and how much of each
resource; and the ways of asking that go across resources."""

from typing import Any

import pytest

from exchange.answers import ids, link, named, query, searched
from exchange.asking import ANNA, BASE, Ask, a_patient
from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Json


async def put(ask: Ask, kind: str, id: str, **elements: Any) -> None:
    await ask("update", f"{kind}/{id}", {"resourceType": kind, "id": id, **elements})


def a_reference(text: str) -> Json:
    return {"reference": text}


async def some_patients(ask: Ask) -> None:
    """c was born first and has no name; b and a share a name, which is written in two ways."""
    await put(
        ask,
        "Patient",
        "a",
        name=[{"family": "Öst"}],
        birthDate="1990-01-02",
        gender="male",
        generalPractitioner=[a_reference("Practitioner/2"), a_reference("Practitioner/9")],
        managingOrganization=a_reference("Organization/1"),
    )
    await put(
        ask,
        "Patient",
        "b",
        name=[{"family": "Aho"}, {"family": "Zeta"}],
        birthDate="1990-01-01",
        gender="female",
        generalPractitioner=[a_reference("Practitioner/3")],
        meta={"profile": ["https://x.example/p"]},
    )
    await put(ask, "Patient", "c", birthDate="1980", managingOrganization=a_reference("Organization/0"))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("family", "bac"),
        ("-family", "abc"),
        ("birthdate", "cba"),
        ("-birthdate", "abc"),
        ("gender", "bac"),
        ("-gender", "abc"),
        ("organization", "cab"),
        ("-organization", "acb"),
        ("general-practitioner", "abc"),
        ("-general-practitioner", "abc"),
        ("_profile", "bac"),
        ("-_profile", "bca"),
        ("_id", "abc"),
        ("-_id", "cba"),
        ("_lastUpdated", "abc"),
        ("-_lastUpdated", "cba"),
        ("gender,-birthdate", "bac"),
        ("-gender,birthdate", "abc"),
        ("deceased,-birthdate", "abc"),
        ("deceased,-_id", "cba"),
    ],
)
async def test_matches_come_in_the_order_that_is_asked_for(ask: Ask, sort: str, expected: str) -> None:
    await some_patients(ask)
    bundle = await searched(ask, f"Patient?_sort={sort}")
    assert "".join(ids(bundle)) == expected
    assert link(bundle, "self") == f"{BASE}/Patient?_sort={sort}"
    first = await searched(ask, f"Patient?_sort={sort}&_count=1")
    seen = ids(first)
    while (following := link(first, "next")) is not None:
        first = await searched(ask, "Patient?" + query(following))
        seen += ids(first)
    assert "".join(seen) == expected


async def test_quantities_are_sorted_as_numbers(ask: Ask) -> None:
    for id, value in (("a", 10), ("b", 9), ("c", -1)):
        quantity = {"value": value, "unit": "kg"}
        await put(ask, "Observation", id, status="final", code={"text": "Weight"}, valueQuantity=quantity)
    await put(ask, "Observation", "d", status="final", code={"text": "Weight"})
    assert "".join(ids(await searched(ask, "Observation?_sort=value-quantity"))) == "cbad"
    assert "".join(ids(await searched(ask, "Observation?_sort=-value-quantity"))) == "abcd"


@pytest.mark.parametrize("sort", ["_text", "code-value-quantity", "-near", "namee", "", "_id,", "_id,-_id"])
async def test_what_has_no_order_is_refused(ask: Ask, sort: str) -> None:
    with pytest.raises(Incorrect, match="_sort"):
        await searched(ask, f"Observation?_sort={sort}")


async def test_a_total_is_given_unless_nobody_wants_it(ask: Ask) -> None:
    await some_patients(ask)
    for total in ("accurate", "estimate"):
        assert (await searched(ask, f"Patient?_total={total}&_count=1"))["total"] == 3
    none = await searched(ask, "Patient?_total=none&_count=1")
    assert "total" not in none
    assert "total" not in await searched(ask, "Patient?" + query(link(none, "next")))


async def test_a_count_of_none_has_the_total_and_no_next_page(ask: Ask) -> None:
    await some_patients(ask)
    for question in ("_count=0", "_summary=count", "_count=0&_sort=family", "_count=0&_include=*"):
        bundle = await searched(ask, f"Patient?{question}")
        assert (bundle["total"], named(bundle), link(bundle, "next")) == (3, [], None)
        assert "entry" not in bundle
    assert (await searched(ask, "Patient?_count=9999"))["total"] == 3


PLAN = {
    "status": "active",
    "intent": "plan",
    "title": "Home",
    "subject": {"reference": "Patient/anna"},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Home</div>'},
    "activity": [{"detail": {"status": "scheduled", "description": "Walk"}}],
}


@pytest.mark.parametrize(
    ("question", "has", "has_not"),
    [
        ("_summary=true", {"id", "meta", "status", "intent", "title", "subject"}, {"text", "activity"}),
        ("_summary=text", {"id", "meta", "text", "status", "intent", "subject"}, {"title", "activity"}),
        ("_summary=data", {"id", "meta", "title", "activity", "status"}, {"text"}),
        ("_summary=false", {"id", "meta", "title", "activity", "text"}, set()),
        ("_elements=title", {"id", "meta", "title", "status", "intent", "subject"}, {"text", "activity"}),
        ("_elements=title,activity", {"id", "title", "activity"}, {"text"}),
    ],
)
async def test_as_much_of_a_resource_is_shown_as_is_asked_for(
    ask: Ask, question: str, has: set[str], has_not: set[str]
) -> None:
    await put(ask, "CarePlan", "plan", **PLAN)
    (entry,) = (await searched(ask, f"CarePlan?{question}"))["entry"]
    resource = entry["resource"]
    assert has <= resource.keys()
    assert not has_not & resource.keys()
    tags = [each["code"] for each in resource["meta"].get("tag", ())]
    assert tags == ([] if question == "_summary=false" else ["SUBSETTED"])
    again = await searched(ask, f"CarePlan?{question}&_count=1")
    assert again["entry"][0]["resource"] == resource


async def test_an_element_that_there_is_not_is_refused_with_the_nearest(ask: Ask) -> None:
    with pytest.raises(Incorrect, match="CarePlan has no element titel; do you mean title"):
        await searched(ask, "CarePlan?_elements=titel")
    with pytest.raises(Incorrect, match="exclude each other"):
        await searched(ask, "CarePlan?_elements=title&_summary=true")
    with pytest.raises(Incorrect, match="has no element"):
        await searched(ask, "?_type=CarePlan,Patient&_elements=gender")


async def test_the_system_is_sorted_by_what_all_resources_have(ask: Ask) -> None:
    await put(ask, "Patient", "1")
    await put(ask, "Group", "3", type="person", actual=True)
    await put(ask, "Patient", "2")
    question = "?_type=Patient,Group&_sort="
    assert named(await searched(ask, f"{question}-_lastUpdated")) == ["Patient/2", "Group/3", "Patient/1"]
    assert named(await searched(ask, f"{question}_id")) == ["Patient/1", "Patient/2", "Group/3"]
    with pytest.raises(Incorrect):
        await searched(ask, f"{question}name")


async def a_world(ask: Ask) -> None:
    for name, gender in (("anna", "female"), ("otto", "male")):
        await put(ask, "Patient", name, gender=gender, name=[{"family": name}])
        await put(ask, "CarePlan", f"{name}s", status="active", intent="plan", subject=a_reference(f"Patient/{name}"))
        focus = a_reference(f"CarePlan/{name}s")
        await put(ask, "Task", f"{name}s", status="requested", intent="order", focus=focus)
    await put(ask, "List", "mine", status="current", mode="working", entry=[{"item": a_reference("Patient/otto")}])


@pytest.mark.parametrize(
    ("question", "expected", "of_anna"),
    [
        ("CarePlan?subject:Patient.gender=male", ["ottos"], []),
        ("CarePlan?patient.family=anna", ["annas"], ["annas"]),
        ("CarePlan?patient.family=anna,otto", ["annas", "ottos"], ["annas"]),
        ("CarePlan?patient.gender:not=male", ["annas"], ["annas"]),
        ("Task?focus:CarePlan.patient.family=otto", ["ottos"], []),
        ("Task?focus:CarePlan.subject:Patient._id=anna", ["annas"], []),
        ("CarePlan?_has:Task:focus:status=requested&patient.family=otto", ["ottos"], []),
        ("CarePlan?_has:Task:focus:status=completed", [], []),
        ("Patient?_has:CarePlan:patient:status=active", ["anna", "otto"], ["anna"]),
        ("Patient?_has:CarePlan:patient:_has:Task:focus:_id=ottos", ["otto"], []),
        ("Patient?_list=mine", ["otto"], []),
        ("Patient?_list=other", [], []),
    ],
)
async def test_a_question_goes_across_what_the_asker_may_see(
    ask: Ask, question: str, expected: list[str], of_anna: list[str]
) -> None:
    await a_world(ask)
    bundle = await searched(ask, question)
    assert (ids(bundle), bundle["total"]) == (expected, len(expected))
    hers = await searched(ask, question, by=ANNA)
    assert (ids(hers), hers["total"]) == (of_anna, len(of_anna))


async def test_a_hidden_resource_cannot_be_guessed_at_across_a_reference(ask: Ask) -> None:
    """Anna's plan refers to Otto, whom she may not see: what he is like does not show in what she finds."""
    await put(ask, "Patient", "otto", gender="male", name=[{"family": "Otto"}])
    await put(ask, "Practitioner", "sari", name=[{"family": "Sari"}])
    performer = [{"detail": {"status": "scheduled", "performer": [a_reference("Patient/otto")]}}]
    await put(ask, "CarePlan", "hers", **{**PLAN, "activity": performer})
    for question in ("performer:Patient.gender=male", "performer:Patient.family=otto", "performer:Patient._id=otto"):
        assert ids(await searched(ask, f"CarePlan?{question}")) == ["hers"]
        assert ids(await searched(ask, f"CarePlan?{question}", by=ANNA)) == []
    await put(ask, "Patient", "otto", gender="male", generalPractitioner=[a_reference("Practitioner/sari")])
    assert ids(await searched(ask, "Practitioner?_has:Patient:general-practitioner:gender=male")) == ["sari"]
    assert ids(await searched(ask, "Practitioner?_has:Patient:general-practitioner:gender=male", by=ANNA)) == []


async def test_a_chain_has_its_end(ask: Ask) -> None:
    chain = "part-of.part-of.part-of"
    assert ids(await searched(ask, f"CarePlan?{chain}=x")) == []
    with pytest.raises(Incorrect, match="more than 3"):
        await searched(ask, f"CarePlan?{chain}.part-of.status=active")


async def test_a_compartment_is_searched_by_one_type_or_all(ask: Ask) -> None:
    await a_world(ask)
    of_anna = {"compartment": ("Patient", "anna")}
    plans = await searched(ask, "CarePlan?status=active", **of_anna)
    assert (ids(plans), plans["total"]) == (["annas"], 1)
    assert link(plans, "self") == f"{BASE}/Patient/anna/CarePlan?status=active"
    everything = await searched(ask, "?_count=500", **of_anna)
    found = [each for each in named(everything) if not each.startswith(("AuditEvent/", "Provenance/"))]
    assert found == ["CarePlan/annas", "Patient/anna"]
    some = await searched(ask, "?_type=CarePlan,Patient&_count=1&_sort=_id", **of_anna)
    assert (named(some), some["total"]) == (["Patient/anna"], 2)
    following = link(some, "next")
    assert following is not None and following.startswith(f"{BASE}/Patient/anna/*?")
    assert named(await searched(ask, "?" + query(following), **of_anna)) == ["CarePlan/annas"]
    for other in ({"compartment": ("Patient", "otto")}, {}):
        with pytest.raises(Incorrect):
            await searched(ask, "?" + query(following), **other)
    with pytest.raises(Incorrect, match="compartment"):
        await searched(ask, "?_type=Practitioner", **of_anna)


async def test_anothers_compartment_is_empty(ask: Ask) -> None:
    await a_world(ask)
    of_otto = {"compartment": ("Patient", "otto")}
    assert (await searched(ask, "CarePlan", by=ANNA, **of_otto))["total"] == 0
    assert (await searched(ask, "?_type=CarePlan,Patient", by=ANNA, **of_otto))["total"] == 0
    assert (await searched(ask, "CarePlan", by=ANNA, compartment=("Patient", "anna")))["total"] == 1


async def test_words_are_found_in_whatever_form_they_are(ask: Ask) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Asiakkaan talossa</p></div>'
    await put(ask, "Patient", "a", text={"status": "generated", "div": div}, name=[{"family": "Koivisto"}])
    await ask("update", "Patient/b", a_patient(id="b"))
    assert ids(await searched(ask, "Patient?_text=talo")) == ["a"]
    assert ids(await searched(ask, "Patient?_text=Koivisto")) == []
    assert ids(await searched(ask, "Patient?_content=Koivisto")) == ["a"]
    assert ids(await searched(ask, "Patient?_content=talo koivisto")) == ["a"]
    assert ids(await searched(ask, "Patient?_text=xhtml")) == []
