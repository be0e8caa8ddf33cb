"""A fault of a resource while its path is still being put together, and how faults become issues."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice

from sharedplan.errors import Issue

MOST = 100
"""More problems of one resource help nobody; the rest is told as "there are more"."""

_ADVISED = 20
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong somewhere below an object: `path` is relative to it, "" is the object itself.

    `depends` marks what the resource, or the Bundle, has yet to judge: "#p1" (is that contained?) or "conditional".
    `near` is a name that is not known, and those that are: advice for the sentence, made only for faults that are told.
    """

    path: str
    code: str
    saying: str
    severity: str = "error"
    depends: str | None = None
    near: tuple[str, Collection[str]] | None = None

    def below(self, name: str) -> "Fault":
        """The same, seen from an object that holds this one as `name` ("activity[2]")."""
        return replace(self, path=f"{name}.{self.path}" if self.path else name)


Faults = Sequence[Fault]
NONE: Faults = ()


def issues(faults: Iterable[Fault], root: str) -> list[Issue]:
    """The faults as issues, errors first, each with its whole path; at most MOST, then one that says so."""
    ordered = sorted(islice(faults, MOST * 20), key=lambda fault: fault.severity != "error")
    told = [
        Issue(
            fault.code,
            fault.saying + (_advice(*fault.near) if fault.near is not None and number < _ADVISED else ""),
            f"{root}.{fault.path}" if fault.path else root,
            fault.severity,
        )
        for number, fault in enumerate(ordered[:MOST])
    ]
    if len(ordered) > MOST:
        told.append(Issue("too-long", f"There are more problems; these are the first {MOST}.", root, "information"))
    return told


def _advice(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1, 0.7) if len(name) <= _LONGEST_NAME else []
    return f" Did you mean {near[0]}?" if near else ""
