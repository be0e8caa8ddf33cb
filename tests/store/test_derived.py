"""The rows of access are always those of the newest versions, however these were written."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import a_care_team, a_concept, a_consent, a_reference
from databases import Server
from sharedplan.access.provisions import rules_of
from sharedplan.access.relations import memberships
from sharedplan.access.rows import membership, rows_of, rule
from sharedplan.fhir import json_text
from sharedplan.search.indexing import index_values
from sharedplan.store.engine import Pool
from sharedplan.store.reindexing import reindex
from sharedplan.store.unit_of_work import Store
from sharedplan.store.versions import Version
from store.changes import a_change, a_deletion, written

Json = dict[str, Any]

MEMBERS = ("Practitioner/a", "Practitioner/b", "Organization/o", "CareTeam/x")
PERIODS = (None, {"start": "2024-05-01"}, {"end": "2030"}, {"start": "2024", "end": "2023"})

TEAMS = st.builds(
    lambda status, members: a_care_team(status=status, participant=members),
    st.sampled_from(["active", "active", "proposed"]),
    st.lists(
        st.builds(
            lambda member, period: {"member": a_reference(member), **({"period": period} if period else {})},
            st.sampled_from(MEMBERS),
            st.sampled_from(PERIODS),
        ),
        max_size=3,
        unique_by=lambda each: each["member"]["reference"],
    ),
)
CONSENTS = st.builds(
    lambda status, actors, nested: a_consent(
        status=status,
        dateTime="2024-05-01",
        provision={
            "type": "permit",
            **(
                {"actor": [{"role": a_concept("urn:x", "y"), "reference": a_reference(each)} for each in actors]}
                if actors
                else {}
            ),
            **(
                {"provision": [{"type": "deny", "dataPeriod": {"end": "2020"}, "period": {"start": "2024"}}]}
                if nested
                else {}
            ),
        },
    ),
    st.sampled_from(["active", "active", "inactive"]),
    st.lists(st.sampled_from(MEMBERS), max_size=2),
    st.booleans(),
)
WRITES = st.lists(
    st.tuples(st.sampled_from(["1", "2"]), st.one_of(TEAMS, CONSENTS, st.sampled_from(["CareTeam", "Consent"]))),
    min_size=1,
    max_size=8,
)

SPAN = "json_build_array(isempty({0}), lower({0}), upper({0}))"
RULES = f"""
    SELECT (to_jsonb(r) || jsonb_build_object('period', {SPAN.format("period")},
        'data_period', CASE WHEN data_period IS NOT NULL THEN {SPAN.format("data_period")} END))::text
    FROM access_rule r ORDER BY consent, number
"""
MEMBERSHIPS = f"""
    SELECT (to_jsonb(r) || jsonb_build_object('period', {SPAN.format("period")}))::text FROM access_member r
"""


class Stored:
    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.pool = Pool(url, size=2, unguarded=True)
        self.store = Store(self.pool)

    def close(self) -> None:
        self.runner.run(self.pool.close())
        self.runner.close()

    async def run(self, sql: str) -> list[Any]:
        connection = await self.pool.acquire()
        try:
            return list(await connection.fetch(sql))
        finally:
            self.pool.release(connection)

    async def empty(self) -> None:
        await self.run("ALTER TABLE resource_version DISABLE TRIGGER USER")
        await self.run(
            "TRUNCATE resource_version, access_rule, access_member, care_team, consent, past.care_team, past.consent"
        )


@pytest.fixture(scope="module")
def stored(server: Server) -> Iterator[Stored]:
    with server.database() as url:
        found = Stored(url)
        yield found
        found.close()


def added(versions: list[Version], team: Json) -> dict[str, datetime]:
    """Since when each member has been named without a gap."""
    found: dict[str, datetime] = {}
    for each in versions:
        named = {} if each.content is None else json_text.read(each.content)
        members = {one["member"]["reference"] for one in named.get("participant", ())}
        found = {one: found.get(one, each.last_updated) for one in members}
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(writes=WRITES, together=st.booleans())
def test_they_say_what_the_newest_versions_say(stored: Stored, writes: list[tuple[str, Any]], together: bool) -> None:
    async def check() -> None:
        await stored.empty()
        history: dict[tuple[str, str], list[Version]] = {}
        changes = []
        for id, what in writes:
            type = what if isinstance(what, str) else what["resourceType"]
            done = sum(1 for each in changes if (each.type, each.id) == (type, id))
            if isinstance(what, str):
                if done:
                    changes.append(a_deletion(type, id, version=done + 1))
            else:
                change = a_change(what, id=id, version=done + 1)
                changes.append(replace(change, derived=rows_of({**what, "id": id}, done + 1)))
        groups = [changes] if together else [[each] for each in changes]
        for group in groups:
            for version in await written(stored.store, *group) if group else []:
                history.setdefault((version.type, version.id), []).append(version)
        rules, members = [], []
        for (type, _), versions in history.items():
            newest = versions[-1]
            if newest.content is None:
                continue
            resource = json_text.read(newest.content)
            if type == "Consent":
                rules += rules_of(resource, newest.version, newest.last_updated)
            else:
                members += memberships(resource, added=added(versions, resource))
        found_rules = [rule(json.loads(row[0])) for row in await stored.run(RULES)]
        found_members = [membership(json.loads(row[0])) for row in await stored.run(MEMBERSHIPS)]
        of_active = [each for each in found_members if each.period.low < each.period.high]
        assert sorted(map(repr, found_rules)) == sorted(map(repr, rules))
        expected = [each for each in members if each.period.low < each.period.high]
        assert sorted(map(repr, of_active)) == sorted(map(repr, expected))
        for type in ("Consent", "CareTeam"):
            batch = await reindex(
                stored.pool,
                type,
                lambda type, content: index_values(type, json_text.read(content)),
                lambda type, content, version: rows_of(json_text.read(content), version),
                lambda type, content: (),
            )
            assert batch.mended == 0

    stored.runner.run(check())


def test_what_was_lost_or_is_wrong_is_made_anew(stored: Stored) -> None:
    async def check() -> None:
        await stored.empty()
        team = a_care_team(participant=[{"member": a_reference("Practitioner/a")}])
        later = a_care_team(
            participant=[{"member": a_reference("Practitioner/a")}, {"member": a_reference("Practitioner/b")}]
        )
        consent = a_consent(dateTime="2024-05-01", provision={"type": "permit"})
        for number, one in enumerate((team, later), 1):
            await written(
                stored.store,
                replace(a_change(one, id="1", version=number), derived=rows_of({**one, "id": "1"}, number)),
            )
        await written(stored.store, replace(a_change(consent, id="1"), derived=rows_of({**consent, "id": "1"}, 1)))
        before = [await stored.run(sql) for sql in (RULES, MEMBERSHIPS)]
        await stored.run("UPDATE access_rule SET effect = 'deny'")
        await stored.run("DELETE FROM access_member WHERE member = 'Practitioner/b'")
        await stored.run(
            "INSERT INTO access_member SELECT client, 'CareTeam/ghost', member, on_behalf_of, roles, period, "
            "says_since, since FROM access_member LIMIT 1"
        )
        for type in ("Consent", "CareTeam"):
            await reindex(
                stored.pool,
                type,
                lambda type, content: index_values(type, json_text.read(content)),
                lambda type, content, version: rows_of(json_text.read(content), version),
                lambda type, content: (),
            )
        after = [await stored.run(sql) for sql in (RULES, MEMBERSHIPS)]
        assert [sorted(row[0] for row in each) for each in after] == [sorted(row[0] for row in each) for each in before]
        periods = await stored.run("SELECT member, lower(period) AS low, since FROM access_member ORDER BY member")
        assert [each["low"] for each in periods] == [each["since"] for each in periods]
        assert periods[0]["since"] < periods[1]["since"]

    stored.runner.run(check())
