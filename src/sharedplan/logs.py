"""Structured logs for operators, on standard error: past-tense events with fields.

What a client sent or may read stays out: resource content, names, search values, tokens. Callers keep to that; what
slips through all the same is masked here (identity codes, tokens), and an exception is told by its kind and place, for
its text may quote a request.
"""

import asyncio
import atexit
import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, BinaryIO

import orjson
import structlog

_SECRETS = re.compile(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Z]|ey[\w-]+\.ey[\w-]+\.[\w-]*|(?<=://)[^/@\s]+(?=@)")

ANSWERED = "request_answered"
TOGETHER = 0.1
"""Seconds that a request's line may wait for others, to be written with them."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request at hand; every event of it carries the id."""


class _Lines:
    """Lines that are written together: a write of its own costs each more than all else that is done for it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        atexit.register(self.flush)

    def add(self, line: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_later(TOGETHER, self.flush)
        self._waiting.append(line)

    def flush(self) -> None:
        text = b"".join(self._waiting)
        self._waiting.clear()
        self._stream.write(text)
        self._stream.flush()


_lines: _Lines | None = None


def set_up(level: str = "info", form: str = "json") -> None:
    """Send the service's events, and other libraries' warnings, to standard error; `form` is json or console."""
    global _lines
    number = logging.getLevelNamesMapping()[level.upper()]
    before: list[structlog.typing.Processor] = [
        _tell_the_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_the_place,
        _mask,
    ]
    as_json = form == "json"
    write: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_bytes) if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*before, write],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer)
        if as_json
        else structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _lines = _Lines(sys.stderr.buffer) if as_json and number <= logging.INFO else None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _text(write)],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def answered(
    *, interaction: str, type: str, status: int, client: str, took: float, quietly: bool, named: bool = True
) -> None:
    """Tell of one answered request, which took so many seconds; `quietly`: only to whoever debugs. `named`: its id is
    the client's word.

    There is one for each request, so it takes a short way to the same line as other events.
    """
    event: dict[str, Any] = {
        "interaction": interaction,
        "type": type,
        "status": status,
        "client": client,
        "took_ms": int(took * 100_000 + 0.5) / 100,
    }
    if _lines is None or quietly:
        (log.debug if quietly else log.info)(ANSWERED, **event)
        return
    # Of all this only two may be words of the client's.
    id = request_id.get() or ""
    event["client"] = _masked_name(client)
    event["request_id"] = _masked(id) if named else id
    event["event"], event["level"], event["timestamp"] = ANSWERED, "info", datetime.now(UTC)
    _lines.add(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))


def place(failure: BaseException) -> str:
    """Where an exception was raised: module and line of the last frames, innermost last."""
    return _frames(failure.__traceback__)


def _frames(trace: TracebackType | None) -> str:
    frames = []
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(frames[-12:])


def _tell_the_request(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    known = request_id.get()
    if known is not None:
        event["request_id"] = known
    return event


def _tell_the_place(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes its kind and its place."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    if isinstance(raised, BaseException):
        raised = (type(raised), raised, raised.__traceback__)
    if raised and raised[0] is not None:
        event["failure"], event["place"] = raised[0].__name__, _frames(raised[2])
    return event


def _mask(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if type(value) is str:
            event[key] = _masked(value)
    return event


def _masked(text: str) -> str:
    return _SECRETS.sub("…", text) if _SECRETS.search(text) else text


_masked_name = lru_cache(maxsize=1024)(_masked)
"""The same for names that come again and again."""


def _bytes(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def _text(write: structlog.typing.Processor) -> structlog.typing.Processor:
    """The standard library's handlers want text."""

    def written(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        line = write(logger, method, event)
        return line.decode() if isinstance(line, bytes) else str(line)

    return written
