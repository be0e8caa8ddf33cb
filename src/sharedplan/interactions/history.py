"""FHIR history: the versions of one resource, of a type or of everything, newest first, deletions included.

https://hl7.org/fhir/R4/http.html#history
"""

import re
from datetime import datetime

from sharedplan.errors import Incorrect
from sharedplan.fhir import bundles
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions import pages
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.audit_events import shown
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.read import absent
from sharedplan.interactions.spoken_of import about
from sharedplan.search import controls
from sharedplan.search.values import date
from sharedplan.store.versions import Version

PARAMETERS = ("_count", "_since", "_at")
_INSTANT = re.compile(r"T.*(?:Z|[+\- ]\d\d:\d\d)$")
METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}


async def history(asked: Asked, acting: Acting) -> Answer:
    """A history Bundle. Raises Incorrect, and NotFound for the history of what is not there or theirs to see."""
    place = pages.opened(asked, acting)
    pairs = asked.parameters if place is None else pages.asked_before(place)
    given = _parameters(pairs)
    size = pages.size(controls.count(given.get("_count")), acting.policy)
    page = await acting.unit.history(
        within=acting.within,
        type=asked.type,
        id=asked.id,
        since=_since(given.get("_since"), acting),
        at=_at(given.get("_at"), acting),
        before=datetime.fromisoformat(str(place["before"])) if place is not None else None,
        count=size,
    )
    if asked.id is not None and not page.versions and place is None:
        await _check_it_ever_was(asked, acting)
    trail = about(pages.with_question(acting.trail, asked, pairs, place is not None), page.versions)
    trail, labels = await marked(trail, page.versions, acting)
    await acting.unit.record(trail)
    here = pages.self_link(asked, pairs) if place is None else pages.link(asked, acting, pairs, before=place["before"])
    links = [("self", here)]
    if page.more and page.versions:
        last = page.versions[-1].last_updated
        links.append(("next", pages.link(asked, acting, pairs, before=bundles.instant(last))))
    entries = [_entry(version, asked.base) for version in page.versions]
    text = bundles.history(
        entries, total=page.total, links=links, id=acting.clock.new_id(), at=acting.clock.now(), labels=labels
    )
    return Answer(200, text, labels=labels)


def _parameters(pairs: pages.Pairs) -> dict[str, str]:
    """The parameters by name, each once at most. Raises Incorrect for others."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in PARAMETERS:
            raise Incorrect(f"a history takes {', '.join(PARAMETERS)}, not {name!r}")
        if name in given:
            raise Incorrect(f"{name} is given twice")
        given[name] = value
    return given


def _since(value: str | None, acting: Acting) -> datetime | None:
    """The instant of `_since`, which needs a time and an offset. Raises Incorrect."""
    if value is None:
        return None
    said = Incorrect("_since is an instant, with time and offset, as 2026-01-31T12:00:00Z")
    if not _INSTANT.search(value) or not value[0].isdigit():
        raise said
    try:
        return date.asked("_since", value, at=acting.clock.now())[1]
    except Incorrect:
        raise said from None


def _at(value: str | None, acting: Acting) -> tuple[datetime, datetime] | None:
    """The stretch of time that `_at` means, whole days, months and years too. Raises Incorrect."""
    if value is None:
        return None
    prefix, low, high = date.asked("_at", value, at=acting.clock.now())
    if prefix != "eq":
        raise Incorrect("_at is a date or an instant, without a prefix")
    return low, high


async def _check_it_ever_was(asked: Asked, acting: Acting) -> None:
    """Tells an empty history (nothing since then) from that of a resource that never was."""
    type, id = str(asked.type), str(asked.id)
    if await acting.unit.newest(type, id, within=acting.within[type]) is None:
        raise await absent(type, id, acting)


def _entry(version: Version, base: str) -> bundles.Entry:
    """One version as an entry: the request that would make it, and how it went."""
    method = METHODS[version.interaction]
    resource = None if version.is_deleted else shown(version).content
    status = "204 No Content" if version.is_deleted else "201 Created" if version.version == 1 else "200 OK"
    return bundles.Entry(
        full_url=f"{base}/{version.type}/{version.id}",
        resource=resource,
        method=method,
        url=version.type if method == "POST" else f"{version.type}/{version.id}",
        status=status,
        location=f"{base}/{version.type}/{version.id}/_history/{version.version}",
        version=version.version,
        last_updated=version.last_updated,
    )
