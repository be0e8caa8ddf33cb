"""What a Consent or a CareTeam says of access, as the rows that queries look at; pure.

They are written in the statement that writes the resource (`store/derived.py`), so they are never older than it. What
`provisions.py` and `relations.py` make of the resource is all that is in them; the database compares and adds nothing
but the instant of the version.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sharedplan.access.periods import NEVER, Span
from sharedplan.access.provisions import Data, Rule, rules_of
from sharedplan.access.relations import Membership, memberships
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.json_text import write
from sharedplan.search.values.date import EARLIEST, LATEST

DERIVED = ("Consent", "CareTeam")
"""The types that such rows are made of."""


def rows_of(resource: Json, version: int, *, base: str = "") -> str | None:
    """The rows of a resource as a JSON array, which may be empty; None for a type that has none."""
    match resource["resourceType"]:
        case "Consent":
            return write([_of_rule(n, each) for n, each in enumerate(rules_of(resource, version, EARLIEST, base=base))])
        case "CareTeam":
            return write([*_of_team(resource, base)])
    return None


def rule(row: Mapping[str, Any]) -> Rule:
    """A row of `access_rule`, as JSON (`store/knowing.py`), as the rule that it was made of."""
    return Rule(
        client=row["client"],
        consent=row["consent"],
        version=row["version"],
        at=datetime.fromisoformat(row["at"]),
        rank=datetime.fromisoformat(row["rank"]),
        updated=datetime.fromisoformat(row["updated"]),
        is_ban=row["is_ban"],
        performers=tuple(row["performers"]),
        path=row["path"],
        depth=row["depth"],
        effect=row["effect"],
        period=span_of(row["period"]),
        actions=_told(row["actions"]),
        purposes=_told(row["purposes"]),
        data_period=span_of(row["data_period"]) if row["data_period"] is not None else None,
        **{name: tuple(tuple(group) for group in row[name]) for name in _CRITERIA},
        is_told=True,
        data=tuple(tuple((meaning, reference) for meaning, reference in group) for group in row["data"]),
    )


def membership(row: Mapping[str, Any]) -> Membership:
    """A row of `access_member`, as JSON, as the membership that it was made of."""
    return Membership(
        client=row["client"],
        team=row["team"],
        member=row["member"],
        on_behalf_of=row["on_behalf_of"],
        roles=frozenset(row["roles"]),
        period=span_of(row["period"]),
        workplaces=frozenset(row.get("workplaces") or ()),
    )


def span_of(found: Sequence[Any]) -> Span:
    """[is it empty, low, high] as a Span; an empty one holds at no time."""
    is_empty, low, high = found
    return NEVER if is_empty else _span(low, high)


@lru_cache(maxsize=4096)
def _span(low: str | None, high: str | None) -> Span:
    """The same of the two ends, which many rows share."""
    return Span(
        datetime.fromisoformat(low) if low is not None else EARLIEST,
        datetime.fromisoformat(high) if high is not None else LATEST,
    )


_CRITERIA = ("recipients", "holders", "authors", "classes", "codes", "labels")


def _of_rule(number: int, rule: Rule) -> Json:
    return {
        "client": rule.client,
        "consent": rule.consent,
        "version": rule.version,
        "number": number,
        "at": rule.at.isoformat(),
        "rank": rule.rank.isoformat(),
        "is_ban": rule.is_ban,
        "performers": list(rule.performers),
        "path": rule.path,
        "depth": rule.depth,
        "effect": rule.effect,
        "period": _range(rule.period),
        "actions": _listed(rule.actions),
        "purposes": _listed(rule.purposes),
        "data_period": _range(rule.data_period) if rule.data_period is not None else None,
        "is_of_all_data": rule.is_of_all_data,
        **{name: [list(group) for group in getattr(rule, name)] for name in _CRITERIA},
        "data": _data(rule.data),
    }


def _of_team(care_team: Json, base: str) -> Iterable[Json]:
    """A row for each participant, in a team that is not in force too: then it holds at no time, but is remembered."""
    is_active = care_team.get("status") == "active"
    named = iter(participant for participant in care_team.get("participant", ()) if _is_named(participant))
    for each in memberships({**care_team, "status": "active"}, base=base):
        yield {
            "client": each.client,
            "team": each.team,
            "member": each.member,
            "on_behalf_of": each.on_behalf_of,
            "roles": sorted(each.roles),
            "period": _range(each.period) if is_active else "empty",
            "says_since": "start" in next(named).get("period", {}),
        }


def _is_named(participant: Json) -> bool:
    text = participant.get("member", {}).get("reference")
    return text is not None and not text.startswith("#")


def _range(span: Span) -> str:
    """[low, high) as PostgreSQL writes it."""
    if span.high <= span.low:
        return "empty"
    low = "" if span.low == EARLIEST else span.low.isoformat()
    high = "" if span.high == LATEST else span.high.isoformat()
    return f"[{low},{high})"


def _data(data: Data) -> list[list[list[str]]]:
    return [[[meaning, reference] for meaning, reference in group] for group in data]


def _listed(values: tuple[str, ...] | None) -> list[str] | None:
    return list(values) if values is not None else None


def _told(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values is not None else None
