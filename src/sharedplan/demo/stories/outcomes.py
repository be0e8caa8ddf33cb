"""What is to come of a step: each outcome says whether an answer is that, and what a person learns from it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sharedplan.care.codes import RULE
from sharedplan.demo.stories import nouns
from sharedplan.fhir.exchanges import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: the resource, {} for none; `text`: what is not JSON. `headers`: names in lower case. `language`: what was
    asked for."""

    status: int
    body: Json = field(default_factory=dict)
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"

    @property
    def name(self) -> str:
        """What a create made, as "CarePlan/1"."""
        return _name(self.headers.get("location", ""))

    @property
    def made(self) -> dict[str, list[str]]:
        """What a transaction made: type → names, in their order."""
        found: dict[str, list[str]] = {}
        for each in self.body.get("entry", ()):
            if name := _name(each.get("response", {}).get("location", "")):
                found.setdefault(name.partition("/")[0], []).append(name)
        return found

    @property
    def resources(self) -> list[Json]:
        """What a Bundle holds, without what it says of itself."""
        found = (each.get("resource") for each in self.body.get("entry", ()))
        return [each for each in found if each is not None and each["resourceType"] != "OperationOutcome"]

    @property
    def types(self) -> Counter[str]:
        """How many of each type a Bundle holds."""
        return Counter(each["resourceType"] for each in self.resources)

    def sentences(self, *severities: str) -> Iterator[tuple[str, str]]:
        """(rule id or "", what it says) of each issue of an OperationOutcome, of these severities if any are given."""
        for issue in self.body.get("issue", ()):
            if not severities or issue["severity"] in severities:
                details = issue.get("details", {})
                codings = details.get("coding", ())
                rule = next((each["code"] for each in codings if each.get("system") == RULE), "")
                yield rule, details.get("text") or issue.get("diagnostics", "")

    def parameter(self, name: str) -> Iterator[str]:
        """The values of a Parameters' parameter of that name."""
        for each in self.body.get("parameter", ()):
            if each["name"] == name:
                value = next((one for key, one in each.items() if key.startswith("value")), "")
                yield value["reference"] if isinstance(value, dict) else str(value)


def _name(location: str) -> str:
    parts = location.partition("/_history/")[0].split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else ""


class Outcome(Protocol):
    def faults(self, answer: Answer) -> Iterator[str]:
        """In what the answer is otherwise, as sentences; none when it is what was to come."""

    def tells(self, answer: Answer) -> Iterator[str]:
        """What a person learns from it, line by line."""


@dataclass(frozen=True, slots=True)
class Done:
    """It is stored, or answered; `warned`: with what warnings, by their rules."""

    warned: tuple[str, ...] = ()

    def faults(self, answer: Answer) -> Iterator[str]:
        yield from _status(answer, 200, 201)
        given = {rule for rule, _ in answer.sentences("warning")} - {""}
        if given != set(self.warned):
            yield f"it warns of {_listed(given)}, not of {_listed(self.warned)}"

    def tells(self, answer: Answer) -> Iterator[str]:
        counted = Counter({type: len(names) for type, names in answer.made.items()})
        if counted:
            yield f"made: {nouns.counted(counted)}"
        elif answer.name:
            yield answer.name
        elif version := answer.headers.get("etag", "").strip('W/"'):
            yield f"version {version}"
        yield from _said(answer.sentences("warning"), "warning: ")


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule of the service model refuses it, and names these."""

    rule: str
    naming: tuple[str, ...] = ()
    status: int = 422

    def faults(self, answer: Answer) -> Iterator[str]:
        yield from _status(answer, self.status)
        said = list(answer.sentences("error"))
        if {rule for rule, _ in said} != {self.rule}:
            yield f"it is refused by {_listed({rule for rule, _ in said})}, not by {self.rule}"
        for name in self.naming:
            if not any(name in sentence for _, sentence in said):
                yield f"the sentence does not name {name}"

    def tells(self, answer: Answer) -> Iterator[str]:
        yield from _said(answer.sentences("error"))


@dataclass(frozen=True, slots=True)
class Hidden:
    """It is as if it were not there, and `why` says for people why it is not shown; with 403, it is not his to do."""

    status: int = 404
    why: str = ""

    def faults(self, answer: Answer) -> Iterator[str]:
        yield from _status(answer, self.status)

    def tells(self, answer: Answer) -> Iterator[str]:
        yield from _said(answer.sentences())
        if self.why and answer.status == self.status:
            yield self.why if self.status == 403 else f"sees nothing of it, not even that it is there: {self.why}"


@dataclass(frozen=True, slots=True)
class Sees:
    """A Bundle with these types in it, so many or any number of each (0: at least one), and none of the others.

    `whole`: how many of each type there are for who sees everything, so that it can be told what is hidden here, and
    `why`. `before`: how many of each this one saw the last time.
    """

    some: Mapping[str, int]
    none: tuple[str, ...] = ()
    why: str = ""
    whole: Counter[str] | None = None
    before: Counter[str] | None = None

    def faults(self, answer: Answer) -> Iterator[str]:
        yield from _status(answer, 200)
        found = answer.types
        for type, count in self.some.items():
            if found[type] != count if count else not found[type]:
                yield f"it shows {found[type]} of {type}, not {count or 'some'}"
        for type in self.none:
            if found[type]:
                yield f"it shows {found[type]} of {type}, and should not"

    def tells(self, answer: Answer) -> Iterator[str]:
        found = answer.types
        yield f"sees {nouns.counted(found) or 'nothing'}"
        if self.whole is not None:
            hidden = nouns.counted(self.whole - found, is_hidden=True)
            yield (f"hidden: {hidden}" if hidden else "nothing is hidden") + (f"; {self.why}" if self.why else "")
        if self.before is not None:
            more, less = nouns.counted(found - self.before), nouns.counted(self.before - found)
            changes = [*([f"{more} more"] if more else ()), *([f"{less} less"] if less else ())]
            told = " and ".join(changes) or "as many of each"
            yield f"since the last time: {told if self.before.total() else 'it saw nothing then'}"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A $review: the rules that are broken, all of `broken` and none of `mended`; `telling` says which sentences of
    the others a person wants to read here, and what is in them ({"R2.1": "6/5"})."""

    broken: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    telling: Mapping[str, str] = field(default_factory=dict)

    def faults(self, answer: Answer) -> Iterator[str]:
        yield from _status(answer, 200)
        warned = {rule for rule, _ in answer.sentences("warning", "error")}
        if missing := set(self.broken) - warned:
            yield f"it does not warn of {_listed(missing)}"
        if still := set(self.mended) & warned:
            yield f"it still warns of {_listed(still)}"
        said = list(answer.sentences())
        for rule, words in self.telling.items():
            if not any(each == rule and words in sentence for each, sentence in said):
                yield f"{rule} does not say {words!r}"

    def tells(self, answer: Answer) -> Iterator[str]:
        yield from _said(answer.sentences("warning", "error"), "! ")
        told = [each for each in answer.sentences("information") if each[0] in self.telling]
        yield from _said(told)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a write would be told ($validate): at least these rules would warn or refuse."""

    rules: tuple[str, ...] = ()

    def faults(self, answer: Answer) -> Iterator[str]:
        yield from _status(answer, 200)
        if missing := set(self.rules) - {rule for rule, _ in answer.sentences("warning", "error")}:
            yield f"it does not foresee {_listed(missing)}"

    def tells(self, answer: Answer) -> Iterator[str]:
        yield from _said(answer.sentences())


@dataclass(frozen=True, slots=True)
class Holds:
    """A success of which that is true: `what` in words, and `lines` for people to read."""

    what: str
    true: Callable[[Answer], bool]
    lines: Callable[[Answer], Iterable[str]]

    def faults(self, answer: Answer) -> Iterator[str]:
        wrong = list(_status(answer, 200, 201))
        yield from wrong
        if not wrong and not self.true(answer):
            yield f"it is not so that {self.what}"

    def tells(self, answer: Answer) -> Iterator[str]:
        yield from self.lines(answer) if answer.status in (200, 201) else _said(answer.sentences())


def _status(answer: Answer, *wanted: int) -> Iterator[str]:
    if answer.status not in wanted:
        said = " ".join(sentence for _, sentence in answer.sentences())
        yield f"it is answered {answer.status}, not {' or '.join(map(str, wanted))}" + (f": {said}" if said else "")


def _said(sentences: Iterable[tuple[str, str]], mark: str = "") -> Iterator[str]:
    for rule, sentence in sentences:
        yield f"{mark}{rule}: {sentence}" if rule else f"{mark}{sentence}"


def _listed(found: Iterable[str]) -> str:
    return ", ".join(sorted(each or "something else" for each in found)) or "nothing"
