"""Elements in FHIR's JSON, changed in place together with their `_` sibling, which holds a primitive's extensions.

The arrays of a repeating primitive and of its extensions go side by side, null where one has nothing.
https://hl7.org/fhir/R4/json.html#primitive
"""

from typing import Any

from sharedplan.fhir.exchanges import Json


def put(holder: Json, name: str, value: Any, shadow: Any) -> None:
    """Sets a single element; None leaves that side out."""
    for key, content in ((name, value), ("_" + name, shadow)):
        if content is None:
            holder.pop(key, None)
        else:
            holder[key] = content


def append(holder: Json, name: str, value: Any, shadow: Any) -> None:
    """Adds an item at the end of a list."""
    insert(holder, name, _length(holder, name), value, shadow)


def insert(holder: Json, name: str, index: int, value: Any, shadow: Any) -> None:
    """Adds an item to a list, before the one that has that index now."""
    values, shadows = _sides(holder, name)
    values.insert(index, value)
    shadows.insert(index, shadow)
    _keep(holder, name, values, shadows)


def put_at(holder: Json, name: str, index: int, value: Any, shadow: Any) -> None:
    """Puts an item in the place of another."""
    values, shadows = _sides(holder, name)
    values[index], shadows[index] = value, shadow
    _keep(holder, name, values, shadows)


def take(holder: Json, name: str, index: int | None) -> None:
    """Removes an element, or one item of it."""
    if index is None:
        holder.pop(name, None)
        holder.pop("_" + name, None)
        return
    values, shadows = _sides(holder, name)
    del values[index], shadows[index]
    _keep(holder, name, values, shadows)


def move(holder: Json, name: str, source: int, destination: int) -> None:
    """Moves an item within its list; `destination` is its index afterwards."""
    values, shadows = _sides(holder, name)
    for items in (values, shadows):
        items.insert(destination, items.pop(source))
    _keep(holder, name, values, shadows)


def rename(holder: Json, name: str, to: str) -> None:
    """Gives a property another name in the same place of the order."""
    if name == to:
        return
    names = {name: to, "_" + name: "_" + to}
    renamed = {names.get(key, key): value for key, value in holder.items()}
    holder.clear()
    holder.update(renamed)


def _length(holder: Json, name: str) -> int:
    return max(len(holder.get(key) or ()) for key in (name, "_" + name))


def _sides(holder: Json, name: str) -> tuple[list[Any], list[Any]]:
    """The values and the extensions of a list, equally long."""
    length = _length(holder, name)
    values, shadows = (list(holder.get(key) or ()) for key in (name, "_" + name))
    for items in (values, shadows):
        items.extend([None] * (length - len(items)))
    return values, shadows


def _keep(holder: Json, name: str, values: list[Any], shadows: list[Any]) -> None:
    """Writes both sides back, each only if it says something."""
    for key, items in ((name, values), ("_" + name, shadows)):
        if any(item is not None for item in items):
            holder[key] = items
        else:
            holder.pop(key, None)
