"""Who is in the database: numbered clients with ten care plans each, the same for service, floor and filler.

Every number is written with nine digits, so that two plans differ in nothing but digits, have one length, and are made
from each other by replacing text: by the client before it sends them, by PostgreSQL when it fills a table.
https://hl7.org/fhir/R4/careplan.html
"""

import json
from typing import Any

PLANS_OF_A_CLIENT = 10
IDENTIFIERS = "urn:oid:1.2.246.10.99999999.11.1"
CONTROLLER = "Organization/bench-welfare-area"

STATUSES = ("active", "completed", "on-hold", "draft")

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


def plan(number: int | str, patient: str, *, status: str = "active", start: str = "2026-03-02") -> Json:
    """A CarePlan as a record system would send it, without id, 2.8 kB: five activities of four kinds, a goal, a team.

    `number` is its business number, nine digits; `patient` a reference; `start` a date.
    """
    number = number if isinstance(number, str) else f"{number:09}"
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
        "period": {"start": start, "end": "2027-03-01"},
        "created": f"{start}T09:30:00+02:00",
        "author": {"reference": "Practitioner/bench-social-worker", "display": "Maija Virtanen, sosiaalityöntekijä"},
        "contributor": [{"reference": patient}, {"reference": "Practitioner/bench-nurse"}],
        "careTeam": [{"reference": f"CareTeam/bench-{number}"}],
        "addresses": [{"reference": f"Condition/bench-{number}", "display": "Masennusjakso, keskivaikea"}],
        "goal": [{"reference": f"Goal/bench-{number}"}],
        "activity": [
            _activity("Keskustelukäynti sairaanhoitajan kanssa", "in-progress", "Practitioner/bench-nurse", start),
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
