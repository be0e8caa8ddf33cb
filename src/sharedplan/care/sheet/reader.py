"""What every part of the sheet reads: a situation in one language; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sharedplan.care import displays
from sharedplan.care.finding import LANGUAGES
from sharedplan.care.sheet.words import SHEET, Wordbook
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import day, in_words, moment
from sharedplan.fhir.exchanges import Json


class Own(str):
    """What somebody wrote himself. `spoken`: its language, where that is another than the sheet's."""

    __slots__ = ("spoken",)
    spoken: str | None

    def __new__(cls, text: str, spoken: str | None = None) -> "Own":
        made = super().__new__(cls, text)
        made.spoken = spoken
        return made


@dataclass(frozen=True, slots=True)
class Reader:
    """`language` is fi, sv or en."""

    situation: Situation
    language: str

    def says(self, key: str, **fields: object) -> str:
        """The words of the sheet under that key."""
        return in_words(SHEET[key], self.language, **fields)

    def word(self, book: Wordbook, code: str | None, *, otherwise: str | None = None) -> str:
        """What a code is called; one that is not known as it is, or `otherwise`."""
        if code is not None and code in book:
            return in_words(book[code], self.language)
        return otherwise if otherwise is not None else (code or "")

    def who(self, reference: Json | None) -> str:
        """What people call whom a Reference names; whom the reader may not see has no name."""
        if reference is None or not self.is_named(reference):
            return self.says("hidden-name")
        name = self.situation.called(reference)
        return self.says("hidden-name") if name == "?" else name

    def is_named(self, reference: Json | None) -> bool:
        """Whether a Reference says of whom it is."""
        return reference is not None and ("reference" in reference or "display" in reference)

    def concept(self, concepts: Json | Iterable[Json] | None) -> Own | None:
        """What a CodeableConcept says, or the first of several that says something: in its own words, else as its code
        is called."""
        listed = [concepts] if isinstance(concepts, dict) else concepts or ()
        for each in listed:
            said = self.own(each, "text") or next(filter(None, map(self._display, each.get("coding", ()))), None)
            if said is not None:
                return said
        return None

    def _display(self, coding: Json) -> Own | None:
        system, code = coding.get("system"), coding.get("code")
        if displays.is_ours(system, code):
            return Own(in_words(displays.of_code(str(system), str(code)), self.language))
        return self.own(coding, "display")

    def own(self, element: Json, name: str) -> Own | None:
        """What somebody wrote in that element, as it is; what he has from a service model, in the sheet's language.

        A translation that stands beside it is not looked at: it stays when what it translates is changed."""
        text = element.get(name)
        if not text:
            return None
        words = displays.of_text(str(text))
        return Own(in_words(words, self.language)) if words is not None else Own(str(text), self.spoken)

    @property
    def spoken(self) -> str | None:
        """The language of what the plan says, where that is another than the sheet's."""
        said = (self.situation.care_plan or {}).get("language")
        return said if said is not None and said.partition("-")[0] != self.language else None

    def is_past(self, text: str | None) -> bool:
        """Whether a date or dateTime lies before the moment of the situation; a day that is not over does not."""
        if (at := moment(text)) is not None:
            return at < self.situation.at
        found = day(text)
        return found is not None and found < self.today.date()

    @property
    def today(self) -> datetime:
        """The moment of the situation as Finnish time."""
        found = moment(self.situation.at.isoformat())
        assert found is not None
        return found

    @property
    def number(self) -> int:
        """The place of the language among LANGUAGES."""
        return LANGUAGES.index(self.language)
