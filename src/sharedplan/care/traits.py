"""What has been found out of single resources, each for itself: found out once, as long as the resource is the same.

A rule that looks at hundreds of meetings reads the same few things of each. Those that follow from the resource alone,
and from the base of the server, are kept here, and go on from one situation to the next that has the same resource.
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

Trait = TypeVar("Trait")


class Traits:
    """Of resources of one server with that base."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._targets: dict[str, str | None] = {}
        self._found: dict[object, dict[int, tuple[Json, object]]] = {}

    def name_of(self, reference: Json | str | None) -> str | None:
        """ "Type/id" of what a Reference leads to on this server; None when it does not tell."""
        text = reference.get("reference") if isinstance(reference, dict) else reference
        if not isinstance(text, str):
            return None
        if text not in self._targets:
            found = references.parse(text).relative_to(self.base)
            self._targets[text] = found.target if found.kind == "relative" else None  # another server's is not ours
        return self._targets[text]

    def of(self, resource: Json, by: Callable[["Traits", Json], Trait]) -> Trait:
        """What that function finds out of the resource, which it must do of nothing else; nobody may change it."""
        found = self._found.get(by)
        if found is None:
            found = self._found[by] = {}
        entry = found.get(id(resource))
        if entry is None or entry[0] is not resource:
            entry = found[id(resource)] = (resource, by(self, resource))
        return entry[1]  # type: ignore[return-value]  # what that function gave

    def fitting(self, resources: Collection[Json]) -> "Traits":
        """These; without those of other resources, once they are more."""
        if max(map(len, self._found.values()), default=0) <= 2 * len(resources):
            return self
        kept = Traits(self.base)
        ids = {*map(id, resources)}
        kept._found = {by: {n: each for n, each in its.items() if n in ids} for by, its in self._found.items()}
        return kept
