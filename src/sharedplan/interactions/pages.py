"""Pages: the parameters that history and search share, and the links between pages.

A link's cursor holds the question and the place, sealed (`cursors.py`). It says nothing, cannot be made up, and works
for the asker it was given to, for as long as what it shows is kept. https://hl7.org/fhir/R4/http.html#paging
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sharedplan.errors import Incorrect
from sharedplan.fhir.addresses import of_search, query
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting, Policy
from sharedplan.interactions.cursors import PARAMETER
from sharedplan.store.searches import Keys, Place
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Found

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A page of a search that a link led to: the question, the place, when the first page was given, and the types
    that were searched, when they were several.

    Without a place the question is asked anew: the first page was the only one.
    """

    pairs: Pairs
    place: Place | None
    given: datetime
    types: tuple[str, ...] = ()


def size(count: int | None, policy: Policy) -> int:
    """How many entries a page has at most: what `_count` asks for, up to the server's limit."""
    return policy.page_size if count is None else min(count, policy.page_size_limit)


def opened(asked: Asked, acting: Acting) -> Json | None:
    """What the request's cursor holds; None for a first page.

    Raises Incorrect for a cursor of somebody else or of another address, or one that other parameters came with.
    """
    given = [value for name, value in asked.parameters if name == PARAMETER]
    if not given:
        return None
    if len(asked.parameters) > 1:
        raise Incorrect(f"{PARAMETER} carries the whole question: nothing else goes with it")
    held = acting.policy.cursors.opened(given[0], client=acting.asker)
    if held.get("of") != _address(asked):
        raise Incorrect(f"{PARAMETER} belongs to another address")
    return held


def continued(asked: Asked, acting: Acting) -> Turn | None:
    """The page of a search that the request's link leads to; None for a first page. Raises Incorrect, as `opened`, and
    for a link whose moment is no longer kept."""
    held = opened(asked, acting)
    if held is None:
        return None
    given = datetime.fromisoformat(str(held["given"]))
    if acting.clock.now() - given > acting.policy.page_lifetime:
        raise Incorrect(f"the link is older than {_hours(acting.policy.page_lifetime)}: search anew")
    at, keys = held["at"], held["keys"]
    place = None
    if at is not None:
        place = Place(
            datetime.fromisoformat(str(at)),
            tuple(_key(each) for each in keys) if keys is not None else None,
            bool(held["back"]),
        )
    return Turn(asked_before(held), place, given, tuple(str(each) for each in held.get("types", ())))


def links(
    asked: Asked, acting: Acting, pairs: Pairs, turn: Turn | None, found: Found, types: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """The links of a page of a search: itself, the first one, and those beside it. `types` are those that are searched,
    when they are several: the keys of a page tell them by their numbers.

    What a POST asked stays out of them: they seal the question instead. Raises Incorrect when nobody could ask for the
    next one: a POST may ask more than an address can hold.
    """
    given = turn.given if turn is not None else acting.clock.now()

    def to(keys: Keys | None, *, is_backwards: bool = False) -> str:
        at = place.as_of if place is not None else found.as_of
        held = {
            "given": given.isoformat(),
            "at": at and at.isoformat(),
            "keys": keys and [_sealed(each) for each in keys],
            "back": is_backwards,
            **({"types": list(types)} if types else {}),
        }
        return link(asked, acting, pairs, **held)

    place = turn.place if turn is not None else None
    if place is None:
        told = [("self", to(None) if asked.method == "POST" else self_link(asked, pairs))]
        if found.more:
            told.append(("next", _within_limit(to(found.last), acting)))
        return told
    told = [("self", to(place.keys, is_backwards=place.is_backwards))]
    has_next = found.more if not place.is_backwards else found.last is not None
    has_previous = found.more if place.is_backwards else place.keys is not None and found.first is not None
    if place.keys is not None:
        told.append(("first", to(None)))
    if has_previous:
        told.append(("previous", to(found.first, is_backwards=True)))
    if has_next:
        told.append(("next", _within_limit(to(found.last), acting)))
    return told


def _within_limit(following: str, acting: Acting) -> str:
    if len(following) > acting.policy.url_limit:
        raise Incorrect("the question is too long for the link to its next page: ask for less, or a larger _count")
    return following


def link(asked: Asked, acting: Acting, pairs: Pairs, **place: object) -> str:
    """The address of the page that begins at a place of the question that the pairs ask."""
    sealed = {"of": _address(asked), "asked": [list(pair) for pair in pairs], **place}
    return f"{_url(asked)}?{PARAMETER}={acting.policy.cursors.sealed(sealed, client=acting.asker)}"


def asked_before(held: Json) -> Pairs:
    """The question that a cursor carries."""
    return tuple((str(name), str(value)) for name, value in held["asked"])


def self_link(asked: Asked, pairs: Iterable[tuple[str, str]]) -> str:
    """The address of the question as it was understood."""
    question = query(pairs)
    return f"{_url(asked)}?{question}" if question else _url(asked)


def with_question(trail: Trail, asked: Asked, pairs: Pairs, is_continued: bool) -> Trail:
    """The audit row with the question that was put on the first page; a cursor alone says nothing."""
    return trail._replace(query=f"{_address(asked)}?{query(pairs)}") if is_continued else trail


def _sealed(key: Any) -> Any:
    """A sort key as JSON: text and numbers of types as they are."""
    if isinstance(key, datetime):
        return {"instant": key.isoformat()}
    return {"number": str(key)} if isinstance(key, Decimal) else key


def _key(sealed: Any) -> Any:
    if not isinstance(sealed, dict):
        return sealed
    return datetime.fromisoformat(sealed["instant"]) if "instant" in sealed else Decimal(sealed["number"])


def _hours(duration: timedelta) -> str:
    hours = duration.total_seconds() / 3600
    return f"{hours:g} hour{'' if hours == 1 else 's'}"


def _url(asked: Asked) -> str:
    return f"{asked.base}/{_address(asked)}".rstrip("/")


def _address(asked: Asked) -> str:
    """The address below the base that a GET of the same interaction has."""
    if asked.interaction.startswith("history"):
        return "/".join(part for part in (asked.type, asked.id, "_history") if part)
    return of_search(asked.type, asked.compartment)
