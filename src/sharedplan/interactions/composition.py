"""The Composition of a plan's document: who made what of whom, and its sections in plain words; pure.

https://hl7.org/fhir/R4/composition.html, https://hl7.org/fhir/R4/documents.html

A document holds what its Composition leads to, so each resource that belongs to the plan is an entry of a section.
"""

from collections.abc import Iterable, Sequence
from html import escape

from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.sheet import Sheet
from sharedplan.care.situation import Situation
from sharedplan.fhir import summaries
from sharedplan.fhir.bundles import instant
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.withheld import MASKED

TYPE: Json = {
    "coding": [{"system": "http://loinc.org", "code": "18776-5", "display": "Plan of care note"}],
}
_AUTHORS = ("Practitioner", "PractitionerRole", "Device", "Patient", "RelatedPerson", "Organization")

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("goals", "61146-7", ("Goal",)),
    ("next", "18776-5", ("CarePlan", "Task", "ServiceRequest")),
    ("meeting", "46240-8", ("Appointment", "Encounter", "EpisodeOfCare")),
    ("team", "85847-2", ("CareTeam", "RelatedPerson", "PractitionerRole", "Practitioner", "Organization", "Location")),
    (
        "strengths",
        "51848-0",
        ("QuestionnaireResponse", "Observation", "Condition", "Questionnaire", "PlanDefinition"),
    ),
    ("consent", "59284-0", ("Consent",)),
)
"""(the words of its title, its code in LOINC, the types that are its entries); what is of no such type goes into the
last but one, with the assessments."""


def composition(situation: Situation, sheet: Sheet, *, id: str, names: Iterable[str], controller: str | None) -> Json:
    """The Composition of what is named, in the sheet's language. `controller`: the organisation that keeps the plan."""
    reader = Reader(situation, sheet.language)
    listed = [name for name in names if name != situation.client]
    made: Json = {
        "resourceType": "Composition",
        "id": id,
        "meta": {"lastUpdated": instant(situation.at)},
        "language": sheet.language,
        "text": _narrative([sheet.title, *filter(None, (sheet.client, sheet.valid, sheet.state, sheet.description))]),
        "status": "preliminary" if sheet.is_cut else "final",
        "type": TYPE,
        "subject": {"reference": situation.client} if situation.patient is not None else dict(MASKED),
        "date": instant(situation.at),
        "author": [_author(situation, controller)],
        "title": str(sheet.title),
    }
    if controller is not None and controller in situation.resources:
        made["custodian"] = {"reference": controller}
    kinds = {type for _, _, types in SECTIONS for type in types}
    others = [name for name in listed if name.partition("/")[0] not in kinds]
    sections = []
    for title, code, types in SECTIONS:
        entries = [name for name in listed if name.partition("/")[0] in types]
        if title == "strengths":
            entries += others
        sections.append(
            {
                "title": reader.says(title),
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "text": _narrative(_lines(title, reader, sheet)),
                **({"entry": [{"reference": name} for name in entries]} if entries else {}),
            }
        )
    if sheet.is_partial:
        made["meta"]["security"] = [{"system": summaries.SYSTEM, "code": summaries.SUBSETTED}]
    return {**made, "section": sections}


def _author(situation: Situation, controller: str | None) -> Json:
    """Whoever wrote the plan; else the own worker, else the organisation that keeps it, as far as they may be seen."""
    plan, episode = situation.care_plan or {}, situation.get(situation.episode) or {}
    for reference in (plan.get("author"), episode.get("careManager"), {"reference": controller}):
        name = situation.name_of(reference)
        if name in situation.resources and str(name).startswith(tuple(f"{type}/" for type in _AUTHORS)):
            return {"reference": name}
    return dict(MASKED)


def _lines(section: str, reader: Reader, sheet: Sheet) -> Sequence[str]:
    """What a section says."""
    match section:
        case "goals":
            return [
                _joined(each.text, each.state, *(f"{s.name}: {s.said}" for s in each.stances)) for each in sheet.goals
            ]
        case "next":
            return [
                _joined(s.what, s.who or reader.says("no-performer"), s.when, s.state, s.reason) for s in sheet.steps
            ]
        case "meeting" if sheet.meeting is not None:
            return [_joined(sheet.meeting.when, sheet.meeting.what, sheet.meeting.place, *sheet.reviews)]
        case "meeting":
            return [reader.says("no-meeting-shown" if sheet.is_partial else "no-meeting"), *sheet.reviews]
        case "team":
            return [_joined(m.name, m.role, m.organization, *(c.value for c in m.contacts)) for m in sheet.team]
        case "strengths":
            return sheet.strengths
    return [_joined(f"{', '.join(c.who)} {c.may}", c.until, *c.exceptions) for c in sheet.consents]


def _joined(*parts: str | None) -> str:
    return "; ".join(filter(None, parts))


def _narrative(lines: Sequence[str]) -> Json:
    """A Narrative of these lines. https://hl7.org/fhir/R4/narrative.html"""
    items = "".join(f"<li>{escape(line, quote=False)}</li>" for line in lines) or "<li>–</li>"
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{items}</ul></div>'}
