"""The compact audit row: what the service writes down of every interaction, in the transaction that it describes.

It is rendered as an IHE BALP AuditEvent when somebody reads it. https://profiles.ihe.net/ITI/BALP/
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from sharedplan.search.indexing import index_values

FIELDS = ("id", "action", "subtype", "type", "agent", "outcome", "patient", "entity", "trail")
"""What `row` gives, in its order; the names are columns of the table audit_event."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Who did what to what, and how it ended.

    `action` is C, R, U, D or E (https://hl7.org/fhir/R4/valueset-audit-event-action.html), `outcome` "0" for success,
    "4" when the request was at fault, "8" when we were. `patients` and `entities` are references ("Patient/1").
    Patients may be left empty by whoever reads or writes through the store: the store adds those that the rows read or
    written speak of, and the resources that a search showed. `query` is the search as it was sent. `reasons` say why
    it was allowed or refused.
    """

    interaction: str
    action: str
    type: str | None = None
    resource_id: str | None = None
    version: int | None = None
    outcome: str = "0"
    client_id: str | None = None
    organization: str | None = None
    person: str | None = None
    purpose: str | None = None
    patients: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    query: str | None = None
    request_id: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def resource(self) -> str | None:
        """The resource that it is about, as a reference."""
        return f"{self.type}/{self.resource_id}" if self.type and self.resource_id else None


_KEPT = (
    *("interaction", "action", "type", "resource_id", "version", "client_id", "organization", "person", "purpose"),
    *("query", "request_id", "reasons"),
)
"""What the JSON column holds. The rest is in columns of its own, for SQL knows it first."""


def row(trail: Trail, id: str) -> list[Any]:
    """The values of FIELDS. `patient` is None when the trail names none; the patients are part of `entity`, too."""
    action, subtype, type, outcome = _codes(trail.interaction, trail.action, trail.outcome)
    kept = {name: value for name in _KEPT if (value := getattr(trail, name))}
    about = (trail.resource,) if trail.resource else ()
    return [
        id,
        action,
        subtype,
        type,
        [each for each in (trail.person, trail.organization) if each] or None,
        outcome,
        list(trail.patients) or None,
        [*dict.fromkeys((*trail.patients, *about, *trail.entities))],
        orjson.dumps(kept).decode(),
    ]


def failed(trail: Trail) -> list[str]:
    """The column `outcome` for the same trail, had the request been at fault."""
    return _codes(trail.interaction, trail.action, "4")[3]


def restored(text: str, outcome: list[str], patient: list[str] | None, entity: list[str] | None) -> Trail:
    """The trail of a row that was stored, from its columns."""
    kept = orjson.loads(text)
    kept["reasons"] = tuple(kept.get("reasons", ()))
    trail = Trail(**kept, outcome=outcome[0], patients=tuple(patient or ()))
    others = (each for each in entity or () if each != trail.resource and each not in trail.patients)
    return replace(trail, entities=tuple(others))


def insert(first: int, *, outcome: str = "", patients: str = "", shown: str = "", source: str = "") -> str:
    """The INSERT of one audit row, whose values are the parameters from `first` on, as `row` gives them.

    Within a larger statement: `outcome` is SQL that takes the place of the outcome; `patients` gives a text[] of the
    patients when the trail names none, `shown` one of the resources shown; `source` is a FROM clause to depend on.
    """
    at = {name: f"${first + n}" for n, name in enumerate(FIELDS)}
    named = f"coalesce({at['patient']}::text[], {patients})" if patients else f"{at['patient']}::text[]"
    entity = f"{at['entity']}::text[]"
    if patients:
        entity += f" || CASE WHEN {at['patient']}::text[] IS NULL THEN {patients} END"
    if shown:
        entity += f" || {shown}"
    return f"""
        INSERT INTO audit_event (id, version, last_updated, date, action, subtype, type, agent, outcome, patient,
            entity, trail)
        SELECT {at["id"]}::text, 1, at, tstzrange(at, at + interval '1 microsecond'), {at["action"]}::text[],
            {at["subtype"]}::text[], {at["type"]}::text[], {at["agent"]}::text[],
            {outcome or f"{at['outcome']}::text[]"}, {named}, {entity}, {at["trail"]}::json
        FROM (SELECT clock_timestamp() AS at) AS now{f", {source}" if source else ""}
    """


@lru_cache(maxsize=1024)
def _codes(interaction: str, action: str, outcome: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """The index values of an AuditEvent's codes, as they would be if it were stored as a resource."""
    values = index_values(
        "AuditEvent",
        {
            "resourceType": "AuditEvent",
            "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
            "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction}],
            "action": action,
            "outcome": outcome,
        },
    )
    return values["action"], values["subtype"], values["type"], values["outcome"]
