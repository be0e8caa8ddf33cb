"""A shared plan in plain words: one value in one language, made of what whoever asks may see; pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from sharedplan.care import displays
from sharedplan.care.sheet.consents import ConsentLine, consents
from sharedplan.care.sheet.goals import GoalLine, goals
from sharedplan.care.sheet.meetings import Meeting, next_meeting, reviews
from sharedplan.care.sheet.people import Member, members
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.steps import DONE, OPEN, WAITING, Step, steps
from sharedplan.care.sheet.words import SHEET
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import date_, in_words, period, today
from sharedplan.fhir import summaries
from sharedplan.fhir.exchanges import Json

STRENGTHS = "strengths"
"""The linkId of the need assessment under which strengths are told."""

_STRENGTH_WORDS = ("vahvuu", "voimavar", "styrk", "resurs", "strength")
_STATUS = {"draft": "draft", "on-hold": "paused", "revoked": "ended", "completed": "ended"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """`client` and `born` are None where the reader may not see them. `state`: what is to be said of a plan that is not
    active. `is_partial`: something of the plan is not shown. `is_cut`: there is more than was looked at.
    """

    language: str
    title: str
    client: str | None
    born: str | None
    description: str | None
    valid: str | None
    state: str | None
    worker: Member | None
    meeting: Meeting | None
    goals: tuple[GoalLine, ...]
    steps: tuple[Step, ...]
    team: tuple[Member, ...]
    strengths: tuple[str, ...]
    consents: tuple[ConsentLine, ...]
    reviews: tuple[str, ...]
    written: str
    is_partial: bool
    is_cut: bool

    def of_kind(self, kind: str) -> tuple[Step, ...]:
        """The steps that are open, waiting or done."""
        return tuple(each for each in self.steps if each.kind == kind)

    @property
    def next(self) -> tuple[Step, ...]:
        return self.of_kind(OPEN)

    @property
    def waiting(self) -> tuple[Step, ...]:
        return self.of_kind(WAITING)

    @property
    def done(self) -> tuple[Step, ...]:
        return self.of_kind(DONE)


def sheet(situation: Situation, language: str) -> Sheet:
    """The sheet of the plan that is looked at, in fi, sv or en."""
    reader = Reader(situation, language)
    plan, patient = situation.care_plan or {}, situation.patient
    team = members(reader)
    within = period(plan.get("period", {}), language)
    state = _STATUS.get(plan.get("status", ""))
    return Sheet(
        language,
        _title(reader, plan),
        situation.called(situation.client) if patient is not None else None,
        reader.says("born", date=date_(patient["birthDate"], language)) if patient and "birthDate" in patient else None,
        reader.own(plan, "description"),
        reader.says("valid", period=within) if within else None,
        reader.says(state) if state is not None else None,
        next((each for each in team if each.is_worker), None),
        next_meeting(reader),
        goals(reader),
        steps(reader),
        team,
        tuple(dict.fromkeys(_strengths(reader))),
        consents(reader),
        reviews(reader),
        reader.says("written", date=today(situation.at, language)),
        any(_is_part(each) for each in situation.resources.values()),
        situation.is_cut,
    )


def _title(reader: Reader, plan: Json) -> str:
    """As it is called; one that is called after its model only, in the language of the sheet."""
    own, after = reader.own(plan, "title"), f"{in_words(SHEET['sheet'], 'fi')}: "
    model = displays.of_text(own.removeprefix(after)) if own is not None and own.startswith(after) else None
    if model is not None:
        return f"{reader.says('sheet')}: {in_words(model, reader.language)}"
    return own or reader.says("sheet")


def _is_part(resource: Json) -> bool:
    return summaries.is_subset(resource)


def _strengths(reader: Reader) -> Iterator[str]:
    """What observations and assessments say of the client's strengths."""
    for each in reader.situation.of("Observation"):
        named = (_words_of(each.get("code", {})) or "").lower()
        if any(word in named for word in _STRENGTH_WORDS) and each["status"] != "entered-in-error":
            said = reader.own(each, "valueString") or reader.concept(each.get("valueCodeableConcept"))
            if said:
                yield said
    for response in reader.situation.of("QuestionnaireResponse"):
        if response["status"] != "entered-in-error":
            yield from _answers(reader, response.get("item", ()), STRENGTHS)


def _words_of(concept: Json) -> str | None:
    """What a concept says as it was written, whatever the language of the sheet."""
    displays = (each["display"] for each in concept.get("coding", ()) if "display" in each)
    return concept.get("text") or next(displays, None)


def _answers(reader: Reader, items: list[Json], link: str) -> Iterator[str]:
    for item in items:
        if item.get("linkId") == link:
            yield from filter(None, (reader.own(each, "valueString") for each in item.get("answer", ())))
        yield from _answers(reader, item.get("item", ()), link)
