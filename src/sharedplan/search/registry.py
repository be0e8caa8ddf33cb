"""A registry that can take on more while the service runs, and the one place where what was made of it is made anew.

What is shipped stays as it is. What is taken on is first indexed with every write, and offered once all is filled.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
R = TypeVar("R")

_KEPT: WeakSet[Any] = WeakSet()


class Entry(Protocol):
    """What the registry holds, by the resource type and the code that it names."""

    @property
    def resource(self) -> str: ...

    @property
    def code(self) -> str: ...


T = TypeVar("T", bound=Entry)


def kept_until_renewed(maxsize: int | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keeps what a function gave, as `lru_cache` does, until a registry takes on more or less."""

    def made(function: Callable[P, R]) -> Callable[P, R]:
        kept = lru_cache(maxsize)(function)
        _KEPT.add(kept)
        return kept  # type: ignore[return-value]  # called as the function is, and more

    return made


class Registry(Mapping[str, Mapping[str, T]], Generic[T]):
    """Resource type → code → what is offered. `shipped` is what the release has, `indexed` what every write fills,
    which may be more than what is offered yet."""

    def __init__(self, shipped: Mapping[str, Mapping[str, T]]) -> None:
        self.shipped = _sorted(shipped)
        self._offered = self.indexed = self.shipped

    def __getitem__(self, type: str) -> Mapping[str, T]:
        return self._offered[type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)

    def take_on(self, *, ready: Iterable[T], filling: Iterable[T]) -> None:
        """From here on these are there beside what is shipped, and nothing else; whatever was made of the registry is
        made anew. Where the two name the same, what is shipped holds."""
        ready = tuple(ready)
        self._offered = self._with(ready)
        self.indexed = self._with((*ready, *filling))
        for kept in _KEPT:
            kept.cache_clear()

    def _with(self, more: Iterable[T]) -> Mapping[str, Mapping[str, T]]:
        rows: dict[str, dict[str, T]] = {type: {} for type in self.shipped}
        for each in more:
            if each.resource in rows:
                rows[each.resource][each.code] = each
        return _sorted({type: rows[type] | dict(found) for type, found in self.shipped.items()})


def _sorted(rows: Mapping[str, Mapping[str, T]]) -> Mapping[str, Mapping[str, T]]:
    """The same, codes in order, for reading only."""
    return MappingProxyType({type: MappingProxyType(dict(sorted(found.items()))) for type, found in rows.items()})
