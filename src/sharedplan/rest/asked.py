"""HTTP request → Asked: address, headers, parameters and body; no judgement on what is asked."""

from dataclasses import dataclass
from typing import Any

from sharedplan.errors import Incorrect, WrongMediaType
from sharedplan.fhir import json_text
from sharedplan.fhir.addresses import Address
from sharedplan.fhir.exchanges import Asked
from sharedplan.rest import bodies
from sharedplan.rest.headers import Headers
from sharedplan.rest.negotiation import FHIR_JSON, FORM, JSON_PATCH, PLAIN_JSON, answer_type, body_type
from sharedplan.rest.reply import Receive

RESOURCE = frozenset({FHIR_JSON, PLAIN_JSON})
PATCH = frozenset({FHIR_JSON, PLAIN_JSON, JSON_PATCH})
SEARCH_FORM = frozenset({FORM})
BUNDLES = frozenset({"batch", "transaction"})

STATED_LIMIT = 8 * 1024
"""Bytes that the header X-Provenance may hold: what it says is kept with each resource that is written."""

_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Form:
    """How the answer shall look: its media type, and whether it is laid out for people."""

    media_type: str = FHIR_JSON
    pretty: bool = False


def form_and_parameters(sent: bodies.Pairs, headers: Headers, *, has_page: bool = False) -> tuple[Form, bodies.Pairs]:
    """What the answer shall look like, and the other parameters; `has_page`: it may be a page for people.

    Raises Incorrect, NotAcceptable.
    """
    format, pretty, parameters = None, False, sent
    if sent and any(name in ("_format", "_pretty") for name, _ in sent):
        for name, value in sent:
            if name == "_format":
                if format is not None:
                    raise Incorrect("_format is given twice")
                format = value
            elif name == "_pretty":
                pretty = _flag(value)
        parameters = tuple(pair for pair in sent if pair[0] not in ("_format", "_pretty"))
    return Form(answer_type(headers.joined(b"accept"), format, has_page=has_page), pretty), parameters


async def search_form(headers: Headers, receive: Receive, limit: int) -> bodies.Pairs:
    """The parameters of a search by POST; none when the body is empty.

    `limit` in bytes. Raises Incorrect, TooLarge, WrongMediaType, bodies.ClientLeft.
    """
    raw = await _body(headers, receive, limit)
    if raw:
        body_type(headers.one(b"content-type"), SEARCH_FORM)
    return bodies.pairs(raw)


async def asked(
    address: Address,
    headers: Headers,
    parameters: bodies.Pairs,
    receive: Receive,
    *,
    method: str,
    base: str,
    request_id: str,
    body_limit: int,
) -> Asked:
    """The interaction that the request asks for, its body read; `parameters` are those of query and search form.

    `body_limit` in bytes. Raises Incorrect, TooLarge, WrongMediaType, bodies.ClientLeft.
    """
    interaction, body, patch_format = address.interaction, None, None
    if method in ("POST", "PUT", "PATCH") and not address.takes_form:
        raw = await _body(headers, receive, body_limit)
        if raw or interaction != "operation":
            media_type = body_type(headers.one(b"content-type"), PATCH if interaction == "patch" else RESOURCE)
            body = _json(raw)
            if interaction == "patch":
                patch_format = "json-patch" if media_type == JSON_PATCH else "fhirpath-patch"
            if patch_format != "json-patch" and not isinstance(body, dict):
                raise Incorrect("the body must be a JSON object: a resource")
            if interaction == "batch":
                interaction = _bundle_kind(body)
    return Asked(
        interaction,
        address.type,
        address.id,
        address.version,
        parameters,
        body,
        patch_format,
        address.operation,
        if_match=headers.one(b"if-match"),
        if_none_match=headers.joined(b"if-none-match") or None,
        if_modified_since=headers.instant(b"if-modified-since"),
        if_none_exist=headers.one(b"if-none-exist"),
        prefer=headers.prefer(),
        base=base,
        request_id=request_id,
        method="GET" if method == "HEAD" else method,
        provenance=_stated(headers) if method not in ("GET", "HEAD") and not address.takes_form else None,
        compartment=address.compartment,
        accept_language=headers.joined(b"accept-language"),
    )


async def _body(headers: Headers, receive: Receive, limit: int) -> bytes:
    encoding = headers.joined(b"content-encoding").strip().lower()
    if encoding not in ("", "identity"):
        raise WrongMediaType("a compressed body is not read here: send it without Content-Encoding")
    return await bodies.read_body(receive, limit, headers.one(b"content-length"))


def _json(raw: bytes) -> Any:
    if not raw.strip():
        raise Incorrect("the request needs a body")
    return json_text.read(raw)


def _bundle_kind(body: Any) -> str:
    kind = body.get("type")
    if body.get("resourceType") != "Bundle" or not isinstance(kind, str) or kind not in BUNDLES:
        raise Incorrect("what is posted to the base is a Bundle of type batch or transaction", at="Bundle.type")
    return kind


def _stated(headers: Headers) -> Any:
    """The Provenance in the header X-Provenance, without a target. https://hl7.org/fhir/R4/provenance.html#header"""
    text = headers.one(b"x-provenance")
    if text is None:
        return None
    if len(text) > STATED_LIMIT:
        raise Incorrect(f"X-Provenance: it may hold {STATED_LIMIT:,} bytes")
    try:
        found = json_text.read(text.encode("latin-1"))
    except Incorrect as failure:
        raise Incorrect(f"X-Provenance: {failure}") from None
    if not isinstance(found, dict) or found.get("resourceType") != "Provenance":
        raise Incorrect("X-Provenance: it is a Provenance as JSON, without a target")
    return found


def _flag(value: str) -> bool:
    if value not in _FLAGS:
        raise Incorrect("_pretty is true or false")
    return _FLAGS[value]
