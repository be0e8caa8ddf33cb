"""Dates, times and rhythms as people write them, in Finnish, Swedish and English; pure. Times are Finnish ones.

https://hl7.org/fhir/R4/datatypes.html#dateTime, https://hl7.org/fhir/R4/datatypes.html#Timing
"""

from datetime import date, datetime

from sharedplan.care import helsinki
from sharedplan.care.finding import LANGUAGES, Words
from sharedplan.fhir.exchanges import Json

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = (
    ("maanantai", "måndag", "Monday"),
    ("tiistai", "tisdag", "Tuesday"),
    ("keskiviikko", "onsdag", "Wednesday"),
    ("torstai", "torsdag", "Thursday"),
    ("perjantai", "fredag", "Friday"),
    ("lauantai", "lördag", "Saturday"),
    ("sunnuntai", "söndag", "Sunday"),
)
_FROM: Words = ("{start} alkaen", "från {start}", "from {start}")
_UNTIL: Words = ("{end} asti", "till {end}", "until {end}")
_AT: Words = ("klo\u00a0{time}", "kl.\u00a0{time}", "at\u00a0{time}")

_EVERY: dict[str, tuple[Words, Words]] = {
    "d": (("joka päivä", "varje dag", "every day"), ("{n} päivän välein", "var {n}:e dag", "every {n} days")),
    "wk": (("joka viikko", "varje vecka", "every week"), ("{n} viikon välein", "var {n}:e vecka", "every {n} weeks")),
    "mo": (
        ("joka kuukausi", "varje månad", "every month"),
        ("{n} kuukauden välein", "var {n}:e månad", "every {n} months"),
    ),
    "a": (("joka vuosi", "varje år", "every year"), ("{n} vuoden välein", "vart {n}:e år", "every {n} years")),
}
_SECOND: dict[str, Words] = {
    "d": ("joka toinen päivä", "varannan dag", "every other day"),
    "wk": ("joka toinen viikko", "varannan vecka", "every other week"),
    "mo": ("joka toinen kuukausi", "varannan månad", "every other month"),
    "a": ("joka toinen vuosi", "vartannat år", "every other year"),
}
_TIMES: dict[str, Words] = {
    "d": ("{n} kertaa päivässä", "{n} gånger om dagen", "{n} times a day"),
    "wk": ("{n} kertaa viikossa", "{n} gånger i veckan", "{n} times a week"),
    "mo": ("{n} kertaa kuukaudessa", "{n} gånger i månaden", "{n} times a month"),
    "a": ("{n} kertaa vuodessa", "{n} gånger om året", "{n} times a year"),
}


def in_words(words: Words, language: str, **fields: object) -> str:
    """The words in that language, filled in."""
    return words[LANGUAGES.index(language)].format(**fields)


def moment(text: str | None) -> datetime | None:
    """The instant that a dateTime with a time means, as Finnish time; None for a date and for what cannot be read."""
    if text is None or "T" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:  # a leap second, or digits beyond what Python reads
        return None
    return helsinki.local(found) if found.tzinfo is not None else None


def day(text: str | None) -> date | None:
    """The Finnish day of a date or dateTime; None for one that does not tell the day."""
    if (found := moment(text)) is not None:
        return found.date()
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


def date_(text: str, language: str, *, with_weekday: bool = False) -> str:
    """A date as people write it: "21.1.2027", "21 January 2027"; months and years by themselves, too."""
    found = day(text)
    if found is None:
        year, _, month = text.partition("-")
        if not month:
            return text
        return f"{_MONTHS[int(month) - 1]} {year}" if language == "en" else f"{int(month)}/{year}"
    return _written(found, language, with_weekday)


def _written(found: date, language: str, with_weekday: bool) -> str:
    if language == "en":
        said = f"{found.day} {_MONTHS[found.month - 1]} {found.year}"
    else:
        said = f"{found.day}.{found.month}.{found.year}"
    return f"{in_words(_DAYS[found.weekday()], language)} {said}" if with_weekday else said


def at_time(at: datetime) -> Words:
    """An instant by Finnish clocks, in each language: ("20.11.2026 klo 10.00", …)."""
    here = helsinki.local(at)
    fi, sv, en = (
        f"{_written(here.date(), each, False)} {in_words(_AT, each, time=_clock(here, each))}" for each in LANGUAGES
    )
    return (fi, sv, en)


def on_day(on: date) -> Words:
    """A day in each language: ("20.11.2026", …)."""
    fi, sv, en = (_written(on, each, False) for each in LANGUAGES)
    return (fi, sv, en)


def today(at: datetime, language: str) -> str:
    """The Finnish date of an instant."""
    return _written(helsinki.day_of(at), language, False)


def time_of(start: str, end: str | None, language: str) -> str:
    """When something happens: "torstai 21.1.2027 klo 13.00–14.00"."""
    begins, ends = moment(start), moment(end)
    said = date_(start, language, with_weekday=True)
    if begins is None:
        return said
    clock = _clock(begins, language)
    if ends is not None and ends.date() == begins.date() and ends > begins:
        clock += f"–{_clock(ends, language)}"
    return f"{said} {in_words(_AT, language, time=clock)}"


def _clock(at: datetime, language: str) -> str:
    return f"{at:%H:%M}" if language == "en" else f"{at.hour}.{at:%M}"


def period(value: Json, language: str) -> str | None:
    """A Period in words: "9.2.2026–6.3.2026", "12.1.2026 alkaen"; None for one that says nothing."""
    start, end = value.get("start"), value.get("end")
    if start is not None and end is not None:
        first, last = date_(start, language), date_(end, language)
        if first == last:
            return first
        return f"{first} – {last}" if language == "en" else f"{first}–{last}"
    if start is not None:
        return in_words(_FROM, language, start=date_(start, language))
    return in_words(_UNTIL, language, end=date_(end, language)) if end is not None else None


def timing(value: Json, language: str) -> str | None:
    """A Timing in words: "3 viikon välein", with its bounds' end; None for one that says nothing we can tell."""
    repeat = value.get("repeat", {})
    said = _rhythm(repeat, language) or value.get("code", {}).get("text")
    if said is None and (events := value.get("event")):
        return ", ".join(time_of(each, None, language) for each in events if each)
    bounds = repeat.get("boundsPeriod", {})
    if said is not None and "end" in bounds:
        return f"{said}, {in_words(_UNTIL, language, end=date_(bounds['end'], language))}"
    return said or period(bounds, language)


def _rhythm(repeat: Json, language: str) -> str | None:
    times, length, unit = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")
    if length is None or unit not in _EVERY or length != int(length):
        return None
    number = int(length)
    if times > 1:
        return in_words(_TIMES[unit], language, n=times) if number == 1 else None
    if number <= 2:
        return in_words(_EVERY[unit][0] if number == 1 else _SECOND[unit], language)
    return in_words(_EVERY[unit][1], language, n=number)
