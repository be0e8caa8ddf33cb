"""HTTP request → Asked: what the interactions are told of address, headers, parameters and body."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from rest.behind import Behind
from sharedplan.fhir.exchanges import Prefer

JSON = {"content-type": "application/fhir+json"}
PLAN = b'{"resourceType":"CarePlan","status":"active"}'


async def test_a_read_says_type_id_and_our_base(client: httpx.AsyncClient, behind: Behind) -> None:
    await client.get("CarePlan/a-1")
    assert (behind.asked.interaction, behind.asked.type, behind.asked.id) == ("read", "CarePlan", "a-1")
    assert behind.asked.base == "https://plans.example/fhir"
    assert behind.asked.method == "GET"


async def test_head_asks_what_get_asks(client: httpx.AsyncClient, behind: Behind) -> None:
    response = await client.head("CarePlan/a-1")
    assert behind.asked.interaction == "read"
    assert response.content == b""
    assert response.headers["content-length"] == str(len(behind.answer.content or ""))


async def test_parameters_come_decoded_in_their_order_and_repeated(client: httpx.AsyncClient, behind: Behind) -> None:
    await client.get("CarePlan?date=ge2026&identifier=urn%3Ax%7C1%2B1&date=lt2027&name=Aino+M%C3%A4ki&empty=&bare")
    assert behind.asked.parameters == (
        ("date", "ge2026"),
        ("identifier", "urn:x|1+1"),
        ("date", "lt2027"),
        ("name", "Aino Mäki"),
        ("empty", ""),
        ("bare", ""),
    )


async def test_a_format_that_is_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("CarePlan/a-1/$document?_format=html&_format=json")
    assert response.status_code == 400
    assert "_format is given twice" in response.json()["issue"][0]["diagnostics"]


async def test_format_and_pretty_are_not_search_parameters(client: httpx.AsyncClient, behind: Behind) -> None:
    await client.get("CarePlan?_format=json&status=active&_pretty=true")
    assert behind.asked.parameters == (("status", "active"),)


@pytest.mark.parametrize("query", ["a=%ff", "a=%c3", "%80=1", "a=%00", "a=x%0a%07", "_pretty=maybe"])
async def test_a_broken_parameter_is_told(client: httpx.AsyncClient, behind: Behind, query: str) -> None:
    assert (await client.get(f"CarePlan?{query}")).status_code == 400
    assert behind.heard == []


async def test_the_languages_come_as_they_were_sent(client: httpx.AsyncClient, behind: Behind) -> None:
    await client.get("CarePlan/a-1/$review?_language=fi", headers={"accept-language": "sv-FI, fi;q=0.8"})
    assert behind.asked.parameters == (("_language", "fi"),)
    assert behind.asked.accept_language == "sv-FI, fi;q=0.8"


async def test_a_hundred_parameters_are_the_most(client: httpx.AsyncClient, behind: Behind) -> None:
    assert (await client.get("CarePlan?" + "&".join(["a=1"] * 100))).status_code == 200
    assert (await client.get("CarePlan?" + "&".join(["a=1"] * 101))).status_code == 400


async def test_a_search_form_adds_to_the_query(client: httpx.AsyncClient, behind: Behind) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    await client.post("CarePlan/_search?_count=5", content=b"identifier=urn%3Ax%7C1", headers=form)
    assert behind.asked.interaction == "search-type"
    assert behind.asked.method == "POST"
    assert behind.asked.parameters == (("_count", "5"), ("identifier", "urn:x|1"))


async def test_a_search_form_may_say_how_the_answer_shall_look(client: httpx.AsyncClient, behind: Behind) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    response = await client.post("CarePlan/_search", content=b"_format=application/json&status=active", headers=form)
    assert behind.asked.parameters == (("status", "active"),)
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_search_form_may_be_empty(client: httpx.AsyncClient, behind: Behind) -> None:
    assert (await client.post("CarePlan/_search?_count=5")).status_code == 200
    assert behind.asked.parameters == (("_count", "5"),)


async def test_a_search_form_of_another_type_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("CarePlan/_search", content=b"{}", headers=JSON)).status_code == 415


@pytest.mark.parametrize("type", ["application/fhir+json", "application/json; charset=UTF-8", "text/json"])
async def test_a_resource_is_read_from_json(client: httpx.AsyncClient, behind: Behind, type: str) -> None:
    await client.post("CarePlan", content=PLAN, headers={"content-type": type})
    assert behind.asked.body == {"resourceType": "CarePlan", "status": "active"}


@pytest.mark.parametrize(
    "type",
    [
        "application/xml",
        "application/fhir+xml",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=iso-8859-1",
        "application/fhir+json; fhirVersion=3.0",
        "application/json-patch+json",
        "",
        None,
    ],
)
async def test_a_resource_in_anything_else_is_refused(
    client: httpx.AsyncClient, behind: Behind, type: str | None
) -> None:
    headers = {} if type is None else {"content-type": type}
    response = await client.post("CarePlan", content=PLAN, headers=headers)
    assert response.status_code == 415
    assert (
        "application/fhir+json" in response.json()["issue"][0]["diagnostics"]
        or "4.0" in response.text
        or "UTF-8" in response.text
    )
    assert behind.heard == []


async def test_a_compressed_body_is_refused_rather_than_guessed_at(client: httpx.AsyncClient) -> None:
    assert (
        await client.post("CarePlan", content=PLAN, headers={**JSON, "content-encoding": "gzip"})
    ).status_code == 415


@pytest.mark.parametrize("body", [b"", b"  ", b"[]", b'"text"', b"1", b"null", b"{", b'{"a":1,"a":2}', b'{"a":NaN}'])
async def test_a_body_that_is_no_resource_is_incorrect(client: httpx.AsyncClient, behind: Behind, body: bytes) -> None:
    response = await client.put("CarePlan/1", content=body, headers=JSON)
    assert response.status_code == 400
    assert response.json()["resourceType"] == "OperationOutcome"
    assert behind.heard == []


@pytest.mark.parametrize(
    ("type", "body", "format"),
    [
        ("application/json-patch+json", b'[{"op":"remove","path":"/note"}]', "json-patch"),
        ("application/fhir+json", b'{"resourceType":"Parameters"}', "fhirpath-patch"),
        ("application/json", b'{"resourceType":"Parameters"}', "fhirpath-patch"),
    ],
)
async def test_a_patch_tells_its_kind(
    client: httpx.AsyncClient, behind: Behind, type: str, body: bytes, format: str
) -> None:
    await client.patch("CarePlan/1", content=body, headers={"content-type": type})
    assert behind.asked.patch_format == format


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_what_is_posted_to_the_base_is_a_batch_or_transaction(
    client: httpx.AsyncClient, behind: Behind, kind: str
) -> None:
    await client.post("", content=b'{"resourceType":"Bundle","type":"%s"}' % kind.encode(), headers=JSON)
    assert behind.asked.interaction == kind


@pytest.mark.parametrize(
    "body",
    [b'{"resourceType":"Bundle","type":"collection"}', PLAN, b'{"resourceType":"Bundle"}', b'{"type":["batch"]}'],
)
async def test_anything_else_posted_to_the_base_is_told(client: httpx.AsyncClient, behind: Behind, body: bytes) -> None:
    response = await client.post("", content=body, headers=JSON)
    assert response.status_code == 400
    assert response.json()["issue"][0]["expression"] == ["Bundle.type"]


async def test_an_operation_may_come_without_a_body(client: httpx.AsyncClient, behind: Behind) -> None:
    await client.post("CarePlan/1/$validate")
    assert (behind.asked.operation, behind.asked.body) == ("validate", None)


async def test_conditions_come_as_they_were_sent(client: httpx.AsyncClient, behind: Behind) -> None:
    headers = {
        **JSON,
        "if-match": 'W/"3"',
        "if-none-match": 'W/"1", W/"2"',
        "if-modified-since": "Mon, 02 Mar 2026 12:00:00 GMT",
        "if-none-exist": "identifier=urn%3Ax%7C1",
    }
    await client.post("CarePlan", content=PLAN, headers=headers)
    asked = behind.asked
    assert (asked.if_match, asked.if_none_match) == ('W/"3"', 'W/"1", W/"2"')
    assert asked.if_modified_since == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert asked.if_none_exist == "identifier=urn%3Ax%7C1"


@pytest.mark.parametrize(
    "date", ["yesterday", "2026-03-02", "Mon, 99 Mar 2026 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1400", ""]
)
async def test_a_date_that_is_none_is_ignored(client: httpx.AsyncClient, behind: Behind, date: str) -> None:
    assert (await client.get("CarePlan/1", headers={"if-modified-since": date})).status_code == 200
    assert behind.asked.if_modified_since is None


@pytest.mark.parametrize("name", ["if-match", "if-none-exist", "content-type", "if-modified-since"])
async def test_a_header_that_comes_twice_is_refused(client: httpx.AsyncClient, behind: Behind, name: str) -> None:
    headers: Any = [("content-type", "application/fhir+json"), (name, "a"), (name, "b")]
    assert (await client.post("CarePlan", content=PLAN, headers=headers)).status_code == 400
    assert behind.heard == []


@pytest.mark.parametrize(
    ("sent", "prefer"),
    [
        ("return=minimal", Prefer("minimal")),
        ('return="representation"', Prefer("representation")),
        ("return=OperationOutcome; handling=strict", Prefer("OperationOutcome")),
        ("handling=lenient, return=minimal", Prefer("minimal", True)),
        ("respond-async, return=everything", Prefer()),
        ("", Prefer()),
    ],
)
async def test_preferences(client: httpx.AsyncClient, behind: Behind, sent: str, prefer: Prefer) -> None:
    await client.get("CarePlan/1", headers={"prefer": sent})
    assert behind.asked.prefer == prefer


async def test_a_body_beyond_the_limit_is_too_large(client: httpx.AsyncClient, behind: Behind) -> None:
    body = b'{"resourceType":"CarePlan","id":"%s"}' % (b"x" * 4096)
    assert (await client.post("CarePlan", content=body, headers=JSON)).status_code == 413
    assert behind.heard == []


async def test_a_body_in_chunks_beyond_the_limit_is_too_large(client: httpx.AsyncClient, behind: Behind) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1000

    response = await client.post("CarePlan", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert sent < 10


async def test_a_body_of_just_the_limit_is_taken(client: httpx.AsyncClient, behind: Behind) -> None:
    assert (await client.post("CarePlan", content=PLAN.ljust(4096), headers=JSON)).status_code == 200


async def test_a_provenance_in_the_header_comes_with_a_write(client: httpx.AsyncClient, behind: Behind) -> None:
    said = '{"resourceType":"Provenance","agent":[{"who":{"display":"Sisko Mäki"}}]}'
    await client.put("CarePlan/1", content=PLAN, headers={**JSON, "x-provenance": said.encode()})  # type: ignore[dict-item]
    assert behind.asked.provenance == {"resourceType": "Provenance", "agent": [{"who": {"display": "Sisko Mäki"}}]}
    await client.get("CarePlan/1", headers={"x-provenance": "as it pleases"})
    assert behind.heard[-1].provenance is None


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no JSON",
        "[]",
        '{"resourceType":"Patient"}',
        '{"resourceType":"Provenance","a":1,"a":2}',
        '{"resourceType":"Provenance","text":"' + "x" * 9000 + '"}',
        b'{"resourceType":"Provenance","policy":["\xff"]}',
    ],
    ids=["nothing", "no JSON", "a list", "another type", "a name twice", "too long", "no UTF-8"],
)
async def test_a_header_that_is_no_provenance_is_told(client: httpx.AsyncClient, behind: Behind, said: Any) -> None:
    response = await client.put("CarePlan/1", content=PLAN, headers={**JSON, "x-provenance": said})
    assert response.status_code == 400
    (issue,) = response.json()["issue"]
    assert "X-Provenance" in issue["diagnostics"]
    assert behind.heard == []
