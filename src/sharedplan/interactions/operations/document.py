"""$document of a plan: a document Bundle, its Composition first and all that this leads to after it.

GET or POST CarePlan/[id]/$document. https://hl7.org/fhir/R4/documents.html

Made when it is asked for, of what whoever asks may see, and kept nowhere. The plan sheet that a browser is given is
drawn from this same Bundle (`rest/pages/`), so it can show nothing else.
"""

from sharedplan.care.sheet.sheet import sheet
from sharedplan.errors import Incorrect
from sharedplan.fhir import bundles, json_text
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.fhir.languages import chosen
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.composition import composition
from sharedplan.interactions.operations.everything import check_address
from sharedplan.interactions.whole import whole


async def document(asked: Asked, acting: Acting) -> Answer:
    """The Bundle, in the language asked for. Raises NotFound, Gone, NotOffered for anything but one plan, Incorrect for
    a parameter."""
    check_address(asked, "document")
    if unknown := [name for name, _ in asked.parameters if name != "_language"]:
        raise Incorrect(f"$document takes _language and _format, not {unknown[0][:60]!r}")
    if len(asked.parameters) > 1:
        raise Incorrect("_language is given twice")
    language = chosen(dict(asked.parameters).get("_language"), asked.accept_language, default="fi")
    found = await whole(asked, acting)
    situation, id = found.situation, acting.clock.new_id()
    made = composition(
        situation,
        sheet(situation, language),
        id=acting.clock.new_id(),
        names=[part.name for part in found.parts],
        controller=situation.registers.get(str(situation.plan)),
    )
    entries = [
        bundles.Entry(f"{asked.base}/Composition/{made['id']}", json_text.write(made)),
        *(bundles.Entry(f"{asked.base}/{part.name}", part.text) for part in found.parts),
    ]
    text = bundles.document(
        entries, identifier=f"urn:uuid:{id}", id=id, at=situation.at, language=language, labels=found.labels
    )
    return Answer(200, text, labels=found.labels, headers={"Content-Language": language})
