"""The text of a FHIRPath, read into a tree; only what the published SearchParameter definitions use.

http://hl7.org/fhirpath/N1/#grammar
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


class Expression:
    """A node of the tree. `of` is what it is applied to; None is the item that a where() looks at."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Member(Expression):
    of: Expression | None
    name: str


@dataclass(frozen=True, slots=True)
class As(Expression):
    """`x as T`, `x.as(T)` and `x.ofType(T)`, which agree where only single values are asked as."""

    of: Expression
    type: str


@dataclass(frozen=True, slots=True)
class Where(Expression):
    of: Expression
    condition: Expression


@dataclass(frozen=True, slots=True)
class Extension(Expression):
    of: Expression
    url: str


@dataclass(frozen=True, slots=True)
class Exists(Expression):
    of: Expression


@dataclass(frozen=True, slots=True)
class Has(Expression):
    """`hasExtension(url)` of the item itself."""

    url: str


@dataclass(frozen=True, slots=True)
class Is(Expression):
    """`resolve() is T` of the item itself."""

    type: str


@dataclass(frozen=True, slots=True)
class Compared(Expression):
    of: Expression
    operator: str  # = or !=
    value: Any  # a string or a boolean


@dataclass(frozen=True, slots=True)
class And(Expression):
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Union(Expression):
    parts: tuple[Expression, ...]


class _Resolved(Expression):
    """`resolve()`, which only `is` may follow."""

    __slots__ = ()


_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z_]\w*)|'(?P<text>[^']*)'|(?P<sign>!=|[().|=]))")


@lru_cache(maxsize=2048)
def read(text: str) -> Expression:
    """The tree of an expression. Raises ValueError, with the place, for anything outside the subset."""
    reader = _Reader(text)
    tree = reader.conjunction()
    reader.expect_end()
    return tree


@lru_cache(maxsize=2048)
def split(text: str) -> tuple[str, ...]:
    """The parts of a union, as text."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    return (*parts, text[begin:].strip())


def root(expression: Expression | None) -> str | None:
    """The first name of an expression, which is the resource type that it speaks of."""
    match expression:
        case Member(None, name):
            return name
        case Union(parts):
            return root(parts[0])
        case And(left, _):
            return root(left)
        case Member(of) | As(of) | Where(of) | Extension(of) | Exists(of) | Compared(of):
            return root(of)
    return None


class _Reader:
    """Recursive descent, one method a level of precedence."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.kind, self.value = "", ""
        self.advance()

    def advance(self) -> None:
        found = _TOKEN.match(self.text, self.at)
        if found is None and self.text[self.at :].strip():
            raise self.unexpected()
        self.kind = found.lastgroup or "" if found else "end"
        self.value = found[self.kind] if found else ""
        self.at = found.end() if found else len(self.text)

    def unexpected(self) -> ValueError:
        return ValueError(f"not in the subset of FHIRPath that search parameters use: {self.text!r} at {self.at}")

    def take(self, kind: str, value: str | None = None) -> str:
        if self.kind != kind or (value is not None and self.value != value):
            raise self.unexpected()
        taken = self.value
        self.advance()
        return taken

    def takes(self, kind: str, *values: str) -> bool:
        if self.kind == kind and self.value in values:
            self.advance()
            return True
        return False

    def expect_end(self) -> None:
        if self.kind != "end":
            raise self.unexpected()

    def conjunction(self) -> Expression:
        left = self.comparison()
        while self.takes("word", "and"):
            left = And(left, self.comparison())
        return left

    def comparison(self) -> Expression:
        left = self.union()
        for operator in ("=", "!="):
            if self.takes("sign", operator):
                if self.kind == "text":
                    return Compared(left, operator, self.take("text"))
                if self.value not in ("true", "false"):
                    raise self.unexpected()
                return Compared(left, operator, self.take("word") == "true")
        return left

    def union(self) -> Expression:
        parts = [self.typed()]
        while self.takes("sign", "|"):
            parts.append(self.typed())
        return parts[0] if len(parts) == 1 else Union(tuple(parts))

    def typed(self) -> Expression:
        left = self.invocations()
        if self.takes("word", "as"):
            return As(left, self.take("word"))
        if isinstance(left, _Resolved):
            self.take("word", "is")
            return Is(self.take("word"))
        return left

    def invocations(self) -> Expression:
        if self.takes("sign", "("):
            left = self.conjunction()
            self.take("sign", ")")
        else:
            left = self.invocation(None)
        while self.takes("sign", "."):
            left = self.invocation(left)
        return left

    def invocation(self, of: Expression | None) -> Expression:
        name = self.take("word")
        if not self.takes("sign", "("):
            return Member(of, name)
        made = self.function(of, name)
        self.take("sign", ")")
        return made

    def function(self, of: Expression | None, name: str) -> Expression:
        match name:
            case "resolve" if of is None:
                return _Resolved()
            case "hasExtension" if of is None:
                return Has(self.take("text"))
            case "as" | "ofType" if of is not None:
                return As(of, self.take("word"))
            case "where" if of is not None:
                return Where(of, self.conjunction())
            case "extension" if of is not None:
                return Extension(of, self.take("text"))
            case "exists" if of is not None:
                return Exists(of)
        raise self.unexpected()
