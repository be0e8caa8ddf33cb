"""$break-glass: in an emergency a professional opens the core data of a client whom he is no team member of.

POST Patient/[id]/$break-glass with Parameters: `reason`, by a person's token for ETREAT or BTG. The opening, the Task
that reviews it and the audit row go in together; from then on the slices let the core data through, for that person at
that organisation with that purpose, until it ends (`access/emergency.py`). Whoever breaks it again meanwhile is told of
the opening that runs and its Task: one emergency is reviewed once. That he did, and why, is on record like the first.
https://hl7.org/fhir/R4/security-labels.html#break-the-glass

Who may break the glass is told whether the client is known here, and that a ban keeps it shut: a doctor who took a plan
that is closed to him for one that there is not would stop looking for it. Nobody else learns either.
"""

from dataclasses import replace
from datetime import datetime

from sharedplan.access.asker import asker_of
from sharedplan.access.choices import Choices
from sharedplan.access.emergency import may_break_glass
from sharedplan.access.facts import Client, Facts, Question
from sharedplan.access.items import Item
from sharedplan.access.principal import Principal
from sharedplan.access.relations import TASK, Role
from sharedplan.errors import Incorrect, NotFound, Refused
from sharedplan.exchange.facts import known
from sharedplan.fhir import json_text
from sharedplan.fhir.bundles import instant
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting, Write
from sharedplan.interactions.emergencies import GROUND, POLICY
from sharedplan.interactions.proposals import Proposal, proposed
from sharedplan.interactions.provenances import attested
from sharedplan.search.expression import Everything
from sharedplan.store.trail import Trail

REVIEW = "break-glass-review"
REASON_RECORDED = 500
"""Characters of the reason that the audit row holds; the Task holds all of it."""

_AT = "Parameters.parameter"
_CHOICES = Choices()


async def break_glass(asked: Asked, by: Principal, acting: Acting) -> Answer:
    """Parameters with `validUntil` and `task`.

    Raises Incorrect without a reason, Refused for whom it is not for and under a ban, NotFound for a client who is not
    stored.
    """
    reason = _reason(asked)
    client = f"Patient/{asked.id}"
    found = known(await acting.unit.known(by.person, by.organization, [client], [], wholly=True), asked.base)
    facts = found.of(client, (), _CHOICES)
    item = Item("Patient", client, asked.id, kinds=frozenset({"Patient"}))
    may = may_break_glass(Question(by.person, by.organization, by.purpose, "read", item), facts)
    if not may.is_permitted and not may.is_of_a_ban:
        raise Refused(may.reasons[0])
    if found.clients[client]["patient"] is None:
        raise NotFound(f"there is no {client}")
    if may.is_of_a_ban:
        raise Refused("a ban of the client's keeps it shut, in an emergency too")
    assert by.person is not None and by.organization is not None  # the judgement has seen to it
    running = await acting.unit.opened(client, by.person, by.organization, by.purpose, facts.at)
    if running is not None:
        until, task = running
        await acting.unit.record(_told(acting, facts.client, reason, until, task))
        return _answer(until, task)
    since, until = facts.at, facts.at + acting.policy.emergency_lasts
    review = await _review(asked, by, facts, acting, reason, until)
    task = f"Task/{review.change.id}"
    await acting.unit.open(client, by.person, by.organization, by.purpose, since, until, task=task)
    # What the asker states of it has no place in the review of his own deed.
    own = acting._replace(controller=review.change.controller, person=None, stated=None)
    (change,) = attested([Write(review.change, review.resource, review.before)], own, asked.base)
    acting.unit.put(change)
    await acting.unit.write([_told(acting, facts.client, reason, until, task)])
    return _answer(until, task)


def _told(acting: Acting, client: Client, reason: str, until: datetime, task: str) -> Trail:
    """The audit row of it: it is done to the client in his own register."""
    why = f"break-glass until {instant(until)}: {reason[:REASON_RECORDED]}"
    return acting.trail._replace(
        patients=(client.reference,),
        registers=(client.controller,) if client.controller is not None else (),
        reasons=(*acting.trail.reasons, why),
        entities=(task,),
        policies=(POLICY,),
        grounds=(GROUND,),
    )


def _answer(until: datetime, task: str) -> Answer:
    out: list[Json] = [
        {"name": "validUntil", "valueInstant": instant(until)},
        {"name": "task", "valueReference": {"reference": task}},
    ]
    return Answer(200, json_text.write({"resourceType": "Parameters", "parameter": out}))


def _reason(asked: Asked) -> str:
    """The one parameter. Raises Incorrect when it is not there, is blank, or is not alone."""
    body = asked.body
    if asked.type != "Patient" or asked.id is None or asked.method == "GET":
        raise Incorrect("the glass is broken by POST Patient/[id]/$break-glass")
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Incorrect("$break-glass needs Parameters in the body")
    parameters = body.get("parameter", [])
    if not isinstance(parameters, list):
        raise Incorrect("Parameters.parameter is a list", at=_AT)
    reasons = []
    for number, each in enumerate(parameters):
        if not isinstance(each, dict) or each.get("name") != "reason":
            raise Incorrect("$break-glass takes reason, and nothing else", at=f"{_AT}[{number}]")
        value = each.get("valueString")
        if not isinstance(value, str) or not value.strip():
            raise Incorrect("the reason is a valueString that says something", at=f"{_AT}[{number}]")
        reasons.append(value.strip())
    if len(reasons) != 1:
        raise Incorrect("$break-glass takes one reason: why the data is needed now", at=_AT)
    return reasons[0]


async def _review(asked: Asked, by: Principal, facts: Facts, acting: Acting, reason: str, until: datetime) -> Proposal:
    """The Task that somebody looks into it, in a register where its owner sees it.

    It is the service's own: were it the professional's, he could close it himself.
    """
    owner, register = await _reviewer(by, facts, acting, asked.base)
    given: list[tuple[str, Json]] = [
        ("opened by", {"valueReference": {"reference": by.person}}),
        ("at", {"valueReference": {"reference": by.organization}}),
        ("purpose", {"valueCode": by.purpose}),
        ("until", {"valueInstant": instant(until)}),
    ]
    task: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": {"coding": [{"system": TASK, "code": REVIEW, "display": "Review of breaking the glass"}]},
        "description": "A professional opened the client's core data in an emergency. Find out whether it was needed.",
        "for": {"reference": facts.client.reference},
        "authoredOn": instant(facts.at),
        "owner": {"reference": owner},
        "reasonCode": {"text": reason},
        "input": [{"type": {"text": name}, **value} for name, value in given],
    }
    own = acting._replace(within={**acting.within, "Task": Everything()})
    writing = Asked("create", "Task", base=asked.base)
    found = proposed(writing, own, task, id=acting.clock.new_id(), newest=None, interaction="create")
    assert isinstance(found, Proposal)  # a new resource equals nothing that is there
    who = json_text.write({"client": acting.client, "organization": register})
    return replace(found, change=replace(found.change, controller=register, who=who))


async def _reviewer(by: Principal, facts: Facts, acting: Acting, base: str) -> tuple[str, str]:
    """Who reviews it, and the register that the Task goes into: the coordinator, where he works; without one, or when
    it was he, in whatever role, the organisation that keeps the plan, or while there is none the client."""
    keeper = str(facts.client.plan_controller or facts.client.controller or by.organization)
    asker = asker_of(by.person, by.organization, facts.directory, facts.memberships, facts.at)
    for leader in sorted(facts.leaders - asker.names):
        if leader.startswith("Organization/"):
            return leader, leader
        if leader.startswith(("Practitioner/", "PractitionerRole/")):
            held = await _roles(leader, acting, base)
            if asker.names.isdisjoint(role.practitioner for role in held if role.practitioner is not None):
                places = {role.organization for role in held if role.period.covers(facts.at) and role.organization}
                return leader, keeper if keeper in places or not places else min(places)
    return keeper, keeper


async def _roles(person: str, acting: Acting, base: str) -> tuple[Role, ...]:
    """The roles that somebody has, wherever that is."""
    return known(await acting.unit.known(person, None, [], [], wholly=False), base).directory.roles
