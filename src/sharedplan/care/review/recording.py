"""That recording is uniform: the same codes from every system, and answers to questions that there are."""

from collections.abc import Iterator

from sharedplan.care import codes, coding
from sharedplan.care.review.naming import meeting, thing
from sharedplan.care.review.rule import Said, broken, met, rule
from sharedplan.care.review.view import MEETINGS_REST_ON, View
from sharedplan.care.writes.meeting import TYPES, lacks_type
from sharedplan.fhir.exchanges import Json

ENCOUNTER_TYPES = frozenset(TYPES)


@rule(
    "R4.6",
    source="asiakastietojen kirjaamisen yhteneväisyyttä",
    needs=("Encounter", "QuestionnaireResponse"),
    timeless=True,
    rests_on=(*MEETINGS_REST_ON, "QuestionnaireResponse", "Questionnaire"),
)
def recording_is_uniform_in_every_system(view: View) -> Iterator[Said]:
    """The types of meetings and the questions of the assessment are known ones; a meeting has one."""
    is_kept = True
    for encounter in view.encounters:
        if lacks_type(encounter):
            is_kept = False
            yield broken(
                "Käynniltä {when} puuttuu laji (type): sitä ei lasketa tapaamiseksi eikä osallistujien hyväksyntää "
                "arvioida.",
                "Besöket {when} saknar slag (type): det räknas inte som möte och deltagarnas godkännande bedöms inte.",
                "The encounter of {when} has no type: it is not counted as a meeting, and whether those who attend "
                "were accepted is not judged.",
                at="Encounter.type",
                when=meeting(encounter),
            )
        if ENCOUNTER_TYPES.issuperset(view.meeting(encounter).kinds):
            continue
        for number, concept in enumerate(encounter.get("type", ())):
            unknown = coding.unknown(concept, codes.ENCOUNTER_TYPE)
            if unknown:
                is_kept = False
                yield broken(
                    "Tapaamisen {when} lajia ei tunneta: {code}.",
                    "Mötets {when} slag är inte känt: {code}.",
                    "The type of the meeting of {when} is not known: {code}.",
                    at=f"Encounter.type[{number}]",
                    when=meeting(encounter),
                    code=unknown[0],
                )
    for response in view.assessments:
        known = _questions(view, response)
        for number, item in enumerate(response.get("item", ())):
            if known and item.get("linkId") not in known:
                is_kept = False
                yield broken(
                    "Arvioinnissa {what} on vastaus kysymykseen, jota lomakkeessa ei ole: {link}.",
                    "Bedömningen {what} har ett svar på en fråga som formuläret inte har: {link}.",
                    "The assessment {what} answers a question that the form does not have: {link}.",
                    at=f"QuestionnaireResponse.item[{number}]",
                    what=thing(response),
                    link=str(item.get("linkId")),
                )
    if is_kept:
        yield met(
            "Tapaamisten lajit ja arvioinnin kysymykset ovat yhteisiä koodeja.",
            "Mötenas slag och bedömningens frågor är gemensamma koder.",
            "The types of meetings and the questions of the assessment are common codes.",
        )


def _questions(view: View, response: Json) -> frozenset[str]:
    """The linkIds of the form that was answered, where that is stored."""
    url = str(response.get("questionnaire", "")).partition("|")[0]
    form = next((each for each in view.situation.of("Questionnaire") if each.get("url") == url), None)
    found: set[str] = set()
    waiting = list((form or {}).get("item", ()))
    while waiting:
        item = waiting.pop()
        found.add(str(item.get("linkId")))
        waiting += item.get("item", ())
    return frozenset(found)
