"""Small numbers are not told, nor what they could be worked out from; pure.

A count below five is suppressed. Of a group that is shown, the strata add up to it: so what is left over when the shown
ones are taken away is a number that everybody can work out, and it must be as large as one that may be told, must be of
more than one stratum, and must leave open what each of these has. Else the smallest of the shown is suppressed, too.
"""

from collections.abc import Collection, Sequence

LEAST = 5
"""The smallest count that is told."""

Counts = tuple[int, ...]
"""Of a population, and those of it that fulfil what is asked."""


def is_small(counts: Counts) -> bool:
    """Whether any of the counts may not be told."""
    return any(each < LEAST for each in counts)


def hidden(strata: Sequence[Counts], withheld: Collection[int] = ()) -> frozenset[int]:
    """The numbers of the strata that are not told; `withheld` are those that may not be, though no count is small."""
    found = {number for number, counts in enumerate(strata) if is_small(counts) or number in withheld}
    others = sorted((counts, number) for number, counts in enumerate(strata) if number not in found)
    told = _told(strata)
    for _, number in others:
        if not found or _is_open([strata[each] for each in found], told):
            break
        found.add(number)
    return frozenset(found)


def gives_away(strata: Sequence[Counts], withheld: Collection[int] = ()) -> bool:
    """Whether the whole, told together with which strata there are, tells what each of them has though all are hidden:
    as when five are of one each."""
    return len(strata) > 1 and len(hidden(strata, withheld)) == len(strata) and not _is_open(strata, _told(strata))


def _told(strata: Sequence[Counts]) -> list[int]:
    """Which counts are told of the whole: of the others nothing can be worked out."""
    return [number for number, counts in enumerate(zip(*strata, strict=True)) if sum(counts) >= LEAST]


def _is_open(together: Sequence[Counts], told: Sequence[int]) -> bool:
    """Whether what these have together leaves open what each of them has."""
    return len(together) > 1 and all(_leaves_open([counts[number] for counts in together]) for number in told)


def _leaves_open(counts: Sequence[int]) -> bool:
    """The same of one count of each: their sum may be told, and is neither the least nor the most that it could be."""
    total, number = sum(counts), len(counts)
    is_most = max(counts) < LEAST and total == number * (LEAST - 1)
    return total >= LEAST and total != number and not is_most
