"""Which interaction an HTTP method and a path below the FHIR base ask for, and how a query is written; pure.

One small table instead of a route for every (type, interaction): the type is looked up in the catalogue.
https://hl7.org/fhir/R4/http.html#summary
"""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, NotFound, NotOffered
from sharedplan.fhir.compartments import COMPARTMENTS

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
OPERATION = re.compile(r"\$[a-z][a-z0-9-]{0,63}")

_KEPT = "/:,@"  # characters that a query may hold and that search values are full of
_PLAIN = re.compile(rf"[A-Za-z0-9_.~{_KEPT}-]*")

_SYSTEM = {"GET": "search-system", "POST": "batch"}
_TYPE = {"GET": "search-type", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_INSTANCE = {"GET": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OPERATION = {"GET": "operation", "POST": "operation"}
_SEARCH, _SEARCH_ALL = {"GET": "search-type"}, {"GET": "search-system"}
_FORM, _FORM_ALL = {"POST": "search-type"}, {"POST": "search-system"}

EACH = "*"
"""Stands for every type of a compartment."""

ONLY_VALIDATED = frozenset({"Bundle"})
"""Types that are exchanged and never stored: $validate speaks of them too."""


class Address(NamedTuple):
    """What method and path say; "batch" stands for batch and transaction until the Bundle has been read."""

    interaction: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    operation: str | None = None
    takes_form: bool = False  # POST …/_search
    compartment: tuple[str, str] | None = None  # (type, id) of the resource whose compartment is searched


def addressed(method: str, path: str) -> Address:
    """The address of a path below the base ("CarePlan/1/_history/2").

    Raises NotFound for what names nothing we have, NotOffered with the methods that the address does take, Incorrect
    for an id that no resource could have.
    """
    verb = "GET" if method == "HEAD" else method
    parts = path.strip("/").split("/") if path.strip("/") else []
    match parts:
        case []:
            return Address(_one_of(_SYSTEM, verb))
        case ["_history"]:
            return Address(_one_of({"GET": "history-system"}, verb))
        case ["_search"]:
            return Address(_one_of(_FORM_ALL, verb), takes_form=True)
        case [operation] if operation.startswith("$"):
            return Address(_one_of(_OPERATION, verb), operation=_operation(operation))
        case [type, "$validate"] if type in ONLY_VALIDATED:
            return Address(_one_of(_OPERATION, verb), type, operation="validate")
        case [type, *rest]:
            _check_type(type)
            return _below_type(verb, type, rest)
    raise NotFound("there is nothing at this address")


def query(pairs: Iterable[tuple[str, str]]) -> str:
    """The pairs as the query of an address, encoded."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)


@lru_cache(maxsize=256)  # the trail and the link of a search are made of the same pairs
def _encoded(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_KEPT)


def _below_type(verb: str, type: str, rest: list[str]) -> Address:
    match rest:
        case []:
            return Address(_one_of(_TYPE, verb, type), type)
        case ["_history"]:
            return Address(_one_of({"GET": "history-type"}, verb, type), type)
        case ["_search"]:
            return Address(_one_of(_FORM, verb, type), type, takes_form=True)
        case [operation] if operation.startswith("$"):
            return Address(_one_of(_OPERATION, verb, type), type, operation=_operation(operation))
        case [id]:
            return Address(_one_of(_INSTANCE, verb, type), type, _id(id))
        case [id, "_history"]:
            return Address(_one_of({"GET": "history-instance"}, verb, type), type, _id(id))
        case [id, "_history", version]:
            return Address(_one_of({"GET": "vread"}, verb, type), type, _id(id), _id(version))
        case [id, operation] if operation.startswith("$"):
            return Address(_one_of(_OPERATION, verb, type), type, _id(id), operation=_operation(operation))
        case [id, inside] if type in COMPARTMENTS:
            return _in_compartment(verb, (type, _id(id)), inside, takes_form=False)
        case [id, inside, "_search"] if type in COMPARTMENTS:
            return _in_compartment(verb, (type, _id(id)), inside, takes_form=True)
    raise NotFound("there is nothing at this address")


def _in_compartment(verb: str, compartment: tuple[str, str], type: str, *, takes_form: bool) -> Address:
    """A search of what is in somebody's compartment. https://hl7.org/fhir/R4/http.html#vsearch"""
    if type == EACH:
        found = _one_of(_FORM_ALL if takes_form else _SEARCH_ALL, verb)
        return Address(found, takes_form=takes_form, compartment=compartment)
    _check_type(type)
    if type != compartment[0] and type not in COMPARTMENTS[compartment[0]]:
        raise NotFound(f"a {type} is in no compartment of a {compartment[0]}")
    found = _one_of(_FORM if takes_form else _SEARCH, verb, type)
    return Address(found, type, takes_form=takes_form, compartment=compartment)


def of_search(type: str | None, compartment: tuple[str, str] | None) -> str:
    """The path below the base of a search of that type (None: of all) by GET."""
    if compartment is None:
        return type or ""
    return "/".join((*compartment, type or EACH))


def _one_of(interactions: dict[str, str], verb: str, type: str | None = None) -> str:
    """The interaction that the method stands for, if the type can do it."""
    can = interactions.values() if type is None or interactions is _OPERATION else CATALOGUE[type].can
    if verb in interactions and interactions[verb] in can:
        return interactions[verb]
    allow = [method for method, interaction in interactions.items() if interaction in can]
    raise NotOffered(f"{verb} is not offered at this address", allow=[*allow, "HEAD"] if "GET" in allow else allow)


def _check_type(type: str) -> None:
    if type in CATALOGUE:
        return
    near = difflib.get_close_matches(type[:64], CATALOGUE, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise NotFound(f"{type[:64]!r} is not a resource type of this service{hint}")


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise Incorrect("an id is 1 to 64 characters of A-Z, a-z, 0-9, - and .")
    return text


def _operation(text: str) -> str:
    if not OPERATION.fullmatch(text):
        raise NotFound("there is no such operation")
    return text[1:]
