"""The trail of an interaction: who asked for what, and how it ended; pure, stores nothing.

Every interaction leaves one row, refusals and failures too, written in the transaction that it describes; a transaction
Bundle leaves one more for each of its entries. What the rows look like as AuditEvents: `interactions/audit_events.py`.
"""

from sharedplan.access.decision import Grant
from sharedplan.access.principal import Principal
from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Refused, SharedplanError, Unauthenticated
from sharedplan.fhir.addresses import of_search, query
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.spoken_of import about, named
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Version

ACTIONS = {
    "create": "C",
    "read": "R",
    "vread": "R",
    "history-instance": "R",
    "history-type": "E",
    "history-system": "E",
    "search-type": "E",
    "search-system": "E",
    "update": "U",
    "patch": "U",
    "delete": "D",
}
"""https://hl7.org/fhir/R4/valueset-audit-event-action.html; whatever is not here executes something: E."""

SUCCESS, MINOR_FAILURE, SERIOUS_FAILURE = "0", "4", "8"


def begun(asked: Asked, by: Principal, reasons: tuple[str, ...] = ()) -> Trail:
    """The row of an interaction as far as it is known before it is done."""
    return Trail(
        interaction=asked.interaction if asked.operation is None else f"${asked.operation}",
        action=ACTIONS.get(asked.interaction, "E"),
        type=asked.type,
        resource_id=asked.id,
        version=_number(asked.version) if asked.version is not None else None,
        client_id=by.client_id,
        organization=by.organization,
        person=by.person,
        purpose=by.purpose,
        patients=_patients(asked),
        query=_query(asked) if asked.parameters or asked.if_none_exist or asked.compartment else None,
        request_id=asked.request_id or None,
        reasons=reasons,
        grounds=_grounds(asked, by),
    )


def done(trail: Trail, answer: Answer, *, controller: str | None = None) -> Trail:
    """The row of a write that changed nothing: what it was about, and the register that this lies in."""
    if answer.type is None or answer.id is None or answer.version is None or answer.last_updated is None:
        return trail
    row = trail._replace(resource_id=answer.id, version=answer.version)
    there = Version(answer.type, answer.id, answer.version, answer.last_updated, "", answer.text)
    return about(row, [there._replace(controller=controller)])


def failed(asked: Asked, by: Principal, failure: Exception) -> Trail:
    """The row of an interaction that came to nothing: by the asker's doing, or by ours.

    The reasons of a refusal are told here and nowhere else, for they may reveal what was refused.
    """
    ours = True
    reasons: tuple[str, ...] = (type(failure).__name__,)
    if isinstance(failure, SharedplanError):
        ours = failure.status >= 500
        reasons = (f"{failure.status} {failure.code}",)
        if isinstance(failure, Refused | Unauthenticated):
            reasons = tuple(issue.saying for issue in failure.issues)
    row = begun(asked, by, reasons)
    return row._replace(
        outcome=SERIOUS_FAILURE if ours else MINOR_FAILURE, grounds=(), patients=row.patients or _named_in(asked)
    )


def validated(asked: Asked, by: Principal, trail: Trail, refusal: Exception | None) -> Trail:
    """The row of a validation of a write: the clients that the write would concern, and why it would be refused to
    this asker, if it is that."""
    row = trail._replace(patients=_patients(asked) or _named_in(asked))
    if not isinstance(refusal, Refused | Unauthenticated):
        return row
    told = failed(asked, by, refusal)
    return row._replace(outcome=told.outcome, reasons=told.reasons, grounds=())


def granted(asked: Asked, by: Principal, grant: Grant) -> Trail:
    """The row of an interaction that was allowed, before it is done."""
    return begun(asked, by, grant.reasons)


def _patients(asked: Asked) -> tuple[str, ...]:
    """The client that the address names."""
    type, id = asked.compartment or (asked.type, asked.id)
    return (f"Patient/{id}",) if type == "Patient" and id is not None else ()


def _named_in(asked: Asked) -> tuple[str, ...]:
    """The clients that the resource names which was not taken, as far as it can be read."""
    body = asked.body
    if asked.type not in CATALOGUE or asked.patch_format is not None or not isinstance(body, dict):
        return ()
    if asked.interaction not in ("create", "update") or body.get("resourceType") != asked.type:
        return ()
    try:
        return named(asked.type, body, asked.base)
    except Exception:  # whatever is wrong with it has been told
        return ()


def _grounds(asked: Asked, by: Principal) -> tuple[str, ...]:
    """The ground that is plain from who asks and for what: of others the store knows it, or the judgement."""
    if by.patient is not None:
        return ("client",)
    if asked.type in CATALOGUE and not CATALOGUE[asked.type].client_data:
        return ("directory",)
    return ()


def _query(asked: Asked) -> str:
    """The question as it was put, below the base."""
    pairs = asked.if_none_exist if asked.if_none_exist is not None else query(asked.parameters)
    return f"{of_search(asked.type, asked.compartment)}?{pairs}"


def _number(version: str) -> int | None:
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
