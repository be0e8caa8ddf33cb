"""The operations that belong to no single type: Bundles, history of everything, metadata, health."""

from sharedplan.access.granting import ASSERTION_TYPE, GRANT_TYPE
from sharedplan.rest.negotiation import FHIR_JSON, FORM, PLAIN_JSON
from sharedplan.rest.oauth import JWK_SET
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

SYSTEM, TOKENS, SERVICE = "Whole system", "Tokens", "Service"
ERRORS = (
    *("invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"),
    "temporarily_unavailable",
)
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
        f"{BASE}/.well-known/smart-configuration": {"get": _smart_configuration("smartConfiguration")},
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
                parameters=shared("prefer", "xProvenance"),
                requestBody={
                    "required": True,
                    "content": {FHIR_JSON: {**bundle, "examples": {"demo": ref("examples", "transaction")}}},
                },
                responses={
                    "200": {
                        "description": "One entry for each entry, in the same order",
                        "content": {FHIR_JSON: {**bundle, "examples": {"demo": ref("examples", "response")}}},
                    },
                    **failures(400, 401, 403, 404, 406, 408, 409, 410, 412, 413, 415, 422, 428, 503),
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
                responses={"200": ref("responses", "Page"), **failures(400, 401, 403, 406, 408, 413, 415, 503)},
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


def token_paths() -> dict[str, Part]:
    """How a registered record system gets a token. https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html"""
    text: Part = {"type": "string"}
    form: Part = {
        "type": "object",
        "required": ["grant_type", "scope", "client_assertion_type", "client_assertion"],
        "properties": {
            "grant_type": {"const": GRANT_TYPE},
            "scope": {"type": "string", "example": "system/CarePlan.rs system/Task.cruds?status=active"},
            "client_assertion_type": {"const": ASSERTION_TYPE},
            "client_assertion": {"type": "string", "description": "A JWT that the client signed, of at most 5 minutes"},
            "purpose_of_use": {
                "type": "string",
                "description": "One of the purposes that the client is registered for",
            },
        },
    }
    issued: Part = {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in", "scope"],
        "properties": {
            "access_token": text,
            "token_type": {"const": "bearer"},
            "expires_in": {"type": "integer", "maximum": 300},
            "scope": {"type": "string", "description": "What was asked for, as far as the client may have it"},
        },
    }
    refused: Part = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"enum": list(ERRORS)}, "error_description": text},
    }
    return {
        "/auth/token": {
            "post": operation(
                "token",
                TOKENS,
                "A token for a registered record system, which proves itself by its key",
                parameters=[],
                security=OPEN,
                requestBody={"required": True, "content": {FORM: {"schema": form}}},
                responses={
                    "200": _json("The token", PLAIN_JSON, issued),
                    "400": _json("No token, and why", PLAIN_JSON, refused),
                    "401": _json("The client tried to prove itself in the header", PLAIN_JSON, refused),
                    "408": _json("The form did not come in time", PLAIN_JSON, refused),
                    "413": _json("The form is too large", PLAIN_JSON, refused),
                    "503": _json("Try again", PLAIN_JSON, refused),
                },
            )
        },
        "/auth/jwks": {
            "get": operation(
                "keys",
                TOKENS,
                "The public keys of the tokens that are signed here",
                parameters=[],
                security=OPEN,
                responses={"200": _json("A JWKS", JWK_SET, {"type": "object"})},
            )
        },
        "/.well-known/smart-configuration": {"get": _smart_configuration("smartConfigurationAbove")},
    }


def _smart_configuration(name: str) -> Part:
    return operation(
        name,
        SYSTEM,
        "Whose tokens are taken, where to get one, and which scopes are understood",
        parameters=[],
        security=OPEN,
        responses={"200": _json("The SMART configuration", PLAIN_JSON, {"type": "object"})},
    )


def _criteria() -> dict[str, Part]:
    """What a search of several types takes in a form: name → schema."""
    found = [each for each in SEARCH_PARAMETERS["CarePlan"].values() if each.code.startswith("_")]
    controls = [PARAMETERS[name] for name in ("types", *CONTROLS)]
    return {each.code: ref("schemas", f"search-{each.type}") for each in found} | {
        each["name"]: each["schema"] for each in controls
    }


def _json(description: str, media_type: str, schema: Part) -> Part:
    return {"description": description, "content": {media_type: {"schema": schema}}}
