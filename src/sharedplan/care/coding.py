"""What things are coded with, and whether those are codes that others know, too; pure. One definition for the warnings
at a write, for the review and for the measure.

R4.6: asiakastietojen kirjaamisen yhteneväisyyttä. https://hl7.org/fhir/R4/terminologies.html

A code of ours is known when it is published (`published/`). What other code systems hold is not known here, so a code
of theirs counts as they are trusted to give it: with its system.
"""

from collections.abc import Iterable, Iterator

from sharedplan.care import codes, displays
from sharedplan.fhir.exchanges import Json


def unknown(concepts: Json | Iterable[Json] | None, system: str) -> list[str]:
    """The codes of that system of ours that a CodeableConcept, or several, have and that are not published."""
    return [code for code in codes.codes(concepts, system) if not displays.is_ours(system, code)]


def is_known(concepts: Json | Iterable[Json] | None) -> bool:
    """Whether a CodeableConcept, or one of several, says what it means by a code and not by text alone, and none has a
    code of ours that there is not."""
    found = [(each["system"], each["code"]) for each in _codings(concepts) if "system" in each and "code" in each]
    return bool(found) and all(displays.is_ours(*each) for each in found if each[0].startswith(codes.OURS))


def _codings(concepts: Json | Iterable[Json] | None) -> Iterator[Json]:
    listed = [concepts] if isinstance(concepts, dict) else concepts or ()
    for each in listed:
        yield from each.get("coding", ())
