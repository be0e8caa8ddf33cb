"""The elements of a type by the names they have in JSON, where a choice carries its type: valueQuantity.

https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/formats.html#choice
"""

from dataclasses import dataclass

from sharedplan.fhir.structure import is_choice, shape


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its JSON name, where its own elements are described ("HumanName", "Patient.contact", "code"),
    whether it repeats, and the choice it belongs to ("value" of valueQuantity)."""

    name: str
    type: str
    many: bool
    choice: str | None = None


def element(owner: str, name: str) -> Element | None:
    """The element of a type, or of an element without a type of its own, by its JSON name; None when there is none.

    `owner` is a type ("Patient", "HumanName") or a path ("Patient.contact").
    """
    path = f"{owner}.{name}"
    if not is_choice(path):
        found = shape(path)
        if found is not None:
            return Element(name, found.path, found.many)
    for end in range(1, len(name)):
        if name[end].isupper():
            for one in choices(owner, name[:end]):
                if one.name == name:
                    return one
    return None


def choices(owner: str, name: str) -> tuple[Element, ...]:
    """The forms that a choice can take: of Observation and "value", valueQuantity and its siblings."""
    path = f"{owner}.{name}"
    found = shape(path) if is_choice(path) else None
    if found is None:
        return ()
    return tuple(Element(name + type[:1].upper() + type[1:], type, False, name) for type in found.types)


def has_elements(type: str) -> bool:
    """Whether values of the type are objects with elements of their own: HumanName has, string has not."""
    return shape(f"{type}.id") is not None or type == "Resource"
