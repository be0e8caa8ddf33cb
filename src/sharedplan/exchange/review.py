"""$review of a plan: every rule of its service model, met or broken, as whoever asks may see it.

GET CarePlan/[id]/$review?_language=fi|sv|en. The rules are those of `care/review/`; what they look at is read through
the asker's slices, so what is hidden is judged as if it were not there, and of what he does not see all of, nothing is
said but that. https://hl7.org/fhir/R4/operationoutcome.html

What was found out of a plan is kept (`exchange/reviews.py`). The next time the plan is read and the reading recorded as
ever, and the database says, of all that the asker may see now, whether it is still the same; if not, only what is not
known is fetched, and what does not rest on it is not found out again.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from sharedplan.access.principal import Principal
from sharedplan.care import codes, model
from sharedplan.care.review.consents import unsourced
from sharedplan.care.review.findings import RULES, findings
from sharedplan.care.review.membership import SILENT_AFTER
from sharedplan.care.review.participation import starts_of_unaccepted
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation, Trace
from sharedplan.care.traits import Traits
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue, NotOffered
from sharedplan.exchange.accepting import accepted
from sharedplan.exchange.reviews import Last, Reviewed, Reviews, Seen
from sharedplan.exchange.sayings import Sayings
from sharedplan.exchange.sight import Sight
from sharedplan.fhir import languages, references, resources
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.earlier_consents import earlier
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.gathering import LIMIT, gathered_whole
from sharedplan.interactions.proposals import Proposal
from sharedplan.interactions.read import absent
from sharedplan.interactions.spoken_of import about
from sharedplan.interactions.walk import Astray, Walk, Walker
from sharedplan.search.expression import Expression, HasId, Nothing, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.together import Row
from sharedplan.store.versions import Version

LOOKED_AT = tuple(dict.fromkeys(type for rule in RULES.values() for type in rule.needs))
"""The types that some rule cannot be judged without."""

MOST_PROVENANCES = 200


class Before(NamedTuple):
    """What was found out before; the view that it was, at this moment, and what is seen beside now by whom it was asked
    for."""

    reviewed: Reviewed
    view: View
    seen: Seen

    def is_seen_by(self, view: View, by: Principal) -> bool:
        """Whether for that view the same would be seen beside."""
        return self.seen.grounds == _grounds(view, by)


async def review(asked: Asked, by: Principal, acting: Acting) -> Answer:
    """An OperationOutcome with an issue for each finding. Raises NotFound for a plan that is not there or not the
    asker's to see, Incorrect for parameters that there are not."""
    language, reviews = _language(asked), Reviews.of(asked, by, acting)
    before, last = reviews.before()
    if before is None:
        plan, labels = await _plan(asked, acting)
        now = await _anew(plan, asked, by, acting) if plan is not None else None
    else:
        plan, labels, now = await _again(asked, before, last, reviews, by, acting)
    if plan is None or now is None:
        raise await absent("CarePlan", str(asked.id), acting)
    if before is None:
        reviews.put(now, None, None)
    text = now.sayings.text(findings(now.view), language)
    return Answer(200, text, labels=labels, headers={"Content-Language": language})


async def with_review(answer: Answer, asked: Asked, by: Principal, acting: Acting) -> Answer:
    """The answer to a write; to that of a shared plan, for who wants to be told, with the warnings of `$review`."""
    wants = asked.prefer.returning == "OperationOutcome" and asked.interaction in ("create", "update", "patch")
    if not wants or answer.type != "CarePlan" or answer.id is None or not acting.shows:
        return answer
    plan = await acting.unit.read("CarePlan", answer.id, within=acting.within["CarePlan"])
    content = orjson.loads(str(plan.content)) if plan is not None else {}
    if plan is None or not codes.has(content.get("category"), codes.PLAN, "shared-plan"):
        return answer
    told = await _warnings(plan, asked.base, by, acting)
    return answer._replace(warnings=tuple(dict.fromkeys((*answer.warnings, *told))))


async def warnings_of(proposal: Proposal, base: str, by: Principal, acting: Acting) -> tuple[Issue, ...]:
    """What the answer to that write would warn of; to that of a shared plan, the review of the plan with it. Nothing
    is written."""
    change, before = proposal.change, proposal.before
    is_shared = codes.has((proposal.resource or {}).get("category"), codes.PLAN, "shared-plan")
    if change.type != "CarePlan" or not is_shared or not acting.shows or acting.within["CarePlan"] == Nothing():
        return proposal.warnings
    if before is not None and await acting.unit.read("CarePlan", change.id, within=acting.within["CarePlan"]) is None:
        return proposal.warnings
    at = acting.clock.now()
    text = change.stamped.at(resources.instant(at)) if change.stamped is not None else None
    plan = Version("CarePlan", change.id, change.version, at, "update", text, controller=change.controller)
    told = await _warnings(plan, base, by, acting, is_stored=False)
    return tuple(dict.fromkeys((*proposal.warnings, *told)))


async def _warnings(
    plan: Version, base: str, by: Principal, acting: Acting, *, is_stored: bool = True
) -> tuple[Issue, ...]:
    walker = Walker(base, Walk(), acting.unit)
    found = findings((await _reviewed(plan, base, by, acting, walker, is_stored=is_stored)).view)
    # What would be refused of another write does not refuse this one.
    return tuple(replace(each, severity="warning").issue() for each in found if each.severity != "information")


def _language(asked: Asked) -> str:
    if asked.type != "CarePlan" or asked.id is None or asked.method != "GET":
        raise NotOffered("$review is of one plan: GET CarePlan/[id]/$review", allow=["GET", "HEAD"])
    if unknown := [name for name, _ in asked.parameters if name != "_language"]:
        raise Incorrect(f"$review takes _language, not {unknown[0][:60]!r}")
    if len(asked.parameters) > 1:
        raise Incorrect("_language is given twice")
    return languages.chosen(dict(asked.parameters).get("_language"), asked.accept_language)


async def _plan(asked: Asked, acting: Acting) -> tuple[Version | None, tuple[str, ...]]:
    """The plan, None when it is not there to be seen, and the labels of the answer; on record, as a read of it is."""
    id, within = str(asked.id), acting.within["CarePlan"]
    if not acting.ordinary:
        return await acting.unit.read("CarePlan", id, within=within, trail=acting.trail), ()
    async with acting.unit.snapshot():
        plan = await acting.unit.read("CarePlan", id, within=within)
        if plan is None:
            return None, ()
        trail, labels = await marked(about(acting.trail, [plan]), [plan], acting)
    await acting.unit.record(trail)
    return plan, labels


# What was found out before


_Read = tuple[Version | None, tuple[str, ...]]


async def _again(
    asked: Asked, before: Reviewed, last: Last | None, reviews: Reviews, by: Principal, acting: Acting
) -> tuple[Version | None, tuple[str, ...], Reviewed | None]:
    """The plan and the labels, and the plan as it is seen now; None where it is not to be seen."""
    # Who has not asked before is not to learn from the time it takes that somebody else has.
    first = await _plan(asked, acting) if last is None else None
    if first is not None and first[0] is None:
        return None, (), None
    question = reviews.question(before.walk, last, acting)
    view = before.view.later(before.view.situation.later(acting.clock.now(), None, frozenset()))
    (plan, labels), (mark, changed), seen = await _at_once(
        _plan(asked, acting) if first is None else _had(first),
        acting.unit.since(question.parts, question.query, before.walk.newest),
        _seen(view, by, acting),
    )
    if plan is None:
        return None, (), None
    walk = before.walk.since(mark, changed)
    same = reviews.same(question.parts, mark) if walk is None or walk is not before.walk else before
    if same is not None and same is not before:  # somebody has asked since, or sees the same
        before, walk = same, same.walk
        view = before.view.later(before.view.situation.later(view.at, None, frozenset()))
        if seen.grounds != _grounds(view, by):
            seen = await _seen(view, by, acting)
    is_same = walk is before.walk
    if is_same and before.names(seen.organizations):
        situation = view.situation.later(view.at, seen.traces, seen.partly)
        later = await _with_earlier_consents(replace(before, view=view.later(situation)), acting)
        is_known = last is not None and last.mark == before.walk.mark and last.question is question
        if not is_known or later.since != before.since:
            reviews.put(before if later.since == before.since else later, None, question)
        return plan, labels, later
    found = Before(before, view, seen)
    now: Reviewed | None = None
    if walk is not None:
        with suppress(Astray):
            now = await _reviewed(plan, asked.base, by, acting, Walker(asked.base, walk, None), found)
    is_later = now is not None and not is_same
    if now is None:
        now = await _anew(plan, asked, by, acting, found)
    reviews.put(now, before if is_later else None, question)
    return plan, labels, now


async def _anew(plan: Version, asked: Asked, by: Principal, acting: Acting, before: Before | None = None) -> Reviewed:
    """All of it looked at as it is at one moment; what was read `before` is not read again."""
    async with acting.unit.snapshot():
        walk = Walk()
        if before is not None:
            walk = await before.reviewed.walk.anew(acting.unit, within=acting.within, limit=LIMIT)
        return await _reviewed(plan, asked.base, by, acting, Walker(asked.base, walk, acting.unit), before)


async def _had(read: _Read) -> _Read:
    return read


async def _at_once(
    plan: Awaitable[_Read], since: Awaitable[tuple[str, list[Row]]], seen: Awaitable[Seen]
) -> tuple[_Read, tuple[str, list[Row]], Seen]:
    """All three, each on a connection of its own. Raises what the first of them raises, once all have ended."""
    one, other, third = await asyncio.gather(plan, since, seen, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    if isinstance(third, BaseException):
        raise third
    return one, other, third


# What is there


async def _reviewed(
    plan: Version,
    base: str,
    by: Principal,
    acting: Acting,
    walker: Walker,
    before: Before | None = None,
    *,
    is_stored: bool = True,
) -> Reviewed:
    """The plan with all that is seen around it, now; `is_stored`: else it stands in place of what is. Raises Astray
    where the walker does."""
    content = orjson.loads(str(plan.content))
    at, name, client = acting.clock.now(), f"CarePlan/{plan.id}", _client(content, base)
    if before is not None:
        at = before.view.at
    if client is None:
        return Reviewed(Walk(), View(Situation(at, {name: content}, None, name, base=base), None))
    within, reader = acting.within, walker.reader
    gathered = walker.straight(before.reviewed.gathered, at) if before and before.reviewed.gathered else None
    if gathered is None:
        beside = () if is_stored else (plan._replace(type="Basic", content=_as_basic(content)),)
        whole = await gathered_whole(
            client, walker, within=within, at=at, plan=name, base=base, beside=beside, reader=reader
        )
        gathered = whole.situation
        walker.has_gathered()
    situation = gathered
    if not is_stored:
        registers = {name: plan.controller, **situation.registers}
        situation = replace(situation.with_(content, without=[f"Basic/{plan.id}"]), registers=registers)
    if before is not None:
        situation = replace(situation).knowing(before.view.situation.traits.fitting(situation.resources.values()))
    if name not in situation.resources:  # it is beyond the limit
        if not walker.may_ask:
            raise Astray
        situation = replace(situation.with_(content), is_cut=True)
    situation = await _with_provenances(situation, walker, acting)
    bare = await _with_others(View(situation, None), walker, acting)
    situation = bare.situation
    acceptance = accepted(situation, before.view.acceptance if before is not None else None)
    view = bare.under(_model(situation), acceptance, acting.policy.attendance)
    if before is not None:
        view = view.after(before.view)
    looked_back = await _with_earlier_consents(Reviewed(walker.walk, view), acting)
    view = looked_back.view
    seen = before.seen if before is not None and before.is_seen_by(view, by) else await _seen(view, by, acting)
    organizations = seen.organizations - situation.resources.keys()
    situation = await _with_organizations(situation, organizations, walker, acting)
    situation = situation.later(at, seen.traces, seen.partly)
    sayings = before.reviewed.sayings if before is not None else Sayings()
    return replace(
        looked_back, view=view.later(situation), gathered=gathered, sayings=sayings, organizations=organizations
    )


def _as_basic(plan: Json) -> str:
    """The plan by another type, so that what it names is found and what is stored of it is not taken for it."""
    return orjson.dumps({**plan, "resourceType": "Basic"}).decode()


def _client(plan: Json, base: str) -> str | None:
    """The Patient that the plan is of; None for a plan of a family."""
    subject = references.parse(plan.get("subject", {}).get("reference", "")).relative_to(base)
    return subject.target if subject.type == "Patient" else None


def _model(situation: Situation) -> model.ServiceModel | None:
    """The model that the plan goes by, else the referral that it came from."""
    episode = situation.get(situation.episode) or {}
    referrals = (each for each in map(situation.get, episode.get("referralRequest", ())) if each is not None)
    return model.of(
        situation.care_plan,
        next(referrals, None),
        situation.of("PlanDefinition"),
        lambda each: situation.traits.of(each, _read),
    )


def _read(traits: Traits, plan_definition: Json) -> model.ServiceModel:
    return model.read(plan_definition)


async def _with_earlier_consents(reviewed: Reviewed, acting: Acting) -> Reviewed:
    """A meeting that was is judged by the consents of then. They are asked for when by those of now somebody was there
    whom the client had not accepted, though he may have before he changed them; of those that the asker sees, for what
    they were is told to nobody but by there being no fault.

    Time alone may make it necessary to look further back: whose membership ends needs an acceptance for what he
    attended as a member."""
    view, since = reviewed.view, reviewed.since
    start = min((each for each in starts_of_unaccepted(view) if each < view.at), default=None)
    if start is None or (since is not None and since <= start):
        return reviewed
    found = await earlier(view.situation.of("Consent"), since=start, unit=acting.unit)
    if found:
        view = replace(view, acceptance=replace(accepted(view.situation), earlier=found))
    return replace(reviewed, view=view, since=start)


async def _seen(view: View, by: Principal, acting: Acting) -> Seen:
    """What the asker sees beside, now."""
    situation = view.situation
    plan, client = situation.plan or "", situation.client or ""
    sight = Sight(client, situation.registers.get(plan), situation.registers.get(client), by, acting, situation.base)
    is_own = _is_coordinator(view, by)
    traces = await _traces(sight, view, is_own)
    partly = sight.narrow(LOOKED_AT) if is_own else await sight.partly(LOOKED_AT)
    acting.unit.rest()
    return Seen(traces, partly, _grounds(view, by))


def _grounds(view: View, by: Principal) -> tuple[object, ...]:
    """What it depends on what is seen beside, and what of the log is looked at."""
    situation, changed = view.situation, view.plan["meta"]["lastUpdated"]
    registers = [situation.registers.get(name or "") for name in (situation.plan, situation.client)]
    return situation.plan, situation.client, registers, _is_coordinator(view, by), _silent_after(view), changed


def _silent_after(view: View) -> timedelta:
    return timedelta(days=view.model.silent_after if view.model is not None else SILENT_AFTER)


def _is_coordinator(view: View, by: Principal) -> bool:
    """Whether the asker coordinates the client's team, in whose register the plan and the client are: he is concerned
    with the client, and sees all that is of him there."""
    situation = view.situation
    registers = {situation.registers.get(name or "") for name in (situation.plan, situation.client)}
    names = {by.person} - {None}
    return registers == {by.organization} and any(
        not names.isdisjoint(view.crew.grants_of(each.name)[0]) for each in view.crew.coordinators
    )


async def _traces(sight: Sight, view: View, is_own: bool) -> tuple[Trace, ...] | None:
    """Who was at the client's data, the asker among them; None when his log does not lie open to the asker."""
    if not await sight.has_the_log(is_concerned=is_own):
        return None
    acting, by, plan = sight.acting, sight.by, view.situation.plan or ""
    acting.unit.rest()
    at, changed = acting.clock.now(), datetime.fromisoformat(view.plan["meta"]["lastUpdated"])
    # Who looks after the client is told of the log what was done in the own register alone (`store/own_log.py`).
    found = await acting.unit.visits(
        sight.client, plan, keeper=sight.own_clients, since=at - _silent_after(view), changed=changed
    )
    traces = [Trace(by.person, by.organization, at)]
    for each in found:
        person = next((name for name in each.agents if not name.startswith("Organization/")), None)
        organization = next((name for name in each.agents if name.startswith("Organization/")), None)
        traces.append(Trace(person, organization, each.last, each.wrote, each.fetched))
    return tuple(traces)


async def _with_provenances(situation: Situation, walker: Walker, acting: Acting) -> Situation:
    """With the Provenances of consents that name no source: who wrote one may have given it thereby."""
    wanted = tuple(unsourced(situation))
    if not wanted or isinstance(acting.within["Provenance"], Nothing):
        return situation
    asked = {"Provenance": RefersTo(PARAMETERS["Provenance"]["target"], wanted)}
    there = await walker.together(asked, within=acting.within, limit=MOST_PROVENANCES)
    return situation.with_(*(walker.reader.read(each).resource for each in there.versions))


async def _with_others(view: View, walker: Walker, acting: Acting) -> View:
    """With what the plan, or something of it, refers to and what is not the client's: as far as it is to be seen."""
    situation, wanted = view.situation, dict[str, set[str]]()
    for name in view.all_named - situation.resources.keys():
        type, _, id = name.partition("/")
        if type in PARAMETERS and CATALOGUE[type].client_data and acting.within[type] != Nothing():
            wanted.setdefault(type, set()).add(id)
    if not wanted:
        return view
    asked: dict[str, Expression] = {type: HasId(tuple(sorted(ids))) for type, ids in sorted(wanted.items())}
    there = await walker.together(asked, within=acting.within, limit=LIMIT)
    found = {f"{each.type}/{each.id}": walker.reader.read(each).resource for each in there.versions}
    return view.later(replace(situation, others=found).knowing(situation.traits))


async def _with_organizations(
    situation: Situation, wanted: frozenset[str], walker: Walker, acting: Acting
) -> Situation:
    """With the organisations that the log names beside those that the client's things do."""
    if not wanted or isinstance(acting.within["Organization"], Nothing):
        return situation
    asked = {"Organization": HasId(tuple(sorted(each.partition("/")[2] for each in wanted)))}
    there = await walker.together(asked, within=acting.within, limit=LIMIT)
    return situation.with_(*(walker.reader.read(each).resource for each in there.versions))
