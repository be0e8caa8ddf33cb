"""What is not offered here is left out of a Bundle, with the references to it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect
from sharedplan.fhir import references
from sharedplan.fhir.codes import resource_types
from sharedplan.fhir.exchanges import Json
from sharedplan.loading.cutting import Required, without
from sharedplan.loading.report import Outcome, Refusal

_CONDITION = re.compile(rb'"reference"\s*:\s*"([A-Za-z]{1,64})\?')


def kept(came: Mapping[int, Json], text: bytes, place: str, is_strict: bool, outcome: Outcome) -> dict[int, Json]:
    """The entries of a Bundle whose types are offered, without references to the others; by number.

    `text` is the Bundle's own. What cannot be without such a reference is refused, and then left out, too.
    Raises Incorrect when the load is strict and there is something to leave out.
    """
    left = dict(came)
    out = [number for number, entry in came.items() if _foreign_type(entry) is not None]
    types = [str(_foreign_type(came[number])) for number in out]
    if out and is_strict:
        raise Incorrect(f"{len(out)} entries are of types that are not offered: {', '.join(sorted(set(types)))}")
    outcome.left_out.update(types)
    if not out and not any(is_foreign_name(name.decode()) for name in set(_CONDITION.findall(text))):
        return left
    gone: set[str] = set()
    while True:
        for number in out:
            gone.update(_names(left.pop(number)))
        out = list(_cut(left, gone, place, outcome))
        if not out:
            return left


def type_of(value: Any) -> str | None:
    """The type that a resource says it is of; None when it is none."""
    type = value.get("resourceType") if isinstance(value, dict) else None
    return type if isinstance(type, str) else None


def is_foreign_name(type: str) -> bool:
    """Whether the standard has that type of resource, and this service has not."""
    return type not in CATALOGUE and type in resource_types()


def _foreign_type(entry: Any) -> str | None:
    """The type of what an entry is about, when it is not offered here. A patch is about what its address says."""
    request = entry.get("request") if isinstance(entry, dict) else None
    type = type_of(entry.get("resource")) if isinstance(entry, dict) else None
    if (
        isinstance(request, dict)
        and isinstance(request.get("url"), str)
        and (type is None or request.get("method") == "PATCH")
    ):
        type = re.split(r"[/?]", request["url"], maxsplit=1)[0]
    return type if type is not None and is_foreign_name(type) else None


def _names(entry: Json) -> Iterator[str]:
    """How other resources may refer to what an entry holds."""
    full_url, resource, request = entry.get("fullUrl"), entry.get("resource"), entry.get("request")
    if isinstance(full_url, str):
        yield full_url
        target = references.parse(full_url).target
        if target is not None:
            yield target
    elif isinstance(request, dict) and request.get("method") == "PUT" and isinstance(request.get("url"), str):
        yield request["url"]
    elif isinstance(resource, dict) and not isinstance(request, dict):
        yield f"{resource.get('resourceType')}/{resource.get('id')}"


def _cut(left: dict[int, Json], gone: set[str], place: str, outcome: Outcome) -> Iterator[int]:
    """Takes the references to what is gone out of the entries; the numbers of those that cannot be without."""

    def is_cut(text: str) -> bool:
        if "?" in text:
            reference = references.parse(text)
            return reference.kind == "conditional" and is_foreign_name(str(reference.type))
        return text.partition("/_history/")[0] in gone

    for number, entry in left.items():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            continue
        try:
            rest, count = without(resource, is_cut)
        except Required as failure:
            outcome.refused.append(Refusal(place, number, type_of(resource), (str(failure),)))
            yield number
            continue
        if count:
            outcome.references_cut += count
            left[number] = {**entry, "resource": rest}
