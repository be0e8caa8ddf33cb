"""How many Subscriptions a client system may have for one organisation: each costs a search now and again, for ever.

Those that are off cost nothing, and do not count. https://hl7.org/fhir/R4/subscription.html
"""

from collections.abc import Mapping, Sequence

from sharedplan.errors import Issue, Unprocessable
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Acting, Write
from sharedplan.interactions.subscribing import TYPE


async def beyond(writes: Sequence[Write], acting: Acting) -> Mapping[str, Unprocessable]:
    """Of the writes, which go in together, those of one Subscription too many, by their ids, and what to raise.

    Where any of them begins, nobody else of that system begins one until the unit of work is left.
    """
    asked = [each for each in writes if each.change.type == TYPE] if not acting.imports else []
    begun = [each.change.id for each in asked if _is_on(each.resource) and not _was_on(each)]
    if not begun:
        return {}
    ended = sum(_was_on(each) and not _is_on(each.resource) for each in asked)
    await acting.unit.lock_criteria(TYPE, json_text.write([acting.client, acting.controller]))
    there = await acting.unit.subscribed(acting.client, acting.controller)
    most = acting.policy.subscriptions
    saying = f"a client system has at most {most:,} Subscriptions that are not off: stop one first"
    too_many = begun[max(most + ended - there, 0) :]
    return {id: Unprocessable(issues=[Issue("too-costly", saying, TYPE)]) for id in too_many}


def _is_on(resource: Json | None) -> bool:
    return resource is not None and resource.get("status") != "off"


def _was_on(write: Write) -> bool:
    before = write.before
    return before is not None and before.content is not None and _is_on(json_text.read(before.content))
