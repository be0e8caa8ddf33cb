"""Bundle entries → Asked: what each entry of a batch or transaction asks for; pure, no judgement.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from sharedplan.errors import Incorrect, Issue, SharedplanError
from sharedplan.fhir import json_text
from sharedplan.fhir.addresses import addressed
from sharedplan.fhir.exchanges import Asked, Json

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_IN_BUNDLE = {"resourceType", "id", "meta", "implicitRules", "language", "identifier", "type", "timestamp", "total"}
_IN_BUNDLE |= {"link", "entry", "signature"}
_IN_ENTRY = {"id", "extension", "modifierExtension", "link", "fullUrl", "resource", "search", "request", "response"}
_IN_REQUEST = {"id", "extension", "modifierExtension", "method", "url", "ifNoneMatch", "ifModifiedSince", "ifMatch"}
_IN_REQUEST |= {"ifNoneExist"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its number, the URL it is known by in the Bundle (None without), and what it asks for."""

    number: int
    full_url: str | None
    asked: Asked

    @property
    def at(self) -> str:
        """The entry's FHIRPath."""
        return place(self.number)


def place(number: int) -> str:
    """The FHIRPath of the entry with that number."""
    return f"Bundle.entry[{number}]"


def listed(bundle: Json, *, most: int) -> list[Json]:
    """The entries as they came. Raises Incorrect for what is no Bundle of entries, or holds too many."""
    issues = [
        Issue("structure", f"a Bundle has no element {_short(name)}", f"Bundle.{_short(name)}")
        for name in bundle
        if name.lstrip("_") not in _IN_BUNDLE
    ]
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        issues.append(Issue("structure", "Bundle.entry is an array", "Bundle.entry"))
        entries = []
    if len(entries) > most:
        issues.append(Issue("too-costly", f"a Bundle may hold {most} entries, this one holds {len(entries)}"))
    if issues:
        raise Incorrect(issues=issues)
    return entries


def read(entry: Any, number: int, around: Asked) -> Entry:
    """One entry; `around` is the Bundle's own request. Raises a SharedplanError that names the entry."""
    try:
        return _read(entry, number, around)
    except SharedplanError as failure:
        raise named(failure, number) from failure


def named(failure: SharedplanError, number: int) -> SharedplanError:
    """The same failure, its issues pointing at the entry: "Patient.name" becomes Bundle.entry[2].resource.name."""
    failure.issues = tuple(_issues_at(failure.issues, number))
    return failure


def _issues_at(issues: tuple[Issue, ...], number: int) -> Iterator[Issue]:
    for issue in issues:
        path = place(number)
        if issue.at is not None:
            _, dot, below = issue.at.partition(".")
            path = issue.at if issue.at.startswith("Bundle.") else f"{path}.resource{dot}{below}"
        saying = issue.saying if issue.saying.startswith("entry ") else f"entry {number}: {issue.saying}"
        yield replace(issue, saying=saying, at=path)


def _read(entry: Any, number: int, around: Asked) -> Entry:
    at = place(number)
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise Incorrect("each entry is an object with a request", at=f"{at}.request")
    request = entry["request"]
    for holder, path, known in ((entry, at, _IN_ENTRY), (request, f"{at}.request", _IN_REQUEST)):
        for name in holder:
            if name.lstrip("_") not in known:
                raise Incorrect(f"there is no element {_short(name)} here", at=f"{path}.{_short(name)}")
    full_url = _text(entry, "fullUrl", at)
    method = _text(request, "method", f"{at}.request")
    if method not in METHODS:
        raise Incorrect(f"request.method is one of {', '.join(METHODS)}", at=f"{at}.request.method")
    url = _text(request, "url", f"{at}.request")
    if not url:
        raise Incorrect("request.url is missing", at=f"{at}.request.url")
    path, _, query = url.removeprefix(f"{around.base}/").partition("?")
    address = addressed(method, unquote(path))
    interaction = address.interaction
    if interaction == "batch":
        raise Incorrect("an entry cannot be a Bundle of requests itself", at=f"{at}.request.url")
    body = entry.get("resource")
    patch_format = None
    if address.takes_form:
        if body is not None:
            raise Incorrect("an entry that searches says what for in its url", at=f"{at}.resource")
    elif method in ("POST", "PUT", "PATCH") and interaction != "operation" and not isinstance(body, dict):
        raise Incorrect(f"a {method} needs a resource", at=f"{at}.resource")
    if interaction == "patch":
        body, patch_format = _patch(body, at)
    asked = Asked(
        interaction,
        address.type,
        address.id,
        address.version,
        tuple(parse_qsl(query, keep_blank_values=True)),
        body,
        patch_format,
        address.operation,
        if_match=_text(request, "ifMatch", f"{at}.request"),
        if_none_match=_text(request, "ifNoneMatch", f"{at}.request"),
        if_modified_since=_instant(request, at),
        if_none_exist=_text(request, "ifNoneExist", f"{at}.request"),
        prefer=around.prefer,
        base=around.base,
        request_id=around.request_id,
        method=around.method,  # what an entry asks came in a body, and stays out of addresses
        provenance=around.provenance,
        compartment=address.compartment,
        accept_language=around.accept_language,
    )
    return Entry(number, full_url, asked)


def _patch(body: Any, at: str) -> tuple[Any, str]:
    """(patch, format): Parameters are a FHIRPath Patch, a Binary carries a JSON Patch."""
    if body.get("resourceType") != "Binary":
        return body, "fhirpath-patch"
    if body.get("contentType") != "application/json-patch+json":
        raise Incorrect("a Binary as a patch is application/json-patch+json", at=f"{at}.resource.contentType")
    try:
        data = base64.b64decode(body.get("data") or "", validate=True)
    except (TypeError, ValueError):  # ValueError for letters beyond ASCII, and binascii's error is one, too
        raise Incorrect("Binary.data is not base64", at=f"{at}.resource.data") from None
    return json_text.read(data), "json-patch"


def _instant(request: Json, at: str) -> datetime | None:
    text = _text(request, "ifModifiedSince", f"{at}.request")
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise Incorrect("ifModifiedSince is an instant, with time and offset", at=f"{at}.request.ifModifiedSince")
    return found


def _text(holder: Json, name: str, at: str) -> str | None:
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise Incorrect(f"{name} is a text", at=f"{at}.{name}")
    return value


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}…"
