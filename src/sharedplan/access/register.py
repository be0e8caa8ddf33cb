"""The asker's own register: what its organisation keeps needs no consent, only a relation to the client; pure.

A relation is a person's: the team, the episode's care manager, an encounter, a task. The organisation's system has the
whole register. Who lets others in, by a Consent or a CareTeam, is the coordinator or the system of the plan's register;
as long as nobody coordinates, a worker of the register that the client is in.
"""

from sharedplan.access.answers import Judgement, allowed, no, yes
from sharedplan.access.asker import Asker
from sharedplan.access.consent import Access, verdicts
from sharedplan.access.facts import Facts, Question
from sharedplan.access.guardianship import is_kin
from sharedplan.access.relations import ATTORNEYS
from sharedplan.access.rights import lets_in


def by_register(question: Question, asked: Access, facts: Facts) -> Judgement | None:
    """What the asker's own register allows; None when it is not his, or he has no relation to the client."""
    asker, item = asked.asker, question.item
    if asker.organization is None or asker.organization != item.controller:
        return None
    if refused := _refused(question, asker, facts):
        return no("role", refused)
    if asker.is_system:
        return _by_system(question, asked, facts)
    is_first = question.action == "create" and not facts.members and not facts.related and _may_begin(asker, facts)
    if not is_first and not facts.has_relation(asker):
        return None
    reason = "nobody is concerned with the client yet" if is_first else "the asker is concerned with the client"
    granted = yes("register", f"the register is that of {asker.organization}", reason, *_notes(asked, facts))
    leads = not asker.names.isdisjoint(facts.leaders) or (not facts.leaders and keeps_the_plan(asker, facts))
    kind = "coordinator" if leads else kind_of(asker, facts)
    return allowed(question, asker, kind, opens=leads, granted=granted)


def _by_system(question: Question, asked: Access, facts: Facts) -> Judgement | None:
    asker, item = asked.asker, question.item
    if question.action == "create" and not _may_begin(asker, facts):
        return None
    if question.after is not None and question.after.client != item.client:
        return no("role", "a thing of one client's is not made another's")
    if lets_in(question.action, item, question.after) and not keeps_the_plan(asker, facts):
        return no("role", f"a {item.type} that lets somebody in is written by the system of the plan's controller")
    return yes("register", f"{asker.organization} keeps this register", *_notes(asked, facts))


def _refused(question: Question, asker: Asker, facts: Facts) -> str | None:
    """Why he may not write this even in his own register, for it would let him or others in; None when he may."""
    before = None if question.action == "create" else question.item
    after = question.item if question.action == "create" else question.after
    if after is None or question.action not in ("create", "update"):
        return None
    if after.is_plan and not (before is not None and before.is_plan) and not _may_plan(asker, facts):
        return "the client's shared plan is begun by its coordinator or in the register that the client is in"
    asked_before = before.consultees if before is not None else frozenset()
    if not after.consultees <= asked_before and not asker.memberships and not keeps_the_plan(asker, facts):
        return "a consultation is asked for by somebody on the client's team"
    return None


def _may_plan(asker: Asker, facts: Facts) -> bool:
    """Whether his shared plan of the client may be in force: whose register it is in decides who is let in."""
    return keeps_the_plan(asker, facts) or not asker.names.isdisjoint(facts.leaders)


def _notes(asked: Access, facts: Facts) -> tuple[str, ...]:
    """A ban does not stop those who keep the register, but they are told of it."""
    bans = (each.rule.named_as_ban for each in verdicts(facts.rules, asked) if each.bans)
    return tuple(f"the client's {ban} is to be heeded" for ban in bans)


def _may_begin(asker: Asker, facts: Facts) -> bool:
    """Whether the organisation may make records of the client: it keeps the Patient, or it or a worker is on a team.

    A member who is a Practitioner and no role of his is a worker of the one organisation that he worked for when the
    team came to name him.
    """
    if facts.client.controller in (None, asker.organization) or asker.memberships:
        return True
    return any(each.workplaces == {asker.organization} for each in facts.members)


def keeps_the_plan(asker: Asker, facts: Facts) -> bool:
    """Whether the asker acts for the register of the plan, or while there is no plan that of the client.

    Of a client who is not stored nobody does: what lets somebody in would else lie ready for when he is.
    """
    keeper = facts.client.plan_controller or facts.client.controller
    return keeper is not None and keeper == asker.organization


def kind_of(asker: Asker, facts: Facts) -> str:
    """The row of the matrix of rights for who is neither the client, a minor's guardian nor the register's system."""
    if not asker.names.isdisjoint(facts.leaders) and asker.memberships:
        return "coordinator"
    if asker.is_relative:
        return "guardian" if is_kin(asker, facts, ATTORNEYS) else "relative"
    return "narrow" if asker.has_narrow_view else "professional"
