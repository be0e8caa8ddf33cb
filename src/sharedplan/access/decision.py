"""The decision: who asks and what for in, a Grant or a refusal out; pure, and the only maker of Grants.

A Grant holds a slice for every resource type: an Expression that the store compiles into each query, so that totals,
pages and history are of what may be seen. What lies outside the slice looks exactly as if it were not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from sharedplan.access import limits
from sharedplan.access.emergency import CORE, EMERGENCIES
from sharedplan.access.labels import SENSITIVITY
from sharedplan.access.principal import PURPOSES, Principal
from sharedplan.access.scopes import LETTER_OF, contexts
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Refused, Unauthenticated
from sharedplan.fhir.exchanges import Asked
from sharedplan.search.expression import (
    Addressed,
    And,
    Everything,
    Expression,
    HasToken,
    Not,
    Nothing,
    OfClient,
    OfNoOthersSubscription,
    OfOwnClients,
    OfRegister,
    OfTargets,
    Opened,
    Or,
    Permitted,
    RefersTo,
    TargetsWithin,
    ToldOf,
    WrittenBy,
)
from sharedplan.search.parameters import CONSULTING, PARAMETERS

READING = "rs"
SEARCHING = "s"
WRITING = frozenset("cud")
ANY = "cruds"

Slices = Mapping[str, Expression]
"""What may be seen, by resource type; each type offered has its entry."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the token when a decision is made: the instant it is made at, UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do what was asked, within a slice of each type; the reasons go to the audit.

    `shows`: whether the answer to a write may hold the resource: not for whom a read would not show it, for a patch or
    a condition could else read. `ordinary`: in an emergency, of the types that it may open, what may be seen without.
    `containers` and `contained` are those of a search within resources: what of each type may be looked into, and what
    a contained resource must meet beside, which is else as visible as its container.
    """

    slices: Slices
    reasons: tuple[str, ...]
    shows: bool = True
    ordinary: Slices = field(default_factory=dict)
    containers: Slices = field(default_factory=dict)
    contained: Slices = field(default_factory=dict)

    def slice_of(self, type: str) -> Expression:
        """The slice of one type; Nothing for a type that is not offered."""
        return self.slices.get(type, _NOTHING)


_EVERYTHING = Everything()
_NOTHING = Nothing()


def decide(asked: Asked, by: Principal, facts: Facts, *, by_consent: bool = True) -> Grant:
    """Whether the interaction may go on, and within which slices.

    The slice of the type asked about is that of the interaction's own letter; those of the other types are what may
    be read or searched, for the references and includes on the way. A batch or transaction is judged entry by entry.
    Raises Unauthenticated when the token has ended meanwhile, Refused when no scope allows the interaction, or when
    something would be written where the asker may see nothing at all.

    `by_consent`: whether registers, teams and consents count; if not, all that the scopes allow lies open to
    professionals. What may be written of what is seen, `exchange/enforcing.py` asks with the facts of the client.
    """
    if by.expires <= facts.at:
        raise Unauthenticated("the token has expired")
    letters = _letters(asked)
    grant = _granted(by, asked.type, letters, by_consent)
    if grant is None:
        what = asked.interaction if asked.type is None else f"{asked.interaction} of {asked.type}"
        raise Refused(f"no scope of the token allows {what}")
    if asked.type in CATALOGUE and WRITING.intersection(letters) and grant.slice_of(asked.type) == _NOTHING:
        raise Refused(f"the token names nobody on whose behalf {asked.type} may be written")
    return grant


def may_search(by: Principal, type: str, *, by_consent: bool = True) -> bool:
    """Whether the token lets anything of the type be searched, whatever else it may do with it."""
    return _limited(type, by, SEARCHING, by_consent) != _NOTHING


@lru_cache(maxsize=4096)
def _granted(by: Principal, asked_type: str | None, letters: str, by_consent: bool) -> Grant | None:
    """The slices of one asker, None when no scope allows any of the letters; kept, for both follow from the token."""
    types = CATALOGUE if asked_type is None else (asked_type,)
    if not any(contexts(by.scopes, type, letters) for type in types):
        return None
    slices = {
        type: _slice(type, by, letters if asked_type in (None, type) else READING, by_consent) for type in CATALOGUE
    }
    whom = by.person or by.organization or "nobody named"
    shows = asked_type is None or letters not in WRITING
    shows = shows or _limited(str(asked_type), by, "r", by_consent) in (_EVERYTHING, slices.get(str(asked_type)))
    ordinary = {
        type: within.parts[0]
        for type, within in slices.items()
        if isinstance(within, Or) and by_consent and _in_emergency(type, by) is not None
    }
    reasons = (f"scope allows {letters}", f"on behalf of {whom}")
    grant = Grant(MappingProxyType(slices), reasons, shows, MappingProxyType(ordinary))
    if letters != SEARCHING:
        return grant
    # Whoever looks into resources searches them, too: what may be read alone is not looked into.
    containers = {type: _slice(type, by, letters, by_consent) for type in CATALOGUE}
    contained = {
        type: _NOTHING if slices[type] == _NOTHING else limits.of_contained(type, _limits(type, by, letters))
        for type in CATALOGUE
    }
    return replace(grant, containers=MappingProxyType(containers), contained=MappingProxyType(contained))


def _letters(asked: Asked) -> str:
    """The letters of which one must be allowed."""
    if asked.interaction == "operation":
        return READING[0] if asked.id is not None else ANY
    letter = LETTER_OF.get(asked.interaction)
    if letter is None:
        raise Refused(f"{asked.interaction} is judged by its entries")
    return letter


def _slice(type: str, by: Principal, letters: str, by_consent: bool) -> Expression:
    """What of one type lies open by the scopes that allow one of the letters, within their limits; to read, also what
    somebody opens in an emergency."""
    opened = _limited(type, by, letters, by_consent)
    emergency = _in_emergency(type, by) if by_consent and not WRITING.intersection(letters) else None
    if emergency is None or opened in (_EVERYTHING, _NOTHING):
        return opened
    return Or((opened, limits.within(emergency, type, _limits(type, by, letters))))


def _limited(type: str, by: Principal, letters: str, by_consent: bool) -> Expression:
    opened = _by_context(type, by, letters) if by_consent else _by_scopes(type, by, letters)
    if type == "Provenance" and by_consent:
        opened = _by_targets(opened, by)
    return limits.within(opened, type, _limits(type, by, letters))


def _in_emergency(type: str, by: Principal) -> Expression | None:
    """What a break-glass opens of the type; None when it never opens any of it to this asker."""
    if by.purpose not in EMERGENCIES or type not in CORE or not by.is_professional:
        return None
    return Opened(by.person, by.organization, by.purpose) if by.person and by.organization else None


def _by_targets(opened: Expression, by: Principal) -> Expression:
    """What lies open of Provenances, without those of what the scopes do not let be read."""
    if opened == _NOTHING:
        return opened
    without, within = [], []
    for type in (each for each in CATALOGUE if each not in ("AuditEvent", "Provenance")):
        readable = _by_context(type, by, READING)
        limit = limits.within(_EVERYTHING, type, _limits(type, by, READING))
        if readable == _NOTHING:
            without.append(type)
        elif limit != _EVERYTHING:
            within.append((type, limit))
    return And((opened, TargetsWithin(tuple(without), tuple(within)))) if without or within else opened


def _limits(type: str, by: Principal, letters: str) -> list[limits.Pairs]:
    """The limits of the scopes that open the type: a professional's `patient/` scope opens nothing beside another."""
    opening = [scope for scope in by.scopes if any(scope.covers(type, letter) for letter in letters)]
    wide = [scope.limit for scope in opening if scope.context != "patient"]
    return wide if by.is_professional and wide else [scope.limit for scope in opening]


def _by_context(type: str, by: Principal, letters: str) -> Expression:
    """What lies open by the widest context that allows one of the letters.

    The directory and the definitions lie open to whoever has the scope, but only professionals write them. Of clients'
    data each sees his own; an organisation's system its register; and who is on a client's team what he permits. A
    consultation that names no client is seen by the professionals whom it asks, too.
    """
    allowed = contexts(by.scopes, type, letters)
    if not allowed or by.purpose not in PURPOSES:
        return _NOTHING
    is_for_others = allowed != {"patient"}
    if not CATALOGUE[type].client_data:
        writes = bool(WRITING.intersection(letters))
        return _EVERYTHING if not writes or (by.is_professional and is_for_others) else _NOTHING
    if by.patient is not None:
        own = _own(type, f"Patient/{by.patient}")
        return And((*own.parts, OfTargets(None, None, "", f"Patient/{by.patient}"))) if type == "Provenance" else own
    if (by.person is None and by.organization is None) or not is_for_others:
        return _NOTHING
    if type == "AuditEvent":
        return _of_the_log(by)
    permitted: Expression = Permitted(by.person, by.organization, by.purpose)
    if type == "Provenance":
        permitted = OfTargets(by.person, by.organization, by.purpose)
    ways: tuple[Expression, ...] = (permitted,)
    if by.person is None:
        ways = (OfRegister(str(by.organization)), permitted)
    if type in CONSULTING and by.is_professional:
        ways += (Addressed(by.person, by.organization),)
    opened = ways[0] if len(ways) == 1 else Or(ways)
    if type == "Subscription":  # what it follows, and where that is told, is nobody else's
        return And((opened, WrittenBy(by.client_id, by.organization, by.person)))
    return opened


def _own(type: str, client: str) -> And:
    """What a client sees of himself: whatever names him alone, unless somebody is to talk with him about it first; of
    the log, what is of him in it."""
    untold = HasToken(PARAMETERS[type]["_security"], SENSITIVITY, _NOT_YET)
    return And((ToldOf(client) if type == "AuditEvent" else OfClient(client), Not(untold)))


_NOT_YET = "TBOO"


def _of_the_log(by: Principal) -> Expression:
    """What others than clients see of the log: what was done to clients of their own in their register, a system also
    all that was done for its organisation, a person what he did himself; but of what was done to Subscriptions, whose
    those are alone."""
    agent = PARAMETERS["AuditEvent"]["agent"]
    if by.organization is None or not by.is_professional:
        return _NOTHING
    clients = OfOwnClients(by.person, by.organization)
    discreet = OfNoOthersSubscription(by.client_id, by.organization, by.person)
    if by.person is not None:
        return Or((And((RefersTo(agent, (by.person,)), discreet)), clients))
    return Or((OfRegister(by.organization), And((RefersTo(agent, (by.organization,)), discreet)), clients))


def _by_scopes(type: str, by: Principal, letters: str) -> Expression:
    """The same with nothing but scopes, for development: professionals see all that these allow."""
    allowed = contexts(by.scopes, type, letters)
    if allowed and by.is_professional and allowed != {"patient"}:
        return _EVERYTHING
    return _by_context(type, by, letters) if by.patient is not None or not CATALOGUE[type].client_data else _NOTHING
