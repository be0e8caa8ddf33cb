"""The registry of search parameters, read from the published SearchParameter definitions.

https://hl7.org/fhir/R4/searchparameter-registry.html

`definitions/search-parameters.json` holds the definitions of our types as published. A parameter is offered when its
type is one of OFFERED and its expression says where its values are; `phonetic` asks for an algorithm besides, and is
not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import orjson

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import paths
from sharedplan.fhir.compartments import COMPARTMENTS as COMPARTMENTS

OFFERED = frozenset({"token", "reference", "date", "string", "uri"})

OWN_COLUMNS = {"_id": "id", "_lastUpdated": "last_updated"}
"""Parameters that every type answers from columns it has anyway."""

_RESERVED = frozenset({"id", "version", "last_updated", "controller", "content"})
_SINGLE = {"reference": "text", "date": "tstzrange"}
_TWO_ENTRIES = frozenset({"canonical"})  # with its version and without, so a single one needs an array too


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type.

    `type`: token, reference, date, string or uri. `path`: the part of the definition's FHIRPath that speaks of this
    type. `targets`: the resource types a reference may name; all that we offer where the definition names none.
    `many`: whether the element can hold several values; a single reference or date has a scalar column, everything
    else an array. `system`: the code system that a code's binding implies.
    """

    resource: str  # "CarePlan"
    code: str  # "care-team"
    type: str
    path: str
    url: str
    targets: tuple[str, ...] = ()
    many: bool = True
    system: str | None = None

    def __hash__(self) -> int:  # the two name it; every search hashes parameters
        return hash((self.resource, self.code))

    @property
    def column(self) -> str:
        """The column of the type's table: care-team → care_team, mothersMaidenName → mothers_maiden_name, _tag →
        meta_tag (AuditEvent and List have both `_source` and `source`)."""
        if self.code in OWN_COLUMNS:
            return OWN_COLUMNS[self.code]
        code = f"meta{self.code}" if self.code.startswith("_") else self.code
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in code.replace("-", "_"))
        return f"{name}_" if name in _RESERVED else name

    @property
    def is_scalar(self) -> bool:
        """Whether the column holds one value rather than an array."""
        return not self.many and self.type in _SINGLE


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a type's table, as search needs it.

    `kind`: the SQL type (text, text[], tstzrange or tstzrange[]). `parameter`: whose values it
    holds. `is_span`: it encloses all ranges of the parameter's array, for an index to look at.
    """

    name: str
    kind: str
    parameter: Parameter
    is_span: bool = False


def _definitions() -> list[dict[str, Any]]:
    bundle = orjson.loads(files("sharedplan.fhir").joinpath("definitions/search-parameters.json").read_bytes())
    return [entry["resource"] for entry in bundle["entry"]]


def _parameter(definition: Mapping[str, Any], resource: str) -> Parameter | None:
    """The definition as a parameter of that type; None when it is not offered, or says nothing of the type."""
    if definition["type"] not in OFFERED or not definition.get("expression") or definition["code"] == "phonetic":
        return None
    generic = next((base for base in ("Resource", "DomainResource") if base in definition["base"]), None)
    expression = definition["expression"]
    if generic is not None:
        expression = expression.replace(f"{generic}.", f"{resource}.")
    path = paths.part_of(expression, resource)
    if not path:
        return None
    found = paths.compiled(path, resource)
    branches = found if isinstance(found, tuple) else ()
    systems = {branch.system for branch in branches}
    return Parameter(
        resource=resource,
        code=definition["code"],
        type=definition["type"],
        path=path,
        url=definition["url"],
        targets=tuple(definition.get("target", CATALOGUE)) if definition["type"] == "reference" else (),
        many=len({branch.element for branch in branches}) > 1
        or any(branch.many or branch.type in _TWO_ENTRIES for branch in branches),
        system=systems.pop() if len(systems) == 1 else None,
    )


def _registry() -> Mapping[str, Mapping[str, Parameter]]:
    rows: dict[str, dict[str, Parameter]] = {type: {} for type in CATALOGUE}
    for definition in _definitions():
        bases = set(definition["base"])
        for type in CATALOGUE if bases & {"Resource", "DomainResource"} else bases & rows.keys():
            if (found := _parameter(definition, type)) is not None:
                rows[type][found.code] = found
    return MappingProxyType({type: MappingProxyType(dict(sorted(found.items()))) for type, found in rows.items()})


PARAMETERS: Mapping[str, Mapping[str, Parameter]] = _registry()
"""Resource type → code → parameter, in the order of the codes; every type of the catalogue is there."""


def parameter(type: str, code: str) -> Parameter | None:
    """The parameter of that type and code; None when it is not offered."""
    found = PARAMETERS.get(type)
    return found.get(code) if found is not None else None


@lru_cache(maxsize=len(CATALOGUE))
def columns(type: str) -> tuple[Column, ...]:
    """The columns that search needs in the table of a type, in the order of the parameters' codes.

    `_id` and `_lastUpdated` have none: they are answered from the columns `id` and `last_updated`.
    """
    found = []
    for each in PARAMETERS[type].values():
        if each.code in OWN_COLUMNS:
            continue
        if each.is_scalar:
            found.append(Column(each.column, _SINGLE[each.type], each))
        elif each.type == "date":
            found.append(Column(each.column, "tstzrange[]", each))
            found.append(Column(f"{each.column}_span", "tstzrange", each, is_span=True))
        else:
            found.append(Column(each.column, "text[]", each))
    return tuple(found)
