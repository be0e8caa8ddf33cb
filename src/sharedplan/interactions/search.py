"""FHIR search: the visible resources that meet a question, a page at a time.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
"""

from dataclasses import replace

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect
from sharedplan.fhir import bundles, outcomes
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions import pages
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.audit_events import shown
from sharedplan.interactions.spoken_of import about
from sharedplan.search.expression import Nothing
from sharedplan.search.identity import mentions_identity_code
from sharedplan.search.parse import Query, parse
from sharedplan.store.versions import Version


async def search_type(asked: Asked, acting: Acting) -> Answer:
    """A searchset Bundle; `total` counts all that matches and may be seen. Raises Incorrect."""
    type = str(asked.type)
    place, pairs = _question(asked, acting)
    query = _parsed(type, pairs, asked, acting)
    after = _text(place, "after")
    found = await acting.unit.search(
        type,
        query.where,
        within=acting.within[type],
        count=_size(query, acting),
        after=after,
        total=query.total != "none",
        sort=query.sort,
        trail=pages.with_question(acting.trail, asked, pairs, place),
    )
    following = {"after": found.next} if found.next is not None and found.versions else None
    return _answered(asked, acting, query, found.versions, found.total, place=place, following=following)


async def search_system(asked: Asked, acting: Acting) -> Answer:
    """A searchset of several types (`_type`, or all that the asker may search), one type after the other.

    Only parameters that all of the types have can be asked for. Raises Incorrect.
    """
    place, pairs = _question(asked, acting)
    types = _types(pairs, acting)
    filters = tuple(pair for pair in pairs if pair[0] != "_type")
    queries = {type: _parsed(type, filters, asked, acting) for type in types}
    query = next(iter(queries.values()))
    if query.sort:
        raise Incorrect("_sort is for the search of one type")
    versions: list[Version] = []
    total = 0
    size = _size(query, acting)
    begin = types.index(_text(place, "type") or types[0])
    following: Json | None = None
    for number, type in enumerate(types):
        room = size - len(versions) if number >= begin and following is None else 0
        found = await acting.unit.search(
            type,
            queries[type].where,
            within=acting.within[type],
            count=room,
            after=_text(place, "after") if number == begin else None,
            total=query.total != "none",
        )
        total += found.total or 0
        versions += found.versions
        if room and (found.next is not None or len(versions) == size):
            later = types[number + 1] if number + 1 < len(types) else None
            if found.next is not None:
                following = {"type": type, "after": found.next}
            elif later is not None:
                following = {"type": later, "after": None}
    await acting.unit.record(about(pages.with_question(acting.trail, asked, pairs, place), versions))
    if query.summary == "count" or not size:
        following = None
    pairs_understood = (*(pair for pair in pairs if pair[0] == "_type"), *query.understood)
    counted = None if query.total == "none" else total
    query = replace(query, understood=pairs_understood)
    return _answered(asked, acting, query, versions, counted, place=place, following=following)


def _question(asked: Asked, acting: Acting) -> tuple[Json | None, pages.Pairs]:
    """(place of a later page, the question's pairs). Raises Incorrect for an identity code in an address."""
    place = pages.continued(asked, acting)
    if place is not None:
        return place, pages.asked_before(place)
    if asked.method == "GET" and mentions_identity_code(asked.parameters):
        raise Incorrect("a personal identity code does not belong into an address: search by POST …/_search")
    return None, asked.parameters


def _text(place: Json | None, name: str) -> str | None:
    """What a cursor says under that name."""
    value = place.get(name) if place is not None else None
    return str(value) if value is not None else None


def _parsed(type: str, pairs: pages.Pairs, asked: Asked, acting: Acting) -> Query:
    return parse(type, pairs, lenient=asked.prefer.lenient, base=asked.base, at=acting.clock.now())


def _size(query: Query, acting: Acting) -> int:
    """How many entries the page has at most."""
    return 0 if query.summary == "count" else pages.size(query.count, acting)


def _types(pairs: pages.Pairs, acting: Acting) -> list[str]:
    """The types that are searched, in the order of the catalogue."""
    given = [value for name, value in pairs if name == "_type"]
    if not given:
        return [type for type in CATALOGUE if not isinstance(acting.within[type], Nothing)] or list(CATALOGUE)
    named = {type for value in given for type in value.split(",")}
    if unknown := sorted(named - CATALOGUE.keys()):
        raise Incorrect(f"_type names what is not offered here: {', '.join(unknown)[:200]}")
    return [type for type in CATALOGUE if type in named]


def _answered(
    asked: Asked,
    acting: Acting,
    query: Query,
    versions: list[Version],
    total: int | None,
    *,
    place: Json | None,
    following: Json | None,
) -> Answer:
    """The Bundle of one page. What a POST asked stays out of its links: they seal the question instead."""
    pairs = query.understood
    if place is not None or asked.method == "POST":
        here = {name: place[name] for name in ("type", "after") if name in place} if place is not None else {}
        links = [("self", pages.link(asked, acting, pairs, **here))]
    else:
        links = [("self", pages.self_link(asked, pairs))]
    if following is not None:
        links.append(("next", pages.next_link(asked, acting, pairs, **following)))
    entries = [
        bundles.Entry(f"{asked.base}/{each.type}/{each.id}", shown(each).content, mode="match") for each in versions
    ]
    if query.dropped:
        entries.append(bundles.Entry(resource=outcomes.text(query.dropped), mode="outcome"))
    text = bundles.searchset(entries, total=total, links=links, id=acting.clock.new_id(), at=acting.clock.now())
    return Answer(200, text)
