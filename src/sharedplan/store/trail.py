"""The compact audit row: what the service writes down of every interaction, before the answer leaves.

It is rendered as an IHE BALP AuditEvent when somebody reads it. https://profiles.ihe.net/ITI/BALP/
"""

from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

FIELDS = (
    *("id", "action", "interaction", "outcome", "person", "organization", "patients", "about", "entities", "policies"),
    "trail",
)
"""What `row` gives, in its order. An array costs the driver ten times what a text does, so there are none but those
that are mostly null."""

_ARRAYS = ("patients", "entities", "policies")

MINOR_FAILURE = "4"


class Trail(NamedTuple):
    """Who did what to what, and how it ended; a tuple, for each read makes two.

    `action` is C, R, U, D or E (https://hl7.org/fhir/R4/valueset-audit-event-action.html), `outcome` "0" for success,
    "4" when the request was at fault, "8" when we were. `patients` and `entities` are references ("Patient/1").
    Patients may be left empty by whoever reads or writes through the store: the store adds those that the rows read or
    written speak of, and the resources that a search showed. `query` is the search as it was sent. `reasons` say why
    it was allowed or refused.

    `grounds`: the ground that it was allowed on ("register", "consent", …: `interactions/plain_words.py`), and the
    consents that speak in it, as references; empty where that follows from `registers`, those that what was shown is
    in. `policies`: what else it went by, as URIs. `network`: the address that a request came from whose asker is not
    known. `names`: how those whom it names are called, once somebody has looked. `is_partial`: what it was about was
    taken out, since whoever reads it is not to be told of that yet.
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
    grounds: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    network: str | None = None
    names: Mapping[str, str] = MappingProxyType({})
    is_partial: bool = False

    @property
    def resource(self) -> str | None:
        """The resource that it is about, as a reference."""
        return f"{self.type}/{self.resource_id}" if self.type and self.resource_id else None


LOGIN = "login"
"""The interaction of somebody who tried to prove who he is; it is told as DICOM does, and not as one of FHIR's."""

DICOM = "http://dicom.nema.org/resources/ontology/DCM"
LOGIN_TYPE, LOGIN_SUBTYPE = ("110114", "User Authentication"), ("110122", "Login")

_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"

_KEPT = (
    *("interaction", "action", "type", "resource_id", "version", "client_id", "organization", "person", "purpose"),
    *("query", "request_id", "reasons", "grounds", "registers", "policies", "network"),
)
"""What the JSON column holds. The rest is in columns of its own, for SQL knows it first."""

_values_kept = attrgetter(*_KEPT)


def row(trail: Trail, id: str) -> list[Any]:
    """The values of FIELDS; None for what there is none of."""
    about, patients = trail.resource, trail.patients
    return [
        id,
        trail.action,
        trail.interaction,
        trail.outcome,
        trail.person,
        trail.organization,
        patients or None,
        about if about not in patients else None,
        _others(trail) if trail.entities else None,
        trail.policies or None,
        orjson.dumps({name: value for name, value in zip(_KEPT, _values_kept(trail), strict=True) if value}).decode(),
    ]


def _others(trail: Trail) -> list[str] | None:
    """The entities beside its resource, each once; a client among them was shown himself."""
    return [*dict.fromkeys(each for each in trail.entities if each != trail.resource)] or None


def restored(text: str, outcome: list[str], patient: list[str] | None, entity: list[str] | None) -> Trail:
    """The trail of a row that was stored, from its columns."""
    kept = orjson.loads(text)
    for name in ("reasons", "grounds", "registers", "policies"):
        if name in kept:
            kept[name] = tuple(kept[name])
    trail = Trail(**kept, outcome=outcome[0], patients=tuple(patient or ()))
    others = (each for each in entity or () if each != trail.resource and each not in trail.patients)
    return trail._replace(entities=tuple(others))


def row_text(trail: Trail, id: str) -> bytes:
    """The same as the text of a JSON object by FIELDS, for `INSERT_ALL`."""
    return orjson.dumps(dict(zip(FIELDS, row(trail, id), strict=True)))


def kind_of(name: str) -> str:
    """The SQL type of one of FIELDS."""
    return "text[]" if name in _ARRAYS else "text"


def placeholder(first: int | str, name: str) -> str:
    """SQL of one of FIELDS, which are the parameters from `first` on, or columns of rows of that name."""
    return f"{first}.{name}" if isinstance(first, str) else f"${first + FIELDS.index(name)}::{kind_of(name)}"


@lru_cache(maxsize=1024)
def insert(
    first: int | str,
    *,
    found: str = "",
    patients: str = "",
    spoken_of: str = "",
    shown: str = "",
    registers: str = "",
    source: str = "",
) -> str:
    """The INSERT of one audit row, whose values are the parameters from `first` on, as `row` gives them; or of as many
    as there are rows of that name in the `source`, which then tells the instant of each as `at`.

    Within a larger statement: `found` is a condition without which the request was at fault; `patients` gives a text[]
    of the patients when the trail names none, or `spoken_of` one of all, those of the trail among them; `shown` one of
    the resources shown, `registers` one of what they are in; `source` is a FROM clause to depend on.
    """
    at = {name: placeholder(first, name) for name in FIELDS}
    named = spoken_of or (f"coalesce({at['patients']}, {patients})" if patients else at["patients"])
    entity = f"{named} || {at['about']} || {at['entities']}{f' || {shown}' if shown else ''}"
    if found:
        at["outcome"] = f"CASE WHEN {found} THEN {at['outcome']} ELSE '{MINOR_FAILURE}' END"
    if registers:
        more = f"""coalesce(',"registers":' || nullif(to_json({registers})::text, '[]'), '')"""
        at["trail"] = f"(left({at['trail']}, -1) || {more} || '}}')"
    if isinstance(first, int):
        source = f"(SELECT clock_timestamp() AS at) AS now{f', {source}' if source else ''}"
    return _insert(at, source, patients=named, entity=entity)


def _insert(value: Mapping[str, str], source: str, *, patients: str, entity: str) -> str:
    """The INSERT of audit rows from a source that has the instant as `at`; `value` is SQL for each of FIELDS.

    The columns hold the index values that the AuditEvent would have if it were stored as a resource; patients are part
    of `entity`, too. A refusal that names no patient is of those of the resource, which its asker may not know of:
    they are in `concerns`, for their own logs alone.
    """
    interaction, about = value["interaction"], value["about"]
    return f"""
        INSERT INTO audit_event (id, version, last_updated, date, action, subtype, type, agent, outcome, patient,
            entity, policy, concerns, trail)
        SELECT {value["id"]}, 1, at, tstzrange(at, at + interval '1 microsecond'),
            ARRAY[{value["action"]}, '|' || {value["action"]}],
            CASE WHEN {interaction} = '{LOGIN}' THEN '{{{_of_dicom(*LOGIN_SUBTYPE)}}}'::text[] ELSE
                ARRAY[{interaction}, '{_INTERACTION}|' || {interaction}, '{_INTERACTION}|'] END,
            CASE WHEN {interaction} = '{LOGIN}' THEN '{{{_of_dicom(*LOGIN_TYPE)}}}'::text[] ELSE
                '{{rest,{_TYPE}|rest,{_TYPE}|}}'::text[] END,
            nullif(array_remove(ARRAY[{value["person"]}, {value["organization"]}], NULL), '{{}}'::text[]),
            ARRAY[{value["outcome"]}, '|' || {value["outcome"]}], {patients}, array_remove({entity}, NULL),
            {value["policies"]},
            CASE WHEN {value["outcome"]} <> '0' AND {patients} IS NULL AND {about} IS NOT NULL
                THEN concerned_by({about}) END,
            {value["trail"]}::json
        FROM {source}
    """


def _of_dicom(code: str, _: str) -> str:
    return f"{code},{DICOM}|{code},{DICOM}|"


def _insert_all() -> str:
    columns = ", ".join(f"{name} {kind_of(name)}" for name in FIELDS)
    told = f"SELECT told.*, clock_timestamp() AS at FROM json_to_recordset($1::json) AS told({columns})"
    entity = "told.patients || told.about || told.entities"
    value = {name: f"told.{name}" for name in FIELDS}
    return _insert(value, f"({told}) AS told", patients="told.patients", entity=entity)


INSERT_ALL = _insert_all()
"""The INSERT of many audit rows, each with an instant of its own. Its parameter is a JSON array of `row_text`s: for the
driver one text, where arrays would be ten; for the database as cheap as they (measured)."""

INSERT_MISSING = f"{INSERT_ALL} ON CONFLICT (id) DO NOTHING"
"""The same, but for rows that may have gone in before."""
