"""A search parameter comes by a SearchParameter and `sharedplan reindex`, while the service runs and is written to."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from journeys.service import TRUST, Service, free_port, prepared

URL = "https://example.org/SearchParameter/"
CODED = {"coding": [{"system": "urn:code", "code": "walk"}]}

ADDED: dict[str, dict[str, Any]] = {
    "contributor": {"type": "reference", "expression": "CarePlan.contributor"},
    "created": {"type": "date", "expression": "CarePlan.created"},
    "title": {"type": "string", "expression": "CarePlan.title"},
    "language": {"type": "token", "expression": "CarePlan.language"},
    "source-uri": {"type": "uri", "expression": "CarePlan.meta.source"},
    "note-time": {"type": "date", "expression": "CarePlan.note.time"},
    "daily": {"type": "quantity", "expression": "CarePlan.activity.detail.dailyAmount"},
    "code-daily": {
        "type": "composite",
        "expression": "CarePlan.activity.detail",
        "component": [
            {"definition": "http://hl7.org/fhir/SearchParameter/CarePlan-activity-code", "expression": "code"},
            {"definition": f"{URL}CarePlan-daily", "expression": "dailyAmount"},
        ],
    },
}


def a_parameter(code: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "id": f"CarePlan-{code}",
        "url": f"{URL}CarePlan-{code}",
        "name": "Added",
        "status": "active",
        "description": "x",
        "code": code,
        "base": ["CarePlan"],
        **elements,
    }


def a_plan(number: int, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "id": f"p{number}",
        "meta": {"source": "https://example.org/source/a"},
        "language": "fi",
        "status": "active",
        "intent": "plan",
        "title": f"Kävelyä joka päivä {number}",
        "subject": {"reference": "Patient/1"},
        "created": f"2026-03-{number % 28 + 1:02}",
        "contributor": [{"reference": "Practitioner/p"}, {"reference": "Practitioner/q"}],
        "note": [{"time": "2026-02-01T10:00:00Z", "text": "x"}],
        "activity": [
            {
                "detail": {
                    "status": "scheduled",
                    "code": CODED,
                    "dailyAmount": {"value": 2, "system": "http://unitsofmeasure.org", "code": "km"},
                }
            }
        ],
        **elements,
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(prepared(tmp_path_factory, "added"), free_port(), workers=2).start()
    try:
        yield running
    finally:
        running.stop()


class Traffic:
    """Somebody who writes plans, new ones and old ones anew, and reads, all the while."""

    def __init__(self, service: Service, first: int) -> None:
        self.numbers = set(range(first))
        self.failures: list[str] = []
        self._next = first
        self._stop = threading.Event()
        self._options = {
            "base_url": service.base,
            "headers": dict(service.client().headers),
            "timeout": 30,
            "verify": TRUST,
        }
        self._threads = [threading.Thread(target=work) for work in (self._create, self._update, self._read)]

    def __enter__(self) -> "Traffic":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _create(self) -> None:
        while not self._stop.is_set():
            self._ask("PUT", f"CarePlan/p{self._next}", a_plan(self._next))
            self.numbers.add(self._next)
            self._next += 1

    def _update(self) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            self._ask("PUT", f"CarePlan/p{turn % 20}", a_plan(turn % 20, description=f"turn {turn}"))

    def _read(self) -> None:
        while not self._stop.is_set():
            self._ask("GET", "CarePlan?status=active&_count=5&_include=CarePlan:subject")

    def _ask(self, method: str, path: str, body: Any = None) -> None:
        with httpx.Client(**self._options) as client:  # a connection each, so that both workers have some
            answer = client.request(method, path, json=body)
        time.sleep(0.02)  # others want the processors, too
        if answer.status_code not in (200, 201):
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")


def everywhere(service: Service, path: str) -> list[httpx.Response]:
    """The answers of many connections, so that both workers have given some."""
    with service.client() as client:
        headers = dict(client.headers)
    return [httpx.get(f"{service.base}/{path}", headers=headers, timeout=30, verify=TRUST) for _ in range(12)]


def test_they_are_offered_when_a_reindex_has_ended_and_find_what_was_written_meanwhile(service: Service) -> None:
    with service.client() as client:
        for number in range(50):
            assert client.put(f"CarePlan/p{number}", json=a_plan(number)).status_code == 201
        assert client.put("Practitioner/p", json={"resourceType": "Practitioner", "id": "p"}).status_code == 201
        for code, elements in ADDED.items():
            answer = client.put(f"SearchParameter/CarePlan-{code}", json=a_parameter(code, **elements))
            assert answer.status_code == 201, answer.text
    assert {each.status_code for each in everywhere(service, "CarePlan?contributor=Practitioner/p")} == {400}
    with Traffic(service, 50) as traffic:
        time.sleep(0.5)
        done = service.run("reindex")
        first = [each.status_code for each in everywhere(service, "CarePlan?contributor=Practitioner/p&_count=0")]
        time.sleep(0.5)
    assert done.returncode == 0, done.stderr
    assert "CarePlan: contributor can be searched by" in done.stdout
    assert first == [200] * len(first)
    assert traffic.failures == []
    assert len(traffic.numbers) > 60
    for query in (
        "contributor=Practitioner/p",
        "contributor=Practitioner/p,Practitioner/none",
        "contributor:missing=false",
        "created=ge2026-03-01",
        "title=kävely",
        "title:contains=päivä",
        "language=fi",
        "language:not=sv",
        "source-uri=https://example.org/source/a",
        "source-uri:below=https://example.org/source",
        "note-time=2026-02-01",
        "daily=2000|http://unitsofmeasure.org|m",
        "daily=gt1|http://unitsofmeasure.org|km",
        "code-daily=urn:code|walk$2|http://unitsofmeasure.org|km",
        "_has:CarePlan:contributor:_id=p1",
    ):
        type, expected = ("Practitioner", 1) if query.startswith("_has") else ("CarePlan", len(traffic.numbers))
        for answer in everywhere(service, f"{type}?{query.replace('|', '%7C')}&_summary=count&_total=accurate"):
            assert (answer.status_code, answer.json().get("total")) == (200, expected), (query, answer.text)


def test_they_sort_and_include_and_are_told_by_every_worker(service: Service) -> None:
    with service.client() as client:
        found = client.get("CarePlan?_sort=-created,title&_count=3&_include=CarePlan:contributor").json()
        matches = [each["resource"] for each in found["entry"] if each["search"]["mode"] == "match"]
        assert [each["created"] for each in matches] == ["2026-03-28"] * len(matches)
        assert [each["resource"]["id"] for each in found["entry"] if each["search"]["mode"] == "include"] == ["p"]
        # What belongs to the moment of the first page has the new columns, too.
        following = next(each["url"] for each in found["link"] if each["relation"] == "next")
        assert client.put("CarePlan/p27", json=a_plan(27, description="superseded")).status_code == 200
        assert client.get(following).json()["entry"]
    for answer in everywhere(service, "metadata"):
        (told,) = [each for each in answer.json()["rest"][0]["resource"] if each["type"] == "CarePlan"]
        assert {each["name"] for each in told["searchParam"]} >= ADDED.keys()
        (one,) = [each for each in told["searchParam"] if each["name"] == "contributor"]
        assert one == {"name": "contributor", "definition": f"{URL}CarePlan-contributor", "type": "reference"}
    assert '"contributor"' in httpx.get(f"http://127.0.0.1:{service.port}/openapi.json").text


def test_another_reindex_has_nothing_to_do_for_them(service: Service) -> None:
    done = service.run("reindex", "--type", "CarePlan")
    assert done.returncode == 0, done.stderr
    assert ", 0 rows mended" in done.stdout
    assert "can be searched by" not in done.stdout


@pytest.mark.long
def test_they_are_there_after_a_restart_and_in_a_load(service: Service, tmp_path: Path) -> None:
    service.stop()
    service.start()
    plan = tmp_path / "plan.json"
    plan.write_text(httpx.Response(200, json=a_plan(9999)).text)
    assert service.run("load", "--organization", "Organization/s", str(plan)).returncode == 0
    with service.client() as client:
        assert client.get("CarePlan?contributor=Practitioner/q&_id=p9999").json()["total"] == 1


@pytest.mark.parametrize(
    ("why", "elements"),
    [
        ("begins with CarePlan", {"expression": "Goal.note"}),
        ("not in the subset", {"expression": "CarePlan.note.first()"}),
        ("has no element", {"expression": "CarePlan.nonsense"}),
        ("can be read as a date", {"expression": "CarePlan.title", "type": "date"}),
        ("cannot be added", {"expression": "CarePlan.title", "type": "special"}),
        ("is taken by http://hl7.org/fhir/SearchParameter", {"expression": "CarePlan.title", "code": "status"}),
        ("belongs to something else", {"expression": "CarePlan.title", "code": "activity-date-span"}),
        ("the code names a column", {"expression": "CarePlan.title", "code": 'x"y'}),
        ("nested too deep", {"expression": "(" * 900 + "CarePlan.title" + ")" * 900}),
    ],
)
def test_what_cannot_be_indexed_is_refused_when_it_is_written(
    service: Service, why: str, elements: dict[str, Any]
) -> None:
    bad = {**a_parameter("bad", type="string"), **elements}
    with service.client() as client:
        answer = client.put("SearchParameter/CarePlan-bad", json=bad)
        assert answer.status_code == 422, answer.text
        assert why in answer.text
        draft = client.put("SearchParameter/CarePlan-bad", json={**bad, "status": "draft"})
        assert draft.status_code in (200, 201), draft.text


def test_what_is_not_offered_here_is_told_by_the_reindex(service: Service) -> None:
    with service.client() as client:
        foreign = a_parameter("foreign", type="string", expression="Basic.id", base=["Basic"])
        assert client.put("SearchParameter/CarePlan-foreign", json=foreign).status_code == 201
        done = service.run("reindex", "--type", "CarePlan")
        assert done.returncode == 1
        assert "SearchParameter/CarePlan-foreign: Basic is not offered here" in done.stderr
        assert client.delete("SearchParameter/CarePlan-foreign").status_code == 204
    assert service.run("reindex", "--type", "CarePlan").returncode == 0


def test_one_that_is_changed_is_filled_anew(service: Service) -> None:
    changed = a_parameter("title", type="string", expression="CarePlan.description")
    with service.client() as client:
        assert client.put("SearchParameter/CarePlan-title", json=changed).status_code == 200
        done = service.run("reindex", "--type", "CarePlan")
        assert "CarePlan: title can be searched by" in done.stdout, done.stderr
        assert client.get("CarePlan?title=superseded").json()["total"] == 1
        assert client.get("CarePlan?title=kävely").json()["total"] == 0


@pytest.mark.long
def test_one_that_is_retired_or_deleted_is_offered_no_more_after_the_next_reindex(service: Service) -> None:
    with service.client() as client:
        retired = {**a_parameter("language", **ADDED["language"]), "status": "retired"}
        assert client.put("SearchParameter/CarePlan-language", json=retired).status_code == 200
        assert client.delete("SearchParameter/CarePlan-created").status_code == 204
        assert client.get("CarePlan?language=fi").status_code == 200
        done = service.run("reindex", "--type", "CarePlan")
        assert done.returncode == 0, done.stderr
        assert "CarePlan: language is no longer offered; its columns stay" in done.stdout
    for query in ("language=fi", "created=2026"):
        assert {each.status_code for each in everywhere(service, f"CarePlan?{query}")} == {400}
    with service.client() as client:
        again = {**retired, "status": "active"}
        assert client.put("SearchParameter/CarePlan-language", json=again).status_code == 200
        assert client.put("CarePlan/p0", json=a_plan(0, language="sv")).status_code == 200
        assert service.run("reindex", "--type", "CarePlan").returncode == 0
        assert client.get("CarePlan?language=sv").json()["total"] == 1
