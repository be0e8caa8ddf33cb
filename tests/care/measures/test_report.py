"""A MeasureReport tells what may be told, and why the rest is not."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sharedplan.care.measures.figures import Group, Period, Stratum, Value, of_means, of_values
from sharedplan.care.measures.report import ABSENT, reported
from sharedplan.fhir import resources

Json = dict[str, Any]

PERIOD = Period(date(2026, 1, 1), date(2027, 1, 1))


def told(*groups: Group) -> list[Json]:
    report = reported("m", groups, PERIOD, reporter="Organization/s", at=datetime(2026, 11, 27, tzinfo=UTC))
    assert not [each for each in resources.issues_of("MeasureReport", report) if each.severity == "error"]
    found: list[Json] = report["group"]
    return found


def counts(of: Json) -> dict[str, int | None]:
    return {each["code"]["coding"][0]["code"]: each.get("count") for each in of["population"]}


def test_a_share_comes_with_its_counts() -> None:
    (group,) = told(Group("g", 12, 9))
    assert counts(group) == {"initial-population": 12, "denominator": 12, "numerator": 9}
    assert group["measureScore"]["value"] == Decimal("0.75")


def test_a_group_below_five_has_neither_count_nor_score_and_says_why() -> None:
    (group,) = told(Group("g", 4, 4))
    assert set(counts(group).values()) == {None}
    assert "measureScore" not in group
    assert group["extension"] == [{"url": ABSENT, "valueCode": "masked"}]
    assert all(each["_count"]["extension"][0]["url"] == ABSENT for each in group["population"])


def test_a_numerator_below_five_takes_the_score_with_it() -> None:
    (group,) = told(Group("g", 12, 3))
    assert counts(group) == {"initial-population": 12, "denominator": 12, "numerator": None}
    assert "measureScore" not in group


def test_a_median_comes_with_its_unit() -> None:
    (group,) = told(of_values("g", [1, 2, 3, 4, 5, 6], "d"))
    assert counts(group) == {"initial-population": 6, "measure-population": 6}
    assert (group["measureScore"]["value"], group["measureScore"]["code"]) == (3.5, "d")
    (few,) = told(of_values("g", [1, 2, 3, 4], "d"))
    assert "measureScore" not in few


def a_stratum(source: str, month: str, number: int) -> Stratum:
    return Stratum((Value("source", source, source), Value("month", month, month)), number)


def test_strata_have_components_and_small_ones_are_masked_with_one_more() -> None:
    strata = (a_stratum("Organization/a", "2026-01", 3), a_stratum("Organization/b", "2026-01", 6))
    (group,) = told(Group("g", 17, strata=(*strata, a_stratum("Organization/b", "2026-02", 8))))
    shown = group["stratifier"][0]["stratum"]
    assert [counts(each)["initial-population"] for each in shown] == [None, None, 8]
    components = {each["code"]["coding"][0]["code"]: each["value"]["text"] for each in shown[2]["component"]}
    assert components == {"source": "Organization/b", "month": "2026-02"}


def test_a_whole_that_tells_its_parts_is_masked_itself() -> None:
    (group,) = told(Group("g", 5, strata=tuple(a_stratum(f"Organization/{n}", "2026-01", 1) for n in range(5))))
    assert counts(group) == {"initial-population": None}


def test_much_of_few_people_is_not_told() -> None:
    (group,) = told(Group("g", 20, 15, people=4))
    assert set(counts(group).values()) == {None}
    assert "measureScore" not in group


def test_a_stratum_of_few_people_is_masked_with_one_more() -> None:
    strata = [Stratum((Value("model", each, each),), 20, 15, people) for each, people in (("a", 2), ("b", 9), ("c", 9))]
    (group,) = told(Group("g", 60, 45, strata=tuple(strata), people=20))
    shown = group["stratifier"][0]["stratum"]
    assert [counts(each)["numerator"] for each in shown] == [None, None, 15]
    assert counts(group)["numerator"] == 45


def test_a_mean_of_people_is_told_from_five_on() -> None:
    (group,) = told(of_means("g", [[5], [4, 2], [4], [3], [3]]))
    assert (counts(group)["measure-population"], group["measureScore"]["value"]) == (5, Decimal("3.6"))
    assert "measureScore" not in told(of_means("g", [[5], [4], [4], [3, 3]]))[0]
