"""What every part of the sheet reads: a situation in one language; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sharedplan.care.finding import LANGUAGES
from sharedplan.care.sheet.words import SHEET, Wordbook
from sharedplan.care.situation import Situation
from sharedplan.care.spoken import day, in_words, moment
from sharedplan.fhir.exchanges import Json


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

    def concept(self, concepts: Json | Iterable[Json] | None) -> str | None:
        """What a CodeableConcept says, or the first of several that says something."""
        listed = [concepts] if isinstance(concepts, dict) else concepts or ()
        for each in listed:
            text = each.get("text") or next((c["display"] for c in each.get("coding", ()) if "display" in c), None)
            if text:
                return str(text)
        return None

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
