"""Reads the demo world: its Bundles in the order in which they go in, each with the register that it belongs to."""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

CLIENT = "Patient/aino"
PLAN = "CarePlan/aino"
PERSON = "Practitioner/sari"
"""Aino's own worker, on whose behalf the first token is made."""
ORGANIZATION = "Organization/aikuissosiaalityo"
"""The adult social services, who are responsible for Aino's plan."""

SOCIAL, FAMILY, HEALTH = ORGANIZATION, "Organization/perhekeskus", "Organization/terveysasema"


@dataclass(frozen=True, slots=True)
class Part:
    """One transaction Bundle of the world: its name, the organisation whose register it goes into, and its text."""

    name: str
    organization: str

    @property
    def text(self) -> str:
        found = (files("sharedplan.demo") / f"{self.name}.json").read_text(encoding="utf-8")
        if self.name != DIRECTORY:
            return found
        bundle = json.loads(found)
        bundle["entry"] = [each for each in bundle["entry"] if _writer(each["resource"]) == self.organization]
        return json.dumps(bundle, ensure_ascii=False, indent=2)


DIRECTORY = "directory"
COUNTY, CITY = "Organization/jarvimaa", "Organization/lehtoranta"


def _writer(resource: dict[str, Any]) -> str:
    """Whose system writes a part of the directory: roles their own organisation, parts of another that one."""
    named = resource.get(
        {"PractitionerRole": "organization", "Organization": "partOf"}.get(resource["resourceType"], "")
    )
    return str(named["reference"]) if named is not None else COUNTY


PARTS = (
    Part(DIRECTORY, COUNTY),
    Part(DIRECTORY, CITY),
    *(
        Part(DIRECTORY, f"Organization/{name}")
        for name in (
            *("aikuissosiaalityo", "perhekeskus", "terveysasema", "mielenterveys-ja-paihdepalvelut"),
            *("tyollisyyspalvelut", "rantakoulu", "kantapoyta"),
        )
    ),
    Part("aino", SOCIAL),
    Part("aino-health", HEALTH),
    Part("pekka", SOCIAL),
    Part("riitta", SOCIAL),
    Part("eetu", FAMILY),
    Part("mikael", SOCIAL),
)


CLIENTS = tuple(dict.fromkeys(part.name.partition("-")[0] for part in PARTS if part.name != DIRECTORY))
"""The ids of its clients."""


@lru_cache(maxsize=1)
def resources() -> dict[str, dict[str, Any]]:
    """Every resource of the world by its reference ("CarePlan/aino")."""
    found: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        for entry in json.loads(part.text)["entry"]:
            resource = entry["resource"]
            found[f"{resource['resourceType']}/{resource['id']}"] = resource
    return found
