"""FHIR capabilities: the CapabilityStatement, from the catalogue and the search parameters; nothing typed by hand.

https://hl7.org/fhir/R4/http.html#capabilities, https://hl7.org/fhir/R4/capabilitystatement.html
"""

from dataclasses import dataclass
from typing import Any

from sharedplan import __version__
from sharedplan.catalogue import CATALOGUE, Offered
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.search.parameters import PARAMETERS, Parameter
from sharedplan.search.registry import kept_until_renewed

PUBLISHED = "2026-11-27"
"""When what the service offers last changed; CapabilityStatement.date needs one that is the same on every worker."""

FORMATS = ("application/fhir+json", "application/json", "json")
PATCH_FORMATS = ("application/json-patch+json", "application/fhir+json")
OF_INSTANCES_AND_TYPES = (
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
)
OF_THE_SYSTEM = ("transaction", "batch", "search-system", "history-system")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its name without the $, and the OperationDefinition it follows."""

    name: str
    definition: str
    does: str


ACCESS_DECISION = Operation(
    "access-decision",
    "https://sharedplan.dev/fhir/OperationDefinition/Patient-access-decision",
    "May somebody do something with this client's data, why, and what would change it?",
)

BREAK_GLASS = Operation(
    "break-glass",
    "https://sharedplan.dev/fhir/OperationDefinition/Patient-break-glass",
    "In an emergency: open this client's core data to the professional who asks, for a limited time, under review",
)

OF_PATIENTS = (ACCESS_DECISION, BREAK_GLASS)
"""Operations of a Patient alone, at its instance."""

PREVIEW = Operation(
    "preview",
    "https://sharedplan.dev/fhir/OperationDefinition/Consent-preview",
    "Who gains and who loses what by this Consent, before it is saved; nothing is stored",
)
"""An operation of Consent alone, at its type."""

EVERYTHING = Operation(
    "everything",
    "https://sharedplan.dev/fhir/OperationDefinition/CarePlan-everything",
    "The plan and all it needs to be understood, as far as the asker may see it: one searchset, each reference in it",
)

DOCUMENT = Operation(
    "document",
    "https://sharedplan.dev/fhir/OperationDefinition/CarePlan-document",
    "The plan as a document: a Bundle with a Composition first, or with _format=html the plan sheet as a page",
)

REVIEW = Operation(
    "review",
    "https://sharedplan.dev/fhir/OperationDefinition/CarePlan-review",
    "Every rule of the plan's service model, met or broken, in Finnish, Swedish or English, as far as the asker sees",
)

OF_PLANS = (EVERYTHING, DOCUMENT, REVIEW)
"""Operations of a CarePlan alone, at its instance."""

APPLY = Operation(
    "apply",
    "http://hl7.org/fhir/OperationDefinition/PlanDefinition-apply",
    "Start a shared plan from its service model: a transaction ready to be sent, or carried out with `commit`",
)
"""An operation of PlanDefinition alone, at its instance."""

EVALUATE_MEASURE = Operation(
    "evaluate-measure",
    "http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure",
    "What a measure comes to over the register of the organisation that asks, without small numbers",
)
"""An operation of Measure alone, at its instance."""

STATUS = Operation(
    "status",
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status",
    "How a Subscription of one's own is doing: its status and how many events it was told",
)

EVENTS = Operation(
    "events",
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events",
    "What a Subscription of one's own was told, by the numbers of events, as far as it may be seen now",
)

OF_SUBSCRIPTIONS = (STATUS, EVENTS)
"""Operations of a Subscription alone, at its instance."""

_OF_ONE_TYPE: dict[str, tuple[Operation, ...]] = {
    "Patient": OF_PATIENTS,
    "Consent": (PREVIEW,),
    "CarePlan": OF_PLANS,
    "PlanDefinition": (APPLY,),
    "Measure": (EVALUATE_MEASURE,),
    "Subscription": OF_SUBSCRIPTIONS,
}

OPERATIONS = (
    Operation(
        "validate",
        "http://hl7.org/fhir/OperationDefinition/Resource-validate",
        "Check a resource and tell every issue; nothing is stored",
    ),
)


def capability_statement(base: str, *, if_match_required: bool = False) -> Json:
    """What this service can do, as a CapabilityStatement.

    `base` is the FHIR base URL. `if_match_required` says that the settings want If-Match on every update.
    """
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": PUBLISHED,
        "publisher": "Sharedplan",
        "kind": "instance",
        "software": {"name": "Sharedplan", "version": __version__},
        "implementation": {"description": "One shared client plan for social and health care", "url": base},
        "fhirVersion": "4.0.1",
        "format": list(FORMATS),
        "patchFormat": list(PATCH_FORMATS),
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "Record systems push and pull care plans, care teams, consents and encounters, and all that "
                    "they rest on. A search parameter or modifier that is not known is an error, unless the request "
                    "says Prefer: handling=lenient. Every search takes _contained and _containedType, but for that of "
                    "the log. References may name what is not there yet. Every write of a client's data leaves a "
                    "Provenance; the header X-Provenance says on whose word it is."
                ),
                "security": _security(),
                "resource": [_resource(offered, if_match_required) for offered in CATALOGUE.values()],
                "interaction": [{"code": code} for code in OF_THE_SYSTEM],
            }
        ],
    }


@kept_until_renewed(maxsize=8)
def capability_text(base: str, *, if_match_required: bool = False) -> str:
    """The CapabilityStatement as JSON text, built once for each base and state of the registry."""
    return json_text.write(capability_statement(base, if_match_required=if_match_required))


def _security() -> Json:
    service = {
        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
        "code": "SMART-on-FHIR",
        "display": "SMART-on-FHIR",
    }
    return {
        "cors": False,
        "service": [{"coding": [service]}],
        "description": (
            "Every request but this one and the SMART configuration needs a bearer token: a signed JWT with SMART v2 "
            "scopes, the organisation it acts for, and where a person acts, the person (fhirUser)."
        ),
    }


def _resource(offered: Offered, if_match_required: bool) -> Json:
    can = offered.can
    told: Json = {
        "type": offered.type,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{offered.type}",
        "interaction": [{"code": code} for code in OF_INSTANCES_AND_TYPES if code in can],
        "versioning": "versioned-update" if if_match_required and "update" in can else "versioned",
        "readHistory": "vread" in can,
        "updateCreate": "update" in can,
        "conditionalCreate": "create" in can,
        "conditionalRead": "full-support",
        "conditionalUpdate": "update" in can,
        "conditionalDelete": "single" if "delete" in can else "not-supported",
        "referencePolicy": ["literal", "logical"],
        "searchInclude": ["*", *_references_of(offered.type)],
        "searchRevInclude": _references_to(offered.type),
        "searchParam": [_search_parameter(parameter) for parameter in PARAMETERS[offered.type].values()],
    }
    if offered.type == "Subscription":
        told["documentation"] = (
            "Told by rest-hook, of what its owner finds by the criteria when it is told: notifications of the R5 "
            "backport, with ids alone. The service keeps status and error; it never shows the values of channel.header."
        )
    if "create" in can:
        known = (*OPERATIONS, *_OF_ONE_TYPE.get(offered.type, ()))
        told["operation"] = [
            {"name": each.name, "definition": each.definition, "documentation": each.does} for each in known
        ]
    return told


def _references_of(type: str) -> list[str]:
    """What `_include` takes for the type."""
    return [f"{type}:{each.code}" for each in PARAMETERS[type].values() if each.type == "reference"]


def _references_to(type: str) -> list[str]:
    """What `_revinclude` takes: the parameters of all types that may refer to this one."""
    return [
        f"{other}:{each.code}"
        for other, parameters in PARAMETERS.items()
        for each in parameters.values()
        if each.type == "reference" and type in each.targets
    ]


def _search_parameter(parameter: Parameter) -> dict[str, Any]:
    return {"name": parameter.code, "definition": parameter.url, "type": parameter.type}
