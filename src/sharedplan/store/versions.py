"""What goes into the store and what comes out of it, as values.

https://hl7.org/fhir/R4/http.html#versions, https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sharedplan.fhir.resources import Stamped
from sharedplan.search.indexing import Inner
from sharedplan.store.trail import Trail


class Container(NamedTuple):
    """Where a contained resource is: in the resource of that type and id, at that place among what it contains."""

    type: str
    id: str
    number: int


class Version(NamedTuple):
    """One version of one resource, as stored; a tuple, for a page makes hundreds.

    `interaction` is what made it: create, update, patch or delete; a deletion has no content.
    `content` is the resource's JSON text, sent as it is. An AuditEvent that the service recorded itself has a `trail`
    instead, to be rendered when it is read. A contained resource that is found by itself has a `container`, whose
    version and instant it shares; its id is empty when it has none that tells it from others there.
    """

    type: str
    id: str
    version: int
    last_updated: datetime
    interaction: str
    content: str | None
    trail: Trail | None = None
    patients: tuple[str, ...] | None = None  # whom it speaks of, as references; None when nobody has looked
    controller: str | None = None  # whose register it is in, when somebody has looked
    is_masked: bool = False  # whether a safety ban has taken something out for whoever asks
    container: Container | None = None

    @property
    def is_deleted(self) -> bool:
        return self.interaction == "delete"


@dataclass(frozen=True, slots=True)
class Attestation:
    """The Provenance of a change, which is written with it: its text in three pieces, around meta.lastUpdated and
    `recorded`, its index values but for `recorded` and `patient`, which follow from the change, and what its contained
    resources are found by."""

    id: str
    pieces: tuple[str, str, str]
    values: Mapping[str, Any]
    contained: tuple[Inner, ...] = ()

    @property
    def type(self) -> str:
        return "Provenance"

    @property
    def version(self) -> int:
        return 1

    def at(self, instant: str, recorded: str) -> str:
        """The text with these instants, as `fhir/bundles.py` writes them."""
        head, middle, tail = self.pieces
        return f"{head}{instant}{middle}{recorded}{tail}"


@dataclass(frozen=True, slots=True)
class Change:
    """One new version, to be written.

    `version` is the one it becomes: 1 for a resource that never was, else the newest one's + 1. `stamped` is its text
    around the instant that the store draws; None for a deletion. `values` are the index values by column, as
    `search/indexing.py` finds them; an absent column means no value. `controller` is the Organization whose register a
    new resource belongs to; a later version stays where the first is. `who` says on whose behalf it was written, as
    JSON text. `derived` are the rows that it says of access, as a JSON array (`store/derived.py`). `grounds` say what
    it was allowed on, for its audit row. `attested` is the Provenance that goes in with it; None for what leaves none.
    `contained` is what its contained resources are found by. `sealed`: what a Subscription hides, kept until it is
    taken on (`store/subscriptions.py`), and never with the version.
    """

    type: str
    id: str
    version: int
    interaction: str
    stamped: Stamped | None
    values: Mapping[str, Any]
    controller: str | None
    who: str | None
    derived: str | None = None
    grounds: tuple[str, ...] = ()
    attested: Attestation | None = None
    contained: tuple[Inner, ...] = ()
    sealed: str | None = None


class Named(NamedTuple):
    """What is known of a living resource by its name: the clients that it speaks of, as references, and the register
    that it is in."""

    patients: tuple[str, ...]
    controller: str | None


class Authors(NamedTuple):
    """Who wrote something by its Provenances, as references: whom the service recorded, and whom anybody names."""

    attested: frozenset[str]
    claimed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a history, newest first. `total` counts all versions asked for, on all pages; None when they are too
    many to be worth counting. The next page lies before the last one's `last_updated`."""

    versions: list[Version]
    total: int | None
    more: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search. `total` counts all matches, on all pages; None when it was not counted. `as_of` is the moment
    that all its pages show; None when it is the only one. `first` and `last` are where its ends stand in the order
    (`searches.Keys`); None without matches. `more`: whether there is another page in the direction asked for.
    `entries` and `included`: the matches, and what belongs to them, joined (`bundles.searchset_of`); there are no
    `versions` then."""

    versions: list[Version]
    total: int | None
    as_of: datetime | None
    first: tuple[Any, ...] | None
    last: tuple[Any, ...] | None
    more: bool
    entries: bytes | None = None
    included: bytes | None = None


@dataclass(frozen=True, slots=True)
class Included:
    """What belongs to the matches of a page; `is_cut`: there is more than was wanted."""

    versions: list[Version]
    is_cut: bool
