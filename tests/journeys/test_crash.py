"""What was answered 201 is there after kill -9, of the service and of PostgreSQL; nothing is half-written."""

import os
import signal
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from journeys.service import TRUST, Service, free_port, prepared

WRITERS = 6


def a_bundle(number: int) -> dict[str, object]:
    """A client and a plan in one transaction, so that a half-written one would show."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
                "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:crash", "value": str(number)}]},
                "request": {"method": "POST", "url": "Patient"},
            },
            {
                "resource": {
                    "resourceType": "CarePlan",
                    "identifier": [{"system": "urn:crash", "value": str(number)}],
                    "status": "active",
                    "intent": "plan",
                    "subject": {"reference": f"urn:uuid:00000000-0000-4000-8000-{number:012d}"},
                },
                "request": {"method": "POST", "url": "CarePlan"},
            },
        ],
    }


def a_token(service: Service) -> str:
    return service.token("--client", "crash", "--organization", "Organization/s")


def write_until(stop: threading.Event, service: Service, token: str, kept: list[int], offset: int) -> None:
    """Post transactions until told to stop; note the number of each that was answered 200."""
    number = offset
    headers = {"Authorization": f"Bearer {token}"}
    while not stop.is_set():
        try:
            with httpx.Client(base_url=service.base, headers=headers, timeout=10, verify=TRUST) as client:
                while not stop.is_set():
                    answer = client.post("", json=a_bundle(number))
                    if answer.status_code == 200:
                        kept.append(number)
                    else:
                        assert answer.status_code == 503, answer.text
                        time.sleep(0.05)
                    number += 1
        except httpx.HTTPError:
            number += 1
            time.sleep(0.05)


def numbers(client: httpx.Client, kind: str) -> list[int]:
    """The numbers of all resources of that type, through the pages."""
    found: list[int] = []
    url: str | None = f"{kind}?_count=500"
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [int(entry["resource"]["identifier"][0]["value"]) for entry in page.get("entry", [])]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


def crash_under_load(service: Service, crash: Callable[[], None], back: Callable[[], object]) -> None:
    stop = threading.Event()
    kept: list[int] = []
    token = a_token(service)
    writers = [
        threading.Thread(target=write_until, args=(stop, service, token, kept, 1_000_000 * (n + 1)))
        for n in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        until = time.monotonic() + 30
        while len(kept) <= 5 and time.monotonic() < until:
            time.sleep(0.5)
        before = len(kept)
        assert before > 5, "the load never ran"
        crash()
        back()
        until = time.monotonic() + 30
        while len(kept) <= before and time.monotonic() < until:
            time.sleep(0.5)
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert len(kept) > before, "nothing was written after the crash"
    with service.client() as client:
        patients, plans = numbers(client, "Patient"), numbers(client, "CarePlan")
    assert len(patients) == len(set(patients))
    assert set(kept) <= set(plans), "an acknowledged transaction is lost"
    assert sorted(patients) == sorted(plans), "a transaction is there by half"


@pytest.fixture
def running(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return Service(prepared(tmp_path_factory, "crash"), free_port()).start()


def test_a_killed_service_keeps_what_it_acknowledged(running: Service) -> None:
    try:
        crash_under_load(running, running.kill, running.start)
    finally:
        running.stop()


def test_the_service_survives_a_killed_postgresql(running: Service) -> None:
    try:
        crash_under_load(running, lambda: os.kill(running.postmaster(), signal.SIGKILL), running.wait_ready)
    finally:
        running.stop()


def test_a_killed_worker_is_replaced(tmp_path_factory: pytest.TempPathFactory) -> None:
    import psutil

    service = Service(prepared(tmp_path_factory, "workers"), free_port(), workers=2).start()
    try:
        assert service.process is not None

        def kill_one() -> None:
            assert service.process is not None
            children = psutil.Process(service.process.pid).children(recursive=True)
            [victim, *_] = [child for child in children if listens_like_a_worker(child)]
            victim.kill()

        crash_under_load(service, kill_one, service.wait_ready)
    finally:
        service.stop()


def listens_like_a_worker(process: object) -> bool:
    command = " ".join(process.cmdline())  # type: ignore[attr-defined]
    return "postgres" not in command and "resource_tracker" not in command


def test_a_stopping_service_finishes_what_runs(running: Service) -> None:
    stop = threading.Event()
    kept: list[int] = []
    writer = threading.Thread(target=write_until, args=(stop, running, a_token(running), kept, 1))
    writer.start()
    time.sleep(1.5)
    assert running.stop() == 0
    stop.set()
    writer.join(30)
    running.start()
    try:
        with running.client() as client:
            assert set(kept) <= set(numbers(client, "CarePlan"))
    finally:
        running.stop()
