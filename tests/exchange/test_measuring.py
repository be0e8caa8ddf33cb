"""$evaluate-measure over the register of the organisation that asks, and no other."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from builders import a_concept, a_patient, a_reference, a_service_request, a_task
from exchange.asking import Ask, resource_in
from exchange.cast import SARI, Aino, H, S, Sari, a_role, system, together
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.care import codes
from sharedplan.errors import Incorrect, NotFound, Refused
from sharedplan.exchange import evaluate_measure

Json = dict[str, Any]

YEAR = "periodStart=2026-01-01&periodEnd=2027-01-01"


def of(principal: Principal) -> Principal:
    return replace(principal, purpose="HOPERAT")


async def evaluated(ask: Ask, measure: str, by: Principal, query: str = YEAR) -> Json:
    answer = await ask("operation", f"Measure/{measure}?{query}", by=by, operation="evaluate-measure", method="GET")
    return resource_in(answer)


def counts(report: Json, code: str) -> list[int | None]:
    (group,) = [each for each in report["group"] if each["code"]["coding"][0]["code"] == code]
    return [each.get("count") for each in group["population"]]


def assessments(number: int, prefix: str, done: str = "2026-03-01T10:00:00+02:00") -> Iterator[Json]:
    for n in range(number):
        yield a_patient(id=f"{prefix}{n}")
        yield a_task(
            f"Patient/{prefix}{n}",
            id=f"{prefix}{n}",
            code=a_concept(codes.TASK, "need-assessment"),
            reasonCode=a_concept(codes.LEGAL_BASIS, "lsl-26"),
            status="completed",
            authoredOn="2026-01-20",
            executionPeriod={"end": done},
        )


async def test_an_organisation_counts_its_own_register(ask: Ask) -> None:
    await together(ask, system(S), *assessments(6, "a"), *assessments(2, "late", done="2026-05-01T10:00:00+03:00"))
    await together(ask, system(H), *assessments(7, "h"))
    report = await evaluated(ask, "assessment-in-time", of(system(S)))
    assert counts(report, "completed-in-period") == [8, 8, 6]
    assert report["reporter"] == {"reference": S}
    assert report["type"] == "summary"
    assert counts(await evaluated(ask, "assessment-in-time", of(system(H))), "due-in-period") == [7, 7, 7]


async def test_pages_come_to_the_same(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_measure, "PAGE", 3)
    await together(ask, system(S), *assessments(8, "a"))
    report = await evaluated(ask, "assessment-in-time", of(system(S)))
    assert counts(report, "completed-in-period") == [8, 8, 8]


async def test_who_works_there_counts_clients_whom_he_does_not_know(ask: Ask) -> None:
    await together(ask, system(S), a_role(SARI, S), *assessments(5, "a"))
    report = await evaluated(ask, "assessment-in-time", of(Sari))
    assert counts(report, "completed-in-period") == [5, 5, 5]
    with pytest.raises(Refused):
        await evaluated(ask, "assessment-in-time", of(replace(Sari, organization=H)))


async def test_referrals_name_their_source(ask: Ask) -> None:
    await together(
        ask,
        system(S),
        a_patient(id="a"),
        *(
            a_service_request("Patient/a", id=f"r{n}", authoredOn="2026-04-05", requester=a_reference(H))
            for n in range(5)
        ),
    )
    report = await evaluated(ask, "referrals", of(system(S)))
    (stratum,) = report["group"][0]["stratifier"][0]["stratum"]
    assert [each["value"]["coding"][0]["code"] for each in stratum["component"]] == [H, "2026-04"]
    assert stratum["population"][0]["count"] == 5


@pytest.mark.parametrize("measure", ["assessment-in-time", "feedback", "referrals", "kaannekohta"])
async def test_an_empty_register_comes_to_nothing_that_is_told(ask: Ask, measure: str) -> None:
    report = await evaluated(ask, measure, of(system("Organization/empty")))
    assert not any("count" in each for group in report["group"] for each in group["population"])
    assert not any("measureScore" in group for group in report["group"])


async def test_another_purpose_is_refused_and_says_which_one_it_is_for(ask: Ask) -> None:
    with pytest.raises(Refused, match="HOPERAT"):
        await evaluated(ask, "feedback", system(S))


async def test_a_client_has_no_register_to_count(ask: Ask) -> None:
    with pytest.raises(Refused):
        await evaluated(ask, "feedback", of(Aino))


async def test_scopes_must_allow_to_search_what_is_counted(ask: Ask) -> None:
    with pytest.raises(Refused, match="Task"):
        await evaluated(ask, "feedback", replace(of(system(S)), scopes=parse("system/Measure.rs")))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "periodStart=2026-01-01",
        "periodStart=2026-01-01&periodEnd=2026-13-01",
        "periodStart=2026&periodEnd=2027",
        "periodStart=2026-02-01&periodEnd=2026-02-01",
        f"{YEAR}&subject=Patient/1",
        f"{YEAR}&periodEnd=2028-01-01",
    ],
)
async def test_a_period_that_is_none_is_refused(ask: Ask, query: str) -> None:
    with pytest.raises(Incorrect):
        await evaluated(ask, "feedback", of(system(S)), query)


async def test_a_measure_that_is_not_computed_here_is_not_found(ask: Ask) -> None:
    with pytest.raises(NotFound, match="assessment-in-time"):
        await evaluated(ask, "happiness", of(system(S)))
