"""Parts of a resource, for those who do not want the whole: the forms of _summary, and _elements.

https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements

A part is a new object, marked with the tag SUBSETTED; what it shares with the resource is not changed. Beyond what the
parameters name it holds `implicitRules` and `modifierExtension`: without them it could be taken for what it is not.
"""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from sharedplan.errors import Issue
from sharedplan.fhir.codes import resource_types
from sharedplan.fhir.elements import Element, choices, element, has_elements
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.structure import names as names_of
from sharedplan.fhir.structure import shape

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
SUBSETTED = "SUBSETTED"

ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})

_LEFT_OUT = ""
_LONGEST_NAME = 60
"""Characters of a name that are looked at: comparing long texts to known names takes long."""


def summarised(type: str, resource: Json, kind: str) -> Json:
    """The part of a resource of that type that a _summary asks for.

    `kind`: "true" for the summary elements and mandatory ones, at all levels; "text" for the narrative and whatever is
    mandatory; "data" for all but the narrative. Contained resources belong only to the last. Raises ValueError for
    another kind.
    """
    if kind == "true":
        return _marked(_summary(resource, type))
    if kind == "text":
        return _marked(_only(resource, _named(type, ("text",))))
    if kind == "data":
        return _marked({name: value for name, value in resource.items() if name != "text"})
    raise ValueError(f"no summary of a resource: {kind}")


def with_elements(type: str, resource: Json, names: Collection[str]) -> Json:
    """The part of a resource of that type that an _elements asks for: those elements and the mandatory ones.

    A name is that of an element of the resource itself; a choice has its bare name ("value", all its forms) or that of
    one form ("valueQuantity"). "CarePlan.status" limits CarePlans only: a resource that no name is for stays whole.
    Names that its type does not have are passed over, see `unknown_elements`. A contained resource stays while
    something that stays points at it.
    """
    own = _own(type, names)
    if not own:
        return dict(resource)
    kept = _named(type, own)
    part = _only(resource, kept)
    if "contained" in resource and "contained" not in kept:
        pointed_at = _pointed_at(resource["contained"], part)
        if pointed_at:
            with_contained = _only(resource, kept | {"contained"})
            part = {**with_contained, "contained": pointed_at}
    return _marked(part)


def unknown_elements(type: str, names: Iterable[str]) -> list[str]:
    """Those of the names that _elements cannot take in a search of that type, as they were given.

    "Patient.name" is held to the elements of Patient, whatever the search is for; "name.family" is never known.
    """
    return [name for name in names if not _is_known(type, name)]


def nearest_element(type: str, name: str) -> str | None:
    """The name that was probably meant by one that is not known: "name" for "nmae" and for "name.family"."""
    prefix, dot, rest = name[:_LONGEST_NAME].partition(".")
    if dot and prefix in resource_types():
        near = nearest_element(prefix, rest.partition(".")[0])
        return f"{prefix}.{near}" if near is not None else None
    known = _forms(type)
    if prefix in known:
        return prefix
    return next(iter(get_close_matches(prefix, known, 1, 0.6)), None)


def is_subset(resource: Json) -> bool:
    """Whether it says of itself that it is a part of a resource, by a tag or by a security label."""
    return any(_is_mark(label) for member in ("tag", "security") for label in _labels(resource, member))


def refusal(type: str, resource: Json) -> list[Issue]:
    """The error when a part is to be stored: it would replace the whole, and what it leaves out would be lost."""
    if not is_subset(resource):
        return []
    saying = (
        f"This {type} is only a part of one, so its tag {SUBSETTED} says, and storing it would lose the rest. "
        "Read it whole, without _summary and _elements, and change that."
    )
    return [Issue("business-rule", saying, f"{type}.meta")]


# The summary: for each type, and each element with elements of its own, a plan of what stays, made once.


def _summary(holder: Json, owner: str) -> Json:
    """What of an object belongs to the summary; all of it when nothing does.

    For an empty object is not valid, and what then stands in the place of a value, an extension, says why it is not
    there.
    """
    plan = _plan(owner)
    part = {}
    for name, value in holder.items():
        inner = plan.get(name, _LEFT_OUT)
        if inner is None:
            part[name] = value
        elif inner is not _LEFT_OUT:
            part[name] = [_summary(one, inner) for one in value] if type(value) is list else _summary(value, inner)
    return part or holder


@lru_cache(maxsize=512)
def _plan(owner: str) -> dict[str, str | None]:
    """JSON name of each element that stays → where its own elements are described, None for one that stays whole."""
    plan: dict[str, str | None] = {}
    for name in names_of(owner):
        found = shape(f"{owner}.{name}")
        if found is not None and (found.is_summary or found.is_mandatory):
            for form in _forms_of(owner, name):
                # By its definition nothing but the url of an Extension is left.
                is_whole = form.type == "Extension" or not has_elements(form.type)
                plan[form.name] = None if is_whole else form.type
                plan[f"_{form.name}"] = None
    if "." not in owner and owner in resource_types():
        plan |= dict.fromkeys(ALWAYS)
    return plan


def _forms_of(owner: str, name: str) -> tuple[Element, ...]:
    """The elements of one name in JSON: several for a choice."""
    if forms := choices(owner, name):
        return forms
    found = element(owner, name)
    return (found,) if found is not None else ()


# Elements by their names


def _own(type: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that are for this type, without its prefix."""
    prefix = f"{type}."
    return tuple(name.removeprefix(prefix) for name in names if "." not in name or name.startswith(prefix))


@lru_cache(maxsize=512)
def _named(type: str, names: tuple[str, ...]) -> frozenset[str]:
    """The JSON names that stay with these elements: theirs, those of mandatory ones, each with its twin."""
    mandatory = [n for n in names_of(type) if (found := shape(f"{type}.{n}")) is not None and found.is_mandatory]
    forms = _forms(type)
    stays = ALWAYS.union(*(forms.get(name, ()) for name in (*mandatory, *names)))
    return stays | {f"_{name}" for name in stays}


@lru_cache(maxsize=64)
def _forms(type: str) -> dict[str, tuple[str, ...]]:
    """What _elements may name of a type → the JSON names meant."""
    known: dict[str, tuple[str, ...]] = {"resourceType": ("resourceType",)}
    for name in names_of(type):
        forms = tuple(form.name for form in _forms_of(type, name))
        known |= {form: (form,) for form in forms}
        known[name] = forms
    return known


def _is_known(type: str, name: str) -> bool:
    prefix, dot, rest = name.partition(".")
    if dot:
        return prefix in resource_types() and rest in _forms(prefix)
    return name in _forms(type)


def _only(resource: Json, names: frozenset[str]) -> Json:
    return {name: value for name, value in resource.items() if name in names}


# Contained resources: https://hl7.org/fhir/R4/references.html#contained


def _pointed_at(contained: Any, part: Json) -> list[Json]:
    """Those of the contained resources that the part points at, and those that these point at."""
    by_id = {one["id"]: one for one in contained if "id" in one}
    reached: set[str] = set()
    todo: list[Any] = [part]
    while todo:
        for id in {text[1:] for text in _fragments(todo.pop())} & by_id.keys() - reached:
            reached.add(id)
            todo.append(by_id[id])
    return [one for one in contained if one.get("id") in reached]


def _fragments(value: Any) -> Iterator[str]:
    """All texts that look like "#id": in references, and in canonicals and uris, which may point inside as well."""
    if isinstance(value, str):
        if value.startswith("#"):
            yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _fragments(child)


# The mark: https://hl7.org/fhir/R4/resource.html#simple-tags


def _marked(part: Json) -> Json:
    """The part with the tag, once; `meta` follows the id when there was none."""
    tags = _labels(part, "tag")
    if any(map(_is_mark, tags)):
        return part
    meta = {**part.get("meta", {}), "tag": [*tags, {"system": SYSTEM, "code": SUBSETTED}]}
    if "meta" in part:
        return {**part, "meta": meta}
    before = "id" if "id" in part else "resourceType"
    marked: Json = {}
    for name, value in part.items():
        marked[name] = value
        if name == before:
            marked["meta"] = meta
    return marked


def _labels(resource: Json, member: str) -> list[Any]:
    meta = resource.get("meta")
    labels = meta.get(member) if isinstance(meta, dict) else None
    return labels if isinstance(labels, list) else []


def _is_mark(label: object) -> bool:
    return isinstance(label, dict) and label.get("code") == SUBSETTED and label.get("system") == SYSTEM
