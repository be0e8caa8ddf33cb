"""Where notifications may go: rules for the address that a Subscription names, and for what its host resolves to; pure.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.channel.endpoint,
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html

A Subscription makes this service send requests to an address that a client chose. So it is https, to a host that lies
on the open internet or that the operator named; never to what only this machine or its cloud can reach.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

MOST_CHARACTERS = 2_000

IP = IPv4Address | IPv6Address

_CARRIERS = tuple(map(IPv6Network, ("64:ff9b::/32", "2001::/32", "2002::/16", "fec0::/10")))
"""Networks whose addresses stand for other ones, which they would lead to, or for a site's own."""

_OF_A_NETWORK = tuple(map(IPv4Network, ("192.0.0.0/24", "168.63.129.16/32")))
"""Where networks and clouds offer something to their own machines: by protocol assignment, and at one vendor's.
https://www.iana.org/assignments/iana-ipv4-special-registry/
https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Which addresses are taken.

    `origins`: those that the operator named ("https://records.example:8443"), also within private networks. `anywhere`:
    whether any other on the open internet is, too. `loopback`: whether this machine itself is, also without TLS.
    """

    origins: frozenset[str] = frozenset()
    anywhere: bool = True
    loopback: bool = False

    def fault(self, url: object) -> str | None:
        """Why the address is not taken; None when it is, as far as can be said before its host is looked up."""
        if not isinstance(url, str) or not url.isascii() or len(url) > MOST_CHARACTERS or not url.isprintable():
            return f"an address of at most {MOST_CHARACTERS:,} ASCII characters is needed"
        try:
            parts, origin = urlsplit(url), origin_of(url)
        except ValueError:
            return "it is not an address that can be read"
        if parts.scheme not in _PORTS or not parts.hostname or " " in url or "\\" in url:
            return "the address has to be https://host/path"
        if "@" in parts.netloc or parts.fragment:
            return "it has neither a name nor a fragment in it: what the receiver wants to see goes into channel.header"
        ip = _literal(parts)
        is_here = parts.hostname == "localhost" or (ip is not None and ip.is_loopback)
        if parts.scheme != "https" and not (is_here and self.loopback):
            return "the address has to be one of https"
        if is_here and self.loopback:
            return None
        if origin not in self.origins and not self.anywhere:
            return "the operator of this service has not named its origin (SHAREDPLAN_SUBSCRIPTION_ORIGINS)"
        if ip is not None and not self.takes(ip, origin):
            return "it leads to an address that is not on the open internet"
        return None

    def takes(self, ip: IP, origin: str) -> bool:
        """Whether a connection to that address may be made, which is what the host of that origin resolved to."""
        for each in _meant(ip):
            if each.is_loopback:
                if not self.loopback:
                    return False
            elif _leads_nowhere(each) or not (each.is_global or origin in self.origins):
                return False
        return not (isinstance(ip, IPv6Address) and any(ip in each for each in _CARRIERS))


def origin_of(url: str) -> str:
    """Scheme, host and port, the port only where it is not the usual one. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    port = parts.port if parts.port != _PORTS.get(parts.scheme) else None
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}"


def port_of(url: str) -> int:
    """The port that is connected to."""
    parts = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def _literal(parts: SplitResult) -> IP | None:
    """The host, where it is an address. What a resolver takes for one besides is looked at once it is looked up."""
    host = (parts.hostname or "").rstrip(".")
    try:
        return ip_address(host)
    except ValueError:
        return None


def _leads_nowhere(ip: IP) -> bool:
    """Whether no receiver can be there: what is link-local, as the metadata of a cloud, or for no one host."""
    if isinstance(ip, IPv4Address) and any(ip in each for each in _OF_A_NETWORK):
        return True
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved


def _meant(ip: IP) -> Iterator[IP]:
    """The address, and the IPv4 one that it stands for."""
    yield ip
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
