"""$evaluate-measure: what a Measure comes to over the register of the organisation that asks.

GET Measure/[id]/$evaluate-measure?periodStart=…&periodEnd=…, with the purpose HOPERAT. Numbers of the whole register
are for the organisation and those who work there, whether or not they have to do with the clients: none of these is
named, and small numbers are suppressed. https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

from sharedplan.access.asker import asker_of
from sharedplan.access.decision import Facts as Moment
from sharedplan.access.decision import decide
from sharedplan.access.principal import Principal
from sharedplan.care.measures.figures import Around, Period, Question
from sharedplan.care.measures.known import MEASURES
from sharedplan.care.measures.report import reported
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, NotFound, Refused
from sharedplan.exchange.accepting import accepted
from sharedplan.exchange.facts import known
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.search.expression import And, Expression, OfRegister
from sharedplan.search.parse import parse
from sharedplan.store.searches import Place, Search

PURPOSE = "HOPERAT"

PAGE = 500
"""Resources that one statement fetches."""


async def evaluate_measure(asked: Asked, by: Principal, acting: Acting) -> Answer:
    """A MeasureReport of type summary.

    Raises Incorrect without a period, NotFound for a measure that is not computed here, Refused for another purpose and
    for whom no register is.
    """
    if asked.type != "Measure" or asked.id is None or asked.method != "GET":
        raise Incorrect("$evaluate-measure is asked by GET Measure/[id]/$evaluate-measure")
    period = _period(asked)
    if by.purpose != PURPOSE:
        raise Refused(f"$evaluate-measure is for the purpose {PURPOSE}, not {by.purpose}")
    organization = await _organization(by, acting, asked.base)
    if asked.id not in MEASURES:
        listed = ", ".join(sorted(MEASURES))
        raise NotFound(f"there is no measure {asked.id} that is computed here; there are {listed}")
    measuring = MEASURES[asked.id](Around(period, acting.clock.now(), organization, asked.base, accepted))
    for question in measuring.questions():
        async for resource in _found(question, organization, by, acting, asked.base):
            measuring.take(resource)
    report = reported(asked.id, measuring.groups(), period, reporter=organization, at=acting.clock.now())
    return Answer(200, json_text.write(report))


def _period(asked: Asked) -> Period:
    """The days that are asked about. Raises Incorrect."""
    given = dict(asked.parameters)
    if len(given) != len(asked.parameters) or given.keys() != {"periodStart", "periodEnd"}:
        raise Incorrect("$evaluate-measure takes periodStart and periodEnd, each once")
    days = {}
    for name, text in given.items():
        try:
            days[name] = date.fromisoformat(text if _DAY.fullmatch(text) else "")
        except ValueError:
            raise Incorrect(f"{name} is a date with its day between the years 1000 and 8999, like 2026-11-27") from None
    if days["periodStart"] >= days["periodEnd"]:
        raise Incorrect("periodStart comes before periodEnd, which is the first day that is not looked at")
    return Period(days["periodStart"], days["periodEnd"])


_DAY = re.compile(r"[1-8]\d{3}-\d{2}-\d{2}")


async def _organization(by: Principal, acting: Acting, base: str) -> str:
    """The organisation whose register the asker may count: that of the token, where a person works. Raises Refused."""
    if by.organization is None or not by.is_professional:
        raise Refused("a measure is computed over the register of an organisation, and the token is of none")
    if by.person is not None:
        text = await acting.unit.known(by.person, by.organization, [], [], wholly=False)
        facts = known(text, base)
        if asker_of(by.person, by.organization, facts.directory, (), facts.at).organization is None:
            raise Refused(f"{by.person} has no active role at {by.organization}")
    return by.organization


async def _found(
    question: Question, organization: str, by: Principal, acting: Acting, base: str
) -> AsyncIterator[Json]:
    """What a question finds: of clients, in the register alone; a page a statement, all as of one moment."""
    type = question.type
    slice = _slice(type, organization, by, acting)
    where = parse(type, question.pairs, base=base).where
    search = Search({type: where}, {**acting.within, type: slice}, PAGE, "none")
    while True:
        page = await acting.unit.search(search)
        for version in page.versions:
            if version.content is not None:
                yield json_text.read(version.content)
        if not page.more or page.as_of is None:
            return
        search = replace(search, place=Place(page.as_of, page.last))


def _slice(type: str, organization: str, by: Principal, acting: Acting) -> Expression:
    """What the scopes let the organisation itself search, of clients' data in its own register. Raises Refused."""
    of_all = decide(
        Asked("search-type", type),
        replace(by, person=None),
        Moment(acting.clock.now()),
        by_consent=acting.policy.by_consent,
    ).slice_of(type)
    return And((of_all, OfRegister(organization))) if CATALOGUE[type].client_data else of_all
