"""A statement in the making: the values that it binds so far, and the moment that it looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sharedplan.errors import Incorrect, Issue
from sharedplan.search.expression import Expression

MOST_VALUES = 30_000
"""Of one statement; the protocol takes 32,767, and the audit row has some, too."""


@dataclass(slots=True)
class Statement:
    """`seen`: the slice of each type, for what is asked across references; a statement whose expressions stay within
    one type needs none. `as_of`: the instant whose rows are looked at; None for what is now.
    """

    parameters: list[Any] = field(default_factory=list)
    seen: Mapping[str, Expression] = field(default_factory=dict)
    as_of: datetime | None = None
    _aliases: int = 0
    _moment: str = ""

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
