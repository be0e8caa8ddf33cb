"""The floor: the least program that answers the same requests from the same tables.

Bare Starlette and asyncpg under uvicorn with httptools and uvloop. No token, decision, audit, version or index beyond
what makes the row findable; a create validates with fhir.resources and inserts one row. It knows the questions of
`workloads.py` and no others, one statement each (`statements.py`). Connections are held for good and statements
prepared once, without a pool's reset between two requests: nothing that it could do without is in it.

    python -m benchmarks.floor --database postgresql://… --port 8001 --workers 1
"""

import argparse
import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import orjson
import uvicorn
from fhir.resources.R4B.careplan import CarePlan
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import statements

DATABASE = "BENCHMARKS_FLOOR_DATABASE"
CONNECTIONS = 10


class Connections:
    """Connections with all statements prepared, taken and given back without a word to the server."""

    def __init__(self) -> None:
        self.free: asyncio.LifoQueue[dict[str, Any]] = asyncio.LifoQueue()
        self.all: list[asyncpg.Connection] = []

    async def open(self, url: str) -> None:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(url)
            self.all.append(connection)
            self.free.put_nowait({sql: await connection.prepare(sql) for sql in statements.ALL})
            # Preparing alone begins a transaction that nothing ends: its locks would keep the filler waiting for good.
            await connection.execute("select 1")

    async def close(self) -> None:
        for connection in self.all:
            await connection.close()

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """The rows that the statement gives."""
        prepared = await self.free.get()
        try:
            return await prepared[sql].fetch(*values)  # type: ignore[no-any-return]  # a driver without types
        finally:
            self.free.put_nowait(prepared)


connections = Connections()


async def read(request: Request) -> Response:
    rows = await connections.fetch(statements.READ, request.path_params["id"])
    if not rows:
        return Response(status_code=404)
    return Response(rows[0][0], media_type="application/fhir+json")


async def search(request: Request) -> Response:
    asked = request.query_params
    base = f"http://{request.headers['host']}/fhir/"
    if "_id" in asked:
        return _bundle(_parts(base, await connections.fetch(statements.WHOLE, asked["_id"])), 1)
    count = int(asked.get("_count", "10"))
    if "_lastUpdated" in asked:
        since = datetime.fromisoformat(asked["_lastUpdated"].removeprefix("gt"))
        return _bundle(_plans(base, await connections.fetch(statements.DELTA, since, count)))
    if "patient" in asked:
        rows = await connections.fetch(statements.PATIENT, asked["patient"], count)
    elif "performer" in asked:
        low, high = (datetime.fromisoformat(f"{each[2:]}T00:00:00Z") for each in asked.getlist("date"))
        rows = await connections.fetch(statements.PERIOD, [asked["performer"]], low, high, count)
    elif "care-team.participant" in asked:
        rows = await connections.fetch(statements.CHAINED, [asked["care-team.participant"]], count)
    else:
        rows = await connections.fetch(statements.IDENTIFIER, [asked["identifier"]], count)
    return _bundle(_plans(base, rows), rows[0][2] if rows else 0)


def _plans(base: str, rows: list[asyncpg.Record]) -> str:
    """The entries of plans that match; rows of (id, content, …)."""
    return ",".join(
        f'{{"fullUrl":"{base}CarePlan/{row[0]}","resource":{row[1]},"search":{{"mode":"match"}}}}' for row in rows
    )


def _parts(base: str, rows: list[asyncpg.Record]) -> str:
    """The entries of one plan and what goes with it; rows of (type, id, content)."""
    return ",".join(
        f'{{"fullUrl":"{base}{type}/{id}","resource":{content},'
        f'"search":{{"mode":"{"match" if type == "CarePlan" else "include"}"}}}}'
        for type, id, content in rows
    )


def _bundle(entries: str, total: int | None = None) -> Response:
    counted = f'"total":{total},' if total is not None else ""
    return Response(
        f'{{"resourceType":"Bundle","type":"searchset",{counted}"entry":[{entries}]}}',
        media_type="application/fhir+json",
    )


async def create(request: Request) -> Response:
    body = await request.body()
    try:
        plan = CarePlan.model_validate(orjson.loads(body))
    except ValidationError:
        return Response(status_code=422)
    new_id = str(uuid.uuid4())
    content = f'{{"id":"{new_id}",{body.decode()[1:]}'
    identifiers = [each for one in plan.identifier or () for each in (one.value, f"{one.system}|{one.value}")]
    await connections.fetch(statements.CREATE, new_id, content, plan.subject.reference, identifiers)
    return Response(
        content,
        201,
        {"Location": f"http://{request.headers['host']}/fhir/CarePlan/{new_id}"},
        media_type="application/fhir+json",
    )


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    await connections.open(os.environ[DATABASE])
    yield
    await connections.close()


app = Starlette(
    routes=[
        Route("/fhir/CarePlan/{id}", read),
        Route("/fhir/CarePlan", search, methods=["GET"]),
        Route("/fhir/CarePlan", create, methods=["POST"]),
    ],
    lifespan=lifespan,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    os.environ[DATABASE] = asked.database  # workers are spawned with it
    uvicorn.run(
        "benchmarks.floor:app",
        host="127.0.0.1",
        port=asked.port,
        workers=asked.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
