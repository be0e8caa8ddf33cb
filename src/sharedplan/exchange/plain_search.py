"""The usual search by a short way: a question that differs from earlier ones by its values alone.

It is decided, read, recorded and answered by what does so for every search (`interactions/search.py`); only what
follows from the asker and from the form of the question, which is all of it but the values that it filters by, is found
out once. Whatever is not usual goes the long way: an emergency, the log, an order, parts of resources, what is not
understood. A test holds both ways to the same answers and trails.
https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sharedplan import audit
from sharedplan.access.decision import Facts, Grant, decide
from sharedplan.access.principal import Principal
from sharedplan.clock import Clock
from sharedplan.errors import SharedplanError
from sharedplan.exchange.step import BeginUnit, in_one_unit
from sharedplan.exchange.surroundings import granted
from sharedplan.fhir import languages
from sharedplan.fhir.addresses import query as encoded
from sharedplan.fhir.bundles import searchset_of
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.acting import Policy
from sharedplan.interactions.pages import size
from sharedplan.interactions.search import MOST_INCLUDED, Question, answered, clients_asked_about, counting
from sharedplan.interactions.settling import is_settled
from sharedplan.search.expression import Expression
from sharedplan.search.identity import mentions_identity_code
from sharedplan.search.indexing import LOG
from sharedplan.search.parse import Query, condition, parse
from sharedplan.search.registry import kept_until_renewed
from sharedplan.store.searches import Search
from sharedplan.store.trail import Trail
from sharedplan.store.unit_of_work import Unit
from sharedplan.store.versions import Found, Included

Form = tuple[str | tuple[str, str], ...]
"""The pairs of a question in their order; of those that filter, the name alone."""

_FILTERS = ("_id", "_lastUpdated")
"""What filters though its name begins as those of what speaks of the answer do."""

_SPEAKING = frozenset({"_count", "_total", "_include", "_revinclude"})
"""What speaks of the answer, in a usual question."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What the searches of one form by one asker have in common; `query` and `trail` but for the values. `filtering`:
    which of the pairs filter."""

    grant: Grant
    trail: Trail
    query: Query
    filtering: tuple[int, ...]
    total: str


class PlainSearch:
    """Searches for what anybody asks for in the usual way."""

    def __init__(self, begin: BeginUnit, clock: Clock, policy: Policy) -> None:
        self._begin = begin
        self._clock = clock
        self._policy = policy

    async def __call__(self, asked: Asked, by: Principal) -> Answer | None:
        """The Bundle, which is on record; None, and nothing is, when it is to be asked for the long way. Raises as
        `perform` does."""
        try:
            understood = self._understood(asked, by)
        except Exception:  # it is told by the long way, and put on record
            return None
        if understood is None:
            return None
        type, pairs, (asking, where) = str(asked.type), asked.parameters, understood
        query, wheres = asking.query, {type: where}
        sent = f"{type}?{encoded(pairs)}"
        trail = asking.trail._replace(
            query=sent, request_id=asked.request_id or None, patients=clients_asked_about(wheres)
        )
        wanted = Search(wheres, asking.grant.slices, size(query.count, self._policy), asking.total, as_text=True)

        async def act(unit: Unit) -> Answer | None:
            if query.includes:
                found = await unit.search_with(query.includes, wanted, limit=MOST_INCLUDED, trail=trail)
            else:
                found = await unit.search(wanted, trail=trail), _NOTHING
            if found is None:
                return None
            page, included = found
            if not page.more and not page.versions and not included.versions:
                return Answer(200, self._alone(page, sent, asked.base))
            question = Question(wheres, replace(query, where=where, understood=pairs), pairs, None)
            surroundings = granted(asked, by, asking.grant, trail, unit, self._clock, self._policy)
            return answered(asked, surroundings, question, *found)

        try:
            return await in_one_unit(asked, by, self._begin, act)
        except SharedplanError as failure:
            languages.say(failure, asked.accept_language)
            raise

    def _understood(self, asked: Asked, by: Principal) -> tuple[Asking, Expression] | None:
        """What the question has in common with others, and the condition that it puts; None when it is not usual.
        Raises Incorrect."""
        type, pairs, form = str(asked.type), asked.parameters, _form(asked.parameters)
        asking = _asking(by, type, form, self._policy.by_consent) if form is not None else None
        now = self._clock.now()
        if asking is None or by.expires <= now or mentions_identity_code(pairs):
            return None
        where = condition(type, [pairs[n] for n in asking.filtering], base=asked.base, at=now)
        return (asking, where) if is_settled(where) else None

    def _alone(self, page: Found, sent: str, base: str) -> bytes:
        """The Bundle of a page that came joined and is the only one, or of nothing."""
        links = (("self", f"{base}/{sent}"),)
        id, at = self._clock.new_id(), self._clock.now()
        return searchset_of(page.entries, page.included, base, total=page.total, links=links, id=id, at=at)


_NOTHING = Included([], False)


def _form(pairs: Sequence[tuple[str, str]]) -> Form | None:
    """None for one with what is seldom said."""
    form: list[str | tuple[str, str]] = []
    for pair in pairs:
        name = pair[0]
        if name[:1] != "_" or name in _FILTERS:
            form.append(name)
        elif name in _SPEAKING:
            form.append(pair)
        else:
            return None
    return tuple(form)


@kept_until_renewed(1024)
def _asking(by: Principal, type: str, form: Form, by_consent: bool) -> Asking | None:
    """None for a form that is not usual, whatever the values."""
    speaking = tuple(each for each in form if isinstance(each, tuple))
    if type == LOG or len(speaking) == len(form):
        return None
    asked = Asked("search-type", type)
    try:
        query = parse(type, speaking)
        grant = decide(asked, by, Facts(by.expires - by.expires.resolution), by_consent=by_consent)
    except SharedplanError:
        return None
    if query.count == 0 or grant.ordinary:
        return None
    filtering = tuple(number for number, each in enumerate(form) if isinstance(each, str))
    return Asking(grant, audit.granted(asked, by, grant), query, filtering, counting(query))
