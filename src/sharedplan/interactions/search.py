"""FHIR search: the visible resources that meet a question, a page at a time, and what belongs to them.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html

One search of a type, of several, of all, or of a compartment: they differ in the types that are asked, and in nothing
else. All pages show the moment of the first one, and each decides afresh what may be seen. Contained resources are
searched, too, where `_contained` says so: each is as visible as what contains it.
https://hl7.org/fhir/R4/search.html#contained
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue
from sharedplan.fhir import bundles, outcomes
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions import pages, shapes
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.log_names import with_names
from sharedplan.interactions.pages import Turn
from sharedplan.interactions.settling import all_settled
from sharedplan.interactions.spoken_of import MOST_NAMED, about, asked_about
from sharedplan.search.expression import And, Expression, HasId, InCompartment, Nothing
from sharedplan.search.filters import Budget
from sharedplan.search.identity import mentions_identity_code
from sharedplan.search.indexing import LOG
from sharedplan.search.parameters import COMPARTMENTS
from sharedplan.search.parse import Query, parse
from sharedplan.store.searches import Contained, Search, SortKey
from sharedplan.store.versions import Found, Included, Version

MOST_INCLUDED = 1_000
"""Resources that a page may hold beside its matches."""

MOST_LOOKED_FOR = 10
"""Types that are looked for within others at once: each may be in any of them, and each pair is a search of its own."""

_TOTALS = {None: "some", "none": "none", "estimate": "accurate", "accurate": "accurate"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as it was understood: of each type the condition, and the pairs for the links."""

    wheres: dict[str, Expression]
    query: Query
    pairs: pages.Pairs  # as they were sent
    turn: Turn | None  # of a page other than the first

    @property
    def count(self) -> int | None:
        return 0 if self.query.summary == "count" else self.query.count


def counting(query: Query) -> str:
    """How the store is to count; when nothing else is asked for, whatever it costs."""
    is_alone = query.total is None and (query.count == 0 or query.summary == "count")
    return "accurate" if is_alone else _TOTALS[query.total]


async def search(asked: Asked, acting: Acting) -> Answer:
    """A searchset Bundle; `total` counts all that matches and may be seen. Raises Incorrect."""
    question = await _question(asked, acting)
    query = question.query
    wanted = Search(
        question.wheres,
        acting.within,
        pages.size(question.count, acting.policy),
        counting(query),
        tuple(SortKey(parameter, is_descending) for parameter, is_descending in query.sort),
        question.turn.place if question.turn is not None else None,
        _contained(question, acting),
        as_text=query.summary is None and not query.elements,
    )
    trail = pages.with_question(acting.trail, asked, question.pairs, question.turn is not None)
    if not trail.patients:
        trail = trail._replace(patients=clients_asked_about(question.wheres))
    if not query.includes and not acting.ordinary and query.contained is None:
        found = await acting.unit.search(wanted, trail=trail)
        if "AuditEvent" in question.wheres:
            found = replace(found, versions=await with_names(found.versions, acting))
        return answered(asked, acting, question, found, Included([], False))
    if query.includes and not acting.ordinary:
        at_once = await acting.unit.search_with(query.includes, wanted, limit=MOST_INCLUDED, trail=trail)
        if at_once is not None:
            return answered(asked, acting, question, *at_once)
    async with acting.unit.snapshot():
        found = await acting.unit.search(wanted)
        included = await acting.unit.included(
            query.includes,
            found.versions,
            seen=acting.within,
            limit=MOST_INCLUDED,
            as_of=wanted.place.as_of if wanted.place is not None else None,
        )
        shown = [*found.versions, *included.versions]
        trail, labels = await marked(about(trail, shown), shown, acting)
    await acting.unit.record(trail)
    if "AuditEvent" in question.wheres:
        found = replace(found, versions=await with_names(found.versions, acting))
    return answered(asked, acting, question, found, included, labels)


def _contained(question: Question, acting: Acting) -> Contained | None:
    """How contained resources are searched. Raises Incorrect for the log, and for too many types."""
    asked = question.query.contained
    if asked is None:
        return None
    if LOG in question.wheres:
        raise Incorrect(f"_contained: {LOG} is neither searched within others nor looked into")
    if len(question.wheres) > MOST_LOOKED_FOR:
        saying = f"_contained looks for at most {MOST_LOOKED_FOR} types at once: name them by _type"
        raise Incorrect(saying, issues=(Issue("too-costly", saying),))
    within = {**acting.containers, LOG: Nothing()}
    return Contained(within, acting.contained, asked.is_both, asked.is_alone)


async def _question(asked: Asked, acting: Acting) -> Question:
    """Raises Incorrect for what is not understood, and for an identity code in an address."""
    turn = pages.continued(asked, acting)
    pairs = asked.parameters if turn is None else turn.pairs
    if turn is None and asked.method == "GET" and mentions_identity_code(pairs):
        raise Incorrect("a personal identity code does not belong into an address: search by POST …/_search")
    types = _types(asked, pairs, acting) if turn is None or not turn.types else list(turn.types)
    of_types = tuple(pair for pair in pairs if asked.type is None and pair[0] == "_type")
    filters = tuple(pair for pair in pairs if pair not in of_types)
    queries = _parsed(types, filters, asked, turn.given if turn is not None else acting.clock.now())
    query = next(iter(queries.values()))
    is_of_containers = query.contained is not None and not query.contained.is_alone
    shapes.check_elements(types, query.elements, of_any=is_of_containers)
    if any(set(each.sort) != set(query.sort) for each in queries.values()) and not _is_common(queries):
        raise Incorrect("_sort by a parameter that the types do not share is for the search of one type")
    wheres = await all_settled([_inside(asked, each.where) for each in queries.values()], acting)
    if of_types:
        query = replace(query, understood=(*of_types, *query.understood))
    return Question(dict(zip(queries, wheres, strict=True)), query, pairs, turn)


def _parsed(types: list[str], pairs: pages.Pairs, asked: Asked, at: datetime) -> dict[str, Query]:
    """What the pairs ask of each type. What one of them does not know is asked of none, when the search is lenient."""

    def parsed(pairs: pages.Pairs) -> dict[str, Query]:
        budget, lenient = Budget(), asked.prefer.lenient
        return {
            type: parse(type, pairs, lenient=lenient, base=asked.base, at=at, types=types, budget=budget)
            for type in types
        }

    queries = parsed(pairs)
    dropped = tuple(dict.fromkeys(issue for each in queries.values() for issue in each.dropped))
    if len(types) == 1 or not dropped:
        return queries
    common = tuple(pair for pair in pairs if all(pair in each.understood for each in queries.values()))
    return {type: replace(each, dropped=dropped) for type, each in parsed(common).items()}


def _is_common(queries: dict[str, Query]) -> bool:
    """Whether all are sorted by parameters that every resource has."""
    return all(parameter.code in ("_id", "_lastUpdated") for each in queries.values() for parameter, _ in each.sort)


def _inside(asked: Asked, where: Expression) -> Expression:
    """The condition, within the compartment that the address names."""
    if asked.compartment is None:
        return where
    return And((InCompartment(*asked.compartment), where))


def _types(asked: Asked, pairs: pages.Pairs, acting: Acting) -> list[str]:
    """The types that are searched, in the order of the catalogue. Raises Incorrect for one that is not offered."""
    if asked.type is not None:
        return [asked.type]
    offered = list(CATALOGUE)
    if asked.compartment is not None:
        kind = asked.compartment[0]
        offered = [type for type in offered if type in COMPARTMENTS[kind] or type == kind]
    given = [value for name, value in pairs if name == "_type"]
    if not given:
        # The trail grows by every search, so it has no moment in common with what it tells of.
        offered = [type for type in offered if type != "AuditEvent"]
        return [type for type in offered if not isinstance(acting.within[type], Nothing)] or offered
    named = {type for value in given for type in value.split(",")}
    if "" in named:
        raise Incorrect("_type has an empty value: it takes types, with commas between them")
    if unknown := sorted(named - CATALOGUE.keys()):
        raise Incorrect(f"_type names what is not offered here: {', '.join(unknown)[:200]}")
    if "AuditEvent" in named and len(named) > 1:
        raise Incorrect("_type: AuditEvent is searched by itself, for every search adds to it")
    if not named.intersection(offered):
        raise Incorrect("_type names nothing that can be in the compartment")
    return [type for type in offered if type in named]


def answered(
    asked: Asked,
    acting: Acting,
    question: Question,
    found: Found,
    included: Included,
    labels: tuple[str, ...] = (),
) -> Answer:
    """The Bundle of one page."""
    query = question.query
    said = list(query.dropped)
    if included.is_cut:
        said.append(
            Issue(
                "too-costly",
                f"more than {MOST_INCLUDED:,} resources belong to these matches; the rest is left out",
                severity="warning",
            )
        )
    entries = _entries(asked, found.versions, "match", query)
    entries += _entries(asked, included.versions, "include", query)
    outcome = bundles.Entry(resource=outcomes.text(tuple(said)), mode="outcome") if said else None
    types = () if asked.type is not None else tuple(question.wheres)
    links = pages.links(asked, acting, query.understood, question.turn, found, types)
    total, id, at = found.total if query.total != "none" else None, acting.clock.new_id(), acting.clock.now()
    if found.entries is not None:
        joined = found.entries, found.included
        told = bundles.searchset_of(*joined, asked.base, total=total, links=links, id=id, at=at, said=outcome)
        return Answer(200, told)
    entries += [outcome] if outcome is not None else []
    text = bundles.searchset(entries, total=total, links=links, id=id, at=at, labels=labels)
    return Answer(200, text, labels=labels)


def clients_asked_about(wheres: Mapping[str, Expression]) -> tuple[str, ...]:
    """The clients that are asked about, who are named even when nothing is found."""
    if len(wheres) > 1:
        return tuple({client: None for where in wheres.values() for client in asked_about(where)})[:MOST_NAMED]
    ((type, where),) = wheres.items()
    if type == "Patient" and isinstance(where, HasId):
        return tuple(dict.fromkeys(f"Patient/{id}" for id in where.ids))[:MOST_NAMED]
    return asked_about(where)


def _entries(asked: Asked, versions: Sequence[Version], mode: str, query: Query) -> list[bundles.Entry]:
    base, is_whole = asked.base, query.summary is None and not query.elements
    entries = []
    for each in versions:
        content, container = each.content, each.container
        if not is_whole or content is None:
            content = shapes.shaped(each, query.summary, query.elements)
        url: str | None = f"{base}/{each.type}/{each.id}"
        if container is not None:
            url = f"{base}/{container.type}/{container.id}#{each.id}" if each.id else None
        entries.append(bundles.Entry(url, content, mode))
    return entries
