"""Nothing that is shown tells a number below five."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.care.measures.suppression import LEAST, gives_away, hidden


def of_one(*counts: int) -> list[tuple[int, ...]]:
    return [(each,) for each in counts]


@pytest.mark.parametrize(
    ("counts", "not_told"),
    [
        ((5, 6, 7), set()),
        ((3, 6, 7), {0, 1}),  # one alone is what the others leave over: the next smallest goes with it
        ((3, 3, 7), {0, 1}),  # six together: nobody knows which has how many
        ((1, 1, 7), {0, 1, 2}),  # two together are themselves too few
        ((4, 4, 9, 12), {0, 1, 2}),  # eight of two that are below five can only be four each
        ((5,), set()),
    ],
)
def test_what_is_hidden_cannot_be_worked_out(counts: tuple[int, ...], not_told: set[int]) -> None:
    assert hidden(of_one(*counts)) == not_told


def test_five_of_one_each_give_themselves_away() -> None:
    assert gives_away(of_one(1, 1, 1, 1, 1))
    assert gives_away(of_one(4, 4))
    assert not gives_away(of_one(3, 3))
    assert not gives_away(of_one(9, 9))


def test_a_small_numerator_hides_its_stratum_and_another() -> None:
    assert hidden([(10, 2), (8, 6), (20, 15)]) == {0, 1}
    assert hidden([(10, 2), (8, 1)]) == {0, 1}
    assert not gives_away([(10, 2), (8, 1)])  # the numerator of the whole is not told either


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5).filter(lambda counts: sum(counts) >= LEAST))
def test_whoever_sees_the_rest_cannot_tell_any_that_is_hidden(counts: list[int]) -> None:
    """Every way to fill in what is hidden that agrees with what is told is looked at."""
    strata = of_one(*counts)
    if len(counts) == 1 or gives_away(strata):
        return
    not_told = sorted(hidden(strata))
    left = sum(counts[number] for number in not_told)
    ways = list(_ways(left, len(not_told)))
    for place, number in enumerate(not_told):
        if counts[number] < LEAST:
            assert len({way[place] for way in ways}) > 1


def _ways(total: int, number: int) -> Iterator[tuple[int, ...]]:
    if number == 0:
        if total == 0:
            yield ()
        return
    for first in range(1, total - number + 2):
        for rest in _ways(total - first, number - 1):
            yield (first, *rest)
