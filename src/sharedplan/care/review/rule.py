"""A rule of a service model as a sentence that is judged over a plan, with its source; registers nothing by import."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sharedplan.care.finding import Finding, Words
from sharedplan.care.review.view import View


@dataclass(frozen=True, slots=True)
class Said:
    """What one rule has to say: a Finding without the rule's id."""

    severity: str
    words: Words
    fields: dict[str, str | Words]
    at: str | None = None


Judge = Callable[[View], Iterable[Said]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A judge with its id ("R0.4"), its sentence and where it is written down.

    `needs`: the resource types without which it cannot be judged; who does not see all of one is told so instead.
    `is_timeless`: it looks neither at the time nor at the log, so it is judged once as long as nothing changes; where
    the types are told that it `rests_on`, nothing of these.
    """

    id: str
    name: str
    source: str
    needs: tuple[str, ...]
    judge: Judge
    is_timeless: bool = False
    rests_on: tuple[str, ...] = ()

    def findings(self, view: View) -> Iterable[Finding]:
        """What it finds; always something."""
        out_of_sight = [each for each in self.needs if each in view.situation.partly]
        said = self._judged(view) if not out_of_sight else [_out_of_sight(out_of_sight)]
        for each in said or [_nothing_to_judge()]:
            code = "informational" if each.severity == "information" else "business-rule"
            yield Finding(self.id, each.severity, each.words, each.fields, each.at, code)

    def _judged(self, view: View) -> list[Said]:
        if not self.is_timeless:
            return [*self.judge(view)]
        return view.once(self._said, self.rests_on)

    def _said(self, view: View) -> list[Said]:
        return [*self.judge(view)]


def rule(
    id: str, *, source: str, needs: tuple[str, ...] = (), timeless: bool = False, rests_on: tuple[str, ...] = ()
) -> Callable[[Judge], Rule]:
    """Makes a Rule of a function of a View, whose name is the sentence.

    `source`: the words of the service model that it rests on, and the law or specification where there is one.
    `timeless`, `rests_on`: as of `Rule`.
    """

    def made(judge: Judge) -> Rule:
        return Rule(id, judge.__name__.replace("_", " "), source, needs, judge, timeless, rests_on)

    return made


def met(fi: str, sv: str, en: str, **fields: str | Words) -> Said:
    """The rule is kept, or there is something to know."""
    return Said("information", (fi, sv, en), fields)


def broken(fi: str, sv: str, en: str, *, at: str | None = None, **fields: str | Words) -> Said:
    """The rule is broken; `at`: FHIRPath of the element."""
    return Said("warning", (fi, sv, en), fields, at)


def refused(fi: str, sv: str, en: str, *, at: str | None = None, **fields: str | Words) -> Said:
    """The rule is broken in a way that a write of today would be refused for."""
    return Said("error", (fi, sv, en), fields, at)


unjudged = met
"""The rule cannot be judged, and the sentence says what it lacks."""


def _out_of_sight(types: Iterable[str]) -> Said:
    whats = [THINGS.get(each, (each, each, each)) for each in types]
    fi, sv, en = (", ".join(each[number] for each in whats) for number in range(3))
    return unjudged(
        "Et näe kaikkea, mitä tämän arvioimiseen tarvitaan ({what}), joten siihen ei oteta kantaa.",
        "Du ser inte allt som behövs för att bedöma detta ({what}), så det tas inte ställning till.",
        "You do not see all that is needed to judge this ({what}), so nothing is said of it.",
        what=(fi, sv, en),
    )


def _nothing_to_judge() -> Said:
    return unjudged(
        "Tästä ei ole vielä mitään arvioitavaa.",
        "Här finns ännu ingenting att bedöma.",
        "There is nothing to judge here yet.",
    )


THINGS: dict[str, Words] = {
    "CareTeam": ("tiimi", "teamet", "the team"),
    "Communication": ("viestit", "meddelanden", "messages"),
    "Consent": ("suostumukset", "samtycken", "consents"),
    "Encounter": ("tapaamiset", "möten", "meetings"),
    "EpisodeOfCare": ("asiakkuus", "klientrelationen", "the customership"),
    "Goal": ("tavoitteet", "mål", "goals"),
    "Observation": ("havainnot", "observationer", "observations"),
    "Patient": ("asiakkaan tiedot", "klientens uppgifter", "the client's details"),
    "QuestionnaireResponse": ("arvioinnit", "bedömningar", "assessments"),
    "RelatedPerson": ("läheiset", "närstående", "relatives"),
    "ServiceRequest": ("lähetteet", "remisser", "referrals"),
    "Task": ("muiden tehtävät", "andras uppgifter", "the tasks of others"),
    "AuditEvent": ("asiakkaan käyttöloki", "klientens användningslogg", "the client's log"),
}
"""Resource type → what people call its things."""
