"""What holds within a family: one person's part names nothing of another's. https://hl7.org/fhir/R4/careplan.html

Only what the writer sees is told to be another's: what is hidden reads as what is not there, and that may be named, for
record systems push in any order. A plan's goals are stricter (`plan.py`). What links a family stays: the plan of the
whole family (its subject a Group; `CarePlan.partOf`), an EpisodeOfCare that is shared, and the persons themselves.
"""

from collections.abc import Iterator

from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.writing import Writing, is_shared_plan, on_write
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir.exchanges import Json

ANOTHERS: Words = (
    "{thing} on toisen henkilön eikä asiakkaan {client}: se ei kuulu tähän. Perheen yhdistävät partOf, yhteinen "
    "EpisodeOfCare ja RelatedPerson.",
    "{thing} gäller en annan person och inte {client}: den hör inte hit. En familj förenas av partOf, en gemensam "
    "EpisodeOfCare och RelatedPerson.",
    "{thing} is of another person and not of {client}, so it is no part of this. A family is linked by partOf, a "
    "shared EpisodeOfCare and RelatedPerson.",
)
NOT_THE_PLANS: Words = (
    "Vastaukset koskevat muuta henkilöä kuin suunnitelma {plan}, johon ne perustuvat (basedOn).",
    "Svaren gäller en annan person än planen {plan} som de grundar sig på (basedOn).",
    "The answers are about another person than the plan {plan} that they are based on (basedOn).",
)

PLACES = {
    "CarePlan": (
        *("basedOn", "replaces", "encounter", "careTeam", "addresses", "supportingInfo"),
        *("activity.reference", "activity.outcomeReference", "activity.detail.goal", "activity.detail.reasonReference"),
    ),
    "Goal": ("addresses", "outcomeReference"),
    "Task": ("basedOn", "partOf", "focus", "reasonReference", "input.valueReference", "output.valueReference"),
    "QuestionnaireResponse": ("basedOn",),
}
"""Where things are named that have to be of the same person, beside the extensions (`resource-pertainsToGoal`); a
plan's goals beside."""

LINKS = frozenset({"Patient", "RelatedPerson", "EpisodeOfCare", "CareTeam", "Group"})
"""Types of what may be another's: the persons, and the case and the team that several may share."""


def placed(resource: Json, *paths: str) -> Iterator[tuple[str, Json]]:
    """(FHIRPath, Reference) of what stands at these paths, or else at those of the type."""
    type = resource["resourceType"]
    for path in paths or PLACES.get(type, ()):
        names = path.split(".")
        if names[0] in resource:
            yield from _at(resource, names, type)
    for number, each in enumerate(resource.get("extension", ()) if not paths and type in PLACES else ()):
        if isinstance(each.get("valueReference"), dict):
            yield f"{type}.extension[{number}].value", each["valueReference"]


def _at(element: Json, names: list[str], path: str) -> Iterator[tuple[str, Json]]:
    name, rest = names[0], names[1:]
    value = element.get(name)
    each = enumerate(value) if isinstance(value, list) else [(None, value)] if value is not None else []
    for index, one in each:
        here = f"{path}.{name}" if index is None else f"{path}.{name}[{index}]"
        if rest and isinstance(one, dict):
            yield from _at(one, rest, here)
        elif isinstance(one, dict):
            yield here, one


def newly_named(
    current: Json | None, proposed: Json | None, situation: Situation, *paths: str
) -> Iterator[tuple[str, str]]:
    """(FHIRPath, "Type/id") of what is named here of clients' things and was not before, by the same person's."""
    if proposed is None:
        return
    is_same = current is not None and _whose(current, situation) == _whose(proposed, situation)
    had = {situation.name_of(each) for _, each in placed(current or proposed, *paths)} if is_same else set()
    for path, reference in placed(proposed, *paths):
        name = situation.name_of(reference)
        type = (name or "").partition("/")[0]
        if name is None or name in had or type in LINKS or type not in CATALOGUE or not CATALOGUE[type].client_data:
            continue
        yield path, name


def _whose(resource: Json, situation: Situation) -> str | None:
    return situation.name_of(resource.get("for") or resource.get("subject"))


def _names_things(current: Json | None, proposed: Json | None) -> bool:
    return proposed is not None and any(placed(proposed))


@on_write(
    "CarePlan",
    id="R3.5",
    source="seed 003: lapselle ja perheelle elämäntilanteen edellyttämässä laajuudessa; no leakage between persons",
    when=lambda current, proposed: is_shared_plan(proposed) and _names_things(current, proposed),
)
def a_plan_names_nothing_of_another_person(writing: Writing) -> Iterator[Finding]:
    yield from _of_others(writing)


@on_write(
    "Goal",
    "Task",
    id="R3.5",
    source="seed 003: lapselle ja perheelle elämäntilanteen edellyttämässä laajuudessa; no leakage between persons",
    when=_names_things,
)
def a_goal_or_a_task_is_no_part_of_another_persons_plan(writing: Writing) -> Iterator[Finding]:
    yield from _of_others(writing)


def _of_others(writing: Writing) -> Iterator[Finding]:
    if writing.client is None:
        return
    for path, name in newly_named(writing.current, writing.proposed, writing.after):
        if is_anothers(name, writing):
            yield Finding("R3.5", "error", ANOTHERS, {"thing": name, "client": writing.client_called}, at=path)


def is_anothers(name: str, writing: Writing) -> bool:
    """Whether what the writer sees under that name is of somebody, and not of this client."""
    whose = writing.whose.get(name, frozenset())
    return bool(whose) and writing.client not in whose


@on_write(
    "QuestionnaireResponse",
    id="R3.5",
    source="domain 2.2: QuestionnaireResponse.subject = plan subject",
    when=lambda current, proposed: _names_things(current, proposed) and bool((proposed or {}).get("subject")),
)
def answers_are_of_the_person_whose_plan_they_are_based_on(writing: Writing) -> Iterator[Finding]:
    """Answers without a subject are of nobody; those of a whole family are of its Group."""
    subject = writing.after.name_of((writing.proposed or {}).get("subject"))
    if subject is None or subject.startswith("Group/"):
        return
    for _, name in newly_named(writing.current, writing.proposed, writing.after):
        if name.startswith("CarePlan/") and is_anothers(name, writing):
            yield Finding("R3.5", "error", NOT_THE_PLANS, {"plan": name}, at="QuestionnaireResponse.subject")
            return
