"""One pair of a query string read into the condition that it is. https://hl7.org/fhir/R4/search.html#modifiers

code, code:modifier                     a parameter of the type
subject.name, subject:Patient.name      a chain: what the reference leads to meets `name`
_has:Task:focus:status                  a Task whose `focus` leads here meets `status`
_list                                   it is on the List of that id
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import SystemClock
from sharedplan.errors import Incorrect, Issue
from sharedplan.search import composites, controls
from sharedplan.search import expression as e
from sharedplan.search.parameters import OF_THE_TEXT, PARAMETERS, SOUNDS, Parameter
from sharedplan.search.registry import kept_until_renewed
from sharedplan.search.values import date, number, phonetic, position, quantity, reference, string, token, uri
from sharedplan.search.values.escapes import plain, split

MOST_VALUES = 100
MOST_STEPS = 3
"""References that one parameter may follow, one after another, forwards or back."""

MOST_TARGETS = 8
"""Types that a chain without a type may lead to."""

MOST_CONDITIONS = 5_000
"""Values that one question may hold, each counted once for every type that it is asked of."""

NOT_OFFERED = {"_query": "no named queries are defined here"}
"""Parameters of the standard that are refused by name, so that nobody takes them for a misspelling, and why."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_CHAIN = re.compile(r"(?P<code>[A-Za-z_][\w-]*)(?::(?P<type>[A-Za-z]+))?\.(?P<rest>.+)")

_MODIFIERS: dict[str, tuple[str, ...]] = {
    "token": ("not", "text", "in", "not-in", "above", "below", "of-type", "missing"),
    "reference": ("identifier", "above", "below", "missing"),
    "date": ("missing",),
    "number": ("missing",),
    "quantity": ("missing",),
    "string": ("exact", "contains", "missing"),
    "uri": ("above", "below", "missing"),
    "composite": ("missing",),
    "special": ("missing",),
}


class Unknown(Incorrect):
    """A parameter or modifier that lenient handling may drop."""


@dataclass(slots=True)
class Budget:
    """What is left of the conditions that one question may hold."""

    left: int = MOST_CONDITIONS

    def spend(self, conditions: int) -> None:
        """Raises Incorrect when that is more than there is left."""
        self.left -= conditions
        if self.left < 0:
            raise Incorrect(issues=(Issue("too-costly", f"a question holds at most {MOST_CONDITIONS:,} values"),))


@dataclass(frozen=True, slots=True)
class Asking:
    """What every pair of a query is read with: this server's own address, the present (UTC), how many references have
    been followed, and what the whole question may still hold."""

    base: str = ""
    at: datetime | None = None
    steps: int = 0
    budget: Budget = field(default_factory=Budget)

    def now(self) -> datetime:
        return self.at or SystemClock().now()

    def further(self, name: str) -> "Asking":
        if self.steps == MOST_STEPS:
            raise Incorrect(f"{name[:60]} follows more than {MOST_STEPS} references")
        return replace(self, steps=self.steps + 1)


def filter(type: str, name: str, value: str, asking: Asking) -> e.Expression:
    """What one pair demands of the resources of a type; its values are alternatives.

    Raises Unknown for what there is not, Incorrect for a value that cannot be read; both name the parameter.
    """
    asking.budget.spend(1 + value.count(","))
    if (bare := _bare(type, name)) is not None:
        read = _reader(bare, "", asking)
        return _either([read(each) for each in _values(name, value)])
    if name.startswith("_has:"):
        return _reverse(type, name, value, asking)
    if (chain := _CHAIN.fullmatch(name)) and chain["code"] in PARAMETERS[type]:
        rest = chain["rest"]
        return chained(
            PARAMETERS[type][chain["code"]],
            chain["type"],
            rest,
            lambda each, further: filter(each, rest, value, further),
            asking,
        )
    if name == "_id":
        return e.HasId(tuple(_id(name, each) for each in _values(name, value)))
    if name == "_lastUpdated":
        return _either([_updated(each, asking) for each in _values(name, value)])
    if name == "_list":
        return _either([_listed(each) for each in _values(name, value)])
    code, colon, modifier = name.partition(":")
    parameter = PARAMETERS[type].get(code)
    if parameter is None or (colon and not modifier):
        raise unknown(type, name)
    if code in ("_id", "_lastUpdated", *OF_THE_TEXT) and modifier:
        raise Unknown(f"{code} takes no modifier")
    if modifier == "missing":
        return _missing(parameter, value)
    if modifier and modifier not in _MODIFIERS[parameter.type] and modifier not in parameter.targets:
        raise _unknown_modifier(parameter, modifier)
    read = _reader(parameter, modifier, asking)
    found = _either([read(each) for each in _values(name, value)])
    return e.Not(found) if modifier in ("not", "not-in") else found


@kept_until_renewed(4096)
def _bare(type: str, name: str) -> Parameter | None:
    """The parameter that is named and nothing else; None for any other name: with a modifier, of a chain, or of those
    that are read in their own way."""
    return PARAMETERS[type].get(name) if name not in ("_id", "_lastUpdated", "_list") else None


def _reader(parameter: Parameter, modifier: str, asking: Asking) -> Callable[[str], e.Expression]:
    """What reads one value of the parameter, still escaped."""
    match parameter.type, modifier:
        case "token", "text":
            return lambda text: token.by_text(parameter, text)
        case "token", "of-type":
            return lambda text: token.of_type(parameter, text)
        case "token", "in" | "not-in":
            return lambda text: e.Coded(parameter, "in", None, plain(text).removeprefix(f"{asking.base}/"))
        case "token", "above" | "below":
            return lambda text: _related_code(parameter, modifier, text)
        case "token", _:
            return lambda text: _token(parameter, text)
        case "reference", "identifier":
            return lambda text: reference.identified(parameter, text)
        case "reference", "above" | "below":
            return lambda text: _related(parameter, modifier, text, asking)
        case "reference", _:
            return lambda text: reference.parse(parameter, plain(text), base=asking.base, type=modifier or None)
        case "date", _:
            return lambda text: date.parse(parameter, plain(text), at=asking.now())
        case "number", _:
            return lambda text: number.parse(parameter, plain(text))
        case "quantity", _:
            return lambda text: quantity.parse(parameter, text)
        case "composite", _:
            return lambda text: composites.parse(parameter, text, base=asking.base, at=asking.now())
        case "special", _ if parameter.code in OF_THE_TEXT:
            return lambda text: e.HasWords(parameter, plain(text))
        case "special", _:
            return lambda text: e.Near(parameter, position.parse(parameter.code, text))
        case "string", _ if parameter.code == SOUNDS:
            return lambda text: _sounding(parameter, plain(text))
        case "string", _:
            return lambda text: string.parse(parameter, text, modifier or "starts")
    return lambda text: uri.parse(parameter, text, modifier or "exact")


def _token(parameter: Parameter, text: str) -> e.Expression:
    """A token; the system that a binding implies, without a code, is that of any code there is."""
    found = token.parse(parameter, text)
    if found.code is None and found.system == parameter.system is not None:
        return e.Not(e.Missing(parameter))
    return found


def _sounding(parameter: Parameter, text: str) -> e.Expression:
    """All words of the value sound like words of the name."""
    if not (keys := phonetic.sounds(text)):
        raise Incorrect(f"{parameter.code}: nothing of the value can be spoken")
    parts = tuple(e.HasEntry(parameter, (key,)) for key in keys)
    return parts[0] if len(parts) == 1 else e.And(parts)


def _related_code(parameter: Parameter, relation: str, text: str) -> e.Coded:
    parsed = token.parse(parameter, text)
    system = parsed.system or parameter.system
    if not system or not parsed.code:
        raise Incorrect(f"{parameter.code}:{relation} takes system|code")
    return e.Coded(parameter, relation, system, parsed.code)


def _related(parameter: Parameter, relation: str, text: str, asking: Asking) -> e.Related:
    named = reference.parse(parameter, plain(text), base=asking.base).references
    types = {each.partition("/")[0] for each in named}
    if len(named) != 1 or not types <= CATALOGUE.keys():
        raise Incorrect(f"{parameter.code}:{relation} takes Type/id")
    type, _, id = named[0].partition("/")
    if hierarchy(type) is None:
        raise Unknown(f"{parameter.code}:{relation}: a {type} is no part of a hierarchy")
    return e.Related(parameter, relation, type, id)


def hierarchy(type: str) -> Parameter | None:
    """The parameter by which a resource of the type is part of another one of it; None when there is no such."""
    found = PARAMETERS[type].get("partof") or PARAMETERS[type].get("part-of")
    return found if found is not None and type in found.targets else None


def chained(
    parameter: Parameter, target: str | None, rest: str, read: Callable[[str, Asking], e.Expression], asking: Asking
) -> e.Expression:
    """What the parameter refers to meets the rest, which `read` reads of one type; without a `target`, whichever type
    it is that can."""
    name = f"{parameter.code}{f':{target}' if target else ''}.{rest}"
    if parameter.type != "reference":
        raise Unknown(f"{name[:60]}: {parameter.code} is no reference, so no chain leads on from it")
    types = [each for each in parameter.targets if each in CATALOGUE and target in (None, each)]
    if not types:
        raise Unknown(f"{name[:60]}: {parameter.code} refers to no {target or 'type that is offered here'}")
    further = asking.further(name)
    found: list[e.Expression] = []
    failed: Unknown | None = None
    for each in types:
        try:
            found.append(e.Chained(parameter, each, read(each, further)))
        except Unknown as failure:
            failed = failed or failure
    if not found:
        raise failed or Unknown(name)
    if len(found) > MOST_TARGETS:
        raise Incorrect(f"{name[:60]}: say which type it leads to, as {parameter.code}:Patient.{rest[:30]}")
    return _either(found)


def _reverse(type: str, name: str, value: str, asking: Asking) -> e.Expression:
    """`_has:Type:parameter:rest`."""
    parts = name.split(":", 3)
    if len(parts) < 4 or not all(parts):
        raise Unknown("_has is written _has:Type:parameter:parameter, as _has:Task:focus:status")
    _, other, code, rest = parts
    if other not in CATALOGUE:
        near = get_close_matches(other[:60], CATALOGUE, n=1)
        raise Unknown(f"_has: {other[:60]} is not offered here" + (f"; do you mean {near[0]}?" if near else ""))
    parameter = PARAMETERS[other].get(code)
    if parameter is None or parameter.type != "reference":
        references = [each for each, found in PARAMETERS[other].items() if found.type == "reference"]
        near = get_close_matches(code[:60], references, n=1, cutoff=0.5)
        hint = f"; do you mean {near[0]}?" if near else ""
        raise Unknown(f"_has: {other} has no reference parameter {code[:60]}{hint}")
    if type not in parameter.targets:
        raise Unknown(f"_has: {code} of a {other} does not refer to a {type}")
    return e.ReferredBy(parameter, filter(other, rest, value, asking.further(name)))


def _values(name: str, value: str) -> list[str]:
    """The alternatives between commas, still escaped. Raises Incorrect for an empty one, and for too many."""
    parts = split(value, ",")
    if len(parts) > MOST_VALUES:
        raise Incorrect(f"{name} takes at most {MOST_VALUES} values; this one has {len(parts)}")
    if not all(part.strip() for part in parts):
        raise Incorrect(f"{name} has an empty value")
    return parts


def _either(parts: list[e.Expression]) -> e.Expression:
    return parts[0] if len(parts) == 1 else e.Or(tuple(parts))


def _id(name: str, text: str) -> str:
    if not _ID.fullmatch(text):
        raise Incorrect(f"{name}: an id has 1 to 64 letters, digits, hyphens and full stops")
    return text


def _listed(text: str) -> e.Expression:
    if text.startswith("$"):
        raise Incorrect("_list takes the id of a List; functional lists such as $current-problems are not kept here")
    return e.ReferredBy(PARAMETERS["List"]["item"], e.HasId((_id("_list", text),)))


def _updated(text: str, asking: Asking) -> e.Expression:
    """`_lastUpdated` is an instant, so each prefix is one stretch of time, or the two beside it."""
    prefix, low, high = date.asked("_lastUpdated", plain(text), at=asking.now())
    match prefix:
        case "gt" | "sa":
            return e.Updated(since=high)
        case "ge":
            return e.Updated(since=low)
        case "lt" | "eb":
            return e.Updated(until=low)
        case "le":
            return e.Updated(until=high)
        case "ne":
            return e.Not(e.Updated(low, high))
    return e.Updated(low, high)


def _missing(parameter: Parameter, value: str) -> e.Expression:
    if value not in ("true", "false"):
        raise Incorrect(f"{parameter.code}:missing is true or false")
    return e.Missing(parameter) if value == "true" else e.Not(e.Missing(parameter))


def unknown(type: str, name: str) -> Unknown:
    """There is no parameter of that name, or not with that modifier."""
    code = name.partition(":")[0]
    if code == "_filter":
        return Unknown("_filter stands by itself, without a modifier and not at the end of a chain")
    if code in NOT_OFFERED:
        return Unknown(f"{code} is not supported: {NOT_OFFERED[code]}")
    if code in PARAMETERS.indexed[type].keys() - PARAMETERS[type].keys():
        return Unknown(f"{code} of {type} is not indexed yet; it can be asked when `sharedplan reindex` has ended")
    known = [*PARAMETERS[type], *controls.NAMES, "_has", "_list", "_filter"]
    if code in known:
        return Unknown(f"{name[:60]}: a modifier follows the colon")
    nearest = get_close_matches(code.partition(".")[0], known, n=1, cutoff=0.5)
    return Unknown(f"{type} has no search parameter {code[:60]}" + (f"; do you mean {nearest[0]}?" if nearest else ""))


def _unknown_modifier(parameter: Parameter, modifier: str) -> Unknown:
    offered = (*_MODIFIERS[parameter.type], *(type for type in parameter.targets if type in CATALOGUE))
    nearest = get_close_matches(modifier, offered, n=1, cutoff=0.5)
    return Unknown(
        f"{parameter.code} has no modifier :{modifier[:60]}"
        + (f"; do you mean :{nearest[0]}?" if nearest else f"; it has :{', :'.join(_MODIFIERS[parameter.type])}")
    )
