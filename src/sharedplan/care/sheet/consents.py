"""Consent on the sheet in plain words: who may do what with which data, and until when. https://hl7.org/fhir/R4/consent.html"""

from collections.abc import Iterator
from dataclasses import dataclass

from sharedplan.care.finding import LANGUAGES
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.words import ANY_DEED, DEEDS, THINGS
from sharedplan.care.spoken import date_, in_words, period
from sharedplan.fhir.exchanges import Json

_AND = ("ja", "och", "and")
_NARROWING = ("code", "securityLabel")
"""What limits a provision beyond what is said here in words."""


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """`who`, `may` and `until` are whole phrases; `exceptions` those of the provisions within."""

    who: str
    may: str
    until: str
    is_ban: bool
    exceptions: tuple[str, ...]
    given: str | None


def consents(reader: Reader) -> tuple[ConsentLine, ...]:
    """The consents in force, permits before bans, in the order in which they were given."""
    active = [each for each in reader.situation.of("Consent") if each["status"] == "active"]
    in_force = [each for each in active if not reader.is_past(_end(each))]
    found = [_line(reader, each) for each in sorted(in_force, key=lambda each: str(each.get("dateTime", "")))]
    return tuple(sorted(found, key=lambda each: each.is_ban))


def _end(consent: Json) -> str | None:
    end: str | None = consent.get("provision", {}).get("period", {}).get("end")
    return end


def _line(reader: Reader, consent: Json) -> ConsentLine:
    provision = consent.get("provision", {})
    is_ban = provision.get("type") == "deny"
    given = consent.get("dateTime")
    limits = provision.get("period", {})
    return ConsentLine(
        _who(reader, provision) or reader.says("team-as-a-whole"),
        _sentence(reader, provision, is_ban=is_ban),
        date_(limits["end"], reader.language) if "end" in limits else reader.says("for-now"),
        is_ban,
        tuple(_exceptions(reader, provision)),
        reader.says("given", date=date_(given, reader.language)) if given is not None else None,
    )


def _exceptions(reader: Reader, provision: Json) -> Iterator[str]:
    for each in provision.get("provision", ()):
        is_ban = each.get("type", "deny") == "deny"
        said = _sentence(reader, {**_inherited(provision), **each}, is_ban=is_ban)
        who = _who(reader, each)
        yield f"{who} {said}" if who else said
        yield from _exceptions(reader, each)


def _inherited(provision: Json) -> Json:
    """What a provision within another has from it."""
    return {name: provision[name] for name in ("action",) if name in provision}


def _who(reader: Reader, provision: Json) -> str:
    names = [reader.who(each.get("reference")) for each in provision.get("actor", ())]
    return ", ".join(dict.fromkeys(names))


def _sentence(reader: Reader, provision: Json, *, is_ban: bool) -> str:
    """ "saa nähdä ja kirjata: suunnitelma, tiimi"."""
    said = reader.says(
        "may-not" if is_ban else "may-so", deeds=_deeds(reader, provision), things=_things(reader, provision)
    )
    if (of := provision.get("dataPeriod")) is not None and (when := period(of, reader.language)) is not None:
        said += f"; {reader.says('data-of', period=when)}"
    if any(name in provision for name in _NARROWING):
        said += f"; {reader.says('narrowed')}"
    return said


def _deeds(reader: Reader, provision: Json) -> str:
    """What is allowed or forbidden: all of it, where no action is named."""
    listed = [coding.get("code") for action in provision.get("action", ()) for coding in action.get("coding", ())]
    words = [reader.word(DEEDS, code) for code in dict.fromkeys(listed) if code in DEEDS]
    return _listed(reader, words) or in_words(ANY_DEED, reader.language)


def _things(reader: Reader, provision: Json) -> str:
    other = reader.word(THINGS, "other")
    words = [reader.word(THINGS, each.get("code"), otherwise=other) for each in provision.get("class", ())]
    for each in provision.get("data", ()):
        name = reader.situation.name_of(each.get("reference"))
        if name == reader.situation.plan:
            words.append(
                reader.says("this-and-related") if each.get("meaning") != "instance" else words_of_plan(reader)
            )
        else:
            words.append(reader.word(THINGS, (name or "").partition("/")[0], otherwise=other))
    return _listed(reader, list(dict.fromkeys(words))) or reader.says("everything")


def words_of_plan(reader: Reader) -> str:
    return reader.word(THINGS, "CarePlan")


def _listed(reader: Reader, words: list[str]) -> str:
    """ "a, b ja c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {_AND[LANGUAGES.index(reader.language)]} {words[-1]}"
