"""What holds when a client's situation is assessed. https://hl7.org/fhir/R4/questionnaireresponse.html"""

from collections.abc import Iterable, Iterator

from sharedplan import published
from sharedplan.care import clocks, codes, displays, helsinki, model, need_assessments
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import on_day
from sharedplan.care.task import OPEN_TASKS
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

UNKNOWN_LINK: Words = (
    "Lomakkeessa {questionnaire} ei ole kohtaa {link}.",
    "Formuläret {questionnaire} har ingen punkt {link}.",
    "The questionnaire {questionnaire} has no item with the linkId {link}.",
)
MISSING_PART: Words = (
    "Arvioinnista puuttuu osa ”{part}” ({link}).",
    "Bedömningen saknar delen ”{part}” ({link}).",
    'The assessment has no answer for the part "{part}" ({link}).',
)
STILL_FRESH: Words = (
    "Asiakkaalla {client} on jo tuore tai keskeneräinen palvelutarpeen arviointi: {other}.",
    "Klienten {client} har redan en färsk eller pågående bedömning av servicebehovet: {other}.",
    "The client {client} has a need assessment already that is fresh or under way: {other}.",
)

DONE_LATE: dict[str, Words] = {
    "start": (
        "Palvelutarpeen arviointi {what} aloitettiin {done}, vaikka se oli aloitettava viimeistään {due} ({basis}).",
        "Bedömningen av servicebehovet {what} inleddes {done}, fast den skulle inledas senast {due} ({basis}).",
        "The need assessment {what} was started on {done} and was to start by {due} ({basis}).",
    ),
    "finish": (
        "Palvelutarpeen arviointi {what} valmistui {done}, vaikka sen oli oltava valmis viimeistään {due} ({basis}).",
        "Bedömningen av servicebehovet {what} blev klar {done}, fast den skulle vara klar senast {due} ({basis}).",
        "The need assessment {what} was finished on {done} and was to be finished by {due} ({basis}).",
    ),
}
STILL_LATE: dict[str, Words] = {
    "start": (
        "Palvelutarpeen arviointi {what} on myöhässä: se oli aloitettava viimeistään {due} ({basis}).",
        "Bedömningen av servicebehovet {what} är försenad: den skulle inledas senast {due} ({basis}).",
        "The need assessment {what} is late: it was to start by {due} ({basis}).",
    ),
    "finish": (
        "Palvelutarpeen arviointi {what} on myöhässä: sen oli oltava valmis viimeistään {due} ({basis}).",
        "Bedömningen av servicebehovet {what} är försenad: den skulle vara klar senast {due} ({basis}).",
        "The need assessment {what} is late: it was to be finished by {due} ({basis}).",
    ),
}


@on_write(
    "QuestionnaireResponse",
    id="R4.6",
    source="seed 004: asiakastietojen kirjaamisen yhteneväisyyttä; linkIds exist in the Questionnaire",
    when=lambda current, proposed: bool((proposed or {}).get("questionnaire")) and bool((proposed or {}).get("item")),
    looks_up=True,
)
def an_answer_is_to_an_item_of_its_questionnaire(writing: Writing) -> Iterator[Finding]:
    """Where the Questionnaire is known."""
    response = writing.proposed or {}
    questionnaire = questionnaire_of(response, writing.after)
    if questionnaire is None:
        return
    known = set(_links(questionnaire.get("item", ())))
    for path, link in _answered(response.get("item", ()), "QuestionnaireResponse"):
        if link not in known:
            fields = {"questionnaire": questionnaire.get("title") or response["questionnaire"], "link": link}
            yield Finding("R4.6", "error", UNKNOWN_LINK, fields, at=path, code="code-invalid")


def questionnaire_of(response: Json, situation: Situation) -> Json | None:
    """The Questionnaire that was answered: one that is stored, by its url or the id that the url ends with, else one
    that comes with the service."""
    url = str(response.get("questionnaire", "")).partition("|")[0]
    own = references.parse(url)
    listed = situation.of("Questionnaire")
    by_url = next((each for each in listed if each.get("url") == url), None)
    by_id = next((each for each in listed if own.type == "Questionnaire" and each.get("id") == own.id), None)
    if by_url is not None or by_id is not None:
        return by_url or by_id
    return next((each for each in published.of_type("Questionnaire") if each.get("url") == url), None)


def _links(items: Iterable[Json]) -> Iterator[str]:
    for each in items:
        yield each.get("linkId", "")
        yield from _links(each.get("item", ()))


def _answered(items: Iterable[Json], parent: str) -> Iterator[tuple[str, str]]:
    """(path, linkId) of each item, those within items and answers included."""
    for index, each in enumerate(items):
        here = f"{parent}.item[{index}]"
        yield here, each.get("linkId", "")
        yield from _answered(each.get("item", ()), here)
        for number, answer in enumerate(each.get("answer", ())):
            yield from _answered(answer.get("item", ()), f"{here}.answer[{number}]")


def is_assessment(response: Json) -> bool:
    """Whether it answers the questionnaire of the need assessment."""
    return str(response.get("questionnaire", "")).partition("|")[0].endswith("Questionnaire/need-assessment")


@on_write(
    "QuestionnaireResponse",
    id="R2.5",
    source="seed 002: elämäntilannetta ja sitä heikentäviä tekijöitä, terveydentilaa, palveluita, tarpeita",
    when=lambda current, proposed: (
        proposed is not None
        and is_assessment(proposed)
        and proposed.get("status") in ("completed", "amended")
        and "basedOn" in proposed
    ),
    needs=("CarePlan",),
    warns=True,
)
def an_assessment_covers_its_parts(writing: Writing) -> Iterator[Finding]:
    """Where the model of the plan that it is based on asks for them."""
    response = writing.proposed or {}
    for plan in map(writing.after.get, response["basedOn"]):
        found = model.of(plan, None, writing.after.of("PlanDefinition")) if plan is not None else None
        if found is not None and found.has("R2.5"):
            asked = [
                each for each in (questionnaire_of(response, writing.after), *_need_assessment()) if each is not None
            ]
            for link in need_assessments.lacking(response):
                fields: dict[str, str | Words] = {"part": displays.of_question(asked, link), "link": link}
                yield Finding("R2.5", "warning", MISSING_PART, fields, at="QuestionnaireResponse.item")
            return


def _need_assessment() -> list[Json]:
    """The questionnaire of the need assessment as it is published."""
    return [each for each in published.of_type("Questionnaire") if each["id"] == "need-assessment"]


def is_new_assessment(current: Json | None, proposed: Json | None) -> bool:
    task = proposed or {}
    return (
        current is None
        and task.get("status") in OPEN_TASKS
        and codes.has(task.get("code"), codes.TASK, "need-assessment")
    )


@on_write(
    "Task",
    id="R3.14",
    source="seed 003: käynnistää taas uuden arviointiprossin",
    when=is_new_assessment,
    needs=("Task", "Patient"),
    warns=True,
)
def a_fresh_assessment_is_reused(writing: Writing) -> Iterator[Finding]:
    for other in writing.after.of("Task"):
        name = f"Task/{other['id']}"
        if name == writing.name or not codes.has(other.get("code"), codes.TASK, "need-assessment"):
            continue
        if need_assessments.is_fresh(other, helsinki.day_of(writing.at)):
            fields = {"client": writing.client_called, "other": name}
            yield Finding("R3.14", "warning", STILL_FRESH, fields, at="Task.code", code="duplicate")


@on_write(
    "Task",
    id="R3.1",
    source="seed 003: palvelutarpeen arvioinneista … 3 kuukauden kuluessa; domain 2.2: a late one stays recordable",
    when=lambda current, proposed: (
        clocks.is_need_assessment(proposed or {})
        and (proposed or {}).get("status") not in ("cancelled", "entered-in-error")
    ),
    warns=True,
)
def a_late_assessment_is_told(writing: Writing) -> Iterator[Finding]:
    """By the clocks that the service has put in; never refused. What is due soon, the review tells."""
    task, today = writing.proposed or {}, helsinki.day_of(writing.at)
    for clock in clocks.stated(task):
        done = clocks.done_on(task, clock)
        if clocks.state(clock.due.strict, done, today) != "late":
            continue
        fields: dict[str, str | Words] = {
            "what": writing.name,
            "due": on_day(clock.due.strict),
            "basis": displays.of_code(codes.LEGAL_BASIS, clock.basis),
            "done": on_day(done) if done is not None else "",
        }
        at = "Task.restriction.period.end" if clock.kind == "finish" else "Task.executionPeriod.start"
        words = STILL_LATE if done is None else DONE_LATE
        yield Finding("R3.1", "warning", words[clock.kind], fields, at=at if done is None else "Task.executionPeriod")
