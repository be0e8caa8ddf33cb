"""A fault of a resource while its path is still being put together, and how faults become issues."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice

from sharedplan.errors import Issue

MOST = 100
"""More faults of one resource help nobody; the rest is told as "and more"."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong somewhere below an object: `path` is relative to it, "" is the object itself.

    `saying` may be a function, so that costly advice is only made for faults that are told.
    `depends` marks what the resource, or the Bundle, has yet to judge: "#p1" (is that contained?) or "conditional".
    """

    path: str
    code: str
    saying: str | Callable[[], str]
    severity: str = "error"
    depends: str | None = None

    def below(self, name: str) -> "Fault":
        """The same, seen from an object that holds this one as `name` ("activity[2]")."""
        return replace(self, path=f"{name}.{self.path}" if self.path else name)


Faults = Sequence[Fault]
NONE: Faults = ()


def issues(faults: Iterable[Fault], root: str) -> list[Issue]:
    """The faults as issues, errors first, each with its whole path; at most MOST, then one that says so."""
    ordered = sorted(islice(faults, MOST * 20), key=lambda fault: fault.severity != "error")
    told = [
        Issue(fault.code, _said(fault), f"{root}.{fault.path}" if fault.path else root, fault.severity)
        for fault in ordered[:MOST]
    ]
    if len(ordered) > MOST:
        told.append(Issue("too-long", f"There are more problems; these are the first {MOST}.", root, "information"))
    return told


def _said(fault: Fault) -> str:
    return fault.saying if isinstance(fault.saying, str) else fault.saying()


def nearest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean x?", or nothing when no name is near."""
    near = get_close_matches(name, known, 1, 0.7) if len(name) <= 60 else []
    return f" Did you mean {near[0]}?" if near else ""
