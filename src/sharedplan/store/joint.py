"""One statement for several who ask the same with other values; pure.

To make a statement ready costs the database as much as many a question itself, and to send its values costs the driver
more than to send a text. So those who ask in company (`store/company.py`) with the same text and the same slices are
rows of `asked`, beside each of which its own answer is found; what they share is a parameter as ever. Each has his own
audit row. A test holds the answers to those that the statements of single ones give.
https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-LATERAL
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any, NamedTuple

import orjson

from sharedplan.store import guard
from sharedplan.store import trail as trails
from sharedplan.store.statements import Statement

Filling = tuple[int | None, Any]
"""Of a parameter: the number of the value that it is, or None and what it always is."""

ASKED = "asked"
"""The rows that ask: `turn`, the values that they differ in, and those of their audit rows by name."""

_PLACEHOLDER = re.compile(r"\$(\d+)::([a-z]+(?:\[\])?)")
_AUDITED = ", ".join(f"{name} {trails.kind_of(name)}" for name in trails.FIELDS)


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A statement whose parameters are `always`, Who asks, and the JSON text of those who ask. `is_for_one`: also one
    who asks alone gets his answer with less effort so than by a statement of his own."""

    sql: str
    always: tuple[Any, ...]
    names: tuple[str, ...]
    is_for_one: bool

    def parameters(self, who: Sequence[Any], asked: Sequence[Sequence[Any]]) -> list[Any]:
        """For whom each of `asked` has the values and the audit row, in the order of their turns."""
        rows = [dict(zip(self.names, (turn, *values), strict=True)) for turn, values in enumerate(asked)]
        return [*self.always, *who, orjson.dumps(rows).decode()]


class Question(NamedTuple):
    """What is asked of the database: text and parameters, but for who asks and the turn (`store/company.py`). Where it
    can be asked together with others, `joint` is the statement of all, and `own` what is this one's in it."""

    sql: str
    parameters: list[Any]
    joint: Joint | None = None
    own: Sequence[Any] = ()


def may_join(values: Sequence[Any]) -> bool:
    """Whether the values are the same to the database in JSON: the ends of the calendar are infinity for the driver."""
    return not any(
        isinstance(each, datetime) and each.year in (datetime.min.year, datetime.max.year) for each in values
    )


def joint(
    statement: Statement,
    fillings: Sequence[Filling],
    answer: str,
    *,
    many: int,
    rows: str,
    recorded: str,
    shown: str,
    is_for_one: bool = False,
) -> Joint:
    """The statement of all. `answer` is the SELECT of one, made by `statement`, whose parameters are the `fillings`;
    each who asks brings so `many` values, of which the answer may have no use for some.

    `rows` is the name that the rows of all answers get, each with its `turn`; `recorded` the steps that put in the
    audit rows of them and of `asked`, and `shown` the SELECT, from `rows`, of what comes back.
    """
    kinds: dict[int, str] = {}
    numbers: dict[int, str] = {}

    def placed(found: re.Match[str]) -> str:
        number, kind = int(found[1]), found[2]
        which = fillings[number - 1][0]
        if which is not None:
            kinds[which] = kind
            return f"{ASKED}.v{which}"
        return f"{numbers.setdefault(number, f'${len(numbers) + 1}')}::{kind}"

    beside, answer = statement.apart(answer)
    steps = [_PLACEHOLDER.sub(placed, each) for each in beside]
    answer = _PLACEHOLDER.sub(placed, answer)
    first = len(numbers) + 1
    columns = "".join(f", v{which} {kinds.get(which, 'text')}" for which in range(many))
    told = f"json_to_recordset(${first + len(guard.Who._fields)}::json)"
    steps += [
        f"{ASKED} AS MATERIALIZED (SELECT * FROM {told} AS told(turn integer{columns}, {_AUDITED}))",
        f"{rows} AS MATERIALIZED (SELECT {ASKED}.turn, own.* FROM {ASKED} CROSS JOIN LATERAL ({answer}) own)",
        recorded,
    ]
    sql = guard.opening(f"WITH {', '.join(steps)} {shown}", first)
    always = tuple(fillings[number - 1][1] for number in numbers)
    return Joint(intern(sql), always, ("turn", *(f"v{which}" for which in range(many)), *trails.FIELDS), is_for_one)
