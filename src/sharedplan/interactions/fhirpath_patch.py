"""FHIRPath Patch: a Parameters resource of operations on elements that FHIRPath points at; pure.

https://hl7.org/fhir/R4/fhirpatch.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sharedplan.errors import Incorrect, Unprocessable
from sharedplan.fhir.elements import Element, choices, element
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions import lists
from sharedplan.interactions.fhirpath import Budget, Place, count, places
from sharedplan.interactions.fhirpath_syntax import parse
from sharedplan.interactions.json_patch import MOST_NODES, MOST_OPERATIONS, copied, size, too_much, without_empties
from sharedplan.interactions.patch_values import Brought, brought, suffix

_PARTS = {"type", "path", "name", "value", "index", "source", "destination"}


def patched(resource: Json, parameters: Any) -> Json:
    """The resource after the operations, as a new value; the given one stays as it is.

    What a deletion leaves empty goes with it. Whether the outcome is a valid resource is the caller's to check.
    Raises Incorrect (not a FHIRPath Patch, or beyond the limits), Unprocessable (cannot be applied to this resource, or
    touches what the server owns).
    """
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise Incorrect(
            "a FHIRPath Patch is a Parameters resource; a JSON Patch is an array of operations, sent as "
            "application/json-patch+json; a part of a resource is no patch"
        )
    operations = parameters.get("parameter", [])
    if not isinstance(operations, list):
        raise Incorrect("Parameters.parameter is an array of operations", at="Parameters.parameter")
    if len(operations) > MOST_OPERATIONS:
        raise too_much(f"a patch may hold {MOST_OPERATIONS} operations, this one holds {len(operations)}")
    if size(operations)[0] > MOST_NODES:
        raise too_much(f"a patch may bring in {MOST_NODES} values")
    document: Json = copied(resource)
    emptied: list[Any] = []
    budget = Budget()
    for number, parameter in enumerate(operations):
        _read(parameter, document, emptied, budget, f"Parameters.parameter[{number}]").apply()
    without_empties(document, emptied)
    return document


def _read(parameter: Any, document: Json, emptied: list[Any], budget: Budget, at: str) -> "_Operation":
    parts = parameter.get("part") if isinstance(parameter, dict) else None
    if not isinstance(parts, list) or parameter.get("name") != "operation":
        raise Incorrect("a parameter of a FHIRPath Patch is named operation and has parts", at=at)
    named: dict[str, Json] = {}
    for part in parts:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _PARTS or name in named:
            raise Incorrect(f"an operation has no part {name!r}, or has it twice", at=at)
        named[name] = part
    return _Operation(document, emptied, named, budget, at)


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation: the document it is done to, the holders that it took from, its parts by name, what its paths may
    still cost, where it stands."""

    document: Json
    emptied: list[Any]
    parts: dict[str, Json]
    budget: Budget
    at: str

    def apply(self) -> None:
        kind = self.needs("type", ("valueCode", "valueString"), str)
        act = _ACTS.get(kind)
        if act is None:
            raise self.wrong(f"an operation is add, insert, delete, replace or move, not {kind!r}")
        act(self)

    def add(self) -> None:
        type, holder = self.single().inside
        name = self.needs("name", ("valueString",), str)
        if holder is None:
            raise self.unfit(f"{self.path} is a primitive without extensions")
        new = self.value(type, name)
        self.guard(holder, new.element)
        if new.element.many:
            lists.insert(holder, new.element.name, count(holder, new.element), new.value, new.shadow)
            return
        rivals = choices(type, new.element.choice) if new.element.choice else (new.element,)
        if any(count(holder, rival) for rival in rivals):
            raise self.unfit(f"{self.path} has {name} already, and it does not repeat")
        lists.put(holder, new.element.name, new.value, new.shadow)

    def insert(self) -> None:
        index = self.needs("index", ("valueInteger",), int)
        type, holder, listed = self.collection()
        new = self.value(type, listed.name)
        length = count(holder, listed)
        if not 0 <= index <= length:
            raise self.unfit(f"index {index} is outside the list at {self.path}, which has {length}")
        lists.insert(holder, listed.name, index, new.value, new.shadow)

    def delete(self) -> None:
        found = places(self.document, parse(self.path), self.budget)
        if len(found) > 1:
            raise self.unfit(f"delete needs one element at {self.path}, there are {len(found)}")
        for place in found:
            self.guard(place.holder, place.element)
            lists.take(place.holder, place.element.name, place.index)
            self.emptied.append(place.holder)

    def replace(self) -> None:
        place = self.single()
        self.guard(place.holder, place.element)
        name = place.element.name
        new = self.value(place.owner, place.element.choice or name)
        if place.index is None:
            lists.rename(place.holder, name, new.element.name)
            lists.put(place.holder, new.element.name, new.value, new.shadow)
        else:
            lists.put_at(place.holder, name, place.index, new.value, new.shadow)

    def move(self) -> None:
        source = self.needs("source", ("valueInteger",), int)
        destination = self.needs("destination", ("valueInteger",), int)
        _, holder, listed = self.collection()
        length = count(holder, listed)
        for index in (source, destination):
            if not 0 <= index < length:
                raise self.unfit(f"index {index} is outside the list at {self.path}, which has {length}")
        lists.move(holder, listed.name, source, destination)

    @property
    def path(self) -> str:
        return str(self.needs("path", ("valueString",), str))

    def single(self) -> Place:
        """The one element that the path selects."""
        found = places(self.document, parse(self.path), self.budget)
        if len(found) != 1:
            raise self.unfit(f"the operation needs one element at {self.path}, there are {len(found)}")
        return found[0]

    def collection(self) -> tuple[str, Json, Element]:
        """(type of the holder, holder, element) of the list that the path names; it may hold nothing yet."""
        path = parse(self.path)
        if path.kind != "name" or path.on is None:
            raise self.wrong("the path of a list ends with the list's name")
        parents = places(self.document, path.on, self.budget)
        if len(parents) != 1:
            raise self.unfit(f"{self.path} is not one list")
        type, holder = parents[0].inside
        listed = element(type, path.word)
        if holder is None or listed is None or not listed.many:
            raise self.unfit(f"{self.path} is not a list")
        return type, holder, listed

    def value(self, type: str, name: str) -> Brought:
        """What the operation brings in as the element of that name in that type, or as a form of that choice."""
        part = self.parts.get("value")
        if part is None:
            raise self.wrong("the operation lacks its value")
        known = element(type, name) or element(type, name + suffix(part))
        if known is None:
            raise self.unfit(f"{type} has no element {name} of the type that is given")
        return brought(part, known, self.at)

    def guard(self, holder: Json, named: Element) -> None:
        """Refuses what the server owns."""
        if (holder is self.document and named.name in ("", "id")) or (
            holder is self.document.get("meta") and named.name in ("versionId", "lastUpdated")
        ):
            raise self.unfit(f"the server keeps {named.name or 'the resource'}, a patch cannot change it")

    def needs(self, part: str, keys: tuple[str, ...], kind: type) -> Any:
        values = self.parts.get(part, {})
        value = next((values[key] for key in keys if key in values), None)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(f"the operation lacks its {part}, as {keys[0]}")
        return value

    def wrong(self, saying: str) -> Incorrect:
        return Incorrect(saying, at=self.at)

    def unfit(self, saying: str) -> Unprocessable:
        return Unprocessable(saying, at=self.at)


_ACTS: dict[str, Callable[[_Operation], None]] = {
    "add": _Operation.add,
    "insert": _Operation.insert,
    "delete": _Operation.delete,
    "replace": _Operation.replace,
    "move": _Operation.move,
}
