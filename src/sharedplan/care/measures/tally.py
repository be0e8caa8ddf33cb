"""Counts things by what they have in common, and how many clients they are of; pure."""

from collections import Counter, defaultdict

from sharedplan.care.measures.figures import Group, Stratum, Value


class Tally:
    """What becomes a group with a stratum for each value. A client may have several of what is counted."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._counted: Counter[Value] = Counter()
        self._fulfilling: Counter[Value] = Counter()
        self._clients: dict[Value, set[str]] = defaultdict(set)

    def add(self, value: Value, client: str | None, number: int = 1, fulfilling: int = 0) -> None:
        """So many more, of which so many fulfil what is asked."""
        if number:
            self._counted[value] += number
            self._fulfilling[value] += fulfilling
            self._clients[value].add(client or "")

    def shares(self) -> Group:
        """Of what was counted, how much fulfils what is asked."""
        return self._group(with_shares=True)

    def counts(self) -> Group:
        """What was counted, when nothing is asked of it."""
        return self._group(with_shares=False)

    def _group(self, *, with_shares: bool) -> Group:
        strata = tuple(
            Stratum((value,), self._counted[value], self._fulfilling[value] if with_shares else None, len(clients))
            for value, clients in sorted(self._clients.items())
        )
        return Group(
            self._code,
            self._counted.total(),
            self._fulfilling.total() if with_shares else None,
            strata=strata,
            people=len(set().union(*self._clients.values())),
        )
