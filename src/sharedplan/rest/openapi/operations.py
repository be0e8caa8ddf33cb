"""One operation of the OpenAPI document for each interaction of a type. https://hl7.org/fhir/R4/http.html"""

from collections.abc import Callable

from sharedplan.interactions.provenances import leaves_one
from sharedplan.rest.negotiation import FHIR_JSON, FORM
from sharedplan.rest.openapi.failures import failures
from sharedplan.rest.openapi.parts import (
    CONTROLS,
    PARAMETERS,
    Part,
    component_of,
    operation,
    outcome,
    ref,
    shared,
)
from sharedplan.search.parameters import PARAMETERS as SEARCH_PARAMETERS

Build = Callable[[str], Part]
"""The operation of one interaction, for a type by its name."""

READ_FAILURES = (400, 401, 403, 404, 406, 503)
SEARCH_FAILURES = (400, 401, 403, 406, 503)
WRITE_FAILURES = (400, 401, 403, 406, 408, 409, 412, 413, 415, 422, 503)


def search(type: str) -> Part:
    return operation(
        f"search{type}",
        type,
        f"Search for {type} resources",
        parameters=[*_search_parameters(type), *shared(*CONTROLS, "page", "prefer")],
        responses={"200": ref("responses", "Page"), **failures(*SEARCH_FAILURES)},
    )


def search_by_post(type: str) -> Part:
    values = {each.code: ref("schemas", f"search-{each.type}") for each in SEARCH_PARAMETERS[type].values()}
    controls = {PARAMETERS[name]["name"]: PARAMETERS[name]["schema"] for name in CONTROLS}
    return operation(
        f"search{type}ByPost",
        type,
        f"Search for {type} resources, with the criteria in the body",
        description="For criteria that should not be seen in logs on the way, as a personal identity code.",
        parameters=shared("prefer"),
        requestBody={"content": {FORM: {"schema": {"type": "object", "properties": values | controls}}}},
        responses={"200": ref("responses", "Page"), **failures(*SEARCH_FAILURES, 408, 413, 415)},
    )


def search_compartment(type: str) -> Part:
    return operation(
        f"searchCompartmentOf{type}",
        type,
        f"Search for what belongs to a {type}: https://hl7.org/fhir/R4/compartmentdefinition.html",
        parameters=shared("inside", "types", *CONTROLS, "page", "prefer"),
        responses={"200": ref("responses", "Page"), **failures(*SEARCH_FAILURES, 404)},
    )


def read(type: str) -> Part:
    return operation(
        f"read{type}",
        type,
        f"Read the current version of a {type}",
        parameters=shared("ifNoneMatch", "ifModifiedSince"),
        responses={
            "200": ref("responses", type),
            "304": ref("responses", "NotModified"),
            **failures(*READ_FAILURES, 410),
        },
    )


def vread(type: str) -> Part:
    return operation(
        f"vread{type}",
        type,
        f"Read one version of a {type}",
        parameters=[ref("parameters", "versionId"), *shared("ifNoneMatch", "ifModifiedSince")],
        responses={
            "200": ref("responses", type),
            "304": ref("responses", "NotModified"),
            **failures(*READ_FAILURES, 410),
        },
    )


def _stated(type: str) -> tuple[str, ...]:
    """The header by which a write of the type says where its data come from."""
    return ("xProvenance",) if leaves_one(type) else ()


def create(type: str) -> Part:
    return operation(
        f"create{type}",
        type,
        f"Create a {type}; the service gives it its id",
        parameters=shared("ifNoneExist", "prefer", *_stated(type)),
        requestBody=ref("requestBodies", type),
        responses={
            "200": ref("responses", type),
            "201": ref("responses", f"{type}Created"),
            **failures(*WRITE_FAILURES),
        },
    )


def update(type: str) -> Part:
    return operation(
        f"update{type}",
        type,
        f"Replace a {type}, or create it under this id",
        parameters=shared("ifMatch", "prefer", *_stated(type)),
        requestBody=ref("requestBodies", type),
        responses={
            "200": ref("responses", type),
            "201": ref("responses", f"{type}Created"),
            **failures(*WRITE_FAILURES, 404, 428),
        },
    )


def patch(type: str) -> Part:
    return operation(
        f"patch{type}",
        type,
        f"Change parts of a {type}",
        parameters=shared("ifMatch", "prefer", *_stated(type)),
        requestBody=ref("requestBodies", "Patch"),
        responses={"200": ref("responses", type), **failures(*WRITE_FAILURES, 404, 410, 428)},
    )


def delete(type: str) -> Part:
    return operation(
        f"delete{type}",
        type,
        f"Delete a {type}; its history stays",
        parameters=shared("ifMatch", "prefer", *_stated(type)),
        responses={"204": ref("responses", "Deleted"), **failures(*SEARCH_FAILURES, 404, 409, 412, 422, 428)},
    )


def history(type: str) -> Part:
    return operation(
        f"historyOf{type}",
        type,
        f"Every version of a {type}, deletions too",
        parameters=shared("count", "since", "at", "page"),
        responses={"200": ref("responses", "History"), **failures(*READ_FAILURES)},
    )


def history_of_type(type: str) -> Part:
    return operation(
        f"historyOfEvery{type}",
        type,
        f"Every change of every {type}, newest first",
        parameters=shared("count", "since", "at", "page"),
        responses={"200": ref("responses", "History"), **failures(*SEARCH_FAILURES)},
    )


def on_the_match(build: Build, id: str, summary: str) -> Build:
    """The same interaction on the one resource that search criteria select, instead of one by its id."""

    def conditional(type: str) -> Part:
        made = build(type)
        made |= {"operationId": id.format(type=type), "summary": summary.format(type=type)}
        made["parameters"] = [*_search_parameters(type), *made["parameters"]]
        return made

    return conditional


def validate(id: str, type: str, summary: str, *also: int) -> Part:
    """The $validate operation; `also` are failures beyond those of a body."""
    return operation(
        id,
        type,
        summary,
        parameters=shared("mode", "profile"),
        requestBody=ref("requestBodies", type),
        responses={
            "200": outcome("What was found; severity error says that it would be refused"),
            **failures(*SEARCH_FAILURES, 408, 413, 415, *also),
        },
    )


def access_decision(summary: str) -> Part:
    """The $access-decision operation of a client."""
    parameters: Part = {"schema": ref("schemas", "Resource"), "example": _QUESTION}
    return operation(
        "accessDecision",
        "Patient",
        summary,
        description="In: `actor` (Reference), `organization` (Reference), `action` (read, search, create, update, "
        "delete), `target` (Reference) or `type`, `purpose`, `at` (dateTime), `consent` (a Consent: what if it were "
        "saved). Out: `decision` (permit or deny), `step`, `reason`, `consent`, `validUntil`, `wouldChange`. One may "
        "ask about oneself and one's organisation; the client, the coordinator and the controller about anybody.",
        parameters=[],
        requestBody={"required": True, "content": {FHIR_JSON: parameters}},
        responses={
            "200": {
                "description": "Parameters with the decision and its grounds",
                "content": {FHIR_JSON: {"schema": ref("schemas", "Resource")}},
            },
            **failures(*SEARCH_FAILURES, 404, 408, 413, 415, 422),
        },
    )


def break_glass(summary: str) -> Part:
    """The $break-glass operation of a client."""
    body: Part = {"schema": ref("schemas", "Resource"), "example": _EMERGENCY}
    return operation(
        "breakGlass",
        "Patient",
        summary,
        description="In: `reason` (string, 1). Out: `validUntil` (instant) and `task` (Reference to the Task by which "
        "it is reviewed). For a Practitioner with an active role at the token's organisation, with the purpose ETREAT "
        "or BTG; refused under a ban of the client's. It opens Patient, CarePlan, CareTeam, Condition and Flag for "
        "reading, to the same person with the same purpose. The client sees it in the log.",
        parameters=[],
        requestBody={"required": True, "content": {FHIR_JSON: body}},
        responses={
            "200": {
                "description": "Parameters with its end and the Task",
                "content": {FHIR_JSON: {"schema": ref("schemas", "Resource")}},
            },
            **failures(*SEARCH_FAILURES, 404, 408, 413, 415, 422),
        },
    )


def preview(summary: str) -> Part:
    """The $preview operation of Consent."""
    return operation(
        "previewConsent",
        "Consent",
        summary,
        description="In: the Consent, or Parameters with it as `consent`. Out: `gains` and `loses`, each with `actor`, "
        "`organization` (whom the actor acts for), `type`, `action` (access, collect, correct), `purpose`, `count` (of "
        "the stored things that the asker sees), `target` (up to 20 of these, when it is not all of the type), "
        "`future` (whether it is of such things to come), `reason` and `consent`; `warning` and `fault` (what would be "
        "refused with 422), each with `text` and `expression`. The client, a guardian, the coordinator and the system "
        "of the plan's controller may ask; others are answered as about a client who never was. Up to 40 persons and "
        "organisations, 200 consents and 100 things of a type: more persons or consents are a 400.",
        parameters=[],
        requestBody={
            "required": True,
            "content": {FHIR_JSON: {"schema": {"anyOf": [ref("schemas", "Consent"), ref("schemas", "Resource")]}}},
        },
        responses={
            "200": {
                "description": "Parameters with what changes for whom",
                "content": {FHIR_JSON: {"schema": ref("schemas", "Resource")}},
            },
            **failures(*SEARCH_FAILURES, 408, 413, 415),
        },
    )


def everything(id: str, summary: str) -> Part:
    """The $everything operation of a plan."""
    return operation(
        id,
        "CarePlan",
        summary,
        description="A searchset with the plan as its match, and included the client, team and members, goals, tasks, "
        "meetings, assessments, conditions, consents in force, roles, organisations and places, each once and all on "
        "one page. What is withheld from the asker is not there and leaves no reference: one that stands alone, or was "
        "the last of its list, has the data-absent-reason masked, and a resource that lacks something is labelled "
        "SUBSETTED.",
        parameters=[],
        responses={"200": ref("responses", "Whole"), **failures(*READ_FAILURES, 410)},
    )


def _named(name: str) -> Part:
    return ref("parameters", name)


def document(id: str, summary: str) -> Part:
    """The $document operation of a plan."""
    return operation(
        id,
        "CarePlan",
        summary,
        description="As JSON a document Bundle: the Composition, whose sections are the goals, who does what next, the "
        "meetings, the team, strengths and assessments, and consent, and then all that it leads to. As text/html the "
        "plan sheet: one page without a script, for a phone and for A4, drawn from that document. Both hold what the "
        "asker may see.",
        parameters=[*map(_named, ("planLanguage", "acceptLanguage", "planFormat"))],
        responses={"200": ref("responses", "Document"), **failures(*READ_FAILURES, 410)},
    )


def review(summary: str) -> Part:
    """The $review operation of CarePlan."""
    told: Part = {"schema": ref("schemas", "OperationOutcome"), "examples": {"demo": ref("examples", "review")}}
    return operation(
        "reviewCarePlan",
        "CarePlan",
        summary,
        description="One issue for each rule met (severity information) or broken (warning; error for what a write "
        "would be refused for), and one for each broken thing; `details.coding` is the rule, `details.text` the "
        "sentence, `expression` the element where one is meant. Always told: the meetings as n/5 (R2.1), rejections "
        "(R3.9), no-shows (R3.15), days to the first meeting (R4.4), differing views (R3.17). What is hidden from the "
        "asker is judged as if it were not there; of what he does not see all of, nothing is said but that.",
        parameters=shared("reviewLanguage", "acceptLanguage"),
        responses={
            "200": {"description": "What the rules of the plan's model find", "content": {FHIR_JSON: told}},
            **failures(*READ_FAILURES, 410),
        },
    )


_EMERGENCY: Part = {
    "resourceType": "Parameters",
    "parameter": [{"name": "reason", "valueString": "Found unconscious at home, medication not known"}],
}

_QUESTION: Part = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "actor", "valueReference": {"reference": "Practitioner/niko"}},
        {"name": "organization", "valueReference": {"reference": "Organization/h"}},
        {"name": "action", "valueCode": "read"},
        {"name": "type", "valueCode": "CarePlan"},
    ],
}


def _search_parameters(type: str) -> list[Part]:
    return [ref("parameters", component_of(parameter)) for parameter in SEARCH_PARAMETERS[type].values()]
