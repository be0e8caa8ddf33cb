"""Where a Reference may point: its text well formed, its type known and allowed.

A type that the element does not allow is refused when we offer it, for then it could be followed and would mislead;
other types are kept as they are, with a warning, and so are definitions by an absolute address, which are elsewhere as
a rule and never followed. https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Callable, Iterator

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.codes import resource_types
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.faults import NONE, Fault, Faults
from sharedplan.fhir.primitives import is_id, shown
from sharedplan.fhir.references import Reference, parse


def pointing(targets: frozenset[str]) -> Callable[[Json], Faults]:
    """What judges a Reference that may point at these types; at any when empty."""
    likely = targets or resource_types()

    def judge(reference: Json) -> Faults:
        text = reference.get("reference")
        if text is None and "type" not in reference:
            return NONE
        if text is not None and "type" not in reference:
            type, _, id = text.partition("/")
            if type in likely and is_id(id):
                return NONE
        return list(_closely(text, reference.get("type"), targets))

    return judge


def _closely(text: str | None, said: str | None, targets: frozenset[str]) -> Iterator[Fault]:
    reference = Reference("none", "") if text is None else parse(text)
    if reference.kind == "malformed":
        yield Fault(
            "reference",
            "value",
            f"{shown(text)} is no reference; it should look like Patient/123, https://…, urn:uuid:… or #contained.",
        )
    elif reference.kind == "fragment":
        yield Fault(
            "reference",
            "invariant",
            f"{shown(text)} names no contained resource. (ref-1)",
            depends=text,
        )
    elif reference.kind == "conditional":
        yield Fault(
            "reference",
            "value",
            f"{shown(text)} is a conditional reference; those are resolved only in a transaction Bundle.",
            depends="conditional",
        )
    named = reference.type
    if named is not None and named not in resource_types():
        if reference.kind != "absolute":  # elsewhere a path may look like Type/id and be none
            near = (named, resource_types())
            yield Fault("reference", "value", f"There is no resource type {shown(named)}.", near=near)
        named = None
    if named is not None and said is not None and said in resource_types() and said != named:
        yield Fault("type", "value", f"type says {said}, and the reference points at a {named}.")
    named = named or (said if said in resource_types() else None)
    if named is not None and targets and named not in targets:
        allowed = ", ".join(sorted(targets))
        yield Fault(
            "reference" if text is not None else "type",
            "value",
            f"It points at a {named}; allowed here: {allowed}.",
            severity="error" if _is_followed(named, reference) else "warning",
        )


def _is_followed(type: str, reference: Reference) -> bool:
    """Whether a reference to that type may lead to what we offer."""
    return type in CATALOGUE and not (type == "StructureDefinition" and reference.kind == "absolute")
