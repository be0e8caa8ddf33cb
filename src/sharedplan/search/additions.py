"""Search parameters that an installation adds beside the shipped ones, as SearchParameter resources of its own.

https://hl7.org/fhir/R4/searchparameter.html

Whether a definition can be used is found out here, for whoever writes it and for `sharedplan reindex`, which makes its
columns. Its code becomes their name, so it is held to what a name may be.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import paths
from sharedplan.search.indexing import extract
from sharedplan.search.parameters import PARAMETERS, Parameter, columns_of, definitions, parameter_of

Definition = Mapping[str, Any]
"""A SearchParameter as JSON."""

READY, FILLING, RETIRED = "ready", "filling", "retired"

KINDS = ("token", "reference", "date", "string", "uri", "number", "quantity", "composite")
LONGEST_EXPRESSION = 2000

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_LONGEST_NAME = 63  # of an index, table and all, in PostgreSQL
_OF_EVERY_TABLE = frozenset({"id", "version", "last_updated", "controller", "content", "trail", "until", "lookup"})
_SECOND = frozenset({"token", "reference", "string", "quantity", "date"})


@dataclass(frozen=True, slots=True)
class Added:
    """One that was added to a type: its SearchParameter, and whether it is ready, still being filled, or retired."""

    type: str
    code: str
    definition: Definition
    state: str


class Unusable(ValueError):
    """No parameter can be made of the definition; the text says why."""


class NotKnown(Unusable):
    """It rests on another definition that is not known here, or not yet."""


class _Here:
    """The definitions that this process has taken on, by their url."""

    definitions: Mapping[str, Definition] = {}


def take_on(added: Iterable[Added]) -> None:
    """From here on these are indexed, and those that are ready are offered. One that this release cannot use is left
    out, as is one that it ships."""
    added = tuple(added)
    _Here.definitions = {each.definition["url"]: each.definition for each in added}
    known = all_definitions()
    ready: list[Parameter] = []
    filling: list[Parameter] = []
    PARAMETERS.take_on(ready=(), filling=())  # what is there now is no measure for what comes
    for each in added:
        if each.state == RETIRED:
            continue
        try:
            found = parameter(each.definition, each.type, known)
        except Unusable:
            continue
        (ready if each.state == READY else filling).append(found)
    PARAMETERS.take_on(ready=ready, filling=filling)


def all_definitions(more: Iterable[Definition] = ()) -> dict[str, Definition]:
    """Those that components of these definitions may name, by their url: the shipped ones are read only if any does."""
    own = {definition["url"]: definition for definition in more}
    found: dict[str, Definition] = {**_Here.definitions, **own}
    if any(definition.get("component") for definition in found.values()):
        found = {**found, **definitions()}
    return found


def is_shipped(definition: Definition) -> bool:
    """Whether it is one that is offered anyway."""
    url, code = definition["url"], definition["code"]
    return any(found.url == url for shelf in PARAMETERS.shipped.values() if (found := shelf.get(code)) is not None)


def bases(definition: Definition) -> list[str]:
    """Those of the definition's types that are offered here."""
    return [type for type in definition["base"] if type in CATALOGUE]


def parameter(definition: Definition, type: str, known: Mapping[str, Definition]) -> Parameter:
    """The parameter that the definition gives a type.

    `known` are the definitions that its components may name, by their url. The definition is a valid resource.
    Raises Unusable with the reason, whatever it is.
    """
    if CATALOGUE[type].type == "AuditEvent":
        raise Unusable("what the service records is written once and never indexed anew, so AuditEvent takes none")
    _check_code(definition["code"], type)
    if definition["type"] not in KINDS:
        raise Unusable(f"parameters of type {definition['type']} cannot be added; {', '.join(KINDS)} can")
    try:
        found = parameter_of(_plainly(definition, known), type, known)
        readable = found is not None and _is_readable(found)
    except RecursionError:
        raise Unusable("the expression is nested too deep") from None
    except Unusable:
        raise
    except ValueError as failure:
        raise Unusable(str(failure)) from None
    if found is None:
        raise Unusable(f"no part of its expression begins with {type}")
    if not readable:
        raise Unusable(f"nothing at {found.path} can be read as a {found.type}")
    _check_columns(found)
    return found


def _plainly(definition: Definition, known: Mapping[str, Definition]) -> Definition:
    """The definition, its components named as `known` names them. Raises Unusable."""
    if len(definition.get("expression", "")) > LONGEST_EXPRESSION:
        raise Unusable(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    if definition["type"] != "composite":
        return {name: value for name, value in definition.items() if name != "component"}
    components = [
        {**each, "definition": each["definition"].partition("|")[0]} for each in definition.get("component", ())
    ]
    for each in components:
        if each["definition"] not in known:
            raise NotKnown(f"its component {each['definition']} is not known here")
    types = [known[each["definition"]]["type"] for each in components]
    if len(types) != 2 or types[0] != "token" or types[1] not in _SECOND:
        raise Unusable(f"a composite has two components, a token and one of {', '.join(sorted(_SECOND))}")
    return {**definition, "component": components}


def _is_readable(found: Parameter) -> bool:
    """Whether some value at the path is of a type that the kind of parameter reads."""
    if found.components:
        return all(_is_readable(each) for each in found.components)
    at = paths.compiled(found.path, found.resource)
    if isinstance(at, paths.Condition):
        return found.type == "token"
    readable = extract(found, "")
    return any(branch.type in readable for branch in at)


def _check_code(code: str, type: str) -> None:
    longest = _LONGEST_NAME - len(f"{CATALOGUE[type].table}__span_idx")
    name = len(code) + sum(letter.isupper() for letter in code)
    if not _CODE.fullmatch(code) or name > longest:
        raise Unusable(f"the code names a column: a letter, then letters, digits and hyphens, up to {longest}")


def _check_columns(found: Parameter) -> None:
    """Raises Unusable when the code, or a column that it needs, belongs to another parameter of the type."""
    others = PARAMETERS.indexed[found.resource]
    same = others.get(found.code)
    if same is not None and same.url != found.url:
        raise Unusable(f"the code {found.code} of {found.resource} is taken by {same.url}")
    rest = columns_of(each for code, each in others.items() if code != found.code)
    taken = _OF_EVERY_TABLE | {"narrative", "words"} | {column.name for column in rest}
    for column in columns_of([found]):
        if column.name in taken:
            raise Unusable(
                f"its column {column.name} belongs to something else in {found.resource}: choose another code"
            )
