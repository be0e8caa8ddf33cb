"""Value sets and code systems: which codes a search by them asks for."""

from typing import Any

import pytest

from sharedplan.errors import Incorrect
from sharedplan.search import code_systems, terminology
from sharedplan.search.expression import HasEntry, Missing, Not, Nothing
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.terminology import MOST_CODES, Codes, Needs, Terminology

REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SERVICES = "urn:oid:1.2.246.537.6.50.201"
"""A classification of social and health services, in the manner of the Finnish ones."""


def a_system(url: str, concepts: list[Any], **more: Any) -> Any:
    return {"resourceType": "CodeSystem", "url": url, "content": "complete", "concept": concepts, **more}


def concept(code: str, *under: Any, **properties: Any) -> Any:
    """A concept with those nested in it, and its properties."""
    listed = [{"code": name, "valueCode": value} for name, value in properties.items()]
    return {"code": code, **({"concept": list(under)} if under else {}), **({"property": listed} if listed else {})}


ACT_REASON = a_system(
    REASON,
    [concept("TREAT", concept("COC"), concept("ETREAT", concept("BTG"))), concept("HPAYMT")],
    hierarchyMeaning="is-a",
)
SERVICE_CLASSES = a_system(
    SERVICES,
    [
        concept("1", status="active"),
        concept("1.1", parent="1", status="active"),
        concept("1.1.1", subsumedBy="1.1", status="retired"),
        concept("2", child="2.1"),
        concept("2.1"),
    ],
)


def a_value_set(url: str, *include: Any, exclude: Any = (), **more: Any) -> Any:
    compose = {"include": list(include), **({"exclude": list(exclude)} if exclude else {})}
    return {"resourceType": "ValueSet", "url": url, **({"compose": compose} if include else {}), **more}


def filtered(property: str, op: str, value: str, system: str = REASON, **more: Any) -> Any:
    return {"system": system, "filter": [{"property": property, "op": op, "value": value}], **more}


def known(*value_sets: Any, systems: Any = (ACT_REASON, SERVICE_CLASSES)) -> Terminology:
    read = {each["url"]: found for each in systems if (found := code_systems.read(each)) is not None}
    return Terminology({each["url"]: each for each in value_sets}, read)


def members(*value_sets: Any, systems: Any = (ACT_REASON, SERVICE_CLASSES)) -> Codes:
    """The codes of the first, which may be made of the others."""
    return known(*value_sets, systems=systems).members(value_sets[0]["url"])


def of(system: str, *codes: str) -> set[tuple[str, str]]:
    return {(system, code) for code in codes}


def listed(system: str, *codes: str) -> Any:
    return {"system": system, "concept": [{"code": code} for code in codes]}


def test_concepts_that_are_listed_need_no_code_system() -> None:
    assert members(a_value_set("urn:v", listed("urn:s", "a", "b")), systems=()) == of("urn:s", "a", "b")


def test_a_whole_system_is_its_codes_or_itself_where_they_are_not_all_listed() -> None:
    whole = a_value_set("urn:v", {"system": REASON})
    assert members(whole) == of(REASON, "TREAT", "COC", "ETREAT", "BTG", "HPAYMT")
    assert members(whole, systems=()) == {(REASON, None)}
    assert members(whole, systems=({**ACT_REASON, "content": "fragment"},)) == {(REASON, None)}
    many = a_system("urn:many", [concept(str(each)) for each in range(MOST_CODES + 1)])
    assert members(a_value_set("urn:v", {"system": "urn:many"}), systems=(many,)) == {("urn:many", None)}


@pytest.mark.parametrize("property", ["concept", "code"])
@pytest.mark.parametrize(
    ("op", "value", "codes"),
    [
        ("is-a", "ETREAT", {"ETREAT", "BTG"}),
        ("descendent-of", "TREAT", {"COC", "ETREAT", "BTG"}),
        ("is-not-a", "TREAT", {"HPAYMT"}),
        ("generalizes", "BTG", {"BTG", "ETREAT", "TREAT"}),
        ("=", "COC", {"COC"}),
        ("=", "coc", set()),
        ("in", "COC, BTG", {"COC", "BTG"}),
        ("not-in", "COC,BTG", {"TREAT", "ETREAT", "HPAYMT"}),
    ],
)
def test_a_filter_goes_by_the_hierarchy(property: str, op: str, value: str, codes: set[str]) -> None:
    assert members(a_value_set("urn:v", filtered(property, op, value))) == of(REASON, *codes)


@pytest.mark.parametrize(
    ("property", "op", "value", "codes"),
    [
        ("status", "=", "active", {"1", "1.1"}),
        ("status", "exists", "false", {"2", "2.1"}),
        ("parent", "=", "1", {"1.1"}),
        ("child", "=", "2.1", {"2"}),
    ],
)
def test_a_filter_goes_by_what_concepts_have(property: str, op: str, value: str, codes: set[str]) -> None:
    assert members(a_value_set("urn:v", filtered(property, op, value, SERVICES))) == of(SERVICES, *codes)


def test_several_filters_hold_together() -> None:
    both = filtered("concept", "is-a", "TREAT")
    both["filter"].append({"property": "concept", "op": "is-not-a", "value": "ETREAT"})
    assert members(a_value_set("urn:v", both)) == of(REASON, "TREAT", "COC")


def test_value_sets_of_one_include_intersect_and_includes_add_up() -> None:
    one = a_value_set("urn:one", listed(REASON, "COC", "BTG"))
    two = a_value_set("urn:two", listed(REASON, "BTG"), listed("urn:s", "a"))
    assert members(a_value_set("urn:v", {"valueSet": ["urn:one", "urn:two"]}), one, two) == of(REASON, "BTG")
    assert members(a_value_set("urn:v", {"system": REASON, "valueSet": ["urn:two"]}), two) == of(REASON, "BTG")
    whole = a_value_set("urn:v", {"system": "urn:s", "valueSet": ["urn:two"]})
    assert members(whole, two, systems=()) == of("urn:s", "a")
    added = a_value_set("urn:v", {"valueSet": ["urn:one"]}, {"valueSet": ["urn:two"]})
    assert members(added, one, two) == of(REASON, "COC", "BTG") | of("urn:s", "a")


def test_what_is_excluded_is_not_in() -> None:
    within = filtered("concept", "is-a", "TREAT")
    value_set = a_value_set("urn:v", within, exclude=[filtered("concept", "is-a", "ETREAT")])
    assert members(value_set) == of(REASON, "TREAT", "COC")
    assert members(a_value_set("urn:v", within, exclude=[{"system": REASON}]), systems=(ACT_REASON,)) == set()
    with pytest.raises(Incorrect, match="urn:s"):
        members(a_value_set("urn:v", {"system": "urn:s"}, exclude=[listed("urn:s", "a")]))


def test_an_expansion_that_is_there_is_taken_with_all_that_is_nested_in_it() -> None:
    nested = {"system": REASON, "code": "ETREAT", "abstract": True, "contains": [{"system": REASON, "code": "BTG"}]}
    expansion = {"contains": [{"display": "a heading", "contains": [nested]}], "total": 3}
    value_set = a_value_set("urn:v", {"system": "urn:unused"}, expansion=expansion)
    assert members(value_set) == of(REASON, "ETREAT", "BTG")
    assert terminology.needs(value_set) == Needs(frozenset(), frozenset())


def test_an_expansion_of_which_a_part_is_missing_is_made_anew() -> None:
    part = {"contains": [{"system": "urn:s", "code": "a"}], "total": 2}
    assert members(a_value_set("urn:v", listed("urn:s", "a", "b"), expansion=part)) == of("urn:s", "a", "b")
    url = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
    open = {"contains": [{"system": "urn:s", "code": "a"}], "extension": [{"url": url, "valueBoolean": True}]}
    with pytest.raises(Incorrect, match="urn:v"):
        members(a_value_set("urn:v", expansion=open))


@pytest.mark.parametrize(
    ("value_set", "named"),
    [
        (a_value_set("urn:v", {"valueSet": ["urn:nowhere"]}), "urn:nowhere.*urn:v"),
        (a_value_set("urn:v", filtered("concept", "is-a", "x", "urn:strange")), "urn:v.*urn:strange"),
        (a_value_set("urn:v", filtered("concept", "is-a", "TREET")), "TREET"),
        (a_value_set("urn:v", filtered("code", "regex", "T.*")), "regex"),
        (a_value_set("urn:v"), "urn:v"),
        (a_value_set("urn:v", {"valueSet": ["urn:v"]}), "includes itself"),
        (a_value_set("urn:v", listed("urn:s", *map(str, range(MOST_CODES + 1)))), "10,000"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(value_set: Any, named: str) -> None:
    with pytest.raises(Incorrect, match=named):
        members(value_set)


def test_value_sets_lie_within_each_other_to_a_depth() -> None:
    def chain(length: int) -> list[Any]:
        over = [a_value_set(f"urn:{each}", {"valueSet": [f"urn:{each + 1}"]}) for each in range(length - 1)]
        return [*over, a_value_set(f"urn:{length - 1}", listed("urn:s", "a"))]

    assert members(*chain(terminology.MOST_DEPTH)) == of("urn:s", "a")
    with pytest.raises(Incorrect, match="within each other"):
        members(*chain(terminology.MOST_DEPTH + 1))


def test_value_sets_that_share_parts_are_expanded_once() -> None:
    twice = [a_value_set(f"urn:{n}", {"valueSet": [f"urn:{n + 1}"]}, {"valueSet": [f"urn:{n + 1}"]}) for n in range(18)]
    assert members(*twice, a_value_set("urn:18", listed("urn:s", "a"))) == of("urn:s", "a")


@pytest.mark.parametrize(
    ("relation", "system", "code", "codes"),
    [
        ("below", REASON, "TREAT", {"TREAT", "COC", "ETREAT", "BTG"}),
        ("above", REASON, "BTG", {"BTG", "ETREAT", "TREAT"}),
        ("below", REASON, "HPAYMT", {"HPAYMT"}),
        ("below", SERVICES, "1", {"1", "1.1", "1.1.1"}),
        ("above", SERVICES, "2.1", {"2", "2.1"}),
    ],
)
def test_above_and_below_go_by_nesting_and_by_properties(
    relation: str, system: str, code: str, codes: set[str]
) -> None:
    assert known().related(relation, system, code) == of(system, *codes)


def test_a_code_or_system_that_is_not_known_lies_nowhere() -> None:
    for system, code in ((REASON, "TREET"), ("urn:strange", "a")):
        with pytest.raises(Incorrect, match=f"{system}"):
            known().related("below", system, code)
    absent = {**ACT_REASON, "content": "not-present"}
    with pytest.raises(Incorrect, match="not known"):
        known(systems=(absent,)).related("below", REASON, "TREAT")


def test_what_is_grouped_otherwise_lies_under_nothing() -> None:
    grouped = known(systems=({**ACT_REASON, "hierarchyMeaning": "grouped-by"},))
    assert grouped.related("below", REASON, "TREAT") == of(REASON, "TREAT")
    silent = {name: value for name, value in ACT_REASON.items() if name != "hierarchyMeaning"}
    assert len(known(systems=(silent,)).related("below", REASON, "TREAT")) == 4


def test_a_property_that_is_declared_as_a_parent_is_one_and_circles_do_no_harm() -> None:
    declared = [{"code": "yläluokka", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}]
    concepts = [concept("a", yläluokka="b"), concept("b", yläluokka="a"), concept("c", yläluokka="x")]
    system = known(systems=(a_system("urn:s", concepts, property=declared),))
    assert system.related("below", "urn:s", "a") == of("urn:s", "a", "b")
    assert system.related("above", "urn:s", "c") == of("urn:s", "c")


def test_a_canonical_means_that_version_or_the_newest() -> None:
    found = [a_value_set("urn:v", version=version) for version in ("1.9", "1.10", "1.2")]
    assert terminology.newest(found, "urn:v") == found[1]
    assert terminology.newest(found, "urn:v|1.2") == found[2]
    assert terminology.newest(found, "urn:v|3") is None
    assert terminology.newest(found, "urn:w") is None


def test_what_a_value_set_needs_is_named_with_its_version() -> None:
    value_set = a_value_set(
        "urn:v", {"system": "urn:s", "version": "2"}, listed("urn:t", "a"), {"valueSet": ["urn:w|1"]}
    )
    assert terminology.needs(value_set) == Needs(frozenset({"urn:w|1"}), frozenset({"urn:s|2"}))


def test_the_condition_has_the_entries_of_the_index() -> None:
    category, status = PARAMETERS["CarePlan"]["category"], PARAMETERS["CarePlan"]["status"]
    implied = str(status.system)
    asked = frozenset({("urn:s", "a|b"), ("urn:t", None), ("", "c")})
    assert terminology.condition(category, asked) == HasEntry(category, ("urn:s|a\\|b", "urn:t|", "|c"))
    assert terminology.condition(status, frozenset({(implied, "active")})) == HasEntry(status, ("active",))
    assert terminology.condition(status, frozenset({(implied, None)})) == Not(Missing(status))
    assert terminology.condition(status, frozenset()) == Nothing()


def test_a_plain_code_whose_system_nothing_implies_is_taken_for_one_of_the_set() -> None:
    intent = PARAMETERS["Task"]["intent"]
    assert intent.system is None
    found = terminology.condition(intent, frozenset({("http://hl7.org/fhir/request-intent", "plan")}))
    assert found == HasEntry(intent, ("plan",))
