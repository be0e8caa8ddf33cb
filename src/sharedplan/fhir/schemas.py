"""JSON Schemas of the R4 types, read off the models of fhir.resources; for documentation, not for validation.

The models' own `model_json_schema()` leaves every complex element open (`{}`) and knows no code lists, so the schemas
are built from the same fields here: one schema for each complex type, which point at each other by `$ref`.
https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Iterable
from typing import Any

from sharedplan.fhir.models import Field, Model, fields, model, type_of

Schema = dict[str, Any]

DATE = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
OFFSET = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"

PRIMITIVES: dict[str, Schema] = {
    "base64Binary": {"type": "string", "contentEncoding": "base64"},
    "boolean": {"type": "boolean"},
    "canonical": {"type": "string", "pattern": r"^\S+$"},
    "code": {"type": "string", "pattern": r"^[^\s]+(\s[^\s]+)*$"},
    "date": {"type": "string", "pattern": f"^{DATE}$", "description": "A year, a month or a day; no time zone"},
    "dateTime": {
        "type": "string",
        "pattern": f"^({DATE}|{DAY}T{CLOCK}{OFFSET})$",
        "description": "A year, a month, a day, or an instant with its offset",
    },
    "decimal": {"type": "number", "description": "Kept with the digits it was sent with: 1.10 stays 1.10"},
    "id": {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"},
    "instant": {"type": "string", "pattern": f"^{DAY}T{CLOCK}{OFFSET}$"},
    "integer": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
    "markdown": {"type": "string", "pattern": r"\S", "description": "Markdown text"},
    "oid": {"type": "string", "pattern": r"^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$"},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": 2147483647},
    "string": {"type": "string", "pattern": r"\S"},
    "time": {"type": "string", "pattern": f"^{CLOCK}$"},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": 2147483647},
    "uri": {"type": "string", "pattern": r"^\S+$"},
    "url": {"type": "string", "pattern": r"^\S+$"},
    "uuid": {"type": "string", "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
    "xhtml": {"type": "string", "description": "A div in XHTML, without active content"},
}
"""FHIR's primitive types. https://hl7.org/fhir/R4/datatypes.html#primitive"""

LONG = 40
"""Codes above this number are not listed, but their value set is named."""


def schemas(types: Iterable[str], *, prefix: str = "#/components/schemas/") -> dict[str, Schema]:
    """The schemas of these resource types and of every type that they are made of, by name; sorted.

    `prefix` is what a `$ref` puts before a name. Contained resources point at a schema named `Resource`, which is the
    caller's to give. An element that the standard requires is listed as required, though the standard would also take
    its `_` sibling with a data-absent-reason in its place.
    """
    made: dict[str, Schema] = {}
    waiting = [found for type in (*types, "Element") if (found := model(type)) is not None]
    while waiting:
        next_one = waiting.pop()
        name = type_of(next_one)
        if name in made or name == "Resource":
            continue
        elements = list(fields(next_one))
        made[name] = _complex(next_one, elements, prefix)
        for field in elements:
            if field.model is not None:
                waiting.append(field.model)
            elif field.kind not in made:
                made[field.kind] = PRIMITIVES[field.kind]
    return dict(sorted(made.items()))


def _complex(model: Any, elements: list[Field], prefix: str) -> Schema:
    """The schema of one complex type, its elements in the order of the standard."""
    is_resource = bool(model.has_resource_base())
    properties: Schema = {"resourceType": {"const": type_of(model)}} if is_resource else {}
    order = {name: place for place, name in enumerate(model.elements_sequence())}
    told = {field.alias or name: field for name, field in model.model_fields.items()}
    for field in sorted(elements, key=lambda each: order.get(each.name, -1)):
        sibling = "_" + field.name
        inner = _repeated(_value(field, prefix), field, nullable=field.is_extensible)
        info = told.get(field.name)
        if info is not None and (short := _short(field, info.title or "", info.description or "")):
            inner["description"] = short
        properties[field.name] = inner
        if field.is_extensible:
            properties[sibling] = _repeated({"$ref": prefix + "Element"}, field, nullable=True)
    schema: Schema = {"type": "object", "description": _summary(model), "properties": properties}
    required = [field.name for field in elements if field.is_required and not field.choice]
    if is_resource or required:
        schema["required"] = (["resourceType"] if is_resource else []) + required
    schema["additionalProperties"] = False
    return schema


def _value(field: Field, prefix: str) -> Schema:
    """The schema of one value: its codes, where R4 requires some and they are few, else its type."""
    bound = field.required_codes
    if bound is not None and field.model is None and len(bound.codes) <= LONG:
        return {"type": "string", "enum": sorted(bound.codes)}
    return {"$ref": prefix + field.kind}


def _repeated(inner: Schema, field: Field, *, nullable: bool) -> Schema:
    """The schema of an element; in a primitive's list null stands where only the `_` sibling has something to say."""
    if not field.many:
        return inner
    return {"type": "array", "items": {"anyOf": [inner, {"type": "null"}]} if nullable else inner}


def _short(field: Field, title: str, description: str) -> str:
    """The standard's short text of an element, with the types it may refer to and the choice it belongs to."""
    short = _first_sentence(description) if field.required_codes is not None and "|" in title else title
    if field.targets:
        short += f" ({' | '.join(sorted(field.targets))})"
    if field.choice:
        short += f" (one of {field.choice}[x])"
    if field.required_codes is not None and len(field.required_codes.codes) > LONG:
        short += f" (a code of {field.required_codes.value_set})"
    return short


def _summary(model: Model) -> str:
    """The first sentence that the standard says of a type."""
    text = " ".join((model.__doc__ or "").split())
    return _first_sentence(text.partition("FHIR Primitive Data Types. ")[2] or text)


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")
