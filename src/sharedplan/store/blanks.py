"""Statements with blanks: what differs in nothing but values has one SQL text, which is made once and then filled in.

To find what fills the blanks costs a tenth of compiling. Only conditions that most questions are made of are known
here; the others are compiled each time. A test holds both ways to the same statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any, NamedTuple

from sharedplan.search import expression as e
from sharedplan.search.masking import of_masked
from sharedplan.search.values import token
from sharedplan.store.compile import MANY
from sharedplan.store.joint import Filling, Joint, joint
from sharedplan.store.statements import Statement

Form = tuple[Any, ...]
"""A condition without its values: the class of each part, and whatever else its SQL goes by."""


class Unlike(Exception):
    """The condition is none of those that are known here."""


@dataclass(frozen=True, slots=True)
class Blanks:
    """A text, and what fills the place of each parameter; `joint` is the statement of several who ask so at once."""

    sql: str
    fillings: tuple[Filling, ...]
    joint: Joint | None = None

    def filled(self, values: Sequence[Any]) -> list[Any]:
        """The parameters."""
        return [always if number is None else values[number] for number, always in self.fillings]


def form(expression: e.Expression, values: list[Any]) -> Form:
    """The form of a condition; its values, as a statement binds them, are added to `values` in their order.

    Raises Unlike.
    """
    kind = expression.__class__
    if of_masked(expression):  # what a ban takes out goes by values, too
        raise Unlike
    if isinstance(expression, e.RefersTo):
        is_one = expression.parameter.is_scalar and len(expression.references) == 1
        values.append(expression.references[0] if is_one else list(expression.references))
        return kind, expression.parameter, is_one
    if isinstance(expression, e.HasToken):
        values.append([token.entry(expression)])
        return kind, expression.parameter, expression.code is None
    if isinstance(expression, e.And):
        return kind, *[form(part, values) for part in expression.parts]
    if isinstance(expression, e.InTime) and not expression.keys:
        if expression.prefix != "gt":
            values.append(expression.low)
        if expression.prefix != "lt":
            values.append(expression.high)
        return kind, expression.parameter, expression.prefix
    if isinstance(expression, e.Updated):
        values += [each for each in (expression.since, expression.until) if each is not None]
        return kind, expression.since is None, expression.until is None
    if isinstance(expression, e.HasId):
        is_one = len(expression.ids) == 1
        values.append(expression.ids[0] if is_one else list(expression.ids))
        return kind, is_one
    if isinstance(expression, e.Chained):
        return kind, expression.parameter, expression.type, form(expression.where, values)
    if isinstance(expression, e.HasEntry) and len(expression.entries) <= MANY:
        values.append(list(expression.entries))
        return kind, expression.parameter
    if isinstance(expression, e.Everything):
        return (kind,)
    raise Unlike


class ForSeveral(NamedTuple):
    """What a statement of several is made of: the SELECT of one, its parameters, and what becomes of all `rows`; and
    whether it is right for one alone, too (`joint.Joint`)."""

    statement: Statement
    answer: str
    rows: str
    recorded: str
    shown: str
    is_for_one: bool = False


def blanks(
    form_: Form,
    compiled: Callable[[e.Expression], tuple[str, Sequence[Any]]],
    of_several: Callable[[e.Expression], ForSeveral] | None = None,
) -> Blanks:
    """The statement that is `compiled` of conditions of that form, and that `of_several` who ask at once."""
    example = _Example().of(form_)
    marks: list[Any] = []
    form(example, marks)

    def fillings(parameters: Sequence[Any]) -> tuple[Filling, ...]:
        return tuple((marks.index(each), None) if each in marks else (None, each) for each in parameters)

    sql, parameters = compiled(example)
    together = None
    if of_several is not None:
        made = of_several(example)
        filled = fillings(made.statement.parameters)
        parts = {"rows": made.rows, "recorded": made.recorded, "shown": made.shown}
        together = joint(made.statement, filled, made.answer, many=len(marks), is_for_one=made.is_for_one, **parts)
    return Blanks(intern(sql), fillings(parameters), together)  # one text, however many ask with it


class _Example:
    """A condition of a form whose values are found nowhere else."""

    def __init__(self) -> None:
        self._made = 0

    def of(self, form_: Form) -> e.Expression:
        match form_:
            case (e.RefersTo, parameter, is_one):
                return e.RefersTo(parameter, self._texts(is_one))
            case (e.HasToken, parameter, True):
                return e.HasToken(parameter, self._texts(True)[0], None)
            case (e.HasToken, parameter, False):
                return e.HasToken(parameter, None, self._texts(True)[0])
            case (e.And, *parts):
                return e.And(tuple(self.of(part) for part in parts))
            case (e.InTime, parameter, prefix):
                return e.InTime(parameter, prefix, self._instant(), self._instant())
            case (e.Updated, is_open, is_open_ended):
                return e.Updated(None if is_open else self._instant(), None if is_open_ended else self._instant())
            case (e.HasId, is_one):
                return e.HasId(self._texts(is_one))
            case (e.Chained, parameter, type, where):
                return e.Chained(parameter, type, self.of(where))
            case (e.HasEntry, parameter):
                return e.HasEntry(parameter, self._texts(False))
            case (e.Everything,):
                return e.Everything()
        raise TypeError(f"no condition is like {form_!r}")

    def _texts(self, is_one: bool) -> tuple[str, ...]:
        self._made += 1
        texts = (f"\x00{self._made}a", f"\x00{self._made}b")
        return texts[:1] if is_one else texts

    def _instant(self) -> datetime:
        self._made += 1
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._made)
