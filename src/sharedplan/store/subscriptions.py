"""How far each Subscription has been told: claimed by one worker at a time, and kept across restarts.

What has changed is read from the versions themselves: their instants rise strictly in the order of commits, so a cursor
misses nothing, and a write does nothing for those who follow it. `cursor` is the instant up to which all has been dealt
with. `until` is the end of what is being told, so that each try tells the same. A worker claims what is due for some
time; should it die meanwhile, its session of the database dies with it, and the claim ends.
https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from sharedplan.store import guard
from sharedplan.store.engine import Pool
from sharedplan.store.session import Session, fetch_alone

CLAIM = timedelta(seconds=60)
"""How long a worker may take for what it claimed; longer than all timeouts of a delivery together."""

LINGERS = timedelta(seconds=15)
"""How long what was claimed, or begun to be told, in a session that has ended may still be under way: longer than one
request may take. For a session may break while its worker lives; nothing is begun under a claim that is another's by
then."""

WINDOW = 200
"""Changes that are looked at in one go."""

KEPT = 1_000
"""Events of a Subscription that are kept."""

_NEW = guard.judging("""
    WITH fresh AS MATERIALIZED (
        SELECT r.id, r.version, r.last_updated, r.content::text AS content, s.version AS known
        FROM subscription r LEFT JOIN subscription_state s ON s.id = r.id
        WHERE s.version IS NULL OR s.version < r.version ORDER BY r.last_updated LIMIT 50
    )
    SELECT f.id, f.version, f.last_updated, f.content, v.who::text AS who, s.status, s.cursor, s.events, s.headers,
        s.told_at, f.known IS NOT NULL AND s.id IS NULL AS was_deleted, ARRAY(
            SELECT x.sealed FROM subscription_secret x WHERE x.id = f.id AND x.version <= f.version AND NOT EXISTS (
                SELECT FROM resource_version d WHERE d.type = 'Subscription' AND d.id = f.id AND d.version > x.version
                AND d.interaction = 'delete'
            ) ORDER BY x.version
        ) AS sealed
    FROM fresh f
    JOIN resource_version v ON v.type = 'Subscription' AND v.id = f.id AND v.version = f.version
    LEFT JOIN subscription_state s ON s.id = f.id AND s.version = f.known AND NOT EXISTS (
        SELECT FROM resource_version d WHERE d.type = 'Subscription' AND d.id = f.id AND d.version > f.known
        AND d.interaction = 'delete'
    )
    ORDER BY f.last_updated
""")

_TAKE_ON = """
    WITH taken AS (
        INSERT INTO subscription_state (id, version, status, who, headers, cursor, events, failures, due, told_at)
        VALUES ($1::text, $2::integer, $3::text, $4::json, $5::text, $6::timestamptz, $7::bigint, 0, $8::timestamptz,
            $9::timestamptz)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status, who = excluded.who,
            headers = excluded.headers, cursor = excluded.cursor, until = NULL, failures = 0, failing_since = NULL,
            due = excluded.due, wakes = NULL, claimed_until = NULL
        WHERE subscription_state.version < excluded.version RETURNING 1
    )
    DELETE FROM subscription_secret WHERE id = $1::text AND version <= $2::integer AND EXISTS (SELECT FROM taken)
"""

_KEEP_ASIDE = "INSERT INTO subscription_secret (id, version, sealed) VALUES ($1::text, $2::integer, $3::text)"

_CLAIM = guard.judging("""
    WITH due AS (
        SELECT s.id FROM subscription_state s
        WHERE s.status <> 'off' AND s.due <= $1::timestamptz
            AND (s.claimed_until IS NULL OR s.claimed_until <= $1::timestamptz OR s.claimed_at <= $4::timestamptz
                AND s.claimed_by IS NOT NULL AND NOT EXISTS (
                    SELECT FROM pg_stat_activity a WHERE a.pid = split_part(s.claimed_by, '@', 1)::integer
                    AND coalesce(extract(epoch FROM a.backend_start)::text, split_part(s.claimed_by, '@', 2))
                        = split_part(s.claimed_by, '@', 2)
                ))
            AND (s.status = 'requested' OR s.until IS NOT NULL OR s.wakes <= $1::timestamptz
                OR s.cursor < (SELECT at FROM last_commit))
        ORDER BY s.due LIMIT $2::integer FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE subscription_state s SET claimed_until = $3::timestamptz, claimed_at = $1::timestamptz, claimed_by = (
            SELECT a.pid || '@' || extract(epoch FROM a.backend_start) FROM pg_stat_activity a
            WHERE a.pid = pg_backend_pid()
        ) FROM due WHERE s.id = due.id
        RETURNING s.*
    )
    SELECT c.id, c.version, c.status, c.who::text AS who, c.headers, c.cursor, c.until, c.events, c.failures,
        c.failing_since, c.wakes, c.told_at, c.claimed_until, r.content::text AS content, r.version AS newest,
        r.controller
    FROM claimed c LEFT JOIN subscription r ON r.id = c.id
""")

_SAVE = """
    UPDATE subscription_state SET version = $4::integer, status = $5::text, cursor = $6::timestamptz,
        until = $7::timestamptz, events = $8::bigint, failures = $9::integer, failing_since = $10::timestamptz,
        due = $11::timestamptz, wakes = $12::timestamptz, told_at = $13::timestamptz, claimed_until = NULL
    WHERE id = $1::text AND version = $2::integer AND claimed_until = $3::timestamptz RETURNING true
"""

_BEGIN = """
    UPDATE subscription_state SET until = $4::timestamptz, claimed_at = $5::timestamptz
    WHERE id = $1::text AND version = $2::integer AND claimed_until = $3::timestamptz RETURNING true
"""

_FORGET = guard.judging("""
    WITH gone AS (
        DELETE FROM subscription_state s WHERE EXISTS (
            SELECT FROM resource_version v WHERE v.type = 'Subscription' AND v.id = s.id AND v.version > s.version
            AND v.interaction = 'delete'
        ) AND ($1::text IS NULL OR s.id = $1::text) RETURNING s.id
    ), theirs AS (
        DELETE FROM subscription_event e WHERE e.subscription IN (SELECT id FROM gone) RETURNING 1
    ), secrets AS (
        DELETE FROM subscription_secret x WHERE EXISTS (
            SELECT FROM resource_version v WHERE v.type = 'Subscription' AND v.id = x.id AND v.version > x.version
            AND v.interaction = 'delete'
        ) AND ($1::text IS NULL OR x.id = $1::text) RETURNING 1
    ) SELECT id FROM gone
""")

_CHANGES = guard.judging(f"""
    SELECT c.at AS newest, v.* FROM last_commit c LEFT JOIN (
        SELECT v.type, v.id, v.version, v.last_updated, v.interaction, v.patients FROM resource_version v
        WHERE v.last_updated > $1::timestamptz AND ($2::timestamptz IS NULL OR v.last_updated <= $2::timestamptz)
            AND v.type = ANY ($3::text[])
        ORDER BY v.last_updated LIMIT {WINDOW}
    ) v ON true ORDER BY v.last_updated
""")

_LAST = guard.judging("""
    SELECT v.content::text AS content, v.patients, v.controller FROM resource_version v
    WHERE v.type = $1::text AND v.id = $2::text AND v.version < $3::integer AND v.interaction <> 'delete'
    ORDER BY v.version DESC LIMIT 1
""")

_TELL = guard.writing("""
    WITH told AS (
        INSERT INTO subscription_event (subscription, number, at, type, id, interaction, client, is_over)
        SELECT $1::text, e.number, e.at, e.type, e.id, e.interaction, e.client, false
        FROM json_to_recordset($2::json)
            AS e(number bigint, at timestamptz, type text, id text, interaction text, client text)
        ON CONFLICT (subscription, number) DO UPDATE SET at = excluded.at, type = excluded.type, id = excluded.id,
            interaction = excluded.interaction, client = excluded.client, is_over = false
        RETURNING 1
    ) SELECT 1 FROM told
""")

_TRIM = guard.writing("""
    WITH gone AS (
        DELETE FROM subscription_event WHERE subscription = $1::text AND number <= $2::bigint RETURNING 1
    ) SELECT 1 FROM gone
""")

_TOLD = guard.judging("""
    SELECT client, type, id FROM (
        SELECT e.client, e.type, e.id, max(e.number) AS last,
            row_number() OVER (PARTITION BY e.client ORDER BY max(e.number) DESC) AS place
        FROM subscription_event e
        WHERE e.subscription = $1::text AND e.client IS NOT NULL AND NOT e.is_over AND e.interaction <> 'delete'
            AND ($2::text[] IS NULL OR e.client = ANY ($2::text[]))
        GROUP BY e.client, e.type, e.id
    ) told WHERE place <= 20 ORDER BY last DESC LIMIT 1000
""")

_OVER = guard.writing("""
    WITH over AS (
        UPDATE subscription_event SET is_over = true WHERE subscription = $1::text AND client = ANY ($2::text[])
        RETURNING 1
    ) SELECT 1 FROM over
""")

_STATE = guard.judging("""
    SELECT s.status, s.events, s.failures, s.failing_since, s.told_at FROM subscription_state s
    WHERE s.id = $1::text AND NOT EXISTS (
        SELECT FROM resource_version v WHERE v.type = 'Subscription' AND v.id = s.id AND v.version > s.version
        AND v.interaction = 'delete'
    )
""")

_OWNED = guard.judging("""
    SELECT count(*) AS number FROM subscription r
    JOIN resource_version v ON v.type = 'Subscription' AND v.id = r.id AND v.version = r.version
    WHERE v.who ->> 'client' = $1::text AND v.who ->> 'organization' IS NOT DISTINCT FROM $2::text
        AND r.content ->> 'status' <> 'off'
""")

_EVENTS = guard.judging("""
    SELECT number, at, type, id, interaction, client FROM subscription_event
    WHERE subscription = $1::text AND number >= $2::bigint AND ($3::bigint IS NULL OR number <= $3::bigint)
    ORDER BY number LIMIT $4::integer
""")


@dataclass(frozen=True, slots=True)
class New:
    """A Subscription, or a version of one, that nobody has taken on yet. `who` is on whose behalf it was written, as
    JSON text. From `status` on it is what was kept of the version before, None when there was none. `was_deleted`:
    there was one, but the Subscription has been deleted since, and begins anew. `sealed`: what this version hides, and
    those before it that nobody took on either, oldest first."""

    id: str
    version: int
    last_updated: datetime
    content: str
    who: str | None
    status: str | None
    cursor: datetime | None
    events: int | None
    headers: str | None
    told_at: datetime | None
    was_deleted: bool
    sealed: list[str]


@dataclass(frozen=True, slots=True)
class State:
    """One that was claimed. `status` is requested until the handshake, then active; off when it is told nothing more.
    `content` is None when the Subscription was deleted; `newest` is the version that is there,
    which may be one that is not taken on yet."""

    id: str
    version: int
    status: str
    who: Mapping[str, Any]
    headers: str | None
    cursor: datetime
    until: datetime | None
    events: int
    failures: int
    failing_since: datetime | None
    wakes: datetime | None
    told_at: datetime | None
    claimed_until: datetime
    content: str | None
    newest: int | None
    controller: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a Subscription has come, by the names of State; `due`: when there may be something to do again."""

    version: int
    status: str
    cursor: datetime
    until: datetime | None
    events: int
    failures: int
    failing_since: datetime | None
    due: datetime
    wakes: datetime | None
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A version that was committed; `patients` as references."""

    type: str
    id: str
    version: int
    at: datetime
    interaction: str
    patients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event that was told, or is about to be. `client` is whom it is of, as a reference, if of anybody."""

    number: int
    at: datetime
    type: str
    id: str
    interaction: str
    client: str | None = None

    @property
    def name(self) -> str:
        return f"{self.type}/{self.id}"


class Subscriptions:
    """What is kept of all of them. The methods raise Unavailable when the database cannot answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def new(self) -> list[New]:
        """Those that have been written since they were last looked at."""
        return [New(*row) for row in await self._fetch(_NEW, [])]

    async def take_on(self, new: New, *, status: str, who: str, headers: str | None, at: datetime) -> None:
        """Keep a version from now on. One that goes on does so where the version before was."""
        if new.was_deleted:
            await self.forget(new.id)
        goes_on = new.cursor is not None and new.status != "off"
        cursor = new.cursor if goes_on else new.last_updated
        values = [new.id, new.version, status, who, headers, cursor, new.events or 0, at, new.told_at]
        await self._fetch(_TAKE_ON, values)

    async def claim(self, most: int, *, at: datetime) -> list[State]:
        """Some that have something to do, for this worker alone for a while."""
        found = await self._fetch(_CLAIM, [at, most, at + CLAIM, at - LINGERS], once=True)
        return [State(**{**dict(row), "who": orjson.loads(row["who"])}) for row in found]

    async def save(self, state: State, progress: Progress) -> bool:
        """Keep how far it is and let go of it; False when another version of it or another worker came between."""
        return bool(await self._fetch(_SAVE, _saved(state, progress), once=True))

    async def begin(self, state: State, until: datetime, *, at: datetime) -> bool:
        """Keep the end of what is about to be told; False as of `save`."""
        return bool(await self._fetch(_BEGIN, [state.id, state.version, state.claimed_until, until, at]))

    async def until(self, state: State) -> datetime | None:
        """The end of what is being told, as it is kept."""
        found = await self._fetch("SELECT until FROM subscription_state WHERE id = $1::text", [state.id])
        return found[0]["until"] if found else None

    async def forget(self, id: str | None = None) -> int:
        """Takes away what was kept of Subscriptions that were deleted since, or of that one if it was; how many."""
        return len(await self._fetch(_FORGET, [id]))

    async def changes(
        self, types: Sequence[str], after: datetime, until: datetime | None
    ) -> tuple[list[Changed], datetime]:
        """What of these types was committed after that instant and up to the other, in order, at most WINDOW of it; and
        the instant up to which that is all."""
        found = await self._fetch(_CHANGES, [after, until, list(types)])
        changed = [_changed(row) for row in found if row["id"] is not None]
        if len(changed) == WINDOW:
            return changed, changed[-1].at
        return changed, until or found[0]["newest"] or after

    async def last(self, changed: Changed) -> tuple[str, tuple[str, ...], str | None] | None:
        """Text, patients and register of what a deletion took away."""
        found = await self._fetch(_LAST, [changed.type, changed.id, changed.version])
        row = found[0] if found else None
        return (row["content"], tuple(row["patients"] or ()), row["controller"]) if row is not None else None

    async def tell(self, subscription: str, events: Sequence[Event]) -> None:
        """Keep what was told, and of all the newest alone."""
        rows = orjson.dumps([{name: getattr(each, name) for name in each.__dataclass_fields__} for each in events])
        await self._fetch(_TELL, [subscription, rows.decode()])
        if events:
            await self._fetch(_TRIM, [subscription, events[-1].number - KEPT])

    async def told(self, subscription: str, clients: Sequence[str] | None) -> dict[str, list[str]]:
        """What was told last of each of these clients, or of all, as references; of those that are not over."""
        found: dict[str, list[str]] = {}
        for row in await self._fetch(_TOLD, [subscription, list(clients) if clients is not None else None]):
            found.setdefault(row["client"], []).append(f"{row['type']}/{row['id']}")
        return found

    async def end(self, subscription: str, clients: Sequence[str]) -> None:
        """The data of these clients are no longer to be seen."""
        await self._fetch(_OVER, [subscription, list(clients)])

    async def _fetch(self, sql: str, parameters: Sequence[Any], *, once: bool = False) -> list[Any]:
        return await fetch_alone(self._pool, sql, parameters, once=once)


def _saved(state: State, progress: Progress) -> list[Any]:
    values = [getattr(progress, name) for name in Progress.__dataclass_fields__]
    return [state.id, state.version, state.claimed_until, *values]


async def save(session: Session, state: State, progress: Progress) -> bool:
    """The same within the transaction that writes the version which says so: no look at what is new finds the one
    without the other."""
    return bool(await session.fetch(_SAVE, _saved(state, progress)))


def _changed(row: Any) -> Changed:
    type, id, version, at, interaction, patients = tuple(row)[1:]
    return Changed(type, id, version, at, interaction, tuple(patients or ()))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a Subscription is doing, as its owner may know."""

    status: str
    events: int
    failures: int
    failing_since: datetime | None
    told_at: datetime | None


async def standing(session: Session, id: str) -> Standing | None:
    """How it is doing, by the newest version that was taken on; None when none was since it was last created."""
    found = await session.fetch(_STATE, [id])
    return Standing(*found[0]) if found else None


async def keep_aside(session: Session, id: str, version: int, sealed: str) -> None:
    """Keep what a version hides until it is taken on; within the transaction that writes the version."""
    await session.fetch(_KEEP_ASIDE, [id, version, sealed])


async def owned(session: Session, client: str, organization: str | None) -> int:
    """How many a client system has for that organisation, beside those that are off."""
    found = await session.fetch(_OWNED, [client, organization])
    return int(found[0]["number"])


async def events(session: Session, id: str, low: int, high: int | None, most: int) -> list[Event]:
    """The events with these numbers that are kept, in order."""
    return [Event(*row) for row in await session.fetch(_EVENTS, [id, low, high, most])]
