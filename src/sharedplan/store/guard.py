"""The second guard: the service's role reads nothing but views, which are empty unless the statement says who asks.

The slice in a query says what may be seen. Should a query ever be built without one, the database shows it nothing: the
views of the schema `guarded` (`migrations/`) look whether this very statement opened them, and whether the asker has
anything to do with what a row speaks of. Whoever compiles a slice lets the statement open the guard; who it is opened
for comes another way, from the token by the unit of work, so one fault is not enough to see what is another's.

The connection's path leads to the views or, for operators, to the tables; statements name no schema for either.
"""

from typing import NamedTuple

PATH = "guarded, public"
"""The `search_path` of the service."""


class Who(NamedTuple):
    """Whom the guard is opened for: the arguments of `guard_open`.

    `asks` is "asker", for whom the rows are looked at, or "judgement", which looks at whatever it needs.
    """

    asks: str
    person: str | None = None
    organization: str | None = None


def asker(person: str | None, organization: str | None) -> Who:
    """Whoever asks by a token that names these."""
    return Who("asker", person, organization)


NOBODY = Who("asker")
JUDGEMENT = Who("judgement")


def opening(sql: str, first: int) -> str:
    """The statement, which opens the guard before it looks at a row; Who are its parameters from `first` on."""
    return _opening(sql, f"${first}::text, ${first + 1}::text, ${first + 2}::text")


def judging(sql: str) -> str:
    """A statement that finds out the facts of a judgement, in whatever register they are."""
    return _opening(sql, "'judgement', NULL, NULL")


def writing(sql: str) -> str:
    """A statement that writes, and looks at the rows that it replaces. It must end with a SELECT."""
    return _opening(sql, "'writing', NULL, NULL")


def _opening(sql: str, who: str) -> str:
    """The statement with the opening at its head. It happens first of all, since OFFSET refers to it, which must be
    known before the first row is looked for; were that ever otherwise, nothing would be seen."""
    rest = sql.strip()
    beside = f", {rest[4:]}" if rest[:4].upper() == "WITH" else f" {rest}"
    return f"""WITH stated AS MATERIALIZED (SELECT guard_open({who}) AS skipped){beside}
        OFFSET (SELECT skipped FROM stated)"""
