"""`sharedplan serve` as the process that users run: it starts, keeps its workers alive, and stops in order."""

import json
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from journeys.service import COMMAND, Service, free_port, prepared
from sharedplan.demo import world

NURSERY = "sharedplan.commands.preloaded"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(prepared(tmp_path_factory, "serve"), free_port(), workers=2).start()
    yield running
    running.stop()


def workers_of(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    return [worker for nursery in nurseries_of(service) for worker in nursery.children() if not is_gone(worker)]


def nurseries_of(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    return [child for child in psutil.Process(service.process.pid).children() if is_nursery(child)]


def is_nursery(process: psutil.Process) -> bool:
    try:
        return not is_gone(process) and NURSERY in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended; what an ended process leaves until its parent looks counts as gone."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(holds: object, seconds: float = 30) -> None:
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def test_a_token_of_the_directory_reaches_it_while_it_runs(service: Service) -> None:
    with service.client() as client:
        assert client.get("CarePlan").status_code == 200


def test_there_are_as_many_workers_as_asked_for(service: Service) -> None:
    assert len(workers_of(service)) == 2


def test_a_worker_that_is_killed_is_replaced(service: Service) -> None:
    for _ in range(3):
        victim = workers_of(service)[0]
        victim.kill()
        wait_until(lambda killed=victim: killed not in workers_of(service) and len(workers_of(service)) == 2)
        service.wait_ready()


def test_workers_are_replaced_whose_nursery_is_killed(service: Service) -> None:
    orphans, [nursery] = workers_of(service), nurseries_of(service)
    nursery.kill()
    wait_until(lambda: all(is_gone(orphan) for orphan in orphans) and len(workers_of(service)) == 2)
    service.wait_ready()


def test_a_sigterm_to_the_nursery_alone_does_nothing(service: Service) -> None:
    [nursery] = nurseries_of(service)
    nursery.terminate()
    time.sleep(0.2)
    assert not is_gone(nursery)


def test_the_numbers_of_all_workers_are_told_by_each(service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.token('--client', 'x', '--organization', 'Organization/s')}"}
    for _ in range(20):  # a new connection each, so that both workers have some
        assert httpx.get(f"{service.base}/Goal", headers=headers).status_code == 200

    def counted() -> float:
        told = httpx.get(f"http://127.0.0.1:{service.port}/metrics").text
        about = [line for line in told.splitlines() if line.startswith("sharedplan_requests_total{") and "Goal" in line]
        return sum(float(line.rpartition(" ")[2]) for line in about)

    wait_until(lambda: counted() == 20)  # each worker tells its own a second later


def test_the_log_has_no_token_and_no_address(service: Service) -> None:
    token = service.token("--client", "log-reader", "--organization", "Organization/s")
    url = f"{service.base}/Patient/a-certain-person?_format=json"
    httpx.get(url, headers={"Authorization": f"Bearer {token}"})
    wait_until(lambda: "log-reader" in service.log.read_text())
    written = service.log.read_text()
    assert token not in written
    assert "a-certain-person" not in written


def test_a_port_that_is_taken_is_told_in_a_sentence(service: Service, tmp_path: Path) -> None:
    arguments = ["serve", "--port", str(service.port), "--data-dir", str(tmp_path)]
    done = subprocess.run([*COMMAND, *arguments], env=service.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "why"),
    [
        (["--host", "0.0.0.0"], {}, "this machine only"),
        ([], {"SHAREDPLAN_ENVIRONMENT": "production"}, "issuers"),
        ([], {"SHAREDPLAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be reached"),
        ([], {"SHAREDPLAN_ISSUERS": '[{"iss": "a", "jwks": {"keys": []}}]'}, "holds no keys"),
        (["--port", "99999"], {}, "--port"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_sentence(
    service: Service,
    tmp_path_factory: pytest.TempPathFactory,
    arguments: list[str],
    environment: dict[str, str],
    why: str,
) -> None:
    data = prepared(tmp_path_factory, "unserved")
    port = [] if "--port" in arguments else ["--port", "0"]
    command = [*COMMAND, "serve", *port, "--data-dir", str(data), *arguments]
    surroundings = service.environment() | environment
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_sigterm_stops_it_with_all_that_belongs_to_it(service: Service) -> None:
    assert service.process is not None
    family = psutil.Process(service.process.pid).children(recursive=True)
    postmaster = psutil.Process(service.postmaster())
    assert service.stop(signal.SIGTERM) == 0
    assert is_gone(postmaster)
    wait_until(lambda: all(is_gone(process) for process in family), 5)  # the nursery ends by its parent's end
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", service.port))
    token_afterwards = service.token("--client", "x")
    service.start()
    answer = httpx.get(f"{service.base}/Practitioner", headers={"Authorization": f"Bearer {token_afterwards}"})
    assert answer.status_code == 200


def test_workers_do_not_outlive_a_parent_that_is_killed(service: Service) -> None:
    assert service.process is not None
    left = workers_of(service)
    service.process.kill()
    service.process.wait(10)
    wait_until(lambda: left and all(is_gone(worker) for worker in left), 15)
    service.start()
    assert service.stop() == 0


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.6, marks=pytest.mark.long), 1.2, pytest.param(1.8, marks=pytest.mark.long)]
)
def test_a_stop_that_comes_while_it_starts_is_heard(tmp_path_factory: pytest.TempPathFactory, seconds: float) -> None:
    data = prepared(tmp_path_factory, "hasty")
    command = [*COMMAND, "serve", "--port", "0", "--data-dir", str(data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        time.sleep(seconds)
        running.terminate()
        _, told = running.communicate(timeout=60)
    assert "worker_killed" not in told


def test_the_demo_fills_an_empty_database_once_and_shows_a_plan(tmp_path: Path) -> None:
    running = Service(tmp_path / "data", free_port()).start("--demo")
    try:
        with running.client("--client", "journey", "--organization", world.PARTS[-1].organization) as client:
            last = world.PARTS[-1].name
            assert client.get(f"CarePlan/{last}").status_code == 200, "it was ready before all of it was there"
        wait_until(lambda: "\ncurl " in running.log.read_text())
        [command] = [line for line in running.log.read_text().splitlines() if line.startswith("curl ")]
        _, _, url, _, header = shlex.split(command)
        plan = httpx.get(url, headers=[header.split(": ")]).json()
        assert (plan["resourceType"], plan["id"], plan["status"]) == ("CarePlan", "aino", "active")
        with running.client("--client", "journey", "--organization", "Organization/aikuissosiaalityo") as client:
            plans = client.get("CarePlan").json()["total"]
            assert plans >= 4
            running.stop()
            running.start("--demo")
            wait_until(lambda: running.log.read_text().count("\ncurl ") == 2)
            assert running.log.read_text().count("Filling the empty database") == 1
            assert client.get("CarePlan").json()["total"] == plans
    finally:
        running.stop()


@pytest.mark.long
def test_what_lacks_of_the_demo_world_is_put_in(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A start that came to an end amidst the filling leaves some of it; somebody's own data would be left alone."""
    running = Service(prepared(tmp_path_factory, "half"), free_port()).start()
    try:
        for part in world.PARTS[:10]:
            with running.client("--client", "journey", "--organization", part.organization) as client:
                assert client.post("", json=json.loads(part.text)).status_code == 200
        running.stop()
        running.start("--demo")
        with running.client("--client", "journey", "--organization", world.PARTS[-1].organization) as client:
            assert client.get(f"CarePlan/{world.PARTS[-1].name}").status_code == 200
    finally:
        running.stop()
