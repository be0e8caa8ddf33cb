"""All that is known of one client, fetched for the rules and the whole plan: his resources and the directory they name.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html, https://hl7.org/fhir/R4/references.html

One statement for the client's resources of all types, one for what they name of the directory, and one for what that
names in turn (the person who holds a role, the organisation that another is part of): three, however large the plan.
Everything is read through the slices given, so what is hidden is as if it were not there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sharedplan.care.situation import Situation
from sharedplan.interactions.reader import Read, Reader
from sharedplan.search.expression import Expression, HasEntry, HasId, Nothing, Or, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.values.entry import capped
from sharedplan.store.versions import Included, Version

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
"""Named by their url."""

HOPS = 6
"""Steps from one resource to another that are followed; each is a statement, and most plans need two."""

LIMIT = 5_000
"""Resources of one client, and as many of the directory, that are looked at."""


class Source(Protocol):
    """Where it is fetched: a unit of work, or what has been fetched before (`interactions/walk.py`)."""

    async def together(
        self, wheres: Mapping[str, Expression], *, within: Mapping[str, Expression], limit: int
    ) -> Included:
        """As `Unit.together`."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The situation, and the versions that it was read from, in the order in which they are told: the client's by type,
    then the directory."""

    situation: Situation
    versions: tuple[Version, ...]


async def gathered(
    client: str,
    unit: Source,
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
    unit: Source,
    *,
    within: Mapping[str, Expression],
    at: datetime,
    plan: str | None = None,
    base: str = "",
    limit: int = LIMIT,
    types: Sequence[str] = OF_CLIENT,
    beside: Sequence[Version] = (),
    follow: Collection[str] = DIRECTORY,
    reader: Reader | None = None,
) -> Gathered:
    """The same with the versions, for whoever shows them. `beside` has been read already; `client` is None for what is
    of no one client, which is then all there is. `follow`: the types that references are followed to. `reader`: who
    reads the versions, for the same base."""
    reader = reader or Reader(base)
    wheres = _of_client(client, types) if client is not None else {}
    found, is_cut = await _found(wheres, unit, within, limit)
    versions = list({_name(each): each for each in (*beside, *found)}.values())
    new = {_name(each): reader.read(each) for each in versions}
    known = dict(new)
    asked: set[str] = set()
    for _ in range(HOPS):
        wheres = _named_by(new.values(), known, follow, asked)
        if not wheres:
            break
        added, more = await _found(wheres, unit, within, limit)
        added = [each for each in added if _name(each) not in known]
        new = {_name(each): reader.read(each) for each in added}
        known |= new
        versions += added
        is_cut = is_cut or more
    registers = {_name(each): each.controller for each in versions}
    resources = {name: each.resource for name, each in known.items()}
    return Gathered(Situation(at, resources, client, plan, registers, base, is_cut), tuple(versions))


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
    new: Collection[Read], known: Collection[str], follow: Collection[str], asked: set[str]
) -> dict[str, Expression]:
    """What to ask of each type to find what these name and is neither known nor has been `asked` for; adds to that."""
    ids: dict[str, dict[str, None]] = {type: {} for type in (*follow, *CANONICAL)}
    urls: dict[str, dict[str, None]] = {type: {} for type in CANONICAL}
    names = dict.fromkeys(name for each in new for name in each.names)
    for type, url, own in (one for each in new for one in each.canonicals):
        if (question := f"{type}?url={url}") not in asked:  # the url may read as its reference does
            urls[type][url] = None
            asked.add(question)
        if own is not None:  # it was given the id that its url ends with
            names[own] = None
    persons = []
    for name in names:
        type, _, id = name.partition("/")
        if type not in ids or name in asked:
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
    wheres: Mapping[str, Expression], unit: Source, within: Mapping[str, Expression], limit: int
) -> tuple[list[Version], bool]:
    """What meets the conditions and lies within the slices, in the order of the types; and whether there is more."""
    wheres = {type: where for type, where in wheres.items() if not isinstance(within.get(type, Nothing()), Nothing)}
    if not wheres:
        return [], False
    found = await unit.together(wheres, within=within, limit=limit)
    return found.versions, found.is_cut


def _name(version: Version) -> str:
    return f"{version.type}/{version.id}"
