"""What belongs to a plan of all that is known of its client: the plan and whatever it needs to be understood; pure.

R1.3: one contact is enough. A client's goals, tasks, meetings and assessments belong to the plan unless they say of
themselves that they belong to another episode or plan. His conditions, observations and documents belong to it when
something that does refers to them, or they to it; consents when they are in force. Whatever is referred to comes along,
so that each reference leads somewhere.
"""

from collections.abc import Callable, Iterable, Iterator

from sharedplan.care import codes
from sharedplan.care.situation import Situation
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Json

_AROUND = frozenset({"Observation", "Condition", "DocumentReference", "List", "Flag", "Communication"})
"""What belongs to the plan only by a reference."""


def belonging(situation: Situation) -> list[str]:
    """ "Type/id" of what belongs to the plan that is looked at, itself first, in the order of the situation."""
    if situation.care_plan is None or situation.plan is None:
        return []
    within = _Within(situation)
    chosen = {situation.plan: None}
    for name, resource in situation.resources.items():
        rule = RULES.get(resource["resourceType"])
        if rule is not None and rule(within, resource):
            chosen[name] = None
    _follow(situation, chosen)
    around = [
        name
        for name, each in situation.resources.items()
        if each["resourceType"] in _AROUND and name not in chosen and _is_about(situation, each, chosen)
    ]
    chosen.update(dict.fromkeys(around))
    _follow(situation, chosen)
    chosen.update(dict.fromkeys(_roles(situation, chosen)))
    _follow(situation, chosen)
    return [situation.plan, *(name for name in situation.resources if name in chosen and name != situation.plan)]


def _roles(situation: Situation, chosen: Iterable[str]) -> list[str]:
    """The roles in which those who are chosen take part: at an organisation that is chosen, too; of somebody who has
    none there all, for else nobody could tell whom he works for."""
    held: dict[str, list[tuple[str, bool]]] = {}
    named = set(chosen)
    for role in situation.of("PractitionerRole"):
        holder, place = situation.name_of(role.get("practitioner")), situation.name_of(role.get("organization"))
        if role.get("active") is not False and holder is not None and holder in named:
            is_known = place is None or place in named
            held.setdefault(holder, []).append((f"PractitionerRole/{role['id']}", is_known))
    return [
        name
        for roles in held.values()
        for name, is_known in roles
        if is_known or not any(is_one for _, is_one in roles)
    ]


class _Within:
    """What else the client has that things could belong to instead: other plans, their episodes and their goals."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.plan = situation.care_plan or {}
        self.name = situation.plan
        others = [each for each in situation.of("CarePlan") if f"CarePlan/{each['id']}" != self.name]
        self.goals = {name for each in others for name in self.named(each.get("goal"))} - set(
            self.named(self.plan.get("goal"))
        )
        self.episodes = {name for each in others if (name := situation.episode_of(each))} - {situation.episode}
        self.teams = {name for each in others for name in self.named(each.get("careTeam"))}
        episodes = [each for each in situation.of("EpisodeOfCare") if self.is_elsewhere(f"EpisodeOfCare/{each['id']}")]
        self.referrals = {name for each in episodes for name in self.named(each.get("referralRequest"))}

    def named(self, listed: Json | Iterable[Json] | None) -> Iterator[str]:
        """The names of what the references lead to."""
        given = [listed] if isinstance(listed, dict) else listed or ()
        return (name for each in given if (name := self.situation.name_of(each)) is not None)

    def is_elsewhere(self, episode: str | None) -> bool:
        """Whether an episode is another than the plan's."""
        if episode is None:
            return False
        return episode != self.situation.episode if self.situation.episode is not None else episode in self.episodes

    def is_of_another_plan(self, resource: Json, *elements: str) -> bool:
        """Whether some of these elements names a plan, and none of them this one."""
        plans = [
            name for element in elements for name in self.named(resource.get(element)) if name.startswith("CarePlan/")
        ]
        return bool(plans) and self.name not in plans


def _team(within: _Within, team: Json) -> bool:
    if within.plan.get("careTeam") or within.situation.episode is not None:
        return any(team is each for each in within.situation.teams)
    return f"CareTeam/{team['id']}" not in within.teams and within.situation.episode_of(team) not in within.episodes


def _consent(within: _Within, consent: Json) -> bool:
    return bool(consent.get("status") == "active")


def _goal(within: _Within, goal: Json) -> bool:
    return f"Goal/{goal['id']}" not in within.goals


def _task(within: _Within, task: Json) -> bool:
    if within.is_of_another_plan(task, "basedOn", "focus"):
        return False
    focus = within.situation.name_of(task.get("focus"))
    return focus not in within.referrals and not codes.has(task.get("code"), codes.TASK, "break-glass-review")


def _meeting(within: _Within, encounter: Json) -> bool:
    episodes = list(within.named(encounter.get("episodeOfCare")))
    return not episodes or not all(map(within.is_elsewhere, episodes))


def _appointment(within: _Within, appointment: Json) -> bool:
    if within.is_of_another_plan(appointment, "supportingInformation"):
        return False
    grounds = list(within.named(appointment.get("basedOn")))
    return not grounds or not set(grounds) <= within.referrals


def _assessment(within: _Within, response: Json) -> bool:
    if within.is_of_another_plan(response, "basedOn"):
        return False
    return not within.is_elsewhere(within.situation.episode_of(response))


def _referral(within: _Within, referral: Json) -> bool:
    return f"ServiceRequest/{referral['id']}" not in within.referrals and not within.is_of_another_plan(
        referral, "basedOn"
    )


def _episode(within: _Within, episode: Json) -> bool:
    return not within.is_elsewhere(f"EpisodeOfCare/{episode['id']}")


def _always(within: _Within, resource: Json) -> bool:
    return True


RULES: dict[str, Callable[[_Within, Json], bool]] = {
    "Patient": lambda within, patient: f"Patient/{patient['id']}" == within.situation.client,
    "RelatedPerson": _always,
    "CareTeam": _team,
    "Consent": _consent,
    "EpisodeOfCare": _episode,
    "Goal": _goal,
    "Task": _task,
    "Encounter": _meeting,
    "Appointment": _appointment,
    "QuestionnaireResponse": _assessment,
    "ServiceRequest": _referral,
}
"""Of each type that needs no reference: whether a resource belongs to the plan."""


def _follow(situation: Situation, chosen: dict[str, None]) -> None:
    """Adds whatever is referred to by what is chosen, and so on."""
    todo = list(chosen)
    while todo:
        for name in _referred(situation, situation.resources[todo.pop()]):
            if name in situation.resources and name not in chosen:
                chosen[name] = None
                todo.append(name)


def _referred(situation: Situation, resource: Json) -> Iterator[str]:
    """What a resource refers to, and the questionnaire that it answers."""
    for _, _, text in references.each(resource):
        if (name := situation.name_of(text)) is not None:
            yield name
    if (form := resource.get("questionnaire")) is not None:
        url = str(form).partition("|")[0]
        for each in situation.of("Questionnaire"):
            if each.get("url") == url or url.endswith(f"/Questionnaire/{each['id']}"):
                yield f"Questionnaire/{each['id']}"


def _is_about(situation: Situation, resource: Json, chosen: Iterable[str]) -> bool:
    """Whether it refers to something of the plan: a goal, a task, a meeting; the client is in all that is his."""
    return any(
        name in chosen and name.partition("/")[0] in RULES and not name.startswith(("Patient/", "RelatedPerson/"))
        for name in _referred(situation, resource)
    )
