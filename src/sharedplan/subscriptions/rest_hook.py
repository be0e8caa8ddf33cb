"""The channel rest-hook: one POST to the address of a Subscription. https://hl7.org/fhir/R4/subscription.html#2.46.7.1

The host is looked up once, what it resolves to is judged (`interactions/endpoints.py`), and the connection goes to that
very address: a name that is looked up again could lead elsewhere. The certificate is still that of the name. No
redirect is followed, no proxy of the environment asked, and of the answer only the status is read.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from sharedplan import __version__
from sharedplan.interactions.endpoints import IP, Endpoints, origin_of, port_of

Resolve = Callable[[str, int], Awaitable[Sequence[IP]]]
"""A host and a port → the addresses of the host. Raises OSError."""

MOST_ADDRESSES = 4
"""Addresses of one host that are tried."""

GONE = 410
"""The status by which a receiver says that it is no more, for good."""


class NotDelivered(Exception):
    """The receiver did not take it; the text says why, in words for the owner. `is_final`: nor will it ever."""

    def __init__(self, saying: str, *, is_final: bool = False) -> None:
        super().__init__(saying)
        self.is_final = is_final


async def resolved(host: str, port: int) -> Sequence[IP]:
    """The addresses of a host, by the machine's own resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(each[4][0]).partition("%")[0]) for each in found]


class RestHook:
    """Sends to whatever address is allowed."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        patience: float = 5.0,
        resolve: Resolve = resolved,
        transport: httpx.AsyncBaseTransport | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`patience`: seconds for each, connecting and the answer, and twice as much for all of it. `transport`:
        another way than the network. `trust`: whose certificates are taken; without it, those of the usual roots."""
        self._endpoints = endpoints
        self._patience = patience
        self._resolve = resolve
        self._transport = transport
        self._trust = trust

    async def post(self, endpoint: str, headers: Sequence[str], body: str | None) -> None:
        """Sends the body, or none; returns once the receiver has taken it. `headers` are lines "Name: value".

        Raises NotDelivered.
        """
        if (fault := self._endpoints.fault(endpoint)) is not None:
            raise NotDelivered(f"channel.endpoint: {fault}")
        try:
            async with asyncio.timeout(2 * self._patience):
                status = await self._posted(endpoint, headers, body)
        except (TimeoutError, httpx.TimeoutException):
            raise NotDelivered("the receiver did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, UnicodeError) as failure:
            raise NotDelivered(f"the receiver was not reached ({type(failure).__name__})") from failure
        if status == GONE:
            raise NotDelivered("the receiver answered 410: it is gone", is_final=True)
        if not 200 <= status < 300:
            raise NotDelivered(f"the receiver answered {status}")

    async def _posted(self, endpoint: str, headers: Sequence[str], body: str | None) -> int:
        parts, origin = urlsplit(endpoint), origin_of(endpoint)
        host = str(parts.hostname)
        found = await self._judged(host, port_of(endpoint), origin)
        sent = [tuple(part.strip(" \t") for part in line.split(":", 1)) for line in headers]
        sent += [("user-agent", f"sharedplan/{__version__}"), ("accept-encoding", "identity")]
        sent += [("host", origin.partition("://")[2])]
        content = b""
        if body is not None:
            sent.append(("content-type", "application/fhir+json"))
            content = body.encode()
        if self._trust is None:  # the file of those that are trusted takes a while to read
            self._trust = await asyncio.to_thread(httpx.create_ssl_context)
        client = httpx.AsyncClient(
            verify=self._trust,
            transport=self._transport,
            follow_redirects=False,
            trust_env=False,
            timeout=self._patience,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
        )
        async with client:
            for number, ip in enumerate(found, 1):
                request = httpx.Request(
                    "POST",
                    httpx.URL(endpoint).copy_with(host=str(ip)),
                    headers=sent,  # type: ignore[arg-type]
                    content=content,
                    extensions={"sni_hostname": host, "timeout": httpx.Timeout(self._patience).as_dict()},
                )
                try:
                    answer = await client.send(request, stream=True)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if number == len(found):
                        raise
                    continue
                await answer.aclose()
                return answer.status_code
        raise AssertionError("there is an address, and the last one answers or fails")

    async def _judged(self, host: str, port: int, origin: str) -> Sequence[IP]:
        """The addresses that may be connected to. Raises NotDelivered when any that the host has is not allowed."""
        try:
            found: Sequence[IP] = [ip_address(host)]
        except ValueError:
            found = await self._resolve(host, port)
        if not found:
            raise NotDelivered("the receiver's host has no address")
        if not all(self._endpoints.takes(each, origin) for each in found):
            raise NotDelivered("the receiver's host leads to an address that is not on the open internet")
        return found[:MOST_ADDRESSES]
