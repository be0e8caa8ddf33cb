"""How things are called in findings: by what people wrote of them, and by "Type/id"; pure."""

from collections.abc import Iterable

from sharedplan.care.finding import Words
from sharedplan.care.review.dates import said, start_of
from sharedplan.care.review.view import Activity, View
from sharedplan.fhir.exchanges import Json

LONGEST = 80
"""Characters of somebody's own words that are repeated."""

AND: Words = (" ja ", " och ", " and ")


def thing(resource: Json) -> str:
    """A resource by its own words and its reference: "A home of one's own" (Goal/1)."""
    name = f"{resource['resourceType']}/{resource.get('id')}"
    text = _text_of(resource)
    return f'"{text}" ({name})' if text else name


def activity(each: Activity) -> str:
    """An activity by its words and place: "Keskustelut" (activity[2])."""
    detail = each.detail or {}
    text = _short(detail.get("description") or _concept(detail.get("code")))
    return f'"{text}" ({each.name})' if text else each.name


def meeting(encounter: Json) -> Words:
    """A meeting, an Encounter or an Appointment, by its day and reference."""
    name = f"{encounter['resourceType']}/{encounter.get('id')}"
    when = start_of(encounter.get("period") or encounter.get("start"))
    if when is None:
        return (name, name, name)
    fi, sv, en = said(when)
    return (f"{fi} ({name})", f"{sv} ({name})", f"{en} ({name})")


def owner(view: View, reference: Json | None) -> str:
    """Who is to do it."""
    return view.situation.called(reference)


def listed(each: Iterable[str]) -> Words:
    """Names in a row: "a, b and c"."""
    names = [*dict.fromkeys(each)]
    if len(names) < 2:
        return (names[0], names[0], names[0]) if names else ("–", "–", "–")
    head, last = ", ".join(names[:-1]), names[-1]
    return (head + AND[0] + last, head + AND[1] + last, head + AND[2] + last)


def words_listed(each: Iterable[Words]) -> Words:
    """The same of words in three languages."""
    found = [*dict.fromkeys(each)]
    rows = [listed(words[number] for words in found)[number] for number in range(3)]
    return (rows[0], rows[1], rows[2])


def _text_of(resource: Json) -> str:
    match resource["resourceType"]:
        case "Goal":
            return _short(resource.get("description", {}).get("text"))
        case "Task":
            return _short(resource.get("description") or _concept(resource.get("code")))
        case "ServiceRequest" | "Observation" | "Condition":
            return _short(_concept(resource.get("code")))
    return ""


def _concept(concept: Json | None) -> str:
    coded = (concept or {}).get("coding", ())
    return (concept or {}).get("text") or next((str(c["display"]) for c in coded if "display" in c), "")


def _short(text: str | None) -> str:
    flat = " ".join((text or "").split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1].rstrip() + "…"
