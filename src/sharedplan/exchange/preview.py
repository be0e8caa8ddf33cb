"""$preview: who gains and who loses what by a Consent, before it is saved. Nothing is stored.

POST Consent/$preview with the Consent, or Parameters with it as `consent`. Each member of the client's teams, each
person and organisation that a consent names, and each register that has something of the client's is judged without the
consent and with it, by the rules that writes and `$access-decision` are judged by (`access/judgement.py`).

Whoever may let others in asks it of a client: himself, a guardian, the coordinator, the system of the plan's
controller. Whoever else asks is answered as about a client who never was. Only things and consents that the asker may
see are told of.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sharedplan.access.asker import asker_of
from sharedplan.access.choices import Choices
from sharedplan.access.decision import Facts as Moment
from sharedplan.access.decision import decide
from sharedplan.access.effects import Changed, Effect, questions
from sharedplan.access.facts import Client, Facts, Question
from sharedplan.access.items import AUTHORED, Item, item_of
from sharedplan.access.judgement import outcome
from sharedplan.access.principal import Principal
from sharedplan.access.provisions import Rule, asks_for_authors, rules_of
from sharedplan.access.relations import Role, role_of
from sharedplan.access.scopes import contexts
from sharedplan.care import rulebook
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue, Refused
from sharedplan.exchange import cautioning
from sharedplan.exchange.facts import known, told_as_seen
from sharedplan.exchange.referring import meant_with_all, with_references
from sharedplan.fhir import json_text, resources, summaries
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import Everything, HasId, OfClient, Or, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.versions import Version

MOST_ASKERS = 40
"""Persons and organisations that one preview is about."""

MOST_THINGS = 100
"""Things of one type that it looks at."""

MOST_JUDGEMENTS = 30_000
"""Of one preview: about two seconds' work."""

MOST_TARGETS = 20
"""Things that one part of the answer names; `count` tells all."""

_CHOICES = Choices()
_WHOLE = dict.fromkeys(CATALOGUE, Everything())
_TYPES = tuple(
    type for type, offered in CATALOGUE.items() if offered.client_data and type not in ("AuditEvent", "Provenance")
)
"""What is told of. No consent opens the log, and a Provenance is seen by whoever sees what it is of."""

Whom = tuple[str | None, str | None]
"""(person, organisation) as tokens name them; no person: the organisation's system."""


@dataclass(frozen=True, slots=True)
class _Things:
    """What is asked about: `stored` ones that the asker of the preview sees, one of each kind that is `yet_to_come`;
    `is_cut`: types of which there are more."""

    stored: tuple[Item, ...]
    yet_to_come: tuple[Item, ...]
    is_cut: tuple[str, ...]


async def preview(asked: Asked, by: Principal, acting: Acting) -> Answer:
    """Parameters with `gains`, `loses`, `warning` and `fault`. Raises Incorrect for what is no Consent or comes to too
    much, Refused when no scope lets the asker write Consents."""
    consent = _consent_in(asked)
    if not contexts(by.scopes, "Consent", "cu"):
        raise Refused("no scope of the token allows to write a Consent")
    faults = _faults(consent)
    named = cautioning.client_of(consent, asked.base) if not faults else None
    client = named if named is not None and named.startswith("Patient/") else None
    if client is None:
        answer = _answer([], faults)
    else:
        answer = await _previewed(consent, client, asked, by, _reading(acting, by))
    await acting.unit.record(acting.trail._replace(patients=(client,) if client is not None else ()))
    return answer


async def _previewed(consent: Json, client: str, asked: Asked, by: Principal, acting: Acting) -> Answer:
    """The answer about a Consent of that client which could be saved; `acting` shows what the asker may read."""
    facts = await _facts(by.person, by.organization, client, acting, asked.base)
    beside: list[Json] = []
    if _may_ask(by, facts):
        beside, is_cut = await cautioning.seen(client, acting)
        if is_cut:
            raise _too_much(f"the client has more than {cautioning.MOST_BESIDE} consents")
        facts = await told_as_seen(facts, acting)
        mine = acting
    else:
        facts = Facts(facts.at, Client(client), directory=facts.directory)
        mine = acting._replace(within=dict.fromkeys(CATALOGUE, OfClient("Patient/-")))
        consent = {name: value for name, value in consent.items() if name != "id"}
    names_of_seen = {f"Consent/{each['id']}" for each in beside}
    name = f"Consent/{consent.get('id', 'proposed')}"
    if name not in names_of_seen and any(rule.consent == name for rule in facts.rules):
        consent = {**consent, "id": "proposed"}  # its id is taken by what the asker does not see
        name = "Consent/proposed"
    added = rules_of(consent, 1, facts.at, base=asked.base)
    warnings = cautioning.told(consent, beside, at=facts.at, is_cut=False, base=asked.base)
    things = await _things(client, facts, added, mine, asked.base)
    warnings += [
        Issue("too-costly", f"only {MOST_THINGS} of the client's {type} were looked at", severity="warning")
        for type in things.is_cut
    ]
    found, more = await _effects(facts, name, added, things, mine, asked.base)
    return _answer(found, [*more, *warnings], things)


def _consent_in(asked: Asked) -> Json:
    """The Consent of the body. Raises Incorrect."""
    body = asked.body
    if asked.type != "Consent" or asked.id is not None or asked.method == "GET":
        raise Incorrect("$preview is asked by POST Consent/$preview")
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        given = body.get("parameter", [])
        named = [each.get("name") if isinstance(each, dict) else None for each in given] if _is_list(given) else [None]
        if named != ["consent"]:
            raise Incorrect("$preview takes one parameter, consent", at="Parameters.parameter")
        body = given[0].get("resource")
    if not isinstance(body, dict) or body.get("resourceType") != "Consent":
        raise Incorrect("$preview needs a Consent, in the body or as the parameter named consent")
    return body


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _reading(acting: Acting, by: Principal) -> Acting:
    """The surroundings with the slices of a read, for what is told of other things."""
    try:
        grant = decide(Asked("read", "Consent"), by, Moment(acting.clock.now()), by_consent=acting.policy.by_consent)
    except Refused:
        return acting._replace(shows=False, within={**acting.within, "Consent": OfClient("Patient/-")})
    return acting._replace(shows=True, within=grant.slices)


def _faults(consent: Json) -> list[Issue]:
    """What the write would be refused for, with 422."""
    found = [*summaries.refusal("Consent", consent), *resources.issues_of("Consent", consent)]
    if not any(each.severity == "error" for each in found):
        found += rulebook.issues("Consent", "create", None, consent)
    return [each for each in found if each.severity in ("error", "fatal")]


def _may_ask(by: Principal, facts: Facts) -> bool:
    """Whether the asker may let others in, by a Consent in force."""
    asker = asker_of(by.person, by.organization, facts.directory, facts.memberships, facts.at)
    register = asker.organization or facts.client.plan_controller or facts.client.controller
    holders = frozenset({register} if register is not None else ())
    wide = Item("Consent", facts.client.reference, None, register, holders, status="active", opens=True)
    return outcome(Question(by.person, by.organization, by.purpose, "create", wide), facts).is_permitted


async def _facts(person: str | None, organization: str | None, client: str, acting: Acting, base: str) -> Facts:
    text = await acting.unit.known(person, organization, [client], [], wholly=True)
    return known(text, base).of(client, (), _CHOICES)


async def _things(client: str, facts: Facts, added: Iterable[Rule], acting: Acting, base: str) -> _Things:
    """The client's things that the asker sees, and one of each type in each register that some rule tells apart."""
    versions: list[Version] = []
    is_cut: list[str] = []
    for type in _TYPES:
        page = await acting.unit.living(type, OfClient(client), within=acting.within, limit=MOST_THINGS)
        versions += page.versions
        is_cut += [type] if page.is_cut else []
    names = [f"{each.type}/{each.id}" for each in versions]
    stored = known(await acting.unit.known(None, None, [], names, wholly=False), base).items if names else {}
    rules = (*facts.rules, *added)
    unsaid = [name for name, each in zip(names, versions, strict=True) if each.type not in AUTHORED]
    authors = await acting.unit.authors(unsaid) if unsaid and any(map(asks_for_authors, rules)) else {}
    items = []
    for name, version in zip(names, versions, strict=True):
        kept = stored[name]
        items.append(
            item_of(
                json_text.read(str(version.content)),
                controller=kept.controller,
                parents=kept.holders,
                creator=kept.creator,
                first_updated=kept.first_updated,
                attested=authors[name].attested if name in authors else (),
                claimed=authors[name].claimed if name in authors else (),
                base=base,
            )
        )
    meant = meant_with_all(rules)
    if len(meant) * len(items) > MOST_JUDGEMENTS:
        raise _too_much(f"the consents name {len(meant)} things together with all that these refer to")
    items = await with_references(items, rules, acting.unit)
    holders = {name for rule in rules for group in rule.holders for name in group}
    registers = {facts.client.plan_controller or facts.client.controller, *holders}
    coming = [
        Item(type, client, None, register, frozenset({register} if register else ()), kinds=frozenset({type}))
        for type in _TYPES
        if type != "Patient"
        for register in sorted(registers, key=str)
    ]
    return _Things(tuple(items), tuple(coming), tuple(is_cut))


async def _effects(
    facts: Facts, name: str, added: tuple[Rule, ...], things: _Things, acting: Acting, base: str
) -> tuple[list[tuple[Whom, Effect]], list[Issue]]:
    """What changes for whom, and who is named without being on the team."""
    added = tuple(rule for rule in added if rule.client == facts.client.reference)
    kept = tuple(rule for rule in facts.rules if rule.consent != name)
    rules = (*facts.rules, *added)
    askers = await _askers(facts, rules, things, acting, base)
    most = len(askers) * questions(things.stored, things.yet_to_come, rules)
    found: list[tuple[Whom, Effect]] = []
    reached: frozenset[str] = frozenset()
    is_stored = facts.client.controller is not None or bool(facts.memberships)
    spent = 0
    for person, organization in askers:
        before = await _facts(person, organization, facts.client.reference, acting, base)
        before = replace(before, at=facts.at, client=facts.client, rules=facts.rules, memberships=facts.memberships)
        if not is_stored:
            before = replace(before, relations=(), openings=())
        changed = Changed(person, organization, before, replace(before, rules=(*kept, *added)))
        asker = asker_of(person, organization, before.directory, before.memberships, before.at)
        reached |= asker.grantees if asker.memberships else frozenset()
        if not changed.is_named:
            continue
        spent += most // len(askers)
        if spent > MOST_JUDGEMENTS:
            raise _too_much(
                f"{len(askers)} persons and organisations and {len(things.stored)} things of the client's, which the "
                "consents tell apart by many criteria"
            )
        effects = changed.effects(things.stored, things.yet_to_come)
        found += [((person, organization), each) for each in effects]
        await asyncio.sleep(0)  # others get their turn
    return found, _without_a_team(added, reached)


def _without_a_team(added: Iterable[Rule], reached: frozenset[str]) -> list[Issue]:
    """A warning for each whom a permit names, and who is not on the client's team."""
    named = {name: None for rule in added if rule.effect == "permit" for group in rule.recipients for name in group}
    return [
        Issue(
            "informational",
            f"{name} is named, and takes no part in a team of the client's now: it is let see nothing by that",
            "Consent.provision",
            "warning",
        )
        for name in named
        if name not in reached and not name.startswith(("CareTeam/", "Patient/"))
    ]


async def _askers(facts: Facts, rules: Iterable[Rule], things: _Things, acting: Acting, base: str) -> list[Whom]:
    """Members of teams, whomever a rule names, and registers that hold something; each for what he may act for."""
    named = {each: None for rule in rules for group in rule.recipients for each in group}
    members = {each.member: None for each in facts.members}
    whoever = [*members, *named]
    people = [each for each in whoever if each.startswith(("Practitioner/", "PractitionerRole/"))]
    roles = await _roles(people, acting, base)
    found: dict[Whom, None] = {}
    organizations: dict[str, None] = {}
    for each in facts.members:
        if each.on_behalf_of is not None:
            found[each.member, each.on_behalf_of] = None
            organizations[each.on_behalf_of] = None
    for person in dict.fromkeys(whoever):
        if person.startswith("Organization/"):
            organizations[person] = None
        elif person.startswith("RelatedPerson/"):
            found[person, None] = None
        elif person in people:
            own = [each for each in roles if person in (each.reference, each.practitioner)]
            held: list[str | None] = [
                each.organization for each in own if each.organization is not None and each.period.covers(facts.at)
            ]
            if not held and not _acts(person, found):
                held = [None]
            for organization in held:
                found[person, organization] = None
                if organization is not None:
                    organizations[organization] = None
    registers = [facts.client.plan_controller, facts.client.controller, *(each.controller for each in things.stored)]
    organizations.update((each, None) for each in registers if each is not None)
    found.update(((None, each), None) for each in organizations)
    if len(found) > MOST_ASKERS:
        raise _too_much(f"{len(found)} persons and organisations are on the client's teams or named by consents")
    return list(found)


def _acts(person: str, found: Mapping[Whom, None]) -> bool:
    return any(each[0] == person for each in found)


async def _roles(people: list[str], acting: Acting, base: str) -> list[Role]:
    """The roles that these hold, or are."""
    if len(people) > 2 * MOST_ASKERS:
        raise _too_much(f"{len(people)} persons are on the client's teams or named by consents")
    practitioners = tuple(each for each in people if each.startswith("Practitioner/"))
    ids = tuple(each.partition("/")[2] for each in people if each.startswith("PractitionerRole/"))
    where = Or((RefersTo(PARAMETERS["PractitionerRole"]["practitioner"], practitioners), HasId(ids)))
    page = await acting.unit.living("PractitionerRole", where, within=_WHOLE, limit=4 * MOST_ASKERS)
    return [role_of(json_text.read(str(each.content)), base=base) for each in page.versions]


def _too_much(saying: str) -> Incorrect:
    whole = f"this is too much for one preview: {saying}"
    return Incorrect(whole, issues=(Issue("too-costly", whole),))


def _answer(effects: Iterable[tuple[Whom, Effect]], issues: Iterable[Issue], things: _Things | None = None) -> Answer:
    of_type: dict[str, int] = {}
    for each in things.stored if things is not None else ():
        of_type[each.type] = of_type.get(each.type, 0) + 1
    parameters: list[Json] = [
        {"name": "gains" if effect.gains else "loses", "part": _parts(whom, effect, of_type.get(effect.type, 0))}
        for whom, effect in sorted(effects, key=lambda each: not each[1].gains)
    ]
    for issue in issues:
        is_fault = issue.severity in ("error", "fatal")
        part: list[Json] = [{"name": "text", "valueString": issue.saying}]
        part += [{"name": "expression", "valueString": issue.at}] if issue.at is not None else []
        parameters.append({"name": "fault" if is_fault else "warning", "part": part})
    resource: Json = {"resourceType": "Parameters"}
    return Answer(200, json_text.write({**resource, "parameter": parameters} if parameters else resource))


def _parts(whom: Whom, effect: Effect, of_type: int) -> list[Json]:
    person, organization = whom
    parts: list[Json] = [{"name": "actor", "valueReference": {"reference": person or organization}}]
    if person is not None and organization is not None:
        parts.append({"name": "organization", "valueReference": {"reference": organization}})
    parts += [{"name": "type", "valueCode": effect.type}, {"name": "action", "valueCode": effect.action}]
    parts += [{"name": "purpose", "valueCode": each} for each in effect.purposes]
    parts.append({"name": "count", "valueInteger": len(effect.things)})
    if len(effect.things) < of_type or not effect.is_of_new_ones:
        targets = effect.things[:MOST_TARGETS]
        parts += [{"name": "target", "valueReference": {"reference": each}} for each in targets]
    parts.append({"name": "future", "valueBoolean": effect.is_of_new_ones})
    parts += [{"name": "reason", "valueString": each} for each in effect.reasons]
    parts += [{"name": "consent", "valueReference": {"reference": each}} for each in effect.consents]
    return parts
