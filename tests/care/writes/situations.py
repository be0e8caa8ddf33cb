"""Aino's situation by hand: who is around her, and a write in it."""

from datetime import UTC, datetime
from typing import Any

import builders as b
from sharedplan.care import codes
from sharedplan.care.finding import Finding
from sharedplan.care.situation import Situation
from sharedplan.care.writes import rules
from sharedplan.care.writing import Writing

Json = dict[str, Any]

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
AINO = "Patient/aino"
PEOPLE: tuple[Json, ...] = (
    b.a_patient(id="aino", name=[{"text": "Aino"}], birthDate="1984-05-05"),
    b.a_practitioner(id="sari", name=[{"text": "Sari"}]),
    b.a_practitioner(id="jari", name=[{"text": "Jari"}]),
    b.a_practitioner_role(
        id="niko",
        practitioner={"reference": "Practitioner/niko", "display": "Niko"},
        organization=b.a_reference("Organization/h"),
    ),
    b.an_organization(id="s", name="Social", type=[b.a_concept(codes.ORGANIZATION_TYPE, "adult-social-services")]),
    b.an_organization(id="h", name="Health", type=[b.a_concept(codes.ORGANIZATION_TYPE, "health-services")]),
    b.an_organization(id="n", name="Help", type=[b.a_concept(codes.ORGANIZATION_TYPE, "ngo")]),
    b.a_related_person(AINO, id="leena", name=[{"text": "Leena"}]),
)


class Accepts:
    """A client who accepts these."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def attends(self, person: str, at: datetime) -> bool:
        return person in self.names

    def covers(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> bool:
        return member in self.names

    def consent_for(self, member: str, on_behalf_of: str | None, team: Json, at: datetime) -> str | None:
        return "Consent/1" if member in self.names else None


def a_plan(**elements: Any) -> Json:
    plan = b.a_care_plan(
        AINO,
        id="1",
        category=[b.a_concept(codes.PLAN, "shared-plan")],
        contributor=[b.a_reference(AINO)],
        careTeam=[b.a_reference("CareTeam/1")],
    )
    return {**plan, **elements}


def a_member(reference: str, role: str | None = None, **period: str) -> Json:
    roles = {"role": [b.a_concept(codes.TEAM_ROLE, role)]} if role else {}
    return {"member": b.a_reference(reference), **roles, **({"period": period} if period else {})}


def a_team(*members: Json, **elements: Any) -> Json:
    participants = list(members) or [a_member("Practitioner/sari", "coordinator")]
    return b.a_care_team(AINO, id="1", participant=participants, **elements)


def found(*written: tuple[Json | None, Json | None] | Json, known: tuple[Json, ...] = (), **more: Any) -> list[Finding]:
    """What the rules say of the first of these writes, which go in together: each (current, proposed), or a new one."""
    pairs = [each if isinstance(each, tuple) else (None, each) for each in written]
    before = Situation(NOW, {}, AINO).with_(*PEOPLE, *known, *(old for old, _ in pairs if old is not None))
    gone = [f"{old['resourceType']}/{old['id']}" for old, new in pairs if old is not None and new is None]
    after = before.with_(*(new for _, new in pairs if new is not None), without=gone)
    current, proposed = pairs[0]
    type = (proposed or current or {})["resourceType"]
    applying = [one for warns in (False, True) for one in rules.applying(type, current, proposed, warns=warns)]
    return rules.findings(applying, Writing(current, proposed, before, after, **{"client": AINO, **more}))


def told(findings: list[Finding]) -> list[tuple[str, str, str | None]]:
    """(rule, severity, element) of each."""
    return [(each.rule, each.severity, each.at) for each in findings]
