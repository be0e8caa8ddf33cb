"""$status and $events of a Subscription: how it is doing, and what it was told.

GET Subscription/[id]/$status, GET Subscription/[id]/$events?eventsSinceNumber=&eventsUntilNumber=
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html

A receiver that missed a notification asks for the events again. What its owner may not see any more is left out.
"""

from collections.abc import Mapping

from sharedplan.errors import Incorrect, NotOffered
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.fhir.notifications import Told, answered, notification
from sharedplan.fhir.notifications import status as told_status
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.read import absent
from sharedplan.interactions.subscribing import TYPE, asking
from sharedplan.store.subscriptions import KEPT, Event
from sharedplan.store.versions import Named, Version

SINCE, UNTIL, CONTENT = "eventsSinceNumber", "eventsUntilNumber", "content"


async def status(asked: Asked, acting: Acting) -> Answer:
    """A searchset with the SubscriptionStatus. Raises NotFound, Gone, NotOffered, Incorrect for a parameter."""
    found = await _subscription(asked, acting, "status")
    if asked.parameters:
        raise Incorrect(f"$status takes no parameter {asked.parameters[0][0][:60]!r}")
    standing = await acting.unit.standing(found.id)
    said = told_status(
        found.id,
        json_text.read(str(found.content)).get("status", "off"),
        "query-status",
        base=asked.base,
        events=standing.events if standing is not None else 0,
    )
    await acting.unit.record(acting.trail)
    text = answered(
        said,
        base=asked.base,
        subscription=found.id,
        operation="status",
        id=acting.clock.new_id(),
        at=acting.clock.now(),
    )
    return Answer(200, text)


async def events(asked: Asked, acting: Acting) -> Answer:
    """A notification Bundle with the events that are kept and may be seen. Raises as `status`."""
    found = await _subscription(asked, acting, "events")
    low, high, names = _wanted(asked)
    resource = json_text.read(str(found.content))
    standing = await acting.unit.standing(found.id)
    kept = await acting.unit.events(found.id, low, high, KEPT) if standing is not None else []
    there = await _visible(kept, acting)
    told = [each for each in kept if each.name in there]
    # A row that is in the logs of clients does not name the Subscription, which is its owner's alone.
    trail = acting.trail._replace(resource_id=None) if told else acting.trail
    await acting.unit.record(
        trail._replace(
            patients=tuple(dict.fromkeys(patient for each in told for patient in there[each.name].patients)),
            entities=tuple(dict.fromkeys(each.name for each in told)),
            registers=tuple(dict.fromkeys(str(one.controller) for one in there.values() if one.controller)),
        )
    )
    text = notification(
        found.id,
        resource.get("status", "off"),
        "query-event",
        base=asked.base,
        id=acting.clock.new_id(),
        status_id=acting.clock.new_id(),
        at=acting.clock.now(),
        events=standing.events if standing is not None else 0,
        told=[Told(each.number, each.at, each.name, each.interaction) for each in told],
        names=names and asking(resource).names,
    )
    return Answer(200, text)


async def _subscription(asked: Asked, acting: Acting, operation: str) -> Version:
    if asked.type != TYPE or asked.id is None:
        raise NotOffered(f"${operation} is for one Subscription: GET Subscription/[id]/${operation}", allow=())
    if asked.body is not None:
        raise Incorrect(f"${operation} takes no body")
    found = await acting.unit.read(TYPE, asked.id, within=acting.within[TYPE])
    if found is None:
        raise await absent(TYPE, asked.id, acting)
    return found


def _wanted(asked: Asked) -> tuple[int, int | None, bool]:
    """The lowest and the highest number that is asked for, and whether what changed is to be named. Raises
    Incorrect."""
    given: dict[str, str] = {}
    for name, value in asked.parameters:
        if name not in (SINCE, UNTIL, CONTENT) or name in given:
            raise Incorrect(f"$events takes {SINCE}, {UNTIL} and {CONTENT}, each once, not {name[:60]!r}")
        given[name] = value
    if given.get(CONTENT, "id-only") not in ("id-only", "empty"):
        raise Incorrect(f"{CONTENT} is id-only or empty: what changed is read, not sent")
    for name in (SINCE, UNTIL):
        if name in given and not (given[name].isascii() and given[name].isdigit() and len(given[name]) < 16):
            raise Incorrect(f"{name} is the number of an event")
    high = int(given[UNTIL]) if UNTIL in given else None
    return int(given.get(SINCE, "0")), high, given.get(CONTENT) != "empty"


async def _visible(events: list[Event], acting: Acting) -> Mapping[str, Named]:
    """What may be seen of the resources, by reference: those that are there, and deletions that a history shows."""
    found = dict(await acting.unit.named({each.name for each in events}, within=acting.within))
    gone: dict[str, set[str]] = {}
    for each in events:
        if each.interaction == "delete" and each.name not in found:
            gone.setdefault(each.type, set()).add(each.id)
    for type, ids in gone.items():
        for id in await acting.unit.deleted(type, sorted(ids), within=acting.within):
            name = f"{type}/{id}"
            clients = {each.client for each in events if each.name == name and each.client is not None}
            found[name] = Named(tuple(sorted(clients)), None)
    return found
