"""The load client: counts what was answered, how, and how fast; and floods nobody elsewhere."""

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from benchmarks.client import Request, drive, local, percentile


class Canned(BaseHTTPRequestHandler):
    """Answers by path: /ok 200, /missing 404 with a body, /closing 200 and goodbye, /chunked 200 in pieces."""

    protocol_version = "HTTP/1.1"
    posted: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            return
        self.send_response(404 if self.path == "/missing" else 200)
        if self.path == "/closing":
            self.send_header("Connection", "close")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    def do_POST(self) -> None:
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def base() -> Iterator[str]:
    Canned.posted.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Canned) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(path: str, expected: int = 200) -> Request:
    return Request("get", f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), expected)


@pytest.mark.parametrize("path", ["/ok", "/chunked", "/closing"])
def test_every_right_answer_is_counted_once_and_timed(base: str, path: str) -> None:
    outcome = drive(base, itertools.repeat(get(path)), connections=3, seconds=5, count=50)
    assert (outcome.answered, outcome.errors, outcome.statuses) == (50, 0, {200: 50})
    assert len(outcome.latencies["get"]) == 50
    assert outcome.latencies["get"] == sorted(outcome.latencies["get"])
    assert outcome.throughput == pytest.approx(50 / outcome.seconds)


def test_a_wrong_status_is_an_error_and_not_throughput(base: str) -> None:
    outcome = drive(base, iter([get("/ok"), get("/missing"), get("/ok")]), connections=1, seconds=5)
    assert (outcome.answered, outcome.errors) == (2, 1)
    assert "404 instead of 200" in outcome.first_error
    assert len(outcome.latencies["get"]) == 2


def test_bodies_arrive_whole(base: str) -> None:
    bodies = [b"%05d" % number for number in range(20)]
    head = b"POST /made HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
    outcome = drive(base, (Request("post", head + body, 201) for body in bodies), connections=2, seconds=5)
    assert outcome.answered == 20
    assert sorted(Canned.posted) == bodies


def test_time_ends_a_drive(base: str) -> None:
    outcome = drive(base, itertools.repeat(get("/ok")), connections=2, seconds=0.2)
    assert outcome.answered > 0
    assert outcome.seconds < 2


def test_a_server_that_is_not_there_is_errors_and_an_end() -> None:
    outcome = drive("http://127.0.0.1:1", itertools.repeat(get("/ok")), connections=1, seconds=0.3)
    assert outcome.answered == 0
    assert outcome.errors > 0


@pytest.mark.parametrize("base", ["http://example.org/fhir", "https://127.0.0.1/fhir", "http://192.0.2.1", "fhir"])
def test_only_this_machine_is_driven(base: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        drive(base, iter([get("/ok")]), connections=1, seconds=1)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000/fhir", "http://localhost:80", "http://[::1]:9/x"])
def test_loopback_addresses_are_local(base: str) -> None:
    assert local(base).scheme == "http"


def test_percentiles_are_by_nearest_rank() -> None:
    ordered = [float(number) for number in range(1, 101)]
    assert [percentile(ordered, fraction) for fraction in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.01) == 7.0
    assert percentile([], 0.5) == 0.0
