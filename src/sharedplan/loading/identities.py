"""Ids for what comes without one of ours, so that what is loaded twice is stored once. https://www.rfc-editor.org/rfc/rfc9562

A POST makes a new resource each time, and so would a second load of the same file. So the id follows from who it is
loaded for and from the fullUrl, which names the resource where it comes from; without one, from what it says.
"""

import uuid
from collections import Counter

from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json

NAMESPACE = uuid.UUID("8b9c1d52-6f0e-5a3d-9c55-0d1f3c1f6a77")
"""Of the ids that loads give."""


class Identities:
    """The ids of one Bundle's resources."""

    def __init__(self, organization: str | None) -> None:
        self._organization = organization or ""
        self._seen: Counter[str] = Counter()

    def id(self, resource: Json, full_url: str | None) -> str:
        """A UUID (version 5), the same whenever the same comes again; of several equal ones in a Bundle, each its
        own."""
        type = str(resource.get("resourceType"))
        if full_url is not None:
            return self._named(type, full_url)
        says = json_text.write(resource)
        self._seen[says] += 1
        return self._named(type, f"{self._seen[says]} {says}")

    def _named(self, *parts: str) -> str:
        return str(uuid.uuid5(NAMESPACE, "\n".join((self._organization, *parts))))
