"""The team on the sheet: who takes part now or soon, in what role, of which organisation, and how to reach them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sharedplan.care import codes
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.words import ROLES
from sharedplan.care.spoken import date_
from sharedplan.fhir.exchanges import Json

KINDS = ("phone", "sms", "email", "url")
"""Kinds of contacts that are shown. https://hl7.org/fhir/R4/valueset-contact-point-system.html"""


@dataclass(frozen=True, slots=True)
class Contact:
    """`kind` as in KINDS; `value` as people read it."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Member:
    """`is_worker`: the own worker of the client. `note`: what else is to be said, as from when. `roles`: codes of
    `team-role`. `is_unfilled`: a role that waits for somebody."""

    name: str
    role: str
    organization: str | None
    contacts: tuple[Contact, ...]
    is_worker: bool = False
    note: str | None = None
    roles: tuple[str, ...] = ()
    is_unfilled: bool = False


def members(reader: Reader) -> tuple[Member, ...]:
    """The members of the plan's teams, the own worker first; roles that nobody fills last. Who has left is gone."""
    everybody = list(dict.fromkeys(_members(reader)))
    filled = {role for each in everybody if not each.is_unfilled for role in each.roles}
    found = [each for each in everybody if not each.is_unfilled or not each.roles or not filled.issuperset(each.roles)]
    if not any(each.is_worker for each in found) and (manager := _manager(reader)) is not None:
        found = [manager, *(each for each in found if each.name != manager.name)]
    return tuple(sorted(found, key=lambda each: (not each.is_worker, each.is_unfilled)))


def _members(reader: Reader) -> Iterator[Member]:
    for team in reader.situation.teams:
        for each in team.get("participant", ()):
            period, member = each.get("period", {}), each.get("member")
            name = reader.situation.name_of(member)
            if reader.is_past(period.get("end")) or (name is not None and name == reader.situation.client):
                continue
            is_to_come = "start" in period and not reader.is_past(period["start"]) and _is_future(reader, period)
            roles = codes.codes(each.get("role"), codes.TEAM_ROLE)
            is_worker = "coordinator" in roles and not is_to_come
            yield Member(
                reader.who(member) if member is not None else reader.says("unfilled"),
                _role(reader, each, roles, is_worker=is_worker),
                _organization(reader, each),
                contacts(reader, member, each.get("onBehalfOf")),
                is_worker,
                reader.says("starts", date=date_(period["start"], reader.language)) if is_to_come else None,
                tuple(roles),
                member is None,
            )


def _is_future(reader: Reader, period: Json) -> bool:
    return str(period["start"])[:10] > reader.today.date().isoformat()


def _manager(reader: Reader) -> Member | None:
    """The own worker as the episode names him, where no team does."""
    episode = reader.situation.get(reader.situation.episode)
    manager = episode.get("careManager") if episode is not None else None
    if manager is None or not reader.is_named(manager):
        return None
    role = reader.word(ROLES, "coordinator")
    organization = _organization(reader, {"member": manager})
    return Member(reader.who(manager), role, organization, contacts(reader, manager, None), True)


def _role(reader: Reader, participant: Json, roles: list[str], *, is_worker: bool) -> str:
    """What somebody does on the team; that he is the own worker is said beside his name."""
    said = [reader.word(ROLES, each) for each in roles if not (is_worker and each == "coordinator" and len(roles) > 1)]
    if not said and (text := reader.concept(participant.get("role"))) is not None:
        return text
    return ", ".join(said)


def roles_of(reader: Reader, member: Json | None) -> list[Json]:
    """The PractitionerRoles of a member: the one it is, or those that the person holds."""
    name = reader.situation.name_of(member)
    resource = reader.situation.get(name)
    if resource is not None and resource["resourceType"] == "PractitionerRole":
        return [resource]
    held = reader.situation.of("PractitionerRole")
    return [each for each in held if name is not None and reader.situation.name_of(each.get("practitioner")) == name]


def _organization(reader: Reader, participant: Json) -> str | None:
    member, behalf = participant.get("member"), participant.get("onBehalfOf")
    if behalf is not None:
        return reader.who(behalf)
    names = [reader.who(each["organization"]) for each in roles_of(reader, member) if "organization" in each]
    return names[0] if len(set(names)) == 1 else None


def contacts(reader: Reader, member: Json | None, behalf: Json | None) -> tuple[Contact, ...]:
    """How to reach a member: in the role, else the person, else the organisation; never at home."""
    person = reader.situation.get(member)
    if person is None:
        return ()
    place = reader.situation.name_of(behalf)
    roles = roles_of(reader, member)
    if place is not None:
        roles = [each for each in roles if reader.situation.name_of(each.get("organization")) == place] or roles
    if person["resourceType"] == "PractitionerRole":
        person = reader.situation.get(person.get("practitioner")) or {}
    own = [*(contact for role in roles for contact in _told(role)), *_told(person)]
    if own:
        return tuple(dict.fromkeys(own))
    organizations = [reader.situation.get(behalf), *(reader.situation.get(each.get("organization")) for each in roles)]
    return tuple(next((found for each in organizations if each and (found := tuple(_told(each)))), ()))


def _told(resource: Json) -> Iterable[Contact]:
    is_professional = resource.get("resourceType") != "RelatedPerson"
    for each in resource.get("telecom", ()):
        kind, value, use = each.get("system"), each.get("value"), each.get("use")
        if kind in KINDS and value and use != "old" and not (is_professional and use == "home"):
            yield Contact(kind, value)
