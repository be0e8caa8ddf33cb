"""Contained resources are found within others, by whoever sees what contains them.

https://hl7.org/fhir/R4/search.html#contained
"""

from dataclasses import replace
from typing import Any

import pytest

from builders import a_care_plan, a_care_team, a_condition, a_goal, a_label, a_patient, a_practitioner, a_reference
from exchange.answers import link, named, query, searched
from exchange.asking import ANNA, BASE, BY_SCOPES, RECORDS, Ask, a_bundle, an_entry, resource_in
from exchange.cast import AINO, H, Jari, Leena, Niko, Sari, consents, k1, k2, system, the_world, together
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Refused
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.search import MOST_LOOKED_FOR

ALONE = "_containedType=contained"


def a_plan(id: str, *inner: Json, subject: str = "Patient/anna", **elements: Any) -> Json:
    """A CarePlan that contains these, and points at each."""
    pointing = [a_reference(f"#{each['id']}") for each in inner if "id" in each]
    return a_care_plan(subject, id=id, contained=list(inner), supportingInfo=pointing, **elements)


def a_home(id: str, text: str = "A home", **elements: Any) -> Json:
    return a_goal(id=id, description={"text": text}, **elements)


async def stored(ask: Ask, *resources: Json, by: Principal = RECORDS) -> None:
    for each in resources:
        await ask("update", f"{each['resourceType']}/{each['id']}", each, by=by, policy=BY_SCOPES)


def urls(bundle: Json, mode: str = "match") -> list[str]:
    """The fullUrls of the entries of that mode, without the base."""
    found = [each["fullUrl"] for each in bundle.get("entry", []) if each["search"]["mode"] == mode]
    return [each.removeprefix(f"{BASE}/") for each in found]


async def pages(ask: Ask, question: str, **more: Any) -> list[Json]:
    type = question.partition("?")[0]
    found = [await searched(ask, question, **more)]
    while (following := link(found[-1], "next")) is not None:
        found.append(await searched(ask, f"{type}?{query(following)}", **more))
    return found


async def test_they_are_found_only_by_whom_asks_for_them(ask: Ask) -> None:
    await stored(ask, a_home("itself"), a_plan("p", a_home("g1"), a_home("g2")))
    for plain in ("Goal", "Goal?_contained=false", f"Goal?_contained=false&{ALONE}"):
        found = await searched(ask, plain)
        assert (found["total"], urls(found)) == (1, ["Goal/itself"])


async def test_their_container_is_the_match_once_however_many_match(ask: Ask) -> None:
    await stored(ask, a_home("itself"), a_plan("p", a_home("g1"), a_home("g2")), a_plan("q", a_home("g1", "Work")))
    found = await searched(ask, "Goal?_contained=true&_total=accurate")
    assert (found["total"], named(found), urls(found)) == (
        2,
        ["CarePlan/p", "CarePlan/q"],
        ["CarePlan/p", "CarePlan/q"],
    )
    assert link(found, "self") == f"{BASE}/Goal?_contained=true&_total=accurate"
    assert urls(await searched(ask, "Goal?_contained=true&_containedType=container")) == urls(found)
    assert (await searched(ask, "Goal?_contained=true&_summary=count"))["total"] == 2


async def test_each_is_shown_by_itself_as_it_was_sent(ask: Ask) -> None:
    weight = {"measure": {"text": "Weight"}, "detailQuantity": {"value": 1, "unit": "kg"}}
    await stored(ask, a_plan("p", a_home("g1"), a_condition(id="c1"), a_home("g2", "Work", target=[weight])))
    found = await searched(ask, f"Goal?_contained=true&{ALONE}")
    assert (found["total"], urls(found)) == (2, ["CarePlan/p#g1", "CarePlan/p#g2"])
    assert found["entry"][1]["resource"] == a_home("g2", "Work", target=[weight])
    assert {each["search"]["mode"] for each in found["entry"]} == {"match"}
    assert link(found, "self") == f"{BASE}/Goal?_contained=true&{ALONE}"


async def test_both_are_found_together(ask: Ask) -> None:
    await stored(ask, a_home("itself"), a_plan("p", a_home("g1"), a_home("g2")))
    found = await searched(ask, "Goal?_contained=both&_total=accurate")
    assert (found["total"], sorted(urls(found))) == (2, ["CarePlan/p", "Goal/itself"])
    alone = await searched(ask, f"Goal?_contained=both&{ALONE}&_total=accurate")
    assert (alone["total"], sorted(urls(alone))) == (3, ["CarePlan/p#g1", "CarePlan/p#g2", "Goal/itself"])


async def test_what_matches_and_contains_a_match_is_shown_once(ask: Ask) -> None:
    within = {name: value for name, value in a_plan("other").items() if name not in ("contained", "supportingInfo")}
    await stored(ask, a_plan("p", within))
    found = await searched(ask, "CarePlan?_contained=both&status=active&_total=accurate")
    assert (found["total"], urls(found)) == (1, ["CarePlan/p"])
    alone = await searched(ask, f"CarePlan?_contained=both&status=active&{ALONE}")
    assert urls(alone) == ["CarePlan/p", "CarePlan/p#other"]


QUESTIONS = [
    ("lifecycle-status=active", "g1 g2"),
    ("lifecycle-status:not=active", "g3"),
    ("identifier=urn:ids|2", "g2"),
    ("patient=Patient/anna", "g1 g2"),
    ("patient=Patient/otto", "g3"),
    ("patient:Patient.name=anna", "g1 g2"),
    ("patient:Patient.identifier=urn:ids|anna", "g1 g2"),
    ("start-date=2024-05", "g1"),
    ("start-date:missing=true", "g2 g3"),
    ("target-date=ge2025", "g2"),
    ("category:text=home", "g1"),
    ("_content=housing", "g3"),
    ("_filter=start-date ge 2024 or patient eq Patient/otto", "g1 g3"),
    ("_tag=urn:tags|x", "g2"),
    ("_id=g2", "g2"),
    ("_lastUpdated=lt2020", ""),
    ("_lastUpdated=ge2020", "g1 g2 g3"),
    ("_has:CarePlan:goal:status=active", ""),
    ("_list=l", ""),
]


@pytest.mark.parametrize(("question", "expected"), QUESTIONS)
async def test_they_are_found_by_every_parameter_of_their_type(ask: Ask, question: str, expected: str) -> None:
    otto = {"subject": a_reference("Patient/otto"), "description": {"text": "housing"}, "lifecycleStatus": "completed"}
    await stored(
        ask,
        a_patient(id="anna", name=[{"family": "Anna"}], identifier=[{"system": "urn:ids", "value": "anna"}]),
        a_goal(id="g1"),
        {
            "resourceType": "List",
            "id": "l",
            "status": "current",
            "mode": "working",
            "entry": [{"item": a_reference("Goal/g1")}],
        },
        a_care_plan(id="naming", goal=[a_reference("Goal/g1")]),
        a_plan(
            "p",
            a_home("g1", startDate="2024-05-03", category=[{"text": "Home and work"}]),
            a_home(
                "g2",
                identifier=[{"system": "urn:ids", "value": "2"}],
                target=[{"dueDate": "2025-02-03"}],
                meta={"tag": [{"system": "urn:tags", "code": "x"}]},
            ),
            {**a_home("g3"), **otto},
        ),
    )
    found = await searched(ask, f"Goal?_contained=true&{ALONE}&{question}")
    assert (found["total"], [each["resource"]["id"] for each in found.get("entry", ())]) == (
        len(expected.split()),
        expected.split(),
    )


async def test_a_chain_of_many_alternatives_finds_them(ask: Ask) -> None:
    await stored(
        ask,
        a_practitioner(id="1", name=[{"family": "Aho"}]),
        a_plan("p", a_care_team(id="t", participant=[{"member": a_reference("Practitioner/1")}])),
    )
    many = ",".join(f"Practitioner/{n}" for n in range(90))
    for question in (f"participant={many}", "participant:Practitioner.name=aho"):
        assert urls(await searched(ask, f"CareTeam?_contained=true&{ALONE}&{question}")) == ["CarePlan/p#t"]


async def test_they_follow_their_container(ask: Ask) -> None:
    await stored(ask, a_plan("p", a_home("g1")))
    await stored(ask, a_plan("p", a_home("g2", "Work")))
    assert urls(await searched(ask, f"Goal?_contained=true&{ALONE}")) == ["CarePlan/p#g2"]
    await stored(ask, a_plan("p", a_condition(id="c1")))
    assert urls(await searched(ask, f"Goal?_contained=true&{ALONE}")) == []
    assert urls(await searched(ask, f"Condition?_contained=true&{ALONE}")) == ["CarePlan/p#c1"]
    patch = [{"op": "add", "path": "/contained/-", "value": a_home("g3")}]
    await ask("patch", "CarePlan/p", patch, patch_format="json-patch", policy=BY_SCOPES)
    assert urls(await searched(ask, f"Goal?_contained=true&{ALONE}")) == ["CarePlan/p#g3"]
    await ask("delete", "CarePlan/p", policy=BY_SCOPES)
    for question in (f"Goal?_contained=true&{ALONE}", "Goal?_contained=both", "Condition?_contained=true"):
        assert (await searched(ask, question))["total"] == 0
    await stored(ask, a_plan("p", a_home("g4")))
    assert urls(await searched(ask, f"Goal?_contained=true&{ALONE}")) == ["CarePlan/p#g4"]


async def test_a_transaction_writes_them_too(ask: Ask) -> None:
    plans = [
        an_entry("POST", "CarePlan", {k: v for k, v in a_plan("x", a_home(f"g{n}")).items() if k != "id"})
        for n in range(2)
    ]
    await ask(
        "transaction",
        "",
        a_bundle("transaction", *plans, an_entry("PUT", "Goal/itself", a_home("itself"))),
        policy=BY_SCOPES,
    )
    assert (await searched(ask, f"Goal?_contained=true&{ALONE}"))["total"] == 2


async def test_what_has_no_id_is_found_with_its_container(ask: Ask) -> None:
    nameless = {name: value for name, value in a_home("x").items() if name != "id"}
    await stored(ask, a_plan("p", nameless, a_home("same"), a_home("g")))
    assert urls(await searched(ask, "Goal?_contained=true")) == ["CarePlan/p"]
    alone = await searched(ask, f"Goal?_contained=true&{ALONE}")
    assert [each.get("fullUrl") for each in alone["entry"]] == [None, f"{BASE}/CarePlan/p#same", f"{BASE}/CarePlan/p#g"]


async def test_pages_show_one_moment_whatever_becomes_of_the_containers(ask: Ask) -> None:
    for n in range(6):
        await stored(ask, a_plan(f"p{n}", a_home("a", startDate=f"2024-01-0{n + 1}"), a_home("b")))
    question = f"Goal?_contained=true&{ALONE}&_count=4&_sort=-start-date&_total=accurate"
    first = await searched(ask, question)
    await ask("delete", "CarePlan/p1", policy=BY_SCOPES)
    await stored(ask, a_plan("p0", a_condition(id="c")), a_plan("p3", a_home("a", startDate="2030-01-01")))
    await stored(ask, a_plan("p9", a_home("a", startDate="1990-01-01")))
    found = [first]
    while (following := link(found[-1], "next")) is not None:
        found.append(await searched(ask, "Goal?" + query(following)))
    assert [urls(each) for each in found] == [
        ["CarePlan/p5#a", "CarePlan/p4#a", "CarePlan/p3#a", "CarePlan/p2#a"],
        ["CarePlan/p1#a", "CarePlan/p0#a", "CarePlan/p5#b", "CarePlan/p4#b"],
        ["CarePlan/p3#b", "CarePlan/p2#b", "CarePlan/p1#b", "CarePlan/p0#b"],
    ]
    assert {each["total"] for each in found} == {12}
    back = await searched(ask, "Goal?" + query(link(found[-1], "previous")))
    assert urls(back) == urls(found[1])
    assert urls(await searched(ask, "Goal?" + query(link(found[-1], "first")))) == urls(first)
    assert urls(await searched(ask, "Goal?" + query(link(found[1], "self")))) == urls(found[1])


@pytest.mark.parametrize(
    "sort", ["", "&_sort=_id", "&_sort=-_lastUpdated", "&_sort=start-date,-_id", "&_sort=-start-date"]
)
@pytest.mark.parametrize("how", ["true", "both"])
@pytest.mark.parametrize("what", ["container", "contained"])
async def test_pages_together_are_what_one_page_shows(ask: Ask, sort: str, how: str, what: str) -> None:
    for n in range(3):
        await stored(ask, a_home(f"g{n}", startDate=f"2024-02-0{n + 1}"))
        await stored(ask, a_plan(f"p{n}", a_home("a", startDate=f"2024-01-0{n + 1}"), a_home("b")))
    await stored(ask, a_care_team(id="t", contained=[a_home("z")], reasonReference=[a_reference("#z")]))
    question = f"Goal?_contained={how}&_containedType={what}{sort}"
    whole = await searched(ask, question)
    split = await pages(ask, question + "&_count=2")
    assert [url for each in split for url in urls(each)] == urls(whole)
    assert len(set(urls(whole))) == whole["total"] == {"container": 4, "contained": 7}[what] + 3 * (how == "both")
    assert {each["total"] for each in split} == {whole["total"]}


async def test_a_container_is_sorted_by_the_least_of_its_matches(ask: Ask) -> None:
    await stored(
        ask,
        a_plan("early", a_home("a", startDate="2024-01-01"), a_home("b", startDate="2024-12-01")),
        a_plan("late", a_home("a", startDate="2024-06-01"), a_home("b", startDate="2025-01-01")),
        a_plan("never", a_home("a")),
    )
    assert urls(await searched(ask, "Goal?_contained=true&_sort=start-date")) == [
        f"CarePlan/{each}" for each in ("early", "late", "never")
    ]
    assert urls(await searched(ask, "Goal?_contained=true&_sort=-start-date")) == [
        f"CarePlan/{each}" for each in ("late", "early", "never")
    ]


async def test_what_belongs_to_them_is_included(ask: Ask) -> None:
    await stored(ask, a_patient(id="anna"), a_patient(id="otto"), a_care_team(id="t"))
    await stored(
        ask, a_plan("p", a_home("g", subject=a_reference("Patient/otto")), careTeam=[a_reference("CareTeam/t")])
    )
    await stored(
        ask,
        {
            "resourceType": "Task",
            "id": "task",
            "status": "requested",
            "intent": "order",
            "focus": a_reference("CarePlan/p"),
        },
    )
    await stored(
        ask,
        {"resourceType": "Task", "id": "g", "status": "requested", "intent": "order", "focus": a_reference("Goal/g")},
    )
    of_container = await searched(
        ask, "Goal?_contained=true&_include=CarePlan:care-team&_include=CarePlan:subject&_revinclude=Task:focus"
    )
    assert sorted(urls(of_container, "include")) == ["CareTeam/t", "Patient/anna", "Task/task"]
    alone = await searched(ask, f"Goal?_contained=true&{ALONE}&_include=Goal:subject&_revinclude=Task:focus")
    assert (urls(alone), urls(alone, "include")) == (["CarePlan/p#g"], ["Patient/otto"])
    again = await searched(ask, f"Goal?_contained=true&{ALONE}&_include=*")
    assert urls(again, "include") == ["Patient/otto"]


async def test_a_page_of_a_moment_includes_what_was_referred_to_then(ask: Ask) -> None:
    await stored(ask, a_patient(id="anna"), a_patient(id="otto"))
    await stored(ask, a_plan("a", a_home("g")), a_plan("b", a_home("g", subject=a_reference("Patient/otto"))))
    first = await searched(ask, f"Goal?_contained=true&{ALONE}&_include=Goal:subject&_count=1")
    await stored(ask, a_plan("b", a_home("g")))
    second = await searched(ask, "Goal?" + query(link(first, "next")))
    assert (urls(first, "include"), urls(second, "include")) == (["Patient/anna"], ["Patient/otto"])


async def test_several_types_are_searched_together(ask: Ask) -> None:
    await stored(
        ask,
        a_home("itself"),
        a_plan("p", a_home("g"), a_condition(id="c")),
        a_care_team(id="t", contained=[a_condition(id="c")], reasonReference=[a_reference("#c")]),
    )
    both = await searched(ask, f"?_type=Goal,Condition&_contained=both&{ALONE}")
    assert sorted(urls(both)) == ["CarePlan/p#c", "CarePlan/p#g", "CareTeam/t#c", "Goal/itself"]
    found = await searched(ask, "?_type=Goal,Condition&_contained=true&_total=accurate")
    assert (sorted(urls(found)), found["total"]) == (["CarePlan/p", "CareTeam/t"], 2)
    assert sorted(urls(await searched(ask, "?_contained=true&patient=Patient/anna&_type=Goal,Condition"))) == sorted(
        urls(found)
    )
    everything = await searched(ask, f"?_type=Goal,Condition&_contained=true&{ALONE}&_count=2")
    assert everything["total"] == 3
    following = await searched(ask, "?" + query(link(everything, "next")))
    assert sorted(urls(everything) + urls(following)) == ["CarePlan/p#c", "CarePlan/p#g", "CareTeam/t#c"]


async def test_they_are_in_the_compartment_of_their_container(ask: Ask) -> None:
    await stored(ask, a_plan("p", a_home("g", subject=a_reference("Patient/otto")), a_practitioner(id="doc")))
    for type, id in (("Goal", "g"), ("Practitioner", "doc")):
        question = f"{type}?_contained=true&{ALONE}"
        assert urls(await searched(ask, question, compartment=("Patient", "anna"))) == [f"CarePlan/p#{id}"]
        assert urls(await searched(ask, question, compartment=("Patient", "otto"))) == []
    whole = await searched(ask, f"?_contained=true&{ALONE}&_type=Goal", compartment=("Patient", "anna"))
    assert urls(whole) == ["CarePlan/p#g"]


async def test_they_are_searched_by_post(ask: Ask) -> None:
    await stored(ask, a_plan("p", a_home("g1"), a_home("g2")))
    first = resource_in(await ask("search-type", f"Goal?_contained=true&{ALONE}&_count=1", method="POST"))
    second = await searched(ask, "Goal?" + query(link(first, "next")))
    assert urls(first) + urls(second) == ["CarePlan/p#g1", "CarePlan/p#g2"]
    assert "contained" not in str(link(first, "self"))


async def test_only_elements_that_are_asked_for_are_shown(ask: Ask) -> None:
    await stored(ask, a_plan("p", a_home("g"), title="Ours"))
    alone = await searched(ask, f"Goal?_contained=true&{ALONE}&_elements=lifecycleStatus")
    assert "description" in alone["entry"][0]["resource"]  # mandatory
    assert "subject" in alone["entry"][0]["resource"]
    container = await searched(ask, "Goal?_contained=true&_elements=title")
    assert (container["entry"][0]["resource"]["title"], "contained" in container["entry"][0]["resource"]) == (
        "Ours",
        False,
    )
    with pytest.raises(Incorrect, match="titel"):
        await searched(ask, "Goal?_contained=true&_elements=titel")


@pytest.mark.parametrize(
    ("question", "saying"),
    [
        ("Goal?_contained=yes", "_contained is one of false, true, both"),
        ("Goal?_contained=True", "_contained is one of"),
        ("Goal?_contained=true&_containedType=both", "_containedType is one of container, contained"),
        ("Goal?_containedType=x", "_containedType is one of"),
        ("Goal?_contained=true&_contained=both", "_contained is given twice"),
        ("AuditEvent?_contained=true", "_contained: AuditEvent"),
        ("?_type=AuditEvent&_contained=both", "_contained: AuditEvent"),
        ("Goal?_query=current", "_query is not supported: no named queries"),
        ("Goal?_list=$current-problems", "functional lists"),
    ],
)
async def test_what_cannot_be_asked_is_named(ask: Ask, question: str, saying: str) -> None:
    with pytest.raises(Incorrect) as refused:
        await searched(ask, question)
    assert saying in str(refused.value)


async def test_a_condition_does_not_look_into_others(ask: Ask) -> None:
    with pytest.raises(Incorrect, match="_contained"):
        await ask("create", "Goal", a_goal(), if_none_exist="identifier=1&_contained=true")
    with pytest.raises(Incorrect, match="_containedType"):
        await ask("create", "Goal", a_goal(), if_none_exist="identifier=1&_containedType=contained")


async def test_the_trail_names_the_containers_and_whom_they_speak_of(ask: Ask) -> None:
    await stored(ask, a_plan("p", a_practitioner(id="doc1"), a_practitioner(id="doc2")))
    for question in (f"Practitioner?_contained=true&{ALONE}", "Practitioner?_contained=true"):
        await searched(ask, question)
        events = await searched(ask, "AuditEvent?_sort=-_lastUpdated&_count=1&entity=CarePlan/p", policy=BY_SCOPES)
        told = [each["what"].get("reference") for each in events["entry"][0]["resource"]["entity"] if "what" in each]
        assert sorted(filter(None, told)) == ["CarePlan/p", "Patient/anna"]


# Who sees them.

HELD = a_plan("held", a_home("g", subject=a_reference(AINO)), a_practitioner(id="doc"), subject=AINO)


@pytest.mark.parametrize("what", ["container", "contained"])
async def test_a_consent_that_hides_the_container_hides_what_is_in_it(ask: Ask, what: str) -> None:
    await the_world(ask)
    await together(ask, system("Organization/s"), HELD)
    for type in ("Goal", "Practitioner"):
        question = f"{type}?_contained=true&_containedType={what}&_total=accurate"
        nothing = await searched(ask, question, by=Niko)
        assert (nothing["total"], "entry" in nothing) == (0, False)
        assert (await searched(ask, f"{question}&_count=0", by=Niko))["total"] == 0
    await consents(ask, k1())
    for type in ("Goal", "Practitioner"):
        found = await searched(ask, f"{type}?_contained=true&_containedType={what}&_total=accurate", by=Niko)
        assert (found["total"], [each.partition("#")[0] for each in urls(found)]) == (1, ["CarePlan/held"])
    await consents(ask, k1(status="inactive"))
    assert (await searched(ask, f"Goal?_contained=both&_containedType={what}", by=Niko))["total"] == 0


async def test_the_container_decides_whatever_the_type_of_what_is_in_it(ask: Ask) -> None:
    """A consent for plans alone lets a plan be read whole; a label hides it whole."""
    await the_world(ask)
    labelled = {**HELD, "id": "labelled", "meta": {"security": [a_label("PSY")]}}
    await together(ask, system("Organization/s"), HELD, labelled)
    await consents(ask, k1(), k2())
    assert urls(await searched(ask, f"Goal?_contained=true&{ALONE}", by=Jari)) == urls(
        await searched(
            ask, f"Goal?_contained=true&{ALONE}", by=replace(Jari, scopes=parse("user/CarePlan.s user/Goal.s"))
        )
    )
    seen = [each for each in named(await searched(ask, "CarePlan", by=Jari)) if each != "CarePlan/1"]
    assert seen and urls(await searched(ask, "Goal?_contained=true", by=Jari)) == seen
    assert (await searched(ask, "Goal", by=Jari))["total"] == 0


@pytest.mark.parametrize("by", [Sari, Niko, Jari, Leena, system(H), ANNA])
async def test_whoever_sees_the_container_sees_them_and_nobody_else(ask: Ask, by: Principal) -> None:
    await the_world(ask)
    await together(ask, system("Organization/s"), HELD)
    await consents(ask, k1())
    sees = "CarePlan/held" in named(await searched(ask, "CarePlan", by=by))
    for question in ("Goal?_contained=true", f"Practitioner?_contained=true&{ALONE}", "Goal?_contained=both&_id=g"):
        found = await searched(ask, question, by=by)
        assert (found["total"], len(urls(found))) == (int(sees), int(sees))


async def test_a_later_page_shows_nothing_of_what_is_hidden_since(ask: Ask) -> None:
    await the_world(ask)
    await together(ask, system("Organization/s"), *({**HELD, "id": f"h{n}"} for n in range(3)))
    await consents(ask, k1())
    first = await searched(ask, f"Goal?_contained=true&{ALONE}&_count=1&_total=accurate", by=Niko)
    assert first["total"] == 3
    await consents(ask, k1(status="inactive"))
    later = await searched(ask, "Goal?" + query(link(first, "next")), by=Niko)
    assert (urls(later), later["total"]) == ([], 0)


def limited(scope: str) -> Principal:
    return replace(RECORDS, scopes=parse(scope))


SCOPES = [
    ("system/*.rs", "CarePlan/a#g CarePlan/d#g CareTeam/t#g"),
    ("system/Goal.rs", ""),
    ("system/Goal.rs system/CarePlan.r", ""),
    ("system/Goal.s system/CarePlan.s", "CarePlan/a#g CarePlan/d#g"),
    ("system/Goal.rs system/CarePlan.rs?status=active", "CarePlan/a#g"),
    ("system/Goal.rs system/CarePlan.rs?status=active system/CareTeam.rs", "CarePlan/a#g CareTeam/t#g"),
    ("system/Goal.rs?lifecycle-status=completed system/CarePlan.rs", "CarePlan/d#g"),
    (
        "system/Goal.rs?lifecycle-status=completed system/Goal.rs?lifecycle-status=active system/CarePlan.rs?_id=a",
        "CarePlan/a#g",
    ),
    ("system/Goal.rs?_id=g system/CarePlan.rs", ""),
    ("system/Goal.rs?_id=g system/Goal.rs?lifecycle-status=active system/CarePlan.rs", "CarePlan/a#g"),
    ("system/Goal.rs?_lastUpdated=lt2020 system/CarePlan.rs", ""),
    ("system/Goal.rs?_lastUpdated=ge2020 system/CarePlan.rs", "CarePlan/a#g CarePlan/d#g"),
]


@pytest.mark.parametrize(("scope", "expected"), SCOPES)
async def test_the_scopes_of_both_types_and_their_limits_hold(ask: Ask, scope: str, expected: str) -> None:
    await stored(
        ask,
        a_plan("a", a_home("g")),
        a_plan("d", a_home("g", lifecycleStatus="completed"), status="draft"),
        a_care_team(id="t", contained=[a_home("g")], reasonReference=[a_reference("#g")]),
    )
    for policy in ({}, {"policy": BY_SCOPES}):
        found = await searched(ask, f"Goal?_contained=true&{ALONE}&_total=accurate", by=limited(scope), **policy)
        assert (urls(found), found["total"]) == (expected.split(), len(expected.split()))
        containers = await searched(ask, "Goal?_contained=true", by=limited(scope), **policy)
        assert urls(containers) == [each.partition("#")[0] for each in expected.split()]
        everything = await searched(ask, f"?_type=Goal,CareTeam&_contained=true&{ALONE}", by=limited(scope), **policy)
        assert urls(everything) == expected.split()


async def test_types_that_are_looked_for_at_once_are_few_whatever_there_is(ask: Ask) -> None:
    types = [type for type in CATALOGUE if type != "AuditEvent"]
    for by in (RECORDS, ANNA):
        for question in (
            "?_contained=true",
            f"?_contained=both&{ALONE}",
            f"?_type={','.join(types[: MOST_LOOKED_FOR + 1])}&_contained=true",
        ):
            with pytest.raises(Incorrect, match="at most 10 types at once: name them by _type") as refusal:
                await searched(ask, question, by=by)
            assert [each.code for each in refusal.value.issues] == ["too-costly"]
    await stored(ask, a_plan("p", a_home("g")))
    most = ",".join(["Goal", *types[: MOST_LOOKED_FOR - 1]])
    for by in (RECORDS, ANNA):
        assert urls(await searched(ask, f"?_type={most}&_contained=true", by=by)) == ["CarePlan/p"]
        assert "entry" in await searched(ask, "?_contained=false", by=by)


async def test_without_a_scope_of_what_is_in_it_nothing_is_searched(ask: Ask) -> None:
    await stored(ask, a_plan("a", a_home("g")))
    with pytest.raises(Refused):
        await searched(ask, "Goal?_contained=true", by=limited("system/CarePlan.rs"))


async def test_a_client_sees_what_is_in_what_is_told(ask: Ask) -> None:
    untold = {"meta": {"security": [a_label("TBOO")]}}
    await stored(ask, a_plan("p", a_home("g")), a_plan("untold", a_home("g"), **untold))
    await stored(ask, a_plan("ottos", a_home("g"), subject="Patient/otto"))
    assert urls(await searched(ask, f"Goal?_contained=true&{ALONE}", by=ANNA)) == ["CarePlan/p#g"]
