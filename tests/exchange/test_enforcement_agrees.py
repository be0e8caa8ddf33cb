"""What the database shows is what the pure judgement permits, over random worlds: read by id, searched by client, and
searched without a word; nothing more and nothing less."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Server, of_service
from exchange.asking import RECORDS
from sharedplan.access.decision import Facts as Moment
from sharedplan.access.decision import decide
from sharedplan.access.facts import Client, Facts, Opening, Question
from sharedplan.access.items import GUARDIAN_DISCLOSURE, Item, guardian_disclosure, item_of, with_targets
from sharedplan.access.judgement import judge
from sharedplan.access.periods import Span
from sharedplan.access.principal import Principal
from sharedplan.access.provisions import rules_of
from sharedplan.access.relations import ORGANIZATION_TYPE, Directory, memberships, relations_of, relative_of, role_of
from sharedplan.access.rows import rows_of
from sharedplan.access.scopes import parse
from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import references
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.provenances import MARK
from sharedplan.interactions.targets import binding
from sharedplan.search.expression import Everything, Expression, RefersTo, Updated
from sharedplan.search.parameters import PARAMETERS
from sharedplan.search.values.reference import indexed
from sharedplan.store.engine import Pool
from sharedplan.store.searches import UNKNOWN, Search, Seeing
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Change, Named
from store.changes import a_change, written

Json = dict[str, Any]

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ROLE = "https://sharedplan.dev/fhir/CodeSystem/team-role"
NOW = datetime.now(UTC)

CLIENTS = ("Patient/a", "Patient/b")
ORGANIZATIONS = ("Organization/s", "Organization/h", "Organization/n", "Organization/county")
PEOPLE = ("Practitioner/sari", "Practitioner/niko", "Practitioner/jari")
ROLES = ("PractitionerRole/sari", "PractitionerRole/niko", "PractitionerRole/jari")
TEAMS = ("CareTeam/a1", "CareTeam/a2", "CareTeam/b1")
OTHERS = ("RelatedPerson/leena", "Practitioner/olli")
ACTORS = (*ORGANIZATIONS, *PEOPLE, *ROLES, *TEAMS, *OTHERS)
LIKELY = (*("Organization/h", "Practitioner/niko", "PractitionerRole/niko", "RelatedPerson/leena") * 4, *ACTORS)


OPENERS = (
    ("Practitioner/niko", "Organization/s"),
    ("Practitioner/sari", "Organization/s"),
    ("PractitionerRole/sari", "Organization/s"),
    ("Practitioner/jari", "Organization/n"),
    ("Practitioner/olli", "Organization/h"),
)


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


PERIODS = st.sampled_from(
    [
        *[None] * 12,
        {"start": at(-30)},
        {"start": at(-30), "end": at(-10)},
        {"end": at(30)},
        {"start": at(5)},
        {"start": "2020", "end": "2099-12"},
        {"start": "2021-05-05", "end": (NOW - timedelta(days=2)).strftime("%Y-%m-%d")},
    ]
)
TIMES = st.sampled_from([at(-200), at(-40), at(-1), at(3), "2019", "2019-05", "2020-12-31", "2025-03-04"])


def maybe(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.one_of(st.just({}), values.map(lambda value: {} if value is None else {name: value}))


def merged(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.tuples(*parts).map(lambda found: {name: value for each in found for name, value in each.items()})


def referring(to: tuple[str, ...]) -> st.SearchStrategy[Json]:
    return st.sampled_from(to).map(lambda each: {"reference": each})


def some(values: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=most)


def concept(system: str, *codes: str) -> st.SearchStrategy[Json]:
    return st.sampled_from(codes).map(lambda code: {"coding": [{"system": system, "code": code}]})


def coding(system: str, *codes: str) -> st.SearchStrategy[Json]:
    return st.sampled_from(codes).map(lambda code: {"system": system, "code": code})


LABELS = st.one_of(coding(ACT, "PSY", "SUD", "ETHUD", "BH"), coding(CONFIDENTIALITY, "L", "N", "R", "V"))
EXTENSION = st.sampled_from([*[None] * 5, "1", "2", "3"]).map(
    lambda code: (
        {}
        if code is None
        else {
            "extension": [
                {"url": "urn:d", "valueCodeableConcept": {"coding": [{"system": GUARDIAN_DISCLOSURE, "code": code}]}}
            ]
        }
    )
)
META = maybe(
    "meta",
    maybe("security", some(LABELS)).flatmap(
        lambda m: maybe("profile", some(st.just("urn:p"))).map(lambda p: {**m, **p} or None)
    ),
)

MEMBERS = some(
    merged(
        st.fixed_dictionaries({"member": referring(LIKELY)}),
        maybe("role", some(concept(ROLE, "coordinator", "ngo", "relative", "nurse"))),
        maybe("period", PERIODS),
    ).flatmap(
        lambda made: (
            maybe("onBehalfOf", referring(ORGANIZATIONS)).map(lambda more: {**made, **more})
            if made["member"]["reference"].startswith("Practitioner/")
            else st.just(made)
        )
    ),
    4,
)

ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TYPES = ("CarePlan", "Goal", "Task", "Observation", "QuestionnaireResponse", "CareTeam", "Patient", "Consent")
THINGS = ("CarePlan/a", "Goal/a", "Task/a", "Observation/a", "Goal/b")


def provisions(depth: int) -> st.SearchStrategy[Json]:
    criteria = merged(
        st.fixed_dictionaries({"type": st.sampled_from(["permit", "permit", "permit", "deny"])}),
        maybe("period", PERIODS),
        maybe(
            "actor",
            some(
                merged(
                    st.fixed_dictionaries({"reference": referring(LIKELY)}),
                    maybe(
                        "role",
                        concept(
                            "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                            "IRCP",
                            "PRCP",
                            "CST",
                            "AUT",
                            "INF",
                        ),
                    ),
                )
            ),
        ),
        maybe("action", some(concept(ACTION, "access", "collect"))),
        maybe("purpose", some(coding(REASON, "TREAT", "CAREMGT", "ETREAT", "HRESCH"))),
        maybe("class", some(coding("http://hl7.org/fhir/resource-types", *TYPES))),
        maybe("securityLabel", some(LABELS)),
        maybe("code", some(concept("urn:codes", "x", "y"))),
        maybe(
            "dataPeriod",
            st.sampled_from([{"end": "2020-12-31"}, {"start": "2021"}, {"start": at(-60), "end": at(-20)}]),
        ),
        maybe(
            "data",
            some(
                st.fixed_dictionaries(
                    {
                        "meaning": st.sampled_from(["instance", "related", "dependents", "authoredby"]),
                        "reference": referring((*THINGS, *PEOPLE)),
                    }
                )
            ),
        ),
    )
    # Most criteria are left out, or nothing would match anything.
    thin = st.tuples(criteria, st.sets(st.sampled_from(CRITERIA), min_size=6)).map(
        lambda found: {name: value for name, value in found[0].items() if name not in found[1]}
    )
    if depth == 0:
        return thin
    return st.tuples(thin, maybe("provision", some(provisions(depth - 1)))).map(lambda found: {**found[0], **found[1]})


CRITERIA = ("period", "actor", "action", "purpose", "class", "securityLabel", "code", "dataPeriod", "data")

CONSENTS = st.builds(
    lambda patient, status, date, provision, ban, root, performer: {
        "resourceType": "Consent",
        "status": status,
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [
            {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]},
            *(
                [{"coding": [{"system": "https://sharedplan.dev/fhir/CodeSystem/consent-category", "code": "ban"}]}]
                if ban
                else []
            ),
        ],
        "patient": {"reference": patient},
        "dateTime": date,
        "policyRule": {"coding": [{"system": ACT, "code": root}]},
        "provision": provision,
        **({"performer": [{"reference": performer}]} if performer else {}),
    },
    st.sampled_from(["Patient/a", "Patient/a", "Patient/a", "Patient/b"]),
    st.sampled_from([*["active"] * 6, "inactive"]),
    st.sampled_from(
        [at(-100), at(-50), at(-50), at(-20), at(-15), at(2), (NOW - timedelta(days=50)).strftime("%Y-%m-%d")]
    ),
    provisions(2),
    st.sampled_from([*[False] * 7, True]),
    st.sampled_from(["OPTIN", "OPTOUT"]),
    st.sampled_from([None, "RelatedPerson/leena", "Patient/a"]),
)


def items(client: str, letter: str) -> st.SearchStrategy[list[Json]]:
    subject = {"subject": {"reference": client}}
    author = maybe("author", referring(PEOPLE))
    linked = maybe("basedOn", some(referring(("CarePlan/a", "CarePlan/b"))))
    code = {"code": concept("urn:codes", "x", "y", "z")}
    task_code = concept("https://sharedplan.dev/fhir/CodeSystem/task", "consultation", "review")
    fixed = st.fixed_dictionaries
    plan = merged(
        st.just({"resourceType": "CarePlan", "status": "active", "intent": "plan", **subject}),
        author,
        maybe("period", PERIODS),
        maybe("created", TIMES),
        maybe("goal", some(referring(("Goal/a", "Goal/b")))),
    )
    goal = merged(
        st.just({"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "x"}, **subject}),
        maybe("expressedBy", referring((*PEOPLE, *CLIENTS))),
        maybe("statusDate", st.just("2019-06-06")),
        maybe("startDate", st.just("2025-01-01")),
    )
    task = merged(
        st.just({"resourceType": "Task", "intent": "order", "for": {"reference": client}}),
        fixed({"status": st.sampled_from(["requested", "accepted", "completed"])}),
        maybe("code", task_code),
        maybe("owner", referring((*PEOPLE, *ORGANIZATIONS, *ROLES))),
        maybe("authoredOn", TIMES),
        linked,
    )
    observation = merged(
        st.just({"resourceType": "Observation", "status": "final", **subject}),
        fixed(code),
        maybe("effectiveDateTime", TIMES),
        maybe("issued", st.just("2019-07-07T10:00:00Z")),
        linked,
    )
    response = merged(
        st.just({"resourceType": "QuestionnaireResponse", "status": "completed", **subject}),
        author,
        maybe("authored", TIMES),
        linked,
    )
    encounter = merged(
        st.just({"resourceType": "Encounter", "class": {"system": ACT, "code": "AMB"}, **subject}),
        fixed({"status": st.sampled_from(["finished", "cancelled"])}),
        maybe("participant", some(fixed({"individual": referring((*PEOPLE, *ROLES))}))),
        maybe("period", PERIODS),
    )
    episode = merged(
        st.just({"resourceType": "EpisodeOfCare", "patient": {"reference": client}}),
        fixed({"status": st.sampled_from(["active", "finished"])}),
        maybe("careManager", referring(PEOPLE)),
        maybe("period", PERIODS),
    )
    condition = merged(
        st.just({"resourceType": "Condition", **subject}), maybe("recorder", referring(PEOPLE)), fixed(code)
    )
    communication = st.just({"resourceType": "Communication", "status": "completed", **subject})
    flag = merged(
        st.just({"resourceType": "Flag", "status": "active", **subject}), maybe("period", PERIODS), fixed(code)
    )
    each = [plan, goal, task, observation, response, encounter, episode, condition, communication, flag]
    return st.tuples(
        *(
            st.tuples(one, META, EXTENSION).map(lambda found: {**found[0], **found[1], **found[2], "id": letter})
            for one in each
        )
    ).map(list)


PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
TARGETED = (
    *("CarePlan/a", "Goal/a", "Task/a", "Observation/a", "Encounter/a", "Communication/a", "EpisodeOfCare/a") * 2,
    *("Patient/a", "Consent/c0", "CareTeam/a1", "RelatedPerson/leena", "Observation/b", "Encounter/b", "Goal/b"),
    *("Goal/none", "Organization/s"),
)

PROVENANCES = st.lists(
    st.fixed_dictionaries(
        {
            "targets": st.lists(st.sampled_from(TARGETED), min_size=1, max_size=2, unique=True),
            "by_service": st.booleans(),
            "agents": st.lists(st.sampled_from((*PEOPLE, *ORGANIZATIONS)), min_size=3, max_size=3),
            "sees": st.lists(st.sampled_from([True, True, False]), min_size=2, max_size=2),
        }
    ),
    min_size=4,
    max_size=8,
)


def teams(id: str, client: str) -> st.SearchStrategy[Json]:
    return merged(
        st.just({"resourceType": "CareTeam", "id": id, "subject": {"reference": client}}),
        st.fixed_dictionaries({"status": st.sampled_from([*["active"] * 6, "proposed"]), "participant": MEMBERS}),
        maybe("period", PERIODS),
    )


def roles() -> st.SearchStrategy[list[Json]]:
    held = (("sari", "Organization/s"), ("niko", "Organization/h"), ("jari", "Organization/n"))
    return st.tuples(
        *(
            merged(
                st.just(
                    {
                        "resourceType": "PractitionerRole",
                        "id": name,
                        "practitioner": {"reference": f"Practitioner/{name}"},
                        "organization": {"reference": organization},
                    }
                ),
                maybe("period", PERIODS),
                st.sampled_from([{}, {}, {"active": True}, {"active": False}]),
            )
            for name, organization in held
        )
    ).map(list)


DISCLOSURE = st.sampled_from([None, None, "1", "2", "3", "4"]).map(
    lambda code: (
        None
        if code is None
        else [{"url": "urn:disclosure", "valueCoding": {"system": GUARDIAN_DISCLOSURE, "code": code}}]
    )
)


def born(years: float) -> str:
    return (NOW - timedelta(days=365.25 * years)).strftime("%Y-%m-%d")


PEOPLE_OF_CARE = merged(
    st.sampled_from(["1980-01-01", "1980", born(10), born(15), born(15), born(18.2)]).map(
        lambda date: {"birthDate": date}
    ),
    maybe("extension", DISCLOSURE),
)
RELATIVE = merged(
    maybe("period", PERIODS),
    st.fixed_dictionaries(
        {"relationship": some(concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH", "MTH", "SIS"))}
    ),
)

OPENINGS = st.lists(
    st.tuples(
        st.sampled_from([*[("Practitioner/niko", "Organization/h")] * 3, *OPENERS]),
        st.sampled_from(["Patient/a", "Patient/a", "Patient/b"]),
        st.sampled_from(["ETREAT", "ETREAT", "BTG"]),
        st.sampled_from([(-1, 1), (-1, 1), (-2, -1), (1, 2)]),
    ).map(lambda made: (*made[0], made[1], made[2], *(NOW + timedelta(days=each) for each in made[3]))),
    max_size=4,
)

WORLDS = st.fixed_dictionaries(
    {
        "openings": OPENINGS,
        "clients": st.tuples(PEOPLE_OF_CARE, PEOPLE_OF_CARE).map(list),
        "roles": roles(),
        "relative": RELATIVE,
        "teams": st.tuples(teams("a1", "Patient/a"), teams("a2", "Patient/a"), teams("b1", "Patient/b")).map(list),
        "consents": st.lists(CONSENTS, min_size=1, max_size=5),
        "items": st.tuples(items("Patient/a", "a"), items("Patient/b", "b")).map(lambda both: both[0] + both[1]),
        "provenances": PROVENANCES,
        "registers": st.lists(st.sampled_from(["Organization/s", "Organization/h"]), min_size=26, max_size=26),
        "purpose": st.sampled_from(["TREAT", "TREAT", "CAREMGT", "COC", "ETREAT", "ETREAT", "BTG"]),
    }
)

ORGANIZATION_RESOURCES: list[Json] = [
    {"resourceType": "Organization", "id": "county", "name": "C"},
    {"resourceType": "Organization", "id": "s", "name": "S", "partOf": {"reference": "Organization/county"}},
    {"resourceType": "Organization", "id": "h", "name": "H", "partOf": {"reference": "Organization/county"}},
    {
        "resourceType": "Organization",
        "id": "n",
        "name": "N",
        "type": [{"coding": [{"system": ORGANIZATION_TYPE, "code": "ngo"}]}],
    },
]

ASKERS = (
    (None, "Organization/s"),
    (None, "Organization/h"),
    (None, "Organization/n"),
    ("Practitioner/sari", "Organization/s"),
    ("PractitionerRole/sari", "Organization/s"),
    ("Practitioner/niko", "Organization/h"),
    ("PractitionerRole/niko", None),
    ("Practitioner/jari", "Organization/n"),
    ("Practitioner/niko", "Organization/s"),
    ("Practitioner/olli", "Organization/h"),
    ("RelatedPerson/leena", None),
)


def principal(person: str | None, organization: str | None, purpose: str) -> Principal:
    scopes = parse("system/*.cruds" if person is None else "user/*.cruds")
    return replace(RECORDS, person=person, organization=organization, purpose=purpose, scopes=scopes)


EVERYTHING = Everything()
OF_ANY_TIME = Updated(datetime(2000, 1, 1, tzinfo=UTC))
EVERY_TYPE = frozenset(CATALOGUE)
WAYS = (
    (EVERYTHING, UNKNOWN),
    (OF_ANY_TIME, Seeing(little=EVERY_TYPE)),
    (OF_ANY_TIME, UNKNOWN),
    (EVERYTHING, Seeing(little=EVERY_TYPE)),
    (OF_ANY_TIME, Seeing(much=EVERY_TYPE)),
)
"""Questions that everything meets, and how what meets them is found: in turns."""


class Connected:
    """A database that is filled anew for each world, and asked as the service asks it, behind the second guard."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.pool = Pool(url, size=2, unguarded=True)
        self.store = Store(Pool(of_service(url), size=2))

    def close(self) -> None:
        self.runner.run(self.pool.close())
        self.runner.run(self.store.pool.close())
        self.runner.close()

    async def fill(
        self, resources: list[tuple[Json, str]], openings: list[Any], provenances: list["Provenance"]
    ) -> dict[str, datetime]:
        """Stores them, each in its register, and what emergencies opened; gives when each was, by its reference."""
        connection = await self.pool.acquire()
        types = {"Provenance", *(one["resourceType"] for one, _ in resources)}
        names = ", ".join(f'"{CATALOGUE[type].table}"' for type in types)
        for table in ("resource_version", "access_opening"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await connection.execute(f"TRUNCATE resource_version, access_rule, access_member, access_opening, {names}")
        self.pool.release(connection)
        changes = [
            replace(a_change(one, id=one["id"], controller=register), derived=rows_of(one, 1))
            for one, register in resources
        ]
        changes += [of_targets(each) for each in provenances]
        async with self.store.begin() as unit:
            for person, organization, client, purpose, low, high in openings:
                await unit.open(client, person, organization, purpose, low, high, task="Task/review")
        return {f"{each.type}/{each.id}": each.last_updated for each in await written(Store(self.pool), *changes)}

    async def seen(
        self, by: Principal, type: str, where: Expression = EVERYTHING, *, seeing: Seeing = UNKNOWN
    ) -> set[str]:
        slices = decide(Asked("search-type", type), by, Moment(NOW)).slices
        async with self.store.begin() as unit:
            unit.asked_by(by.person, by.organization)
            found = await unit.search(Search({type: where}, slices, 100, "accurate", seeing=seeing))
        assert found.total == len(found.versions)
        return {each.id for each in found.versions}

    async def read(self, by: Principal, type: str, id: str) -> bool:
        slices = decide(Asked("read", type, id), by, Moment(NOW)).slices
        async with self.store.begin() as unit:
            unit.asked_by(by.person, by.organization)
            return await unit.read(type, id, within=slices[type]) is not None


@pytest.fixture(scope="module")
def connected(server: Server) -> Iterator[Connected]:
    with server.database() as url:
        found = Connected(url)
        yield found
        found.close()


def resources_of(world: Json) -> list[tuple[Json, str]]:
    people = [
        {"resourceType": "Patient", "id": each.partition("/")[2], **more}
        for each, more in zip(CLIENTS, world["clients"], strict=True)
    ]
    relative = {
        "resourceType": "RelatedPerson",
        "id": "leena",
        "patient": {"reference": "Patient/a"},
        **world["relative"],
    }
    consents = [{**each, "id": f"c{n}"} for n, each in enumerate(world["consents"])]
    of_clients = [*people, relative, *world["teams"], *consents, *world["items"]]
    registers = (world["registers"] * 2)[: len(of_clients)]
    directory = [*ORGANIZATION_RESOURCES, *world["roles"]]
    return [*((one, "Organization/county") for one in directory), *zip(of_clients, registers, strict=False)]


class Provenance(NamedTuple):
    """One as it is stored, with the clients and the register that it was bound to."""

    resource: Json
    bound: Named


def of_targets(provenance: Provenance) -> Change:
    change = a_change(provenance.resource, id=provenance.resource["id"], controller=provenance.bound.controller)
    return replace(change, values={**change.values, "patient": list(provenance.bound.patients) or None})


def clients_of(resource: Json) -> tuple[str, ...]:
    """The client that one of the world's things is of."""
    client = item_of(resource, controller=None).client
    return (client,) if client is not None else ()


def provenances_of(world: Json, resources: list[tuple[Json, str]]) -> list[Provenance]:
    """Those of the service are of one thing alone that is there; others may be of what their writers did not see."""
    there = {f"{one['resourceType']}/{one['id']}": Named(clients_of(one), register) for one, register in resources}
    found = []
    for number, each in enumerate(world["provenances"]):
        of_clients = [name for name in each["targets"] if name != "Organization/s"]
        is_by_service = each["by_service"] and bool(of_clients) and of_clients[0] in there
        named = of_clients[:1] if is_by_service else each["targets"]
        seen = [name for name, sees in zip(named, each["sees"], strict=False) if sees or is_by_service]
        if is_by_service or (of_clients and any(name in there for name in seen)):
            author, behalf, other = ({"reference": name} for name in each["agents"])
            is_author = {"type": {"coding": [{"system": PARTICIPANT, "code": "author"}]}}
            resource = {
                "resourceType": "Provenance",
                "id": f"p{number}",
                "meta": {"tag": [MARK]} if is_by_service else {},
                "target": [{"reference": f"{name}/_history/1"} for name in named],
                "recorded": at(-1),
                "agent": [{**is_author, "who": author, "onBehalfOf": behalf}, {**is_author, "who": other}],
            }
            kept = [name for name in named if name != "Organization/s"]
            seen_there = {name: there[name] for name in seen if name in there}
            found.append(Provenance(resource, binding(kept, seen_there, "Organization/h")))
    return found


def authors_of(name: str, provenances: list[Provenance]) -> dict[str, set[str]]:
    """Who wrote a thing by its Provenances: whom the service recorded, and whom anybody names."""
    attested, claimed = set(), set()
    for one, bound in provenances:
        if f"{name}/_history/1" in [each["reference"] for each in one["target"]]:
            first, second = one["agent"]
            both = {first["who"]["reference"], first["onBehalfOf"]["reference"]}
            if "tag" in one["meta"]:
                attested |= both
            if bound.patients and bound.controller:
                claimed |= both | {second["who"]["reference"]}
    return {"attested": attested, "claimed": claimed}


def permitted(
    world: list[tuple[Json, str]],
    provenances: list[Provenance],
    openings: list[Any],
    when: dict[str, datetime],
    by: Principal,
    moment: datetime,
) -> set[str]:
    """The references of what the pure judgement lets the asker read."""
    every = [one for one, _ in world]
    of = {type: [one for one in every if one["resourceType"] == type] for type in CATALOGUE}
    parents = {f"Organization/{o['id']}": o["partOf"]["reference"] for o in of["Organization"] if "partOf" in o}
    directory = Directory(
        tuple(map(role_of, of["PractitionerRole"])),
        tuple(map(relative_of, of["RelatedPerson"])),
        parents,
        {"Organization/n": frozenset({"ngo"})},
    )
    refers = {
        f"{one['resourceType']}/{one['id']}": {indexed(text, "") for _, _, text in references.each(one)}
        for one in every
    }
    found = set()
    refused: set[str] = set()
    for client in CLIENTS:
        (person_of_care,) = [one for one in of["Patient"] if f"Patient/{one['id']}" == client]
        facts = Facts(
            at=moment,
            client=Client(
                client,
                birth_date=person_of_care.get("birthDate"),
                guardian_disclosure=guardian_disclosure(person_of_care),
            ),
            rules=tuple(
                rule
                for one in of["Consent"]
                for rule in rules_of(one, 1, when[f"Consent/{one['id']}"])
                if rule.client == client
            ),
            memberships=tuple(
                m
                for one in of["CareTeam"]
                for m in memberships(one, added=dict.fromkeys(ACTORS, when[f"CareTeam/{one['id']}"]))
                if m.client == client
            ),
            relations=tuple(r for one in every for r in relations_of(one) if r.client == client),
            directory=directory,
            openings=tuple(
                Opening(person, organization, purpose, Span(low, high))
                for person, organization, whose, purpose, low, high in openings
                if whose == client
            ),
        )
        items = {}
        for one, register in world:
            name = f"{one['resourceType']}/{one['id']}"
            item = items[name] = item_of(
                one,
                controller=register,
                parents=directory.above(register),
                first_updated=when[name],
                referred_by=[by_ for by_, to in refers.items() if name in to],
                **authors_of(name, provenances),
            )
            if item.client == client and CATALOGUE[item.type].client_data:
                question = Question(by.person, by.organization, by.purpose, "read", item)
                if judge(question, facts).is_permitted:
                    found.add(name)
        for one, bound in provenances:
            if client in bound.patients:
                item = as_targeted(one, bound, client, items)
                question = Question(by.person, by.organization, by.purpose, "read", item)
                (found if judge(question, facts).is_permitted else refused).add(f"Provenance/{one['id']}")
    for one, bound in provenances:
        if not bound.patients and by.person is None and by.organization == bound.controller:
            found.add(f"Provenance/{one['id']}")  # of nothing that its writer saw: for the system of his register alone
    return found - refused


def as_targeted(resource: Json, bound: Named, client: str, items: dict[str, Item]) -> Item:
    """A Provenance as it is asked about, of one of its clients."""
    named = [each["reference"].removesuffix("/_history/1") for each in resource["target"]]
    things = [items.get(name) for name in named if name != "Organization/s"]
    fitting = [
        each
        for each in things
        if each is not None and each.client in bound.patients and bound.controller in (None, each.controller)
    ]
    item = item_of(resource, controller=bound.controller)
    mine = [each for each in fitting if each.client == client]
    return with_targets(item, client, mine, lacks=len(fitting) < len(things))


@settings(max_examples=4, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=WORLDS)
def test_the_database_shows_what_the_judgement_permits(connected: Connected, world: Json) -> None:
    connected.runner.run(check_agreement(connected, world))


@pytest.mark.long
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=WORLDS)
def test_the_database_shows_what_the_judgement_permits_in_many_worlds(connected: Connected, world: Json) -> None:
    connected.runner.run(check_agreement(connected, world))


@settings(max_examples=3, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=WORLDS, purpose=st.sampled_from(["ETREAT", "BTG"]), openings=st.data())
def test_the_database_shows_in_an_emergency_what_the_judgement_permits(
    connected: Connected, world: Json, purpose: str, openings: st.DataObject
) -> None:
    held = [
        (*each, NOW - timedelta(hours=1), NOW + timedelta(days=1))
        for each in (
            ("Practitioner/niko", "Organization/h", "Patient/a", purpose),
            ("PractitionerRole/sari", "Organization/s", "Patient/b", purpose),
        )
    ]
    world = {**world, "purpose": purpose, "openings": [*held, *openings.draw(OPENINGS)]}
    connected.runner.run(check_agreement(connected, world))


async def check_agreement(connected: Connected, world: Json) -> None:
    """By each asker: searches of a type, with and without a client, and reads of everything, against the judgement."""
    resources = resources_of(world)
    openings, provenances = world["openings"], provenances_of(world, resources)
    when = await connected.fill(resources, openings, provenances)
    every = [one for one, _ in resources] + [one for one, _ in provenances]
    types = sorted({one["resourceType"] for one in every if CATALOGUE[one["resourceType"]].client_data})
    ways = cycle(WAYS)
    for person, organization in ASKERS:
        by = principal(person, organization, world["purpose"])
        expected = permitted(resources, provenances, openings, when, by, datetime.now(UTC))
        for type in types:
            ids = {name.partition("/")[2] for name in expected if name.startswith(f"{type}/")}
            where, seeing = next(ways)
            assert await connected.seen(by, type, where, seeing=seeing) == ids, (person, organization, type, seeing)
            there = [one for one in every if one["resourceType"] == type]
            for one in there:
                assert await connected.read(by, type, one["id"]) == (one["id"] in ids), (person, type, one["id"])
            if type != "Patient":
                patient = PARAMETERS[type]["patient"]
                of_both = [await connected.seen(by, type, RefersTo(patient, (client,))) for client in CLIENTS]
                of_nobody = {each.resource["id"] for each in provenances if not each.bound.patients}
                assert set().union(*of_both) == ids - of_nobody, (person, organization, type)
