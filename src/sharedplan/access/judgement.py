"""The whole decision for one thing, explained: may this asker do that to it, for this purpose, now? Pure.

The steps, each with the ground it gives: who asks (`auth`); the client (`client`); a minor's guardian (`guardian`);
what is no client's (`directory`); the asker's own register and a relation to the client (`register`); the team
(`team`); the client's consents (`ban`, `consent`, `default` when none says anything, `view` for what a member of
that kind sees); the rights to write (`role`); break-glass (`break-glass`).
https://hl7.org/fhir/R4/security.html#6.1.0
"""

from dataclasses import replace
from datetime import datetime

from sharedplan.access.answers import Judgement, allowed, denied, masks, no, yes
from sharedplan.access.asker import Asker, asker_of
from sharedplan.access.consent import ACTIONS, Access, concerns, decision_of, hindrance
from sharedplan.access.emergency import EMERGENCIES, by_emergency
from sharedplan.access.facts import Facts, Question
from sharedplan.access.guardianship import by_guardian, counting, needs_renewal
from sharedplan.access.labels import TABOO
from sharedplan.access.periods import MOMENT
from sharedplan.access.principal import PURPOSES
from sharedplan.access.provisions import Rule
from sharedplan.access.register import by_register, keeps_the_plan, kind_of
from sharedplan.catalogue import CATALOGUE

NARROW_VIEW = frozenset({"CarePlan", "CareTeam"})
"""What a member of an NGO, of employment services or a relative sees beside his own Tasks, when no consent says."""


def judge(question: Question, facts: Facts) -> Judgement:
    """The decision at `facts.at`. Raises ValueError when the thing is not of the client that the facts are about."""
    found = outcome(question, facts)
    return replace(found, valid_until=_until(question, facts)) if found.is_permitted else found


def _until(question: Question, facts: Facts) -> datetime | None:
    """The first instant to come at which the same question, with the same facts, is refused."""
    later = (at for at in facts.turns() if not outcome(question, replace(facts, at=at)).is_permitted)
    return next(later, None)


def outcome(question: Question, facts: Facts) -> Judgement:
    """The same without looking ahead: `valid_until` is not said."""
    asker = asker_of(question.person, question.organization, facts.directory, facts.memberships, facts.at)
    if not asker.grantees:
        return no("auth", "the token names nobody who is active now")
    if question.purpose not in PURPOSES:
        return no("auth", f"{question.purpose} is no purpose of use")
    item = question.item
    if item.type in CATALOGUE and not CATALOGUE[item.type].client_data:
        return _directory(question, asker)
    if item.client != facts.client.reference:
        raise ValueError(f"the facts are of {facts.client.reference}, the {item.type} is not")
    if item.type == "Provenance" and question.action in ("read", "search"):
        return _by_targets(question, asker, facts)
    if question.person == facts.client.reference:
        return _of_the_client(question, asker)
    asked = Access(asker, ACTIONS[question.action], question.purpose, facts.at, item)
    found = _ordinarily(question, asked, facts)
    if found.is_permitted or question.purpose not in EMERGENCIES or asker.is_system or asker.is_relative:
        return found
    return by_emergency(question, asked, facts, found)


def _ordinarily(question: Question, asked: Access, facts: Facts) -> Judgement:
    """What holds without an emergency."""
    found = by_guardian(question, asked, facts) or by_register(question, asked, facts)
    return found or _by_team(question, asked, facts)


def _by_targets(question: Question, asker: Asker, facts: Facts) -> Judgement:
    """A Provenance is seen by whoever sees all that it is of without an emergency, which opens the core data alone; and
    by the system of the register that it is in."""
    item = question.item
    if asker.is_system and asker.organization is not None and asker.organization == item.controller:
        return yes("register", f"{asker.organization} keeps this register")
    if item.lacks or not item.targets:
        return no("targets", "not all that this is the Provenance of is there")
    found = []
    for each in item.targets:
        of_it = replace(question, item=each)
        if question.person == facts.client.reference:
            found.append(_of_the_client(question if TABOO in item.labels else of_it, asker))
        else:
            asked = Access(asker, ACTIONS[question.action], question.purpose, facts.at, each)
            found.append(_ordinarily(of_it, asked, facts))
    return next((each for each in found if not each.is_permitted), found[0])


def _directory(question: Question, asker: Asker) -> Judgement:
    """What is no client's: open to read; written by professionals, a role by its own organisation alone."""
    if question.action in ("read", "search"):
        return yes("directory", "the directory and the definitions are no client's data")
    if asker.person is not None and not asker.person.startswith(("Practitioner/", "PractitionerRole/")):
        return no("directory", "only professionals write the directory")
    if question.item.type == "PractitionerRole":
        organizations = {each.organization for each in (question.item, question.after) if each is not None}
        if organizations != {question.organization}:
            return no("directory", "a PractitionerRole is written only by its own organisation")
    return yes("directory", "a professional writes the directory")


def _of_the_client(question: Question, asker: Asker) -> Judgement:
    if TABOO in question.item.labels:
        return no("client", "this is not to be told to the client yet", change=("its label TBOO is taken off",))
    granted = yes("client", "the client himself asks")
    return allowed(question, asker, "client", opens=True, granted=granted)


def _by_team(question: Question, asked: Access, facts: Facts) -> Judgement:
    """The team's gate, then the consents, then the rights to write."""
    asker = asked.asker
    whom = asker.person or asker.named
    is_guest = any(each.kind == "consultee" and each.reference in asker.grantees for each in facts.related)
    if not asker.memberships and not is_guest:
        ended = max((each.period.high for each in asker.standing if each.period.high <= facts.at), default=None)
        when = f"; the membership ended {ended.isoformat()}" if ended is not None else ""
        change = f"an active membership of {whom} in the client's CareTeam"
        return no("team", f"{whom} is not a member of the client's team now{when}", change=(change,))
    by = f"{whom} is a member of the client's team" if asker.memberships else f"{whom} is consulted about the client"
    return _by_consent(question, asked, facts, by)


def _by_consent(question: Question, asked: Access, facts: Facts, gate: str) -> Judgement:
    asker, rules = asked.asker, counting(asked.asker, facts)
    spoken = decision_of(rules, asked)
    if spoken is None:
        return _unsaid(asked, rules)
    if spoken.effect == "deny":
        return denied(spoken)
    rule = spoken.rule
    if asker.has_narrow_view and not _is_in_view(asked, rule):
        reason = (
            f"{rule.named} names no classes, and without that an NGO, employment services or a relative see the "
            "plan, the team and their own tasks"
        )
        change = f"an active permit naming {asker.named} and the class {question.item.type}"
        return no("view", reason, by=(rule,), change=(change,))
    reasons = [gate, f"{rule.named} permits it"]
    if needs_renewal(rule, facts):
        reasons.append(f"{rule.named} was given by a guardian, and the client is of age now: it is due for renewal")
    granted = yes("consent", *reasons, by=(rule,), residual=_withheld(rules, asked) + masks(facts))
    kind = kind_of(asker, facts) if asker.memberships else "guest"
    opens = kind in ("coordinator", "guardian") or (asker.is_system and keeps_the_plan(asker, facts))
    return allowed(question, asker, kind, opens=opens, granted=granted)


def _unsaid(asked: Access, rules: tuple[Rule, ...]) -> Judgement:
    """No consent says anything: so it is a no, with what each permit lacks that may be told of."""
    permits = [r for r in rules if r.effect == "permit" and not r.is_ban and r.is_told]
    lacking = [f"{r.consent} {hindrance(r, asked)}" for r in permits]
    wanted = f"an active permit naming {asked.asker.named} for action {asked.action} and purpose {asked.purpose}"
    return no("default", "no consent of the client speaks of this", *dict.fromkeys(lacking), change=(wanted,))


def _is_in_view(asked: Access, rule: Rule) -> bool:
    """Whether the permit says which things it is for; or the thing is of those that every member sees."""
    if rule.names_things or asked.item.type in NARROW_VIEW:
        return True
    return asked.item.type == "Task" and not asked.asker.grantees.isdisjoint(asked.item.owners)


def _withheld(rules: tuple[Rule, ...], asked: Access) -> tuple[str, ...]:
    """What consents deny the asker beside, of other things."""
    denied = [r for r in rules if r.effect == "deny" and not r.is_of_all_data and r.is_told and concerns(r, asked)]
    return tuple(dict.fromkeys(f"{rule.named} withholds {_things(rule)}" for rule in denied))


def _things(rule: Rule) -> str:
    said = {"label": rule.labels, "class": rule.classes, "code": rule.codes, "holder": rule.holders}
    said["author"] = rule.authors
    words = [f"{name} {' or '.join(group)}" for name, groups in said.items() for group in groups]
    words += [" or ".join(f"{meaning} {reference}" for meaning, reference in group) for group in rule.data]
    if rule.data_period is not None:
        words.append(f"times {rule.data_period.low.date()} to {(rule.data_period.high - MOMENT).date()}")
    return ", ".join(words)
