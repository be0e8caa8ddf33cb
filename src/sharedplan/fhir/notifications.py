"""Notifications of Subscriptions, as the R5 backport has them for R4: a history Bundle with the status first. Pure.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription-status-r4.html

Nothing of a resource is in it but its name: whoever is told reads it, and is then given what he may see.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sharedplan.fhir.bundles import Entry, searchset
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import write
from sharedplan.fhir.moments import instant

_PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
BUNDLE = f"{_PROFILES}/backport-subscription-notification-r4"
STATUS = f"{_PROFILES}/backport-subscription-status-r4"

_METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
_DONE = {"POST": "201", "DELETE": "204"}


class Told(NamedTuple):
    """One event: its number, when what it tells of was committed, the resource ("CarePlan/1") and what was done."""

    number: int
    at: datetime
    name: str
    interaction: str


def status(
    subscription: str, state: str, kind: str, *, base: str, events: int, told: Iterable[Told] = (), names: bool = True
) -> Json:
    """SubscriptionStatus as Parameters. `kind` is handshake, heartbeat, event-notification, query-status or
    query-event; `events` counts those since the beginning; `names`: whether what changed is named."""
    parameters: list[Json] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}/Subscription/{subscription}"}},
        {"name": "status", "valueCode": state},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(events)},
    ]
    for each in told:
        part: list[Json] = [
            {"name": "event-number", "valueString": str(each.number)},
            {"name": "timestamp", "valueInstant": instant(each.at)},
        ]
        if names:
            part.append({"name": "focus", "valueReference": {"reference": f"{base}/{each.name}"}})
        parameters.append({"name": "notification-event", "part": part})
    return {"resourceType": "Parameters", "meta": {"profile": [STATUS]}, "parameter": parameters}


def notification(
    subscription: str,
    state: str,
    kind: str,
    *,
    base: str,
    id: str,
    status_id: str,
    at: datetime,
    events: int,
    told: Sequence[Told] = (),
    names: bool = True,
) -> str:
    """The Bundle as JSON text, to be sent; `id` is the same for every try to tell the same."""
    first = status(subscription, state, kind, base=base, events=events, told=told, names=names)
    entries: list[Json] = [
        {
            "fullUrl": f"urn:uuid:{status_id}",
            "resource": {"resourceType": "Parameters", "id": status_id, **first},
            "request": {"method": "GET", "url": f"{base}/Subscription/{subscription}/$status"},
            "response": {"status": "200"},
        }
    ]
    for each in told if names else ():
        method = _METHODS[each.interaction]
        entries.append(
            {
                "fullUrl": f"{base}/{each.name}",
                "request": {"method": method, "url": each.name.partition("/")[0] if method == "POST" else each.name},
                "response": {"status": _DONE.get(method, "200")},
            }
        )
    return write(
        {
            "resourceType": "Bundle",
            "id": id,
            "meta": {"lastUpdated": instant(at), "profile": [BUNDLE]},
            "type": "history",
            "timestamp": instant(at),
            "entry": entries,
        }
    )


def answered(found: Json, *, base: str, subscription: str, operation: str, id: str, at: datetime) -> str:
    """The searchset that $status answers with: the status as its one match."""
    entry = Entry(f"urn:uuid:{id}", write({"resourceType": "Parameters", "id": id, **found}), mode="match")
    link = f"{base}/Subscription/{subscription}/${operation}"
    return searchset([entry], total=1, links=(("self", link),), id=id, at=at)
