"""What holds when colleagues are asked without the client's identity (matalan kynnyksen konsultointiväylä)."""

from collections.abc import Iterator
from typing import Any

from sharedplan.care import codes
from sharedplan.care.finding import Finding, Words
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir import identity_codes
from sharedplan.fhir.exchanges import Json

TELLS: Words = (
    "Nimettömässä konsultaatiossa on henkilötunnus; poista se. Tunnusta ei toisteta tässä.",
    "Den anonyma konsultationen innehåller en personbeteckning; ta bort den. Den upprepas inte här.",
    "This anonymous consultation contains a personal identity code; take it out. It is not repeated here.",
)


def is_anonymous_task(current: Json | None, proposed: Json | None) -> bool:
    task = proposed or {}
    return "for" not in task and codes.has(task.get("code"), codes.TASK, "consultation")


def is_anonymous_message(current: Json | None, proposed: Json | None) -> bool:
    return proposed is not None and "subject" not in proposed


@on_write("Task", id="R4.8", source="seed 004: matalan kynnyksen konsultointiväylä", when=is_anonymous_task)
def an_anonymous_consultation_has_no_identity_code(writing: Writing) -> Iterator[Finding]:
    task = writing.proposed or {}
    notes = ((f"Task.note[{n}].text", each.get("text")) for n, each in enumerate(task.get("note", ())))
    for path, text in (("Task.description", task.get("description")), *notes):
        if isinstance(text, str) and identity_codes.is_in(text):
            yield Finding("R4.8", "error", TELLS, at=path)


def _texts(element: Any) -> Iterator[str]:
    """Every text within an element."""
    if isinstance(element, str):
        yield element
    elif isinstance(element, dict | list):
        for each in element.values() if isinstance(element, dict) else element:
            yield from _texts(each)


@on_write("Communication", id="R4.8", source="seed 004: matalan kynnyksen konsultointiväylä", when=is_anonymous_message)
def an_anonymous_message_has_no_identity_code(writing: Writing) -> Iterator[Finding]:
    for index, payload in enumerate((writing.proposed or {}).get("payload", ())):
        if any(map(identity_codes.is_in, _texts(payload))):
            yield Finding("R4.8", "error", TELLS, at=f"Communication.payload[{index}]")
