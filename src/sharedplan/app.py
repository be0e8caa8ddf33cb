"""Settings in, the wired application out: knows everybody, decides nothing."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from sharedplan.access.clients import registered
from sharedplan.access.fetched_keys import FetchedKeys, Fetcher
from sharedplan.access.granting import TokenEndpoint
from sharedplan.access.keys import trusted_keys
from sharedplan.access.own_key import published, signer
from sharedplan.access.principal import Principal
from sharedplan.access.standing import present
from sharedplan.access.tokens import FetchedIssuer, Verifier
from sharedplan.catalogue import CATALOGUE
from sharedplan.clock import Clock
from sharedplan.exchange.perform import perform
from sharedplan.exchange.plain_read import PlainRead
from sharedplan.exchange.plain_search import PlainSearch
from sharedplan.exchange.refusals import Refusals
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.fhir.resources import warm_up
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.capabilities import capability_text
from sharedplan.interactions.cursors import Cursors
from sharedplan.interactions.endpoints import Endpoints
from sharedplan.rest import routes
from sharedplan.rest.documentation import documentation
from sharedplan.rest.fhir import FhirBase
from sharedplan.rest.oauth import TokenRequests, Tokens
from sharedplan.rest.wellknown import Health
from sharedplan.secret_files import secret_file
from sharedplan.settings import Settings
from sharedplan.store.engine import Pool
from sharedplan.store.follower import Follower
from sharedplan.store.readiness import readiness
from sharedplan.store.unit_of_work import Store
from sharedplan.store.upkeep import upkeep
from sharedplan.subscriptions.delivery import Deliverer
from sharedplan.subscriptions.rest_hook import RestHook

LAST_ITEMS = timedelta(seconds=4)
"""What notifications under way get to end, once all requests have: less than the supervisor waits for the rest."""


@dataclass(frozen=True, slots=True)
class Wired:
    """The application, and the health that it tells."""

    app: FastAPI
    health: Health


def application(settings: Settings, clock: Clock, fetcher: Fetcher | None = None) -> Wired:
    """The service on the database that the settings name; its schema must be the newest. `fetcher` gets others' keys.

    Raises access.keys.BadKey, secret_files.UnusableSecret.
    """
    if settings.database_url is None:
        raise ValueError("the application needs a database: start it by `sharedplan serve`, or set a database_url")
    pool = Pool(
        settings.database_url.get_secret_value(),
        size=settings.pool_size,
        wait=settings.pool_wait,
        statement_timeout=settings.statement_timeout,
        lock_timeout=settings.lock_timeout,
        idle_in_transaction_timeout=settings.idle_in_transaction_timeout,
        unguarded=settings.access == "scopes",
    )
    store, choices, fetcher = Store(pool), policy(settings), fetcher or Fetcher()
    issuers = {
        each.iss: FetchedIssuer(
            FetchedKeys(each.jwks_url, fetcher, clock, rsa_algorithm=each.rsa_algorithm),
            each.audience or settings.expected_audience,
            settings.foreign_token_lifetime_limit,
        )
        for each in settings.issuers
        if each.jwks_url is not None
    }
    keys = trusted_keys(settings)
    follower = Follower(settings.database_url.get_secret_value(), store.settled)

    refusals = Refusals(store.begin, clock)

    async def answered(asked: Asked, by: Principal) -> Answer:
        return await perform(asked, by, store.begin, clock, choices)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await follower.look()
        beside = [
            asyncio.create_task(_warm_up()),
            asyncio.create_task(follower.follow()),
            *map(asyncio.create_task, upkeep(pool, settings.page_lifetime)),
            asyncio.create_task(refusals.keep_summing_up()),
            asyncio.create_task(deliverer.run(lambda: health.is_draining)),
        ]
        yield
        await deliverer.stop(min(settings.drain_timeout, LAST_ITEMS))
        for task in beside:
            task.cancel()
        await asyncio.wait(beside, timeout=1)  # each gives back what it has borrowed
        await refusals.sum_up()
        await store.close(patience=settings.drain_timeout)
        follower.close()

    async def checks() -> Mapping[str, bool]:
        found = await readiness(pool)
        return {**found, "schema": found["schema"] and follower.is_following}

    deliverer = Deliverer(
        store,
        RestHook(choices.endpoints, patience=settings.subscription_timeout.total_seconds()),
        clock,
        choices,
        base=settings.base,
        patience=settings.subscription_patience,
        present=partial(
            present,
            clients=registered(settings, fetcher, clock),
            issuer=settings.root,
            trusted={*issuers, *(key.issuer for key in keys)},
        ),
    )

    fhir = FhirBase(
        answered,
        PlainRead(store, clock, choices),
        PlainSearch(store.begin, clock, choices),
        Verifier(keys, clock, skew=settings.clock_skew, fetched=issuers),
        refusals,
        base=settings.base,
        body_limit=settings.body_limit,
        bodies_limit=settings.bodies_limit,
        places=settings.places,
        plain_places=settings.plain_places,
        queue_wait=settings.queue_wait,
    )
    health = Health(checks)
    app = routes.application(
        settings,
        clock,
        fhir=fhir,
        health=health,
        tokens=tokens(settings, clock, store, fetcher, refusals),
        statement=partial(capability_text, settings.base, if_match_required=settings.if_match == "required"),
        documentation=documentation(),
        lifespan=lifespan,
    )
    return Wired(app, health)


def tokens(settings: Settings, clock: Clock, store: Store, fetcher: Fetcher, refusals: Refusals) -> Tokens | None:
    """The token endpoint, where the service signs tokens."""
    ours = signer(settings)
    if ours is None:
        return None
    endpoint = TokenEndpoint(
        registered(settings, fetcher, clock),
        ours,
        store.begin,
        clock,
        token_url=settings.token_url,
        audience=settings.expected_audience,
        skew=settings.clock_skew,
    )
    requests = TokenRequests(
        endpoint.grant, refusals, clock, failures=settings.token_failures, window=settings.token_failure_window
    )
    return Tokens(requests, published(ours.keys))


async def _warm_up() -> None:
    """Make ready what checking resources needs, while the first requests are already served: one type at a time, for
    a thread that computes holds up the loop."""
    for type in CATALOGUE:
        await asyncio.to_thread(warm_up, (type,))
        await asyncio.sleep(0.01)
    # What has been made until now stays: it need not be looked through for garbage again and again, 88 ms each time.
    gc.unfreeze()  # what was imported, the garbage of it too
    gc.collect()
    gc.freeze()


def policy(settings: Settings) -> Policy:
    """What the settings choose of what FHIR leaves to the server."""
    if settings.cursor_key is not None:
        key = settings.cursor_key.get_secret_value().encode()
    else:
        key = secret_file(settings.data_dir / "cursor-key", partial(os.urandom, 32))
    return Policy(
        Cursors(key),
        by_consent=settings.access == "consent",
        enforces_references=settings.references == "enforce",
        requires_if_match=settings.if_match == "required",
        page_size=settings.page_size,
        page_size_limit=settings.page_size_limit,
        bundle_entries=settings.bundle_entries,
        url_limit=settings.url_limit,
        page_lifetime=settings.page_lifetime,
        emergency_lasts=settings.break_glass_lasts,
        attendance=settings.attendance,
        endpoints=Endpoints(
            frozenset(settings.subscription_origins),
            anywhere=settings.environment == "development",
            loopback=settings.tells_loopback,
        ),
        subscriptions=settings.subscription_limit,
    )
