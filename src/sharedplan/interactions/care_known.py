"""What the service models' rules know of a client when something of his is written: without it, and with all that goes
in together; whose the things are that it names, and which names the writer may not learn.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sharedplan.care.situation import Situation
from sharedplan.care.writes import crossing, invitation, meeting
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.care_writes import CareWrite
from sharedplan.interactions.earlier_consents import earlier
from sharedplan.interactions.existence import visible
from sharedplan.interactions.gathering import DIRECTORY, gathered_whole
from sharedplan.interactions.proposals import Proposal
from sharedplan.search.expression import Everything, Expression
from sharedplan.store.versions import Version

WHOLE = {type: Everything() for type in CATALOGUE}


async def gathered(
    client: str | None,
    types: Sequence[str],
    together: Sequence[CareWrite],
    acting: Acting,
    base: str,
    at: datetime,
    *,
    follow: Collection[str] = DIRECTORY,
    within: Mapping[str, Expression] = WHOLE,
) -> Situation:
    """What there is of the client, of these types, as it is stored; and of the directory what it names, and what is
    about to be written names. Without other slices all of it, which is for judging alone."""
    if not types and not follow:
        return Situation(at, {}, client, base=base)
    named: list[Json] = [each.proposed for each in together if each.proposed is not None and each.is_looked_at]
    if acting.person is not None:
        named.append({"parameter": [{"valueReference": {"reference": acting.person}}]})
    beside = [
        Version("Basic", f"named-{n}", 0, at, "create", json_text.write({**each, "resourceType": "Basic"}))
        for n, each in enumerate(named)
    ]
    with acting.unit.judging() if within is WHOLE else nullcontext():
        whole = await gathered_whole(
            client, acting.unit, within=within, at=at, base=base, types=types, beside=beside, follow=follow
        )
    return whole.situation.with_(without=[f"Basic/{each.id}" for each in beside])


def after_all(before: Situation, together: Iterable[CareWrite]) -> Situation:
    """What is known once all of it is written."""
    together = list(together)
    there = [each.proposed for each in together if each.proposed is not None]
    gone = [each.name for each in together if each.proposal.resource is None]
    after = before.with_(*there, without=gone)
    new = {each.name: each.proposal.change.controller for each in together if each.name not in before.registers}
    return replace(after, registers={**new, **before.registers})


async def earlier_of(
    writes: Iterable[CareWrite], before: Situation, acting: Acting, now: datetime
) -> Mapping[str, tuple[Json, ...]]:
    """The versions that the client's consents had before the stored ones, when a meeting is written that was earlier
    than these."""
    meetings = [each.proposed for each in writes if any(one.id == "R0.1" for one in each.judged)]
    times = [at for each in meetings if each is not None and (at := meeting.starts(each)) is not None and at < now]
    if not times:
        return {}
    return await earlier(before.of("Consent"), since=min(times), unit=acting.unit)


async def clients_of_named(
    writes: Iterable[CareWrite], everything: Mapping[str, Proposal], after: Situation, acting: Acting
) -> Mapping[str, frozenset[str]]:
    """Of what is newly named where it has to be the client's own, and of what an appointment is about, as far as the
    writer sees or writes it beside: the clients that it is of."""
    named = {
        name
        for write in writes
        if any(one.id == "R3.5" for one in write.judged)
        for paths in ((), ("goal",))
        for _, name in crossing.newly_named(write.current, write.proposed, after, *paths)
    }
    named |= {
        name
        for write in writes
        if write.proposal.change.type == "Appointment" and write.judged
        for each in invitation.subjects(write.proposed or {})
        if (name := after.name_of(each)) is not None
    }
    if not named:
        return MappingProxyType({})
    beside = {name for name in named if name in everything and everything[name].resource is not None}
    found = {name: frozenset(_clients(everything[name])) for name in beside}
    there = await acting.unit.named(named - beside, within=acting.within) if named - beside else {}
    return found | {name: frozenset(each.patients) for name, each in there.items()}


def _clients(proposal: Proposal) -> Iterable[str]:
    """The clients that something is of, once it is written."""
    found = proposal.change.values.get("patient") or ()
    return (found,) if isinstance(found, str) else found


async def unseen(situation: Situation, acting: Acting) -> frozenset[str]:
    """Of the client and his relatives, those whom the writer does not see and whose names he so does not learn."""
    names = [
        f"{each['resourceType']}/{each['id']}" for type in ("Patient", "RelatedPerson") for each in situation.of(type)
    ]
    there = await visible({(one, two) for one, _, two in (each.partition("/") for each in names)}, acting)
    return frozenset(name for name in names if tuple(name.split("/")) not in there)
