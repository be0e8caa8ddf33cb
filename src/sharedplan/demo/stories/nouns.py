"""What people call the resources that they see of a plan, with their number."""

from collections import Counter
from collections.abc import Iterator

NOUNS = {
    "CarePlan": ("the plan", "plans"),
    "CareTeam": ("the team", "teams"),
    "Goal": ("goal", "goals"),
    "Task": ("task", "tasks"),
    "Encounter": ("meeting", "meetings"),
    "Appointment": ("invitation", "invitations"),
    "Consent": ("consent", "consents"),
    "QuestionnaireResponse": ("answered form", "answered forms"),
    "Observation": ("observation", "observations"),
    "Condition": ("need", "needs"),
    "ServiceRequest": ("referral", "referrals"),
    "EpisodeOfCare": ("the customership", "customerships"),
    "Patient": ("the client's own data", "clients"),
    "RelatedPerson": ("relative", "relatives"),
    "Communication": ("message", "messages"),
    "Practitioner": ("worker by name", "workers by name"),
    "Organization": ("organisation", "organisations"),
}
"""Singular (with its article where there is one of it in a plan) and plural, in the order in which they are told."""

DIRECTORY = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Questionnaire"})
"""Public in a service: who works where, and with what forms."""


def counted(found: Counter[str], *, is_hidden: bool = False) -> str:
    """As "the plan, 2 goals, 1 meeting", "" for nothing; what is hidden without the directory, which is nobody's
    secret. Workplaces, rooms and forms are not told apart."""
    return ", ".join(_told(found, DIRECTORY if is_hidden else DIRECTORY - {"Practitioner", "Organization"}))


def _told(found: Counter[str], without: frozenset[str]) -> Iterator[str]:
    for type in (*NOUNS, *sorted(found.keys() - NOUNS.keys())):
        count = found[type]
        if count and type not in without:
            one, many = NOUNS.get(type, (type, type))
            yield one if count == 1 and one.startswith("the ") else f"{count} {one if count == 1 else many}"


def all_of(type: str) -> str:
    """As "the plan" or "tasks": what a consent for that type is for."""
    one, many = NOUNS.get(type, (type, type))
    return one if one.startswith("the ") else many
