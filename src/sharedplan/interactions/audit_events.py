"""Audit rows as AuditEvents, by IHE's Basic Audit Log Patterns (BALP); pure.

The service keeps its own trail as compact rows and renders them when somebody reads them. An AuditEvent that was
loaded from elsewhere has content of its own and is shown as it is.
The ground that it was allowed on is a detail of the client's entity; the consents that permitted it are entities, as
in BALP's authorization events.
https://profiles.ihe.net/ITI/BALP/content.html, https://hl7.org/fhir/R4/auditevent.html
"""

import base64

from sharedplan.fhir.bundles import instant
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import write
from sharedplan.interactions.plain_words import ADDRESSED, GROUNDS, grounds_of, narrative
from sharedplan.store.trail import DICOM, LOGIN, LOGIN_SUBTYPE, LOGIN_TYPE, Trail
from sharedplan.store.versions import Version

_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_BALP_ENTITY_TYPE = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"

_SOURCE = (DICOM, "110153", "Source Role ID")
_DESTINATION = (DICOM, "110152", "Destination Role ID")
_REST = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation")
_CONSENT = ("http://hl7.org/fhir/resource-types", "Consent", "Consent")
_PERSON = (_ENTITY_TYPE, "1", "Person")
_SYSTEM_OBJECT = (_ENTITY_TYPE, "2", "System Object")

Code = tuple[str, str, str]


def shown(version: Version) -> Version:
    """The version with content to show: its own, or its audit row as an AuditEvent."""
    if version.trail is None or version.content is not None:
        return version
    return version._replace(content=write(rendered(version.trail, version)))


def rendered(trail: Trail, version: Version) -> Json:
    """The AuditEvent that an audit row stands for; `version` gives its id and instant."""
    at = instant(version.last_updated)
    type, subtype = _REST, (_INTERACTION, trail.interaction, trail.interaction)
    if trail.interaction == LOGIN:
        type, subtype = (DICOM, *LOGIN_TYPE), (DICOM, *LOGIN_SUBTYPE)
    event: Json = {
        "resourceType": "AuditEvent",
        "id": version.id,
        "meta": {"versionId": str(version.version), "lastUpdated": at},
        "text": {"status": "generated", "div": narrative(trail, version.last_updated)},
        "type": _coding(type),
        "subtype": [_coding(subtype)],
        "action": trail.action,
        "recorded": at,
        "outcome": trail.outcome,
    }
    if trail.reasons:
        event["outcomeDesc"] = "; ".join(trail.reasons)
    if trail.purpose is not None:
        event["purposeOfEvent"] = [_purpose(trail.purpose)]
    event["agent"] = _agents(trail)
    event["source"] = {"observer": {"display": "Sharedplan"}}
    if entities := _entities(trail):
        event["entity"] = entities
    return event


def _agents(trail: Trail) -> list[Json]:
    """The client and this server, by which way the data went, and the person and organisation acted for."""
    client, server = (_DESTINATION, _SOURCE) if trail.action == "R" else (_SOURCE, _DESTINATION)
    agents: list[Json] = [
        {
            "type": _concept(client),
            "who": {"identifier": {"value": trail.client_id or "unknown"}},
            "requestor": trail.person is None,
        },
        {"type": _concept(server), "who": {"display": "Sharedplan"}, "requestor": False},
    ]
    if trail.person is not None:
        agents.append(
            {
                "type": _concept((_PARTICIPATION, "IRCP", "information recipient")),
                "who": _whom(trail.person, trail),
                "requestor": True,
            }
        )
    if trail.organization is not None:
        agents.append(
            {
                "type": _concept((_PARTICIPATION, "RESP", "responsible party")),
                "who": _whom(trail.organization, trail),
                "requestor": False,
            }
        )
    who = agents[2] if trail.person is not None else agents[0]
    if trail.policies:
        who["policy"] = list(trail.policies)
    if trail.purpose is not None:
        who["purposeOfUse"] = [_purpose(trail.purpose)]
    if trail.network is not None:
        agents[0]["network"] = {"address": trail.network, "type": "2"}
    return agents


def _whom(reference: str, trail: Trail) -> Json:
    name = trail.names.get(reference)
    return {"reference": reference, "display": name} if name else {"reference": reference}


def _purpose(code: str) -> Json:
    return {"coding": [{"system": _REASON, "code": code}]}


def _entities(trail: Trail) -> list[Json]:
    """What it was done to: the resource, the clients it speaks of, the question asked, the request."""
    entities: list[Json] = []
    if trail.type is not None and trail.resource_id is not None:
        what = f"{trail.type}/{trail.resource_id}"
        if trail.version is not None:
            what += f"/_history/{trail.version}"
        entities.append(_entity({"reference": what}, _SYSTEM_OBJECT, (_ROLE, "4", "Domain Resource")))
    for reference in trail.entities:
        entities.append(_entity({"reference": reference}, _SYSTEM_OBJECT, (_ROLE, "4", "Domain Resource")))
    grounds = grounds_of(trail)
    told = [{"type": "ground", "valueString": each} for each in grounds if each in GROUNDS]
    for patient in trail.patients:
        entity = _entity({"reference": patient}, _PERSON, (_ROLE, "1", "Patient"))
        entities.append({**entity, "detail": told} if told else entity)
    if grounds == (ADDRESSED,) and entities and not trail.patients:
        entities[0] = {**entities[0], "detail": told}  # it is nobody's
    for consent in grounds:
        if consent.startswith("Consent/"):
            entities.append({"what": {"reference": consent}, "type": _coding(_CONSENT)})
    if trail.query:
        query = base64.b64encode(trail.query.encode()).decode()
        entities.append({"type": _coding(_SYSTEM_OBJECT), "role": _coding((_ROLE, "24", "Query")), "query": query})
    if trail.request_id:
        code = (_BALP_ENTITY_TYPE, "XrequestId", "X-Request-Id")
        entities.append({"what": {"identifier": {"value": trail.request_id}}, "type": _coding(code)})
    return entities


def _entity(what: Json, type: Code, role: Code) -> Json:
    return {"what": what, "type": _coding(type), "role": _coding(role)}


def _coding(code: Code) -> Json:
    return {"system": code[0], "code": code[1], "display": code[2]}


def _concept(code: Code) -> Json:
    return {"coding": [_coding(code)]}
