"""What holds when colleagues are asked without the client's identity (matalan kynnyksen konsultointiväylä)."""

import re
from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.finding import Finding, Words
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir import identity_codes, texts
from sharedplan.fhir.exchanges import Json

TELLS: Words = (
    "Nimettömässä konsultaatiossa on henkilötunnus; poista se. Tunnusta ei toisteta tässä.",
    "Den anonyma konsultationen innehåller en personbeteckning; ta bort den. Den upprepas inte här.",
    "This anonymous consultation contains a personal identity code; take it out. It is not repeated here.",
)


def is_anonymous_task(current: Json | None, proposed: Json | None) -> bool:
    task = proposed or {}
    return not _names(task.get("for")) and codes.has(task.get("code"), codes.TASK, "consultation")


def is_anonymous_message(current: Json | None, proposed: Json | None) -> bool:
    return proposed is not None and not _names(proposed.get("subject"))


def _names(reference: Json | None) -> bool:
    """Whether a Reference names somebody; a display like "a client of ours" does not."""
    return "reference" in (reference or {}) or "identifier" in (reference or {})


PAYLOAD = re.compile(r"(Communication\.payload\[\d+\])\..*")
"""What is told of a message is told by the part that it stands in."""


def _told(writing: Writing) -> Iterator[Finding]:
    """Each element of the resource in whose texts a code stands, once."""
    found = (path for path, text in texts.each(writing.proposed or {}) if identity_codes.is_in(text))
    for path in dict.fromkeys(PAYLOAD.sub(r"\1", each) for each in found):
        yield Finding("R4.8", "error", TELLS, at=path)


@on_write("Task", id="R4.8", source="seed 004: matalan kynnyksen konsultointiväylä", when=is_anonymous_task)
def an_anonymous_consultation_has_no_identity_code(writing: Writing) -> Iterator[Finding]:
    yield from _told(writing)


@on_write("Communication", id="R4.8", source="seed 004: matalan kynnyksen konsultointiväylä", when=is_anonymous_message)
def an_anonymous_message_has_no_identity_code(writing: Writing) -> Iterator[Finding]:
    yield from _told(writing)
