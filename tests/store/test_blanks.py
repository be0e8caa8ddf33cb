"""A statement whose blanks are filled is the statement that would have been compiled."""

import pytest

from sharedplan.catalogue import CATALOGUE
from sharedplan.search.expression import Everything, Expression, OfRegister, Or, Permitted
from sharedplan.search.parse import parse
from sharedplan.store import searching
from sharedplan.store.blanks import Unlike, form
from sharedplan.store.searches import Search, SortKey
from sharedplan.store.trail import row
from store.changes import a_trail

ORGANIZATION = "Organization/here"
SLICES: dict[str, Expression] = {
    "all": Everything(),
    "system": Or((OfRegister(ORGANIZATION), Permitted(None, ORGANIZATION, "TREAT"))),
    "person": Permitted("Practitioner/sari", ORGANIZATION, "TREAT"),
}
QUESTIONS = (
    "CarePlan?patient=Patient/anna",
    f"CarePlan?patient={ORGANIZATION}",
    f"Encounter?service-provider={ORGANIZATION}&patient=Patient/anna",
    "CarePlan?identifier=urn:x|1",
    "CarePlan?identifier=1&status=active",
    "CarePlan?identifier=urn:x|",
    "CarePlan?performer=Practitioner/1&date=ge2020&date=lt2021-02",
    "CarePlan?date=gt2020&date=2021&date=ap2022",
    "CarePlan?care-team.participant=PractitionerRole/1",
    f"Task?owner={ORGANIZATION}&patient.organization={ORGANIZATION}&focus=CarePlan/1",
    "CarePlan?_id=a",
    "CarePlan?_id=a,b,c",
    "CarePlan?_lastUpdated=gt2020&_sort=_lastUpdated",
    "CarePlan?_lastUpdated=ge2020&_lastUpdated=lt2022",
    "CarePlan?subject=Patient/a,Patient/b&_sort=-date",
    "CarePlan",
)


def searched(question: str, within: Expression) -> Search:
    type, _, pairs = question.partition("?")
    query = parse(type, [tuple(pair.split("=", 1)) for pair in pairs.split("&") if pair])  # type: ignore[misc]
    sort = tuple(SortKey(*each) for each in query.sort)
    return Search({type: query.where}, dict.fromkeys(CATALOGUE, within), 20, "some", sort)


@pytest.mark.parametrize("who", SLICES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_filled_in_it_is_what_is_compiled(question: str, who: str) -> None:
    search = searched(question, SLICES[who])
    for is_light in (True, False):
        assert searching.page(search, is_light=is_light)[:2] == searching._compiled(search, is_light, False)
    trail = a_trail()
    sql, parameters = searching._compiled(search, True, True)
    found = searching.page(search, trail=trail, row_id="1", is_light=True)
    assert found[:2] == (sql, [*parameters, *row(trail, "1")])


def test_most_questions_are_known() -> None:
    unlike = []
    for question in QUESTIONS:
        (where,) = searched(question, Everything()).wheres.values()
        try:
            form(where, [])
        except Unlike:
            unlike.append(question)
    assert unlike == ["CarePlan?subject=Patient/a,Patient/b&_sort=-date"]
