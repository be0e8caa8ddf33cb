"""What a transaction will do, before it does anything: the order, who is who, and where its references lead; pure.

https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.exchange.entries import Entry
from sharedplan.fhir import references

RANKS = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
CHANGES = frozenset({"create", "update", "patch", "delete"})

Key = tuple[str, str]


def rank(entry: Any) -> int:
    """When an entry, as it came, is processed: deletions first, reads last; what cannot be told, last of all."""
    request = entry.get("request") if isinstance(entry, dict) else None
    method = request.get("method") if isinstance(request, dict) else None
    return RANKS.get(method, 4) if isinstance(method, str) else 4


def check_identities(targets: Iterable[tuple[Entry, Key]]) -> None:
    """That no two entries change one resource. Raises Incorrect, naming both."""
    seen: dict[Key, Entry] = {}
    for entry, key in targets:
        first = seen.setdefault(key, entry)
        if first is not entry:
            raise Incorrect(f"entries {first.number} and {entry.number} both change {key[0]}/{key[1]}", at=entry.at)


@dataclass(frozen=True, slots=True)
class Links:
    """Where the references of a Bundle's resources lead once its resources have their ids.

    `by_url`: fullUrl → "Type/id". `by_base`: for entries whose fullUrl is RESTful, the relative references that are
    meant by others of the same base: base → "Type/id" there → "Type/id" here. `versions`: "Type/id" → the version that
    the transaction makes or finds.
    """

    by_url: dict[str, str] = field(default_factory=dict)
    by_base: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Entry, key: Key, version: int = 1) -> None:
        """Makes an entry's resource known. Raises Incorrect when its fullUrl is another's already."""
        if entry.full_url is None:
            return
        here = f"{key[0]}/{key[1]}"
        if self.by_url.setdefault(entry.full_url, here) != here:
            raise Incorrect(f"entry {entry.number} has the fullUrl of another entry", at=f"{entry.at}.fullUrl")
        self.versions[here] = version
        url = references.parse(entry.full_url)
        if url.base is not None and url.target is not None:
            self.by_base.setdefault(url.base, {})[url.target] = here

    def seen_from(self, entry: Entry) -> dict[str, str]:
        """What the references in one entry's resource become."""
        return self.seen_at(base_of(entry))

    def seen_at(self, base: str) -> dict[str, str]:
        """What references become in a resource whose relative ones are relative to that base."""
        return {**self.by_url, **self.by_base.get(base, {})}

    def versioned(self, texts: Iterable[str], seen: Mapping[str, str]) -> dict[str, str]:
        """What references to a version become: they stay versioned, with the number that the version has here."""
        found = {}
        for text in texts:
            plain, history, _ = text.partition("/_history/")
            if history and plain in seen:
                here = seen[plain]
                found[text] = f"{here}/_history/{self.versions[here]}"
        return found


def base_of(entry: Entry) -> str:
    """What the relative references in an entry's resource are relative to: the base of the entry's own fullUrl, or this
    server when that has none."""
    url = references.parse(entry.full_url) if entry.full_url is not None else None
    return url.base if url is not None and url.base is not None else entry.asked.base
