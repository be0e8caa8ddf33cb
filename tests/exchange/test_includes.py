"""What is read along with the matches of a search: each once, marked as such, and nothing that the asker may not
see."""

from dataclasses import replace
from typing import Any

import pytest

from exchange.answers import ids, link, named, query, searched
from exchange.asking import ANNA, RECORDS, Ask, a_bundle, a_patient, an_entry, resource_in
from sharedplan.access.scopes import parse
from sharedplan.errors import Incorrect
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions import search as searching
from sharedplan.store import unit_of_work


async def put(ask: Ask, type: str, id: str, **elements: Any) -> None:
    await ask("update", f"{type}/{id}", {"resourceType": type, "id": id, **elements})


async def put_plan(ask: Ask, id: str, of: str = "anna", **elements: Any) -> None:
    await put(ask, "CarePlan", id, status="active", intent="plan", subject=a_reference(f"Patient/{of}"), **elements)


def a_reference(text: str) -> Json:
    return {"reference": text}


async def a_world(ask: Ask) -> None:
    """Anna's plan, which is part of another, with a team, a goal and a task; and Otto's, which is part of the same."""
    for name in ("anna", "otto"):
        await put(ask, "Patient", name, generalPractitioner=[a_reference("Practitioner/sari")])
        await put(
            ask,
            "Goal",
            f"{name}s",
            lifecycleStatus="active",
            description={"text": "Sleep"},
            subject=a_reference(f"Patient/{name}"),
        )
        await put(ask, "CareTeam", f"{name}s", subject=a_reference(f"Patient/{name}"))
    await put(ask, "Practitioner", "sari")
    await put_plan(ask, "whole")
    for name in ("anna", "otto"):
        await put_plan(
            ask,
            f"{name}s",
            name,
            partOf=[a_reference("CarePlan/whole")],
            goal=[a_reference(f"Goal/{name}s"), a_reference("Goal/nowhere")],
            careTeam=[a_reference(f"CareTeam/{name}s")],
        )
    await put(ask, "Task", "t1", status="requested", intent="order", focus=a_reference("CarePlan/annas"))
    await put(ask, "Task", "t2", status="requested", intent="order", focus=a_reference("CarePlan/annas"))
    await put(ask, "Task", "t3", status="requested", intent="order", focus=a_reference("CarePlan/ottos"))


@pytest.mark.parametrize(
    ("question", "matches", "included"),
    [
        ("CarePlan?_id=annas&_include=CarePlan:subject", ["annas"], ["Patient/anna"]),
        ("CarePlan?_id=annas&_include=CarePlan:subject:Patient", ["annas"], ["Patient/anna"]),
        ("CarePlan?_id=annas&_include=CarePlan:subject:Group", ["annas"], []),
        ("CarePlan?_id=annas&_include=CarePlan:goal", ["annas"], ["Goal/annas"]),
        (
            "CarePlan?_id=annas&_include=CarePlan:goal&_include=CarePlan:care-team&_include=CarePlan:goal",
            ["annas"],
            ["CareTeam/annas", "Goal/annas"],
        ),
        ("CarePlan?_id=annas&_include=Task:focus", ["annas"], []),
        (
            "CarePlan?_id=annas&_include=*",
            ["annas"],
            ["CarePlan/whole", "CareTeam/annas", "Goal/annas", "Patient/anna"],
        ),
        (
            "CarePlan?_id=annas&_include=CarePlan:*",
            ["annas"],
            ["CarePlan/whole", "CareTeam/annas", "Goal/annas", "Patient/anna"],
        ),
        ("CarePlan?_id=annas&_include=CarePlan:*:Patient", ["annas"], ["Patient/anna"]),
        ("CarePlan?_id=annas,ottos&_include=CarePlan:part-of", ["annas", "ottos"], ["CarePlan/whole"]),
        ("CarePlan?_id=annas,whole&_include=CarePlan:part-of", ["annas", "whole"], []),
        ("CarePlan?_id=annas&_revinclude=Task:focus", ["annas"], ["Task/t1", "Task/t2"]),
        ("CarePlan?_id=annas&_revinclude=Task:focus:CarePlan", ["annas"], ["Task/t1", "Task/t2"]),
        ("CarePlan?_id=whole&_revinclude=CarePlan:part-of", ["whole"], ["CarePlan/annas", "CarePlan/ottos"]),
        ("CarePlan?_id=whole&_revinclude=Task:focus", ["whole"], []),
        ("Goal?_id=annas&_revinclude=CarePlan:*", ["annas"], ["CarePlan/annas"]),
        (
            "CarePlan?_id=annas&_include=CarePlan:subject&_include=Patient:general-practitioner",
            ["annas"],
            ["Patient/anna"],
        ),
        (
            "CarePlan?_id=annas&_include=CarePlan:subject&_include:iterate=Patient:general-practitioner",
            ["annas"],
            ["Patient/anna", "Practitioner/sari"],
        ),
        (
            "CarePlan?_id=annas&_include=CarePlan:subject&_include:recurse=Patient:general-practitioner",
            ["annas"],
            ["Patient/anna", "Practitioner/sari"],
        ),
        (
            "CarePlan?_id=whole&_revinclude:iterate=CarePlan:part-of&_revinclude:iterate=Task:focus",
            ["whole"],
            ["CarePlan/annas", "CarePlan/ottos", "Task/t1", "Task/t2", "Task/t3"],
        ),
        (
            "Task?_id=t1&_include=Task:focus&_include:iterate=CarePlan:subject&_include:iterate=CarePlan:part-of",
            ["t1"],
            ["CarePlan/annas", "CarePlan/whole", "Patient/anna"],
        ),
        ("CarePlan?_id=nobody&_include=*", [], []),
    ],
)
async def test_what_belongs_to_the_matches_comes_with_them(
    ask: Ask, question: str, matches: list[str], included: list[str]
) -> None:
    await a_world(ask)
    bundle = await searched(ask, question)
    assert ids(bundle) == matches
    assert sorted(named(bundle, "include")) == included
    assert bundle["total"] == len(matches)
    assert len(bundle.get("entry", [])) == len(matches) + len(included)
    assert [each["fullUrl"].rpartition("fhir/")[2] for each in bundle.get("entry", [])] == [
        *named(bundle),
        *named(bundle, "include"),
    ]


async def test_whatever_refers_to_a_match_comes_with_it(ask: Ask) -> None:
    await a_world(ask)
    bundle = await searched(ask, "Goal?_id=annas&_revinclude=*")
    found = named(bundle, "include")
    assert "CarePlan/annas" in found
    assert {each.partition("/")[0] for each in found} == {
        "CarePlan",
        "AuditEvent",
        "Provenance",
    }  # its writing is on record


async def test_references_in_a_ring_are_followed_once_around(ask: Ask) -> None:
    for number in range(4):
        await put_plan(ask, f"r{number}", partOf=[a_reference(f"CarePlan/r{(number + 1) % 4}")])
    await put_plan(ask, "self", partOf=[a_reference("CarePlan/self")])
    for way in ("_include:iterate", "_revinclude:iterate"):
        bundle = await searched(ask, f"CarePlan?_id=r0&{way}=CarePlan:part-of")
        assert ids(bundle) == ["r0"]
        assert sorted(named(bundle, "include")) == ["CarePlan/r1", "CarePlan/r2", "CarePlan/r3"]
        assert named(await searched(ask, f"CarePlan?_id=self&{way}=CarePlan:part-of"), "include") == []


async def test_what_is_hidden_is_not_read_along(ask: Ask) -> None:
    await a_world(ask)
    forward = await searched(ask, "CarePlan?_include=*", by=ANNA)
    assert ids(forward) == ["annas", "whole"]
    assert sorted(named(forward, "include")) == ["CareTeam/annas", "Goal/annas", "Patient/anna"]
    back = await searched(ask, "CarePlan?_id=whole&_revinclude=CarePlan:part-of", by=ANNA)
    assert named(back, "include") == ["CarePlan/annas"]
    around = await searched(ask, "Practitioner?_revinclude=Patient:general-practitioner", by=ANNA)
    assert (ids(around), named(around, "include")) == (["sari"], ["Patient/anna"])
    on = "Practitioner?_revinclude=Patient:general-practitioner&_revinclude:iterate=CarePlan:subject"
    assert sorted(named(await searched(ask, on, by=ANNA), "include")) == [
        "CarePlan/annas",
        "CarePlan/whole",
        "Patient/anna",
    ]


async def test_what_goes_through_something_hidden_is_not_read_along(ask: Ask) -> None:
    """Otto's plan refers to a plan of Anna's, which she may see; yet not by way of his."""
    await put(ask, "Practitioner", "sari")
    await put_plan(ask, "her")
    await put_plan(ask, "his", "otto", partOf=[a_reference("CarePlan/her")], author=a_reference("Practitioner/sari"))
    await put_plan(ask, "start", partOf=[a_reference("CarePlan/his")])
    question = "CarePlan?_id=start&_include:iterate=CarePlan:part-of"
    assert named(await searched(ask, question), "include") == ["CarePlan/his", "CarePlan/her"]
    assert named(await searched(ask, question, by=ANNA), "include") == []


@pytest.mark.parametrize("who", ["RelatedPerson/leena", "Practitioner/niko"])
@pytest.mark.parametrize(
    "question",
    [
        "Patient?_id=anna&_revinclude=*",
        "Organization?_revinclude=*",
        "CarePlan?patient=anna&_include=*&_revinclude=*",
        "CarePlan?_include=CarePlan:subject&_revinclude=AuditEvent:entity",
        "CarePlan?_revinclude=AuditEvent:entity&_revinclude=Task:focus&_revinclude:iterate=AuditEvent:entity",
    ],
)
async def test_what_is_closed_to_a_person_without_an_organisation_is_passed_over(
    ask: Ask, who: str, question: str
) -> None:
    await a_world(ask)
    await put(ask, "Organization", "s", name="S")
    by = replace(RECORDS, organization=None, person=who, scopes=parse("user/*.rs"))
    found = await searched(ask, question, by=by)
    kinds = {each["resource"]["resourceType"] for each in found.get("entry", [])}
    assert kinds <= {"Organization", "Practitioner"}  # the directory is open to all


async def test_more_than_an_answer_should_hold_is_left_out_and_told(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_INCLUDED", 5)
    await a_world(ask)
    tasks = [
        an_entry(
            "PUT",
            f"Task/m{number}",
            {
                "resourceType": "Task",
                "id": f"m{number}",
                "status": "requested",
                "intent": "order",
                "focus": a_reference("CarePlan/whole"),
            },
        )
        for number in range(6)
    ]
    await ask("transaction", "", a_bundle("transaction", *tasks[:5]), method="POST")
    question = "CarePlan?_id=whole&_revinclude=Task:focus"
    whole = await searched(ask, question)
    assert (len(named(whole, "include")), named(whole, "outcome")) == (5, [])
    await ask("transaction", "", a_bundle("transaction", *tasks[5:]), method="POST")
    cut = await searched(ask, question)
    assert (ids(cut), len(named(cut, "include"))) == (["whole"], 5)
    told = cut["entry"][-1]
    assert told["search"] == {"mode": "outcome"}
    assert told["resource"]["issue"][0]["severity"] == "warning"
    assert told["resource"]["issue"][0]["code"] == "too-costly"


async def test_each_page_has_what_belongs_to_its_own_matches(ask: Ask) -> None:
    await a_world(ask)
    page = await searched(ask, "CarePlan?_include=CarePlan:subject&_count=1")
    shown = []
    while True:
        shown.append((ids(page), named(page, "include"), page["total"]))
        following = link(page, "next")
        if following is None:
            break
        page = await searched(ask, "CarePlan?" + query(following))
    assert shown == [
        (["annas"], ["Patient/anna"], 3),
        (["ottos"], ["Patient/otto"], 3),
        (["whole"], ["Patient/anna"], 3),
    ]


async def test_a_match_that_has_changed_since_brings_what_it_referred_to(ask: Ask) -> None:
    await a_world(ask)
    first = await searched(ask, "CarePlan?_include=CarePlan:goal&_include=CarePlan:subject&_count=1")
    await put_plan(ask, "ottos", "otto", goal=[a_reference("Goal/annas")])
    second = await searched(ask, "CarePlan?" + query(link(first, "next")))
    assert (ids(second), sorted(named(second, "include"))) == (["ottos"], ["Goal/ottos", "Patient/otto"])
    await ask("delete", "CarePlan/ottos")
    again = await searched(ask, "CarePlan?" + query(link(first, "next")))
    assert (ids(again), sorted(named(again, "include"))) == (["ottos"], ["Goal/ottos", "Patient/otto"])


async def test_the_record_tells_of_what_was_read_along_and_whom_it_is_about(ask: Ask) -> None:
    await a_world(ask)
    await searched(ask, "CarePlan?_id=annas&_include=CarePlan:goal&_revinclude=Task:focus")
    await searched(ask, "CarePlan?_id=whole&_revinclude=CarePlan:part-of")
    log = resource_in(await ask("search-type", "AuditEvent?_sort=-_lastUpdated&_count=2"))
    back, forward = (
        {each["what"]["reference"] for each in entry["resource"]["entity"] if "reference" in each.get("what", {})}
        for entry in log["entry"]
    )
    assert forward == {"CarePlan/annas", "Goal/annas", "Task/t1", "Task/t2", "Patient/anna"}
    assert back == {"CarePlan/whole", "CarePlan/annas", "CarePlan/ottos", "Patient/anna", "Patient/otto"}


async def test_a_definition_is_read_along_by_its_url(ask: Ask) -> None:
    url = "https://x.example/PlanDefinition/stop"
    await put(ask, "PlanDefinition", "stop", status="active", url=url)
    await put_plan(ask, "plan", instantiatesCanonical=[f"{url}|2"])
    forward = await searched(ask, "CarePlan?_id=plan&_include=CarePlan:instantiates-canonical")
    assert named(forward, "include") == ["PlanDefinition/stop"]
    back = await searched(ask, "PlanDefinition?_revinclude=CarePlan:instantiates-canonical")
    assert (ids(back), named(back, "include")) == (["stop"], ["CarePlan/plan"])


async def test_what_is_read_along_is_summarised_with_the_matches(ask: Ask) -> None:
    await ask("update", "Patient/anna", a_patient(id="anna", gender="female"))
    await put_plan(ask, "plan")
    bundle = await searched(ask, "CarePlan?_include=CarePlan:subject&_summary=text")
    assert [each["resource"]["meta"]["tag"][0]["code"] for each in bundle["entry"]] == ["SUBSETTED", "SUBSETTED"]


@pytest.mark.parametrize(
    "wrong",
    [
        *("_include=CarePlan", "_include=CarePlan:subjekt", "_include=CarePlan:status", "_include=Claim:patient"),
        *("_include=CarePlan:subject:Claim", "_include=CarePlan:subject:Goal", "_include:each=CarePlan:subject"),
        *("_revinclude=Task", "_revinclude=Task:focus:CarePlan:x", "_include="),
    ],
)
async def test_an_include_that_is_not_understood_is_refused(ask: Ask, wrong: str) -> None:
    for lenient in (False, True):
        with pytest.raises(Incorrect, match="include"):
            await searched(ask, f"CarePlan?{wrong}", lenient=lenient)


async def test_an_include_of_one_type_is_not_widened_by_another(ask: Ask) -> None:
    await put(ask, "Patient", "anna")
    await put_plan(ask, "plan")
    question = "CarePlan?_id=plan&_include=CarePlan:subject:Group&_include=CarePlan:performer:Patient"
    assert named(await searched(ask, question), "include") == []


async def test_one_statement_gives_what_several_give(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    await a_world(ask)
    pull = "&".join(f"_include=CarePlan:{code}" for code in ("subject", "care-team", "goal", "part-of", "performer"))
    questions = [
        f"CarePlan?{which}&{pull}&_revinclude=Task:focus&_revinclude=CarePlan:part-of{sort}"
        for which in ("_id=annas", "patient=Patient/otto", "_id=annas,ottos", "identifier=none", "intent=plan&_count=1")
        for sort in ("", "&_sort=-_lastUpdated", "&_sort=date")
    ]
    monkeypatch.setattr(searching, "MOST_INCLUDED", 100)

    async def answers() -> list[tuple[list[str], list[str], int]]:
        bundles = [await searched(ask, each, **by) for each in questions for by in ({}, {"by": ANNA})]
        return [(named(each, "match"), named(each, "include"), each["total"]) for each in bundles]

    at_once = await answers()
    monkeypatch.setattr(unit_of_work, "whole", lambda *_, **__: None)
    assert at_once == await answers()
    assert max(len(included) for _, included, _ in at_once) > 5
