"""The clients with consents that the bench fills in are what the service would have made of them, and what it measures
of a withdrawal tells when one does not hold."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import psutil
import pytest
from benchmarks.consented import (
    CONSENTS,
    FEWEST,
    HOSPITAL,
    NURSES,
    RULES,
    SHARES,
    THINGS,
    WAYS,
    client_id,
    clients_of,
    consent_id,
    consents,
    month_of,
    nurse_of,
    person,
    roles,
    share_of,
    templates,
    thing_id,
    wanted,
)
from benchmarks.consents import World, withdraw
from benchmarks.database import Database
from benchmarks.filler import fill_in
from benchmarks.population import CONTROLLER
from benchmarks.servers import Server as Service

from databases import Server
from exchange.asking import BASE, RECORDS
from populated import ask, put_templates, values
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.fhir.exchanges import Asked

AREA = replace(RECORDS, organization=CONTROLLER)
CLIENTS = 130
NUMBER = 17
"""The client who is looked at."""


@pytest.fixture(scope="module")
def consented(server: Server) -> Iterator[str]:
    """A database with 130 of the clients, two of each nurse's with things."""
    with server.database() as url:
        put_templates(url, roles(), replace(RECORDS, organization=HOSPITAL))
        put_templates(url, templates(), AREA)
        fill_in(url, wanted(CLIENTS, with_things=2 * NURSES))
        yield url


def nurse(number: int) -> Principal:
    return replace(RECORDS, scopes=parse("user/*.cruds"), organization=HOSPITAL, person=person(number))


def searched(type: str, **parameters: str) -> Asked:
    return Asked("search-type", type, parameters=tuple(parameters.items()), base=BASE)


@pytest.mark.parametrize("number", range(NURSES))
def test_a_nurse_sees_as_much_of_each_client_of_hers_as_his_consents_say(consented: str, number: int) -> None:
    visible = SHARES[share_of(number)]
    for_one = [Asked("read", "CarePlan", thing_id(client, 0), base=BASE) for client in clients_of(number)[:2]]
    plans, goals, *read = ask(
        consented,
        searched("CarePlan", patient=f"Patient/{client_id(clients_of(number)[1])}"),
        searched("Goal", _summary="count"),
        *for_one,
        by=nurse(number),
    )
    assert (plans["total"], goals["total"]) == (visible, visible * 2)
    assert [each["id"] for each in read] == [each.id for each in for_one]


def test_only_the_plans_of_one_nurses_clients_are_of_her_month(consented: str) -> None:
    low, high = month_of(5)
    parameters = (("date", f"ge{low}"), ("date", f"lt{high}"), ("_count", "1000"))
    asked = Asked("search-type", "CarePlan", parameters=parameters, base=BASE)
    (found,) = ask(consented, asked, by=replace(AREA, scopes=parse("system/*.rs")))
    subjects = {each["resource"]["subject"]["reference"] for each in found["entry"]}
    mine = {f"Patient/{client_id(number)}" for number in clients_of(5)[:2]}
    assert {each for each in subjects if not each.startswith("Patient/bench-985")} == mine


def test_every_nurse_and_every_share_is_there_in_every_way() -> None:
    assert len(SHARES) * len(WAYS) == NURSES
    assert all(nurse_of(client) == number for number in range(3 * NURSES) for client in clients_of(number))


def test_a_filled_client_has_the_rules_that_the_service_makes_of_his_consents(consented: str) -> None:
    told = """
        select json_agg(to_jsonb(r) - '{version,updated}'::text[] order by consent, number) from access_rule r
        where client = 'Patient/%s'
    """
    members = """
        select json_agg(to_jsonb(m) order by member) from access_member m where client = 'Patient/%s'
    """
    client, number = client_id(NUMBER), nurse_of(NUMBER)
    before = values(consented, told % client, members % client)
    (team,) = ask(consented, Asked("read", "CareTeam", client, base=BASE), by=AREA)
    again = [
        (f"Consent/{client}-{part}", {**consent, "id": f"{client}-{part}", "language": "fi"})
        for part, consent in enumerate(consents(number, f"Patient/{client}"), 1)
    ]
    put_templates(consented, [*again, (f"CareTeam/{client}", {**team, "language": "fi"})], AREA)
    versions = f"select array_agg(distinct version) from access_rule where client = 'Patient/{client}'"
    assert values(consented, versions) == [[2]]
    after = values(consented, told % client, members % client)
    assert after == before
    assert (len(json.loads(before[0])), len(again)) == (RULES, CONSENTS)


def test_a_filled_consent_was_updated_when_it_says(consented: str) -> None:
    (count,) = values(
        consented,
        "select count(*) from access_rule r join consent c on 'Consent/' || c.id = r.consent "
        "where r.updated = c.last_updated and r.consent ~ '/bench-500'",
    )
    assert count == CLIENTS * RULES


def test_fewer_clients_than_those_who_are_asked_about_are_refused() -> None:
    with pytest.raises(ValueError, match=f"{FEWEST} clients or more"):
        wanted(FEWEST - 1)


class Remembering(BaseHTTPRequestHandler):
    """A service that goes on showing the withdrawn, to reads alone or to nobody, as `forgets` says."""

    protocol_version = "HTTP/1.1"
    forgets: ClassVar[str] = "nothing"
    withdrawn: ClassVar[set[str]] = set()

    def do_PUT(self) -> None:
        consent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        (self.withdrawn.add if consent["status"] == "inactive" else self.withdrawn.discard)(self.path)
        self.answer(200, consent)

    def do_GET(self) -> None:
        is_search = "?" in self.path
        hides = self.withdrawn and (self.forgets == "nothing" or (self.forgets == "reads" and is_search))
        links = [{"relation": "next", "url": f"http://{self.headers['Host']}/fhir/CarePlan?page=2"}]
        if is_search:
            self.answer(200, {"resourceType": "Bundle", "total": 0 if hides else 7, "link": links})
        else:
            self.answer(404 if hides else 200, {"resourceType": "OperationOutcome" if hides else "CarePlan"})

    def answer(self, status: int, found: object) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def world(tmp_path: object) -> Iterator[World]:
    """The service above, as something to measure."""
    Remembering.withdrawn.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Remembering) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        origin = f"http://127.0.0.1:{server.server_port}"
        service = Service("remembering", origin, psutil.Process(), None, 0.0)  # type: ignore[arg-type]
        yield World(service, Database("unasked"), "own", ("nurse",) * NURSES)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("forgets", "are_late", "next_refused"), [("nothing", False, 2), ("reads", True, 2), ("all", True, 0)]
)
def test_what_is_shown_after_a_withdrawal_is_told(
    world: World, forgets: str, are_late: bool, next_refused: int
) -> None:
    Remembering.forgets = forgets
    found = withdraw(world, 2)
    assert (found.late > 0, found.next_refused, len(found.latencies)) == (are_late, next_refused, 2)
    assert found.asked > found.late or forgets == "all"
    assert bool(found.first_late) == are_late
    assert all(each > 0 for each in found.latencies)


def test_the_consent_that_is_withdrawn_is_the_one_that_opens() -> None:
    assert consent_id(NUMBER) == f"{client_id(NUMBER)}-1"
    opening = consents(nurse_of(NUMBER), "Patient/x")[0]["provision"]
    assert [each["reference"]["reference"] for each in opening["actor"]] == [HOSPITAL]
    assert len({thing_id(0, thing) for thing in range(THINGS)}) == THINGS
