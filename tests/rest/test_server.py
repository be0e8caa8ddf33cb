"""uvicorn as the service runs it, over real sockets: framing, bounds on a request's head, and a stop that drains."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from rest.behind import Behind, edge
from sharedplan.clock import FixedClock
from sharedplan.rest import metrics
from sharedplan.rest.protocol import LONG, Sending
from sharedplan.rest.server import Server, server
from sharedplan.rest.wellknown import Health
from sharedplan.settings import Settings

CHUNKED = b"Content-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n"


class Running:
    """A server in a thread of its own, on a free port of this machine."""

    def __init__(self, settings: Settings, clock: FixedClock, behind: Behind) -> None:
        self.health = Health(behind.check)
        self.server: Server = server(edge(settings, clock, behind, self.health), self.health, settings)
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._bound.getsockname()
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._bound]})
        self._thread.start()
        until = time.monotonic() + 10
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.005)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def stop(self) -> float:
        """Drain it; the seconds that took."""
        begun = time.monotonic()
        self.server.drain()
        self._thread.join(15)
        return time.monotonic() - begun

    def say(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Everything that comes back for these bytes until the connection is closed, or is silent for a while."""
        with socket.create_connection(self.address, timeout=1.0) as line:
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
            heard = b""
            try:
                while chunk := line.recv(65536):
                    heard += chunk
            except TimeoutError:
                heard += b"<open>"
            except ConnectionError:
                pass
            return heard


@pytest.fixture
def settings(settings: Settings) -> Settings:
    quick = {"drain_notice": timedelta(seconds=0.2), "header_timeout": timedelta(seconds=0.5)}
    return settings.model_copy(update=quick)


@pytest.fixture
def running(settings: Settings, clock: FixedClock, behind: Behind) -> Iterator[Running]:
    started = Running(settings, clock, behind)
    yield started
    started.stop()


def test_it_names_neither_itself_nor_its_version(running: Running) -> None:
    assert "server" not in httpx.get(f"{running.url}/healthz").headers


def test_a_second_request_hidden_behind_two_lengths_is_not_answered(running: Running, behind: Behind) -> None:
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    heard = running.say(
        b"POST /fhir/CarePlan HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
        % (5 + len(hidden))
        + b"0\r\n\r\n"
        + hidden
    )
    assert heard.startswith(b"HTTP/1.1 400")
    assert heard.count(b"HTTP/1.1") == 1
    assert b"<open>" not in heard


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /healthz\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /fhir/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_what_is_no_http_is_told_so_and_hung_up_on(running: Running, head: bytes) -> None:
    heard = running.say(head)
    assert heard.startswith(b"HTTP/1.1 400")
    assert b'"OperationOutcome"' in heard
    assert b"<open>" not in heard


def test_an_address_beyond_the_limit_is_too_long(running: Running, settings: Settings) -> None:
    response = httpx.get(f"{running.url}/fhir/CarePlan?a={'x' * settings.url_limit}")
    assert response.status_code == 414
    assert "_search" in response.json()["issue"][0]["diagnostics"]


def test_headers_beyond_the_limit_are_too_long_before_they_end(running: Running, settings: Settings) -> None:
    lines = [b"x-%d: %s\r\n" % (number, b"y" * 1000) for number in range(settings.header_limit // 1000 + 2)]
    heard = running.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *lines)
    assert heard.startswith(b"HTTP/1.1 431")


def test_a_head_that_does_not_come_is_not_waited_for(running: Running) -> None:
    assert running.say(b"") == b""
    assert running.say(b"GET /healthz HTTP/1.1\r\n") == b""
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    second = running.say(whole, b"GET /healthz HTTP/1.1\r\n", pause=0.1)
    assert second.count(b"HTTP/1.1 200") == 1
    assert b"<open>" not in second


def test_requests_in_one_piece_are_answered_in_order(running: Running) -> None:
    live, metadata = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n"
    heard = running.say(live + metadata + live)
    assert [heard.count(b'"live"'), heard.count(b"CapabilityStatement")] == [2, 1]
    assert heard.index(b'"live"') < heard.index(b"CapabilityStatement") < heard.rindex(b'"live"')


def test_a_body_that_is_too_large_is_told_so_to_a_client_that_is_still_sending(
    running: Running, token: str, settings: Settings
) -> None:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
    with httpx.Client(base_url=running.url, headers=headers) as client:
        response = client.post("/fhir/CarePlan", content=b" " * 8 * 1024 * 1024)
        assert response.status_code == 413
        assert response.json()["issue"][0]["code"] == "too-long"
        assert client.get("/healthz").status_code == 200


def test_a_body_without_end_is_cut_off(running: Running, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharedplan.rest.protocol.BoundedProtocol.discard_limit", 1024 * 1024)
    head = f"POST /fhir/CarePlan HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()
    head += b"Content-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0
    with socket.create_connection(running.address, timeout=5) as line:
        line.sendall(head)
        with pytest.raises(ConnectionError):
            while sent < 64 * 1024 * 1024:
                line.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
    assert sent < 32 * 1024 * 1024


def test_a_body_that_waits_for_leave_is_not_taken_for_the_next_request(running: Running) -> None:
    head = b"POST /fhir/CarePlan HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 37\r\n\r\n"
    heard = running.say(head, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", pause=0.1)
    assert heard.startswith(b"HTTP/1.1 401")
    assert b"100 Continue" not in heard
    assert heard.count(b"HTTP/1.1") == 1
    assert b"<open>" not in heard


def test_a_stop_is_announced_and_lets_running_requests_finish(
    settings: Settings, clock: FixedClock, behind: Behind, token: str
) -> None:
    at_work, may_end = threading.Event(), threading.Event()

    async def work() -> None:
        at_work.set()
        await asyncio.to_thread(may_end.wait, 20)

    behind.at_work = work
    running = Running(settings.model_copy(update={"drain_notice": timedelta(seconds=2)}), clock, behind)
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.url, headers=headers) as client:
        answers: list[int] = []
        ask = threading.Thread(target=lambda: answers.append(client.get("/fhir/CarePlan/1").status_code))
        ask.start()
        assert at_work.wait(20)
        running.server.drain()
        time.sleep(0.05)
        assert httpx.get(f"{running.url}/readyz").status_code == 503
        may_end.set()
        ask.join(20)
        assert answers == [200]
    running.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.url}/healthz")


def test_a_stop_does_not_wait_for_ever(settings: Settings, clock: FixedClock, behind: Behind, token: str) -> None:
    async def work() -> None:
        await asyncio.sleep(60)

    behind.at_work = work
    running = Running(settings.model_copy(update={"drain_timeout": timedelta(seconds=1)}), clock, behind)
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(httpx.get(f"{running.url}/fhir/CarePlan/1", headers={"authorization": f"Bearer {token}"}))

    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(0.1)
    assert running.stop() < 5
    waiting.join(5)
    assert [answer.status_code for answer in answers] == [503]
    assert "retry-after" in answers[0].headers


@pytest.mark.parametrize("path", ["/healthz", "/fhir", "/fhir/metadata", "/fhir/CarePlan/1", "/nothing"])
def test_whatever_leaves_is_marked_and_counted(
    running: Running, token: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(metrics.tally, "answered", lambda *told: counted.append(told[2]))
    headers = {"authorization": f"Bearer {token}", "x-request-id": "of-the-test"}
    response = httpx.get(f"{running.url}{path}", headers=headers)
    assert (response.headers["x-request-id"], response.headers["x-content-type-options"]) == ("of-the-test", "nosniff")
    assert counted == [response.status_code]


def test_what_is_given_up_is_marked_and_counted(
    settings: Settings, clock: FixedClock, behind: Behind, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(metrics.tally, "answered", lambda *told: counted.append(told[2]))
    behind.at_work = lambda: asyncio.sleep(60)
    running = Running(settings.model_copy(update={"request_timeout": timedelta(seconds=0.05)}), clock, behind)
    try:
        response = httpx.get(f"{running.url}/fhir/CarePlan/1", headers={"authorization": f"Bearer {token}"})
    finally:
        running.stop()
    assert (response.status_code, "x-request-id" in response.headers, counted) == (503, True, [503])


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("CarePlan", [CHUNKED]),
        ("CarePlan", [CHUNKED, b'4\r\n{"a"\r\n']),
        ("CarePlan", [CHUNKED, b"1\r\n{\r\n", b"1\r\n{\r\n"]),
        ("CarePlan", [b"Content-Type: application/fhir+json\r\nContent-Length: 9\r\n\r\n", b"{}"]),
        ("CarePlan/_search", [b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n", b"a="]),
    ],
)
def test_a_body_that_never_ends_is_the_fault_of_who_sends_it(
    settings: Settings, clock: FixedClock, behind: Behind, token: str, path: str, parts: list[bytes]
) -> None:
    hasty = settings.model_copy(update={"request_timeout": timedelta(seconds=0.2)})
    running = Running(hasty, clock, behind)
    head = f"POST /fhir/{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n".encode()
    try:
        heard = running.say(head + parts[0], *parts[1:], pause=0.05)
    finally:
        running.stop()
    assert heard.startswith(b"HTTP/1.1 408 ")
    assert heard.count(b"HTTP/1.1") == 1
    assert b"connection: close\r\n" in heard
    assert b'"code":"timeout"' in heard
    assert [what for _, what in behind.noted] == ["TooSlow"]


def test_a_stop_amid_a_body_is_nobodys_fault(settings: Settings, clock: FixedClock, behind: Behind, token: str) -> None:
    running = Running(settings.model_copy(update={"drain_timeout": timedelta(seconds=0.5)}), clock, behind)
    head = f"POST /fhir/CarePlan HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n".encode() + CHUNKED
    with socket.create_connection(running.address, timeout=5) as line:
        line.sendall(head)
        time.sleep(0.1)
        running.stop()
        assert line.recv(65536).startswith(b"HTTP/1.1 503 ")
    assert [what for _, what in behind.noted] == ["Unavailable"]


class Written:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.sent.append(b"closed")


def a_cycle(**said: Any) -> tuple[RequestResponseCycle, Written, list[str]]:
    """The cycle of one request, as uvicorn makes it, with where it writes, and what is told when it is done."""
    transport, told = Written(), []
    cycle = RequestResponseCycle(
        scope={"method": "GET"},  # type: ignore[typeddict-item]
        transport=transport,  # type: ignore[arg-type]
        flow=FlowControl(transport),  # type: ignore[arg-type]
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: told.append("done"),
    )
    for name, value in said.items():
        setattr(cycle, name, value)
    return cycle, transport, told


HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"2")]


async def test_a_response_that_is_sent_at_once_is_that_of_uvicorn() -> None:
    cycle, transport, told = a_cycle()
    assert Sending(cycle)(200, HEADERS, b"ok")
    usual, to_usual, told_by_usual = a_cycle()
    await usual.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await usual.send({"type": "http.response.body", "body": b"ok", "more_body": False})
    assert b"".join(transport.sent) == b"".join(to_usual.sent)
    assert told == told_by_usual == ["done"]
    for each in (cycle, usual):
        assert each.response_started and each.response_complete and each.message_event.is_set()


@pytest.mark.parametrize(
    "said",
    [
        {"keep_alive": False},
        {"disconnected": True},
        {"response_started": True},
        {"headers": [*HEADERS, (b"connection", b"close")]},
        {"headers": [*HEADERS, (b"x", b"1\r\nset-cookie: a=b")]},
        {"headers": [*HEADERS, (b"x", b"1\rset-cookie: a=b")]},
        {"headers": [*HEADERS, (b"x", b"1\x00")]},
        {"is_slow": True},
        {"body": b"x" * (LONG + 1)},
    ],
)
async def test_what_is_not_usual_is_left_to_uvicorn(said: dict[str, Any]) -> None:
    said = dict(said)
    headers, is_slow, body = said.pop("headers", HEADERS), said.pop("is_slow", False), said.pop("body", b"ok")
    cycle, transport, told = a_cycle(**said)
    if is_slow:
        cycle.flow.pause_writing()
    assert not Sending(cycle)(200, headers, body)
    assert (transport.sent, told, cycle.response_complete) == ([], [], False)
