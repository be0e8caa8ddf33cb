"""`_include` and `_revinclude`: what belongs to the matches of a search. https://hl7.org/fhir/R4/search.html#revinclude

`CarePlan:care-team` adds what the parameter refers to, `Task:focus` as `_revinclude` what refers to the matches by it.
A type after a second colon limits the target, `*` stands for every reference. Both may `:iterate` over what they added.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect
from sharedplan.search.parameters import PARAMETERS, Parameter
from sharedplan.search.registry import kept_until_renewed

NAMES = ("_include", "_revinclude")

EACH = "*"
MODIFIERS = ("iterate", "recurse")  # the second is what STU3 called the first


@dataclass(frozen=True, slots=True)
class Include:
    """One reference to follow: from resources of `parameter.resource` to those of the target types, or
    (`is_reverse`) from the targets back to those that refer to them. `iterates`: also over what was added."""

    parameter: Parameter
    targets: tuple[str, ...]
    is_reverse: bool = False
    iterates: bool = False

    def __hash__(self) -> int:  # the same few come again and again, and mostly differ in this
        return hash((self.parameter.code, self.is_reverse))


def is_include(name: str) -> bool:
    """Whether a parameter of that name, with its modifier, says what to include."""
    return name.partition(":")[0] in NAMES


@kept_until_renewed(512)
def parse(pairs: tuple[tuple[str, str], ...], types: tuple[str, ...]) -> tuple[Include, ...]:
    """What the pairs of a query ask to include, each once; `types` are those that are searched.

    Raises Incorrect, naming the parameter, for a type, parameter or modifier that there is not.
    """
    return tuple(dict.fromkeys(each for name, value in pairs for each in _parsed(name, value, types)))


def _parsed(name: str, value: str, types: tuple[str, ...]) -> tuple[Include, ...]:
    kind, colon, modifier = name.partition(":")
    if colon and modifier not in MODIFIERS:
        raise Incorrect(f"{kind} has no modifier :{modifier[:60]}; it has :iterate")
    is_reverse = kind == "_revinclude"
    parts = value.split(":")
    if parts == [EACH]:
        sources = list(CATALOGUE) if is_reverse else list(types)
        return tuple(each for source in sources for each in _each(source, is_reverse, bool(colon), types))
    if len(parts) not in (2, 3):
        raise Incorrect(f"{name} takes Type:parameter, Type:parameter:TargetType or *")
    source = _type(name, parts[0])
    target = _type(name, parts[2]) if len(parts) == 3 else None
    if parts[1] == EACH:
        found = _each(source, is_reverse, bool(colon), types)
        return found if target is None else tuple(_only(each, target) for each in found if target in each.targets)
    parameter = PARAMETERS[source].get(parts[1])
    if parameter is None or parameter.type != "reference":
        references = [code for code, each in PARAMETERS[source].items() if each.type == "reference"]
        near = get_close_matches(parts[1][:60], references, n=1, cutoff=0.5)
        hint = f"; do you mean {near[0]}?" if near else ""
        raise Incorrect(f"{name}: {source} has no reference parameter {parts[1][:60]}{hint}")
    if target is not None and target not in parameter.targets:
        raise Incorrect(f"{name}: {source}:{parameter.code} does not refer to a {target}")
    made = _made(parameter, is_reverse, bool(colon))
    return (made if target is None else _only(made, target),)


def _type(name: str, text: str) -> str:
    if text in CATALOGUE:
        return text
    near = get_close_matches(text[:60], CATALOGUE, n=1)
    raise Incorrect(f"{name}: {text[:60]} is not offered here" + (f"; do you mean {near[0]}?" if near else ""))


def _each(source: str, is_reverse: bool, iterates: bool, types: Iterable[str]) -> tuple[Include, ...]:
    """An Include for each reference of a type, when reversed for those only that may refer to what is searched."""
    wanted = set(types)
    return tuple(
        _made(parameter, is_reverse, iterates)
        for parameter in PARAMETERS[source].values()
        if parameter.type == "reference" and (not is_reverse or iterates or wanted.intersection(parameter.targets))
    )


def _made(parameter: Parameter, is_reverse: bool, iterates: bool) -> Include:
    return Include(parameter, tuple(each for each in parameter.targets if each in CATALOGUE), is_reverse, iterates)


def _only(include: Include, target: str) -> Include:
    return Include(include.parameter, (target,), include.is_reverse, include.iterates)
