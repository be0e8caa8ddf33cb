"""The one door for resources: whether one is right, with every problem told at once; and the text that is stored.

Our own walk over the JSON comes first, for it finds all faults and names their places; then fhir.resources, the
reference implementation here, has the last word. What is accepted is stored as it was sent, digit by digit, with only
`id` and `meta` filled in. https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue, Unprocessable
from sharedplan.fhir import faults
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.faults import Fault
from sharedplan.fhir.grammar import grammar, resource
from sharedplan.fhir.json_text import MAX_DEPTH, MAX_VALUES, excess, write
from sharedplan.fhir.models import FORGOTTEN, Model, fields, model
from sharedplan.fhir.moments import instant as instant
from sharedplan.fhir.primitives import shown

_AT = "\0"  # no accepted text can hold it, so where it stands in ours is where the instant belongs
_AT_IN_JSON = '"\\u0000"'
_EXCESS = {
    "levels": f"The resource is nested deeper than {MAX_DEPTH} levels.",
    "values": f"The resource holds more than {MAX_VALUES} values.",
}
_SERVER_OWNED = ("versionId", "lastUpdated")


@dataclass(frozen=True, slots=True)
class Stamped:
    """The JSON text of a resource around the one thing only the store knows: the instant of meta.lastUpdated."""

    head: str
    tail: str

    def at(self, instant: str) -> str:
        """The text with this instant in meta.lastUpdated, as `instant()` writes one."""
        return f"{self.head}{instant}{self.tail}"


def check(type: str, resource: Any, *, in_transaction: bool = False) -> None:
    """Whether the resource may be stored as one of that type; returns when it may.

    `in_transaction`: conditional references ("Patient?identifier=…") may still stand in it.
    Raises Incorrect when it is no resource of that type, Unprocessable when it breaks rules; both with all issues.
    """
    found = issues_of(type, resource, in_transaction=in_transaction)
    if any(issue.severity == "error" for issue in found):
        is_of_type = isinstance(resource, dict) and resource.get("resourceType") == type
        raise (Unprocessable if is_of_type else Incorrect)(issues=found)


def check_envelope(bundle: Json) -> None:
    """Whether a batch or transaction is right around its resources: those are checked when they are written.

    Raises Incorrect or Unprocessable as `check` does.
    """
    entries = bundle.get("entry")
    if isinstance(entries, list):
        bare = [{n: v for n, v in one.items() if n != "resource"} if isinstance(one, dict) else one for one in entries]
        bundle = {**bundle, "entry": bare}
    check("Bundle", bundle)


def issues_of(type: str, resource: Any, *, in_transaction: bool = False) -> list[Issue]:
    """All that is wrong with the resource, errors first, and what is merely odd, as warnings; raises nothing."""
    if not isinstance(resource, dict):
        return [Issue("structure", f"A resource is a JSON object; there is {shown(resource)}.", type)]
    named = resource.get("resourceType")
    if named is not None and named != type:
        return [
            Issue(
                "invalid", f"The resource says it is {shown(named)}; here should be a {type}.", f"{type}.resourceType"
            )
        ]
    if (beyond := excess(resource)) is not None:
        return [Issue("too-costly", _EXCESS[beyond], type)]
    found = _faults(resource, in_transaction)
    if not any(fault.severity == "error" for fault in found):
        found = [*found, *_last_word(type, resource, found)]
    return faults.issues(found, type)


def warm_up(types: Iterable[str] = CATALOGUE) -> None:
    """Makes ready what checking these types needs, so that the first client does not wait for it (about a second)."""
    for type in (*types, "Bundle"):
        grammar(type)
        found = model(type)
        if found is not None:
            found.model_rebuild()


def stamped(resource: Json, *, id: str, version: int) -> Stamped:
    """The resource as it is stored: its own text with `id`, meta.versionId and a place for meta.lastUpdated.

    What the client placed stays where it is; else `id` follows resourceType, and `meta` the id.
    """
    given = resource.get("meta")
    meta = dict(given) if isinstance(given, dict) else {}
    meta["versionId"], meta["lastUpdated"] = str(version), _AT
    body: Json = {}
    for name, value in resource.items():
        body[name] = value
        if name == "resourceType" and "id" not in resource:
            body["id"] = id
            if "meta" not in resource:
                body["meta"] = meta
        elif name == "id" and "meta" not in resource:
            body["meta"] = meta
    body["id"], body["meta"] = id, meta
    head, _, tail = write(body).partition(_AT_IN_JSON)
    return Stamped(f'{head}"', f'"{tail}')


def _faults(value: Json, in_transaction: bool) -> list[Fault]:
    return [fault for fault in resource(value) if not (in_transaction and fault.depends == "conditional")]


def _last_word(type: str, resource: Json, found: Iterable[Fault]) -> Iterator[Fault]:
    """What fhir.resources refuses besides, except where it does not speak R4."""
    unseen = tuple(fault.path for fault in found if fault.code == "not-supported")
    judge = model(type)
    if judge is None:
        return
    try:
        judge.model_validate(resource)
    except ValidationError as refused:
        for error in refused.errors(include_url=False, include_context=False, include_input=False):
            path = _path(judge, error["loc"])
            if not _is_forgotten(error["loc"][-1:]) and not (unseen and path.startswith(unseen)):
                yield Fault(path, "structure", f"{error['msg'].removeprefix('Value error, ')[:200]}.")
    except Exception:  # a model stumbled; the resource is none that we could vouch for
        if not unseen:
            yield Fault("", "structure", f"This cannot be read as a {type}.")


def _is_forgotten(name: tuple[int | str, ...]) -> bool:
    """Whether the models have no element of that name though R4 has: they know neither valueMeta nor the `_value…`
    twins of an Extension. Whether those are right, our own walk has found out."""
    return name == (FORGOTTEN,) or str(*name).startswith("_value")


def _path(model: Model, location: tuple[int | str, ...]) -> str:
    """The FHIRPath of pydantic's location, relative to the resource."""
    path, inside = "", model if location else None
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
            continue
        name = step.removesuffix("__ext").lstrip("_")
        label, inside = _labels(inside).get(name, (name, None)) if inside is not None else (name, None)
        path += f".{label}" if path else label
    return path


@lru_cache(maxsize=256)
def _labels(model: Model) -> dict[str, tuple[str, Model | None]]:
    return {field.name: (field.label, field.model) for field in fields(model)}
