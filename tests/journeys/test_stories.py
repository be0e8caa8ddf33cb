"""The five stories of `sharedplan demo`, played against a running service: each step comes out as the story says, or
the command fails."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from journeys.service import COMMAND, Service, free_port, prepared

STORIES = ("stop", "posote", "kaannekohta", "soite", "minun-tiimini")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With the demo world, whose people the stories are about."""
    running = Service(prepared(tmp_path_factory, "stories"), free_port()).start("--demo")
    until = time.monotonic() + 60
    while "Sharedplan is ready" not in running.log.read_text() and time.monotonic() < until:
        time.sleep(0.2)
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("story", STORIES)
def test_a_story_comes_out_as_it_is_told_again_and_again(service: Service, story: str) -> None:
    url = service.base.removesuffix("/fhir")
    command = [*COMMAND, "demo", story, f"--url={url}", f"--data-dir={service.data_dir}"]
    played = subprocess.run(command, env=service.environment(), capture_output=True, text=True, timeout=120)
    assert played.returncode == 0, f"{played.stdout[-3000:]}\n{played.stderr[-3000:]}"
    assert played.stdout.count("\n") > 20
