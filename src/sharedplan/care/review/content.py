"""The content that a client plan has by law, as far as it is there: sosiaalihuoltolaki 1301/2014 39 §; pure.

https://www.finlex.fi/fi/laki/ajantasa/2014/20141301
"""

from collections.abc import Callable, Iterator
from datetime import date

from sharedplan.care.finding import Words
from sharedplan.care.need_assessments import answered
from sharedplan.care.review import dates
from sharedplan.care.review.view import View
from sharedplan.care.task import OPEN_TASKS
from sharedplan.fhir.exchanges import Json


def lacking_content(view: View) -> list[Words]:
    """Of the nine parts those that are not there, in the order of the law."""
    return [words for words, is_there in PARTS if not is_there(view)]


def _once(is_there: Callable[[View], bool], rests_on: tuple[str, ...] = ()) -> Callable[[View], bool]:
    """Of what does not depend on the time."""
    return lambda view: view.once(is_there, rests_on)


def _both_estimates(view: View) -> bool:
    links = frozenset[str]().union(*(answered(each) for each in view.assessments))
    return {"own-estimate", "professional-estimate"} <= links


def _services(view: View) -> bool:
    return bool(view.plan.get("activity"))


def _necessary_services(view: View) -> bool:
    """When a service begins and how long it lasts."""
    for detail in _details(view):
        timing = detail.get("scheduledTiming", {}).get("repeat", {}).get("boundsPeriod")
        if (detail.get("scheduledPeriod") or timing or {}).get("start"):
            return True
    return False


def _how_often(view: View) -> bool:
    """How often the client and the own worker meet."""
    coordinators = {name for each in view.crew.coordinators for name in view.crew.grants_of(each.name)[0]}
    return not coordinators.isdisjoint(view.once(_who_meets, _ACTIVITIES))


def _who_meets(view: View) -> frozenset[str]:
    """Those who perform what happens again and again, or is an appointment."""
    performers = (
        view.situation.name_of(who)
        for each in _details(view)
        if "scheduledTiming" in each or each.get("kind") == "Appointment"
        for who in each.get("performer", ())
    )
    return frozenset(name for name in performers if name is not None)


def _strengths(view: View) -> bool:
    named = (view.situation.get(each) for each in view.plan.get("supportingInfo", ()))
    has_observation = any(each is not None and each["resourceType"] == "Observation" for each in named)
    return has_observation or any("strengths" in answered(each) for each in view.assessments)


def _goals(view: View) -> bool:
    return bool(view.agreed)


def _length(view: View) -> bool:
    """How long the customership is expected to last."""
    episode = view.situation.get(view.situation.episode) or {}
    ends: tuple[date | None, ...] = (
        dates.last_day(view.plan.get("period", {})),
        dates.last_day(episode.get("period", {})),
    )
    return any(each is not None for each in ends)


def _partners(view: View) -> bool:
    """Partners of other fields, and who does what."""
    return len(view.crew.by_administration) > 1 and view.once(_has_performers, _ACTIVITIES)


def _has_performers(view: View) -> bool:
    return any(each.get("performer") for each in _details(view))


_ACTIVITIES = ("CarePlan",)
"""What rests on the activities that the plan itself describes."""


def _details(view: View) -> Iterator[Json]:
    return (each["detail"] for each in view.plan.get("activity", ()) if "detail" in each)


def _follow_up(view: View) -> bool:
    return any(each.get("status") in OPEN_TASKS for each in view.tasks_of("review"))


PARTS: tuple[tuple[Words, Callable[[View], bool]], ...] = (
    (
        (
            "asiakkaan ja ammattilaisen arvio tuen tarpeesta",
            "klientens och den professionellas bedömning av stödbehovet",
            "the client's and the professional's estimate of the need of support",
        ),
        _once(_both_estimates),
    ),
    (("palvelut ja tuki", "tjänster och stöd", "services and support"), _once(_services)),
    (
        (
            "palvelujen alkaminen ja kesto",
            "när tjänsterna börjar och hur länge de varar",
            "when services start and how long they last",
        ),
        _once(_necessary_services, _ACTIVITIES),
    ),
    (
        (
            "kuinka usein asiakas ja omatyöntekijä tapaavat",
            "hur ofta klienten och den egna kontaktpersonen träffas",
            "how often the client and the own worker meet",
        ),
        _how_often,
    ),
    (("vahvuudet ja voimavarat", "styrkor och resurser", "strengths and resources"), _once(_strengths)),
    (("yhdessä asetetut tavoitteet", "gemensamma mål", "goals set together"), _once(_goals)),
    (
        ("arvio asiakkuuden kestosta", "bedömd längd på klientrelationen", "the expected length of the customership"),
        _once(_length),
    ),
    (
        (
            "yhteistyötahot ja vastuunjako",
            "samarbetsparter och ansvarsfördelning",
            "partners and the division of responsibility",
        ),
        _partners,
    ),
    (
        ("seuranta ja uudelleenarviointi", "uppföljning och ny bedömning", "follow-up and re-assessment"),
        _once(_follow_up),
    ),
)
"""(the part, whether it is there)"""
