"""One item into the store: made ready, written group by group, and told what came of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sharedplan.clock import Clock
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.cursors import Cursors
from sharedplan.loading.preparing import Choices, Group, groups
from sharedplan.loading.reading import Text
from sharedplan.loading.report import Outcome
from sharedplan.loading.writing import Writer
from sharedplan.store.unit_of_work import Store

Missed = frozenset[tuple[int, int]]
"""(group, entry) of what refers by a condition to something that is not there, or not yet."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an item, and what of it is worth another try when everything else is in."""

    outcome: Outcome
    missed: Missed = frozenset()


class Loader:
    """Loads items into one store."""

    def __init__(self, store: Store, clock: Clock, choices: Choices) -> None:
        self._choices = choices
        self._writer = Writer(store, clock, Policy(Cursors(os.urandom(16))), choices.organization)

    async def load(self, texts: Sequence[Text]) -> Done:
        """Writes an item. Raises SharedplanErrors of status 500 and above when the store fails."""
        outcome, missed = Outcome(), set()
        for number, group in enumerate(groups(texts, self._choices, outcome)):
            missed |= {(number, entry) for entry in await self._writer.write(group, outcome)}
        return Done(outcome, frozenset(missed))

    async def load_again(self, texts: Sequence[Text], missed: Missed) -> Outcome:
        """Writes what was missed of an item, now or never."""
        outcome = Outcome()
        for number, group in enumerate(groups(texts, self._choices, Outcome())):
            ready = tuple(each for each in group.ready if (number, each.entry.number) in missed)
            if ready:
                await self._writer.write(Group(ready, group.is_atomic), outcome, last=True)
        return outcome
