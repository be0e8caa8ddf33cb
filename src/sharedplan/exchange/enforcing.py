"""What may be written, judged before it is: with the facts of the client, in the unit of work that writes.

Reads are limited by their slices alone (`access/decision.py`); what is written must lie within the writer's slice, and
here the pure rules of `access/judgement.py` say whether the register or the consents let him, and the rights of his
place in the team. What goes in together is judged in two steps: what says something of access (consents, teams, tasks
and such) by what was there before and the Patients that are made beside it, all else by what will be there then. So a
transaction may bring a client with plan, team and consent, and nobody lets himself in by what he writes beside.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sharedplan import published
from sharedplan.access.answers import Judgement
from sharedplan.access.asker import asker_of
from sharedplan.access.choices import Choices
from sharedplan.access.consultation import by_address
from sharedplan.access.facts import Facts, Question
from sharedplan.access.items import AUTHORED, Item, item_of
from sharedplan.access.judgement import outcome
from sharedplan.access.principal import Principal
from sharedplan.access.relations import Directory, Role, role_of
from sharedplan.access.rows import rows_of
from sharedplan.care.situation import Situation
from sharedplan.care.writing import Acceptance
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Issue, Refused
from sharedplan.exchange.accepting import Accepting
from sharedplan.exchange.cautioning import cautioned
from sharedplan.exchange.facts import TELLING, Known, Stored, Written, known
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting, Write
from sharedplan.interactions.targets import targets
from sharedplan.search.consulting import consulted
from sharedplan.search.expression import Everything, HasId, Or, RefersTo
from sharedplan.search.indexing import index_values
from sharedplan.search.parameters import CONSULTING, PARAMETERS
from sharedplan.search.values.reference import indexed
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Authors, Change

OPENING = frozenset({"Consent", "CareTeam"})
"""Types that may let somebody in."""

LOOKED_THROUGH = OPENING | {"CarePlan", "Task"}
"""Types of which even the system of a register does not write everything in it."""

OF_WHOM_STORED_IT = frozenset(
    each.type
    for each in CATALOGUE.values()
    if not each.client_data and each.type not in ("Practitioner", "PractitionerRole", "Organization")
)
"""The definitions, and Locations: of whoever stored them."""

_WEIGHTY = ("type", "partOf", "active")
"""Elements of an Organization that views and consents go by."""

_CHOICES = Choices()
_WHOLE = dict.fromkeys(CATALOGUE, Everything())
_NOBODY = Authors(frozenset(), frozenset())
_NOTHING_KNOWN = Stored(None, frozenset(), None, None)


class Operating:
    """For an operator of the service, who may write everything."""

    def derived(self, resource: Json, version: int, base: str) -> str | None:
        return rows_of(resource, version, base=base)

    async def judged(self, writes: Sequence[Write], unit: Unit, base: str) -> list[Change | Exception]:
        return [each.change for each in writes]

    async def cautioned(self, writes: Sequence[Write], asked: Asked, acting: Acting) -> list[tuple[Issue, ...]]:
        return await cautioned(writes, acting, asked.base)

    def accepting(
        self, before: Situation, after: Situation, client: str, earlier: Mapping[str, tuple[Json, ...]]
    ) -> Acceptance:
        return Accepting(before, after, client, earlier)


@dataclass(frozen=True, slots=True)
class Enforcing(Operating):
    """For whom a token names."""

    by: Principal

    async def judged(self, writes: Sequence[Write], unit: Unit, base: str) -> list[Change | Exception]:
        judging = await _judging(self.by, writes, unit, base)
        return [judging.of(each) for each in judging.planned]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A write, with the resources before and after, and the clients that either names."""

    write: Write
    before: Json | None
    clients_before: tuple[str, ...]
    clients_after: tuple[str, ...]

    @property
    def type(self) -> str:
        return self.write.change.type

    @property
    def name(self) -> str:
        return f"{self.write.change.type}/{self.write.change.id}"

    @property
    def after(self) -> Json | None:
        resource = self.write.resource
        return {**resource, "id": self.write.change.id} if resource is not None else None

    @property
    def action(self) -> str:
        if self.write.resource is None:
            return "delete"
        return "create" if self.write.before is None else "update"

    @property
    def is_of_clients(self) -> bool:
        return CATALOGUE[self.type].client_data


@dataclass(frozen=True, slots=True)
class _Judging:
    """Everything that the writes of one go are judged by."""

    by: Principal
    planned: tuple[_Planned, ...]
    known: Known
    written: tuple[Written, ...]
    related: frozenset[tuple[str, str]]
    roles: tuple[Role, ...]
    authors: Mapping[str, Authors]

    def of(self, each: _Planned) -> Change | Exception:
        """The change as it may be done; or why it may not."""
        if not each.is_of_clients:
            return self.of_the_directory(each)
        clients = dict.fromkeys((*each.clients_before, *each.clients_after))
        change = each.write.change
        if not clients:
            return self.of_nobody(each)
        controller = change.controller
        if each.write.before is None and self.is_of_new_things(each):
            controller = self.register_of(next(iter(clients)))
        elif each.before is not None:  # it stays where it is, whoever changes it
            controller = self.known.items.get(each.name, _NOTHING_KNOWN).controller
        grounds: dict[str, None] = {}
        for client in clients:
            found = self.judged(each, client, controller)
            if found is None or not found.is_permitted:
                return self.refused(each)
            grounds |= dict.fromkeys((found.step, *found.consents))
        return replace(change, controller=controller, grounds=tuple(grounds))

    def of_nobody(self, each: _Planned) -> Change | Exception:
        """What is of no client is written in the own register; a consultation also by whom it asks."""
        change = each.write.change
        if self.is_in_own_register(each):
            return change
        if each.before is None or each.type not in CONSULTING:
            return self.refused(each)
        item, after = self.item(each, each.before, None), None
        if each.after is not None:
            after = self.new_item(each, None, change.controller)
        question = Question(self.by.person, self.by.organization, self.by.purpose, each.action, item, after)
        directory = replace(self.known.directory, roles=tuple({*self.known.directory.roles, *self.roles}))
        found = by_address(question, directory, self.known.at)
        if not found.is_permitted:
            return self.refused(each)
        controller = self.known.items.get(each.name, _NOTHING_KNOWN).controller  # it stays where it is
        return replace(change, controller=controller, grounds=(found.step,))

    def is_of_new_things(self, each: _Planned) -> bool:
        """Whether it goes into the register that new things go into. A Provenance lies where its targets are."""
        if each.type != "Provenance":
            return True
        made = {one.name for one in self.planned if one.write.before is None}
        return each.write.change.controller is None and made.issuperset(targets(each.write.change.values))

    def facts(self, each: _Planned, client: str) -> Facts:
        """The facts for this write; what is written beside it counts unless it tells something itself."""
        is_telling = each.type in TELLING or each.type == "Patient"
        if is_telling:
            writes = [one for one in self.written if one.name.startswith("Patient/")]
        else:
            writes = [one for one in self.written if each.type != "CarePlan" or not one.name.startswith("CarePlan/")]
        return self.known.of(client, writes, _CHOICES)

    def judged(self, each: _Planned, client: str, controller: str | None) -> Judgement | None:
        """The judgement for one client; None for what is another's and would be made his."""
        facts = self.facts(each, client)
        before = self.item(each, each.before, client) if each.before is not None else None
        after = self.new_item(each, client, controller) if each.after is not None else None
        item = before or after
        if item is None or item.client is None:
            return None
        question = Question(self.by.person, self.by.organization, self.by.purpose, each.action, item, after)
        return outcome(question, facts)

    def item(self, each: _Planned, resource: Json, client: str | None) -> Item:
        """What is there, as it is asked about."""
        stored = self.known.items.get(each.name, _NOTHING_KNOWN)
        item = self._item(resource, stored.controller, stored.holders, stored.creator, stored)
        return _as_of(client if client in each.clients_before else None, item)

    def new_item(self, each: _Planned, client: str | None, controller: str | None) -> Item:
        """What will be there."""
        stored = self.known.items.get(each.name, _NOTHING_KNOWN)
        if each.before is not None:
            item = self._item(each.after or {}, stored.controller, stored.holders, stored.creator, stored)
        else:
            above = frozenset(self.known.directory.above(controller)) if controller is not None else frozenset()
            creator = self.by.person or self.by.organization
            item = self._item(each.after or {}, controller, above, creator, _NOTHING_KNOWN)
        return _as_of(client if client in each.clients_after else None, item)

    def _item(
        self, resource: Json, controller: str | None, holders: Iterable[str], creator: str | None, stored: Stored
    ) -> Item:
        type = resource["resourceType"]
        if self.by.person is None and type not in LOOKED_THROUGH and controller == self.by.organization:
            # What the system of a register writes in it goes by little: it need not be looked through.
            return Item(type, None, resource.get("id"), controller, creator=creator)
        name = f"{type}/{resource.get('id')}"
        authors = self.authors.get(name, _NOBODY)
        if stored is _NOTHING_KNOWN:  # he will be its author
            authors = Authors(frozenset(filter(None, (self.by.person, self.by.organization))), authors.claimed)
        return item_of(
            resource,
            controller=controller,
            parents=holders,
            creator=creator,
            first_updated=stored.first_updated or self.known.at,
            referred_by=(by for by, named in self.related if named == name),
            attested=authors.attested,
            claimed=authors.claimed,
            base=self.known.base,
        )

    def register_of(self, client: str) -> str | None:
        """The register that something new of the client's goes into: that of the asker's organisation; for whoever
        has none, that of the plan's controller."""
        if self.acts_for is not None:
            return self.acts_for
        facts = self.known.of(client, self.written, _CHOICES)
        return facts.client.plan_controller or facts.client.controller

    @property
    def acts_for(self) -> str | None:
        """The organisation that the asker acts for, truly: a system is its organisation's own, a person may say so."""
        if self.by.person is None:
            return self.by.organization
        return asker_of(self.by.person, self.by.organization, self.known.directory, (), self.known.at).organization

    def is_in_own_register(self, each: _Planned) -> bool:
        """What is of no client is written in the own register."""
        if each.write.before is None:
            return self.acts_for is not None
        stored = self.known.items.get(each.name, _NOTHING_KNOWN)
        return self.acts_for is not None and stored.controller == self.acts_for

    def of_the_directory(self, each: _Planned) -> Change | Exception:
        """The directory is written by professionals; but nobody gives himself a role or a place in another
        organisation, for consents may name those."""
        resources = [one for one in (each.before, each.after) if one is not None]
        if each.type == "PractitionerRole":
            if each.before is None and each.write.change.version > 1:
                return Refused("the id of a deleted PractitionerRole is not used again: teams may still name it")
            organizations = {_reference(one.get("organization"), self.known.base) for one in resources}
            if self.by.person is not None or organizations != {self.by.organization}:
                return Refused("a PractitionerRole is written by the system of its own organisation")
        if each.type == "Organization" and (why_not := self.why_not_organization(each)) is not None:
            return Refused(why_not)
        if each.type in OF_WHOM_STORED_IT and (why_not := self.why_not_definition(each)) is not None:
            return Refused(why_not)
        if each.type == "Practitioner" and each.before is None and each.write.change.version > 1:
            return Refused("the id of a deleted Practitioner is not used again: teams may still name it")
        if each.type == "Practitioner" and each.before is not None and not self.may_change_practitioner(each):
            return Refused("a Practitioner is changed by himself, by who stored him or by whom alone he works for")
        return each.write.change

    def why_not_definition(self, each: _Planned) -> str | None:
        """Why the asker may not write the definition or the Location; None when he may.

        Others work by what they were given: rules, forms and codes of their plans, the place of their meetings.
        """
        if each.before is None:
            return None
        if each.name in published.texts():
            return f"{each.name} is published by the service itself: store one of your own under another id"
        holders = self.known.items.get(each.name, _NOTHING_KNOWN).holders
        if not holders or self.acts_for in holders:
            return None
        return f"{each.name} is changed by the organisation that stored it, or one above it"

    def why_not_organization(self, each: _Planned) -> str | None:
        """Why the asker may not write the Organization; None when he may.

        Consents and bans go by what an organisation is and what it is part of. So it is changed by itself and those
        above it, and as to these by those above it alone, as long as there are any.
        """
        before, after = (_reference((one or {}).get("partOf"), self.known.base) for one in (each.before, each.after))
        above = tuple(self.known.directory.above(after)) if after is not None else ()
        if after != before and above and self.acts_for not in above:
            return "an Organization is made part of another by that one, or by one above it"
        if each.before is None:
            is_taken = each.write.change.version > 1 and self.acts_for != each.name
            return "a deleted Organization is brought back by itself" if is_taken else None
        chain = tuple(self.known.directory.above(each.name))
        if self.acts_for not in chain:
            return "an Organization is changed by itself, or by one above it"
        is_weighty = each.after is None or any(each.before.get(name) != each.after.get(name) for name in _WEIGHTY)
        if is_weighty and len(chain) > 1 and self.acts_for == each.name:
            return f"what an Organization is ({', '.join(_WEIGHTY)}), and that it is, is changed by one above it"
        return None

    def may_change_practitioner(self, each: _Planned) -> bool:
        """Whether it is himself, or an organisation that stored him, is above that one, or has all his roles."""
        stored = self.known.items.get(each.name, _NOTHING_KNOWN)
        if self.by.person == each.name or not stored.holders or self.acts_for in stored.holders:
            return True
        roles = [role for role in self.roles if role.practitioner == each.name and role.period.covers(self.known.at)]
        return bool(roles) and all(role.organization == self.acts_for for role in roles)

    def refused(self, each: _Planned) -> Refused:
        """The same whatever the reason: it could tell of consents and teams that the asker does not see."""
        whom = self.by.person or self.by.organization
        return Refused(f"{whom} may not {each.action} this {each.type}")


def _as_of(client: str | None, item: Item) -> Item:
    """The item as one of that client's."""
    return item if item.client == client else replace(item, client=client)


async def _judging(by: Principal, writes: Sequence[Write], unit: Unit, base: str) -> _Judging:
    planned = tuple(_planned(each, base) for each in writes)
    clients = dict.fromkeys(name for each in planned for name in (*each.clients_before, *each.clients_after))
    kept = [each for each in planned if each.before is not None]
    there = [each.name for each in kept if each.is_of_clients or each.type in {"Practitioner", *OF_WHOM_STORED_IT}]
    wholly = by.person is not None or any(each.type in OPENING for each in planned)
    own = [each for each in planned if each.is_of_clients and each.before is not None]
    text = await unit.known(by.person, by.organization, list(clients), there, wholly=wholly)
    found = known(text, base)
    if not wholly and any(found.items.get(each.name, _NOTHING_KNOWN).controller != by.organization for each in own):
        found = known(await unit.known(by.person, by.organization, list(clients), there, wholly=True), base)
    parents = {
        above
        for each in planned
        if each.type == "Organization" and (above := _reference((each.after or {}).get("partOf"), base)) is not None
    }
    parents |= {each.name for each in kept if each.type == "Organization"}
    if parents:
        found = replace(found, directory=_with_parents(found, await unit.above(sorted(parents))))
    written = tuple(
        Written(each.name, each.after, _register(each, by, found)) for each in planned if each.is_of_clients
    )
    people = [each.name for each in kept if each.type == "Practitioner"]
    people += sorted({name for each in kept for name in _asked(each, base)})
    related, roles = await _related(planned, found, unit), await _roles_of(people, unit, base)
    return _Judging(by, planned, found, written, related, roles, await _authors(planned, found, unit))


def _asked(each: _Planned, base: str) -> Iterator[str]:
    """Whom a consultation that names no client asks, before and after."""
    if each.type in CONSULTING and not each.clients_before and not each.clients_after:
        for resource in (each.before, each.after):
            yield from (consulted(resource, base=base) or ()) if resource is not None else ()


async def _roles_of(people: Sequence[str], unit: Unit, base: str) -> tuple[Role, ...]:
    """Of these the roles, and those of Practitioners, at whatever organisation."""
    people = [each for each in people if not each.startswith("Organization/")]
    if not people:
        return ()
    ids = tuple(each.removeprefix("PractitionerRole/") for each in people if each.startswith("PractitionerRole/"))
    where = Or((RefersTo(PARAMETERS["PractitionerRole"]["practitioner"], tuple(people)), HasId(ids)))
    found = await unit.living("PractitionerRole", where, within=_WHOLE, limit=10 * len(people) + 100)
    return tuple(role_of(json_text.read(str(each.content)), base=base) for each in found.versions)


def _planned(write: Write, base: str) -> _Planned:
    change, before = write.change, write.before
    old = json_text.read(before.content) if before is not None and before.content is not None else None
    clients: tuple[str, ...] = ()
    if change.type == "Provenance" and before is not None:
        clients = before.patients or ()  # of what it was bound to
    elif old is not None:
        clients = _clients(change.type, change.id, index_values(change.type, old, base=base))
    return _Planned(
        write,
        old,
        clients,
        _clients(change.type, change.id, change.values) if write.resource is not None else (),
    )


def _clients(type: str, id: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The clients that something names, by its index values."""
    if type == "Patient":
        return (f"Patient/{id}",)
    found = values.get("patient")
    return (found,) if isinstance(found, str) else tuple(found or ())


def _register(each: _Planned, by: Principal, found: Known) -> str | None:
    """The register that something is in, or will be, as far as it says something of the client's own."""
    stored = found.items.get(each.name)
    return stored.controller if stored is not None else by.organization


def _with_parents(found: Known, above: Mapping[str, tuple[str, ...]]) -> Directory:
    """The directory, knowing also what these organisations are part of."""
    parents = dict(found.directory.parents)
    for named, chain in above.items():
        rest = [each for each in chain if each != named]
        for lower, upper in zip((named, *rest), rest, strict=False):
            parents.setdefault(lower, upper)
    return replace(found.directory, parents=parents)


async def _related(planned: Iterable[_Planned], found: Known, unit: Unit) -> frozenset[tuple[str, str]]:
    """Of the things that some rule means with all they refer to, which refer to what is written."""
    by = {
        entry[1]
        for client in found.clients.values()
        for rule in client["rules"] or ()
        for group in rule["data"]
        for entry in group
        if entry[0] == "related"
    }
    return frozenset(await unit.referred([(one, each.name) for one in sorted(by) for each in planned]))


async def _authors(planned: Iterable[_Planned], found: Known, unit: Unit) -> dict[str, Authors]:
    """The authors by Provenance of what is written, if any rule asks for authors."""
    rules = [rule for client in found.clients.values() for rule in client["rules"] or ()]
    ask = any(r["authors"] or any(entry[0] == "authoredby" for group in r["data"] for entry in group) for r in rules)
    names = [each.name for each in planned if each.before is not None and each.type not in AUTHORED]
    return await unit.authors(names) if ask and names else {}


def _reference(reference: Json | None, base: str) -> str | None:
    text = (reference or {}).get("reference")
    return indexed(text, base) if text is not None else None
