"""One POST to where it is allowed, and nowhere else."""

from collections.abc import Sequence
from ipaddress import ip_address

import httpx
import pytest

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
