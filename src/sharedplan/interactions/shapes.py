"""Resources as a search shows them: whole, or the part that `_summary` or `_elements` asks for.

https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
"""

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect
from sharedplan.fhir import summaries
from sharedplan.fhir.json_text import read, write
from sharedplan.interactions.audit_events import shown
from sharedplan.store.versions import Version


def shaped(version: Version, summary: str | None, elements: tuple[str, ...]) -> str | None:
    """The text of the resource, or of the part that is wanted."""
    content = shown(version).content
    if content is None or (summary is None and not elements):
        return content
    resource = read(content)
    if summary is not None:
        return write(summaries.summarised(version.type, resource, summary))
    return write(summaries.with_elements(version.type, resource, elements))


def check_elements(types: list[str], elements: tuple[str, ...], *, of_any: bool = False) -> None:
    """That each of the types has the elements, or `of_any` type that is offered. Raises Incorrect with the nearest
    name."""
    if of_any:
        elements = tuple(
            each for each in elements if all(summaries.unknown_elements(type, (each,)) for type in CATALOGUE)
        )
    for type in types:
        for name in summaries.unknown_elements(type, elements):
            near = summaries.nearest_element(type, name)
            hint = f"; do you mean {near}?" if near else ""
            raise Incorrect(f"_elements: {type} has no element {name[:60]}{hint}")
