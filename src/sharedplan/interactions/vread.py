"""FHIR vread: one version of one resource, past or current. https://hl7.org/fhir/R4/http.html#vread"""

from sharedplan.errors import Gone, NotFound
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.audit_events import shown
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.log_names import with_names
from sharedplan.interactions.preconditions import is_unchanged
from sharedplan.interactions.proposals import answer_with
from sharedplan.interactions.spoken_of import about

_LARGEST = 2**31 - 1


async def vread(asked: Asked, acting: Acting) -> Answer:
    """That version, if the resource lies within the asker's slice.

    Raises NotFound (no such version, or not theirs to see), Gone (the version is a deletion).
    """
    type, id, number = str(asked.type), str(asked.id), str(asked.version)
    version = None
    if number.isascii() and number.isdigit() and number[0] != "0" and int(number) <= _LARGEST:
        version = await acting.unit.version(type, id, int(number), within=acting.within[type])
    if version is None:
        raise NotFound(f"there is no version {number} of {type}/{id}")
    if version.is_deleted:
        raise Gone(f"version {number} of {type}/{id} is its deletion", version=version.version)
    trail, labels = await marked(about(acting.trail, [version]), [version], acting)
    await acting.unit.record(trail)
    if version.trail is not None:
        (version,) = await with_names([version], acting)
    if is_unchanged(asked, version.version, version.last_updated):
        return Answer(304, None, type, id, version.version, version.last_updated, labels=labels)
    return answer_with(shown(version), 200)._replace(labels=labels)
