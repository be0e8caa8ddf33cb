"""The status that the service keeps of a Subscription, as versions of it: requested → active, error, off.

https://hl7.org/fhir/R4/valueset-subscription-status.html
"""

from dataclasses import replace

from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import Clock
from sharedplan.exchange.enforcing import Operating
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting, Policy
from sharedplan.interactions.proposals import Proposal, proposed
from sharedplan.interactions.subscribing import TYPE
from sharedplan.search.expression import Everything
from sharedplan.store.subscriptions import Progress, State
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Store

SERVICE = "sharedplan"
"""The client that the log names."""

_EVERYTHING = {type: Everything() for type in CATALOGUE}


async def keep_status(
    state: State,
    progress: Progress,
    shown: str,
    error: str | None,
    *,
    store: Store,
    clock: Clock,
    policy: Policy,
    base: str,
) -> bool:
    """Writes the status that is `shown`, and what went wrong if anything did, and with it how far it has come. False
    when it has changed, or was deleted, meanwhile: then it is another's to say.

    Whose Subscription it is stays as it was.
    """
    async with store.begin() as unit:
        unit.asked_by(None, state.controller)
        newest = await unit.lock(TYPE, state.id, within=_EVERYTHING[TYPE])
        if newest is None or newest.is_deleted or newest.content is None or newest.version != state.version:
            return False
        why = f"the service has set it {shown}"
        trail = Trail("update", "U", TYPE, state.id, client_id=SERVICE, reasons=(why,))
        around = Acting(unit, _EVERYTHING, clock, policy, trail, SERVICE, Operating(), imports=True)
        found = proposed(
            Asked("update", TYPE, state.id, base=base),
            around,
            _with(json_text.read(newest.content), shown, error),
            id=state.id,
            newest=newest,
            interaction="update",
        )
        if not isinstance(found, Proposal):
            return await unit.save(state, progress)  # it says so already
        change = replace(found.change, who=json_text.write(dict(state.who)))
        if not await unit.save(state, replace(progress, version=change.version)):
            return False
        unit.put(change)
        await unit.write([trail._replace(version=change.version)])
        return True


def _with(resource: Json, status: str, error: str | None) -> Json:
    told = {name: value for name, value in resource.items() if name != "error" or error is not None}
    return {**told, "status": status, **({"error": error} if error is not None else {})}
