"""The operations of a Subscription in the OpenAPI document: $status and $events."""

from sharedplan.rest.openapi.failures import failures
from sharedplan.rest.openapi.parts import Part, operation, ref

_FAILURES = (400, 401, 403, 404, 406, 410, 503)


def status(summary: str) -> Part:
    """The $status operation."""
    return operation(
        "statusOfSubscription",
        "Subscription",
        summary,
        description="A searchset with the SubscriptionStatus of the R5 backport as Parameters: `subscription`, "
        "`status`, `type` (query-status) and `events-since-subscription-start`.",
        parameters=[],
        responses={"200": ref("responses", "Page"), **failures(*_FAILURES)},
    )


def events(summary: str) -> Part:
    """The $events operation."""
    return operation(
        "eventsOfSubscription",
        "Subscription",
        summary,
        description="A notification Bundle as it is sent (`type` query-event), with those of the newest 1,000 events "
        "whose resources may be seen now. It names what changed, and holds nothing of it.",
        parameters=[
            _number("eventsSinceNumber", "The lowest number of an event that is wanted"),
            _number("eventsUntilNumber", "The highest one"),
            {
                "name": "content",
                "in": "query",
                "description": "Whether what changed is named, as far as the Subscription has it named",
                "schema": {"type": "string", "enum": ["id-only", "empty"], "default": "id-only"},
            },
        ],
        responses={"200": ref("responses", "History"), **failures(*_FAILURES)},
    )


def _number(name: str, description: str) -> Part:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999},
    }
