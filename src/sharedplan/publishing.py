"""The service's own resources into the store: what `published/` holds, written as any client's update would be."""

import os

from sharedplan import published
from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import Clock
from sharedplan.exchange.enforcing import Operating
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting, Policy
from sharedplan.interactions.cursors import Cursors
from sharedplan.interactions.update import replacement
from sharedplan.search.expression import Everything
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import RetryableConflict, Store

PUBLISHER = "sharedplan"
"""The client that versions and audit name."""

TURNS = 10
"""How often it waits for another that publishes; each time as long as one waits for a lock."""

EVERYTHING = {type: Everything() for type in CATALOGUE}


async def publish(store: Store, clock: Clock, *, base: str) -> list[str]:
    """Writes each published resource that the store does not have as it is, also one that somebody deleted; gives
    their references. All go in together, and two that publish at once do so one after the other.

    `base` is this server's own. Raises Unprocessable and Unavailable.
    """
    for _ in range(TURNS):
        try:
            return await _publish(store, clock, base)
        except RetryableConflict:  # another is at it, and takes longer than one waits for a lock
            continue
    return await _publish(store, clock, base)


async def _publish(store: Store, clock: Clock, base: str) -> list[str]:
    resources = [json_text.read(text) for text in published.texts().values()]
    keys = [(each["resourceType"], each["id"]) for each in resources]
    policy = Policy(Cursors(os.urandom(16)))
    trails: list[Trail] = []
    async with store.begin() as unit:
        await unit.lock_criteria("", "published")
        locked = await unit.lock_all(keys, within=EVERYTHING)
        for (type, id), resource in zip(keys, resources, strict=True):
            trail = Trail("update", "U", type, id, client_id=PUBLISHER, reasons=("published by the service itself",))
            acting = Acting(unit, EVERYTHING, clock, policy, trail, PUBLISHER, Operating())
            asked = Asked("update", type, id, body=resource, base=base)
            proposal = replacement(asked, acting, id=id, newest=locked.get((type, id)), found=None)
            if not isinstance(proposal, Answer):
                unit.put(proposal.change)
                trails.append(trail._replace(version=proposal.change.version))
        if trails:
            await unit.write(trails)
    return [str(each.resource) for each in trails]
