"""JSON Schemas of the R4 types, read off the models of fhir.resources; for documentation, not for validation.

The models' own `model_json_schema()` leaves every complex element open (`{}`) and knows no code lists, so the schemas
are built from the same fields here: one schema for each complex type, which point at each other by `$ref`.
https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, get_args
from uuid import UUID

from fhir.resources.R4B import get_fhir_model_class
from pydantic.fields import FieldInfo

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

PYTHON = {bool: "boolean", UUID: "uuid", str: "string"}
"""Python types that fhir.resources uses bare for a primitive."""

NOT_R4 = frozenset({"CodeableReference", "RatioRange"})
"""Types that R4B added to Extension.value[x]."""


def schemas(types: Iterable[str], *, prefix: str = "#/components/schemas/") -> dict[str, Schema]:
    """The schemas of these resource types and of every type that they are made of, by name; sorted.

    `prefix` is what a `$ref` puts before a name. Contained resources point at a schema named `Resource`, which is the
    caller's to give. An element that the standard requires is listed as required, though the standard would also take
    its `_` sibling with a data-absent-reason in its place.
    """
    made: dict[str, Schema] = {}
    waiting = [Kind(name, get_fhir_model_class(name)) for name in types]
    while waiting:
        kind = waiting.pop()
        if kind.name in made or kind.name == "Resource":
            continue
        if kind.model is None:
            made[kind.name] = PRIMITIVES[kind.name]
            continue
        made[kind.name], needed = _complex(kind, prefix)
        waiting.extend(needed)
    return dict(sorted(made.items()))


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of an element: its name, the model (None of a primitive), whether it repeats, whether its items may
    be null (those of a primitive's list, where an extension may stand instead)."""

    name: str
    model: Any = None
    is_list: bool = False
    nullable: bool = False


def _complex(kind: Kind, prefix: str) -> tuple[Schema, list[Kind]]:
    """The schema of one complex type, in the order of the standard, and the types of its elements."""
    model = kind.model
    elements: Schema = {}
    required: list[str] = []
    needed: list[Kind] = []
    for name, field in model.model_fields.items():
        if name in {"fhir_comments", "resource_type"}:
            continue
        element = field.alias or name
        inner = _kind_of(field)
        if inner.name in NOT_R4:
            continue
        needed.append(inner)
        elements[element] = _element(field, inner, prefix)
        if field.is_required() or _told(field).get("element_required"):
            required.append(element)
    order = {element: place for place, element in enumerate(model.elements_sequence())}
    elements = dict(sorted(elements.items(), key=lambda each: (order.get(each[0].lstrip("_"), -1), each[0][0] == "_")))
    if model.has_resource_base():
        elements = {"resourceType": {"const": kind.name}, **elements}
        required.insert(0, "resourceType")
    schema: Schema = {"type": "object", "description": _summary(model), "properties": elements}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema, needed


def _element(field: FieldInfo, kind: Kind, prefix: str) -> Schema:
    """The schema of one element: its type, its codes, whether it repeats, and the short text of the standard."""
    told = _told(field)
    inner: Schema = {"$ref": prefix + kind.name}
    codes = told.get("enum_values")
    if codes:
        inner = {"enum": list(codes)}
    if kind.is_list:
        inner = {"type": "array", "items": {"anyOf": [inner, {"type": "null"}]} if kind.nullable else inner}
    short = field.title or ""
    if short.startswith("Extension field for"):
        return inner
    if codes and "|" in short:
        short = _first_sentence(field.description or "")
    if targets := told.get("enum_reference_types"):
        short = f"{short} ({' | '.join(targets)})"
    if choice := told.get("one_of_many"):
        short = f"{short} (one of {choice}[x])"
    return {**inner, "description": short.strip()} if short else inner


def _told(field: FieldInfo) -> dict[str, Any]:
    """What fhir.resources notes of a field beside its type: codes, reference targets, choice, whether required."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _kind_of(field: FieldInfo) -> Kind:
    """The type of a model's field, unwrapped from Optional, list and Annotated."""
    return _unwrapped(field.annotation, tuple(field.metadata), Kind(""))


def _unwrapped(annotation: Any, marks: tuple[Any, ...], so_far: Kind) -> Kind:
    for mark in marks:
        if visited := getattr(mark, "__visit_name__", None):
            return replace(so_far, name=str(visited))
    if hasattr(annotation, "get_model_klass"):
        model = annotation.get_model_klass()
        name = model.__name__
        if name == "FHIRPrimitiveExtension":
            name, model = "Element", get_fhir_model_class("Element")
        return replace(so_far, name=name, model=model)
    if annotation in PYTHON:
        return replace(so_far, name=PYTHON[annotation])
    if hasattr(annotation, "__metadata__"):
        return _unwrapped(get_args(annotation)[0], annotation.__metadata__, so_far)
    arguments = get_args(annotation)
    if getattr(annotation, "__origin__", None) is list:
        return _unwrapped(arguments[0], (), replace(so_far, is_list=True))
    nullable = so_far.nullable or (so_far.is_list and type(None) in arguments)
    return _unwrapped(
        next(each for each in arguments if each is not type(None)), (), replace(so_far, nullable=nullable)
    )


def _summary(model: Any) -> str:
    """The first sentence that the standard says of a type."""
    text = " ".join((model.__doc__ or "").split())
    return _first_sentence(text.partition("FHIR Primitive Data Types. ")[2] or text)


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")
