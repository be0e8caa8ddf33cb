"""One client's case, in which every rule of every service model is kept; tests change a part of it."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from builders import (
    a_care_plan,
    a_care_team,
    a_concept,
    a_consent,
    a_goal,
    a_patient,
    a_practitioner_role,
    a_provision,
    a_questionnaire_response,
    a_reference,
    a_related_person,
    a_service_request,
    a_task,
    an_encounter,
    an_episode_of_care,
    an_organization,
)
from sharedplan.care import codes
from sharedplan.care.finding import Finding
from sharedplan.care.model import GENERAL, ServiceModel, Span
from sharedplan.care.review.findings import RULES, findings
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation, Trace
from sharedplan.exchange.accepting import accepted

Json = dict[str, Any]

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ANNA, SARI, NIKO, JARI, LEENA = (
    "Patient/anna",
    "Practitioner/sari",
    "Practitioner/niko",
    "Practitioner/jari",
    "RelatedPerson/leena",
)
S, H, N = "Organization/s", "Organization/h", "Organization/n"
PLAN, EPISODE = "CarePlan/1", "EpisodeOfCare/1"

EVERY_RULE = ServiceModel(
    codes.MODELS + "every",
    "Jokainen sääntö",
    roles=("social-worker", "nurse"),
    rules=frozenset(RULES),
    need_assessment_target=Span(3, "mo"),
    encounter_limit=5,
)
GENERAL_ONLY = replace(EVERY_RULE, rules=GENERAL)


def a_person(type: str, id: str, name: str, **elements: Any) -> Json:
    return {"resourceType": type, "id": id, "name": [{"text": name}], **elements}


def of_episode(resource: Json) -> Json:
    return {**resource, "extension": [{"url": codes.EPISODE, "valueReference": a_reference(EPISODE)}]}


def with_stance(goal: Json, stance: str) -> Json:
    """A goal with the client's stance."""
    parts = [{"url": "individual", "valueReference": a_reference(ANNA)}, {"url": "status", "valueCode": stance}]
    return {**goal, "extension": [{"url": codes.ACCEPTANCE, "extension": parts}]}


def a_member(reference: str, *roles: str, start: str = "2026-01-01", **more: Any) -> Json:
    period = {"start": start, **({"end": more.pop("end")} if "end" in more else {})}
    return {
        "member": a_reference(reference),
        "role": [a_concept(codes.TEAM_ROLE, role) for role in roles],
        "period": period,
        **more,
    }


def a_plan_task(id: str, kind: str | None = None, **elements: Any) -> Json:
    """A Task of the plan."""
    coded = {"code": a_concept(codes.TASK, kind)} if kind else {}
    return a_task(ANNA, id=id, basedOn=[a_reference(PLAN)], **{**coded, **elements})


def until(end: str) -> Json:
    return {"restriction": {"period": {"end": end}}}


def a_meeting(id: str, start: str, *who: str, kind: str = "client-meeting", **elements: Any) -> Json:
    return an_encounter(
        ANNA,
        id=id,
        **{
            "type": [a_concept(codes.ENCOUNTER_TYPE, kind)],
            "episodeOfCare": [a_reference(EPISODE)],
            "participant": [{"individual": a_reference(each)} for each in who],
            "period": {"start": start},
            **elements,
        },
    )


def an_answer(link: str, text: str = "something") -> Json:
    return {"linkId": link, "answer": [{"valueString": text}]}


LINKS = (
    *("life-situation", "weakening-factors", "health", "services-in-use", "needs", "strengths"),
    *("own-estimate", "professional-estimate"),
)


def an_assessment(id: str = "1", links: tuple[str, ...] = LINKS, **elements: Any) -> Json:
    given = {
        "questionnaire": "https://sharedplan.dev/fhir/Questionnaire/need-assessment",
        "authored": "2026-01-20",
        "author": a_reference(SARI),
        "source": a_reference(ANNA),
        "item": [an_answer(each) for each in links],
        **elements,
    }
    return a_questionnaire_response(ANNA, id=id, **{name: value for name, value in given.items() if value is not None})


def a_referral(id: str = "1", **elements: Any) -> Json:
    backgrounds = [a_concept(codes.REFERRAL_BACKGROUND, each) for each in ("cooperation-tried", "help-not-received")]
    given = {"status": "completed", "authoredOn": "2026-01-05", "requester": a_reference(SARI)}
    return a_service_request(ANNA, id=id, **{"reasonCode": backgrounds, **given, **elements})


def a_coded_organization(reference: str, name: str, kind: str) -> Json:
    types = [a_concept(codes.ORGANIZATION_TYPE, kind)]
    return an_organization(id=reference.partition("/")[2], name=name, type=types)


def a_role(person: str, organization: str) -> Json:
    id = person.partition("/")[2]
    return a_practitioner_role(
        id=id, active=True, practitioner=a_reference(person), organization=a_reference(organization)
    )


def a_permit(id: str, *to: str, **elements: Any) -> Json:
    given: Json = {"dateTime": "2026-01-01", "sourceAttachment": {"title": "signed"}, "performer": [a_reference(ANNA)]}
    given["provision"] = a_provision(to=list(to))
    return a_consent(ANNA, id=id, **{name: each for name, each in {**given, **elements}.items() if each is not None})


def the_plan(**elements: Any) -> Json:
    """The plan, with these elements in place of its own; None takes one away."""
    given = {
        "category": [a_concept(codes.PLAN, "shared-plan")],
        "meta": {"versionId": "3", "lastUpdated": "2026-03-01T10:00:00Z"},
        "period": {"start": "2026-01-25", "end": "2026-12-31"},
        "contributor": [a_reference(ANNA)],
        "careTeam": [a_reference("CareTeam/1")],
        "supportingInfo": [a_reference("QuestionnaireResponse/1")],
        "goal": [a_reference("Goal/1")],
        "activity": [
            {"reference": a_reference("Task/own")},
            {
                "detail": {
                    "kind": "Appointment",
                    "code": {"text": "Meetings"},
                    "status": "in-progress",
                    "performer": [a_reference(SARI)],
                    "scheduledPeriod": {"start": "2026-01-25", "end": "2026-06-30"},
                    "description": "Sari meets Anna",
                }
            },
        ],
        **elements,
    }
    plan = a_care_plan(ANNA, id="1", **{name: value for name, value in given.items() if value is not None})
    return of_episode(plan)


def the_team(*participants: Json, **elements: Any) -> Json:
    members = participants or (
        a_member(SARI, "coordinator", "social-worker", "social-instructor", onBehalfOf=a_reference(S)),
        a_member(NIKO, "nurse", "mental-health", onBehalfOf=a_reference(H)),
    )
    return of_episode(a_care_team(ANNA, id="1", participant=list(members), **elements))


def the_case() -> Situation:
    """Everything as it should be, on the 2nd of March 2026."""
    resources = [
        a_patient(id="anna", name=[{"text": "Anna Aalto"}], birthDate="1990-05-05"),
        a_person("Practitioner", "sari", "Sari Lehto", telecom=[{"system": "phone", "value": "040 1"}]),
        a_person("Practitioner", "niko", "Niko Salo"),
        a_person("Practitioner", "jari", "Jari Koski"),
        a_related_person(ANNA, id="leena", name=[{"text": "Leena Aalto"}], active=True),
        a_coded_organization(S, "Social", "adult-social-services"),
        a_coded_organization(H, "Health", "health-services"),
        a_coded_organization(N, "Friends", "ngo"),
        a_role(SARI, S),
        a_role(NIKO, H),
        a_role(JARI, N),
        the_plan(),
        the_team(),
        an_episode_of_care(
            ANNA,
            id="1",
            period={"start": "2026-01-10"},
            careManager=a_reference(SARI),
            referralRequest=[a_reference("ServiceRequest/1")],
        ),
        with_stance(a_goal(ANNA, id="1", expressedBy=a_reference(ANNA)), "agree"),
        a_permit("1", NIKO),
        a_referral(),
        an_assessment(),
        a_meeting("1", "2026-01-10T10:00:00Z", SARI),
        a_meeting("2", "2026-01-25T10:00:00Z", SARI, NIKO, kind="network-meeting"),
        a_plan_task(
            "own",
            "own-step",
            status="in-progress",
            owner=a_reference(ANNA),
            description="I walk every day",
            extension=[{"url": codes.PERTAINS_TO_GOAL, "valueReference": a_reference("Goal/1")}],
            **until("2026-06-30"),
        ),
        a_plan_task("review", "review", owner=a_reference(SARI), description="We look again", **until("2026-04-30")),
        an_assessment_task(),
        *(
            a_plan_task(
                kind,
                kind,
                status="completed",
                owner=a_reference(SARI),
                executionPeriod={"start": "2026-01-10", "end": "2026-01-20"},
            )
            for kind in ("phase-assessment", "phase-plan", "phase-realisation")
        ),
        a_plan_task("feedback", "feedback", owner=a_reference(ANNA), **until("2026-12-31")),
        a_plan_task("experience", "feedback", owner=a_reference(SARI), **until("2026-12-31")),
    ]
    return Situation(
        NOW,
        {f"{each['resourceType']}/{each['id']}": deepcopy(each) for each in resources},
        ANNA,
        PLAN,
        {PLAN: S},
        traces=(
            Trace(SARI, S, NOW),
            Trace(NIKO, H, NOW, fetched=NOW - timedelta(hours=2)),
            Trace(ANNA, None, NOW, fetched=NOW - timedelta(hours=3)),
        ),
    )


def an_assessment_task(id: str = "assessment", **elements: Any) -> Json:
    """The need assessment, done in time, by the law's limit for special support."""
    code = a_concept(codes.TASK, "need-assessment")
    code["coding"].append({"system": codes.ASSESSMENT_TIER, "code": "basic"})
    given = {
        "status": "completed",
        "code": code,
        "owner": a_reference(SARI),
        "authoredOn": "2026-01-05",
        "executionPeriod": {"start": "2026-01-10", "end": "2026-01-20"},
        "reasonCode": a_concept(codes.LEGAL_BASIS, "shl-36-special-support"),
        **elements,
    }
    return a_plan_task(id, **{name: value for name, value in given.items() if value is not None})


def judged(situation: Situation, model: ServiceModel | None) -> list[Finding]:
    """What all rules say, by the consents as they are."""
    return findings(View(situation, model, accepted(situation)))


def told(situation: Situation, rule: str, model: ServiceModel | None = EVERY_RULE) -> list[Finding]:
    """What that rule says."""
    return [each for each in judged(situation, model) if each.rule == rule]


def broken(situation: Situation, rule: str, model: ServiceModel | None = EVERY_RULE) -> list[str]:
    """The sentences, in English, of what breaks the rule."""
    return [each.said() for each in told(situation, rule, model) if each.severity != "information"]


def met(situation: Situation, rule: str, model: ServiceModel | None = EVERY_RULE) -> str:
    """The sentences of a rule that is not broken, as one text."""
    found = told(situation, rule, model)
    assert found, f"{rule} says nothing"
    assert all(each.severity == "information" for each in found), [each.said() for each in found]
    return " ".join(each.said() for each in found)
