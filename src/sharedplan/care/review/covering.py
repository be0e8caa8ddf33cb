"""Whom the client's consents cover, as far as they are seen: as a member, and as one who attends; pure.

The full judgement of access is not made here: this tells whether the client has accepted somebody.
https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sharedplan.care import codes
from sharedplan.care.review import dates
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json

PRIVACY = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
NARROWING = ("class", "data", "code", "securityLabel", "dataPeriod", "purpose", "action")
"""What makes a deny one of some things alone."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one provision of a consent says of whom: `actors` None means every member of a team of then.

    One that says since when it holds holds since then, also when it was written down in the course of that day.
    """

    consent: str
    permits: bool
    is_ban: bool
    given: datetime | None
    withdrawn: datetime | None  # when a consent that is no longer in force was changed last
    periods: tuple[Json, ...]
    actors: frozenset[str] | None

    def holds(self, at: datetime) -> bool:
        """Whether it was in force at the instant."""
        is_given = self.given is None or self.given <= at or any("start" in each for each in self.periods)
        is_there = self.withdrawn is None or at < self.withdrawn
        return is_given and is_there and all(dates.covers(each, at) for each in self.periods)


@dataclass(frozen=True)
class Covering:
    """The client's consents, those that are in force and those that were."""

    situation: Situation

    @cached_property
    def words(self) -> list[Word]:
        return [word for consent in self.situation.of("Consent") for word in self._of(consent)]

    @cached_property
    def active(self) -> list[Json]:
        """The consents about privacy that are in force by their status."""
        return [
            each
            for each in self.situation.of("Consent")
            if each.get("status") == "active" and codes.has(each.get("scope"), *PRIVACY)
        ]

    def of(self, names: Iterable[str], at: datetime, *, member_since: datetime | None = None) -> str | None:
        """The consent ("Consent/1") by which any of these was accepted at the instant; None without one.

        `names`: what a consent may name to mean him. `member_since`: since when he has been a member, so that a consent
        for the whole team covers him if he was one when it was given; None: he is asked of as no member.
        """
        wanted = frozenset(names)
        speaking = [word for word in self.words if word.holds(at) and _is_of(word, wanted, member_since)]
        denying = [word for word in speaking if not word.permits]
        if any(word.is_ban for word in denying):
            return None
        for word in speaking:
            if word.permits and not any(_outweighs(one, word) for one in denying):
                return word.consent
        return None

    def _of(self, consent: Json) -> Iterator[Word]:
        if not codes.has(consent.get("scope"), *PRIVACY) or consent.get("status") in ("draft", "proposed", "rejected"):
            return
        if consent.get("status") == "entered-in-error":
            return
        is_over = consent.get("status") != "active"
        withdrawn = dates.start_of(consent.get("meta", {}).get("lastUpdated")) if is_over else None
        if is_over and withdrawn is None:
            return
        name = f"Consent/{consent.get('id')}"
        is_ban = codes.has(consent.get("category"), codes.CONSENT_CATEGORY, "ban")
        given, root = dates.start_of(consent.get("dateTime")), consent.get("provision", {})
        for provision, periods in _each(root, ()):
            permits = provision.get("type") == "permit"
            if not permits and (provision.get("type") != "deny" or any(each in provision for each in NARROWING)):
                continue
            actors = self._actors(provision) if provision.get("actor") else self._actors(root)
            yield Word(name, permits, is_ban and not permits, given, withdrawn, periods, actors)

    def _actors(self, provision: Json) -> frozenset[str] | None:
        """Whom it names as recipients; None when it means the team as it was."""
        found = [
            self.situation.name_of(each.get("reference"))
            for each in provision.get("actor", ())
            if not codes.has(
                each.get("role"), "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "AUT", "CST"
            )
        ]
        if not found or any(each is not None and each.startswith("CareTeam/") for each in found):
            return None
        return frozenset(each for each in found if each is not None)


def _each(provision: Json, above: tuple[Json, ...]) -> Iterator[tuple[Json, tuple[Json, ...]]]:
    """The provision and those nested in it, each with the periods that bound it."""
    periods = (*above, provision["period"]) if "period" in provision else above
    yield provision, periods
    for inner in provision.get("provision", ()):
        yield from _each(inner, periods)


def _is_of(word: Word, wanted: frozenset[str], member_since: datetime | None) -> bool:
    if word.actors is not None:
        return not word.actors.isdisjoint(wanted)
    if not word.permits:
        return True
    return member_since is not None and (word.given is None or member_since <= word.given)


def _outweighs(deny: Word, permit: Word) -> bool:
    """Whether the deny is the later word, or within the same consent."""
    if deny.consent == permit.consent or permit.given is None or deny.given is None:
        return True
    return deny.given >= permit.given
