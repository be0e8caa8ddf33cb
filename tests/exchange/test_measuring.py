"""$evaluate-measure over the register of the organisation that asks, and no other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import (
    a_care_plan,
    a_care_team,
    a_concept,
    a_condition,
    a_consent,
    a_goal,
    a_patient,
    a_practitioner,
    a_provision,
    a_questionnaire_response,
    a_reference,
    a_service_request,
    a_task,
    an_encounter,
    an_episode_of_care,
    an_organization,
)
from exchange.asking import Ask, resource_in
from exchange.cast import NIKO, SARI, Aino, H, S, Sari, a_member, a_role, system, together
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.care import codes
from sharedplan.care.measures.known import MEASURES
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


def a_case(n: int, stance: str = "agree") -> Iterator[Json]:
    """A client of S with Sari as coordinator and Niko of H on the team, who both met him; Sari's referral of him was
    turned away once."""
    client, id, today = f"Patient/c{n}", f"c{n}", datetime.now(UTC).strftime("%Y-%m-%d")
    of_episode = [{"url": codes.EPISODE, "valueReference": a_reference(f"EpisodeOfCare/{id}")}]
    acceptance = {"url": codes.ACCEPTANCE, "extension": [{"url": "status", "valueCode": stance}]}
    yield a_patient(id=id)
    yield an_episode_of_care(client, id=id, period={"start": today})
    yield a_consent(
        client,
        id=id,
        dateTime=today,
        provision={**a_provision(to=[H]), "period": {"start": today}},
        sourceAttachment={"title": "signed"},
    )
    yield a_goal(client, id=id, extension=[acceptance])
    yield a_care_team(client, id=id, participant=[a_member(SARI, "coordinator"), a_member(NIKO, "nurse")])
    yield a_care_plan(
        client,
        id=id,
        extension=of_episode,
        category=[a_concept(codes.PLAN, "shared-plan")],
        instantiatesCanonical=[codes.MODELS + "stop"],
        period={"start": today},
        contributor=[a_reference(client)],
        careTeam=[a_reference(f"CareTeam/{id}")],
        goal=[a_reference(f"Goal/{id}")],
    )
    yield an_encounter(
        client,
        id=id,
        type=[a_concept(codes.ENCOUNTER_TYPE, "client-meeting")],
        episodeOfCare=[a_reference(f"EpisodeOfCare/{id}")],
        participant=[{"individual": a_reference(each)} for each in (SARI, NIKO)],
        period={"start": f"{today}T00:00:00Z"},
        extension=[{"url": codes.DEVIATION, "valueString": "the consent names the organisation"}],
    )
    yield a_service_request(client, id=id, authoredOn=today, requester=a_reference(SARI))
    yield a_task(
        client,
        id=id,
        code=a_concept(codes.TASK, "referral"),
        status="rejected",
        authoredOn=today,
        focus=a_reference(f"ServiceRequest/{id}"),
    )


def lately() -> str:
    """A period around now."""
    now = datetime.now(UTC).date()
    return f"periodStart={now - timedelta(days=30)}&periodEnd={now + timedelta(days=30)}"


async def test_plans_are_measured_as_the_review_sees_them(ask: Ask) -> None:
    for organization, person, kind in ((S, SARI, "adult-social-services"), (H, NIKO, "health-services")):
        types = [a_concept(codes.ORGANIZATION_TYPE, kind)]
        own = an_organization(id=organization.partition("/")[2], type=types)
        worker = a_practitioner(id=person.partition("/")[2])
        await together(ask, system(organization), own, worker, a_role(person, organization))
    cases = [*(each for n in range(6) for each in a_case(n)), *a_case(6, "pending")]
    await together(ask, system(S), *cases)

    goals = await evaluated(ask, "goals-agreed", of(system(S)), lately())
    assert counts(goals, "goals-agreed") == [7, 7, 6]
    assert counts(goals, "plans-with-agreed-goal") == [7, 7, 6]
    (stratum,) = goals["group"][0]["stratifier"][0]["stratum"]
    assert stratum["value"]["coding"][0]["code"] == "stop"

    realised = await evaluated(ask, "multidisciplinarity", of(system(S)), lately())
    assert counts(realised, "multidisciplinarity") == [7, 7, 7]

    coverage = await evaluated(ask, "consent-coverage", of(system(S)), lately())
    assert counts(coverage, "members-covered") == [7, 7, 7]
    assert counts(coverage, "covered-by-way") == [7]

    bounces = await evaluated(ask, "bounces", of(system(S)), lately())
    assert counts(bounces, "referrals-rejected") == [7, 7, 7]
    assert counts(bounces, "rejections-per-client") == [7]
    assert counts(await evaluated(ask, "bounces", of(system(H)), lately()), "referrals-rejected") == [None] * 3


async def test_coded_content_is_told_by_the_system_that_recorded_it(ask: Ask) -> None:
    def conditions(prefix: str, **code: Any) -> list[Json]:
        people = [a_patient(id=f"{prefix}{n}") for n in range(5)]
        return [*people, *(a_condition(f"Patient/{prefix}{n}", id=f"{prefix}{n}", code=code) for n in range(5))]

    coded = {"coding": [{"system": "http://snomed.info/sct", "code": "193462001"}]}
    await together(ask, replace(system(S), client_id="effica"), *conditions("e", **coded))
    await together(ask, replace(system(S), client_id="lifecare"), *conditions("l", text="sleeps badly"))
    await together(ask, replace(system(H), client_id="elsewhere"), *conditions("h", **coded))
    (group,) = (await evaluated(ask, "coded-content", of(system(S)), lately()))["group"]
    assert [each["count"] for each in group["population"]] == [10, 10, 5]
    strata = {each["value"]["text"]: each for each in group["stratifier"][0]["stratum"]}
    assert strata.keys() == {"effica", "lifecare"}, "of its own register alone"


async def test_days_to_acceptance_are_told_from_five_clients_on(ask: Ask) -> None:
    def accepted(n: int) -> Iterator[Json]:
        yield a_patient(id=f"d{n}")
        yield a_service_request(f"Patient/d{n}", id=f"d{n}", authoredOn="2026-04-05")
        yield a_task(
            f"Patient/d{n}",
            id=f"d{n}",
            code=a_concept(codes.TASK, "referral"),
            status="in-progress",
            authoredOn="2026-04-05",
            focus=a_reference(f"ServiceRequest/d{n}"),
            executionPeriod={"start": f"2026-04-{6 + n:02}"},
        )

    await together(ask, system(S), *(each for n in range(4) for each in accepted(n)))
    assert counts(await evaluated(ask, "bounces", of(system(S))), "days-to-acceptance") == [None, None]
    await together(ask, system(S), *accepted(9))
    report = await evaluated(ask, "bounces", of(system(S)))
    scores = {each["code"]["coding"][0]["code"]: each.get("measureScore", {}).get("value") for each in report["group"]}
    assert (scores["days-to-acceptance"], scores["longest-to-acceptance"]) == (3, 10)


async def test_much_of_one_client_is_not_told(ask: Ask) -> None:
    referrals = [a_service_request("Patient/a", id=f"r{n}", authoredOn="2026-04-05") for n in range(9)]
    await together(ask, system(S), a_patient(id="a"), *referrals)
    assert counts(await evaluated(ask, "bounces", of(system(S))), "referrals-rejected") == [None, None, None]


async def test_answers_of_clients_come_to_a_mean_whatever_version_of_the_questionnaire_they_name(ask: Ask) -> None:
    def answers(n: int, version: str) -> Json:
        return a_questionnaire_response(
            f"Patient/f{n}",
            id=f"f{n}",
            questionnaire=f"https://sharedplan.dev/fhir/Questionnaire/feedback-client{version}",
            authored="2026-04-05",
            source=a_reference(f"Patient/f{n}"),
            item=[{"linkId": "was-heard", "answer": [{"valueInteger": 3 + n % 2}]}],
        )

    people = [a_patient(id=f"f{n}") for n in range(6)]
    await together(ask, system(S), *people, *(answers(n, "|1.0.0" if n < 3 else "") for n in range(6)))
    report = await evaluated(ask, "feedback", of(system(S)))
    assert counts(report, "was-heard") == [6, 6]
    scores = {each["code"]["coding"][0]["code"]: each.get("measureScore", {}).get("value") for each in report["group"]}
    assert (scores["was-heard"], scores["got-help"]) == (3.5, None)


@pytest.mark.parametrize("measure", MEASURES)
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
