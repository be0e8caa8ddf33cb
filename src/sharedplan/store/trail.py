"""The compact audit row: what the service writes down of every interaction, in the transaction that it describes.

It is rendered as an IHE BALP AuditEvent when somebody reads it. https://profiles.ihe.net/ITI/BALP/
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trail:
    """Who did what to what, and how it ended.

    `action` is C, R, U, D or E (https://hl7.org/fhir/R4/valueset-audit-event-action.html), `outcome` "0" for success,
    "4" when the request was at fault, "8" when we were. `patients` and `entities` are references ("Patient/1").
    Patients may be left empty by whoever reads or writes through the store: the store adds the patients that the rows
    read or written speak of. `query` is the search as it was sent. `reasons` say why it was allowed or refused.
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
