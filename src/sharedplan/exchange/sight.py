"""What somebody sees of one client, before anything is looked at: of which types not all, and whether the log.

Both follow from who asks, the team and the consents, never from what is hidden, so telling it gives nothing away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sharedplan.access.choices import Choices
from sharedplan.access.facts import Facts, Question
from sharedplan.access.items import Item
from sharedplan.access.judgement import outcome
from sharedplan.access.principal import Principal
from sharedplan.exchange.facts import apart, known
from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import And, Everything, Expression, HasId, Nothing, OfOwnClients, Or, ToldOf
from sharedplan.search.values.date import LATEST

_CHOICES = Choices()


@dataclass(frozen=True, slots=True)
class Sight:
    """`client`: "Patient/1". `register`: the one that the plan is in, `home` that of the client, as far as the asker
    sees them."""

    client: str
    register: str | None
    home: str | None
    by: Principal
    acting: Acting
    base: str

    def narrow(self, types: Iterable[str]) -> frozenset[str]:
        """Of these types those that the scopes of the token leave out, or limit."""
        by, within = self.by, self.acting.within
        return frozenset(type for type in types if within[type] == Nothing() or _is_limited(by, type))

    async def partly(self, types: Iterable[str]) -> frozenset[str]:
        """Of these types those of which the asker may see only some of the client's things, or nothing."""
        by, narrow = self.by, set(self.narrow(types))
        is_own_system = by.person is None and by.organization == self.register
        if by.person == self.client or is_own_system or not self.acting.policy.by_consent:
            return frozenset(narrow)
        text = await self.acting.unit.known(by.person, by.organization, [self.client], [], wholly=True)
        return self._judged(text, tuple(types)) | narrow

    def _judged(self, text: str, types: tuple[str, ...]) -> frozenset[str]:
        """Of the types those that by these facts are not seen all of. It is not judged again as long as the facts are
        to the letter the same, and nothing in them has begun or ended meanwhile."""
        by, kept = self.by, self.acting.unit.kept
        at, told = apart(text)
        digest = sha256(told.encode()).digest()
        key = ("partly", by.person, by.organization, by.purpose, self.client, self.register, self.base, types)
        before: _Judged | None = kept.get(key)
        if before is not None and before.digest == digest and before.since <= at < before.until:
            return before.partly
        facts = known(text, self.base).of(self.client, (), _CHOICES)
        holders = frozenset({self.register} if self.register is not None else ())
        items = (Item(type, self.client, None, self.register, holders, kinds=frozenset({type})) for type in types)
        questions = (Question(by.person, by.organization, by.purpose, "read", item) for item in items)
        partly = frozenset(each.item.type for each in questions if not outcome(each, facts).is_permitted)
        kept.put(key, _Judged(digest, at, _next_turn(facts), partly))
        return partly

    @property
    def own_clients(self) -> OfOwnClients | None:
        """As whose clients' the log lies open to the asker, as far as his own register goes; None when it does not, or
        wholly."""
        within = self.acting.within["AuditEvent"]
        return next((each for each in _parts(within) if isinstance(each, OfOwnClients)), None)

    async def has_the_log(self, *, is_concerned: bool = False) -> bool:
        """Whether the log of the client lies open to the asker: he is the client, or the client is one of his own.

        `is_concerned`: it is known already that he is concerned with the client.
        """
        by, within = self.by, self.acting.within["AuditEvent"]
        if _is_limited(by, "AuditEvent"):
            return False
        if isinstance(within, Everything):
            return True
        if by.person == self.client:
            return any(isinstance(each, ToldOf) for each in _parts(within))
        own = self.own_clients
        if own is None or self.home is None or self.home != by.organization:
            return False
        if is_concerned or by.person is None:
            return True
        one = HasId((self.client.removeprefix("Patient/"),))
        return bool(await self.acting.unit.matching("Patient", one, within={"Patient": own}, limit=1))


class _Judged(NamedTuple):
    """What was judged by facts with that digest, and holds from one instant up to the other."""

    digest: bytes
    since: datetime
    until: datetime
    partly: frozenset[str]


def _next_turn(facts: Facts) -> datetime:
    """When something of the facts begins or ends next."""
    return next(iter(facts.turns()), LATEST)


def _is_limited(by: Principal, type: str) -> bool:
    """Whether a scope of the token narrows what may be read of the type."""
    return any(scope.limit for scope in by.scopes if scope.covers(type, "r"))


def _parts(within: Expression) -> Iterable[Expression]:
    match within:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _parts(part)
        case _:
            yield within
