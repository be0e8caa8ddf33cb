"""The log: structured lines on standard error, from which identity codes, tokens and exceptions' texts are kept out."""

import json
import subprocess
import sys

import pytest

TALK = """
import logging
from sharedplan import logs
logs.set_up("info", {form!r})
{say}
"""


def lines(say: str, form: str = "json") -> list[str]:
    """What a process of its own writes, for the log's set-up is the process's."""
    done = subprocess.run([sys.executable, "-c", TALK.format(form=form, say=say)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    return done.stderr.splitlines()


def test_an_event_is_one_json_object_with_its_fields() -> None:
    [line] = lines("logs.log.info('interaction_performed', type='Task', took_ms=12)")
    told = json.loads(line)
    assert (told["event"], told["level"], told["type"], told["took_ms"]) == (
        "interaction_performed",
        "info",
        "Task",
        12,
    )
    assert told["timestamp"].endswith("Z")


def test_below_the_level_nothing_is_written() -> None:
    assert lines("logs.log.debug('unheard'); logging.getLogger('uvicorn.error').info('unheard')") == []


@pytest.mark.parametrize(
    "secret",
    [
        "131052-308T",
        "010190A123B",
        "eyJhbGciOiJFUzM4NCJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "postgresql://sharedplan:hush@db.example/plans",
    ],
)
@pytest.mark.parametrize(
    "say", ["logs.log.info('seen', what='so: {}')", "logging.getLogger('x').warning('so: %s', '{}')"]
)
def test_secrets_that_slip_through_are_masked(secret: str, say: str) -> None:
    [line] = lines(say.format(secret))
    assert secret not in line
    assert "hush" not in line
    assert "…" in line


@pytest.mark.parametrize("say", ["logs.log.exception('went_wrong')", "logging.getLogger('x').exception('went wrong')"])
@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_told_by_kind_and_place_alone(say: str, form: str) -> None:
    [line] = lines(f"try:\n    int('Aino Virtanen')\nexcept ValueError:\n    {say}", form)
    assert "Aino" not in line
    assert "ValueError" in line
    assert "__main__:6" in line


def test_libraries_speak_only_from_warnings_up() -> None:
    [line] = lines("logging.getLogger('alembic').info('no'); logging.getLogger('alembic').warning('yes')")
    assert json.loads(line)["event"] == "yes"


ANSWERED = """
import asyncio
async def answer():
    logs.request_id.set("010190-123A")
    for status in (200, 404):
        logs.answered(interaction="read", type="Task", status=status, client="records", took=0.0123, quietly=False)
    logs.answered(interaction="none", type="", status=200, client="", took=0.1, quietly=True)
    {more}
asyncio.run(answer())
"""


@pytest.mark.parametrize("more", ["", "await asyncio.sleep(0.15); import os; os._exit(0)"])
def test_a_request_is_one_line_within_a_moment_or_at_the_end(more: str) -> None:
    told = [json.loads(line) for line in lines(ANSWERED.format(more=more))]
    assert [(each["event"], each["status"], each["level"]) for each in told] == [
        ("request_answered", 200, "info"),
        ("request_answered", 404, "info"),
    ]
    assert (told[0]["took_ms"], told[0]["client"], told[0]["request_id"]) == (12.3, "records", "…")
    assert told[0]["timestamp"].endswith("Z")


def test_requests_are_told_to_people_too() -> None:
    [one, other] = lines(ANSWERED.format(more=""), "console")
    assert "request_answered" in one
    assert "404" in other
