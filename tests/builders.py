"""The smallest valid resources, changed by keyword: a_care_plan(subject=a_reference("Patient/1"), status="draft")."""

from typing import Any

Json = dict[str, Any]


def a_reference(to: str) -> Json:
    """A Reference to "Type/id"."""
    return {"reference": to}


def a_concept(system: str, code: str) -> Json:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def an_identifier(value: str, system: str = "urn:example:ids") -> Json:
    return {"system": system, "value": value}


def a_patient(**elements: Any) -> Json:
    return {"resourceType": "Patient", **elements}


def a_practitioner(**elements: Any) -> Json:
    return {"resourceType": "Practitioner", **elements}


def a_practitioner_role(**elements: Any) -> Json:
    return {"resourceType": "PractitionerRole", **elements}


def an_organization(**elements: Any) -> Json:
    return {"resourceType": "Organization", "name": "Social services", **elements}


def a_related_person(patient: Any = "Patient/anna", **elements: Any) -> Json:
    return {"resourceType": "RelatedPerson", "patient": _reference(patient), **elements}


def a_care_plan(subject: Any = "Patient/anna", **elements: Any) -> Json:
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": _reference(subject)}
    return {**plan, **elements}


def a_care_team(subject: Any = "Patient/anna", **elements: Any) -> Json:
    return {"resourceType": "CareTeam", "status": "active", "subject": _reference(subject), **elements}


def a_consent(patient: Any = "Patient/anna", **elements: Any) -> Json:
    consent = {
        "resourceType": "Consent",
        "status": "active",
        "scope": a_concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [a_concept("http://loinc.org", "59284-0")],
        "patient": _reference(patient),
        "policyRule": a_concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN"),
    }
    return {**consent, **elements}


def a_provision(
    type: str | None = "permit", *, to: Any = (), start: Any = None, end: Any = None, **elements: Any
) -> Json:
    """A provision of a Consent: for these recipients, in this period; purposes, actions, classes and labels by code.

    `about`: (meaning, "Type/id") pairs. `by` and `held_by`: authors and holders of the data.
    """
    actors = [("IRCP", each) for each in _many(to)]
    actors += [("AUT", each) for each in _many(elements.pop("by", ()))]
    actors += [("CST", each) for each in _many(elements.pop("held_by", ()))]
    provision: Json = {"type": type} if type else {}
    if start or end:
        provision["period"] = {name: at for name, at in (("start", start), ("end", end)) if at}
    if actors:
        role = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
        provision["actor"] = [{"role": a_concept(role, code), "reference": _reference(whom)} for code, whom in actors]
    codes = {
        "action": [
            a_concept("http://terminology.hl7.org/CodeSystem/consentaction", c) for c in _words(elements, "actions")
        ],
        "purpose": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": c}
            for c in _words(elements, "purposes")
        ],
        "class": [{"system": "http://hl7.org/fhir/resource-types", "code": c} for c in _words(elements, "classes")],
        "securityLabel": [a_label(c) for c in _words(elements, "labels")],
        "data": [{"meaning": m, "reference": a_reference(to)} for m, to in elements.pop("about", ())],
    }
    return {**provision, **{name: found for name, found in codes.items() if found}, **elements}


def a_label(code: str) -> Json:
    """A security label: of confidentiality when it is one letter, else of sensitivity."""
    system = "v3-Confidentiality" if len(code) == 1 else "v3-ActCode"
    return {"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _words(elements: Json, name: str) -> list[str]:
    words: str = elements.pop(name, "")
    return words.split()


def an_encounter(subject: Any = "Patient/anna", **elements: Any) -> Json:
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": _reference(subject),
    }
    return {**encounter, **elements}


def an_episode_of_care(patient: Any = "Patient/anna", **elements: Any) -> Json:
    return {"resourceType": "EpisodeOfCare", "status": "active", "patient": _reference(patient), **elements}


def a_goal(subject: Any = "Patient/anna", **elements: Any) -> Json:
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "A home of one's own"},
        "subject": _reference(subject),
    }
    return {**goal, **elements}


def a_condition(subject: Any = "Patient/anna", **elements: Any) -> Json:
    return {"resourceType": "Condition", "subject": _reference(subject), **elements}


def a_service_request(subject: Any = "Patient/anna", **elements: Any) -> Json:
    request = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": _reference(subject)}
    return {**request, **elements}


def a_task(subject: Any = "Patient/anna", **elements: Any) -> Json:
    return {"resourceType": "Task", "status": "requested", "intent": "order", "for": _reference(subject), **elements}


def a_communication(subject: Any = "Patient/anna", **elements: Any) -> Json:
    return {"resourceType": "Communication", "status": "completed", "subject": _reference(subject), **elements}


def an_observation(subject: Any = "Patient/anna", **elements: Any) -> Json:
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "Weight"},
        "subject": _reference(subject),
    }
    return {**observation, **elements}


def an_appointment(patient: Any = "Patient/anna", **elements: Any) -> Json:
    participant = {"actor": _reference(patient), "status": "accepted"}
    return {"resourceType": "Appointment", "status": "proposed", "participant": [participant], **elements}


def a_questionnaire_response(subject: Any = "Patient/anna", **elements: Any) -> Json:
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": _reference(subject)}
    return {**response, **elements}


def an_audit_event(**elements: Any) -> Json:
    event = {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-01-31T12:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "elsewhere"}},
    }
    return {**event, **elements}


def a_provenance(*targets: str, **elements: Any) -> Json:
    """Somebody's own, of these."""
    return {
        "resourceType": "Provenance",
        "target": [a_reference(each) for each in targets],
        "recorded": "2026-01-01T10:00:00Z",
        "agent": [{"who": {"display": "somebody"}}],
        **elements,
    }


def _reference(to: Any) -> Any:
    """A Reference from "Type/id" or from a resource with an id; a Reference as it is."""
    if isinstance(to, str):
        return a_reference(to)
    if isinstance(to, dict) and "resourceType" in to:
        return a_reference(f"{to['resourceType']}/{to['id']}")
    return to
