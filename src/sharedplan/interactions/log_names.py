"""How those are called whom the log names: professionals and organisations by the directory, others as far as whoever
reads it may see them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import read
from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import Everything, Expression, HasId, Nothing
from sharedplan.store.versions import Version

DIRECTORY = ("Practitioner", "PractitionerRole", "Organization")
OTHERS = ("RelatedPerson", "Patient")


async def with_names(versions: Sequence[Version], acting: Acting) -> list[Version]:
    """The rows of the log with the names of the persons and organisations that they are of, where one is known."""
    wanted = {
        each
        for version in versions
        if version.trail is not None
        for each in (version.trail.person, version.trail.organization)
        if each is not None
    }
    if not wanted:
        return list(versions)
    names = await _names(wanted, acting)
    return [
        each._replace(trail=each.trail._replace(names=names)) if each.trail is not None else each for each in versions
    ]


async def _names(wanted: Iterable[str], acting: Acting) -> dict[str, str]:
    """Reference → name."""
    ids: dict[str, set[str]] = {}
    for reference in wanted:
        type, _, id = reference.partition("/")
        ids.setdefault(type, set()).add(id)
    roles = await _found("PractitionerRole", ids, acting)
    held = {name: role.get("practitioner", {}).get("reference", "") for name, role in roles.items()}
    ids.setdefault("Practitioner", set()).update(
        each.removeprefix("Practitioner/") for each in held.values() if each.startswith("Practitioner/")
    )
    names: dict[str, str] = {}
    for type in ("Practitioner", "Organization", *OTHERS):
        found = await _found(type, ids, acting)
        names |= {each: name for each, resource in found.items() if (name := _name(resource.get("name")))}
    return names | {role: names[person] for role, person in held.items() if person in names}


async def _found(type: str, ids: dict[str, set[str]], acting: Acting) -> dict[str, Json]:
    wanted = sorted(ids.get(type, ()))
    within: Expression = Everything() if type in DIRECTORY else acting.within.get(type, Nothing())
    if not wanted or isinstance(within, Nothing):
        return {}
    seen = {**acting.within, type: within}
    found = await acting.unit.living(type, HasId(tuple(wanted)), within=seen, limit=len(wanted))
    return {f"{type}/{each.id}": read(str(each.content)) for each in found.versions}


def _name(name: Any) -> str | None:
    """A name as people say it: an Organization's as it is, of a person's several the first."""
    if isinstance(name, str):
        return name
    first = name[0] if isinstance(name, list) and name and isinstance(name[0], dict) else {}
    said = first.get("text") or " ".join([*first.get("given", ()), first.get("family", "")]).strip()
    return said or None
