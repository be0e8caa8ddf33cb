"""/docs: a page that stands on its own files, under a policy that allows no others."""

import hashlib
import re

import httpx
import pytest
from starlette.applications import Starlette

from sharedplan.rest.documentation import documentation
from sharedplan.rest.openapi.document import openapi_text


@pytest.fixture
async def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Starlette(routes=documentation()))
    return httpx.AsyncClient(transport=transport, base_url="http://sharedplan.test")


async def test_the_page_names_only_files_that_are_served_here(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    files = re.findall(r'(?:src|href)="(docs/[^"]+)"', page)
    assert len(files) == 5
    for file in files:
        answer = await client.get(f"/{file}")
        assert answer.status_code == 200
        assert answer.content


async def test_the_page_and_its_script_reach_for_no_other_host(client: httpx.AsyncClient) -> None:
    for file in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        assert "://" not in (await client.get(file)).text


async def test_the_policy_allows_no_inline_script_and_no_other_source(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|\son\w+=|style=", answer.text)


async def test_the_page_says_where_a_token_comes_from(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "sharedplan token" in page
    assert "Organization/aikuissosiaalityo" in page


async def test_the_document_is_served_compressed_or_plain(client: httpx.AsyncClient) -> None:
    packed = await client.get("/openapi.json")
    plain = await client.get("/openapi.json", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == openapi_text()
    assert int(packed.headers["content-length"]) < len(plain.content) / 5


async def test_a_browser_that_has_it_is_not_sent_it_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/openapi.json")
    again = await client.get("/openapi.json", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_the_files_of_swagger_ui_are_the_published_ones(client: httpx.AsyncClient) -> None:
    """Those of swagger-ui-dist 5.34.0; a new version of the package that carries them is to be looked at first."""
    script = await client.get("/docs/swagger-ui-bundle.js")
    published = "3f6abf70480db7e07914df4c98a77385f22ea585eaf457a3e6415ba0eae2d167"
    assert hashlib.sha256(script.content).hexdigest() == published
