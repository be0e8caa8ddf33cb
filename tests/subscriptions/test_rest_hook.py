"""One POST to where it is allowed, and nowhere else."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sharedplan.interactions.endpoints import IP, Endpoints
from sharedplan.subscriptions.rest_hook import NotDelivered, RestHook
from subscriptions.receiving import HERE, Receiver


class Asked(httpx.AsyncBaseTransport):
    """Takes down what would be sent."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(204)


def leading(to: str, asked: Asked, endpoints: Endpoints = Endpoints()) -> RestHook:  # noqa: B008  # a value
    """A hook whose every host resolves to these addresses, parted by spaces."""

    async def resolve(host: str, port: int) -> Sequence[IP]:
        return [ip_address(each) for each in to.split()]

    return RestHook(endpoints, resolve=resolve, transport=asked)


async def test_the_connection_goes_to_the_address_that_was_judged_under_the_name_of_the_host() -> None:
    asked = Asked()
    await leading("93.184.216.34", asked).post("https://records.example/told?a=1", ["X-Key:  one "], "{}")
    [request] = asked.requests
    assert str(request.url) == "https://93.184.216.34/told?a=1"
    assert request.headers["host"] == "records.example"
    assert request.extensions["sni_hostname"] == "records.example"
    assert request.headers["x-key"] == "one"
    assert request.headers["user-agent"].startswith("sharedplan/")
    assert request.content == b"{}"


@pytest.mark.parametrize("to", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "93.184.216.34 192.168.0.1"])
async def test_a_host_that_leads_inside_is_not_connected_to(to: str) -> None:
    asked = Asked()
    with pytest.raises(NotDelivered, match="open internet"):
        await leading(to, asked).post("https://records.example/told", [], "{}")
    assert asked.requests == []


async def test_a_name_that_the_operator_gave_may_lead_inside() -> None:
    asked = Asked()
    named = Endpoints(frozenset({"https://records.example"}), anywhere=False)
    await leading("10.0.0.1", asked, named).post("https://records.example/told", [], None)
    assert (asked.requests[0].url.host, asked.requests[0].content) == ("10.0.0.1", b"")
    with pytest.raises(NotDelivered, match="not named"):
        await leading("10.0.0.1", asked, named).post("https://other.example/told", [], None)


async def test_no_redirect_is_followed(receiver: Receiver) -> None:
    receiver.statuses = [302]
    with pytest.raises(NotDelivered, match="answered 302"):
        await RestHook(HERE).post(receiver.address, [], "{}")
    assert len(receiver.taken()) == 1


async def test_who_does_not_listen_and_who_has_no_address_are_told_apart_from_faults_of_ours() -> None:
    with pytest.raises(NotDelivered, match="not reached"):
        await RestHook(HERE).post("http://127.0.0.1:1/", [], "{}")
    with pytest.raises(NotDelivered, match="no address"):
        await leading("", Asked()).post("https://records.example/", [], "{}")


async def test_a_host_with_several_addresses_is_reached_by_any(receiver: Receiver) -> None:
    async def resolve(host: str, port: int) -> Sequence[IP]:
        return [ip_address("127.0.0.2"), ip_address("127.0.0.1")]

    port = receiver.address.rpartition(":")[2]
    await RestHook(HERE, resolve=resolve).post(f"http://localhost:{port}", [], "{}")
    [received] = receiver.taken()
    assert received.headers["host"] == f"localhost:{port.partition('/')[0]}"


def certified(name: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side of TLS with a certificate for that name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    return server, ssl.create_default_context(cafile=str(directory / "certificate.pem"))


async def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> Sequence[IP]:
        return [ip_address("127.0.0.1")]

    served, trust = certified("records.example", tmp_path)
    receiver = Receiver("")
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0, ssl=served)
    async with server:
        port = server.sockets[0].getsockname()[1]
        hook = RestHook(HERE, resolve=resolve, trust=trust)
        await hook.post(f"https://records.example:{port}/told", [], "{}")
        assert [each.headers["host"] for each in receiver.taken()] == [f"records.example:{port}"]
        with pytest.raises(NotDelivered, match="not reached"):
            await hook.post(f"https://other.example:{port}/told", [], "{}")
        with pytest.raises(NotDelivered, match="not reached"):
            await RestHook(HERE, resolve=resolve).post(f"https://records.example:{port}/told", [], "{}")
        assert receiver.taken() == []
