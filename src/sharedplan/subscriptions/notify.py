"""Which changes a Subscription is told of: what its owner would find by its criteria now, of what has changed.

The changes are candidates, no more. Whether they meet the criteria and may be seen is asked of the database as a search
by the owner is, at the moment of telling: so a consent that was withdrawn, or a membership that ended, holds from the
next notification. What may not be seen is not counted either. A deletion is told where a history would show it to the
owner, if what was there met the criteria.

Who is told something of a client and then sees nothing more of what he was told is sent a last message: a heartbeat as
any other, without a word of whom or what. That much he could find out by reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import Incorrect
from sharedplan.exchange.facts import TELLING
from sharedplan.exchange.surroundings import acting
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Acting, Policy
from sharedplan.interactions.settling import settled
from sharedplan.interactions.subscribing import Asking, understood
from sharedplan.search.expression import And, Expression, HasId
from sharedplan.search.indexing import index_values
from sharedplan.search.matching import matches
from sharedplan.store.subscriptions import WINDOW, Changed, Event, State, Subscriptions
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Named

INTERACTION = "notification"
"""What the log calls it."""


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell: the events, numbered on from those before, of all changes up to `until`; and the clients
    of whom nothing that was told is to be seen any more. `has_more`: whether more has changed than was looked at."""

    events: tuple[Event, ...]
    until: datetime
    lost: tuple[str, ...]
    has_more: bool


class Notifier:
    """Finds out what there is to tell."""

    def __init__(self, store: Store, kept: Subscriptions, clock: Clock, policy: Policy, *, base: str) -> None:
        self._store = store
        self._kept = kept
        self._clock = clock
        self._policy = policy
        self._base = base

    async def news(self, state: State, by: Principal, asking: Asking, *, looks_back: bool) -> News:
        """What there is to tell, on record already: who is not told all the same has been told too much on record.

        `looks_back`: whether all clients are looked at of whom something was told, and not those alone about whom
        something has changed. Raises Incorrect for criteria that are understood no more, Refused when the scopes let
        nothing of the type be searched.
        """
        condition = understood(asking.criteria, base=self._base)
        type = condition.type
        changed, end = await self._kept.changes([type, *sorted(TELLING - {type})], state.cursor, state.until)
        query = tuple(parse_qsl(asking.criteria.partition("?")[2], keep_blank_values=True))
        asked = Asked("search-type", type, parameters=query, base=self._base)
        newest = {each.id: each for each in changed if each.type == type}
        async with self._store.begin() as unit:
            unit.asked_by(by.person, by.organization)
            around = acting(asked, by, unit, self._clock, self._policy)
            seen: dict[str, Named] = {}
            if newest:
                where = await settled(condition.where, around)
                seen = await self._living(type, newest, where, around) | await self._deleted(
                    type, newest, where, around
                )
            told = sorted((newest[id] for id in seen), key=lambda each: each.at)
            until = end
            if len(told) > asking.together:
                told = told[: asking.together]
                until = told[-1].at
            lost = await self._lost(state, changed, around, looks_back)
            events = tuple(_event(state.events + number, each, seen[each.id]) for number, each in enumerate(told, 1))
            if events:
                named = [seen[each.id] for each in told]
                await unit.record(
                    around.trail._replace(
                        interaction=INTERACTION,
                        action="R",
                        query=None,
                        patients=tuple(dict.fromkeys(patient for each in named for patient in each.patients)),
                        entities=tuple(each.name for each in events),
                        registers=tuple(dict.fromkeys(each.controller for each in named if each.controller)),
                        reasons=(*around.trail.reasons, "told by a Subscription"),
                    )
                )
        return News(events, until, lost, until < end or len(changed) == WINDOW or state.until is not None)

    async def _living(
        self, type: str, newest: Mapping[str, Changed], where: Expression, around: Acting
    ) -> dict[str, Named]:
        """Of what has changed, by id, what a search by the owner finds."""
        ids = tuple(id for id, each in newest.items() if each.interaction != "delete")
        if not ids:
            return {}
        found = await around.unit.matching(type, And((where, HasId(ids))), within=around.within, limit=len(ids))
        named = await around.unit.named([f"{type}/{id}" for id, _ in found], within=around.within)
        return {name.partition("/")[2]: each for name, each in named.items()}

    async def _deleted(
        self, type: str, newest: Mapping[str, Changed], where: Expression, around: Acting
    ) -> dict[str, Named]:
        """Of what was deleted, by id, what met the criteria by itself and whose deletion the owner may see."""
        ids = [id for id, each in newest.items() if each.interaction == "delete"]
        found = {}
        for id in await around.unit.deleted(type, ids, within=around.within):
            last = await self._kept.last(newest[id])
            if last is None:
                continue
            content, patients, controller = last
            values = index_values(type, json_text.read(content), base=self._base)
            try:
                met = matches(where, type, id, values, last_updated=newest[id].at, controller=controller)
            except Incorrect:  # it asks of others, too, and what they were then nobody knows
                continue
            if met:
                found[id] = Named(patients, controller)
        return found

    async def _lost(
        self, state: State, changed: Sequence[Changed], around: Acting, looks_back: bool
    ) -> tuple[str, ...]:
        """The clients of whom something was told, and of that nothing is to be seen any more."""
        about = sorted({patient for each in changed if each.type in TELLING for patient in each.patients})
        if not about and not looks_back:
            return ()
        told = await self._kept.told(state.id, None if looks_back else about)
        if not told:
            return ()
        there = await around.unit.named({name for names in told.values() for name in names}, within=around.within)
        return tuple(client for client, names in told.items() if there.keys().isdisjoint(names))


def _event(number: int, changed: Changed, named: Named) -> Event:
    client = named.patients[0] if named.patients else None
    return Event(number, changed.at, changed.type, changed.id, changed.interaction, client)
