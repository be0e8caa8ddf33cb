"""The token endpoint of the real application, on a real PostgreSQL: a client proves itself, and uses what it gets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from sharedplan.access.fetched_keys import Fetcher
from sharedplan.access.granting import ASSERTION_TYPE
from sharedplan.app import application
from sharedplan.clock import FixedClock
from sharedplan.rest.oauth import BODY_LIMIT
from sharedplan.settings import Settings
from sharedplan.store.engine import Pool
from sharedplan.store.guard import PATH, judging
from sharedplan.store.used_once import forget_used
from signing import claims_of, ec_key, jwk, private, signed, signing

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
BASE, TOKEN_URL = "https://plans.example/fhir", "https://plans.example/auth/token"
KEY, OTHER_KEY, ISSUER_KEY = ec_key(), ec_key(), ec_key()
JWKS = {"keys": [jwk(KEY, "k")]}
RECORDS = {
    "client_id": "records",
    "organization": "Organization/s",
    "scopes": "system/CarePlan.cruds system/Patient.rs system/Task.rs?status=requested",
    "purposes": ["TREAT", "COC"],
    "jwks": JWKS,
}
PUBLISHING = {"client_id": "publishing", "scopes": "system/*.rs", "jwks_url": "https://records.example/jwks"}
ISSUER = {"iss": "https://issuer.example", "jwks_url": "https://issuer.example/jwks"}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


def written(path: Path, key: Any = KEY) -> Path:
    """A key of the service in a file, as the operator makes it."""
    path.write_bytes(private(key))
    path.chmod(0o640)
    return path


@pytest.fixture
def settings(tmp_path: Path, service_url: str) -> Settings:
    return Settings(
        database_url=service_url,
        data_dir=tmp_path,
        base_url=BASE,
        clients=(RECORDS, PUBLISHING),
        issuers=(ISSUER,),
        token_keys=(written(tmp_path / "new.pem"), written(tmp_path / "old.pem", OTHER_KEY)),
    )


def publishing(request: httpx.Request) -> httpx.Response:
    key = {"records.example": KEY, "issuer.example": ISSUER_KEY}[request.url.host]
    return httpx.Response(200, json={"keys": [jwk(key, "k")]})


@asynccontextmanager
async def serving(settings: Settings, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    wired = application(settings, clock, Fetcher(httpx.MockTransport(publishing)))
    async with wired.app.router.lifespan_context(wired.app):
        transport = httpx.ASGITransport(wired.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://plans.example") as client:
            yield client


@pytest.fixture
async def service(settings: Settings, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings, clock) as client:
        yield client


def an_assertion(client: str = "records", **claims: Any) -> str:
    whole = {"iss": client, "sub": client, "aud": TOKEN_URL, "exp": AT + 120, "jti": "1", **claims}
    return signed({"alg": "ES384", "kid": "k", "typ": "JWT"}, whole, signing(KEY))


def a_form(assertion: str | None = None, **changed: str | None) -> dict[str, str]:
    usual: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "scope": "system/CarePlan.rs",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion or an_assertion(),
    }
    return {name: value for name, value in (usual | changed).items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def rows(settings: Settings, sql: str) -> list[asyncpg.Record]:
    assert settings.database_url is not None
    sql = judging(sql)  # under the service's role, which sees nothing else
    connection = await asyncpg.connect(settings.database_url.get_secret_value(), server_settings={"search_path": PATH})
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def test_a_registered_client_gets_a_token_and_reads_with_it(
    service: httpx.AsyncClient, clock: FixedClock
) -> None:
    form = a_form(scope="system/CarePlan.cruds system/Patient.rs")
    answer = await service.post("/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    granted = answer.json()
    assert granted == {
        "access_token": granted["access_token"],
        "token_type": "bearer",
        "expires_in": 300,
        "scope": "system/CarePlan.cruds system/Patient.rs",
    }
    claims = claims_of(granted["access_token"])
    assert {name: value for name, value in claims.items() if name != "jti"} == {
        "iss": "https://plans.example",
        "aud": BASE,
        "sub": "records",
        "client_id": "records",
        "organization": "Organization/s",
        "purpose_of_use": "TREAT",
        "scope": "system/CarePlan.cruds system/Patient.rs",
        "iat": AT,
        "exp": AT + 300,
    }
    headers = bearer(granted["access_token"])
    plan = {"resourceType": "CarePlan", "id": "p", "status": "active", "intent": "plan", "subject": {"display": "x"}}
    assert (await service.put("/fhir/CarePlan/p", json=plan, headers=headers)).status_code == 201
    assert (await service.get("/fhir/CarePlan/p", headers=headers)).json()["status"] == "active"
    assert (await service.get("/fhir/Goal", headers=headers)).status_code == 403
    clock.advance(timedelta(seconds=300))
    assert (await service.get("/fhir/CarePlan/p", headers=headers)).status_code == 401


async def test_its_keys_are_fetched_from_where_it_is_registered(service: httpx.AsyncClient) -> None:
    answer = await service.post("/auth/token", data=a_form(an_assertion("publishing"), scope="system/*.rs"))
    assert answer.json()["scope"] == "system/*.rs"


async def test_what_is_granted_is_what_is_asked_and_allowed(service: httpx.AsyncClient) -> None:
    form = a_form(scope="system/*.rs system/Goal.rs openid", purpose_of_use="COC")
    granted = (await service.post("/auth/token", data=form)).json()
    assert granted["scope"] == "system/CarePlan.rs system/Patient.rs system/Task.rs?status=requested"
    assert claims_of(granted["access_token"])["purpose_of_use"] == "COC"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_assertion_type": None}, "invalid_client"),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_client"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_assertion": ""}, "invalid_client"),
        ({"client_assertion": "x"}, "invalid_client"),
        ({"client_assertion": "ä"}, "invalid_client"),
        ({"client_assertion": an_assertion(aud=BASE)}, "invalid_client"),
        ({"client_assertion": an_assertion(exp=AT - 1)}, "invalid_client"),
        ({"client_assertion": an_assertion("nobody")}, "invalid_client"),
        ({"client_assertion": an_assertion(pad="x" * 8192)}, "invalid_client"),
        ({"client_id": "other"}, "invalid_client"),
        ({"client_secret": "hush"}, "invalid_client"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "system/Goal.rs"}, "invalid_scope"),
        ({"scope": "user/CarePlan.rs"}, "invalid_scope"),
        ({"scope": "system/CarePlan.read"}, "invalid_scope"),
        ({"scope": "system/CarePlan.rs system/CarePlan.dus"}, "invalid_scope"),
        ({"scope": "system/CarePlan.rs?category:in=x"}, "invalid_scope"),
        ({"scope": "system/CarePlan.rs?subject.name=x"}, "invalid_scope"),
        ({"scope": "system/CarePlan.rs?_filter=x"}, "invalid_scope"),
        ({"scope": "system/CarePlan.rs?_count=1"}, "invalid_scope"),
        ({"scope": "system/CarePlan.rs?stauts=active"}, "invalid_scope"),
        ({"purpose_of_use": "BTG"}, "invalid_request"),
    ],
)
async def test_what_is_not_granted_is_told_in_the_words_of_oauth(
    service: httpx.AsyncClient, changed: dict[str, str | None], error: str
) -> None:
    answer = await service.post("/auth/token", data=a_form(**changed))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error_description"]
    assert set(answer.json()) == {"error", "error_description"}


async def test_only_a_form_of_moderate_size_is_read(service: httpx.AsyncClient) -> None:
    assert (await service.post("/auth/token", json=a_form())).json()["error"] == "invalid_request"
    assert (await service.post("/auth/token")).json()["error"] == "invalid_request"
    large = await service.post("/auth/token", data=a_form(pad="x" * BODY_LIMIT))
    assert (large.status_code, large.json()["error"]) == (413, "invalid_request")
    twice = "&".join(["scope=system/*.rs"] * 2)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (twice, "scope=%ff", "a&" * 200):
        answer = await service.post("/auth/token", content=body, headers=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await service.get("/auth/token")).status_code == 405
    in_the_address = await service.post("/auth/token", params=a_form(), headers=form)
    assert in_the_address.json()["error"] == "invalid_request"


async def test_a_secret_in_the_header_is_not_taken(service: httpx.AsyncClient) -> None:
    answer = await service.post("/auth/token", data=a_form(), auth=("records", "hush"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_an_assertion_is_good_for_one_time(service: httpx.AsyncClient) -> None:
    assert (await service.post("/auth/token", data=a_form())).status_code == 200
    again = await service.post("/auth/token", data=a_form())
    assert (again.status_code, again.json()["error"]) == (400, "invalid_client")
    assert "jti" in again.json()["error_description"]
    assert (await service.post("/auth/token", data=a_form(an_assertion(exp=AT + 60)))).status_code == 400
    assert (await service.post("/auth/token", data=a_form(an_assertion(jti="2")))).status_code == 200
    assert (await service.post("/auth/token", data=a_form(an_assertion("publishing")))).status_code == 200


async def test_it_is_used_up_also_when_nothing_was_granted(service: httpx.AsyncClient) -> None:
    assert (await service.post("/auth/token", data=a_form(scope="x"))).json()["error"] == "invalid_scope"
    assert (await service.post("/auth/token", data=a_form())).json()["error"] == "invalid_client"


async def test_a_forged_assertion_uses_up_nothing(service: httpx.AsyncClient) -> None:
    forged = an_assertion()[:-8] + "AAAAAAAA"
    assert (await service.post("/auth/token", data=a_form(forged))).json()["error"] == "invalid_client"
    assert (await service.post("/auth/token", data=a_form())).status_code == 200


async def test_of_many_that_bring_it_at_once_one_gets_a_token(
    service: httpx.AsyncClient, settings: Settings, clock: FixedClock
) -> None:
    async with serving(settings, clock) as beside:  # another process would stand so beside this one
        asked = [each.post("/auth/token", data=a_form()) for each in (service, beside) * 10]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*asked))
    assert statuses == [200] + [400] * 19


async def test_used_assertions_are_forgotten_when_they_have_ended(
    service: httpx.AsyncClient, settings: Settings, pool: Pool
) -> None:
    await service.post("/auth/token", data=a_form())
    await rows(
        settings, "INSERT INTO client_assertion VALUES ('a', 'b', now()), ('a', 'c', now() + interval '5 minutes')"
    )
    assert await forget_used(pool) == 1  # that of the fixed clock; what ended just now stays a minute
    assert {row["jti"] for row in await rows(settings, "SELECT jti FROM client_assertion")} == {"b", "c"}


async def test_tokens_are_on_record_granted_or_not(service: httpx.AsyncClient, settings: Settings) -> None:
    await service.post("/auth/token", data=a_form())
    await service.post("/auth/token", data=a_form())
    await service.post("/auth/token", data=a_form(an_assertion("nobody")))
    told = await rows(settings, "SELECT outcome[1], trail::text FROM audit_event ORDER BY last_updated")
    assert [row["outcome"] for row in told] == ["0", "4", "4"]
    assert all('"interaction":"token"' in row["trail"] and '"client_id":"records"' in row["trail"] for row in told[:2])
    assert "granted system/CarePlan.rs" in told[0]["trail"]
    assert "used before" in told[1]["trail"]
    assert '"interaction":"login"' in told[2]["trail"] and "client_id" not in told[2]["trail"]
    assert not any(an_assertion()[:40] in row["trail"] for row in told)


async def test_a_database_that_does_not_answer_is_told_and_no_token_leaves(
    service: httpx.AsyncClient, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("ALTER TABLE client_assertion RENAME TO elsewhere")
    try:
        answer = await service.post("/auth/token", data=a_form())
    finally:
        await owner.execute("ALTER TABLE elsewhere RENAME TO client_assertion")
        await owner.close()
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_the_keys_are_published_the_old_one_too(service: httpx.AsyncClient) -> None:
    answer = await service.get("/auth/jwks")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    keys = answer.json()["keys"]
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] == [("EC", "ES384", "sig")] * 2
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for key in keys)
    assert keys[0]["x"] == jwk(KEY, "k")["x"]


async def test_a_token_of_the_old_key_is_still_taken(
    service: httpx.AsyncClient, settings: Settings, clock: FixedClock
) -> None:
    before = settings.model_copy(update={"token_keys": settings.token_keys[::-1]})
    async with serving(before, clock) as old:
        token = (await old.post("/auth/token", data=a_form())).json()["access_token"]
    assert (await service.get("/fhir/CarePlan", headers=bearer(token))).status_code == 200


async def test_the_configuration_leads_to_all_of_it(service: httpx.AsyncClient) -> None:
    told = (await service.get("/fhir/.well-known/smart-configuration")).json()
    assert told == (await service.get("/.well-known/smart-configuration")).json()
    assert told["token_endpoint"] == TOKEN_URL
    assert (await service.get(told["jwks_uri"])).status_code == 200
    assert told["grant_types_supported"] == ["client_credentials"]
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert {"RS384", "ES384"} <= set(told["token_endpoint_auth_signing_alg_values_supported"])
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(told["capabilities"])
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["issuer"] == "https://plans.example"


def an_access_token(**claims: Any) -> str:
    """One of another issuer, whose keys are at an address."""
    whole = {
        **{"iss": ISSUER["iss"], "aud": BASE, "sub": "x", "client_id": "x", "jti": "1", "iat": AT, "exp": AT + 300},
        **{"scope": "system/*.rs", "organization": "Organization/s", **claims},
    }
    return signed({"alg": "ES384", "kid": "k", "typ": "JWT"}, whole, signing(ISSUER_KEY))


async def test_another_issuers_keys_are_fetched_from_where_the_settings_say(service: httpx.AsyncClient) -> None:
    assert (await service.get("/fhir/CarePlan", headers=bearer(an_access_token()))).status_code == 200
    for forged in (an_access_token(aud=TOKEN_URL), an_access_token(exp=AT + 900), an_access_token(iss="https://x")):
        refused = await service.get("/fhir/CarePlan", headers=bearer(forged))
        assert (refused.status_code, refused.json()["issue"][0]["code"]) == (401, "login")
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


async def test_an_assertion_is_no_access_token_and_a_token_no_assertion(service: httpx.AsyncClient) -> None:
    assert (await service.get("/fhir/CarePlan", headers=bearer(an_assertion()))).status_code == 401
    token = (await service.post("/auth/token", data=a_form())).json()["access_token"]
    assert (await service.post("/auth/token", data=a_form(token))).json()["error"] == "invalid_client"


async def test_a_limited_token_sees_what_its_limit_says(service: httpx.AsyncClient) -> None:
    assertion = an_assertion(jti="w")
    writer = (await service.post("/auth/token", data=a_form(assertion, scope="system/CarePlan.cu"))).json()
    for id, status in (("a", "active"), ("d", "draft")):
        plan = {"resourceType": "CarePlan", "id": id, "status": status, "intent": "plan", "subject": {"display": "x"}}
        await service.put(f"/fhir/CarePlan/{id}", json=plan, headers=bearer(writer["access_token"]))
    limited = (await service.post("/auth/token", data=a_form(scope="system/CarePlan.rs?status=active"))).json()
    assert limited["scope"] == "system/CarePlan.rs?status=active"
    headers = bearer(limited["access_token"])
    found = (await service.get("/fhir/CarePlan?_total=accurate", headers=headers)).json()
    assert (found["total"], [entry["resource"]["id"] for entry in found["entry"]]) == (1, ["a"])
    assert (await service.get("/fhir/CarePlan/d", headers=headers)).status_code == 404


async def test_in_development_the_key_of_the_data_directory_signs(
    tmp_path: Path, service_url: str, clock: FixedClock
) -> None:
    settings = Settings(database_url=service_url, data_dir=tmp_path, base_url=BASE, clients=(RECORDS,))
    async with serving(settings, clock) as service:
        token = (await service.post("/auth/token", data=a_form())).json()["access_token"]
        assert claims_of(token)["iss"] == "urn:sharedplan:dev"
        assert (await service.get("/fhir/CarePlan", headers=bearer(token))).status_code == 200


async def test_where_nothing_is_signed_there_is_no_endpoint(
    tmp_path: Path, service_url: str, clock: FixedClock
) -> None:
    settings = Settings(database_url=service_url, data_dir=tmp_path, base_url=BASE, issuers=(ISSUER,))
    async with serving(settings, clock) as service:
        assert (await service.post("/auth/token", data=a_form())).status_code == 404
        assert (await service.get("/auth/jwks")).status_code == 404
        told = (await service.get("/.well-known/smart-configuration")).json()
        assert "token_endpoint" not in told
        assert told["issuer"] == ISSUER["iss"]


async def test_a_client_that_fails_too_often_waits_and_others_do_not(
    tmp_path: Path, database_url: str, clock: FixedClock
) -> None:
    settings = Settings(
        database_url=database_url, data_dir=tmp_path, base_url=BASE, clients=(RECORDS, PUBLISHING), token_failures=3
    )
    async with serving(settings, clock) as service:
        for _ in range(3):
            refused = await service.post("/auth/token", data=a_form(an_assertion(aud="https://elsewhere")))
            assert refused.status_code == 400
        throttled = await service.post("/auth/token", data=a_form())
        assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "60")
        assert throttled.json()["error"] == "temporarily_unavailable"
        other = a_form(an_assertion("publishing"), scope="system/CarePlan.rs")
        assert (await service.post("/auth/token", data=other)).status_code == 200
        clock.at += timedelta(seconds=61)
        again = a_form(an_assertion(exp=AT + 200, jti="later"))
        assert (await service.post("/auth/token", data=again)).status_code == 200
        for number in range(15):
            refused = await service.post("/auth/token", data=a_form(an_assertion(f"guess-{number}")))
            assert refused.status_code == 400
        assert (await service.post("/auth/token", data=a_form())).status_code == 429  # the place as a whole


async def test_failed_authentications_are_on_record(service: httpx.AsyncClient, settings: Settings) -> None:
    assert (await service.get("/fhir/CarePlan", headers=bearer("forged"))).status_code == 401
    assert (await service.get("/fhir/CarePlan")).status_code == 401
    await service.post("/auth/token", data=a_form(an_assertion(aud="https://elsewhere")))
    token = (await service.post("/auth/token", data=a_form())).json()["access_token"]
    for path, body in (("CarePlan", b"{"), ("Nothing/1", b"{}")):
        headers = {**bearer(token), "content-type": "application/fhir+json"}
        assert (await service.post(f"/fhir/{path}", content=body, headers=headers)).status_code in (400, 404)
    found = await rows(settings, "SELECT subtype[1] AS what, outcome[1] AS outcome, trail FROM audit_event ORDER BY id")
    assert [(each["what"], each["outcome"]) for each in found] == [
        ("110122", "4"),
        ("110122", "4"),
        ("token", "0"),
        ("create", "4"),
        ("post", "4"),
    ]
    assert "127.0.0.1" in found[0]["trail"] and "400 invalid" in found[3]["trail"]


async def test_a_form_that_never_ends_is_refused_in_the_words_of_oauth(settings: Settings, clock: FixedClock) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"grant_type="
        await asyncio.sleep(5)

    hasty = settings.model_copy(update={"request_timeout": timedelta(seconds=0.1)})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with serving(hasty, clock) as service:
        response = await service.post("/auth/token", content=slowly(), headers=headers)
    assert (response.status_code, response.json()["error"]) == (408, "invalid_request")
    assert response.headers["connection"] == "close"
