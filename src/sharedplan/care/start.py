"""The start of a shared plan from its service model: the resources that a PlanDefinition leads to. Pure.

One each of EpisodeOfCare, CareTeam, CarePlan and Consent; the goals of the model, for the client to agree; a Task for
each of its actions that has a code of ours. https://hl7.org/fhir/R4/plandefinition.html#12.18.3.3
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sharedplan.care import codes, model
from sharedplan.care.model import COORDINATOR, Span
from sharedplan.fhir.exchanges import Json

OWN_STEP_WITHIN = Span(1, "mo")
REVIEW_AFTER = Span(3, "mo")
"""When a model says nothing of it."""

OF_EVERY_PLAN = ("need-assessment", "own-step", "review")
"""The Tasks of every plan, whether its model names them or not."""

QUESTIONNAIRE = codes.OURS.replace("CodeSystem/", "Questionnaire/") + "need-assessment"

_TITLES = {
    "need-assessment": "Palvelutarpeen arviointi",
    "own-step": "Asiakkaan oma askel",
    "review": "Suunnitelman tarkistaminen",
}
_LOINC = "http://loinc.org"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_QUESTIONNAIRE_INPUT = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"

Resource = tuple[str, Json]
"""(fullUrl, resource); references between them are by fullUrl."""


@dataclass(frozen=True, slots=True)
class Start:
    """Who starts when: References to the client, the own worker and the organisation, the day, and what day it is
    today; `referral`: to the ServiceRequest by which the client came, if there is one."""

    client: Json
    coordinator: Json
    organization: Json
    on: date
    today: date
    referral: Json | None = None


def started(definition: Json, start: Start, new_id: Callable[[], str]) -> list[Resource]:
    """The resources, each under a urn:uuid of its own; `new_id` gives UUIDs."""
    names = {name: f"urn:uuid:{new_id()}" for name in ("episode", "team", "plan", "consent")}
    goals = {
        str(each.get("id", number)): (f"urn:uuid:{new_id()}", _goal(each, start))
        for number, each in enumerate(definition.get("goal", ()), 1)
    }
    tasks = [
        (f"urn:uuid:{new_id()}", _task(action, {id: url for id, (url, _) in goals.items()}, names["plan"], start))
        for action in _actions(definition)
    ]
    referred = {"referralRequest": [start.referral]} if start.referral is not None else {}
    return [
        (names["episode"], {**_episode(definition, names["team"], start), **referred}),
        (names["team"], _team(definition, names["episode"], start)),
        *goals.values(),
        *tasks,
        (names["plan"], _plan(definition, names, [url for url, _ in goals.values()], [url for url, _ in tasks], start)),
        (names["consent"], _consent(names["team"], start)),
    ]


def _reference(url: str) -> Json:
    return {"reference": url}


def _concept(system: str, code: str, display: str | None = None) -> Json:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def _belongs_to(episode: str) -> list[Json]:
    return [{"url": codes.EPISODE, "valueReference": _reference(episode)}]


def _title(definition: Json) -> str:
    return str(definition.get("title") or definition.get("name") or definition.get("id"))


def _episode(definition: Json, team: str, start: Start) -> Json:
    status = "planned" if start.on > start.today else "active"
    since = {"start": start.on.isoformat()}
    return {
        "resourceType": "EpisodeOfCare",
        "language": "fi",
        "status": status,
        "statusHistory": [{"status": status, "period": since}],
        "type": [{"text": _title(definition)}],
        "patient": start.client,
        "managingOrganization": start.organization,
        "period": since,
        "careManager": start.coordinator,
        "team": [_reference(team)],
    }


def _team(definition: Json, episode: str, start: Start) -> Json:
    """The coordinator, and the roles that are wanted and stand unfilled: whom the client accepts."""
    since = {"start": start.on.isoformat()}
    coordinator: Json = {
        "role": [_concept(codes.TEAM_ROLE, COORDINATOR, "Omatyöntekijä, tiimin koordinoija")],
        "member": start.coordinator,
        "period": since,
    }
    if start.coordinator["reference"].startswith("Practitioner/"):  # a role says itself where it is held
        coordinator["onBehalfOf"] = start.organization
    return {
        "resourceType": "CareTeam",
        "language": "fi",
        "extension": _belongs_to(episode),
        "status": "proposed",
        "name": _title(definition),
        "subject": start.client,
        "period": since,
        "participant": [coordinator, *({"role": [role]} for role in _roles(definition))],
        "managingOrganization": [start.organization],
    }


def _roles(definition: Json) -> Iterator[Json]:
    """The wanted roles, with their displays as the definition has them."""
    told = {
        coding["code"]: coding.get("display")
        for action in model.actions(definition.get("action", ()))
        for participant in action.get("participant", ())
        for coding in participant.get("role", {}).get("coding", ())
        if coding.get("system") == codes.TEAM_ROLE and "code" in coding
    }
    for code in model.read(definition).roles:
        yield _concept(codes.TEAM_ROLE, code, told.get(code))


def _goal(goal: Json, start: Start) -> Json:
    """A goal of the model, which is nobody's until the client has said what he thinks of it."""
    stance = [{"url": "individual", "valueReference": start.client}, {"url": "status", "valueCode": "pending"}]
    return {
        "resourceType": "Goal",
        "language": "fi",
        "extension": [{"url": codes.ACCEPTANCE, "extension": stance}],
        "lifecycleStatus": "proposed",
        **{name: [goal[name]] for name in ("category",) if name in goal},
        "description": goal["description"],
        "subject": start.client,
        "expressedBy": start.coordinator,
    }


def _actions(definition: Json) -> list[Json]:
    """The actions that become Tasks, in their order, and those of every plan that are not among them."""
    listed = [
        each
        for each in model.actions(definition.get("action", ()))
        if any(codes.has(concept, codes.TASK) for concept in each.get("code", ()))
    ]
    there = {code for each in listed for code in codes.codes(each["code"], codes.TASK)}
    missing = [code for code in OF_EVERY_PLAN if code not in there]
    return listed + [{"title": _TITLES[code], "code": [_concept(codes.TASK, code, _TITLES[code])]} for code in missing]


def _task(action: Json, goals: dict[str, str], plan: str, start: Start) -> Json:
    codings = [coding for concept in action["code"] for coding in concept.get("coding", ())]
    kinds = set(codes.codes(action["code"], codes.TASK))
    is_clients = bool(kinds & {"own-step", "feedback"})
    task: Json = {
        "resourceType": "Task",
        "language": "fi",
        "basedOn": [_reference(plan)],
        "status": "requested",
        "intent": "order",
        "code": {"coding": codings},
        **{name: said for name, said in (("description", _description(action)),) if said},
        "for": start.client,
        "authoredOn": start.on.isoformat(),
        "requester": start.organization,
        "owner": start.client if is_clients else start.coordinator,
    }
    extensions: list[Json] = [
        {"url": codes.TIER, "valueCode": tier} for tier in codes.codes(action["code"], codes.ASSESSMENT_TIER)[:1]
    ]
    if "own-step" in kinds:
        aimed = [goals[id] for id in action.get("goalId", ()) if id in goals] or list(goals.values())[:1]
        extensions += [{"url": codes.PERTAINS_TO_GOAL, "valueReference": _reference(goal)} for goal in aimed]
    if extensions:
        task["extension"] = extensions
    if "review" in kinds:
        task["focus"] = _reference(plan)
    if (until := _until(action, kinds, start)) is not None:
        period = {"end": until.isoformat()}
        task["restriction"] = {"period": {"start": start.on.isoformat(), **period} if is_clients else period}
    asks = action.get("definitionCanonical") or (QUESTIONNAIRE if "need-assessment" in kinds else None)
    if asks is not None and "/Questionnaire/" in asks:
        type = {"coding": [{"system": _QUESTIONNAIRE_INPUT, "code": "questionnaire"}], "text": "Kysely"}
        task["input"] = [{"type": type, "valueCanonical": asks}]
    return task


def _description(action: Json) -> str | None:
    said: Any = action.get("description") or action.get("title")
    return str(said) if said else None


def _until(action: Json, kinds: set[str], start: Start) -> date | None:
    """The day by which it is to be done; of an assessment the service works it out, where law or model says so."""
    if "need-assessment" in kinds:
        return None
    span = model.span(action.get("timingDuration", {}))
    if span is None:
        span = REVIEW_AFTER if "review" in kinds else OWN_STEP_WITHIN if "own-step" in kinds else None
    return span.after(start.on) if span is not None else None


def _plan(definition: Json, names: dict[str, str], goals: list[str], tasks: list[str], start: Start) -> Json:
    listed = {"goal": [_reference(each) for each in goals]} if goals else {}
    return {
        "resourceType": "CarePlan",
        "language": "fi",
        "extension": _belongs_to(names["episode"]),
        "instantiatesCanonical": [codes.MODELS + str(definition["id"])],
        "status": "draft",
        "intent": "plan",
        "category": [_concept(codes.PLAN, "shared-plan", "Yhteinen asiakassuunnitelma")],
        "title": f"Yhteinen suunnitelma: {_title(definition)}",
        **{name: definition[name] for name in ("description",) if name in definition},
        "subject": start.client,
        "period": {"start": start.on.isoformat()},
        "created": start.today.isoformat(),
        "author": start.coordinator,
        "careTeam": [_reference(names["team"])],
        **listed,
        "activity": [{"reference": _reference(each)} for each in tasks],
    }


def _consent(team: str, start: Start) -> Json:
    """For the client to look at and change: it opens nothing before he gives it, and says how (source, dateTime)."""
    recipient = {"role": _concept(_PARTICIPATION, "IRCP", "information recipient"), "reference": _reference(team)}
    return {
        "resourceType": "Consent",
        "language": "fi",
        "status": "draft",
        "scope": _concept(_SCOPE, "patient-privacy", "Privacy Consent"),
        "category": [
            _concept(codes.CONSENT_CATEGORY, "team", "Suostumus tiimin työskentelyyn"),
            _concept(_LOINC, "59284-0", "Consent Document"),
        ],
        "patient": start.client,
        "performer": [start.client],
        "organization": [start.organization],
        "policyRule": _concept(_ACT, "OPTIN", "opt-in"),
        "provision": {
            "type": "permit",
            "period": {"start": start.on.isoformat()},
            "actor": [recipient],
            "action": [_concept(_ACTION, code) for code in ("access", "collect", "correct")],
            "purpose": [{"system": _PURPOSE, "code": code} for code in ("TREAT", "CAREMGT")],
        },
    }
