"""What a Provenance that somebody writes is of: the clients of its targets, and the register that it lies in.

https://hl7.org/fhir/R4/provenance-definitions.html#Provenance.target

It is bound to its targets when the writer sees them all, or writes them beside it; then it speaks of their clients and
lies in their register (of several registers, in none). Else it speaks of nobody and lies in the writer's own register,
where the system alone sees it: a target that is hidden and one that is not there are told apart nowhere, and nobody's
word hangs on what he cannot see.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sharedplan.catalogue import CATALOGUE
from sharedplan.interactions.acting import Acting, Write
from sharedplan.interactions.provenances import leaves_one
from sharedplan.store.projection import projection
from sharedplan.store.versions import Named


async def bound(writes: Sequence[Write], acting: Acting) -> list[Write]:
    """The writes, each Provenance among them bound to its targets; what goes in together, as they are."""
    mine = [each for each in writes if each.change.type == "Provenance"]
    if not mine:
        return list(writes)
    names = [f"{each.change.type}/{each.change.id}" for each in writes]
    beside = dict(zip(names, writes, strict=True))
    wanted = {name for each in mine for name in targets(each.change.values) if is_bindable(name)} - beside.keys()
    there = dict(await acting.unit.named(wanted, within=acting.within))
    updated = {name for name, each in beside.items() if each.before is not None and each.resource is not None}
    stored = await acting.unit.named(updated | {f"Provenance/{each.change.id}" for each in mine}, within=None)
    for name, each in beside.items():
        if each.resource is not None and is_bindable(name):
            before = stored.get(name)
            there[name] = Named(
                projection(each.change.type).patients_of(each.change),
                before.controller if before is not None else None if acting.person is not None else acting.controller,
            )
    return [
        _bound(each, there, stored.get(name)) if each.change.type == "Provenance" else each
        for name, each in zip(names, writes, strict=True)
    ]


def targets(values: Mapping[str, object]) -> list[str]:
    """What is targeted of clients' things that are kept here, as "Type/id"."""
    found = values.get("target")
    if not isinstance(found, list):
        return []
    return [each for each in found if (type := each.partition("/")[0]) in CATALOGUE and CATALOGUE[type].client_data]


def is_bindable(name: str) -> bool:
    """Whether a Provenance may be bound to it: to none of another, and to nothing of the log."""
    return leaves_one(name.partition("/")[0])


def binding(named: Sequence[str], there: Mapping[str, Named], own: str | None) -> Named:
    """The clients that a Provenance of these things speaks of, and the register that it lies in: that of all of them,
    or none when they are of several. When not all are `there`, it speaks of nobody and lies in the writer's `own`."""
    found = [there[name] for name in named if name in there]
    if not found or len(found) < len(named):
        return Named((), own)
    registers = {one.controller for one in found}
    return Named(_patients(found), registers.pop() if len(registers) == 1 else None)


def _bound(each: Write, there: Mapping[str, Named], stored: Named | None) -> Write:
    change, before = each.change, each.before
    if before is not None:
        before = before._replace(patients=stored.patients if stored is not None else ())
    if each.resource is None:
        return each._replace(before=before)
    named = targets(change.values)
    is_loose = any(name not in there for name in named)
    if stored is None or before is None:
        patients, controller = binding(named, there, change.controller)
    else:  # it stays in its register, and may be bound to what has come into that one since
        found = binding(named, there, change.controller)
        fits = bool(found.patients) and found.controller == stored.controller
        patients, controller = found.patients if fits else stored.patients, change.controller
    values = {**change.values, "patient": list(patients) or None}
    return Write(replace(change, values=values, controller=controller), each.resource, before, is_loose)


def _patients(found: Iterable[Named]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in found for name in each.patients))
