"""What an interaction that is allowed works with (`interactions/acting.py`), from who asks and for what."""

from functools import partial

from sharedplan import audit
from sharedplan.access.decision import Facts, Grant, decide, may_search
from sharedplan.access.principal import Principal
from sharedplan.access.standing import kept
from sharedplan.clock import Clock
from sharedplan.exchange.enforcing import Enforcing, Operating
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Acting, Policy
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Unit


def acting(asked: Asked, by: Principal, unit: Unit, clock: Clock, policy: Policy) -> Acting:
    """The surroundings of an interaction that is allowed. Raises Refused when it is not."""
    grant = decide(asked, by, Facts(clock.now()), by_consent=policy.by_consent)
    return granted(asked, by, grant, audit.granted(asked, by, grant), unit, clock, policy)


def granted(
    asked: Asked, by: Principal, grant: Grant, trail: Trail, unit: Unit, clock: Clock, policy: Policy
) -> Acting:
    """The surroundings of an interaction that has been decided on."""
    access = Enforcing(by) if policy.by_consent else Operating()
    return Acting(
        unit,
        grant.slices,
        clock,
        policy,
        trail,
        by.client_id,
        access,
        by.organization,
        by.person,
        grant.shows,
        grant.ordinary,
        stated=asked.provenance,
        containers=grant.containers,
        contained=grant.contained,
        standing=partial(kept, by),
        may_search=partial(may_search, by, by_consent=policy.by_consent),
    )
