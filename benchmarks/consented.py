"""Clients with teams and consents, and a few whose things a nurse of another organisation sees some of: the population
that the cost of consents is measured in.

Every client is kept by the bench's welfare area, is on the list of one nurse of the hospital, and has four consents,
which come to ten rules. A nurse has ten clients, all of whom say the same in one of three WAYS, and the first twelve
nurses' clients have a hundred plans and a hundred goals each, of which SHARES says how many in a hundred a nurse sees.
Numbered like the plans of `population.py`, from FIRST on, so the two have nothing in common.
https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Iterator

from benchmarks.filler import Kind, Wanted
from benchmarks.population import CONTROLLER, Json, client, plan

FIRST = 500_000_000
HOSPITAL = "Organization/bench-hospital"
OTHERS = ("Organization/bench-association", "Organization/bench-employment-services", "Organization/bench-insurer")

NURSES = 12
"""Nurses who ask; as many templates of clients are there."""
CLIENTS_OF_A_NURSE = 10
FEWEST = NURSES * CLIENTS_OF_A_NURSE
"""Clients, of all nurses who ask."""
THINGS = 100
"""Plans of a client whom a nurse who asks has, and as many goals."""
RULES = 10
CONSENTS = 4

WAYS = ("label", "dataPeriod", "exception")
"""How a consent narrows what it permits: by a label, by the time of the data, by a ban inside on what bears a label."""

WHOLLY = "all by a consent for all data"
SHARES = {WHOLLY: THINGS, "1 %": 1, "50 %": THINGS // 2, "100 %": THINGS}
"""What is told → how many of a client's hundred plans and hundred goals his consents show."""

_SHARES = tuple(SHARES)
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PARTS = ((0, 1, "L"), (1, THINGS // 2, "N"), (THINGS // 2, THINGS, "R"))
"""The things of a client: (first, end, label of confidentiality)."""


def share_of(nurse: int) -> str:
    """What of her clients' things the nurse sees, as in SHARES."""
    return _SHARES[nurse % len(_SHARES)]


def nurse_of(number: int) -> int:
    """Whose client it is: a nurse's clients lie NURSES apart."""
    return number // FEWEST * NURSES + number % NURSES


def clients_of(nurse: int) -> range:
    """The numbers of a nurse's clients, the other way round."""
    first = nurse // NURSES * FEWEST + nurse % NURSES
    return range(first, first + FEWEST, NURSES)


def client_id(number: int) -> str:
    return f"bench-{FIRST + number:09}"


def thing_id(number: int, thing: int) -> str:
    """The id of the client's plan, and of his goal, of that number."""
    return f"bench-{FIRST + number * THINGS + thing:09}"


def consent_id(number: int) -> str:
    """The consent by which the client's nurse sees anything."""
    return f"{client_id(number)}-1"


def person(nurse: int) -> str:
    """The nurse, as a reference: her role at the hospital."""
    return f"PractitionerRole/bench-{FIRST + nurse:09}"


def month_of(nurse: int) -> tuple[str, str]:
    """The first day of the month that the plans of her clients are of, and of the next: no others are."""
    return _month(nurse % NURSES), _month(nurse % NURSES + 1)


def _month(nurse: int) -> str:
    return f"{2031 + nurse // 12}-{1 + nurse % 12:02}-01"


_OF_A_CLIENT = {"985": f"{FIRST} + n", "984": f"{FIRST} + n / {FEWEST} * {NURSES} + n % {NURSES}"}
_OF_A_THING = {
    "983": f"{FIRST} + n",
    "985": f"{FIRST} + n / {THINGS}",
    "984": f"{FIRST} + n / {THINGS} % {NURSES}",
}
_WHICH = f"n % {NURSES}"
_PART = " ".join(f"when n % {THINGS} < {end} then {part}" for part, (_, end, _) in enumerate(_PARTS))
_WHICH_THING = f"n / {THINGS} % {NURSES} * {len(_PARTS)} + case {_PART} end"

_ROLES = Kind("PractitionerRole", "practitioner_role", "2018-01-01 00:00:00+00", "984", {"984": f"{FIRST} + n"}, _WHICH)
_OF_CLIENTS = (
    Kind("Patient", "patient", "2018-02-01 00:00:00+00", "985", _OF_A_CLIENT, _WHICH),
    Kind("CareTeam", "care_team", "2018-03-01 00:00:00+00", "985", _OF_A_CLIENT, _WHICH),
    Kind("Consent", "consent", "2018-04-01 00:00:00+00", "985", _OF_A_CLIENT, _WHICH),
)
_THINGS = (
    Kind("CarePlan", "care_plan", "2018-05-01 00:00:00+00", "983", _OF_A_THING, _WHICH_THING),
    Kind("Goal", "goal", "2018-06-01 00:00:00+00", "983", _OF_A_THING, _WHICH_THING),
)


def wanted(clients: int, *, with_things: int = FEWEST) -> Wanted:
    """What to fill in: so many clients, FEWEST or more, and all that goes with them; plans and goals of the first ones
    alone. Raises ValueError for fewer."""
    if clients < FEWEST:
        raise ValueError(f"there are {FEWEST} clients or more, so that everybody who asks has hers")
    things = range(with_things * THINGS)
    return [
        (_ROLES, range(nurse_of(clients - 1) + NURSES)),
        *((kind, range(clients)) for kind in _OF_CLIENTS),
        *((kind, things) for kind in _THINGS),
    ]


def roles() -> Iterator[tuple[str, Json]]:
    """What the hospital writes: itself, and the templates of its nurses' roles, each with its address."""
    yield HOSPITAL, {"resourceType": "Organization", "id": HOSPITAL.split("/")[1], "active": True, "name": "Sairaala"}
    for nurse in range(NURSES):
        id = f"bench-9840000{nurse:02}"
        yield (
            f"PractitionerRole/{id}",
            {
                "resourceType": "PractitionerRole",
                "id": id,
                "active": True,
                "practitioner": {"reference": f"Practitioner/{id}"},
                "organization": {"reference": HOSPITAL},
            },
        )


def templates() -> Iterator[tuple[str, Json]]:
    """What the welfare area writes: templates of clients, teams, consents, plans and goals, with their addresses."""
    for nurse in range(NURSES):
        number = f"9850000{nurse:02}"
        yield f"Patient/bench-{number}", client(f"bench-{number}")
        yield f"CareTeam/bench-{number}", _team(number, f"9840000{nurse:02}")
        for part, consent in enumerate(consents(nurse, f"Patient/bench-{number}"), 1):
            yield f"Consent/bench-{number}-{part}", {**consent, "id": f"bench-{number}-{part}"}
        for part, (_, _, label) in enumerate(_PARTS):
            yield from _things(nurse, part, label)


def things() -> Iterator[str]:
    """The addresses of the templates of plans and goals."""
    return (path for path, _ in templates() if path.startswith(("CarePlan/", "Goal/")))


def consents(nurse: int, patient: str) -> tuple[Json, ...]:
    """The consents of a client of hers, without ids: ten rules."""
    association, employment, insurer = OTHERS
    classes = [{"system": "http://hl7.org/fhir/resource-types", "code": code} for code in ("CarePlan", "Goal", "Task")]
    narrow = {"type": "permit", "class": classes}
    return (
        _consent(patient, "2026-01-10", _permit(nurse)),
        _consent(patient, "2026-01-11", {**narrow, "actor": [_actor(association)], "provision": _not_for_research()}),
        _consent(patient, "2026-01-12", {**narrow, "actor": [_actor(employment)], "provision": _not_for_research()}),
        _consent(patient, "2026-01-13", {"type": "deny", "actor": [_actor(insurer)]}),
    )


def _permit(nurse: int) -> Json:
    """What the hospital may see."""
    share, way = share_of(nurse), WAYS[nurse // len(_SHARES) % len(WAYS)]
    root: Json = {"type": "permit", "actor": [_actor(HOSPITAL)], "provision": _not_for_research()}
    if share == WHOLLY:
        return root
    seen = next(label for _, end, label in _PARTS if end == SHARES[share])
    if way == "label":
        return {**root, "securityLabel": [_label(seen)]}
    if way == "dataPeriod":
        first, _ = month_of(nurse)
        return {**root, "dataPeriod": {"start": first, "end": f"{first[:8]}{_day(seen) + 1}"}}
    exception = {"type": "deny", "securityLabel": [_label({"L": "N", "N": "R", "R": "V"}[seen])]}
    return {**root, "provision": [exception, _not_for_research()[0]]}


def _not_for_research() -> list[Json]:
    return [{"type": "deny", "purpose": [{"system": _REASON, "code": code}]} for code in ("HRESCH", "HMARKT")]


def _day(label: str) -> int:
    """The day of the month on which things with that label begin; they end on the next."""
    return {"L": 11, "N": 14, "R": 17}[label]


def _label(code: str) -> Json:
    return {"system": _CONFIDENTIALITY, "code": code}


def _actor(reference: str) -> Json:
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
    return {"role": {"coding": [role]}, "reference": {"reference": reference}}


def _consent(patient: str, given: str, provision: Json) -> Json:
    scope = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [scope]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": patient},
        "dateTime": f"{given}T10:00:00+02:00",
        "performer": [{"reference": patient}],
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        "provision": provision,
    }


def _team(number: str, nurse: str) -> Json:
    patient = {"reference": f"Patient/bench-{number}"}
    members: list[Json] = [
        {"member": {"reference": f"Practitioner/bench-{nurse}"}, "onBehalfOf": {"reference": HOSPITAL}},
        {"member": {"reference": "Practitioner/bench-social-worker"}, "onBehalfOf": {"reference": CONTROLLER}},
        {"member": {"reference": OTHERS[0]}},
        {"member": patient},
    ]
    return {
        "resourceType": "CareTeam",
        "id": f"bench-{number}",
        "status": "active",
        "name": "Minun tiimini",
        "subject": patient,
        "participant": [{**each, "period": {"start": "2025-11-03"}} for each in members],
        "managingOrganization": [{"reference": CONTROLLER}],
    }


def _things(nurse: int, part: int, label: str) -> Iterator[tuple[str, Json]]:
    """A plan and a goal of a client of hers."""
    which = f"{nurse * len(_PARTS) + part:02}"
    number, patient = f"9830000{which}", f"Patient/bench-9850000{which}"
    month, day = month_of(nurse)[0][:8], _day(label)
    meta = {"security": [_label(label)]}
    made = plan(number, patient, performer=f"Practitioner/bench-9840000{which}", start=f"{month}{day}")
    made = {**made, "period": {"start": f"{month}{day}", "end": f"{month}{day + 1}"}}
    goal = {
        "lifecycleStatus": "active",
        "description": {"text": "Arki sujuu: heräämme aamulla ja syömme yhdessä"},
        "subject": {"reference": patient},
        "startDate": f"{month}{day}",
    }
    for type, body in (("CarePlan", made), ("Goal", goal)):
        yield f"{type}/bench-{number}", {**body, "resourceType": type, "id": f"bench-{number}", "meta": meta}
