"""Which items may be worked on now, so that working side by side gives what one after the other would have given."""

from collections.abc import Iterator
from itertools import islice

from sharedplan.loading.items import Item

AHEAD = 32
"""Items that are looked at to find one that may begin."""


class Schedule:
    """The items of a load, handed out when what they wait for is done."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._coming = items
        self._waiting: list[Item] = []
        self._begun: list[Item] = []

    def next(self) -> Item | None:
        """The next item that may begin; None: wait until another is done, or (see `is_empty`) there is no more."""
        self._waiting += islice(self._coming, AHEAD - len(self._waiting))
        before = list(self._begun)
        for place, item in enumerate(self._waiting):
            if not any(_must_wait(item, for_) for for_ in before):
                self._begun.append(self._waiting.pop(place))
                return item
            before.append(item)
        return None

    def done(self, item: Item) -> None:
        """Says that an item is finished."""
        self._begun.remove(item)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, neither waiting nor begun; asked after `next`."""
        return not self._waiting and not self._begun


def _must_wait(item: Item, for_: Item) -> bool:
    """Whether an item has to wait for an earlier one: when one of them has conditions, and the other may make what they
    select; or when both write under one identity, and not the same.

    Within one file Bundles are taken to be independent; a conditional reference that misses is tried again at the end.
    """
    if (item.has_conditions or for_.has_conditions) and item.texts[0].file != for_.texts[0].file:
        return True
    few, many = sorted((item.writes, for_.writes), key=len)
    return any(identity in many and many[identity] != said for identity, said in few.items())
