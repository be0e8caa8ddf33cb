"""What the stories write, as record systems would: small resources in FHIR, with Finnish texts for the client."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sharedplan.care import codes
from sharedplan.demo.stories.steps import Asker, add, replace
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import ZONE

Made = Mapping[str, list[str]]
"""What $apply made: type → names."""

_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
PERTAINS = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"
"""The extension of a task that names its goal."""
_STRUCTURES = "http://hl7.org/fhir/StructureDefinition/"


def of_demo(name: str) -> Made:
    """The spine of a demo client's plan: "pekka" → his CarePlan/pekka, CareTeam/pekka, EpisodeOfCare/pekka."""
    return {type: [f"{type}/{name}"] for type in ("CarePlan", "CareTeam", "EpisodeOfCare")}


def instant(at: datetime) -> str:
    """As people here would write it, to the millisecond."""
    return at.astimezone(ZONE).isoformat(timespec="milliseconds")


def day(at: datetime, plus: int = 0) -> str:
    return (at.astimezone(ZONE) + timedelta(days=plus)).date().isoformat()


def to(name: str, display: str | None = None) -> Json:
    return {"reference": name, **({"display": display} if display else {})}


def concept(system: str, *listed: str) -> Json:
    return {"coding": [{"system": system, "code": code} for code in listed]}


def patient(given: str, family: str, born: str, organization: str) -> Json:
    return {
        "resourceType": "Patient",
        "active": True,
        "name": [{"text": f"{given} {family}", "family": family, "given": [given]}],
        "birthDate": born,
        "managingOrganization": to(organization),
    }


def kin(client: Asker, name: str, *relationship: str, since: str) -> Json:
    """A relative, by codes of v3-RoleCode."""
    return {
        "resourceType": "RelatedPerson",
        "active": True,
        "patient": client.reference,
        "relationship": [concept(_ROLE, *relationship)],
        "name": [{"text": name}],
        "period": {"start": since},
    }


def referral(model: str, client: Asker, by: Asker, at: datetime, why: str, *background: str) -> Json:
    """To a service model, with its background (codes of `referral-background`)."""
    reasons = [concept(codes.REFERRAL_BACKGROUND, code) for code in background]
    return {
        "resourceType": "ServiceRequest",
        "instantiatesCanonical": [codes.MODELS + model],
        "status": "active",
        "intent": "order",
        "subject": client.reference,
        "authoredOn": day(at),
        "requester": by.reference,
        "reasonCode": [*reasons, {"text": why}],
    }


def task(code: str, client: Asker, by: Asker, owner: Asker | str, status: str, at: datetime, **more: Any) -> Json:
    """A Task of ours; `more`: other elements of it."""
    return {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "code": concept(codes.TASK, code),
        "for": client.reference,
        "authoredOn": instant(at),
        "requester": by.reference,
        "owner": to(owner) if isinstance(owner, str) else owner.reference,
        **more,
    }


def joined(team: Json, role: str, who: Asker, at: datetime) -> Json:
    """The team with one more member from that instant on. What it says of an earlier time of his makes room: the
    team's versions keep it."""
    others = [each for each in team["participant"] if each.get("member", {}).get("reference") != who.person]
    return {**team, "participant": [*others, member(role, who, at)]}


def left(team: Json, who: Asker, at: datetime) -> Json:
    """The team with that member's time ended."""
    listed = [
        {**each, "period": {**each["period"], "end": instant(at)}}
        if each["member"]["reference"] == who.person
        else each
        for each in team["participant"]
    ]
    return {**team, "participant": listed}


def member(role: str, who: Asker, at: datetime) -> Json:
    """A participant of a team, on behalf of his organisation if he has one, from that instant on."""
    works = {"onBehalfOf": to(who.organization)} if who.organization and who.person else {}
    since = {"period": {"start": instant(at)}}
    return {"role": [concept(codes.TEAM_ROLE, role)], "member": who.reference, **works, **since}


def crew(members: Iterable[tuple[int, str, Asker]], at: datetime) -> list[Json]:
    """Changes that fill the team's places: (index of the place, role, who)."""
    return [replace(f"/participant/{index}", member(role, who, at)) for index, role, who in members]


def given(at: datetime, how: str, *more: Json) -> list[Json]:
    """Changes by which a drafted consent comes into force: when and how it was given."""
    return [
        replace("/status", "active"),
        add("/dateTime", instant(at)),
        add("/sourceAttachment", {"title": how}),
        *more,
    ]


def recipients(*people: Asker) -> Json:
    """The change that names whom a consent is for, one by one, beside or instead of the team as a whole."""
    return replace("/provision/actor", _actors(people))


def permit(client: Asker, at: datetime, how: str, people: Iterable[Asker], *types: str) -> Json:
    """A consent of the client's own making, apart from the team's: these people may see what is theirs to see, of
    these types alone if any are named."""
    of = {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": type} for type in types]} if types else {}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept(codes.CONSENT_CATEGORY, "permit"), concept("http://loinc.org", "59284-0")],
        "patient": client.reference,
        "dateTime": instant(at),
        "performer": [client.reference],
        "sourceAttachment": {"title": how},
        "policyRule": concept(_ACT, "OPTIN"),
        "provision": {"type": "permit", "actor": _actors(people), **of},
    }


def heard_by(transcriber: Asker, witness: Asker) -> Json:
    """The change that tells who wrote an oral consent down, and who heard it given."""
    people = (("consent-Transcriber", transcriber), ("consent-Witness", witness))
    return add("/extension", [{"url": _STRUCTURES + name, "valueReference": who.reference} for name, who in people])


def _actors(people: Iterable[Asker]) -> list[Json]:
    role = concept(_PARTICIPATION, "IRCP")
    return [{"role": role, "reference": each.reference} for each in people]


def answers(made: Made, client: Asker, by: Asker, at: datetime, said: Mapping[str, str]) -> Json:
    """An answered need assessment, on the client's word: linkId → answer."""
    return {
        "resourceType": "QuestionnaireResponse",
        "extension": [{"url": codes.EPISODE, "valueReference": to(made["EpisodeOfCare"][0])}],
        "questionnaire": codes.OURS.replace("CodeSystem/", "Questionnaire/") + "need-assessment",
        "basedOn": [to(made["CarePlan"][0])],
        "status": "completed",
        "subject": client.reference,
        "authored": instant(at),
        "author": by.reference,
        "source": client.reference,
        "item": [{"linkId": link, "answer": [{"valueString": text}]} for link, text in said.items()],
    }


def feedback(made: Made, kind: str, client: Asker, by: Asker, at: datetime, said: Mapping[str, int]) -> Json:
    """Answers to the feedback form of the client or a worker, 1 to 5."""
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": codes.OURS.replace("CodeSystem/", "Questionnaire/") + f"feedback-{kind}",
        "basedOn": [to(made["CarePlan"][0])],
        "status": "completed",
        "subject": client.reference,
        "authored": instant(at),
        "author": by.reference,
        "source": by.reference,
        "item": [{"linkId": link, "answer": [{"valueInteger": value}]} for link, value in said.items()],
    }


def answered(name: str) -> list[Json]:
    """Changes of a Task that asked for these answers."""
    output = {"type": {"text": "Vastaukset"}, "valueReference": to(name)}
    return [replace("/status", "completed"), add("/output", [output])]


def goal(client: Asker, by: Asker, text: str, stance: str, note: str | None = None) -> Json:
    """A goal with the client's stance on it: agree, disagree or pending."""
    parts = [{"url": "individual", "valueReference": client.reference}, {"url": "status", "valueCode": stance}]
    return {
        "resourceType": "Goal",
        "extension": [{"url": codes.ACCEPTANCE, "extension": parts}],
        "lifecycleStatus": "proposed",
        "description": {"text": text},
        "subject": client.reference,
        "expressedBy": by.reference,
        **({"note": [{"authorReference": by.reference, "text": note}]} if note else {}),
    }


def agreed(status: str = "agree") -> Json:
    """The change of a goal by which the client says what he thinks of it; the stance is its first extension."""
    return replace("/extension/0/extension/1/valueCode", status)


def is_stance(goal: Json, status: str) -> bool:
    """Whether that is what the client thinks of the goal."""
    parts = codes.extension(goal, codes.ACCEPTANCE) or {}
    return any(each.get("valueCode") == status for each in parts.get("extension", ()))


def meeting(
    made: Made, client: Asker, kind: str, way: str, status: str, at: datetime, *people: Asker, **more: Any
) -> Json:
    """A meeting (`encounter-type`) in its way (v3-ActCode: VR, HH, AMB, FLD), an hour from that instant on."""
    ended = {"end": instant(at + timedelta(hours=1))} if status != "finished" else {}
    return {
        "resourceType": "Encounter",
        "status": status,
        "class": {"system": _ACT, "code": way},
        "type": [concept(codes.ENCOUNTER_TYPE, kind)],
        "subject": client.reference,
        "episodeOfCare": [to(made["EpisodeOfCare"][0])],
        "participant": [{"individual": each.reference} for each in people],
        "period": {"start": instant(at), **ended},
        **more,
    }
