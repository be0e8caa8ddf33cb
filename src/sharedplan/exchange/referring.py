"""What refers to a thing, as far as a consent goes by it: some mean a thing with all that it refers to.

https://hl7.org/fhir/R4/valueset-consent-data-meaning.html (related)
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sharedplan.access.items import Item
from sharedplan.access.provisions import Rule
from sharedplan.store.unit_of_work import Unit


def meant_with_all(rules: Iterable[Rule]) -> list[str]:
    """The things that some rule means with all that they refer to."""
    return sorted({name for rule in rules for group in rule.data for meaning, name in group if meaning == "related"})


async def with_references(items: Sequence[Item], rules: Iterable[Rule], unit: Unit) -> list[Item]:
    """The things, each knowing which of those refer to it."""
    pairs = [(name, str(each.reference)) for name in meant_with_all(rules) for each in items]
    by: dict[str, set[str]] = {}
    for name, there in await unit.referred(pairs):
        by.setdefault(there, set()).add(name)
    return [replace(each, referred_by=frozenset(by.get(str(each.reference), ()))) for each in items]
