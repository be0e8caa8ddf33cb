"""The floor: the least program that answers the same requests from the same tables.

Bare Starlette and asyncpg under uvicorn with httptools and uvloop. No token, decision, audit, version or index beyond
what makes the row findable; a create validates with fhir.resources and inserts one row. Connections are held for good
and statements prepared once, without a pool's reset between two requests: nothing that it could do without is in it.

    python -m benchmarks.floor --database postgresql://… --port 8001 --workers 1
"""

import argparse
import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

DATABASE = "BENCHMARKS_FLOOR_DATABASE"
CONTROLLER = "Organization/bench-floor"  # marks the floor's rows, so that they can be told from the service's
CONNECTIONS = 10

READ = "select content from care_plan where id = $1"
SEARCH = "select id, content, count(*) over () from care_plan where patient = $1 order by last_updated desc limit $2"
IDENTIFIER = "select id, content, count(*) over () from care_plan where identifier @> $1::text[] limit $2"
CREATE = f"""
insert into care_plan (id, version, last_updated, controller, content, patient, subject, identifier)
values ($1, 1, clock_timestamp(), '{CONTROLLER}', $2, $3, $3, $4)
"""


class Connections:
    """Connections with the four statements prepared, taken and given back without a word to the server."""

    def __init__(self) -> None:
        self.free: asyncio.LifoQueue[dict[str, Any]] = asyncio.LifoQueue()
        self.all: list[asyncpg.Connection] = []

    async def open(self, url: str) -> None:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(url)
            self.all.append(connection)
            self.free.put_nowait({sql: await connection.prepare(sql) for sql in (READ, SEARCH, IDENTIFIER, CREATE)})

    async def close(self) -> None:
        for connection in self.all:
            await connection.close()

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """The rows that the statement gives."""
        statements = await self.free.get()
        try:
            return await statements[sql].fetch(*values)  # type: ignore[no-any-return]
        finally:
            self.free.put_nowait(statements)


connections = Connections()


async def read(request: Request) -> Response:
    rows = await connections.fetch(READ, request.path_params["id"])
    if not rows:
        return Response(status_code=404)
    return Response(rows[0][0], media_type="application/fhir+json")


async def search(request: Request) -> Response:
    asked = request.query_params
    count = int(asked.get("_count", "10"))
    if "patient" in asked:
        rows = await connections.fetch(SEARCH, asked["patient"], count)
    else:
        rows = await connections.fetch(IDENTIFIER, [asked["identifier"]], count)
    base = f"http://{request.headers['host']}/fhir/CarePlan/"
    entries = ",".join(
        f'{{"fullUrl":"{base}{row[0]}","resource":{row[1]},"search":{{"mode":"match"}}}}' for row in rows
    )
    total = rows[0][2] if rows else 0
    return Response(
        f'{{"resourceType":"Bundle","type":"searchset","total":{total},"entry":[{entries}]}}',
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
    await connections.fetch(CREATE, new_id, content, plan.subject.reference, identifiers)
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
