"""Answer → HTTP response: status, headers and the text as it is."""

from datetime import UTC, datetime

import httpx
import pytest

from rest.behind import Behind
from sharedplan.fhir.exchanges import Answer

STORED = Answer(
    200,
    '{"resourceType":"CarePlan","value":1.10}',
    "CarePlan",
    "a-1",
    3,
    datetime(2026, 3, 2, 12, 0, 0, 999999, tzinfo=UTC),
)
JSON = {"content-type": "application/fhir+json"}


async def test_a_resource_is_sent_as_it_is_with_its_version_and_time(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = STORED
    response = await client.get("CarePlan/a-1")
    assert response.status_code == 200
    assert response.text == '{"resourceType":"CarePlan","value":1.10}'
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert response.headers["etag"] == 'W/"3"'
    assert response.headers["last-modified"] == "Mon, 02 Mar 2026 12:00:00 GMT"
    assert "location" not in response.headers


async def test_what_was_created_says_where_by_our_own_address(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = STORED._replace(status=201, created=True)
    response = await client.post("CarePlan", content=b"{}", headers={**JSON, "host": "evil.example"})
    assert response.headers["location"] == "https://plans.example/fhir/CarePlan/a-1/_history/3"


@pytest.mark.parametrize("status", [204, 304])
async def test_without_content_there_is_neither_body_nor_type(
    client: httpx.AsyncClient, behind: Behind, status: int
) -> None:
    behind.answer = STORED._replace(status=status, content=None)
    response = await client.get("CarePlan/a-1")
    assert response.content == b""
    assert "content-type" not in response.headers
    assert "content-length" not in response.headers
    assert response.headers["etag"] == 'W/"3"'


async def test_client_data_is_kept_in_no_cache(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = STORED
    assert (await client.get("CarePlan/a-1")).headers["cache-control"] == "no-store"


async def test_the_directory_may_be_kept_and_asked_about_again(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = STORED._replace(type="Practitioner")
    assert (await client.get("Practitioner/a-1")).headers["cache-control"] == "private, no-cache"


async def test_no_browser_guesses_at_what_it_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("CarePlan/a-1")).headers["x-content-type-options"] == "nosniff"


async def test_an_interaction_may_add_headers(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = STORED._replace(headers={"Content-Location": "https://plans.example/fhir/CarePlan/a-1"})
    response = await client.get("CarePlan/a-1")
    assert response.headers["content-location"] == "https://plans.example/fhir/CarePlan/a-1"


async def test_pretty_is_the_same_for_people(client: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = STORED
    response = await client.get("CarePlan/a-1?_pretty=true")
    assert response.text == '{\n  "resourceType": "CarePlan",\n  "value": 1.10\n}'


@pytest.mark.parametrize(
    ("accept", "format", "type"),
    [
        ("", "", "application/fhir+json"),
        ("*/*", "", "application/fhir+json"),
        ("application/*", "", "application/fhir+json"),
        ("application/json", "", "application/json"),
        ("application/fhir+json; fhirVersion=4.0", "", "application/fhir+json"),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "", "application/fhir+json"),
        ("application/json;q=0.5, application/fhir+json;q=0.9", "", "application/fhir+json"),
        ("application/xml, application/json;q=0.1", "", "application/json"),
        ("application/xml", "json", "application/fhir+json"),
        ("application/xml", "application/json", "application/json"),
        ("", "application/fhir%2Bjson", "application/fhir+json"),
        ("", "application/fhir+json", "application/fhir+json"),
    ],
)
async def test_the_media_type_is_the_one_asked_for(
    client: httpx.AsyncClient, accept: str, format: str, type: str
) -> None:
    response = await client.get(f"CarePlan/a-1{'?_format=' + format if format else ''}", headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{type}; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("application/xml", ""),
        ("application/fhir+xml", ""),
        ("text/turtle", ""),
        ("text/html", ""),
        ("application/json;q=0", ""),
        ("application/fhir+json; fhirVersion=3.0", ""),
        ("*/*", "xml"),
        ("*/*", "text/html"),
        ("*/*", "application/fhir%2Bxml"),
    ],
)
async def test_what_is_not_served_is_not_acceptable_and_said_before_anything_is_done(
    client: httpx.AsyncClient, behind: Behind, accept: str, format: str
) -> None:
    address = f"CarePlan{'?_format=' + format if format else ''}"
    response = await client.post(address, content=b"{}", headers={**JSON, "accept": accept})
    assert response.status_code == 406
    assert "XML" in response.json()["issue"][0]["diagnostics"]
    assert behind.heard == []
