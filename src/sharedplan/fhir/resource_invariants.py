"""The invariants of R4's resources; those of the care models (plan, team, goal, task) are rules in `care`.

https://hl7.org/fhir/R4/resourcelist.html, on each resource's page under Constraints
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.invariants import Invariant, chosen, has, just_one, needs, not_both, only, some

CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"

ASKING = {"batch", "transaction", "history"}
ANSWERING = {"batch-response", "transaction-response", "history"}
SIMPLE_ITEMS = {"boolean", "decimal", "integer", "string", "text", "url", "open-choice"}
ITEMS_WITH_OPTIONS = {
    *("choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"),
}


def _distinct(values: Iterable[Hashable]) -> bool:
    listed = list(values)
    return len(listed) == len(set(listed))


def _within(it: Json, name: str) -> Iterator[Json]:
    """The elements of that name at any depth of themselves: items within items, concepts within concepts."""
    for one in it.get(name, ()):
        yield one
        yield from _within(one, name)


def _codes(concept: Json | None, system: str) -> set[Any]:
    return {coding.get("code") for coding in (concept or {}).get("coding", ()) if coding.get("system") == system}


def _pairs(concept: Json | None) -> set[tuple[Any, Any]]:
    return {(coding.get("system"), coding.get("code")) for coding in (concept or {}).get("coding", ())}


def _in_entries(it: Json, name: str, *, of: set[str]) -> bool:
    """Whether every entry has that element in Bundles of these types, and none in others."""
    return all((name in entry) == (it.get("type") in of) for entry in it.get("entry", ()))


def _begins_with(it: Json, type: str) -> bool:
    first = [entry.get("resource") for entry in it.get("entry", ())][:1]
    return bool(first) and isinstance(first[0], dict) and first[0].get("resourceType") == type


def _versions(it: Json) -> Iterator[tuple[str, Any]]:
    for entry in it.get("entry", ()):
        if "fullUrl" in entry:
            yield entry["fullUrl"], ((entry.get("resource") or {}).get("meta") or {}).get("versionId")


def _has_abated(it: Json) -> bool:
    return bool(_codes(it.get("clinicalStatus"), CONDITION_CLINICAL) & {"resolved", "remission", "inactive"})


def _has_value_of_component(it: Json) -> bool:
    own = _pairs(it.get("code"))
    return chosen(it, "value") and any(own & _pairs(component.get("code")) for component in it.get("component", ()))


def _is(name: str, *values: Any) -> Any:
    return lambda it: it.get(name) in values


def _is_not(name: str, *values: Any) -> Any:
    return lambda it: it.get(name) not in values


_BUNDLE = (
    only("bdl-1", "total", _is("type", "searchset", "history"), "Only a searchset or history has a total."),
    Invariant(
        "bdl-2",
        lambda it: it.get("type") == "searchset" or not any("search" in entry for entry in it.get("entry", ())),
        "entry",
        "Only entries of a searchset have a search.",
    ),
    Invariant(
        "bdl-3",
        lambda it: _in_entries(it, "request", of=ASKING),
        "entry",
        "In a batch, transaction or history every entry has a request, in other Bundles none.",
    ),
    Invariant(
        "bdl-4",
        lambda it: _in_entries(it, "response", of=ANSWERING),
        "entry",
        "In a response or history every entry has a response, in other Bundles none.",
    ),
    Invariant(
        "bdl-7",
        lambda it: it.get("type") == "history" or _distinct(_versions(it)),
        "entry",
        "Two entries have the same fullUrl.",
    ),
    Invariant(
        "bdl-9",
        lambda it: (
            it.get("type") != "document" or (has(it.get("identifier", {}), "system") and has(it["identifier"], "value"))
        ),
        "identifier",
        "A document has an identifier with system and value.",
    ),
    Invariant(
        "bdl-10",
        lambda it: it.get("type") != "document" or "timestamp" in it,
        "timestamp",
        "A document has a timestamp.",
    ),
    Invariant(
        "bdl-11",
        lambda it: it.get("type") != "document" or _begins_with(it, "Composition"),
        "entry",
        "A document begins with a Composition.",
    ),
    Invariant(
        "bdl-12",
        lambda it: it.get("type") != "message" or _begins_with(it, "MessageHeader"),
        "entry",
        "A message begins with a MessageHeader.",
    ),
)

_BUNDLE_ENTRY = (
    some("bdl-5", "resource", "request", "response"),
    Invariant("bdl-8", lambda it: "/_history/" not in it.get("fullUrl", ""), "fullUrl", "A fullUrl names no version."),
    Invariant(
        "",
        lambda it: ":" in it.get("fullUrl", ":").partition("/")[0],
        "fullUrl",
        "A fullUrl is absolute, as https://…/Patient/123 or urn:uuid:….",
    ),
)

_QUESTION = (
    Invariant("que-1", lambda it: it.get("type") != "group" or "item" in it, "item", "A group has items within."),
    only("que-1", "item", _is_not("type", "display"), "A display has no items within."),
    only("que-3", "code", _is_not("type", "display"), "A display has no code."),
    not_both("que-4", "answerOption", "answerValueSet"),
    only("que-5", "answerOption", _is("type", *ITEMS_WITH_OPTIONS), "Items of this type have no answerOption."),
    only("que-5", "answerValueSet", _is("type", *ITEMS_WITH_OPTIONS), "Items of this type have no answerValueSet."),
    only("que-6", "required", _is_not("type", "display"), "A display is not required."),
    only("que-6", "repeats", _is_not("type", "display"), "A display does not repeat."),
    only("que-8", "initial", _is_not("type", "group", "display"), "A group or display has no initial value."),
    only("que-9", "readOnly", _is_not("type", "display"), "A display has no readOnly."),
    only("que-10", "maxLength", _is("type", *SIMPLE_ITEMS), "Items of this type have no maxLength."),
    not_both("que-11", "initial", "answerOption"),
    Invariant(
        "que-13",
        lambda it: it.get("repeats") is True or len(it.get("initial", ())) <= 1,
        "initial",
        "Only an item that repeats has several initial values.",
    ),
)

_ELEMENTS = (
    Invariant(
        "sdf-14",
        lambda it: all(has(each, "id") for each in it.get("element", ())),
        "element",
        "Every element of a structure has an id.",
    ),
    Invariant(
        "sdf-16",
        lambda it: _distinct(each["id"] for each in it.get("element", ()) if "id" in each),
        "element",
        "Two elements have the same id.",
    ),
)

OF_RESOURCES: Mapping[str, tuple[Invariant, ...]] = {
    "Appointment": (
        Invariant("app-2", lambda it: has(it, "start") == has(it, "end"), "start", "Start and end belong together."),
        Invariant(
            "app-3",
            lambda it: has(it, "start") or it.get("status") in {"proposed", "cancelled", "waitlist"},
            "start",
            "Only a proposed, cancelled or waitlisted appointment may lack start and end.",
        ),
        only(
            "app-4",
            "cancelationReason",
            _is("status", "noshow", "cancelled"),
            "Only a cancelled or missed appointment has a cancelationReason.",
        ),
    ),
    "AppointmentParticipant": (some("app-1", "type", "actor"),),
    "AuditEventEntity": (not_both("sev-1", "name", "query"),),
    "Bundle": _BUNDLE,
    "BundleEntry": _BUNDLE_ENTRY,
    "CodeSystem": (
        Invariant(
            "csd-1",
            lambda it: _distinct(concept.get("code") for concept in _within(it, "concept")),
            "concept",
            "A code is defined twice.",
        ),
    ),
    "Condition": (
        Invariant(
            "con-4",
            lambda it: not chosen(it, "abatement") or _has_abated(it),
            "clinicalStatus",
            "A condition that has abated is inactive, resolved or in remission.",
        ),
        only(
            "con-5",
            "clinicalStatus",
            lambda it: "entered-in-error" not in _codes(it.get("verificationStatus"), CONDITION_VERIFICATION),
            "A condition entered in error has no clinicalStatus.",
        ),
    ),
    "ConditionEvidence": (some("con-2", "code", "detail"),),
    "ConditionStage": (some("con-1", "summary", "assessment"),),
    "Consent": (some("ppc-1", "policy", "policyRule"),),
    "Group": (only("grp-1", "member", _is("actual", True), "Only an actual group has members."),),
    "List": (
        not_both("lst-1", "emptyReason", "entry"),
        Invariant(
            "lst-2",
            lambda it: it.get("mode") == "changes" or not any(has(entry, "deleted") for entry in it.get("entry", ())),
            "entry",
            "Only in a list of changes are entries deleted.",
        ),
        Invariant(
            "lst-3",
            lambda it: it.get("mode") == "working" or not any(has(entry, "date") for entry in it.get("entry", ())),
            "entry",
            "Only in a working list have entries a date.",
        ),
    ),
    "MeasureGroupStratifier": (
        Invariant(
            "mea-1",
            lambda it: has(it, "code", "description", "criteria") != ("component" in it),
            "",
            "A stratifier is either one criterion or a set of components.",
        ),
    ),
    "MeasureReport": (only("mrp-1", "group", _is_not("type", "data-collection"), "Collected data has no groups."),),
    "MeasureReportGroupStratifierStratum": (just_one("mrp-2", "value", "component"),),
    "Observation": (
        only(
            "obs-6",
            "dataAbsentReason",
            lambda it: not chosen(it, "value"),
            "Only an observation without a value has a dataAbsentReason.",
        ),
        Invariant(
            "obs-7",
            lambda it: not _has_value_of_component(it),
            "value",
            "The value belongs into the component that has the same code.",
        ),
    ),
    "ObservationReferenceRange": (some("obs-3", "low", "high", "text"),),
    "Organization": (
        some("org-1", "identifier", "name"),
        Invariant(
            "org-2",
            lambda it: not any(address.get("use") == "home" for address in it.get("address", ())),
            "address",
            "An organization has no home address.",
        ),
        Invariant(
            "org-3",
            lambda it: not any(point.get("use") == "home" for point in it.get("telecom", ())),
            "telecom",
            "An organization has no contact point of use home.",
        ),
    ),
    "ParametersParameter": (
        Invariant(
            "inv-1",
            lambda it: chosen(it, "value") + ("resource" in it) + ("part" in it) == 1,
            "",
            "A parameter has one of value[x], resource and part.",
        ),
    ),
    "PatientContact": (some("pat-1", "name", "telecom", "address", "organization"),),
    "Questionnaire": (
        Invariant(
            "que-2",
            lambda it: _distinct(item.get("linkId") for item in _within(it, "item")),
            "item",
            "Two items have the same linkId.",
        ),
    ),
    "QuestionnaireItem": _QUESTION,
    "QuestionnaireItemEnableWhen": (
        Invariant(
            "que-7",
            lambda it: it.get("operator") != "exists" or has(it, "answerBoolean"),
            "answer",
            "The operator exists needs answerBoolean.",
        ),
    ),
    "QuestionnaireResponseItem": (not_both("qrs-1", "item", "answer"),),
    "SearchParameter": (
        needs("spd-1", "xpath", "xpathUsage"),
        only("spd-2", "chain", _is("type", "reference"), "Only a parameter of type reference has chain names."),
    ),
    "ServiceRequest": (needs("prr-1", "orderDetail", "code"),),
    "StructureDefinition": (  # sdf-6 is left out: the summary that the standard defines breaks it
        Invariant(
            "sdf-4",
            lambda it: it.get("abstract") is not False or has(it, "baseDefinition"),
            "baseDefinition",
            "Only an abstract structure has no baseDefinition.",
        ),
        Invariant(
            "sdf-5",
            lambda it: it.get("type") != "Extension" or it.get("derivation") == "specialization" or has(it, "context"),
            "context",
            "An extension says in what context it is used.",
        ),
        only("sdf-18", "contextInvariant", _is("type", "Extension"), "Only an extension has a contextInvariant."),
    ),
    "StructureDefinitionDifferential": _ELEMENTS,
    "StructureDefinitionSnapshot": _ELEMENTS,
    "ValueSetComposeInclude": (
        some("vsd-1", "valueSet", "system"),
        needs("vsd-2", "concept", "system"),
        needs("vsd-2", "filter", "system"),
        not_both("vsd-3", "concept", "filter"),
    ),
    "ValueSetExpansionContains": (
        some("vsd-6", "code", "display"),
        Invariant(
            "vsd-9",
            lambda it: has(it, "code") or it.get("abstract") is True,
            "code",
            "Only an abstract entry has no code.",
        ),
        needs("vsd-10", "code", "system"),
    ),
}
