"""All that is known of one client, fetched for the rules and the whole plan: his resources and the directory they name.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html, https://hl7.org/fhir/R4/references.html

One statement for the client's resources of all types, one for what they name of the directory, and one for what that
names in turn (the person who holds a role, the organisation that another is part of): three, however large the plan.
Everything is read through the slices given, so what is hidden is as if it were not there.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from sharedplan.care.situation import Situation
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json
from sharedplan.search.expression import Expression, HasEntry, HasId, Nothing, Or, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.values.entry import capped
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Version

OF_CLIENT = (
    *("Patient", "CarePlan", "CareTeam", "EpisodeOfCare", "Consent", "Goal", "Task", "ServiceRequest"),
    *("RelatedPerson", "Condition", "Flag", "QuestionnaireResponse", "Appointment", "Encounter"),
    *("DocumentReference", "List", "Observation", "Communication"),
)
"""What is fetched of a client unless others are asked for; when there is too much, the last are left out first.

Provenances are as many as writes, and each is judged by its targets: who needs them asks for them (`types=`)."""

DIRECTORY = ("PractitionerRole", "Practitioner", "Organization", "Location")
"""What is followed unless more is asked for: whom the resources name, and the roles that the persons named hold."""

CANONICAL = ("Questionnaire", "PlanDefinition")
"""Named by their url, in these elements:"""
_BY_URL = {"questionnaire": "Questionnaire", "instantiatesCanonical": "PlanDefinition"}

HOPS = 6
"""Steps from one resource to another that are followed; each is a statement, and most plans need two."""

REFERENCE = re.compile(r'"reference":\s*"([^"\\]+)"')
"""Any in the text of a resource; to walk through its elements took ten times as long (measured)."""

LIMIT = 5_000
"""Resources of one client, and as many of the directory, that are looked at."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The situation, and the versions that it was read from, in the order in which they are told: the client's by type,
    then the directory. `wheres`: what was asked of each type, all steps together; of types that are not seen, nothing.
    """

    situation: Situation
    versions: tuple[Version, ...]
    wheres: Mapping[str, Expression]


async def gathered(
    client: str,
    unit: Unit,
    *,
    within: Mapping[str, Expression],
    at: datetime,
    plan: str | None = None,
    base: str = "",
    limit: int = LIMIT,
    types: Sequence[str] = OF_CLIENT,
) -> Situation:
    """What is known of the client ("Patient/1") within the slices, at the moment `at`; `plan` ("CarePlan/1") is the one
    that is looked at. To judge a write, with every slice Everything and inside `unit.judging()`.

    Decimals are read as floats. `Situation.is_cut`: there is more than the limit, or than an answer can hold.
    Consistent in itself inside `unit.snapshot()`, or once a transaction has begun.
    """
    whole = await gathered_whole(client, unit, within=within, at=at, plan=plan, base=base, limit=limit, types=types)
    return whole.situation


async def gathered_whole(
    client: str | None,
    unit: Unit,
    *,
    within: Mapping[str, Expression],
    at: datetime,
    plan: str | None = None,
    base: str = "",
    limit: int = LIMIT,
    types: Sequence[str] = OF_CLIENT,
    beside: Sequence[Version] = (),
    follow: Collection[str] = DIRECTORY,
) -> Gathered:
    """The same with the versions, for whoever shows them. `beside` has been read already; `client` is None for what is
    of no one client, which is then all there is. `follow`: the types that references are followed to."""
    wheres = _of_client(client, types) if client is not None else {}
    everything: dict[str, list[Expression]] = {}
    _add(everything, wheres)
    found, is_cut = await _found(wheres, unit, within, limit)
    versions = list({_name(each): each for each in (*beside, *found)}.values())
    resources = dict(map(_read, versions))
    asked: set[str] = set()
    new = versions
    for _ in range(HOPS):
        wheres = _named_by(new, resources, follow, asked, base)
        if not wheres:
            break
        _add(everything, wheres)
        added, more = await _found(wheres, unit, within, limit)
        new = [each for each in added if _name(each) not in resources]
        resources.update(map(_read, new))
        versions += new
        is_cut = is_cut or more
    registers = {_name(each): each.controller for each in versions}
    asked_of = {
        type: ways[0] if len(ways) == 1 else Or(tuple(ways))
        for type, ways in everything.items()
        if not isinstance(within.get(type, Nothing()), Nothing)
    }
    return Gathered(Situation(at, resources, client, plan, registers, base, is_cut), tuple(versions), asked_of)


def _add(everything: dict[str, list[Expression]], wheres: Mapping[str, Expression]) -> None:
    for type, where in wheres.items():
        everything.setdefault(type, []).append(where)


def _of_client(client: str, types: Sequence[str]) -> dict[str, Expression]:
    """What to ask of each type to find what is of the client."""
    wheres: dict[str, Expression] = {}
    for type in types:
        if type == "Patient":
            wheres[type] = HasId((client.removeprefix("Patient/"),))
        else:
            wheres[type] = RefersTo(PARAMETERS[type]["patient"], (client,))
    return wheres


def _named_by(
    versions: Iterable[Version], known: Mapping[str, Json], follow: Collection[str], asked: set[str], base: str
) -> dict[str, Expression]:
    """What to ask of each type to find what these name and is neither known nor has been `asked` for; adds to that."""
    ids: dict[str, dict[str, None]] = {type: {} for type in (*follow, *CANONICAL)}
    urls: dict[str, dict[str, None]] = {type: {} for type in CANONICAL}
    named = dict.fromkeys(text for each in versions for text in REFERENCE.findall(each.content or ""))
    names = dict.fromkeys(references.parse(text).relative_to(base).target for text in named)
    for resource in (known[_name(each)] for each in versions):
        for element, type in _BY_URL.items():
            given = resource.get(element, ())
            for url in dict.fromkeys((given,) if isinstance(given, str) else filter(None, given)):
                bare = url.partition("|")[0]
                if (question := f"{type}?url={bare}") not in asked:  # the url may read as its reference does
                    urls[type][bare] = None
                    asked.add(question)
                if (own := references.parse(bare)).type == type:  # it was given the id that its url ends with
                    names[own.target] = None
    persons = []
    for name in names:
        type, _, id = (name or "").partition("/")
        if type not in ids or name is None or name in asked:
            continue
        asked.add(name)
        if name not in known:
            ids[type][id] = None
        if type == "Practitioner":
            persons.append(name)
    wheres: dict[str, Expression] = {}
    for type, wanted in ids.items():
        ways: list[Expression] = [HasId(tuple(wanted))] if wanted else []
        if by_url := urls.get(type):
            ways.append(HasEntry(PARAMETERS[type]["url"], tuple(map(capped, by_url))))
        if type == "PractitionerRole" and persons:
            ways.append(RefersTo(PARAMETERS[type]["practitioner"], tuple(persons)))
        if ways:
            wheres[type] = ways[0] if len(ways) == 1 else Or(tuple(ways))
    return wheres


async def _found(
    wheres: Mapping[str, Expression], unit: Unit, within: Mapping[str, Expression], limit: int
) -> tuple[list[Version], bool]:
    """What meets the conditions and lies within the slices, in the order of the types; and whether there is more."""
    wheres = {type: where for type, where in wheres.items() if not isinstance(within.get(type, Nothing()), Nothing)}
    if not wheres:
        return [], False
    found = await unit.together(wheres, within=within, limit=limit)
    return found.versions, found.is_cut


def _name(version: Version) -> str:
    return f"{version.type}/{version.id}"


def _read(version: Version) -> tuple[str, Json]:
    return _name(version), orjson.loads(version.content or "{}")
