"""What was answered 201 is there after kill -9, of the service and of PostgreSQL; nothing is half-written."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import httpx
import psutil
import pytest

from journeys.service import TRUST, Service, free_port, prepared

WRITERS = 6
PAUSE = 0.03
"""Seconds between two transactions of a writer: others want the processors, too."""
AFTERWARDS = 5 * WRITERS
"""Transactions that have to be acknowledged after a crash."""
SHARES = count(1)
"""Each writer writes numbers of its own, of a million, so that what was written twice would show."""


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


def write_until(stop: threading.Event, service: Service, token: str, kept: list[int], share: int) -> None:
    """Post transactions until told to stop; note the number of each that was answered 200."""
    number = share * 1_000_000
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
                    time.sleep(PAUSE)
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
        threading.Thread(target=write_until, args=(stop, service, token, kept, next(SHARES))) for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        until = time.monotonic() + 30
        while len(kept) <= 5 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(kept) > 5, "the load never ran"
        crash()
        before = len(kept)
        back()
        until = time.monotonic() + 30
        while len(kept) < before + AFTERWARDS and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert len(kept) >= before + AFTERWARDS, "little was written after the crash"
    with service.client() as client:
        patients, plans = numbers(client, "Patient"), numbers(client, "CarePlan")
    assert len(patients) == len(set(patients))
    assert set(kept) <= set(plans), "an acknowledged transaction is lost"
    assert sorted(patients) == sorted(plans), "a transaction is there by half"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that each crash leaves running."""
    service = Service(prepared(tmp_path_factory, "crash"), free_port(), workers=2).start()
    yield service
    service.stop()


def test_a_killed_service_keeps_what_it_acknowledged(running: Service) -> None:
    crash_under_load(running, running.kill, running.start)


def test_the_service_survives_a_killed_postgresql(running: Service) -> None:
    crash_under_load(running, lambda: os.kill(running.postmaster(), signal.SIGKILL), running.wait_ready)


def test_a_killed_worker_is_replaced(running: Service) -> None:
    assert running.process is not None
    service = psutil.Process(running.process.pid)

    def workers() -> list[psutil.Process]:
        return [each for nursery in service.children() if is_nursery(nursery) for each in nursery.children()]

    before = workers()
    crash_under_load(running, before[0].kill, running.wait_ready)
    until = time.monotonic() + 30
    while len(workers()) < len(before) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(workers()) == len(before) == 2


def is_nursery(process: psutil.Process) -> bool:
    """Whether it is the process that the workers are children of."""
    return "sharedplan.commands.preloaded" in " ".join(process.cmdline())


def test_a_stopping_service_finishes_what_runs(running: Service) -> None:
    stop = threading.Event()
    kept: list[int] = []
    writer = threading.Thread(target=write_until, args=(stop, running, a_token(running), kept, next(SHARES)))
    writer.start()
    time.sleep(1.5)
    assert running.stop() == 0
    stop.set()
    writer.join(30)
    running.start()
    with running.client() as client:
        assert kept and set(kept) <= set(numbers(client, "CarePlan"))
