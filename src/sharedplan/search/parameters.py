"""The registry of search parameters, read from SearchParameter definitions.

https://hl7.org/fhir/R4/searchparameter-registry.html, https://hl7.org/fhir/R4/searchparameter.html

`definitions/search-parameters.json` holds the definitions of our types as HL7 published them; those of our own are
among what the service itself publishes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson

from sharedplan import published
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import paths
from sharedplan.fhir.compartments import COMPARTMENTS as COMPARTMENTS
from sharedplan.search.registry import Registry, kept_until_renewed

OWN_COLUMNS = {"_id": "id", "_lastUpdated": "last_updated", "_text": "narrative", "_content": "words"}
"""Parameters that every type answers from columns it has anyway."""

OF_THE_TEXT = {"_text": "narrative", "_content": "words"}
"""Those of them that look for words: PostgreSQL's full text search in Finnish."""

SOUNDS = "phonetic"
"""The code of the parameters that find names by their sound."""

_OFFERED = frozenset({"token", "reference", "date", "string", "uri", "number", "quantity", "composite"})
_SPECIAL = frozenset({"near"})
_RESERVED = frozenset(
    {"id", "version", "last_updated", "controller", "content", "lookup", "narrative", "words", "consulted"}
)
_SINGLE = {"reference": "text", "date": "tstzrange"}
_ARRAYS = {"date": "tstzrange[]", "number": "numrange[]", "quantity": "numrange[]", "special": "float8[]"}
_NAMED_BY_URL = frozenset(
    {"ActivityDefinition", "CodeSystem", "Measure", "PlanDefinition", "Questionnaire", "ValueSet"}
)
_TWO_ENTRIES = frozenset({"canonical"})  # with its version and without, so a single one needs an array too


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type.

    `type`: token, reference, date, string, uri, number, quantity, composite or special. `path`: the part of the
    definition's FHIRPath that speaks of this type. `targets`: the resource types a reference may name; all that we
    offer where the definition names none, and for a canonical those only that have a url of their own. `many`: whether
    the element can hold several values; a single reference or date has a scalar column, everything else an array.
    `system`: the code system that a code's binding implies. `is_canonical`: the reference names its target by the
    target's url. `components`: those of a composite, each a parameter whose path goes on from one of the composite's.
    """

    resource: str  # "CarePlan"
    code: str  # "care-team"
    type: str
    path: str
    url: str
    targets: tuple[str, ...] = ()
    many: bool = True
    system: str | None = None
    is_canonical: bool = False
    components: tuple["Parameter", ...] = ()

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

    @property
    def holds(self) -> str:
        """What the column holds the values of: the type itself, or that of a composite's second component."""
        return self.components[-1].type if self.components else self.type

    @property
    def key_column(self) -> str | None:
        """The column that stands beside an array of ranges and says of what each is: its unit, or a composite's
        first component."""
        if self.type == "quantity" or (self.components and self.holds in ("quantity", "date")):
            return f"{self.column}_key"
        return None

    @property
    def has_span(self) -> bool:
        """Whether a column encloses all ranges of the array, for an index to look at."""
        return not self.is_scalar and self.type in ("date", "number", "quantity")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a type's table, as search needs it.

    `kind`: its SQL type, or "lookup" or "words", which PostgreSQL makes tsvectors of. `parameter`: whose values it
    holds; None for those that are no one parameter's. `is_span`: it encloses all ranges of the parameter's array.
    """

    name: str
    kind: str
    parameter: Parameter | None = None
    is_span: bool = False


SHARED = (Column("lookup", "lookup"), Column("narrative", "words"), Column("words", "words"))
"""`lookup`: what is found by how it begins (`values/lookup.py`). `narrative` and `words`: for `_text`, `_content`."""

CONSULTING = frozenset({"Task", "Communication"})
"""The types that a consultation which names no client may be of (`search/consulting.py`)."""

CONSULTED = Column("consulted", "text[]")
"""Whom it is addressed to: by this it is seen, but not searched."""


def _definitions() -> Iterator[dict[str, Any]]:
    bundle = orjson.loads(files("sharedplan.fhir").joinpath("definitions/search-parameters.json").read_bytes())
    yield from (entry["resource"] for entry in bundle["entry"])
    yield from published.of_type("SearchParameter")


def parameter_of(
    definition: Mapping[str, Any], resource: str, others: Mapping[str, Mapping[str, Any]]
) -> Parameter | None:
    """The definition as a parameter of that type; None when it is not offered, or says nothing of the type.

    `others` are all definitions by their url, for the components of a composite. Raises ValueError for a path outside
    the subset of FHIRPath that definitions use.
    """
    code, kind = definition["code"], definition["type"]
    if code in OF_THE_TEXT:
        return Parameter(resource, code, "special", "", definition["url"])
    if (kind not in _OFFERED and code not in _SPECIAL) or not definition.get("expression"):
        return None
    generic = next((base for base in ("Resource", "DomainResource") if base in definition["base"]), None)
    expression = definition["expression"]
    if generic is not None:
        expression = expression.replace(f"{generic}.", f"{resource}.")
    path = paths.part_of(expression, resource)
    if not path:
        return None
    components = tuple(
        _component(n, each, resource, path, definition, others)
        for n, each in enumerate(definition.get("component", ()))
    )
    return _made(resource, code, kind, path, definition, components)


def _component(
    number: int,
    component: Mapping[str, Any],
    resource: str,
    path: str,
    definition: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
) -> Parameter:
    """One component of a composite, as a parameter whose path is that of the composite with its own after it."""
    own = component["expression"].replace("as(DateTime)", "as(dateTime)")  # so misspelt in the definitions
    whole = " | ".join(f"{base}.{part}" for base in paths.parts(path) for part in paths.parts(own))
    found = paths.compiled(whole, resource)
    kinds = {branch.type for branch in found} if isinstance(found, tuple) else set()
    # The definition of DocumentReference's relationship names its two components crosswise, so what is there decides.
    named = [component, *definition["component"]]
    meant = next(
        (
            other
            for other in (others[each["definition"]] for each in named)
            if ("Reference" in kinds) == (other["type"] == "reference")
        ),
        others[component["definition"]],
    )
    return _made(resource, f"{definition['code']}${number}", meant["type"], whole, meant)


def _made(
    resource: str,
    code: str,
    kind: str,
    path: str,
    definition: Mapping[str, Any],
    components: tuple[Parameter, ...] = (),
) -> Parameter:
    found = paths.compiled(path, resource)
    branches = found if isinstance(found, tuple) else ()
    systems = {branch.system for branch in branches}
    is_canonical = kind == "reference" and {branch.type for branch in branches} <= {"canonical", "uri"}
    targets = (paths.resolved(path) or tuple(definition.get("target", CATALOGUE))) if kind == "reference" else ()
    return Parameter(
        resource=resource,
        code=code,
        type=kind,
        path=path,
        url=definition["url"],
        targets=tuple(each for each in targets if each in _NAMED_BY_URL) if is_canonical else targets,
        many=len({branch.element for branch in branches}) > 1
        or any(branch.many or branch.type in _TWO_ENTRIES for branch in branches),
        system=systems.pop() if len(systems) == 1 else None,
        is_canonical=is_canonical,
        components=components,
    )


def definitions() -> dict[str, dict[str, Any]]:
    """Those that are shipped, by their url; read anew each time, for they are seldom needed and large."""
    return {definition["url"]: definition for definition in _definitions()}


def _shipped() -> Mapping[str, Mapping[str, Parameter]]:
    rows: dict[str, dict[str, Parameter]] = {type: {} for type in CATALOGUE}
    known = definitions()
    for definition in known.values():
        bases = set(definition["base"])
        for type in CATALOGUE if bases & {"Resource", "DomainResource"} else bases & rows.keys():
            if (found := parameter_of(definition, type, known)) is not None:
                rows[type][found.code] = found
    return rows


PARAMETERS: Registry[Parameter] = Registry(_shipped())
"""Resource type → code → parameter, in the order of the codes; every type of the catalogue is there. More are taken on
while the service runs (`additions.py`)."""


def parameter(type: str, code: str) -> Parameter | None:
    """The parameter of that type and code; None when it is not offered."""
    found = PARAMETERS.get(type)
    return found.get(code) if found is not None else None


@kept_until_renewed()
def columns(type: str) -> tuple[Column, ...]:
    """The columns that search needs in the table of a type, in the order of the parameters' codes."""
    return (*columns_of(PARAMETERS.indexed[type].values()), *of_no_parameter(type))


def of_no_parameter(type: str) -> tuple[Column, ...]:
    """The columns of a type that are no one parameter's."""
    return (*SHARED, CONSULTED) if type in CONSULTING else SHARED


def columns_of(parameters: Iterable[Parameter]) -> tuple[Column, ...]:
    """The columns of these parameters alone.

    `_id` and `_lastUpdated` have none: they are answered from the columns `id` and `last_updated`.
    """
    found: list[Column] = []
    for each in parameters:
        if each.code in OWN_COLUMNS:
            continue
        if each.is_scalar:
            found.append(Column(each.column, _SINGLE[each.type], each))
            continue
        kind = _ARRAYS.get(each.holds, "text[]")
        found.append(Column(each.column, kind, each))
        if each.key_column is not None:
            found.append(Column(each.key_column, "text[]", each))
        if each.has_span:
            found.append(Column(f"{each.column}_span", kind.removesuffix("[]"), each, is_span=True))
    return tuple(found)
