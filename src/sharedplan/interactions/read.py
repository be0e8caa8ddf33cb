"""FHIR read: the current version of one resource. https://hl7.org/fhir/R4/http.html#read"""

from sharedplan.errors import Gone, NotFound
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.audit_events import shown
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.log_names import with_names
from sharedplan.interactions.preconditions import is_unchanged
from sharedplan.interactions.proposals import answer_with
from sharedplan.interactions.spoken_of import about
from sharedplan.search.expression import Expression
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Version


async def read(asked: Asked, acting: Acting) -> Answer:
    """The current version, if it lies within the asker's slice; 304 without it when the client's copy is as good.

    Outside the slice it is NotFound, so that its existence is not given away.
    Raises NotFound (never there, or not theirs to see), Gone (deleted; carries the version for the ETag).
    """
    type, id = str(asked.type), str(asked.id)
    within = acting.within[type]
    labels: tuple[str, ...] = ()
    if acting.ordinary:
        version, labels = await _read_in_emergency(type, id, acting)
    else:
        version = await acting.unit.read(type, id, within=within, trail=acting.trail)
    if version is None:
        raise await absent(type, id, acting)
    if version.trail is not None:
        (version,) = await with_names([version], acting)
    if (asked.if_none_match is not None or asked.if_modified_since is not None) and is_unchanged(
        asked, version.version, version.last_updated
    ):
        return Answer(304, None, type, id, version.version, version.last_updated, labels=labels)
    return answer_with(shown(version), 200)._replace(labels=labels)


async def _read_in_emergency(type: str, id: str, acting: Acting) -> tuple[Version | None, tuple[str, ...]]:
    """The same, and the labels of the answer; the audit row is made once it is known what it went by."""
    async with acting.unit.snapshot():
        version = await acting.unit.read(type, id, within=acting.within[type])
        if version is None:
            return None, ()
        there = await acting.unit.named([f"{type}/{id}"], within=acting.within)
        if there:
            version = version._replace(controller=there[f"{type}/{id}"].controller)
        trail, labels = await marked(about(acting.trail, [version]), [version], acting)
    await acting.unit.record(trail)
    return version, labels


async def absent(type: str, id: str, acting: Acting) -> Gone | NotFound:
    """What to raise for a resource that is not there: Gone when it was, and may be known to have been."""
    return await absent_within(acting.within[type], type, id, acting.unit)


async def absent_within(within: Expression, type: str, id: str, unit: Unit) -> Gone | NotFound:
    """The same, by the slice of the type."""
    newest = await unit.newest(type, id, within=within)
    if newest is not None and newest.is_deleted:
        return Gone(f"{type}/{id} was deleted", version=newest.version)
    return NotFound(f"there is no {type}/{id}")
