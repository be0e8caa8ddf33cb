"""A statement in the making: the values that it binds so far, and the moment that it looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sharedplan.errors import Incorrect, Issue
from sharedplan.search.expression import Expression
from sharedplan.store import guard
from sharedplan.store.searches import UNKNOWN, Seeing

MOST_VALUES = 30_000
"""Of one statement; the protocol takes 32,767, and the audit row has some, too."""


@dataclass(slots=True)
class Statement:
    """`seen`: the slice of each type, for what is asked across references; a statement whose expressions stay within
    one type needs none. `as_of`: the instant whose rows are looked at; None for what is now. `asker`: SQL of who asks,
    once something goes by that; whoever sends the statement puts it at its head (`headed`). `seeing`: of what types he
    sees little.
    """

    parameters: list[Any] = field(default_factory=list)
    seen: Mapping[str, Expression] = field(default_factory=dict)
    as_of: datetime | None = None
    asker: str = ""
    seeing: Seeing = UNKNOWN
    _aliases: int = 0
    _moment: str = ""
    _purpose: str = ""
    _viewed: list[str] = field(default_factory=list)
    _untold: str = ""
    _sights: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # (client, purpose) → as bound

    def bind(self, value: Any, type: str) -> str:
        """The placeholder of a value of that SQL type. Raises Incorrect for more than a statement can take."""
        if len(self.parameters) == MOST_VALUES:
            raise Incorrect(issues=(Issue("too-costly", f"a question asks for at most {MOST_VALUES:,} values"),))
        self.parameters.append(value)
        return f"${len(self.parameters)}::{type}"

    def alias(self) -> str:
        """A name for rows that no other rows have."""
        self._aliases += 1
        return f"c{self._aliases}"

    @property
    def moment(self) -> str:
        """The placeholder of `as_of`, bound once."""
        self._moment = self._moment or self.bind(self.as_of, "timestamptz")
        return self._moment

    @property
    def turn(self) -> str:
        """The placeholder of the statement's turn among others (`company.py`), which comes after all parameters that
        are bound by then and those of the guard."""
        return f"${len(self.parameters) + len(guard.Who._fields) + 1}::integer"

    def asked_by(self, person: str | None, organization: str | None) -> str:
        """SQL of who asks, expanded: read once in the whole statement, and only when it comes to that."""
        if not self.asker:
            self.asker = f"access_asker({self.bind(person, 'text')}, {self.bind(organization, 'text')})"
        return "(select a from asker)"

    def sight_of(self, client: str, purpose: str) -> str:
        """The name of a step at the head that finds out once what may be seen of one client: `s`."""
        if (client, purpose) not in self._sights:
            self._sights[client, purpose] = (self.bind(client, "text"), self.bind(purpose, "text"))
        return f"sight_{list(self._sights).index((client, purpose))}"

    def viewed_for(self, purpose: str, clients: str) -> None:
        """Of each of these clients, which a SELECT gives, it is found out once what may be seen: `views_of`."""
        self._purpose = self._purpose or self.bind(purpose, "text")
        if clients not in self._viewed:
            self._viewed.append(clients)

    def untold_to(self, client: str) -> str:
        """SQL of what this client is not to be told of yet (`store/own_log.py`), found out once in the whole statement,
        and only when it comes to that."""
        self._untold = self._untold or f"access_untold({self.bind(client, 'text')})"
        return "(select names from untold)"

    def takes_on(self, other: "Statement") -> None:
        """What the conditions of another one that has the same parameters refer to stands at its head, too."""
        self.asker, self._untold = self.asker or other.asker, self._untold or other._untold

    def headed(self, sql: str) -> str:
        """The statement with what its conditions refer to at its head, opening the second guard: who asks comes after
        its parameters (`Session.ask`)."""
        steps = [*self._of_asker(), *self._of_clients()]
        return guard.opening(_beside(steps, sql), len(self.parameters) + 1)

    def apart(self, sql: str) -> tuple[list[str], str]:
        """The steps at the head that go by who asks alone, and the statement with all others at its own."""
        return self._of_asker(), _beside(self._of_clients(), sql)

    def _of_asker(self) -> list[str]:
        steps = [f"untold AS MATERIALIZED (SELECT {self._untold} AS names)"] if self._untold else []
        if not self.asker:
            return steps
        return [
            *steps,
            f"asker AS MATERIALIZED (SELECT {self.asker} AS a)",
            "askers_clients AS MATERIALIZED (SELECT access_clients(a) AS c FROM asker)",
        ]

    def _of_clients(self) -> list[str]:
        if not self.asker:
            return []
        steps = []
        if self._purpose:
            steps = [
                f"""views AS MATERIALIZED (
                SELECT c AS client, access_sight(c, a, {self._purpose}) AS s, access_concerned(c, a) AS is_concerned
                FROM asker, ({" UNION ".join(self._viewed)}) viewed(c)
            )""",
                """views_of AS MATERIALIZED (
                SELECT array_agg(client) FILTER (WHERE (s).view = 'all') AS whole,
                    array_agg(client) FILTER (WHERE (s).view = 'some') AS partly,
                    array_agg(s) FILTER (WHERE (s).view = 'some') AS sights,
                    array_agg(client) FILTER (WHERE is_concerned) AS concerned FROM views
            )""",
            ]
        for number, (client, purpose) in enumerate(self._sights.values()):
            steps.append(
                f"sight_{number} AS MATERIALIZED (SELECT access_sight({client}, a, {purpose}) AS s FROM asker)"
            )
        return steps


def _beside(steps: list[str], sql: str) -> str:
    """The statement with more steps at its head."""
    if not steps:
        return sql
    rest = sql.lstrip()
    return f"WITH {', '.join(steps)}{f', {rest[4:]}' if rest[:4].upper() == 'WITH' else f' {rest}'}"


def linked(word: str, parts: list[str], empty: str) -> str:
    """The parts with the word between, in brackets where there are several; `empty` where there is none."""
    if len(parts) < 2:
        return parts[0] if parts else empty
    return f"({word.join(parts)})"
