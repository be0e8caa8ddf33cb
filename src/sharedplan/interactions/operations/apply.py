"""$apply of a PlanDefinition: the start of a shared plan from its service model, as a transaction ready to be sent.

POST PlanDefinition/[model]/$apply with Parameters. https://hl7.org/fhir/R4/plandefinition-operation-apply.html

Nothing is stored here; with `commit` the same Bundle goes through as a transaction (`exchange/apply.py`).
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sharedplan.care import codes, start
from sharedplan.care.start import Start
from sharedplan.errors import Incorrect, NotFound
from sharedplan.fhir import json_text, references
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import OfClient
from sharedplan.search.values.date import ZONE

_AT = "Parameters.parameter"
_TEXTS = ("valueString", "valueUri", "valueId", "valueCode")
_OWN_WORKERS = ("Practitioner", "PractitionerRole")

MOST_REFERRALS = 200
"""Referrals of the client that are looked through for one to this model."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: references ("Patient/1"), the first day, and whether it is to be stored at once."""

    client: str
    coordinator: str
    organization: str
    on: date
    commit: bool = False


def wanted(asked: Asked, acting: Acting) -> Wanted:
    """What the Parameters say; what they leave out is taken from who asks: his organisation, himself, today.

    Raises Incorrect, naming the parameter.
    """
    body = asked.body
    if asked.type != "PlanDefinition" or asked.id is None or asked.method == "GET":
        raise Incorrect("$apply is asked by POST PlanDefinition/[id]/$apply")
    if asked.parameters:
        raise Incorrect("$apply takes its parameters in the body: Parameters")
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Incorrect("$apply needs Parameters in the body")
    given = _given(body)
    person = acting.person if acting.person is not None and acting.person.split("/")[0] in _OWN_WORKERS else None
    client = _reference(given, "subject", ("Patient",), asked.base)
    coordinator = _reference(given, "practitioner", _OWN_WORKERS, asked.base) or person
    organization = _reference(given, "organization", ("Organization",), asked.base) or acting.controller
    for name, found, means in (
        ("subject", client, "the client, as Patient/[id]"),
        ("practitioner", coordinator, "the own worker who coordinates, as Practitioner/[id]"),
        ("organization", organization, "the organisation that is responsible, as Organization/[id]"),
    ):
        if found is None:
            raise Incorrect(f"$apply needs {name}: {means}", at=_AT)
    today = acting.clock.now().astimezone(ZONE).date()
    return Wanted(str(client), str(coordinator), str(organization), _day(given, today), _flag(given))


_NAMES = ("subject", "practitioner", "organization", "start", "commit")


def _given(parameters: Json) -> dict[str, tuple[str, str, Any]]:
    """Name → (path, name of its value, value). Raises Incorrect for what the operation does not take, or not twice."""
    listed = parameters.get("parameter", [])
    if not isinstance(listed, list):
        raise Incorrect("Parameters.parameter is a list", at=_AT)
    found: dict[str, tuple[str, str, Any]] = {}
    for number, each in enumerate(listed):
        at = f"{_AT}[{number}]"
        name = each.get("name") if isinstance(each, dict) else None
        if name not in _NAMES:
            raise Incorrect(f"$apply takes the parameters {', '.join(_NAMES)}", at=at)
        if name in found:
            raise Incorrect(f"$apply takes {name} once", at=at)
        values = [(key, value) for key, value in each.items() if key.startswith("value")]
        if len(values) != 1:
            raise Incorrect(f"{name} has one value", at=at)
        found[name] = (at, *values[0])
    return found


def _reference(given: dict[str, tuple[str, str, Any]], name: str, types: tuple[str, ...], base: str) -> str | None:
    """ "Type/id" of a parameter; None without it. Raises Incorrect for another type, or what is no reference."""
    if name not in given:
        return None
    at, kind, value = given[name]
    text = value if kind in _TEXTS else None
    if kind == "valueReference" and isinstance(value, dict):
        text = value.get("reference")
    found = references.parse(text).relative_to(base) if isinstance(text, str) else None
    if found is None or found.kind != "relative" or found.type not in types:
        raise Incorrect(f"{name} is a string or a Reference like {types[0]}/[id]", at=f"{at}.{kind}")
    return found.target


_DAY = re.compile(r"[1-8]\d{3}-\d{2}-\d{2}")


def _day(given: dict[str, tuple[str, str, Any]], today: date) -> date:
    """The first day, today without it. Raises Incorrect."""
    if "start" not in given:
        return today
    at, kind, value = given["start"]
    try:
        if kind in ("valueDate", "valueString", "valueDateTime") and isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise Incorrect("start is a date with its day between the years 1000 and 8999, like 2026-11-27", at=f"{at}.{kind}")


def _flag(given: dict[str, tuple[str, str, Any]]) -> bool:
    """Whether to commit. Raises Incorrect."""
    if "commit" not in given:
        return False
    at, kind, value = given["commit"]
    if kind == "valueBoolean" and isinstance(value, bool):
        return value
    raise Incorrect("commit is a valueBoolean: true or false", at=f"{at}.{kind}")


async def applied(asked: Asked, wish: Wanted, acting: Acting) -> Json:
    """The transaction. Raises NotFound for a model or a client that is not (visibly) there."""
    definition = await _read(f"PlanDefinition/{asked.id}", acting)
    if definition is None:
        raise NotFound(f"there is no PlanDefinition/{asked.id}")
    client = await _read(wish.client, acting)
    if client is None:
        raise NotFound(f"there is no {wish.client}", at=_AT)
    now: datetime = acting.clock.now()
    of = Start(
        _named(wish.client, client),
        await _looked_up(wish.coordinator, acting),
        await _looked_up(wish.organization, acting),
        wish.on,
        now.astimezone(ZONE).date(),
        await _referral(wish.client, str(asked.id), acting),
    )
    made = start.started(definition, of, acting.clock.new_id)
    entries = [
        {"fullUrl": url, "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
        for url, each in made
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


async def _read(name: str, acting: Acting) -> Json | None:
    type, _, id = name.partition("/")
    found = await acting.unit.read(type, id, within=acting.within[type])
    return json_text.read(found.content) if found is not None and found.content is not None else None


async def _looked_up(name: str, acting: Acting) -> Json:
    """A Reference with the name of whom it leads to, as far as that is there."""
    resource = await _read(name, acting)
    if resource is not None and resource["resourceType"] == "PractitionerRole":
        display = resource.get("practitioner", {}).get("display")
        return {"reference": name, **({"display": display} if display else {})}
    return _named(name, resource)


def _named(name: str, resource: Json | None) -> Json:
    told: Any = (resource or {}).get("name")
    if isinstance(told, list):
        first = told[0] if told else {}
        told = first.get("text") or " ".join(filter(None, [*first.get("given", ()), first.get("family")]))
    return {"reference": name, **({"display": told} if told else {})}


async def _referral(client: str, model: str, acting: Acting) -> Json | None:
    """The newest referral of the client to this model that waits for an end and that the asker sees."""
    page = await acting.unit.living("ServiceRequest", OfClient(client), within=acting.within, limit=MOST_REFERRALS)
    found = [
        each
        for each in (json_text.read(str(version.content)) for version in page.versions)
        if each.get("status") == "active" and codes.MODELS + model in codes.models(each)
    ]
    newest = max(found, key=lambda each: str(each.get("authoredOn", "")), default=None)
    return {"reference": f"ServiceRequest/{newest['id']}"} if newest is not None else None
