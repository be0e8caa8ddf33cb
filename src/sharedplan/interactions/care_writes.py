"""A write as the service models' rules look at it: what was, what would be, which rules may have something to say, and
what the service itself puts in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sharedplan.care import clocks, need_assessments
from sharedplan.care.situation import Situation
from sharedplan.care.writes import rules
from sharedplan.care.writing import WriteRule
from sharedplan.fhir import json_text, references, resources
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.proposals import Proposal
from sharedplan.search.indexing import index_values, inner_values

_CLIENT = {"Consent": "patient", "EpisodeOfCare": "patient", "RelatedPerson": "patient", "Task": "for"}


@dataclass(frozen=True, slots=True)
class CareWrite:
    """One of the writes: where it stands among them, and the rules that may have something to say of it."""

    number: int
    proposal: Proposal
    current: Json | None
    proposed: Json | None
    client: str | None
    judged: Sequence[WriteRule]
    told: Sequence[WriteRule]

    @property
    def name(self) -> str:
        return f"{self.proposal.change.type}/{self.proposal.change.id}"

    @property
    def is_looked_at(self) -> bool:
        return bool(self.judged or self.told or self.has_clocks)

    @property
    def has_clocks(self) -> bool:
        return self.proposed is not None and has_clocks(self.proposal)


def completed(write: CareWrite, after: Situation) -> CareWrite:
    """The write with the clocks of a need assessment, which are the service's own."""
    proposal, task = write.proposal, write.proposed
    if not write.has_clocks or task is None or proposal.resource is None:
        return write
    made = clocks.with_clocks(task, after.patient, need_assessments.model_of(task, after))
    if made == task:
        return write
    resource = made if "id" in proposal.resource else {name: each for name, each in made.items() if name != "id"}
    change = replace(
        proposal.change,
        stamped=resources.stamped(resource, id=proposal.change.id, version=proposal.change.version),
        values=index_values("Task", resource, base=proposal.base),
        contained=inner_values(resource, base=proposal.base),
    )
    return replace(write, proposal=replace(proposal, change=change, resource=resource), proposed=made)


def has_clocks(proposal: Proposal) -> bool:
    """Whether it is a need assessment, whose clocks the service works out."""
    return proposal.change.type == "Task" and clocks.is_need_assessment(proposal.resource or {})


def read(number: int, proposal: Proposal, tells: bool) -> CareWrite:
    """The proposal as one of those that go in together; `tells`: whether the writer wants to know what only warns."""
    change, before = proposal.change, proposal.before
    if change.type not in rules.RULES:
        return CareWrite(
            number, proposal, None, _with_id(proposal), _client_of(proposal.resource, proposal.base), (), ()
        )
    current = json_text.read(before.content) if before is not None and before.content is not None else None
    proposed = _with_id(proposal)
    judged = rules.applying(change.type, current, proposed, warns=False)
    told = rules.applying(change.type, current, proposed, warns=True) if tells else []
    client = _client_of(proposed or current, proposal.base)
    return CareWrite(number, proposal, current, proposed, client, judged, told)


def _with_id(proposal: Proposal) -> Json | None:
    return {**proposal.resource, "id": proposal.change.id} if proposal.resource is not None else None


def _client_of(resource: Json | None, base: str) -> str | None:
    """The Patient that it is of; None for what is of none. An Appointment is of the first one who takes part."""
    found = resource or {}
    type = found.get("resourceType", "")
    if type != "Appointment":
        return _patient(found.get(_CLIENT.get(type, "subject")), base)
    actors = (_patient(each.get("actor"), base) for each in found.get("participant", ()))
    return next((each for each in actors if each is not None), None)


def _patient(element: Any, base: str) -> str | None:
    """The Patient that a Reference leads to."""
    text = element.get("reference") if isinstance(element, dict) else None
    found = references.parse(text).relative_to(base) if isinstance(text, str) else None
    return found.target if found is not None and found.type == "Patient" else None
