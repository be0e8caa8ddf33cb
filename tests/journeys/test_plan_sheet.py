"""A plan is read whole over HTTP: as a Bundle, as a document and as a page, by each of its readers."""

from collections.abc import Iterator

import httpx
import pytest

from journeys.service import Service
from sharedplan.demo import world

SARI = ("--client", "app", "--organization", world.ORGANIZATION, "--user", "Practitioner/sari")
JARI = ("--client", "app", "--organization", "Organization/kantapoyta", "--user", "Practitioner/jari")
AINO = ("--client", "app", "--user", "Patient/aino")
LEENA = ("--client", "app", "--user", "RelatedPerson/leena")
OLLI = ("--client", "app", "--organization", "Organization/terveysasema", "--user", "Practitioner/olli")
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "sv-FI,fi;q=0.8",
}


@pytest.fixture(scope="module")
def demo(service: Service) -> Iterator[Service]:
    for part in world.PARTS:
        with service.client("--client", "demo", "--organization", part.organization) as client:
            assert client.post("", content=part.text.encode()).status_code == 200, part.name
    yield service


def get(service: Service, who: tuple[str, ...], below: str, **headers: str) -> httpx.Response:
    with service.client(*who) as client:
        return client.get(f"/CarePlan/aino/{below}", headers=headers)


def types(bundle: httpx.Response) -> set[str]:
    return {each["resource"]["resourceType"] for each in bundle.json()["entry"]}


def test_each_reader_gets_the_plan_as_far_as_it_is_his_to_see(demo: Service) -> None:
    for who in (AINO, SARI):
        whole = get(demo, who, "$everything")
        assert whole.status_code == 200 and {"Goal", "Consent", "Encounter", "Patient"} <= types(whole)
        assert whole.headers["content-type"].startswith("application/fhir+json")
        assert whole.headers["cache-control"] == "no-store"
    assert not {"Goal", "Consent", "Encounter", "Patient"} & types(get(demo, JARI, "$everything"))
    assert "CarePlan" in types(get(demo, LEENA, "$everything"))
    for below in ("$everything", "$document", "$document?_format=html"):
        refused, never = get(demo, OLLI, below), get(demo, OLLI, f"../never/{below}")
        assert refused.status_code == never.status_code == 404
        assert refused.json()["issue"][0]["diagnostics"] == never.json()["issue"][0]["diagnostics"].replace(
            "never", "aino"
        )


def test_a_browser_gets_the_plan_sheet_as_a_page_in_its_language(demo: Service) -> None:
    page = get(demo, AINO, "$document", **BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-language"] == "sv"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.text.startswith('<!doctype html>\n<html lang="sv">') and "Aino Heikkilä" in page.text
    asked = get(demo, AINO, "$document?_format=html&_language=en", **BROWSER)
    assert '<html lang="en">' in asked.text
    assert get(demo, JARI, "$document?_format=text/html").text.count("Leena") == 0


def test_whoever_asks_for_fhir_gets_the_document(demo: Service) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/fhir+json"}):
        found = get(demo, SARI, "$document", **headers)
        assert found.json()["entry"][0]["resource"]["resourceType"] == "Composition"
    pretty = get(demo, SARI, "$document?_format=json&_pretty=true", **BROWSER)
    assert pretty.json()["type"] == "document" and "\n  " in pretty.text
    with demo.client(*SARI) as client:
        posted = client.post("/CarePlan/aino/$everything", json={"resourceType": "Parameters"})
        assert posted.status_code == 200
        assert client.head("/CarePlan/aino/$everything").status_code == 200


def test_a_page_is_there_of_nothing_else(demo: Service) -> None:
    for below in ("$everything?_format=html", "?_format=html"):
        assert get(demo, SARI, below).status_code == 406
