"""Consent on the sheet in plain words: who may do what with which data, and until when. https://hl7.org/fhir/R4/consent.html"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sharedplan.care import codes
from sharedplan.care.finding import LANGUAGES
from sharedplan.care.sheet.reader import Reader
from sharedplan.care.sheet.words import ANY_DEED, DEEDS, THINGS
from sharedplan.care.spoken import date_, in_words, period
from sharedplan.fhir.exchanges import Json

_AND = ("ja", "och", "and")
_NARROWING = ("code", "securityLabel")
"""What limits a provision beyond what is said here in words."""


NARROW = frozenset({"ngo", "employment", "relative"})
"""Roles on the team that see the plan, the team and their own steps where a consent does not say more."""


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """`who` are names, `may` and `until` whole phrases, `exceptions` phrases of the provisions within."""

    who: tuple[str, ...]
    may: str
    until: str
    is_ban: bool
    exceptions: tuple[str, ...]
    given: str | None


def consents(reader: Reader) -> tuple[ConsentLine, ...]:
    """The consents in force, permits before bans, in the order in which they were given."""
    active = [each for each in reader.situation.of("Consent") if each["status"] == "active"]
    in_force = [each for each in active if not reader.is_past(_end(each))]
    ordered = sorted(in_force, key=lambda each: str(each.get("dateTime", "")))
    return tuple(sorted((line for each in ordered for line in _lines(reader, each)), key=lambda each: each.is_ban))


def _end(consent: Json) -> str | None:
    end: str | None = consent.get("provision", {}).get("period", {}).get("end")
    return end


def _lines(reader: Reader, consent: Json) -> Iterator[ConsentLine]:
    """One for those who see all that it opens, and one for those who see less of it."""
    provision = consent.get("provision", {})
    is_ban = provision.get("type") == "deny"
    given, limits = consent.get("dateTime"), provision.get("period", {})
    narrow = (
        [] if is_ban or _is_limited(provision) else [a for a in provision.get("actor", ()) if _is_narrow(reader, a)]
    )
    wide = [each for each in provision.get("actor", ()) if each not in narrow]
    for actors, things in ((wide, _things(reader, provision)), (narrow, reader.says("narrow-view"))):
        if not actors and (narrow or actors is narrow):
            continue
        yield ConsentLine(
            _who(reader, actors) or (reader.says("team-as-a-whole"),),
            _sentence(reader, provision, things, is_ban=is_ban),
            date_(limits["end"], reader.language) if "end" in limits else reader.says("for-now"),
            is_ban,
            tuple(_exceptions(reader, provision)),
            reader.says("given", date=date_(given, reader.language)) if given is not None else None,
        )


def _is_limited(provision: Json) -> bool:
    return any(name in provision for name in ("class", "data"))


def _is_narrow(reader: Reader, actor: Json) -> bool:
    """Whether somebody's view is the narrow one: a relative's, or by his role on the team."""
    name = reader.situation.name_of(actor.get("reference"))
    if name is None or name.startswith("RelatedPerson/"):
        return name is not None
    for team in reader.situation.teams:
        for each in team.get("participant", ()):
            if reader.situation.refers(each.get("member"), name) and NARROW & set(
                codes.codes(each.get("role"), codes.TEAM_ROLE)
            ):
                return True
    kinds = codes.codes((reader.situation.get(name) or {}).get("type") or (), codes.ORGANIZATION_TYPE)
    return bool({"ngo", "employment-services"} & set(kinds))


def _exceptions(reader: Reader, provision: Json) -> Iterator[str]:
    for each in provision.get("provision", ()):
        is_ban = each.get("type", "deny") == "deny"
        said = _sentence(reader, {**_inherited(provision), **each}, _things(reader, each), is_ban=is_ban)
        who = ", ".join(_who(reader, each.get("actor", ())))
        yield f"{who} {said}" if who else said
        yield from _exceptions(reader, each)


def _inherited(provision: Json) -> Json:
    """What a provision within another has from it."""
    return {name: provision[name] for name in ("action",) if name in provision}


def _who(reader: Reader, actors: Iterable[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reader.who(each.get("reference")) for each in actors))


def _sentence(reader: Reader, provision: Json, things: str, *, is_ban: bool) -> str:
    """ "saa nähdä ja kirjata: suunnitelma, tiimi"."""
    said = reader.says("may-not" if is_ban else "may-so", deeds=_deeds(reader, provision), things=things)
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
