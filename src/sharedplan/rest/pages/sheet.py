"""The plan sheet as a page: drawn from a plan's document Bundle, so it shows what is in there and nothing else; pure.

https://www.w3.org/TR/WCAG21/, https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy

It has no script, its style is in the page, and it asks for nothing beyond: it can be saved, printed and sent as it is.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files

import orjson

from sharedplan.care.sheet.consents import ConsentLine
from sharedplan.care.sheet.goals import GoalLine
from sharedplan.care.sheet.meetings import Meeting
from sharedplan.care.sheet.people import Contact, Member
from sharedplan.care.sheet.reader import Own, Reader
from sharedplan.care.sheet.sheet import Sheet, sheet
from sharedplan.care.sheet.steps import Step
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json
from sharedplan.rest.pages.html import Markup, Part, each_in, element, joined

STYLE = (files("sharedplan.rest.pages") / "sheet.css").read_text(encoding="utf-8")

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing but the style in the page: no script, no image, no other host."""

_NUMBER = re.compile(r"[^0-9+]")


def page(document: str, base: str) -> str:
    """The page of a document Bundle as $document gives it, in the Composition's language."""
    bundle = orjson.loads(document)
    composition: Json = bundle["entry"][0]["resource"]
    situation = _situation(bundle, base, is_cut=composition["status"] == "preliminary")
    language = composition["language"]
    return _Page(sheet(situation, language), Reader(situation, language)).html()


def _situation(bundle: Json, base: str, *, is_cut: bool) -> Situation:
    shown = [each["resource"] for each in bundle["entry"][1:]]
    resources = {f"{each['resourceType']}/{each['id']}": each for each in shown}
    plan = shown[0]
    at = datetime.fromisoformat(bundle["timestamp"])
    situation = Situation(at, resources, None, f"CarePlan/{plan['id']}", base=base, is_cut=is_cut)
    client = situation.name_of(plan.get("subject"))
    return Situation(at, resources, client, situation.plan, base=base, is_cut=is_cut)


class _Page:
    """One sheet in the making; `reader` has its words."""

    def __init__(self, shown: Sheet, reader: Reader) -> None:
        self._sheet, self._says = shown, reader.says

    def html(self) -> str:
        shown = self._sheet
        title = self._says("of", name=shown.client) if shown.client is not None else shown.title
        head = element(
            "head",
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            element("title", title),
            element("style", Markup(STYLE)),
        )
        body = element("body", self._header(), self._main(), self._footer())
        return f"<!doctype html>\n{element('html', head, body, lang=shown.language)}\n"

    def _header(self) -> Markup:
        shown = self._sheet
        client = joined((f"{self._says('client')}: ", element("strong", shown.client))) if shown.client else None
        return element(
            "header",
            element("h1", shown.title, lang=_spoken(shown.title)),
            element("p", shown.description, class_="lead", lang=_spoken(shown.description))
            if shown.description
            else None,
            each_in("ul", (client, shown.born, shown.valid, shown.written), class_="facts"),
            element("p", shown.state, class_="alert") if shown.state else None,
        )

    def _main(self) -> Markup:
        shown = self._sheet
        return element(
            "main",
            element("div", self._worker(shown.worker), self._meeting(shown.meeting), class_="top"),
            self._section("goals", self._goals(shown.goals) or self._none("no-goals")),
            self._section("next", self._steps(shown.next) or self._none("no-next")),
            self._section("waiting", self._waits(shown.waiting)) if shown.waiting else None,
            self._section("done", self._done(shown.done)) if shown.done else None,
            self._section("team", self._team(shown.team) or self._none("no-team")),
            self._section("strengths", *(element("p", each, lang=_spoken(each)) for each in shown.strengths))
            if shown.strengths
            else None,
            self._section(
                "consent",
                self._consents(shown.consents) or self._none("no-consent"),
                element("p", self._says("consent-help"), class_="meta") if shown.consents else None,
            ),
            self._section("reviews", each_in("ul", shown.reviews) or self._none("no-review")),
        )

    def _footer(self) -> Markup:
        shown = self._sheet
        notes = (("partial", shown.is_partial), ("cut", shown.is_cut))
        told = [element("p", self._says(key)) for key, is_so in notes if is_so]
        return element("footer", *told) if told else Markup()

    def _section(self, key: str, *inside: Part) -> Markup:
        return element("section", element("h2", self._says(key), id=key), *inside, aria_labelledby=key)

    def _none(self, key: str) -> Markup:
        return element("p", self._says(key), class_="meta")

    def _card(self, key: str, *inside: Part) -> Markup:
        return element("section", element("h2", self._says(key), id=key), *inside, class_="card", aria_labelledby=key)

    # Whom to ask, and when to meet

    def _worker(self, worker: Member | None) -> Markup:
        if worker is None:
            return self._card("worker", self._none("no-worker"))
        is_more = worker.role != self._says("worker").lower()
        told = joined(filter(None, (worker.role if is_more else None, worker.organization)), ", ")
        return self._card(
            "worker",
            element("p", worker.name, class_="name"),
            element("p", told) if told else None,
            self._contacts(worker.contacts),
            element("p", self._says("worker-help"), class_="meta"),
        )

    def _meeting(self, meeting: Meeting | None) -> Markup:
        if meeting is None:
            return self._card("meeting", self._none("no-meeting-shown" if self._sheet.is_partial else "no-meeting"))
        facts = (("how", meeting.way), ("where", meeting.place), ("who-comes", ", ".join(meeting.who)))
        told = [joined((element("dt", self._says(key)), element("dd", value))) for key, value in facts if value]
        return self._card(
            "meeting",
            element("p", _unbroken(_first_large(meeting.when)), class_="when"),
            element("p", meeting.what, lang=_spoken(meeting.what)) if meeting.what else None,
            element("p", self._says("tentative"), class_="missing") if meeting.is_tentative else None,
            element("dl", *told) if told else None,
        )

    def _contacts(self, contacts: Iterable[Contact]) -> Markup | None:
        return each_in("ul", map(_linked, contacts), class_="contacts")

    # Goals

    def _goals(self, goals: Iterable[GoalLine]) -> Markup | None:
        listed = [element("li", *self._goal(each), class_="differs" if each.differs else None) for each in goals]
        return element("ul", *listed, class_="goals") if listed else None

    def _goal(self, goal: GoalLine) -> Iterable[Part]:
        yield element("h3", goal.text, lang=_spoken(goal.text))
        yield element("p", f"{self._says('state')}: ", _marked(goal.state), class_="meta")
        stances = [element("li", f"{each.name}: {each.said}", class_=each.code) for each in goal.stances]
        yield element("ul", *stances, class_="stances", aria_label=self._says("stance")) if stances else None
        for what, due in goal.targets:
            by = self._says("due", date=due) if due is not None else None
            told = joined((f"{self._says('target')}: ", _marked(what))) if what else None
            yield element("p", joined(filter(None, (told, by)), ". "))
        if goal.proposed_by is not None:
            yield element("p", self._says("proposed-by", name=goal.proposed_by), class_="meta")
        if goal.views:
            said = [
                element(
                    "blockquote",
                    element("p", each.text, lang=_spoken(each.text)),
                    element("p", *_byline(each.name, each.date), class_="meta"),
                )
                for each in goal.views
            ]
            yield element("div", element("h4", self._says("views" if goal.differs else "said")), *said, class_="views")

    # Steps

    def _steps(self, steps: Iterable[Step]) -> Markup | None:
        rows = [
            self._row(
                (self._what(each), None),
                (each.who or self._missing("no-performer"), "who"),
                (each.when or self._missing("no-time"), "when"),
                (each.state, "state"),
            )
            for each in steps
        ]
        return self._table("steps", ("what", "who", "when", "state"), rows)

    def _waits(self, steps: Iterable[Step]) -> Markup | None:
        rows = [
            self._row(
                (self._what(each), None),
                (each.who or self._missing("no-performer"), "who"),
                (each.when or "–", "when"),
                (self._why(each), "why"),
            )
            for each in steps
        ]
        return self._table("steps", ("what", "who", "when", "why"), rows)

    def _why(self, step: Step) -> Part:
        """Why it waits; of what was not taken on, that first."""
        reason = _marked(step.reason) or self._says("no-reason")
        return reason if step.reason and not step.is_refused else joined((_first_large(step.state), ". ", reason))

    def _done(self, steps: Iterable[Step]) -> Markup | None:
        listed = ((_marked(each.what), each.who, each.when) for each in steps)
        return each_in("ul", [joined(filter(None, each), " · ") for each in listed])

    def _what(self, step: Step) -> Markup:
        detail = element("small", step.detail, lang=_spoken(step.detail)) if step.detail else None
        return element("div", _marked(step.what), detail)

    # People and consent

    def _team(self, team: Iterable[Member]) -> Markup | None:
        rows = [
            self._row(
                (self._named(each), None),
                (each.role, "role"),
                (each.organization or "–", "organization"),
                (self._contacts(each.contacts) or "–", "contact"),
            )
            for each in team
        ]
        return self._table("team", ("name", "role", "organization", "contact"), rows)

    def _named(self, member: Member) -> Markup:
        badge = element("span", self._says("worker"), class_="badge") if member.is_worker else None
        return joined((member.name, Markup(" ") if badge else None, badge, _small(member.note)))

    def _consents(self, consents: Iterable[ConsentLine]) -> Markup | None:
        rows = [
            self._row(
                (joined((*(element("span", one, class_="one") for one in each.who), _small(each.given))), None),
                (
                    joined(
                        (_first_large(each.may), *(_small(f"{self._says('except')}: {one}") for one in each.exceptions))
                    ),
                    "may",
                ),
                (each.until, "until"),
            )
            for each in consents
        ]
        return self._table("consent", ("who", "may", "until"), rows)

    # Tables: on a phone their rows stand one below another, which takes the roles from them unless they are said

    def _table(self, kind: str, headings: Iterable[str], rows: list[Markup]) -> Markup | None:
        if not rows:
            return None
        cells = [element("th", self._says(each), scope="col", role="columnheader") for each in headings]
        head = element("thead", element("tr", *cells, role="row"), role="rowgroup")
        return element("table", head, element("tbody", *rows, role="rowgroup"), role="table", class_=kind)

    def _row(self, *cells: tuple[Part, str | None]) -> Markup:
        (first, _), *others = cells
        told = [
            element("td", element("div", each), role="cell", data_label=self._says(str(key))) for each, key in others
        ]
        return element("tr", element("th", first, scope="row", role="rowheader"), *told, role="row")

    def _missing(self, key: str) -> Markup:
        return element("span", self._says(key), class_="missing")


def _spoken(text: str | None) -> str | None:
    """The language of somebody's own words, which a screen reader has to know where it is not the page's."""
    return text.spoken if isinstance(text, Own) else None


def _marked(text: str | None) -> Part:
    """A text within a line, with its language where that is another."""
    return element("span", text, lang=spoken) if text and (spoken := _spoken(text)) else text


def _unbroken(text: str) -> str:
    """Times that stay on one line: "13.00–14.00"."""
    return text.replace("–", "\u2060–\u2060")


def _small(text: str | None) -> Markup | None:
    return element("small", text) if text else None


def _byline(name: str | None, date: str | None) -> Iterable[Part]:
    return (joined(filter(None, (name, date)), ", "),)


def _first_large(text: str) -> str:
    return text[:1].upper() + text[1:]


def _linked(contact: Contact) -> Part:
    """A contact that can be called or written to."""
    match contact.kind:
        case "phone" | "sms":
            scheme = "tel" if contact.kind == "phone" else "sms"
            return element("a", contact.value, href=f"{scheme}:{_NUMBER.sub('', contact.value)}")
        case "email" if "@" in contact.value and not re.search(r"[\s?&]", contact.value):
            name, _, place = contact.value.partition("@")
            return element("a", name, Markup("<wbr>"), f"@{place}", href=f"mailto:{contact.value}")
        case "url" if contact.value.startswith(("https://", "http://")):
            return element("a", contact.value, href=contact.value, rel="noreferrer")
    return contact.value
