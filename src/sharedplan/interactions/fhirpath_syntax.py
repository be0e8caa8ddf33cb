"""The syntax of the FHIRPath subset that a patch may use: text → Step; pure.

http://hl7.org/fhirpath/N1/, what is offered of it: `fhirpath.py`
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sharedplan.errors import Incorrect

LONGEST = 500
DEEPEST = 20

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<date>@[0-9T:.+\-Z]+)|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`]+`)|(?P<this>\$this)|(?P<sign>!=|<=|>=|[.()\[\]=<>,]))"
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}

FUNCTIONS = {
    "where": 1,
    "first": 0,
    "last": 0,
    "tail": 0,
    "skip": 1,
    "take": 1,
    "extension": 1,
    "ofType": 1,
    "exists": 0,
    "empty": 0,
    "not": 0,
    "count": 0,
    "startsWith": 1,
    "endsWith": 1,
    "contains": 1,
}
"""The functions offered, and how many arguments each takes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of a parsed expression: what it is, what it names, what it is applied to and given."""

    kind: str  # name, index, call, literal, this, compare, and, or
    word: Any = None
    on: "Step | None" = None
    given: tuple["Step", ...] = ()


@lru_cache(maxsize=512)
def parse(path: str) -> Step:
    """The expression as a value. Raises Incorrect, naming what could not be read."""
    if len(path) > LONGEST:
        raise Incorrect(f"a path may have {LONGEST} characters")
    parser = _Parser(path)
    step = parser.expression(0)
    if parser.kind:
        raise parser.refused()
    return step


class _Parser:
    """A reader of one expression, one token ahead."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.end = 0
        self.kind: str | None = None
        self.text = ""
        self.forward()

    def forward(self) -> None:
        if not self.path[self.end :].strip():
            self.kind, self.text = None, ""
            return
        found = _TOKEN.match(self.path, self.end)
        if found is None:
            raise self.refused()
        self.kind, self.text, self.end = found.lastgroup, found[found.lastgroup or 0], found.end()

    def refused(self) -> Incorrect:
        return Incorrect(f"cannot read the path {self.path!r} at {self.text or self.path[self.end :]!r}")

    def takes(self, *texts: str) -> str | None:
        """The token at hand, if it is one of these; then goes on."""
        if self.text in texts and self.kind in ("sign", "name"):
            text = self.text
            self.forward()
            return text
        return None

    def needs(self, text: str) -> None:
        if not self.takes(text):
            raise self.refused()

    def expression(self, depth: int) -> Step:
        if depth > DEEPEST:
            raise Incorrect("the path nests too deep")
        left = self.conjunction(depth)
        while self.takes("or"):
            left = Step("or", on=left, given=(self.conjunction(depth),))
        return left

    def conjunction(self, depth: int) -> Step:
        left = self.comparison(depth)
        while self.takes("and"):
            left = Step("and", on=left, given=(self.comparison(depth),))
        return left

    def comparison(self, depth: int) -> Step:
        left = self.chain(depth)
        if sign := self.takes("=", "!=", "<=", ">=", "<", ">"):
            return Step("compare", sign, left, (self.chain(depth),))
        return left

    def chain(self, depth: int) -> Step:
        step = self.term(depth)
        while True:
            if self.takes("."):
                step = self.invocation(step, depth)
            elif self.takes("["):
                if self.kind != "number" or "." in self.text:
                    raise self.refused()
                step = Step("index", int(self.text), step)
                self.forward()
                self.needs("]")
            else:
                return step

    def term(self, depth: int) -> Step:
        kind, text = self.kind, self.text
        if kind == "name" and text in ("true", "false"):
            self.forward()
            return Step("literal", text == "true")
        if kind == "name":
            return self.invocation(None, depth)
        if self.takes("("):
            step = self.expression(depth + 1)
            self.needs(")")
            return step
        if kind not in ("string", "number", "date", "this"):
            raise self.refused()
        self.forward()
        if kind == "this":
            return Step("this")
        if kind == "string":
            return Step("literal", re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), text[1:-1]))
        return Step("literal", Decimal(text) if kind == "number" else text[1:].removeprefix("T"))

    def invocation(self, on: Step | None, depth: int) -> Step:
        if self.kind != "name":
            raise self.refused()
        name = self.text.strip("`")
        self.forward()
        if not self.takes("("):
            return Step("name", name, on)
        given: list[Step] = []
        if not self.takes(")"):
            given.append(self.expression(depth + 1))
            while self.takes(","):
                given.append(self.expression(depth + 1))
            self.needs(")")
        if name not in FUNCTIONS:
            raise Incorrect(f"the function {name}() cannot be used in the path of a patch")
        if len(given) != FUNCTIONS[name]:
            raise Incorrect(f"{name}() takes {FUNCTIONS[name]} arguments")
        return Step("call", name, on, tuple(given))
