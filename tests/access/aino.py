"""Aino, her team and the others of the decision table, and what is known of them on the 2nd of March 2026 at noon."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import builders as b
from sharedplan.access.answers import Judgement
from sharedplan.access.facts import Client, Facts, Question
from sharedplan.access.items import Item, item_of
from sharedplan.access.judgement import judge
from sharedplan.access.provisions import Rule, rules_of
from sharedplan.access.relations import Directory, Relative, Role, memberships, relative_of, role_of

Json = dict[str, Any]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AINO = "Patient/aino"
S, H, N = "Organization/s", "Organization/h", "Organization/n"
SARI, NIKO, JARI, VILLE, KAI, OLLI = (
    f"Practitioner/{name}" for name in ("sari", "niko", "jari", "ville", "kai", "olli")
)
LEENA, MOTHER = "RelatedPerson/leena", "RelatedPerson/mother"
WORKS_AT = {SARI: S, KAI: S, NIKO: H, VILLE: H, OLLI: H, JARI: N}
TEAM_ROLE = "https://sharedplan.dev/fhir/CodeSystem/team-role"


def a_role(person: str, organization: str, **elements: Any) -> Role:
    """The PractitionerRole "Practitioner/niko" → "PractitionerRole/niko"."""
    return role_of(
        b.a_practitioner_role(
            id=person.partition("/")[2],
            practitioner=b.a_reference(person),
            organization=b.a_reference(organization),
            **elements,
        )
    )


def a_relative(reference: str, kind: str, **elements: Any) -> Relative:
    relationship = [b.a_concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", kind)]
    return relative_of(b.a_related_person(AINO, id=reference[14:], relationship=relationship, **elements))


def a_member(reference: str, role: str, start: str = "2026-01-01", end: str | None = None, **elements: Any) -> Json:
    period = {"start": start, **({"end": end} if end else {})}
    return {"member": b.a_reference(reference), "role": [b.a_concept(TEAM_ROLE, role)], "period": period, **elements}


TEAM = b.a_care_team(
    AINO,
    id="1",
    participant=[
        a_member(SARI, "coordinator"),
        a_member(NIKO, "nurse"),
        a_member(JARI, "ngo", "2026-02-01"),
        a_member(LEENA, "relative"),
        a_member(VILLE, "psychologist", end="2026-01-31"),
    ],
)

DIRECTORY = Directory(
    roles=tuple(a_role(person, organization) for person, organization in WORKS_AT.items()),
    relatives=(a_relative(LEENA, "SIS"), a_relative(MOTHER, "MTH")),
)


def a_consent(id: str, at: str | None, provision: Json | None, **elements: Any) -> Json:
    """Aino's consent, given then; `ban` makes it one."""
    if elements.pop("ban", False):
        elements["category"] = [b.a_concept("https://sharedplan.dev/fhir/CodeSystem/consent-category", "ban")]
    elements |= {"dateTime": at} if at else {}
    elements |= {"provision": provision} if provision is not None else {}
    return b.a_consent(AINO, id=id, **elements)


def k1(**changed: Any) -> Json:
    """The consent that most cases begin with: S and H, for treatment and care management, this year."""
    provision = b.a_provision(to=(S, H), purposes="TREAT CAREMGT", start="2026-01-10", end="2026-12-31")
    return a_consent("k1", "2026-01-10", {**provision, **changed})


def k2() -> Json:
    """For Jari, to see the plan, the team and tasks."""
    provision = b.a_provision(to=JARI, classes="CarePlan CareTeam Task", actions="access")
    return a_consent("k2", "2026-02-01", provision)


def rules(*consents: Json) -> tuple[Rule, ...]:
    return tuple(rule for consent in consents for rule in rules_of(consent, 1, NOW))


def facts(*consents: Json, team: Json = TEAM, **changed: Any) -> Facts:
    known = Facts(NOW, Client(AINO, S, S, "1983-05-14"), rules(*consents), memberships(team), directory=DIRECTORY)
    return replace(known, **changed)


PLAN = item_of(
    b.a_care_plan(AINO, id="1", goal=[b.a_reference("Goal/1")], careTeam=[b.a_reference("CareTeam/1")]), controller=S
)
GOAL = item_of(b.a_goal(AINO, id="1"), controller=S, referred_by=["CarePlan/1"])
ENCOUNTER = item_of(b.an_encounter(AINO, id="1"), controller=S)
FEEDBACK = item_of(b.a_questionnaire_response(AINO, id="1", basedOn=[b.a_reference("CarePlan/1")]), controller=S)


def an_observation(controller: str = H, labels: str = "", **elements: Any) -> Item:
    meta = {"meta": {"security": [b.a_label(code) for code in labels.split()]}} if labels else {}
    return item_of(b.an_observation(AINO, id="o", **meta, **elements), controller=controller, first_updated=NOW)


def asked(
    who: str, item: Item = PLAN, action: str = "read", purpose: str = "TREAT", *, after: Item | None = None
) -> Question:
    """What that person, or organisation's system, asks."""
    if who.startswith("Organization/"):
        return Question(None, who, purpose, action, item, after)
    return Question(who, WORKS_AT.get(who), purpose, action, item, after)


def judged(
    known: Facts,
    who: str,
    item: Item = PLAN,
    action: str = "read",
    purpose: str = "TREAT",
    *,
    after: Item | None = None,
) -> Judgement:
    return judge(asked(who, item, action, purpose, after=after), known)


def may(known: Facts, who: str, item: Item = PLAN, action: str = "read", purpose: str = "TREAT") -> bool:
    return judged(known, who, item, action, purpose).is_permitted
