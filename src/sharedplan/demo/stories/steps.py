"""The language of the stories: who asks what, what comes back, and the steps that a story is made of."""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sharedplan.clock import Clock
from sharedplan.demo.stories.outcomes import Answer, Outcome
from sharedplan.fhir.exchanges import Json

BODY = "application/fhir+json"
PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Asker:
    """A record system, or a person: as people call them, as what they take part, and what their token says."""

    name: str
    organization: str | None = None
    person: str | None = None
    purpose: str = "TREAT"
    role: str = ""

    @property
    def called(self) -> str:
        return f"{self.name} ({self.role})" if self.role else self.name

    @property
    def reference(self) -> Json:
        """A Reference to the person, or to the organisation of a system."""
        return {"reference": self.person or self.organization, "display": self.name}


@dataclass(frozen=True, slots=True)
class Request:
    """`path`: below the FHIR base, as "CarePlan/1/$review"."""

    method: str
    path: str
    body: str | None = None
    type: str = BODY
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """`by` does `doing` ("plans a meeting") through the request, and `outcome` is what the story says comes of it."""

    by: Asker
    doing: str
    request: Request
    outcome: Outcome


Steps = Generator[Step, Answer, None]
"""A story being told; a way that several stories go hands back what it made, by `yield from`."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """`told`: makes the steps of one play."""

    title: str
    told: Callable[[Clock], Steps]


@dataclass(frozen=True, slots=True)
class Story:
    """`about`: what the model is for and what the story shows of it. `client`: the demo client who lives through it,
    by the name of his part of the demo world ("pekka"). `systems`: the record systems of a social organisation, a
    health organisation and an NGO, who try after each change whether they see it."""

    id: str
    title: str
    about: str
    client: str
    systems: tuple[Asker, ...]
    chapters: tuple[Chapter, ...]


def get(path: str) -> Request:
    return Request("GET", path)


def post(resource: Json, path: str | None = None) -> Request:
    """Creates the resource; or, with a path, asks an operation with it.

    https://hl7.org/fhir/R4/http.html#create
    """
    return Request("POST", path or str(resource["resourceType"]), json.dumps(resource), headers=_TELLS)


def put(resource: Json) -> Request:
    """Writes the resource under the id that it has, whether it is there or not: so a play can be repeated.

    https://hl7.org/fhir/R4/http.html#upsert
    """
    return Request("PUT", f"{resource['resourceType']}/{resource['id']}", json.dumps(resource), headers=_TELLS)


def patch(name: str, *changes: Json) -> Request:
    """Changes a resource in places, so that what somebody else has written beside stays.

    https://hl7.org/fhir/R4/http.html#patch
    """
    return Request("PATCH", name, json.dumps(list(changes)), PATCH, _TELLS)


def add(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> Json:
    return {"op": "replace", "path": path, "value": value}


def parameters(**given: str | bool) -> Json:
    """Parameters of an operation. https://hl7.org/fhir/R4/parameters.html"""
    listed: Iterable[tuple[str, str | bool]] = given.items()
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, "valueBoolean" if isinstance(value, bool) else "valueString": value}
            for name, value in listed
        ],
    }


_TELLS = {"Prefer": "return=OperationOutcome"}
"""Writes say so, for then the warnings of the rules come back."""
