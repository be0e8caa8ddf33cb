"""Answers and failures as entries of a batch-response or transaction-response.

https://hl7.org/fhir/R4/http.html#transaction-response
"""

from http import HTTPStatus

from sharedplan.errors import Gone, SharedplanError, TooLarge
from sharedplan.exchange.preferred import WRITES, outcome_of
from sharedplan.fhir import outcomes
from sharedplan.fhir.bundles import Entry
from sharedplan.fhir.exchanges import Answer, Asked

HELD = 32 * 1024 * 1024
"""Characters of resources that the answer to one Bundle holds, more or less: it must fit into a worker's memory."""


class Room:
    """What an answer can still hold. Reads beyond it are refused, writes beyond it are not shown.

    `labels`: those of the answers to its entries, which label the whole.
    """

    def __init__(self) -> None:
        self.left = HELD
        self.labels: tuple[str, ...] = ()

    def check(self, asked: Asked) -> None:
        """Raises TooLarge for a read when there is none left."""
        if self.left <= 0 and asked.interaction not in WRITES:
            raise TooLarge("the answer to this Bundle is too long to hold more: read the rest by another request")


def answered(asked: Asked, answer: Answer, room: Room) -> Entry:
    """What an entry came to. What is read comes with it; what is written only if the client prefers to see it."""
    is_write = asked.interaction in WRITES
    is_shown = not is_write or (asked.prefer.returning == "representation" and room.left > 0)
    resource = answer.text if is_shown else None
    room.left -= len(resource or "")
    room.labels = tuple(dict.fromkeys((*room.labels, *answer.labels)))
    tells = is_write and asked.prefer.returning == "OperationOutcome"
    place = f"{asked.base}/{answer.type}/{answer.id}" if answer.id is not None else None
    shows_place = is_write and asked.interaction != "delete" and place is not None
    return Entry(
        full_url=place if resource is not None else None,
        resource=resource,
        status=_status(answer.status),
        location=f"{place}/_history/{answer.version}" if shows_place else None,
        version=answer.version,
        last_updated=answer.last_updated,
        outcome=outcome_of(asked, answer) if tells else None,
    )


def failed(failure: SharedplanError) -> Entry:
    """What an entry of a batch failed by, as its own response would have told it."""
    return Entry(
        status=_status(failure.status),
        version=failure.version if isinstance(failure, Gone) else None,
        outcome=outcomes.text(failure.issues),
    )


def _status(number: int) -> str:
    return f"{number} {HTTPStatus(number).phrase}"
