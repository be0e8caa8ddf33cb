"""A record system is told of a change by the running service."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest

from builders import a_care_plan, a_patient


@pytest.fixture
def received() -> Iterator[tuple[str, Queue[Any]]]:
    """The address of a receiver on this machine, and what it is sent."""
    taken: Queue[Any] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.put((self.headers["authorization"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/told", taken
    server.shutdown()
    server.server_close()


def test_a_change_is_told_within_seconds(client: httpx.Client, received: tuple[str, Queue[Any]]) -> None:
    endpoint, taken = received
    made = client.post(
        "/Subscription",
        json={
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "Our record system follows the plan",
            "criteria": "CarePlan?subject=Patient/told",
            "channel": {
                "type": "rest-hook",
                "endpoint": endpoint,
                "payload": "application/fhir+json",
                "header": ["Authorization: Bearer what-the-receiver-wants"],
            },
        },
    )
    assert made.status_code == 201, made.text
    assert "what-the-receiver-wants" not in made.text
    sent, handshake = taken.get(timeout=20)
    assert sent == "Bearer what-the-receiver-wants"
    assert handshake["entry"][0]["resource"]["parameter"][2]["valueCode"] == "handshake"

    client.put("/Patient/told", json=a_patient(id="told"))
    assert client.put("/CarePlan/told", json=a_care_plan("Patient/told", id="told")).status_code == 201
    _, told = taken.get(timeout=20)
    assert told["entry"][1]["fullUrl"].endswith("/fhir/CarePlan/told")
    status = client.get(f"/Subscription/{made.json()['id']}/$status").json()
    assert status["entry"][0]["resource"]["parameter"][1]["valueCode"] == "active"
    metrics = httpx.get(str(client.base_url).replace("/fhir/", "/metrics")).text
    assert 'sharedplan_notifications_total{outcome="taken"} 2.0' in metrics
