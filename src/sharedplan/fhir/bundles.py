"""Bundles that answer: searchset, history, document, transaction-response and batch-response, joined as text.

The resources go in as the text that is stored, unread, so nothing of them can change on the way and a page of large
resources costs no more than copying it. Processes no Bundle that comes in.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from sharedplan.fhir.moments import instant as instant

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

Links = Iterable[tuple[str, str]]
"""(relation, url) pairs, as ("self", "https://…")."""


class Entry(NamedTuple):
    """One Bundle.entry: `resource` and `outcome` are JSON texts; whatever is None stays out. A tuple, for a page makes
    hundreds.

    `mode` (match, include, outcome) belongs into a searchset; `method` and `url` (with `status`) into a history;
    `status` ("201 Created"), `location`, `version` and `last_updated` into a history or a response.
    """

    full_url: str | None = None
    resource: str | None = None
    mode: str | None = None
    method: str | None = None
    url: str | None = None
    status: str | None = None
    location: str | None = None
    version: int | None = None
    last_updated: datetime | None = None
    outcome: str | None = None


def searchset(
    entries: Iterable[Entry],
    *,
    total: int | None = None,
    links: Links = (),
    id: str | None = None,
    at: datetime | None = None,
    labels: Sequence[str] = (),
) -> str:
    """A searchset; `total` counts the matches of all pages, None when nobody counted. `labels` are codes of
    v3-ActReason."""
    return _bundle(_opened("searchset", total=total, links=links, id=id, at=at, labels=labels), entries)


HERE = "\x1e"
"""Stands in entries that are joined elsewhere for the address of the service; no text of a resource has it in it."""

NEXT = "},{"
"""What stands between two entries."""


def around(full_url: str, mode: str) -> tuple[str, str]:
    """The text of an entry of a searchset before and after its resource."""
    return f'"fullUrl":"{full_url}","resource":', f',"search":{{"mode":"{mode}"}}'


def searchset_of(
    matches: bytes | None,
    included: bytes | None,
    base: str,
    *,
    total: int | None = None,
    links: Links = (),
    id: str | None = None,
    at: datetime | None = None,
    said: Entry | None = None,
) -> bytes:
    """A searchset of entries that were joined elsewhere, of each mode as `around` says, with HERE for the `base` and
    with "},{" and what is `around` between two, so that the last one's end is missing; None for no entry. `said` comes
    after them."""
    here = _quoted(base)[1:-1].encode()
    entries = [
        joined.replace(_HERE, here) + end
        for joined, end in ((matches, _MATCH), (included, _INCLUDE))
        if joined is not None
    ]
    if said is not None:
        parts: list[str] = []
        _append(said, parts)
        entries.append("".join(parts).encode())
    head = _opened("searchset", total=total, links=links, id=id, at=at).encode()
    return b"".join((head, b',"entry":[{', _NEXT.join(entries), b"}]}")) if entries else head + b"}"


_HERE, _NEXT = HERE.encode(), NEXT.encode()
_MATCH, _INCLUDE = (around("", mode)[1].encode() for mode in ("match", "include"))


def history(
    entries: Iterable[Entry],
    *,
    total: int | None = None,
    links: Links = (),
    id: str | None = None,
    at: datetime | None = None,
    labels: Sequence[str] = (),
) -> str:
    """A history: each entry tells the request that made the version; a deletion has no resource."""
    return _bundle(_opened("history", total=total, links=links, id=id, at=at, labels=labels), entries)


def response(
    to: str, entries: Iterable[Entry], *, links: Links = (), id: str | None = None, labels: Sequence[str] = ()
) -> str:
    """The answer `to` a "transaction" or a "batch", an entry for each of theirs in their order."""
    return _bundle(_opened(f"{to}-response", links=links, id=id, labels=labels), entries)


def document(
    entries: Iterable[Entry], *, identifier: str, id: str, at: datetime, language: str, labels: Sequence[str] = ()
) -> str:
    """A document, its Composition first; `identifier` is a urn. https://hl7.org/fhir/R4/documents.html"""
    named = f',"identifier":{{"system":"urn:ietf:rfc:3986","value":{_quoted(identifier)}}}'
    head = _opened("document", id=id, at=at, labels=labels, language=language, named=named, timestamp=instant(at))
    return _bundle(head, entries)


def etag(version: int | str) -> str:
    """The version as an entity tag, W/"3". https://hl7.org/fhir/R4/http.html#versioning"""
    return f'W/"{version}"'


def _bundle(head: str, entries: Iterable[Entry]) -> str:
    """A Bundle of which `_opened` gave the head."""
    parts = [head]
    begin = ',"entry":[{'
    for entry in entries:  # none: an empty array is not allowed
        parts.append(begin)
        _append(entry, parts)
        begin = "},{"
    parts.append("}]}" if begin == "},{" else "}")
    return "".join(parts)


def _opened(
    type: str,
    *,
    total: int | None = None,
    links: Links = (),
    id: str | None = None,
    at: datetime | None = None,
    labels: Sequence[str] = (),
    language: str | None = None,
    named: str = "",
    timestamp: str | None = None,
) -> str:
    """The text of a Bundle up to its entries."""
    parts = ['{"resourceType":"Bundle"']
    if id is not None:
        parts.append(f',"id":{_quoted(id)}')
    if labels:
        codings = ",".join(f'{{"system":"{ACT_REASON}","code":{_quoted(each)}}}' for each in labels)
        updated = f'"lastUpdated":"{instant(at)}",' if at is not None else ""
        parts.append(f',"meta":{{{updated}"security":[{codings}]}}')
    elif at is not None:
        parts.append(f',"meta":{{"lastUpdated":"{instant(at)}"}}')
    if language is not None:
        parts.append(f',"language":"{language}"')
    parts.append(f'{named},"type":"{type}"')
    if timestamp is not None:
        parts.append(f',"timestamp":"{timestamp}"')
    if total is not None:
        parts.append(f',"total":{total}')
    if linked := ",".join(f'{{"relation":{_quoted(relation)},"url":{_quoted(url)}}}' for relation, url in links):
        parts.append(f',"link":[{linked}]')
    return "".join(parts)


def _append(entry: Entry, parts: list[str]) -> None:
    """The members of the entry, in pieces: what is long is copied once, when all is joined."""
    full_url, resource, mode, method, url, status, *_ = entry
    if full_url is not None and resource is not None and mode is not None and method is None and status is None:
        # Nearly all are of a searchset.
        parts += (f'"fullUrl":{_quoted(full_url)},"resource":', resource, f',"search":{{"mode":"{mode}"}}')
        return
    comma = ""
    if full_url is not None:
        parts.append(f'"fullUrl":{_quoted(full_url)}')
        comma = ","
    if resource is not None:
        parts += (comma, '"resource":', resource)
        comma = ","
    if mode is not None:
        parts.append(f'{comma}"search":{{"mode":"{mode}"}}')
        comma = ","
    if method is not None:
        parts.append(f'{comma}"request":{{"method":"{method}","url":{_quoted(url or "")}}}')
        comma = ","
    if status is not None:
        parts.append(f'{comma}"response":{{{_response(entry, status)}}}')


def _response(entry: Entry, status: str) -> str:
    members = [f'"status":{_quoted(status)}']
    if entry.location is not None:
        members.append(f'"location":{_quoted(entry.location)}')
    if entry.version is not None:
        members.append(f'"etag":{_quoted(etag(entry.version))}')
    if entry.last_updated is not None:
        members.append(f'"lastModified":"{instant(entry.last_updated)}"')
    if entry.outcome is not None:
        members.append(f'"outcome":{entry.outcome}')
    return ",".join(members)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
