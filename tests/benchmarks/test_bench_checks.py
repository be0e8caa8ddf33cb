"""What is measured is tried before: a server that finds too little is not measured."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.checks import check
from benchmarks.database import Database
from benchmarks.population import plan_id
from benchmarks.rounds import Pair

from benchmarks import servers
from populated import PLANS, values


@pytest.fixture
def pair(filled: str, tmp_path: Path) -> Iterator[Pair]:
    """The floor in both roles."""
    with servers.floor(filled, tmp_path, workers=1, plan=plan_id(0)) as server:
        yield Pair(replace(server, name="service"), server, Database(filled), "unread")


@pytest.mark.long
def test_a_server_is_measured_only_if_it_finds_what_it_is_asked_for(pair: Pair) -> None:
    check(pair, PLANS, ["mixed", "period", "chained", "include"])
    for gone, workload in (("task", "include"), ("care_team", "chained"), ("care_plan", "period")):
        check(pair, PLANS, [workload, "read"])
        values(pair.database.url, f"delete from {gone} where id ~ '^bench-0'")
        with pytest.raises(RuntimeError, match=f"the service answers wrongly: {workload}"):
            check(pair, PLANS, [workload])
    with pytest.raises(RuntimeError, match=r"search .*; identifier .*; read"):
        check(pair, PLANS, ["mixed"])
