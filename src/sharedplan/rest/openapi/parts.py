"""The parts of the OpenAPI document that every operation shares: parameters, headers, responses, plain schemas.

https://spec.openapis.org/oas/v3.1.1.html#components-object
"""

from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.languages import DEFAULT, OFFERED
from sharedplan.rest.negotiation import FHIR_JSON, JSON_PATCH
from sharedplan.rest.openapi.examples import EXAMPLES
from sharedplan.search.parameters import PARAMETERS as SEARCH_PARAMETERS
from sharedplan.search.parameters import Parameter

Part = dict[str, Any]

BASE = "/fhir"


def ref(kind: str, name: str) -> Part:
    """A pointer to a component: ref("schemas", "CarePlan")."""
    return {"$ref": f"#/components/{kind}/{name}"}


def operation(id: str, tag: str, summary: str, *, parameters: list[Part], responses: Part, **more: Any) -> Part:
    """An Operation Object; `more` are its further members, as requestBody."""
    return {
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "parameters": parameters,
        **more,
        "responses": responses,
    }


def shared(*names: str) -> list[Part]:
    """These parameters, and those that every FHIR request takes."""
    return [ref("parameters", name) for name in (*names, "format", "pretty")]


def content_of(type: str) -> Part:
    """A resource of the type as a body, with its example if the demo has one."""
    content: Part = {"schema": ref("schemas", type)}
    if type in EXAMPLES:
        content["examples"] = {"demo": ref("examples", type)}
    return content


def outcome(description: str) -> Part:
    """An OperationOutcome as an answer."""
    return {"description": description, "content": {FHIR_JSON: content_of("OperationOutcome")}}


def _string(description: str, **more: Any) -> Part:
    return {"type": "string", "description": description, **more}


def component_of(parameter: Parameter) -> str:
    """The name under which a search parameter stands among the components: once for all types when all have it."""
    return parameter.code if parameter.code.startswith("_") else f"{parameter.resource}-{parameter.code}"


def id_parameters() -> dict[str, Part]:
    """The path parameter `id` of each type, with an id of the demo to try it on."""
    made: dict[str, Part] = {}
    for type in CATALOGUE:
        more = {"example": EXAMPLES[type]["value"]["id"]} if type in EXAMPLES else {}
        made[f"{type}.id"] = _parameter("id", "path", f"The {type}'s id", ref("schemas", "id"), required=True, **more)
    return made


def search_parameters() -> dict[str, Part]:
    """Every search parameter of every type, described by the path of the elements that it looks at."""
    made = {}
    for of_type in SEARCH_PARAMETERS.values():
        for parameter in of_type.values():
            name = component_of(parameter)
            path = parameter.path.replace(f"{parameter.resource}.", "Resource.") if name[0] == "_" else parameter.path
            made[name] = _parameter(parameter.code, "query", path, ref("schemas", f"search-{parameter.type}"))
    return dict(sorted(made.items()))


COUNT: Part = {"type": "integer", "minimum": 0, "maximum": 999999999}

SEARCH_VALUES: dict[str, Part] = {
    "token": _string("`code`, `system|code`, `|code` (no system) or `system|`; several joined by commas mean or"),
    "reference": _string(
        "`Type/id`, or only `id` where one type is possible; several joined by commas mean or. A further parameter "
        "after a full stop asks of what it refers to: `subject:Patient.name`"
    ),
    "date": _string(
        "A date or instant, with a prefix if wanted: `2026`, `ge2026-02-01`, `lt2026-03-01T12:00:00+02:00`. "
        "Without a prefix the resource's time must lie within it"
    ),
    "string": _string("The beginning of the text; case and accents are not looked at"),
    "uri": _string("The whole URI"),
    "number": _string("A number, with a prefix if wanted: `3`, `gt2.5`"),
    "quantity": _string("A number with its unit: `5.4|http://unitsofmeasure.org|mg`"),
    "composite": _string("Values joined by `$`"),
    "special": _string("As the definition of the parameter says"),
}
"""How a value of each type of search parameter is written. https://hl7.org/fhir/R4/search.html#ptypes"""

SCHEMAS: dict[str, Part] = {
    "Resource": {
        "type": "object",
        "description": "Any resource. https://hl7.org/fhir/R4/resource.html",
        "properties": {
            "resourceType": {"type": "string"},
            "id": ref("schemas", "id"),
            "meta": ref("schemas", "Meta"),
        },
        "required": ["resourceType"],
    },
    "JsonPatch": {
        "type": "array",
        "description": "JSON Patch (RFC 6902)",
        "items": {
            "type": "object",
            "properties": {
                "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
                "path": _string("JSON Pointer to the place: `/activity/0/detail/status`"),
                "from": _string("JSON Pointer to the source of a move or copy"),
                "value": {"description": "What is put there, or what a test expects"},
            },
            "required": ["op", "path"],
        },
    },
}


def _parameter(name: str, place: str, description: str, schema: Part | None = None, **more: Any) -> Part:
    return {"name": name, "in": place, "description": description, "schema": schema or {"type": "string"}, **more}


PARAMETERS: dict[str, Part] = {
    "versionId": _parameter(
        "versionId", "path", "The version, as in meta.versionId", ref("schemas", "id"), required=True, example="1"
    ),
    "ifMatch": _parameter(
        "If-Match",
        "header",
        'The version that the change is based on, as its ETag says: `W/"3"`. Another current version answers 412.',
    ),
    "ifNoneMatch": _parameter(
        "If-None-Match", "header", "ETag of the version already at hand: if it is still the current one, 304"
    ),
    "ifModifiedSince": _parameter(
        "If-Modified-Since", "header", "HTTP date: if nothing changed since, 304. Counts when If-None-Match is absent."
    ),
    "ifNoneExist": _parameter(
        "If-None-Exist",
        "header",
        "Conditional create: search criteria (`identifier=urn:oid:1.2.246.21|…`). One match answers 200 and creates "
        "nothing, several answer 412.",
    ),
    "prefer": _parameter(
        "Prefer",
        "header",
        "`return=minimal`, `return=representation` or `return=OperationOutcome` (tells warnings); for searches "
        "`handling=strict` (the default) or `handling=lenient`",
    ),
    "xProvenance": _parameter(
        "X-Provenance",
        "header",
        "A Provenance as JSON on one line, without `target`: on whose word the data are, from what sources, signed by "
        "whom. It goes into the Provenance that the service records of every write of a client's data, beside the "
        "author and the system that the token names. At most 8 KiB; what cannot be kept answers 400.",
    ),
    "format": _parameter("_format", "query", "Stands in for the Accept header: `json`, `application/fhir+json`"),
    "pretty": _parameter(
        "_pretty", "query", "`true` lays the JSON out for reading", {"type": "string", "enum": ["true", "false"]}
    ),
    "count": _parameter("_count", "query", "How many entries a page holds", COUNT),
    "sort": _parameter(
        "_sort",
        "query",
        "The order of the matches: search parameters of the type with commas between them, `-` before one for "
        "descending, as `-date,status`",
        example="-_lastUpdated",
    ),
    "total": _parameter(
        "_total",
        "query",
        "`none` leaves the total out, which is cheaper; `accurate` counts whatever it costs",
        {"type": "string", "enum": ["none", "estimate", "accurate"]},
    ),
    "summary": _parameter(
        "_summary",
        "query",
        "A part of each resource: `true`, `text` or `data`; `count` tells how many there are, and no more",
        {"type": "string", "enum": ["true", "text", "data", "count", "false"]},
    ),
    "elements": _parameter(
        "_elements", "query", "Only these elements of each resource, with commas between them", example="id"
    ),
    "contained": _parameter(
        "_contained",
        "query",
        "`true` looks for resources that are contained in others, `both` also for those that stand for themselves; "
        "https://hl7.org/fhir/R4/search.html#contained",
        {"type": "string", "enum": ["false", "true", "both"]},
    ),
    "containedType": _parameter(
        "_containedType",
        "query",
        "What is shown of a contained match: its `container` (else), or what is `contained` by itself, with the "
        "address of the container and its own id after a `#`",
        {"type": "string", "enum": ["container", "contained"]},
    ),
    "include": _parameter(
        "_include",
        "query",
        "What the matches refer to, as `CarePlan:care-team` or `CarePlan:subject:Patient`, `*` for all; "
        "`_include:iterate` follows what was added, too",
    ),
    "revinclude": _parameter(
        "_revinclude", "query", "What refers to the matches, as `Task:focus`; `_revinclude:iterate` goes on from there"
    ),
    "list": _parameter("_list", "query", "Only what is on the List of that id", ref("schemas", "id")),
    "filter": _parameter(
        "_filter",
        "query",
        'An expression over the parameters: `status eq active and (date ge 2026 or title co "koti")`; '
        "https://hl7.org/fhir/R4/search_filter.html",
    ),
    "inside": _parameter(
        "type", "path", "The type to search in the compartment, or `*` for all of them", required=True, example="*"
    ),
    "types": _parameter("_type", "query", "The types to search, with commas between them; else all that one may"),
    "since": _parameter(
        "_since",
        "query",
        "Only versions from this instant on",
        ref("schemas", "instant"),
        example="2026-01-01T00:00:00Z",
    ),
    "at": _parameter("_at", "query", "Only versions that were current at this time, or in it: `2026-02`"),
    "page": _parameter(
        "_page", "query", "From the `next` link of the page before; it carries the whole question, and goes alone"
    ),
    "language": _parameter(
        "_language", "query", "The language of the texts", {"type": "string", "enum": [*OFFERED], "default": DEFAULT}
    ),
    "acceptLanguage": _parameter(
        "Accept-Language",
        "header",
        "The language of the texts, where `_language` does not say",
        example="sv-FI, fi;q=0.8",
    ),
    "mode": _parameter(
        "mode",
        "query",
        "What the resource would be sent for",
        {"type": "string", "enum": ["create", "update", "delete", "profile"]},
    ),
    "profile": _parameter("profile", "query", "The profile to check against; the type's own is the one known"),
}

CONTROLS = (
    *("count", "sort", "total", "summary", "elements", "contained", "containedType"),
    *("include", "revinclude", "list", "filter"),
)
"""The parameters of a search beside those of the type."""

HEADERS: dict[str, Part] = {
    "ETag": {"description": "The version, to be sent back in If-Match", "schema": _string('`W/"1"`')},
    "LastModified": {"description": "When the version was stored", "schema": {"type": "string"}},
    "Location": {"description": "The address of the version that was made", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Seconds to wait before trying again", "schema": {"type": "integer"}},
    "WwwAuthenticate": {"description": "How to identify oneself", "schema": {"type": "string"}},
}

VERSIONED = {"ETag": ref("headers", "ETag"), "Last-Modified": ref("headers", "LastModified")}


RESPONSES: dict[str, Part] = {
    "NotModified": {"description": "The version at hand is the current one", "headers": VERSIONED},
    "Deleted": {"description": "Deleted, or there was nothing to delete", "headers": {"ETag": ref("headers", "ETag")}},
    "Page": {
        "description": "One page of matches; `link` with relation next leads on",
        "content": {
            FHIR_JSON: {"schema": ref("schemas", "Bundle"), "examples": {"page": ref("examples", "searchset")}}
        },
    },
    "History": {
        "description": "One page of versions, newest first; `link` with relation next leads on",
        "content": {FHIR_JSON: {"schema": ref("schemas", "Bundle"), "examples": {"page": ref("examples", "history")}}},
    },
}


PATCH_BODY: Part = {
    "required": True,
    "content": {
        JSON_PATCH: {"schema": ref("schemas", "JsonPatch"), "examples": {"demo": ref("examples", "JsonPatch")}},
        FHIR_JSON: {"schema": ref("schemas", "Parameters"), "examples": {"demo": ref("examples", "FhirPathPatch")}},
    },
}


def request_bodies() -> dict[str, Part]:
    """A resource of each type, and a patch."""
    made: dict[str, Part] = {
        type: {"required": True, "content": {FHIR_JSON: content_of(type)}}
        for type, offered in CATALOGUE.items()
        if "create" in offered.can
    }
    return {**made, "Patch": PATCH_BODY}


def resource_responses() -> dict[str, Part]:
    """A resource of each type as an answer, and as the answer to its creation."""
    made: dict[str, Part] = {}
    for type, offered in CATALOGUE.items():
        answer: Part = {
            "description": f"The {type}; with `Prefer` on a change it may be left out, or be an OperationOutcome",
            "headers": VERSIONED,
            "content": {FHIR_JSON: content_of(type)},
        }
        made[type] = answer
        if "create" in offered.can:
            located = {**VERSIONED, "Location": ref("headers", "Location")}
            made[f"{type}Created"] = {**answer, "description": "Created", "headers": located}
    return made
