"""$access-decision: may this actor do that, why, and what would change it? Asked before acting, judged as acting is.

POST Patient/[id]/$access-decision with Parameters: `actor`, `organization`, `action`, `target` or `type`, `purpose`,
`at`, `consent` (what if it were saved). The rules are those of `access/judgement.py`, by which writes are judged, and
the SQL of the slices is held to them.

One may ask about oneself and one's organisation; the client, the coordinator and the controller about anybody. Whoever
else asks is answered as about a client who never was. A target that the asker may not see is as one that is not there,
and a consent that he may not see is not named.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sharedplan.access.answers import no
from sharedplan.access.asker import asker_of
from sharedplan.access.choices import Choices
from sharedplan.access.decision import Facts as Moment
from sharedplan.access.decision import decide
from sharedplan.access.facts import Client, Facts, Question
from sharedplan.access.items import AUTHORED, Item, item_of, with_targets
from sharedplan.access.judgement import judge
from sharedplan.access.principal import PURPOSES, Principal
from sharedplan.access.provisions import Rule, rules_of
from sharedplan.access.register import keeps_the_plan
from sharedplan.access.relations import Membership, memberships
from sharedplan.access.scopes import parse as scopes
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect
from sharedplan.exchange.facts import Known, known, told_as_seen
from sharedplan.exchange.referring import with_references
from sharedplan.fhir import json_text, references, resources
from sharedplan.fhir.bundles import instant
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.targets import is_bindable, targets
from sharedplan.search.expression import Everything, Expression, OfClient
from sharedplan.search.indexing import index_values
from sharedplan.search.values.date import span
from sharedplan.store.versions import Version

ACTIONS = ("read", "search", "create", "update", "delete")
ACTORS = ("Practitioner", "PractitionerRole", "RelatedPerson", "Patient", "Organization")

Rules = tuple[Rule, ...]

_CHOICES = Choices()
_EVERYTHING = Everything()
_WHOLE = dict.fromkeys(CATALOGUE, _EVERYTHING)
_NO_END = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Asking:
    """The parameters: `actor` a person, None for the organisation's system; `target` is "Type/id"."""

    client: str
    person: str | None
    organization: str | None
    action: str
    type: str
    target: str | None
    purpose: str
    at: datetime | None
    consents: tuple[Json, ...]


async def access_decision(asked: Asked, by: Principal, acting: Acting) -> Answer:
    """A Parameters resource with the decision and its grounds. Raises Incorrect for parameters that say nothing."""
    asking = _read(asked)
    with acting.unit.judging():
        return await _decided(asking, asked, by, acting)


async def _decided(asking: _Asking, asked: Asked, by: Principal, acting: Acting) -> Answer:
    """What is read for it is shown to nobody."""
    items = [asking.target] if asking.target is not None else []
    text = await acting.unit.known(asking.person, asking.organization, [asking.client], items, wholly=True)
    found = known(text, asked.base)
    facts = await _as_of(asking, found.of(asking.client, (), _CHOICES), acting, asked.base)
    may_ask = await _may_ask(asking, by, facts, found, acting, asked.base)
    if not may_ask:
        facts = Facts(facts.at, Client(asking.client), directory=facts.directory)
    there = await _there(asking, found, facts.rules, acting, asked.base) if may_ask else None
    item = there or _new(asking, facts)
    question = Question(asking.person, asking.organization, asking.purpose, asking.action, item)
    judgement = judge(question, facts)
    if asking.target is not None and there is None and asking.action != "create" and judgement.is_permitted:
        judgement = no("target", f"there is no {asking.target} that you may see")
    if asking.target is None and asking.action in ("read", "search") and asking.at is None and not asking.consents:
        seen = await _visible(asking, acting)
        if seen is not None and not judgement.is_permitted and facts.client.controller is not None:
            item = await _stored(seen, asking.client, found, facts.rules, acting, asked.base)
            judgement = judge(replace(question, item=item), facts)
    parameters: list[Json] = [
        {"name": "decision", "valueCode": "permit" if judgement.is_permitted else "deny"},
        {"name": "step", "valueString": judgement.step},
        *({"name": "reason", "valueString": each} for each in (*judgement.reasons, *judgement.residual)),
        *({"name": "consent", "valueReference": {"reference": each}} for each in judgement.consents),
    ]
    if judgement.valid_until is not None:
        parameters.append({"name": "validUntil", "valueInstant": instant(judgement.valid_until)})
    parameters += [{"name": "wouldChange", "valueString": each} for each in judgement.would_change]
    return Answer(200, json_text.write({"resourceType": "Parameters", "parameter": parameters}))


def _read(asked: Asked) -> _Asking:
    """The parameters, understood. Raises Incorrect, naming the one that is not."""
    body = asked.body
    if asked.type != "Patient" or asked.id is None or asked.method == "GET":
        raise Incorrect("$access-decision is asked by POST Patient/[id]/$access-decision")
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Incorrect("$access-decision needs Parameters in the body")
    given: dict[str, Any] = {}
    consents: list[Json] = []
    parameters = body.get("parameter", [])
    if not isinstance(parameters, list):
        raise Incorrect("Parameters.parameter is a list", at="Parameters.parameter")
    for number, each in enumerate(parameters):
        at = f"Parameters.parameter[{number}]"
        name = each.get("name") if isinstance(each, dict) else None
        name = name if isinstance(name, str) else None
        if name == "consent":
            consents.append(_consent(each.get("resource"), len(consents), at))
        elif name in _VALUES and name not in given:
            given[name] = _value(each, _VALUES[name], at)
        else:
            raise Incorrect(f"$access-decision takes {', '.join((*_VALUES, 'consent'))}, each but consent once", at=at)
    if "actor" not in given:
        raise Incorrect("actor is missing: the person, or the organisation whose system it is")
    person, organization = given["actor"], given.get("organization")
    if person.startswith("Organization/"):
        person, organization = None, organization or person
    action, purpose = given.get("action", "read"), given.get("purpose", "TREAT")
    if action not in ACTIONS:
        raise Incorrect(f"action is one of {', '.join(ACTIONS)}")
    if purpose not in PURPOSES:
        raise Incorrect("purpose is a code of v3-ActReason below PurposeOfUse")
    target = given.get("target")
    type = target.partition("/")[0] if target is not None else given.get("type")
    if type not in CATALOGUE or (target is not None and "type" in given):
        raise Incorrect("either target or type says what is asked about, of a type that is offered here")
    return _Asking(
        f"Patient/{asked.id}", person, organization, action, type, target, purpose, given.get("at"), tuple(consents)
    )


_VALUES = {
    "actor": "Reference",
    "organization": "Reference",
    "action": "Code",
    "target": "Reference",
    "type": "Code",
    "purpose": "Code",
    "at": "DateTime",
}
"""Name → type of its value."""


def _value(parameter: Json, kind: str, at: str) -> Any:
    value = parameter.get(f"value{kind}")
    if kind == "Reference":
        text = value.get("reference") if isinstance(value, dict) else None
        found = references.parse(text) if isinstance(text, str) else None
        allowed = ("Organization",) if parameter["name"] == "organization" else ACTORS
        if found is None or found.kind != "relative" or (parameter["name"] != "target" and found.type not in allowed):
            raise Incorrect(f"{parameter['name']} is a valueReference to Type/id", at=at)
        return f"{found.type}/{found.id}"
    if not isinstance(value, str):
        raise Incorrect(f"{parameter['name']} has a value{kind}", at=at)
    if kind == "Code":
        return value
    try:
        return span(value)[0]
    except ValueError:
        raise Incorrect("at is a dateTime", at=at) from None


def _consent(resource: Any, number: int, at: str) -> Json:
    if not isinstance(resource, dict) or resource.get("resourceType") != "Consent":
        raise Incorrect("consent holds a Consent as its resource", at=f"{at}.resource")
    resources.check("Consent", resource)
    return {"id": f"proposed-{number + 1}", **resource}


async def _as_of(asking: _Asking, facts: Facts, acting: Acting, base: str) -> Facts:
    """The facts at the instant that is asked about, with the consents that might be saved."""
    facts = await told_as_seen(facts, acting)
    at, seen = asking.at or facts.at, {rule.consent for rule in facts.rules if rule.is_told}
    if asking.at is not None and asking.at < facts.at:
        client = OfClient(asking.client)
        consents = await _then("Consent", client, at, acting)
        teams = await _then("CareTeam", client, at, acting)
        facts = replace(
            facts,
            rules=tuple(
                replace(rule, is_told=rule.consent in seen)
                for each in consents
                for rule in rules_of(json_text.read(str(each.content)), each.version, each.last_updated, base=base)
            ),
            memberships=tuple(one for each in teams for one in _members_then(each, facts, base)),
        )
    new = {f"Consent/{each['id']}" for each in asking.consents}
    added = tuple(rule for each in asking.consents for rule in rules_of(each, 1, facts.at, base=base))
    kept = tuple(rule for rule in facts.rules if rule.consent not in new)
    return replace(facts, at=at, rules=(*kept, *(rule for rule in added if rule.client == asking.client)))


def _members_then(team: Version, facts: Facts, base: str) -> tuple[Membership, ...]:
    """The members that a version of a team names. Who does not say since when has been one as long as is known of those
    who still are, and of others since that version."""
    resource = json_text.read(str(team.content))
    known = {each.member: each.period.low for each in facts.memberships if each.team == f"CareTeam/{team.id}"}
    named = memberships(resource, base=base)
    return memberships(resource, base=base, added={e.member: known.get(e.member, team.last_updated) for e in named})


async def _then(type: str, of_client: Expression, at: datetime, acting: Acting) -> list[Version]:
    """The versions that were current then, of what is the client's today."""
    now = await acting.unit.living(type, of_client, within=_WHOLE, limit=1000)
    found: list[Version] = []
    for each in now.versions:
        moment = (at, at + timedelta(microseconds=1))
        page = await acting.unit.history(within=_WHOLE, type=type, id=each.id, at=moment, count=1)
        found += [one for one in page.versions if not one.is_deleted]
    return found


async def _may_ask(asking: _Asking, by: Principal, facts: Facts, found: Known, acting: Acting, base: str) -> bool:
    """Whether the answer may be about this client as he is."""
    if by.person == asking.client:
        return True
    if asking.person is not None and asking.person == by.person:
        return asking.organization in (None, by.organization)
    if asking.person is None and asking.organization == by.organization and by.organization is not None:
        return True
    text = await acting.unit.known(by.person, by.organization, [asking.client], [], wholly=True)
    mine = known(text, base).of(asking.client, (), _CHOICES)
    asker = asker_of(by.person, by.organization, mine.directory, mine.memberships, mine.at)
    if by.person is None:
        return mine.client.controller is not None and keeps_the_plan(asker, mine)
    return not asker.names.isdisjoint(mine.leaders)


async def _there(asking: _Asking, found: Known, rules: Rules, acting: Acting, base: str) -> Item | None:
    """The target, if it is there, of this client, and whoever asks may see it: a hidden one is as one that is not."""
    if asking.target is None:
        return None
    type, _, id = asking.target.partition("/")
    version = await acting.unit.read(type, id, within=acting.within[type])
    item = await _stored(version, asking.client, found, rules, acting, base) if version is not None else None
    return item if item is not None and item.client == asking.client else None


def _new(asking: _Asking, facts: Facts) -> Item:
    """A thing of the type as it would be."""
    controller = facts.client.plan_controller or facts.client.controller
    if asking.action == "create":
        controller = asking.organization or controller
    holders = frozenset({controller} if controller else ())
    id = asking.target.partition("/")[2] if asking.target is not None else None
    return Item(asking.type, asking.client, id, controller, holders, kinds=frozenset({asking.type}))


async def _stored(version: Version, client: str, found: Known, rules: Rules, acting: Acting, base: str) -> Item:
    """It, as the client's rules ask of it."""
    name = f"{version.type}/{version.id}"
    stored = found.items.get(name)
    if stored is None:
        text = await acting.unit.known(None, None, [], [name], wholly=False)
        stored = known(text, base).items.get(name)
    if stored is None:
        return Item(version.type, None, version.id)
    authors = (await acting.unit.authors([name])).get(name) if version.type not in AUTHORED else None
    item = item_of(
        json_text.read(str(version.content)),
        controller=stored.controller,
        parents=stored.holders,
        creator=stored.creator,
        first_updated=stored.first_updated,
        attested=authors.attested if authors is not None else (),
        claimed=authors.claimed if authors is not None else (),
        base=base,
    )
    [item] = await with_references([item], rules, acting.unit)
    if version.type == "Provenance":
        return await _with_targets(item, version, client, found, rules, acting, base)
    return item


async def _with_targets(
    item: Item, version: Version, client: str, found: Known, rules: Rules, acting: Acting, base: str
) -> Item:
    """A Provenance with the things of the client that it is of; as it is, when it is of none."""
    named = targets(index_values("Provenance", json_text.read(str(version.content)), base=base))
    own = f"Provenance/{version.id}"
    there = await acting.unit.named({*filter(is_bindable, named), own}, within=None)
    mine = there.get(own)
    if mine is None or client not in mine.patients:
        return item
    things: list[Item] = []
    for name in named:
        type, _, id = name.partition("/")
        one, is_bound = there.get(name), False
        if one is not None:
            is_bound = mine.controller in (None, one.controller) and set(one.patients) <= set(mine.patients)
        thing = await acting.unit.read(type, id, within=_EVERYTHING) if is_bound else None
        if thing is None:
            return with_targets(item, client, (), lacks=True)
        if one is not None and client in one.patients:
            things.append(await _stored(thing, client, found, rules, acting, base))
    return with_targets(item, client, things, lacks=False)


async def _visible(asking: _Asking, acting: Acting) -> Version | None:
    """Something of the type and the client that the actor sees; None when nothing is."""
    actor = Principal(
        client_id="access-decision",
        scopes=scopes("user/*.rs system/*.rs" if asking.person != asking.client else "patient/*.rs"),
        organization=asking.organization,
        person=asking.person,
        purpose=asking.purpose,
        issuer="",
        token_id="",
        expires=acting.clock.now() + _NO_END,
    )
    grant = decide(Asked("search-type", asking.type), actor, Moment(acting.clock.now()))
    found = await acting.unit.living(asking.type, OfClient(asking.client), within=grant.slices, limit=1)
    return next(iter(found.versions), None)
