"""The operations that belong to no single type: Bundles, history of everything, metadata, health."""

from sharedplan.rest.negotiation import FHIR_JSON, FORM
from sharedplan.rest.openapi.failures import failures
from sharedplan.rest.openapi.parts import (
    BASE,
    CONTROLS,
    PARAMETERS,
    Part,
    operation,
    ref,
    shared,
)
from sharedplan.search.parameters import PARAMETERS as SEARCH_PARAMETERS

SYSTEM, SERVICE = "Whole system", "Service"
COMMON = [ref("parameters", code) for code in SEARCH_PARAMETERS["CarePlan"] if code.startswith("_")]
"""The search parameters that every type has."""

OPEN: list[Part] = []
"""The security of what needs no token."""


def system_paths() -> dict[str, Part]:
    """The FHIR base itself."""
    bundle: Part = {"schema": ref("schemas", "Bundle")}
    return {
        f"{BASE}/metadata": {
            "get": operation(
                "capabilities",
                SYSTEM,
                "What the service can do: the CapabilityStatement",
                parameters=shared(),
                security=OPEN,
                responses={
                    "200": _json("The CapabilityStatement", FHIR_JSON, ref("schemas", "Resource")),
                    **failures(400, 406),
                },
            )
        },
        f"{BASE}/.well-known/smart-configuration": {
            "get": operation(
                "smartConfiguration",
                SYSTEM,
                "Whose tokens are taken, and which scopes are understood",
                parameters=[],
                security=OPEN,
                responses={"200": _json("The SMART configuration", "application/json", {"type": "object"})},
            )
        },
        BASE: {
            "get": operation(
                "searchSystem",
                SYSTEM,
                "Search several types at once, by what all of them have",
                parameters=[*COMMON, *shared("types", *CONTROLS, "page", "prefer")],
                responses={"200": ref("responses", "Page"), **failures(400, 401, 403, 406, 503)},
            ),
            "post": operation(
                "bundle",
                SYSTEM,
                "Carry out a transaction (all or nothing) or a batch (each entry by itself)",
                parameters=shared("prefer"),
                requestBody={
                    "required": True,
                    "content": {FHIR_JSON: {**bundle, "examples": {"demo": ref("examples", "transaction")}}},
                },
                responses={
                    "200": {
                        "description": "One entry for each entry, in the same order",
                        "content": {FHIR_JSON: {**bundle, "examples": {"demo": ref("examples", "response")}}},
                    },
                    **failures(400, 401, 403, 404, 406, 409, 410, 412, 413, 415, 422, 428, 503),
                },
            ),
        },
        f"{BASE}/_search": {
            "post": operation(
                "searchSystemByPost",
                SYSTEM,
                "Search several types at once, with the criteria in the body",
                parameters=shared("prefer"),
                requestBody={"content": {FORM: {"schema": {"type": "object", "properties": _criteria()}}}},
                responses={"200": ref("responses", "Page"), **failures(400, 401, 403, 406, 413, 415, 503)},
            )
        },
        f"{BASE}/_history": {
            "get": operation(
                "historyOfEverything",
                SYSTEM,
                "Every change of every resource, newest first",
                parameters=shared("count", "since", "at", "page"),
                responses={"200": ref("responses", "History"), **failures(400, 401, 403, 406, 503)},
            )
        },
    }


def service_paths() -> dict[str, Part]:
    """What the operator asks."""
    anything: Part = {"type": "object"}
    return {
        "/healthz": {
            "get": operation(
                "live",
                SERVICE,
                "Whether the process answers",
                parameters=[],
                security=OPEN,
                responses={"200": _json("It does", "application/json", anything)},
            )
        },
        "/readyz": {
            "get": operation(
                "ready",
                SERVICE,
                "Whether requests can be served: the database, its schema, the audit",
                parameters=[],
                security=OPEN,
                responses={
                    "200": _json("Ready", "application/json", anything),
                    "503": _json("Starting, stopping, or missing something", "application/json", anything),
                },
            )
        },
        "/metrics": {
            "get": operation(
                "metrics",
                SERVICE,
                "Prometheus' numbers, for this machine or with the operator's token",
                parameters=[],
                security=OPEN,
                responses={
                    "200": {"description": "The numbers", "content": {"text/plain": {"schema": {"type": "string"}}}},
                    **failures(401),
                },
            )
        },
    }


def _criteria() -> dict[str, Part]:
    """What a search of several types takes in a form: name → schema."""
    found = [each for each in SEARCH_PARAMETERS["CarePlan"].values() if each.code.startswith("_")]
    controls = [PARAMETERS[name] for name in ("types", *CONTROLS)]
    return {each.code: ref("schemas", f"search-{each.type}") for each in found} | {
        each["name"]: each["schema"] for each in controls
    }


def _json(description: str, media_type: str, schema: Part) -> Part:
    return {"description": description, "content": {media_type: {"schema": schema}}}
