"""Who is in the database: numbered clients with ten care plans each, the same for service, floor and filler.

Every number is written with nine digits, so that two plans differ in nothing but digits, have one length, and are made
from each other by replacing text: by the client before it sends them, by PostgreSQL when it fills a table.
A question finds as much among a million plans as among ten thousand: a client has ten plans, a performer 24, a member
of teams ten. The latter two's lie apart in their tables, as in life; a client's side by side.
https://hl7.org/fhir/R4/careplan.html; what lies around a plan is in `surroundings.py`.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

PLANS_OF_A_CLIENT = 10
PLANS_OF_A_PERFORMER = 24
TEAMS_OF_A_MEMBER = 10
STRIDE = 25  # so far apart are a performer's plans; it shares no divisor with VARIANTS, so they are all different
VARIANTS = 24  # plans differ in status and beginning by their number, modulo this
FIRST_YEAR, YEARS = 2014, 12  # two variants begin in each
IDENTIFIERS = "urn:oid:1.2.246.10.99999999.11.1"
CONTROLLER = "Organization/bench-welfare-area"

STATUSES = ("active", "completed", "on-hold", "draft")
PLAN_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # the filled plans' instants rise from here, a millisecond apart

Json = dict[str, Any]


def plan_id(number: int) -> str:
    """The id of plan `number`: 7 → bench-000000007."""
    return f"bench-{number:09}"


def client_of(number: int) -> str:
    """The client whom plan `number` is for, as a reference: ten plans have one client."""
    return f"Patient/bench-{number // PLANS_OF_A_CLIENT:09}"


def identifier_of(number: int) -> str:
    """The business identifier of plan `number`, as a search value: system|value."""
    return f"{IDENTIFIERS}|P{number:09}"


def performer_of(number: int) -> str:
    """Who does the first activity of plan `number`, as a reference: 24 plans, one of each variant, have one performer.

    True of whole blocks of PLANS_OF_A_PERFORMER × STRIDE plans.
    """
    return f"Practitioner/bench-{_spread(number, PLANS_OF_A_PERFORMER):09}"


def member_of(number: int) -> str:
    """Who is on the team of plan `number`, as a reference: one is on ten teams.

    True of whole blocks of TEAMS_OF_A_MEMBER × STRIDE plans.
    """
    return f"PractitionerRole/bench-{_spread(number, TEAMS_OF_A_MEMBER):09}"


def _spread(number: int, of_one: int) -> int:
    return number // (of_one * STRIDE) * STRIDE + number % STRIDE


def status_of(number: int) -> str:
    """The status of plan `number`."""
    return STATUSES[number % VARIANTS % len(STATUSES)]


def start_of(number: int) -> str:
    """The date on which plan `number` begins, between January and September; it ends a year later."""
    variant = number % VARIANTS
    return f"{FIRST_YEAR + variant * YEARS // VARIANTS}-0{1 + variant % 9}-{11 + variant % 17}"


def instant_of(number: int) -> str:
    """When plan `number` was last changed, if the filler made it: milliseconds, UTC."""
    return f"{PLAN_EPOCH + timedelta(milliseconds=number):%Y-%m-%dT%H:%M:%S}.{number % 1000:03}Z"


def client(patient_id: str) -> Json:
    """A Patient with a name and a contact, about 600 bytes."""
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "identifier": [{"system": "urn:oid:1.2.246.10.99999999.22.1", "value": patient_id}],
        "active": True,
        "name": [{"use": "official", "family": "Mäkelä-Öhman", "given": ["Aino", "Sofia"]}],
        "telecom": [{"system": "phone", "value": "+358 40 000 0000", "use": "mobile"}],
        "gender": "female",
        "birthDate": "1984-05-17",
        "address": [{"line": ["Työpajankatu 6 B 12"], "city": "Lahti", "postalCode": "15140", "country": "FI"}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "fi"}]}, "preferred": True}],
        "managingOrganization": {"reference": CONTROLLER},
    }


def plan(
    number: int | str,
    patient: str,
    *,
    performer: str | None = None,
    status: str = "active",
    start: str = "2026-03-02",
) -> Json:
    """A CarePlan as a record system would send it, without id, 2.8 kB: five activities of four kinds, goals, a team.

    `number` is its business number, nine digits; `patient` and `performer` are references, the latter `performer_of`
    the number unless given; `start` a date.
    """
    number = number if isinstance(number, str) else f"{number:09}"
    performer = performer or performer_of(int(number))
    return {
        "resourceType": "CarePlan",
        "language": "fi",
        "identifier": [{"use": "official", "system": IDENTIFIERS, "value": f"P{number}"}],
        "status": status,
        "intent": "plan",
        "category": [
            {
                "coding": [
                    {"system": "http://snomed.info/sct", "code": "736366004", "display": "Psychosocial care plan"}
                ],
                "text": "Kuntoutussuunnitelma",
            }
        ],
        "title": "Kuntoutussuunnitelma: arjen tuki ja työelämään paluu",
        "description": "Asiakas haluaa vahvistaa arjen hallintaa, saada mielialaan tukea ja palata osa-aikaiseen "
        "työhön. Sovittu yhdessä asiakkaan, sosiaaliohjaajan ja sairaanhoitajan kanssa.",
        "subject": {"reference": patient, "display": "Aino Mäkelä-Öhman"},
        "encounter": {"reference": f"Encounter/bench-{number}"},
        "period": {"start": start, "end": f"{int(start[:4]) + 1}{start[4:]}"},
        "created": f"{start}T09:30:00+02:00",
        "author": {"reference": "Practitioner/bench-social-worker", "display": "Maija Virtanen, sosiaalityöntekijä"},
        "contributor": [{"reference": patient}, {"reference": "Practitioner/bench-nurse"}],
        "careTeam": [{"reference": f"CareTeam/bench-{number}"}],
        "addresses": [{"reference": f"Condition/bench-{number}", "display": "Masennusjakso, keskivaikea"}],
        "goal": [{"reference": f"Goal/bench-{number}-1"}, {"reference": f"Goal/bench-{number}-2"}],
        "activity": [
            _activity("Keskustelukäynti sairaanhoitajan kanssa", "in-progress", performer, start),
            _activity("Kotikäynti ja arjen suunnittelu", "scheduled", "Practitioner/bench-social-instructor", start),
            _activity("Työkykyneuvottelu", "not-started", "Organization/bench-employment", start),
            _activity("Ryhmätoiminta järjestön kohtaamispaikassa", "scheduled", "Organization/bench-ngo", start),
            {"reference": {"reference": f"ServiceRequest/bench-{number}", "display": "Lähete psykologille"}},
        ],
        "note": [
            {
                "authorReference": {"reference": patient},
                "time": f"{start}T09:45:00.000+02:00",
                "text": "Aamut ovat vaikeimpia; tapaamiset mieluiten kello 12 jälkeen.",
            }
        ],
    }


def _activity(description: str, status: str, performer: str, start: str) -> Json:
    return {
        "detail": {
            "kind": "Appointment",
            "code": {"text": description},
            "status": status,
            "doNotPerform": False,
            "scheduledPeriod": {"start": start},
            "performer": [{"reference": performer}],
            "description": f"{description}; sovitaan tarkemmin puhelimitse.",
        }
    }


def wire(resource: Json) -> bytes:
    """The resource as it goes over the wire: compact JSON, UTF-8."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
