"""Texts → items: what goes into the store in one go, with what it writes and what it waits for.

A Bundle is an item by itself; single resources go together. Items are worked on side by side, so each says what it
writes under which identity, and whether it asks for resources by conditions, which depend on what else is there.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from sharedplan.loading.reading import Text

TOGETHER = 100
"""Single resources that go together at most."""

_CONDITION = re.compile(rb'"(?:reference|url)"\s*:\s*"[A-Za-z]+\?|"ifNoneExist"\s*:')


@dataclass(slots=True, eq=False)
class Item:
    """One Bundle, or a stretch of single resources of one file.

    `writes`: what is written under each identity (a URL, or "Type/id"), as a hash. `resources`: how many there seem to
    be, for the progress bar.
    """

    texts: list[Text]
    writes: dict[str, int] = field(default_factory=dict)
    is_bundle: bool = False
    has_conditions: bool = False
    resources: int = 0


def items(texts: Iterable[Text]) -> Iterator[Item]:
    """The items that the texts make, in their order."""
    open_item: Item | None = None
    for text in texts:
        item = _item(text)
        if open_item is not None and _go_together(open_item, item):
            _add(open_item, item)
            continue
        if open_item is not None:
            yield open_item
        open_item = item
        if item.is_bundle:
            yield item
            open_item = None
    if open_item is not None:
        yield open_item


def _go_together(first: Item, second: Item) -> bool:
    """Whether two can be one transaction: single resources of one file, none of them twice."""
    return (
        not second.is_bundle
        and first.texts[0].file == second.texts[0].file
        and len(first.texts) < TOGETHER
        and first.writes.keys().isdisjoint(second.writes)
    )


def _add(first: Item, second: Item) -> None:
    first.texts += second.texts
    first.writes |= second.writes
    first.has_conditions = first.has_conditions or second.has_conditions
    first.resources += second.resources


def _item(text: Text) -> Item:
    """The text as an item of its own. What is no JSON here is found out by whoever loads it."""
    item = Item([text], has_conditions=_CONDITION.search(text.body) is not None, resources=1)
    try:
        value = orjson.loads(text.body)
    except orjson.JSONDecodeError:
        return item
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        entries = value.get("entry")
        entries = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
        item.is_bundle, item.resources = True, len(entries)
        for entry in entries:
            for identity in _identities(entry):
                item.writes[identity] = hash(orjson.dumps(entry.get("resource")))
    else:
        for identity in _identities({"resource": value}):
            item.writes[identity] = hash(text.body)
    return item


def _identities(entry: dict[str, Any]) -> Iterator[str]:
    """The names under which an entry's resource may be written."""
    resource, request, full_url = entry.get("resource"), entry.get("request"), entry.get("fullUrl")
    if isinstance(full_url, str):
        yield full_url
    if isinstance(request, dict):
        url, condition = request.get("url"), request.get("ifNoneExist")
        if isinstance(url, str) and request.get("method") not in ("POST", "GET", "HEAD"):
            yield url
        elif isinstance(condition, str):
            yield f"{url}?{condition}"
    elif isinstance(resource, dict) and isinstance(resource.get("id"), str):
        yield f"{resource.get('resourceType')}/{resource['id']}"
