"""Pages: the parameters that history and search share, and the links between pages.

https://hl7.org/fhir/R4/http.html#paging
"""

from collections.abc import Iterable
from dataclasses import replace

from sharedplan.errors import Incorrect
from sharedplan.fhir.addresses import query
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.cursors import PARAMETER
from sharedplan.store.trail import Trail

Pairs = tuple[tuple[str, str], ...]


def size(count: int | None, acting: Acting) -> int:
    """How many entries a page has at most: what `_count` asks for, up to the server's limit."""
    return acting.policy.page_size if count is None else min(count, acting.policy.page_size_limit)


def continued(asked: Asked, acting: Acting) -> Json | None:
    """The place that the request's cursor leads to; None for a first page.

    Raises Incorrect for a cursor of somebody else or of another address, or one that other parameters came with.
    """
    given = [value for name, value in asked.parameters if name == PARAMETER]
    if not given:
        return None
    if len(asked.parameters) > 1:
        raise Incorrect(f"{PARAMETER} carries the whole question: nothing else goes with it")
    place = acting.policy.cursors.opened(given[0], client=acting.client)
    if place.get("of") != _address(asked):
        raise Incorrect(f"{PARAMETER} belongs to another address")
    return place


def link(asked: Asked, acting: Acting, pairs: Pairs, **place: object) -> str:
    """The address of the page that begins at a place of the question that the pairs ask."""
    sealed = {"of": _address(asked), "asked": [list(pair) for pair in pairs], **place}
    return f"{_url(asked)}?{PARAMETER}={acting.policy.cursors.sealed(sealed, client=acting.client)}"


def next_link(asked: Asked, acting: Acting, pairs: Pairs, **place: object) -> str:
    """The same for the page that follows. Raises Incorrect when nobody could ask for it: a POST may ask more than an
    address can hold."""
    following = link(asked, acting, pairs, **place)
    if len(following) > acting.policy.url_limit:
        raise Incorrect("the question is too long for the link to its next page: ask for less, or a larger _count")
    return following


def asked_before(place: Json) -> Pairs:
    """The question that a cursor carries."""
    return tuple((str(name), str(value)) for name, value in place["asked"])


def self_link(asked: Asked, pairs: Iterable[tuple[str, str]]) -> str:
    """The address of the question as it was understood."""
    question = query(pairs)
    return f"{_url(asked)}?{question}" if question else _url(asked)


def with_question(trail: Trail, asked: Asked, pairs: Pairs, place: Json | None) -> Trail:
    """The audit row with the question that was put on the first page; a cursor alone says nothing."""
    return trail if place is None else replace(trail, query=f"{_address(asked)}?{query(pairs)}")


def _url(asked: Asked) -> str:
    return f"{asked.base}/{_address(asked)}".rstrip("/")


def _address(asked: Asked) -> str:
    """The address below the base that a GET of the same interaction has."""
    history = "_history" if asked.interaction.startswith("history") else None
    return "/".join(part for part in (asked.type, asked.id, history) if part)
