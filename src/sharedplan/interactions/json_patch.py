"""JSON Patch on a resource: RFC 6902 operations at RFC 6901 pointers, pure.

https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch

Written here rather than taken from a library because numbers must keep their digits, `true` must not equal `1`, a
hostile patch must not grow a resource without end, and an error must name the operation that failed.
"""

from collections.abc import Callable
from typing import Any

from sharedplan.errors import Incorrect, Issue, Unprocessable
from sharedplan.fhir.exchanges import Json

MOST_OPERATIONS = 200
MOST_COPIES = 5
MOST_NODES = 100_000  # values that the operations of one patch may bring in, all together
DEEPEST = 64

_PROTECTED = {("resourceType",), ("id",), ("meta", "versionId"), ("meta", "lastUpdated")}

Pointer = tuple[str, ...]


def patched(resource: Json, operations: Any) -> Json:
    """The resource after the operations, as a new value; the given one stays as it is.

    Arrays and objects that a removal leaves empty go with it, for FHIR knows neither.
    Raises Incorrect (not a patch, or beyond the limits), Unprocessable (cannot be applied to this resource, a `test`
    failed, or touches what the server owns). https://www.rfc-editor.org/rfc/rfc5789#section-2.2
    """
    if not isinstance(operations, list):
        raise Incorrect("a JSON Patch is an array of operations")
    if len(operations) > MOST_OPERATIONS:
        raise too_much(f"a patch may hold {MOST_OPERATIONS} operations, this one holds {len(operations)}")
    if sum(isinstance(one, dict) and one.get("op") == "copy" for one in operations) > MOST_COPIES:
        raise too_much(f"a patch may hold {MOST_COPIES} copy operations")
    work = _Work(copied(resource))
    for number, operation in enumerate(operations):
        work.apply(number, operation)
    if not isinstance(work.document, dict):
        raise Unprocessable("what the patch leaves is not a resource")
    without_empties(work.document, work.emptied)
    return work.document


def copied(value: Any) -> Any:
    """A copy that shares no array or object with the original; numbers are the same, digits included."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) for inner in value]
    return value


def equal(one: Any, other: Any) -> bool:
    """Equal as RFC 6902 has it: numbers by value, booleans only to booleans, objects in any order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def without_empties(value: Any, emptied: list[Any]) -> None:
    """Takes out of `value` those of `emptied` that are still empty, and what becomes empty by that; in place."""
    empty = {id(holder) for holder in emptied if not holder}
    if empty:
        _prune(value, empty)


def _prune(value: Any, empty: set[int]) -> bool:
    """Whether `value` is to go: it was emptied, or everything in it was."""
    if isinstance(value, dict):
        gone: list[Any] = [key for key, inner in value.items() if _prune(inner, empty)]
    elif isinstance(value, list):
        gone = [index for index, inner in enumerate(value) if _prune(inner, empty)]
    else:
        return False
    for place in reversed(gone):
        del value[place]
    return not value and (bool(gone) or id(value) in empty)


def size(value: Any) -> tuple[int, int]:
    """(values, levels) of a JSON value: 1, 0 for a number or string."""
    if not isinstance(value, dict | list):
        return 1, 0
    inside = [size(inner) for inner in (value.values() if isinstance(value, dict) else value)]
    return 1 + sum(nodes for nodes, _ in inside), 1 + max((depth for _, depth in inside), default=0)


class _Work:
    """The document while the operations are at it."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.emptied: list[Any] = []  # holders that something was taken out of
        self.nodes = 0  # values brought in so far
        self.now = ""  # the operation at hand, for messages

    def apply(self, number: int, operation: Any) -> None:
        if not isinstance(operation, dict):
            raise Incorrect(f"operation {number} is not an object")
        op = operation.get("op")
        act = _ACTS.get(op) if isinstance(op, str) else None
        if act is None:
            raise Incorrect(f"operation {number}: op is add, remove, replace, move, copy or test")
        self.now = f"operation {number} ({op} {operation.get('path')})"
        act(self, operation)

    def add(self, operation: Json) -> None:
        value = self.value(operation)
        self.put(self.pointer(operation, "path", writes=True), copied(value))

    def remove(self, operation: Json) -> None:
        self.take(self.pointer(operation, "path", writes=True))

    def replace(self, operation: Json) -> None:
        value = copied(self.value(operation))
        path = self.pointer(operation, "path", writes=True)
        self.weigh(path, value)
        if not path:
            self.document = value
            return
        holder, key = self.place(path)
        holder[key] = value

    def move(self, operation: Json) -> None:
        source = self.pointer(operation, "from", writes=True)
        path = self.pointer(operation, "path", writes=True)
        if len(source) < len(path) and path[: len(source)] == source:
            raise Unprocessable(f"{self.now}: a value cannot be moved into itself")
        if source == path:
            self.find(path)
            return
        self.put(path, self.take(source))

    def copy(self, operation: Json) -> None:
        value = copied(self.find(self.pointer(operation, "from")))
        self.put(self.pointer(operation, "path", writes=True), value)

    def test(self, operation: Json) -> None:
        value = self.value(operation)
        if not equal(self.find(self.pointer(operation, "path")), value):
            raise Unprocessable(f"{self.now}: the value there is another")

    def value(self, operation: Json) -> Any:
        if "value" not in operation:
            raise Incorrect(f"{self.now} lacks its value")
        return operation["value"]

    def pointer(self, operation: Json, member: str, *, writes: bool = False) -> Pointer:
        text = operation.get(member)
        if not isinstance(text, str):
            raise Incorrect(f"{self.now} lacks its {member}")
        if text and not text.startswith("/"):
            raise Incorrect(f"{self.now}: a JSON Pointer is empty or begins with a slash")
        for piece in text.split("~")[1:]:
            if not piece.startswith(("0", "1")):
                raise Incorrect(f"{self.now}: in a JSON Pointer, ~ is followed by 0 or 1")
        path = tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])
        if writes and path in _PROTECTED:
            raise Unprocessable(f"{self.now}: the server keeps /{'/'.join(path)}, a patch cannot change it")
        return path

    def find(self, path: Pointer) -> Any:
        if not path:
            return self.document
        holder, key = self.place(path)
        return holder[key]

    def place(self, path: Pointer) -> tuple[Any, Any]:
        """(holder, key or index) of a value that exists."""
        holder = self.find(path[:-1])
        last = path[-1]
        if isinstance(holder, dict):
            if last in holder:
                return holder, last
        elif isinstance(holder, list):
            index = self.index(last)
            if index < len(holder):
                return holder, index
        raise Unprocessable(f"{self.now}: there is no {_text(path)}")

    def index(self, token: str) -> int:
        if not (token.isascii() and token.isdigit()) or (token[0] == "0" and len(token) > 1) or len(token) > 9:
            raise Unprocessable(f"{self.now}: {token!r} is not the index of an array")
        return int(token)

    def put(self, path: Pointer, value: Any) -> None:
        self.weigh(path, value)
        if not path:
            self.document = value
            return
        holder = self.find(path[:-1])
        last = path[-1]
        if isinstance(holder, dict):
            holder[last] = value
        elif isinstance(holder, list):
            index = len(holder) if last == "-" else self.index(last)
            if index > len(holder):
                raise Unprocessable(f"{self.now}: the array ends before {_text(path)}")
            holder.insert(index, value)
        else:
            raise Unprocessable(f"{self.now}: {_text(path[:-1])} can hold nothing")

    def take(self, path: Pointer) -> Any:
        if not path:
            raise Unprocessable(f"{self.now}: a patch cannot remove the resource")
        holder, key = self.place(path)
        value = holder.pop(key)
        self.emptied.append(holder)
        return value

    def weigh(self, path: Pointer, value: Any) -> None:
        nodes, depth = size(value)
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise too_much(f"{self.now}: the patch would bring in more than {MOST_NODES} values")
        if len(path) + depth > DEEPEST:
            raise too_much(f"{self.now}: the resource would nest more than {DEEPEST} levels")


_ACTS: dict[str, Callable[[_Work, Json], None]] = {
    "add": _Work.add,
    "remove": _Work.remove,
    "replace": _Work.replace,
    "move": _Work.move,
    "copy": _Work.copy,
    "test": _Work.test,
}


def _text(path: Pointer) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path) or "the resource"


def too_much(saying: str) -> Incorrect:
    """The refusal of a patch that would cost too much."""
    return Incorrect(saying, issues=(Issue("too-costly", saying),))
