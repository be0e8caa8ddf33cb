"""A populated database for the tests of a module: none of them changes what another looks at."""

from collections.abc import Iterator

import pytest
from benchmarks.filler import fill

from databases import Server
from populated import PLANS, put_templates


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[str]:
    """A database with the templates and 600 plans of 60 clients."""
    with server.database() as url:
        put_templates(url)
        fill(url, 0, PLANS)
        yield url
