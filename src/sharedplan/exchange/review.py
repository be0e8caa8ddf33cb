"""$review of a plan: every rule of its service model, met or broken, as whoever asks may see it.

GET CarePlan/[id]/$review?_language=fi|sv|en. The rules are those of `care/review/`; what they look at is read through
the asker's slices, so what is hidden is judged as if it were not there, and of what he does not see all of, nothing is
said but that. https://hl7.org/fhir/R4/operationoutcome.html
"""

from dataclasses import replace
from datetime import timedelta

import orjson

from sharedplan.access.principal import Principal
from sharedplan.care import codes, model
from sharedplan.care.finding import Finding
from sharedplan.care.review.consents import unsourced
from sharedplan.care.review.crew import Crew
from sharedplan.care.review.findings import RULES, findings
from sharedplan.care.review.membership import SILENT_AFTER
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation, Trace
from sharedplan.errors import Incorrect, NotOffered
from sharedplan.exchange.accepting import accepted
from sharedplan.exchange.sight import Sight
from sharedplan.fhir import languages, outcomes, references
from sharedplan.fhir.exchanges import Answer, Asked, Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.emergencies import marked
from sharedplan.interactions.gathering import gathered
from sharedplan.interactions.read import absent
from sharedplan.interactions.spoken_of import about
from sharedplan.search.expression import HasId, Nothing, RefersTo
from sharedplan.search.parameters import PARAMETERS
from sharedplan.store.versions import Version

LOOKED_AT = tuple(dict.fromkeys(type for rule in RULES.values() for type in rule.needs))
"""The types that some rule cannot be judged without."""

MOST_PROVENANCES = 200


async def review(asked: Asked, by: Principal, acting: Acting) -> Answer:
    """An OperationOutcome with an issue for each finding. Raises NotFound for a plan that is not there or not the
    asker's to see, Incorrect for parameters that there are not."""
    language = _language(asked)
    async with acting.unit.snapshot():
        plan = await acting.unit.read("CarePlan", str(asked.id), within=acting.within["CarePlan"])
        if plan is None:
            raise await absent("CarePlan", str(asked.id), acting)
        content = orjson.loads(str(plan.content))
        client = _client(content, asked.base)
        patients = (client,) if client is not None else ()
        trail = about(acting.trail, [plan._replace(patients=patients or None)])
        trail, labels = await marked(trail, [plan], acting)
        found = await _found(plan, content, client, asked, by, acting)
    await acting.unit.record(trail)
    return Answer(200, outcomes.text(each.issue(language) for each in found), labels=labels)


async def with_review(answer: Answer, asked: Asked, by: Principal, acting: Acting) -> Answer:
    """The answer to a write; to that of a shared plan, for who wants to be told, with the warnings of `$review`."""
    wants = asked.prefer.returning == "OperationOutcome" and asked.interaction in ("create", "update", "patch")
    if not wants or answer.type != "CarePlan" or answer.id is None or not acting.shows:
        return answer
    plan = await acting.unit.read("CarePlan", answer.id, within=acting.within["CarePlan"])
    content = orjson.loads(str(plan.content)) if plan is not None else {}
    if plan is None or not codes.has(content.get("category"), codes.PLAN, "shared-plan"):
        return answer
    found = await _found(plan, content, _client(content, asked.base), asked, by, acting)
    # What would be refused of another write does not refuse this one.
    told = [replace(each, severity="warning").issue() for each in found if each.severity != "information"]
    return answer._replace(warnings=tuple(dict.fromkeys((*answer.warnings, *told))))


def _language(asked: Asked) -> str:
    if asked.type != "CarePlan" or asked.id is None or asked.method != "GET":
        raise NotOffered("$review is of one plan: GET CarePlan/[id]/$review", allow=["GET", "HEAD"])
    given = dict(asked.parameters)
    if len(given) != len(asked.parameters) or given.keys() - {"_language"}:
        raise Incorrect("$review takes _language, once, and nothing else")
    return languages.chosen(given.get("_language"), asked.accept_language)


def _client(plan: Json, base: str) -> str | None:
    """The Patient that the plan is of; None for a plan of a family."""
    subject = references.parse(plan.get("subject", {}).get("reference", "")).relative_to(base)
    return subject.target if subject.type == "Patient" else None


async def _found(
    plan: Version, content: Json, client: str | None, asked: Asked, by: Principal, acting: Acting
) -> list[Finding]:
    at, name, base = acting.clock.now(), f"CarePlan/{plan.id}", asked.base
    if client is None:
        return findings(View(Situation(at, {name: content}, None, name, base=base), None))
    situation = await gathered(client, acting.unit, within=acting.within, at=at, plan=name, base=base)
    if name not in situation.resources:  # it is beyond the limit
        situation = situation.with_(content)
    sight = Sight(client, situation.registers.get(name), situation.registers.get(client), by, acting, base)
    chosen, is_own = _model(situation), _is_coordinator(situation, by)
    traces = await _traces(sight, plan, chosen, is_own)
    partly = sight.narrow(LOOKED_AT) if is_own else await sight.partly(LOOKED_AT)
    situation = replace(situation, traces=traces, partly=partly)
    situation = await _with_organizations(await _with_provenances(situation, acting), acting)
    return findings(View(situation, chosen, accepted(situation), acting.policy.attendance))


def _is_coordinator(situation: Situation, by: Principal) -> bool:
    """Whether the asker coordinates the client's team, in whose register the plan and the client are: he is concerned
    with the client, and sees all that is of him there."""
    registers = {situation.registers.get(name or "") for name in (situation.plan, situation.client)}
    names = {by.person} - {None}
    crew = Crew(situation)
    return registers == {by.organization} and any(
        not names.isdisjoint(crew.grants_of(each.name)[0]) for each in crew.coordinators
    )


def _model(situation: Situation) -> model.ServiceModel | None:
    """The model that the plan goes by, else the referral that it came from."""
    episode = situation.get(situation.episode) or {}
    referrals = (each for each in map(situation.get, episode.get("referralRequest", ())) if each is not None)
    return model.of(situation.care_plan, next(referrals, None), situation.of("PlanDefinition"))


async def _traces(
    sight: Sight, plan: Version, chosen: model.ServiceModel | None, is_own: bool
) -> tuple[Trace, ...] | None:
    """Who was at the client's data, the asker among them; None when his log does not lie open to the asker."""
    if not await sight.has_the_log(is_concerned=is_own):
        return None
    acting, by = sight.acting, sight.by
    at = acting.clock.now()
    since = at - timedelta(days=chosen.silent_after if chosen is not None else SILENT_AFTER)
    found = await acting.unit.visits(sight.client, f"CarePlan/{plan.id}", since=since, changed=plan.last_updated)
    traces = [Trace(by.person, by.organization, at)]
    for each in found:
        person = next((name for name in each.agents if not name.startswith("Organization/")), None)
        organization = next((name for name in each.agents if name.startswith("Organization/")), None)
        traces.append(Trace(person, organization, each.last, each.wrote, each.fetched))
    return tuple(traces)


async def _with_provenances(situation: Situation, acting: Acting) -> Situation:
    """With the Provenances of consents that name no source: who wrote one may have given it thereby."""
    wanted = tuple(unsourced(situation))
    if not wanted or isinstance(acting.within["Provenance"], Nothing):
        return situation
    where = RefersTo(PARAMETERS["Provenance"]["target"], wanted)
    there = await acting.unit.living("Provenance", where, within=acting.within, limit=MOST_PROVENANCES)
    return situation.with_(*(orjson.loads(str(each.content)) for each in there.versions))


async def _with_organizations(situation: Situation, acting: Acting) -> Situation:
    """With the organisations that the log names beside those that the client's things do."""
    named = {each.organization for each in situation.traces or () if each.organization is not None}
    wanted = sorted(named - situation.resources.keys())
    if not wanted:
        return situation
    ids = tuple(each.partition("/")[2] for each in wanted)
    there = await acting.unit.living("Organization", HasId(ids), within=acting.within, limit=len(ids))
    return situation.with_(*(orjson.loads(str(each.content)) for each in there.versions))
