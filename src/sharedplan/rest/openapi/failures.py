"""The failures of `errors.py` as responses of the OpenAPI document, each with an OperationOutcome as it would look."""

from sharedplan.rest.negotiation import FHIR_JSON
from sharedplan.rest.openapi.parts import Part, content_of, ref


def _failure(description: str, code: str, saying: str, **headers: str) -> Part:
    """A failure's response, with an OperationOutcome as it would look."""
    issue = {"severity": "error", "code": code, "diagnostics": saying}
    content = {
        "schema": ref("schemas", "OperationOutcome"),
        "example": {"resourceType": "OperationOutcome", "issue": [issue]},
    }
    told: Part = {"description": description, "content": {FHIR_JSON: content}}
    if headers:
        told["headers"] = {name.replace("_", "-"): ref("headers", component) for name, component in headers.items()}
    return told


FAILURES: dict[int, tuple[str, Part]] = {
    400: (
        "BadRequest",
        _failure("The request cannot be understood", "invalid", "'stauts' is not a parameter of CarePlan: status?"),
    ),
    401: (
        "Unauthenticated",
        _failure(
            "No bearer token, or one that is not accepted",
            "login",
            "the token has expired",
            WWW_Authenticate="WwwAuthenticate",
        ),
    ),
    403: ("Refused", _failure("The token does not allow it", "forbidden", "no scope of the token allows this")),
    404: ("NotFound", _failure("Not there, or not for the asker to see", "not-found", "there is no such resource")),
    406: ("NotAcceptable", _failure("Only JSON is served", "not-supported", "XML is not served")),
    408: ("TooSlow", _failure("The body did not come in time", "timeout", "the body did not come in time")),
    409: (
        "Conflict",
        _failure("Collides with what is stored, or with another writer", "conflict", "another writer was first"),
    ),
    410: ("Gone", _failure("It was deleted", "deleted", "the resource was deleted", ETag="ETag")),
    412: (
        "PreconditionFailed",
        _failure(
            "The version is another one, or the criteria match several resources",
            "conflict",
            "the current version is 4, not 3",
        ),
    ),
    413: (
        "TooLarge",
        _failure("The body is larger than the limit", "too-long", "the body is larger than 10485760 bytes"),
    ),
    415: (
        "WrongMediaType",
        _failure("A body of this media type is not read", "not-supported", "send application/fhir+json"),
    ),
    422: (
        "Unprocessable",
        {
            "description": "Read, but breaks rules; every issue is told, with the path of its element",
            "content": {FHIR_JSON: content_of("OperationOutcome")},
        },
    ),
    428: (
        "PreconditionNeeded",
        _failure("The service is set to want If-Match on changes", "required", "send If-Match with the version"),
    ),
    503: (
        "Unavailable",
        _failure("Too busy, or stopping", "transient", "too many requests at once", Retry_After="RetryAfter"),
    ),
}
"""Status → (component name, response): the failures of `errors.py`."""


def failures(*statuses: int) -> Part:
    """These failures as the responses of an operation."""
    return {str(status): ref("responses", FAILURES[status][0]) for status in sorted(statuses)}
