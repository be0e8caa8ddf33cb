"""A plan with all that it needs to be understood, as whoever asks may see it: what $everything and $document show.

R1.3. What belongs to the plan: `care/belonging.py`. Everything is read through the asker's slices at one moment, and
what is withheld leaves no reference (`interactions/withheld.py`).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from sharedplan.care.belonging import belonging
from sharedplan.care.situation import Situation
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import json_text, references
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.gathering import gathered_whole
from sharedplan.interactions.read import absent
from sharedplan.interactions.reader import REFERENCE
from sharedplan.interactions.spoken_of import about
from sharedplan.interactions.withheld import is_whole, without
from sharedplan.store.versions import Version

FOLLOWED = tuple(type for type in CATALOGUE if type not in ("AuditEvent", "Provenance", "Subscription"))
"""Types that references are followed to: of a plan's own things hardly any names one of the others."""


class Part(NamedTuple):
    """One resource of the whole: "Type/id", its text as it is shown, and whether something was taken out for it."""

    name: str
    text: str
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """The plan first, then the client, the team and the rest. `situation`: the same as values, as they are shown.
    `labels`: of the answer as a whole, in an emergency."""

    parts: tuple[Part, ...]
    situation: Situation
    labels: tuple[str, ...]


async def whole(asked: Asked, acting: Acting) -> Whole:
    """The plan that the address names, with all that belongs to it; on record when this returns.

    Raises NotFound for a plan that is not there or not theirs to see, Gone for one that was deleted.
    """
    id, base = str(asked.id), asked.base
    async with acting.unit.snapshot():
        plan = await acting.unit.read("CarePlan", id, within=acting.within["CarePlan"])
        if plan is None:
            raise await absent("CarePlan", id, acting)
        gathered = await gathered_whole(
            _client_of(plan, base),
            acting.unit,
            within=acting.within,
            at=acting.clock.now(),
            plan=f"CarePlan/{id}",
            base=base,
            beside=(plan,),
            follow=FOLLOWED,
        )
        versions = {f"{each.type}/{each.id}": each for each in gathered.versions}
        shown = {name: versions[name] for name in belonging(gathered.situation)}
        trail, labels = await marked(about(acting.trail, list(shown.values())), list(shown.values()), acting)
    await acting.unit.record(trail)
    parts, changed = [], {}
    for name, version in shown.items():
        text, cut = _cut(version, shown, base)
        parts.append(Part(name, text, cut is not None))
        if cut is not None:
            changed[name] = cut
    resources = {name: changed.get(name) or gathered.situation.resources[name] for name in shown}
    return Whole(tuple(parts), replace(gathered.situation, resources=resources), labels)


def _client_of(plan: Version, base: str) -> str | None:
    """The Patient that the plan is of; None for a plan of a family."""
    subject = json_text.read(plan.content or "{}").get("subject", {}).get("reference", "")
    target = references.parse(subject).relative_to(base).target
    return target if target is not None and target.startswith("Patient/") else None


def _cut(version: Version, shown: dict[str, Version], base: str) -> tuple[str, Json | None]:
    """The text as it is shown, and the resource when it is another than the stored one."""
    text = version.content or ""
    if all(is_whole(each, shown.__contains__, base) for each in set(REFERENCE.findall(text))):
        return text, None
    resource = json_text.read(text)
    part = without(resource, shown.__contains__, base)
    return (text, None) if part is resource else (json_text.write(part), part)
