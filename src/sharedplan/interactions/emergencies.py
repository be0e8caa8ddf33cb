"""What an answer shows only because somebody broke the glass: marked in the answer, and in the audit row.

https://hl7.org/fhir/R4/security-labels.html#break-the-glass, https://hl7.org/fhir/R4/security-labels.html#bundle

The resources go out as they are stored, so the mark is on the answer as a whole: the purpose as a security label of the
Bundle, and in the header Category, which a single resource has too.
"""

from collections.abc import Iterable

from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import HasId
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Version

POLICY = "https://sharedplan.dev/fhir/policy/break-glass"
"""What such an audit row names as the policy that it went by: AuditEvent.agent.policy."""

GROUND = "break-glass"


async def marked(trail: Trail, versions: Iterable[Version], acting: Acting) -> tuple[Trail, tuple[str, ...]]:
    """The audit row of showing these, and the labels of the answer: the purpose, when nothing but an opening shows one
    of them. Asks nothing of the database unless the purpose is that of an emergency."""
    if acting.ordinary and await _opened(versions, acting):
        row = trail._replace(policies=(*trail.policies, POLICY), grounds=(GROUND,))
        return row, (str(trail.purpose),)
    return trail, ()


async def _opened(versions: Iterable[Version], acting: Acting) -> bool:
    """Whether one of them does not lie within what its asker sees without an emergency."""
    ids: dict[str, set[str]] = {}
    for each in versions:
        type, id = (each.type, each.id) if each.container is None else each.container[:2]
        if type in acting.ordinary and not each.is_deleted:
            ids.setdefault(type, set()).add(id)
    for type, wanted in ids.items():
        where = HasId(tuple(sorted(wanted)))
        seen = await acting.unit.matching(type, where, within=acting.ordinary, limit=len(wanted))
        if len(seen) < len(wanted):
            return True
    return False
