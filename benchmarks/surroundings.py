"""What lies around a care plan, so that a record system can pull a whole one: team, goals, condition, encounter, tasks.

Numbered like the plans of `population.py`: what belongs to plan 7 is bench-000000007, of several bench-000000007-1.
https://hl7.org/fhir/R4/careplan.html#resource
"""

from collections.abc import Iterator

from benchmarks.population import (
    CONTROLLER,
    Json,
    client_of,
    member_of,
    performer_of,
    plan,
    start_of,
    status_of,
)

WHOLE_PLANS = 10_000
"""So many plans have all of it when the filler is done; the others, of which growth takes many, have a team only."""

PULL = (
    *(f"_include=CarePlan:{code}" for code in ("subject", "care-team", "goal", "condition", "encounter")),
    "_revinclude=Task:focus",
)
"""The parameters that, beside the plan's `_id`, ask for a whole plan."""

PARTS = 9
"""The entries of a whole plan: plan, client, team, condition, encounter, two goals and two tasks."""


def numbered(number: int) -> Iterator[tuple[str, Json]]:
    """Plan `number` of the population and all around it but the client, each with its address."""
    return whole_plan(
        f"{number:09}",
        client_of(number),
        performer=performer_of(number),
        member=member_of(number),
        status=status_of(number),
        start=start_of(number),
    )


def whole_plan(
    number: str, patient: str, *, performer: str, member: str, status: str, start: str
) -> Iterator[tuple[str, Json]]:
    """A plan and all around it but the client, each with its address: what is referred to comes first.

    `number`: nine digits; `patient`, `performer` and `member` are references; `start` a date.
    """
    id = f"bench-{number}"
    subject = {"reference": patient, "display": "Aino Mäkelä-Öhman"}
    goals = ("Arki sujuu: heräämme aamulla ja syömme yhdessä", "Paluu osa-aikaiseen työhön kevääseen mennessä")
    tasks = ("Täytä arviointilomake ennen tapaamista", "Varaa aika työkykyneuvotteluun")
    parts = [
        ("CareTeam", id, _team(subject, member, start)),
        *(("Goal", f"{id}-{n}", _goal(subject, text, start)) for n, text in enumerate(goals, 1)),
        ("Condition", id, _condition(subject, start)),
        ("Encounter", id, _encounter(subject, performer, start)),
        ("CarePlan", id, plan(number, patient, performer=performer, status=status, start=start)),
        *(("Task", f"{id}-{n}", _task(subject, id, performer, text, start)) for n, text in enumerate(tasks, 1)),
    ]
    for type, own_id, body in parts:
        yield f"{type}/{own_id}", {**body, "resourceType": type, "id": own_id}


def _team(subject: Json, member: str, start: str) -> Json:
    members = ({"reference": member}, {"reference": CONTROLLER}, subject)
    return {
        "status": "active",
        "name": "Kuntoutuksen tiimi",
        "subject": subject,
        "period": {"start": start},
        "participant": [{"member": each} for each in members],
        "managingOrganization": [{"reference": CONTROLLER}],
    }


def _goal(subject: Json, text: str, start: str) -> Json:
    return {
        "lifecycleStatus": "active",
        "description": {"text": text},
        "subject": subject,
        "startDate": start,
        "target": [{"dueDate": f"{int(start[:4]) + 1}{start[4:]}"}],
        "expressedBy": subject,
    }


def _condition(subject: Json, start: str) -> Json:
    clinical = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
    return {
        "clinicalStatus": {"coding": [clinical]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}], "text": "Masennusjakso"},
        "subject": subject,
        "onsetDateTime": start,
        "recordedDate": start,
    }


def _encounter(subject: Json, performer: str, start: str) -> Json:
    return {
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [{"text": "Yhteinen suunnittelutapaaminen"}],
        "subject": subject,
        "participant": [{"individual": {"reference": performer}}],
        "period": {"start": f"{start}T09:00:00+02:00", "end": f"{start}T10:00:00+02:00"},
        "serviceProvider": {"reference": CONTROLLER},
    }


def _task(subject: Json, plan: str, owner: str, text: str, start: str) -> Json:
    return {
        "status": "requested",
        "intent": "order",
        "description": text,
        "focus": {"reference": f"CarePlan/{plan}"},
        "for": subject,
        "authoredOn": f"{start}T09:50:00+02:00",
        "requester": {"reference": "Practitioner/bench-social-worker"},
        "owner": {"reference": owner},
        "restriction": {"period": {"end": f"{int(start[:4]) + 1}{start[4:]}"}},
    }
