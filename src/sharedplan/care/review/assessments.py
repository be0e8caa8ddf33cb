"""The assessment of need: that there is one joint one, what it covers, both estimates, its tier."""

from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.finding import Words
from sharedplan.care.need_assessments import answered, lacking
from sharedplan.care.review.content import lacking_content
from sharedplan.care.review.goals import HIDDEN
from sharedplan.care.review.naming import listed, thing, words_listed
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.view import View
from sharedplan.fhir.exchanges import Json

PARTS: dict[str, Words] = {
    "life-situation": ("elämäntilanne", "livssituation", "life situation"),
    "weakening-factors": ("sitä heikentävät tekijät", "faktorer som försvagar den", "what weakens it"),
    "health": ("terveydentila", "hälsotillstånd", "health"),
    "services-in-use": ("käytössä olevat palvelut", "tjänster i bruk", "services in use"),
    "needs": ("hoidon ja palvelujen tarpeet", "behov av vård och tjänster", "needs of care and services"),
}
"""linkId → the part of the assessment that R2.5 asks for."""

ESTIMATES: dict[str, Words] = {
    "own-estimate": ("asiakkaan oma arvio", "klientens egen bedömning", "the client's own estimate"),
    "professional-estimate": (
        "ammattilaisen arvio",
        "den professionellas bedömning",
        "the professional's estimate",
    ),
}
TIERS: dict[str, Words] = {
    "guidance": ("ohjaus ja neuvonta", "handledning och rådgivning", "guidance"),
    "basic": ("perustason arviointi", "bedömning på basnivå", "basic assessment"),
    "multidisciplinary": ("monialainen arviointi", "sektorsövergripande bedömning", "multidisciplinary assessment"),
}
_NEEDS = ("QuestionnaireResponse",)


def _without_one(view: View) -> Iterator[Said]:
    """What to say where there is no assessment to look into."""
    if "QuestionnaireResponse" in view.missing:
        yield unjudged(*HIDDEN)
    else:
        yield unjudged(
            "Suunnitelmassa ei ole arviointia, jota voisi katsoa.",
            "Planen har ingen bedömning att se på.",
            "The plan has no assessment to look into.",
        )


@rule(
    "R0.9",
    source="hoidon- ja palvelutarpeen arviointi / suunnitelma; sosiaalihuoltolaki 36 ja 39 §",
    needs=(*_NEEDS, "Goal", "Task", "CareTeam"),
)
def the_plan_contains_one_joint_assessment(view: View) -> Iterator[Said]:
    """Of the need of care and of services; and what of the content of a client plan there is."""
    if view.assessments:
        yield met(
            "Suunnitelmassa on hoidon ja palvelujen tarpeen yhteinen arviointi: {what}.",
            "Planen innehåller en gemensam bedömning av behovet av vård och tjänster: {what}.",
            "The plan contains a joint assessment of the need of care and services: {what}.",
            what=listed(map(thing, view.assessments)),
        )
    elif "QuestionnaireResponse" in view.missing:
        yield unjudged(*HIDDEN)
    else:
        yield broken(
            "Suunnitelmasta puuttuu hoidon ja palvelujen tarpeen yhteinen arviointi.",
            "Planen saknar en gemensam bedömning av behovet av vård och tjänster.",
            "The plan lacks a joint assessment of the need of care and services.",
            at="CarePlan.supportingInfo",
        )
    lacking = lacking_content(view)
    yield met(
        "Asiakassuunnitelman sisällöstä (sosiaalihuoltolaki 39 §) on kirjattu {there}/9{lacking}.",
        "Av klientplanens innehåll (socialvårdslagen 39 §) har {there}/9 antecknats{lacking}.",
        "Of the content of a client plan (Social Welfare Act, section 39) {there}/9 is recorded{lacking}.",
        there=str(9 - len(lacking)),
        lacking=_lacks(lacking) if lacking else ("", "", ""),
    )


def _lacks(lacking: list[Words]) -> Words:
    fi, sv, en = words_listed(lacking)
    return (f"; puuttuu: {fi}", f"; det saknas: {sv}", f"; missing: {en}")


@rule(
    "R2.5",
    source="elämäntilannetta ja sitä heikentäviä tekijöitä, terveydentilaa, käytössä olevia palveluita sekä hoidon ja "
    "palvelujen tarpeita",
    needs=_NEEDS,
    timeless=True,
)
def the_assessment_covers_its_parts(view: View) -> Iterator[Said]:
    """Each of the questions has an answer, in the newest assessment."""
    if not view.assessments:
        yield from _without_one(view)
        return
    newest = view.assessments[-1]
    missing = lacking(newest)
    for each in missing:
        yield broken(
            "Arvioinnista {what} puuttuu {part} ({link}).",
            "Bedömningen {what} saknar {part} ({link}).",
            "The assessment {what} lacks {part} ({link}).",
            at="QuestionnaireResponse.item",
            what=thing(newest),
            part=PARTS[each],
            link=each,
        )
    if not missing:
        yield met(
            "Arviointi {what} kattaa kaikki osat.",
            "Bedömningen {what} omfattar alla delar.",
            "The assessment {what} covers all its parts.",
            what=thing(newest),
        )


@rule(
    "R4.5", source="asiakas on oman elämänsä asiantuntija; dialogisessa vuorovaikutuksessa", needs=_NEEDS, timeless=True
)
def both_estimates_stand_side_by_side(view: View) -> Iterator[Said]:
    """The client's own and the professional's."""
    if not view.assessments:
        yield from _without_one(view)
        return
    links = frozenset[str]().union(*(answered(each) for each in view.assessments))
    missing = [words for link, words in ESTIMATES.items() if link not in links]
    if missing:
        yield broken(
            "Arvioinnista {what} puuttuu {lacking}.",
            "Bedömningen {what} saknar {lacking}.",
            "The assessment {what} lacks {lacking}.",
            at="QuestionnaireResponse.item",
            what=thing(view.assessments[-1]),
            lacking=words_listed(missing),
        )
        return
    yield met(
        "Asiakkaan oma arvio ja ammattilaisen arvio ovat rinnakkain.",
        "Klientens egen bedömning och den professionellas bedömning står sida vid sida.",
        "The client's own estimate and the professional's stand side by side.",
    )


@rule(
    "R4.3",
    source="ohjausta ja neuvontaa, … perustason …, monialaisessa yhteistyössä tehtävää",
    needs=("Task",),
    timeless=True,
)
def each_assessment_states_its_tier(view: View) -> Iterator[Said]:
    """Guidance, basic or multidisciplinary, by a second coding or the extension."""
    tasks = view.tasks_of("need-assessment")
    for each in tasks:
        tier = tier_of(each)
        if tier is None:
            yield broken(
                "Arvioinnista {what} puuttuu taso: ohjaus ja neuvonta, perustaso vai monialainen.",
                "Bedömningen {what} saknar nivå: handledning och rådgivning, basnivå eller sektorsövergripande.",
                "The assessment {what} does not state its tier: guidance, basic or multidisciplinary.",
                at="Task.code",
                what=thing(each),
            )
        else:
            yield met(
                "Arvioinnin {what} taso: {tier}.",
                "Nivån för bedömningen {what}: {tier}.",
                "The tier of the assessment {what}: {tier}.",
                what=thing(each),
                tier=TIERS[tier],
            )
    if not tasks:
        yield unjudged(
            "Palvelutarpeen arviointia ei ole aloitettu.",
            "Ingen bedömning av servicebehovet har inletts.",
            "No need assessment has been started.",
        )


def tier_of(task: Json) -> str | None:
    """Code of assessment-tier; None when none is stated, or one that is not known."""
    extension = codes.extension(task, codes.TIER)
    stated = codes.codes(task.get("code"), codes.ASSESSMENT_TIER)
    stated += [str(extension["valueCode"])] if extension is not None and "valueCode" in extension else []
    return next((each for each in stated if each in TIERS), None)
