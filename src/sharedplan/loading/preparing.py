"""An item made ready: questions as a client would have asked them, in groups that go in together; pure.

So that everything is decided, checked and written as it is over HTTP. Only that a POST becomes a PUT, under an id that
follows from where the resource came from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, SharedplanError
from sharedplan.exchange import entries
from sharedplan.exchange.entries import Entry
from sharedplan.exchange.plan import Links
from sharedplan.fhir import json_text, references
from sharedplan.fhir.exchanges import Asked, Json
from sharedplan.fhir.primitives import is_id
from sharedplan.loading.identities import Identities
from sharedplan.loading.items import TOGETHER
from sharedplan.loading.leaving_out import is_foreign_name, kept, type_of
from sharedplan.loading.reading import Text
from sharedplan.loading.report import Outcome, Refusal, known

LOADED = ("transaction", "batch", "collection", "searchset")
"""The types of Bundle whose resources are loaded."""

MOST_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class Choices:
    """How to load: for whom ("Organization/1", or None for nobody's register), whether a Bundle that holds a type which
    is not offered is refused whole, and this server's own base."""

    organization: str | None = None
    is_strict: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """One question, and where it stands: its text's place, and its number among the Bundle's entries."""

    entry: Entry
    place: str
    number: int | None = None

    def refused(self, reasons: tuple[str, ...]) -> Refusal:
        asked = self.entry.asked
        id = asked.id or (asked.body.get("id") if isinstance(asked.body, dict) else None)
        return Refusal(self.place, self.number, f"{asked.type}/{id}" if id else asked.type, reasons)


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that go in together; `is_atomic`: all or nothing, as a transaction says."""

    ready: tuple[Ready, ...]
    is_atomic: bool = False


def groups(texts: Sequence[Text], choices: Choices, outcome: Outcome) -> Iterator[Group]:
    """What the texts of an item ask for; what is refused or left out on the way is told to `outcome`."""
    singles: list[Ready] = []
    for text in texts:
        try:
            value = json_text.read(text.body)
            type = type_of(value)
            if type == "Bundle":
                yield from _of_bundle(value, text, choices, outcome)
            elif type is not None and is_foreign_name(type):
                outcome.left_out[type] += 1
            else:
                asked = _as_put(value, None, Identities(choices.organization), choices)
                singles.append(Ready(Entry(len(singles), None, asked), text.place))
        except Exception as failure:
            outcome.refused.append(Refusal(text.place, None, None, reasons_of(known(failure))))
    if singles:
        yield Group(tuple(singles))


def reasons_of(failure: SharedplanError) -> tuple[str, ...]:
    """Why something is refused: each issue, with the path of its element."""
    return tuple(f"{each.at}: {each.saying}" if each.at else each.saying for each in failure.issues)


def _of_bundle(bundle: Json, text: Text, choices: Choices, outcome: Outcome) -> Iterator[Group]:
    """A transaction as one group; of other Bundles each entry stands for itself. Raises Incorrect."""
    kind = bundle.get("type")
    if kind not in LOADED:
        raise Incorrect(f"a Bundle of type {kind!r} is not loaded; {', '.join(LOADED)} are", at="Bundle.type")
    came = dict(enumerate(entries.listed(bundle, most=MOST_ENTRIES)))
    identities, around = Identities(choices.organization), Asked(kind, base=choices.base)
    ready: list[Ready] = []
    refused: list[Refusal] = []
    for number, entry in kept(came, text.body, text.place, choices.is_strict, outcome).items():
        try:
            ready.append(Ready(_read(entry, number, around, identities, choices), text.place, number))
        except SharedplanError as failure:
            what = type_of(entry.get("resource")) if isinstance(entry, dict) else None
            refused.append(Refusal(text.place, number, what, reasons_of(failure)))
    outcome.refused += refused
    if kind != "transaction":
        ready = _linked(ready)
        for begin in range(0, len(ready), TOGETHER):
            yield Group(tuple(ready[begin : begin + TOGETHER]))
    elif ready and not refused:
        yield Group(tuple(ready), is_atomic=True)


def _read(entry: Any, number: int, around: Asked, identities: Identities, choices: Choices) -> Entry:
    """The entry's question. Raises a SharedplanError that names it."""
    if not isinstance(entry, dict):
        raise Incorrect("an entry is a JSON object")
    resource, request, full_url = entry.get("resource"), entry.get("request"), entry.get("fullUrl")
    if around.interaction in ("collection", "searchset"):
        return Entry(number, full_url, _as_put(resource, full_url, identities, choices))
    if type_of(resource) == "AuditEvent" and isinstance(request, dict) and request.get("method") in ("POST", "PUT"):
        # Nobody writes the log over HTTP, so there is no such address; but that of another system may be brought in.
        is_new = request["method"] == "POST"
        return Entry(number, full_url, _as_put(resource, full_url, identities, choices, is_new=is_new))
    read = entries.read(entry, number, around)
    if read.asked.interaction == "create" and read.asked.if_none_exist is None:
        return replace(read, asked=_as_put(read.asked.body, full_url, identities, choices, is_new=True))
    return read


def _as_put(resource: Any, full_url: Any, identities: Identities, choices: Choices, *, is_new: bool = False) -> Asked:
    """The question to store a resource under its own id; or, when it has none or is to be a new one, under an id that
    follows from what it is. Raises Incorrect."""
    type = type_of(resource)
    if type is None:
        raise Incorrect("this is no resource: a JSON object with a resourceType")
    if type not in CATALOGUE:
        raise Incorrect(f"{type[:64]!r} is no type of resource", at="Resource.resourceType")
    id = None if is_new else resource.get("id")
    if id is not None and not is_id(id):
        raise Incorrect("an id is 1 to 64 characters of A-Z, a-z, 0-9, - and .", at=f"{type}.id")
    if id is None:
        id = identities.id(resource, full_url if isinstance(full_url, str) else None)
        resource = {**resource, "id": id} if "id" in resource else {"resourceType": type, "id": id, **resource}
    return Asked("update", type, id, body=resource, base=choices.base)


def _linked(ready: Sequence[Ready]) -> list[Ready]:
    """The questions with the references among them leading where they are meant to, for not all will go together."""
    links = Links()
    for each in ready:
        if each.entry.asked.interaction == "update" and each.entry.asked.id is not None:
            links.add(each.entry, (str(each.entry.asked.type), each.entry.asked.id))
    linked = []
    for each in ready:
        asked, mapping = each.entry.asked, links.seen_from(each.entry)
        if mapping and asked.interaction in ("create", "update"):
            body = references.rewritten(asked.body, mapping)
            each = replace(each, entry=replace(each.entry, asked=asked._replace(body=body)))
        linked.append(each)
    return linked
