"""What one process keeps of what it found out, for whoever asks again: the least recently used gives way.

Nobody is shown anything of it before the database has said, for him and now, that it is still so.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Kept:
    """Values by their keys, each with a weight; together they weigh no more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable) -> Any:
        """The value; None without one."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: Any, weight: int = 1) -> None:
        """Keeps the value, in the place of what it had; what weighs more than everything may is not kept."""
        _, before = self._values.pop(key, (None, 0))
        self._weight -= before
        if weight > self._most:
            return
        self._values[key] = (value, weight)
        self._weight += weight
        while self._weight > self._most:
            _, (_, least) = self._values.popitem(last=False)
            self._weight -= least
