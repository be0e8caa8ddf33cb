"""Plays a story against a running service, over HTTP, as record systems do."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from sharedplan.clock import Clock
from sharedplan.demo.stories.outcomes import Answer
from sharedplan.demo.stories.steps import BODY, Asker, Request, Step, Story, get
from sharedplan.fhir.exchanges import Json

SECONDS = 60
"""How long an answer may take."""


class Unreachable(Exception):
    """No service answers there; the text says what was tried."""


@dataclass(frozen=True, slots=True)
class Played:
    """A step, the answer, and in what it is otherwise than the story says; `opens`: the title of the chapter that
    begins with it; `seen`: which of the story's record systems see what it wrote."""

    number: int
    step: Step
    answer: Answer
    faults: tuple[str, ...]
    opens: str = ""
    seen: tuple[tuple[Asker, bool], ...] = ()


@dataclass
class Service:
    """A running service: `url` without /fhir ("http://127.0.0.1:8000"), `token` gives the bearer token of an asker,
    `language` is what it is asked to speak."""

    url: str
    token: Callable[[Asker], str]
    language: str = "en"
    _tokens: dict[Asker, str] = field(default_factory=dict, repr=False)
    _connection: HTTPConnection | None = None

    def ask(self, by: Asker, request: Request) -> Answer:
        """Raises Unreachable."""
        if by not in self._tokens:
            self._tokens[by] = self.token(by)
        headers = {
            "Authorization": f"Bearer {self._tokens[by]}",
            "Accept": BODY,
            "Accept-Language": self.language,
            "Content-Type": request.type,
            **request.headers,
        }
        body = request.body.encode() if request.body is not None else None
        try:
            self._connect().request(request.method, f"/fhir/{request.path}".rstrip("/"), body, headers)
            response = self._connect().getresponse()
            text = response.read().decode()
        except (OSError, HTTPException) as failure:
            self.close()
            raise Unreachable(f"no service answers at {self.url}: {failure}") from None
        told = {name.lower(): value for name, value in response.getheaders()}
        is_json = "json" in told.get("content-type", "")
        found: Json = json.loads(text) if is_json and text else {}
        return Answer(response.status, found, "" if is_json else text, told, self.language)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> HTTPConnection:
        if self._connection is None:
            where = urlsplit(self.url)
            kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
            self._connection = kind(where.hostname or "127.0.0.1", where.port, timeout=SECONDS)
        return self._connection


def play(story: Story, service: Service, clock: Clock) -> Iterator[Played]:
    """Each step as it is played. A step that comes out otherwise is the last one: what follows builds on it.

    Raises Unreachable.
    """
    number = 0
    for chapter in story.chapters:
        steps, opens = chapter.told(clock), chapter.title
        try:
            step = next(steps)
            while True:
                number += 1
                answer = service.ask(step.by, step.request)
                faults = tuple(step.outcome.faults(answer))
                name = written(step.request, answer)
                yield Played(number, step, answer, faults, opens, tuple(_see(story.systems, service, name)))
                if faults:
                    return
                step, opens = steps.send(answer), ""
        except StopIteration:
            continue
        finally:
            steps.close()


def written(request: Request, answer: Answer) -> str:
    """What the request wrote, as "Task/1"; of a started plan the plan; "" when it wrote nothing that can be read."""
    if request.method == "GET" or answer.status not in (200, 201):
        return ""
    if answer.made:
        return next(iter(answer.made.get("CarePlan", ())), "")
    return "" if "$" in request.path else answer.name or request.path


def _see(systems: Iterable[Asker], service: Service, name: str) -> Iterator[tuple[Asker, bool]]:
    if name:
        yield from ((each, service.ask(each, get(name)).status == 200) for each in systems)
