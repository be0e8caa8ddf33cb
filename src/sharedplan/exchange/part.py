"""One entry of a transaction on its way from the question to the answer."""

from dataclasses import dataclass

from sharedplan.exchange.entries import Entry
from sharedplan.exchange.plan import CHANGES, Key
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.criteria import Criteria
from sharedplan.store.versions import Version


@dataclass(frozen=True, slots=True)
class Part:
    """An entry, its surroundings, and the resource it is about as far as that is known.

    `condition` is what it selects its resource by, `found` the id of what that selected, `existing` the resource itself
    when an If-None-Exist found one. `id` is that of the resource which it changes; None when it changes none.
    """

    entry: Entry
    acting: Acting
    condition: Criteria | None = None
    found: str | None = None
    existing: Version | None = None
    id: str | None = None

    @property
    def asked(self) -> Asked:
        return self.entry.asked

    @property
    def number(self) -> int:
        return self.entry.number

    @property
    def type(self) -> str:
        return str(self.asked.type)

    @property
    def is_change(self) -> bool:
        """Whether the entry asks for a change, of something or of nothing."""
        return self.asked.interaction in CHANGES

    @property
    def brings_links(self) -> bool:
        """Whether references in the entry's resource become part of what is stored: also those of a FHIRPath Patch."""
        if self.asked.interaction == "patch":
            return self.asked.patch_format == "fhirpath-patch"
        return self.asked.interaction in ("create", "update") and self.id is not None

    @property
    def changed(self) -> Key | None:
        """The resource that the entry changes."""
        return (self.type, self.id) if self.id is not None else None

    @property
    def key(self) -> Key | None:
        """The resource that the entry's fullUrl stands for."""
        return (self.type, self.existing.id) if self.existing is not None else self.changed
