"""What the store knows, as the facts of a judgement, with what is about to be written beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson

from sharedplan.access.choices import Choices
from sharedplan.access.facts import Client, Facts, Opening
from sharedplan.access.items import guardian_disclosure, has_safety_ban, is_shared_plan
from sharedplan.access.provisions import rules_of
from sharedplan.access.relations import (
    ORGANIZATION_TYPE,
    Directory,
    memberships,
    relations_of,
    relative_of,
    role_of,
)
from sharedplan.access.rows import membership, rule, span_of
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.existence import visible

TELLING = frozenset({"CareTeam", "Consent", "EpisodeOfCare", "Encounter", "Task", "CarePlan"})
"""Types that say something of access, beside the Patient and the directory."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of something that is there: its register and what that is part of, who made it, and when."""

    controller: str | None
    holders: frozenset[str]
    creator: str | None
    first_updated: datetime | None


@dataclass(frozen=True, slots=True)
class Written:
    """What is about to be written: None in the place of what is deleted."""

    name: str  # "Goal/1"
    resource: Json | None
    controller: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known for one judgement; references in it are relative to `base`."""

    at: datetime
    base: str
    clients: Mapping[str, Mapping[str, Any]]
    items: Mapping[str, Stored]
    directory: Directory

    def of(self, client: str, writes: Iterable[Written], choices: Choices) -> Facts:
        """The facts of one client, after these writes."""
        known, base = self.clients[client], self.base
        writes = tuple(writes)
        names = {each.name for each in writes}
        there = [each for each in writes if each.resource is not None]
        of_client = [each for each in there if _client(each, base) == client]

        def untouched(rows: Iterable[Any] | None, name: str) -> list[Any]:
            return [row for row in rows or () if row[name] not in names]

        relations = [(each["content"], each["controller"]) for each in known["relations"] or ()]
        relations = [(one, by) for one, by in relations if f"{one['resourceType']}/{one['id']}" not in names]
        added = [each.resource for each in of_client if each.resource is not None]
        relations += [(each.resource, each.controller) for each in of_client if each.resource is not None]
        teams = [each for each in added if each["resourceType"] == "CareTeam"]
        consents = [each for each in added if each["resourceType"] == "Consent"]
        return Facts(
            at=self.at,
            client=_the_client(client, known, there, base),
            rules=(
                *map(rule, untouched(known["rules"], "consent")),
                *(each for one in consents for each in rules_of(one, 1, self.at, base=base)),
            ),
            memberships=(
                *map(membership, untouched(known["members"], "team")),
                *(each for one in teams for each in memberships(one, base=base, added=self._since(one, known))),
            ),
            relations=tuple(
                replace(each, controller=by) for one, by in relations for each in relations_of(one, base=base)
            ),
            directory=self.directory,
            openings=tuple(
                Opening(each["person"], each["organization"], each["purpose"], span_of(each["period"]))
                for each in known["openings"] or ()
            ),
            choices=choices,
        )

    def _since(self, team: Json, known: Mapping[str, Any]) -> Mapping[str, datetime]:
        """Since when those are members whom a team that is about to be written names without saying so."""
        name, now = f"CareTeam/{team['id']}", memberships(team, base=self.base)
        before = {row["member"]: membership(row).period.low for row in known["members"] or () if row["team"] == name}
        return {each.member: before.get(each.member, self.at) for each in now}


async def told_as_seen(facts: Facts, acting: Acting) -> Facts:
    """The facts, whose explanations name no consent that the asker may not see."""
    keys = {("Consent", rule.consent.partition("/")[2]) for rule in facts.rules}
    seen = {f"{type}/{id}" for type, id in await visible(keys, acting)}
    return replace(facts, rules=tuple(replace(rule, is_told=rule.consent in seen) for rule in facts.rules))


def known(text: str, base: str) -> Known:
    """The answer of `Unit.known`."""
    told = _read(text)
    items = {
        each["name"]: Stored(
            each["controller"],
            frozenset(each["holders"]),
            _who(each["who"]),
            datetime.fromisoformat(each["first_updated"]) if each["first_updated"] else None,
        )
        for each in told["items"] or ()
    }
    return Known(
        datetime.fromisoformat(told["at"]),
        base,
        {each["client"]: each for each in told["clients"] or ()},
        items,
        _directory(told, base),
    )


def apart(text: str) -> tuple[datetime, str]:
    """The instant of an answer of `Unit.known`, which stands first in it, and all the rest."""
    moment, _, rest = text.partition(",")
    return datetime.fromisoformat(moment.rpartition(' "')[2].rstrip('"')), rest


def _read(text: str) -> Json:
    """The answer as JSON, by the quick reader that rounds numbers, for no fact is one; it does not know all of them."""
    try:
        found: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = json_text.read(text)
    return found


def _who(who: Mapping[str, str] | None) -> str | None:
    return (who.get("person") or who.get("organization")) if who else None


def _directory(told: Json, base: str) -> Directory:
    roles = {each["id"]: role_of(each, base=base) for each in (*(told["roles"] or ()), *(told["colleagues"] or ()))}
    parents, kinds = {}, {}
    for each in told["above"] or ():
        name = f"Organization/{each['id']}"
        kinds[name] = frozenset(
            coding["code"]
            for concept in each.get("type", ())
            for coding in concept.get("coding", ())
            if coding.get("system") == ORGANIZATION_TYPE and "code" in coding
        )
        if (above := each.get("partOf", {}).get("reference")) is not None:
            parents[name] = above.removeprefix(f"{base}/").partition("/_history")[0]
    return Directory(
        tuple(roles.values()),
        (relative_of(told["relative"], base=base),) if told["relative"] else (),
        MappingProxyType(parents),
        MappingProxyType(kinds),
    )


def _the_client(client: str, known: Mapping[str, Any], there: list[Written], base: str) -> Client:
    """The client, from the Patient that is stored or about to be, and the register of the shared plan."""
    stored = known["patient"] or {}
    new = next((each for each in there if each.name == client), None)
    content: Json = stored.get("content") or (new.resource if new is not None else None) or {}
    controller = stored.get("controller") if stored else new.controller if new is not None else None
    plan = known["plan_controller"]
    if plan is None:
        plan = next((each.controller for each in there if _is_plan_of(each, client, base)), None)
    return Client(
        client,
        controller,
        plan,
        content.get("birthDate"),
        guardian_disclosure(content),
        has_safety_ban(content),
    )


def _is_plan_of(each: Written, client: str, base: str) -> bool:
    return is_shared_plan(each.resource or {"resourceType": ""}) and _client(each, base) == client


def _client(each: Written, base: str) -> str | None:
    resource = each.resource or {}
    element = {"Consent": "patient", "EpisodeOfCare": "patient", "Task": "for"}.get(resource["resourceType"], "subject")
    text = (resource.get(element) or {}).get("reference")
    return text.removeprefix(f"{base}/").partition("/_history")[0] if text is not None else None
