"""Keys that others publish at an address: fetched when they are needed, kept for as long as their owner says.

Only the address that the settings name is asked, and it alone: no redirects, no proxy of the environment, at most
64 KiB and 2 seconds, one flight at a time. https://www.rfc-editor.org/rfc/rfc7517#section-5,
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

from sharedplan.access.jws import FAMILIES
from sharedplan.access.keys import BadKey, PublicKey, usable_keys
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError
from sharedplan.fhir import json_text
from sharedplan.logs import log

MOST_BYTES = 64 * 1024
PATIENCE = 2.0
"""Seconds that the whole answer may take."""

LEAST_KEPT, MOST_KEPT = timedelta(minutes=5), timedelta(hours=24)
BETWEEN = timedelta(minutes=1)
"""How often an unknown kid may make us ask again."""

AFTER_FAILURE = timedelta(seconds=5)
"""How soon we ask again when there is no key at hand at all."""

_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class NotFetched(Exception):
    """The keys could not be had; the text says why."""


class Fetcher:
    """Gets a JWKS from the one address that it is given."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport`: another way than the network."""
        self._transport = transport

    async def __call__(self, url: str) -> tuple[bytes, str]:
        """The body and the Cache-Control. Raises NotFetched."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._fetched(url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as failure:
            raise NotFetched(type(failure).__name__) from failure

    async def _fetched(self, url: str) -> tuple[bytes, str]:
        headers = {"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"}
        client = httpx.AsyncClient(
            transport=self._transport, follow_redirects=False, trust_env=False, timeout=PATIENCE, headers=headers
        )
        async with client, client.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise NotFetched(f"status {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise NotFetched("it is compressed")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise NotFetched(f"it is larger than {MOST_BYTES} bytes")
            return bytes(body), answer.headers.get("cache-control", "")


class FetchedKeys:
    """The keys at one address."""

    def __init__(self, url: str, fetcher: Fetcher, clock: Clock, *, rsa_algorithm: str = "RS384") -> None:
        self.url = url
        self._fetcher = fetcher
        self._clock = clock
        self._rsa_algorithm = rsa_algorithm
        self._keys: Mapping[tuple[str, str], PublicKey] = {}
        self._until: datetime | None = None  # the end of their cache time; None when there are none
        self._not_before: datetime | None = None  # when we may ask again
        self._flight = asyncio.Lock()

    def at_hand(self, kid: str, algorithm: str) -> PublicKey | None:
        """The one key with that kid which fits the algorithm, if it is here and its time has not ended."""
        if self._until is None or self._until <= self._clock.now():
            return None
        return self._keys.get((kid, FAMILIES.get(algorithm, "")))

    async def look(self, kid: str) -> None:
        """Fetch the keys, unless one with that kid has come meanwhile or it is too soon; a failure goes to the log."""
        async with self._flight:
            now = self._clock.now()
            is_fresh = self._until is not None and self._until > now
            if is_fresh and any(known == kid for known, _ in self._keys):
                return
            if self._not_before is not None and now < self._not_before:
                return
            self._not_before = now + (BETWEEN if is_fresh else AFTER_FAILURE)
            try:
                body, caching = await self._fetcher(self.url)
                self._keys = usable_keys(json_text.read(body), rsa_algorithm=self._rsa_algorithm)
            except (NotFetched, BadKey, SharedplanError) as failure:
                log.warning("keys_not_fetched", url=self.url, reason=str(failure))
                return
            self._until = now + _kept(caching)
            self._not_before = now + BETWEEN
            log.info("keys_fetched", url=self.url, keys=len(self._keys))


def _kept(caching: str) -> timedelta:
    """For how long, by a Cache-Control: within our bounds, and no longer than the least when it says nothing."""
    found = _MAX_AGE.search(caching)
    if found is None or "no-store" in caching.lower() or "no-cache" in caching.lower():
        return LEAST_KEPT
    return min(max(timedelta(seconds=int(found[1])), LEAST_KEPT), MOST_KEPT)
