"""What somebody sees of one client, before anything is looked at: of which types not all, and whether the log.

Both follow from who asks, the team and the consents, never from what is hidden, so telling it gives nothing away.
"""

from collections.abc import Iterable

from sharedplan.access.choices import Choices
from sharedplan.access.facts import Question
from sharedplan.access.items import Item
from sharedplan.access.judgement import outcome
from sharedplan.access.principal import Principal
from sharedplan.exchange.facts import known
from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import And, Everything, Expression, HasId, Nothing, OfOwnClients, Or, ToldOf

_CHOICES = Choices()


async def partly_seen(
    client: str, register: str | None, types: Iterable[str], by: Principal, acting: Acting, base: str
) -> frozenset[str]:
    """Of these types those of which the asker may see only some of the client's things, or nothing; `register`: that of
    the plan."""
    narrow = {
        type
        for type in types
        if acting.within[type] == Nothing() or any(s.limit for s in by.scopes if s.covers(type, "r"))
    }
    is_own_system = by.person is None and by.organization == register
    if by.person == client or is_own_system or not acting.policy.by_consent:
        return frozenset(narrow)
    text = await acting.unit.known(by.person, by.organization, [client], [], wholly=True)
    facts = known(text, base).of(client, (), _CHOICES)
    holders = frozenset({register} if register is not None else ())
    for type in types:
        if type not in narrow:
            item = Item(type, client, None, register, holders, kinds=frozenset({type}))
            question = Question(by.person, by.organization, by.purpose, "read", item)
            narrow |= set() if outcome(question, facts).is_permitted else {type}
    return frozenset(narrow)


async def sees_the_log(client: str, by: Principal, acting: Acting) -> bool:
    """Whether the log of the client lies open to the asker: he is the client, or the client is one of his own."""
    within = acting.within["AuditEvent"]
    if any(s.limit for s in by.scopes if s.covers("AuditEvent", "r")):
        return False
    if isinstance(within, Everything):
        return True
    if by.person == client:
        return any(isinstance(each, ToldOf) for each in _parts(within))
    own = next((each for each in _parts(within) if isinstance(each, OfOwnClients)), None)
    if own is None:
        return False
    found = await acting.unit.matching(
        "Patient", HasId((client.removeprefix("Patient/"),)), within={**acting.within, "Patient": own}, limit=1
    )
    return bool(found)


def _parts(within: Expression) -> Iterable[Expression]:
    match within:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _parts(part)
        case _:
            yield within
