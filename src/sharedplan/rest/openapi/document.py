"""The OpenAPI document as a whole: introduction, tags, paths and components.

https://spec.openapis.org/oas/v3.1.1.html
"""

import json

from sharedplan import __version__
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.schemas import PRIMITIVES, schemas
from sharedplan.rest.openapi.examples import EXAMPLES
from sharedplan.rest.openapi.failures import FAILURES
from sharedplan.rest.openapi.parts import (
    HEADERS,
    PARAMETERS,
    RESPONSES,
    SCHEMAS,
    SEARCH_VALUES,
    Part,
    id_parameters,
    ref,
    request_bodies,
    resource_responses,
    search_parameters,
)
from sharedplan.rest.openapi.paths import type_paths
from sharedplan.rest.openapi.system import SERVICE, SYSTEM, TOKENS, service_paths, system_paths, token_paths
from sharedplan.search.parameters import PARAMETERS as SEARCH_PARAMETERS
from sharedplan.search.registry import kept_until_renewed

IN_FULL = ("CarePlan", "CareTeam", "Consent", "Encounter", "Bundle", "OperationOutcome", "Parameters")
"""The types with a schema of every element; the others have their name, id and meta, and a link to the standard."""

INTRODUCTION = """\
FHIR R4 (4.0.1) over JSON. `application/json` is taken and given in place of `application/fhir+json` for those who \
ask for it; XML is not served.

* **What goes in comes out**: every number keeps its digits and every element its place; only `id` and `meta` are \
filled in.
* **Search** is strict: a parameter or modifier that is not known answers 400, unless the request says \
`Prefer: handling=lenient`. A parameter may come several times, and then all of its values must hold.
* **Changes** on shared resources: send the version that you have seen in `If-Match`, and nobody's work is \
overwritten.
* **Failures** are OperationOutcomes that name the element (`expression`) and what to mend.
* What you may not see looks exactly like what is not there.
"""


@kept_until_renewed()
def openapi_text() -> str:
    """The document as JSON text, laid out for reading and for comparing, with a newline at its end."""
    return json.dumps(openapi_document(), ensure_ascii=False, indent=1) + "\n"


def openapi_document() -> Part:
    """Every interaction of every type, with its parameters, bodies, headers and failures."""
    paths = system_paths()
    for offered in CATALOGUE.values():
        paths |= type_paths(offered)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Sharedplan",
            "version": __version__,
            "summary": "One shared client plan for social and health care, as FHIR R4",
            "description": INTRODUCTION,
        },
        "servers": [{"url": "/", "description": "This service"}],
        "security": [{"bearer": []}],
        "tags": _tags(),
        "paths": paths | token_paths() | service_paths(),
        "components": {
            "securitySchemes": {"bearer": BEARER},
            "parameters": PARAMETERS | id_parameters() | search_parameters(),
            "headers": HEADERS,
            "responses": dict(FAILURES.values()) | RESPONSES | resource_responses(),
            "requestBodies": request_bodies(),
            "examples": EXAMPLES,
            "schemas": _schemas(),
        },
    }


BEARER: Part = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A signed token with SMART v2 scopes. In development `sharedplan token` prints one.",
}


def _tags() -> list[Part]:
    return [
        *({"name": type, "externalDocs": {"url": _standard(type), "description": "FHIR R4"}} for type in CATALOGUE),
        {"name": SYSTEM, "description": "Bundles, the history of everything, and what the service can do"},
        {"name": TOKENS, "description": "How a registered record system gets a token (SMART Backend Services)"},
        {"name": SERVICE, "description": "Health and numbers, for those who run it"},
    ]


def _schemas() -> dict[str, Part]:
    made = {**PRIMITIVES, **schemas(IN_FULL), **SCHEMAS}
    for type in CATALOGUE:
        if type not in made:
            made[type] = {
                "type": "object",
                "description": f"{type} as the standard defines it: {_standard(type)}",
                "properties": {
                    "resourceType": {"const": type},
                    "id": ref("schemas", "id"),
                    "meta": ref("schemas", "Meta"),
                },
                "required": ["resourceType"],
            }
    for kind in {parameter.type for of_type in SEARCH_PARAMETERS.values() for parameter in of_type.values()}:
        made[f"search-{kind}"] = SEARCH_VALUES[kind]
    return dict(sorted(made.items()))


def _standard(type: str) -> str:
    """Where the standard defines a type."""
    return f"https://hl7.org/fhir/R4/{type.lower()}.html"
