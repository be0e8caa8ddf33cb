"""The codes that R4 requires: which value set an element is bound to, and what is in it; and the resource types.

The models of fhir.resources carry such lists too, but leave codes out of many ("entered-in-error" of Encounter.status,
"completed" of Task.status), so they come from the published ValueSets.
https://hl7.org/fhir/R4/terminologies.html#required
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Required:
    """A required binding: the value set, its codes, and the code system when a CodeableConcept has to name it."""

    value_set: str
    codes: frozenset[str]
    system: str | None = None

    def __str__(self) -> str:
        """The codes for a sentence: "draft, active, …"; of a long set some, and its address."""
        some = ", ".join(sorted(self.codes)[:_LISTED])
        return some if len(self.codes) <= _LISTED else f"{some}, … (all: {self.value_set})"


@lru_cache(maxsize=1)
def _published() -> dict[str, Any]:
    read: dict[str, Any] = orjson.loads(
        files("sharedplan.fhir").joinpath("definitions/required-codes.json").read_bytes()
    )
    return read


@lru_cache(maxsize=1)
def resource_types() -> frozenset[str]:
    """The names of all resource types of R4 that a resource can be of."""
    return frozenset(_published()["types"])


@lru_cache(maxsize=512)
def required(owner: str, element: str) -> Required | None:
    """The binding of a model's element ("CarePlanActivityDetail", "status"); None where no code is required."""
    url = _published()["elements"].get(f"{owner}.{element}")
    if url is None:
        return None
    return Required(url, frozenset(_published()["valueSets"][url]), _published()["systems"].get(url))
