"""Answer → HTTP response: status, ETag, Last-Modified, Location and the text as it is; computes nothing.

https://hl7.org/fhir/R4/http.html#general
"""

from email.utils import formatdate
from functools import lru_cache

from sharedplan.catalogue import CATALOGUE
from sharedplan.fhir import json_text
from sharedplan.fhir.bundles import ACT_REASON
from sharedplan.fhir.exchanges import Answer
from sharedplan.rest.asked import Form
from sharedplan.rest.negotiation import HTML
from sharedplan.rest.pages import sheet
from sharedplan.rest.reply import Reply

SECURITY = "http://hl7.org/fhir/tag/security"
"""The scheme of security labels in the header Category."""

PAGE = [
    (b"content-security-policy", sheet.CONTENT_SECURITY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept, accept-language"),
]
"""Headers of a page for people."""

NOT_STORED = (b"cache-control", b"no-store")
ASKED_AGAIN = (b"cache-control", b"private, no-cache")


def reply_to(answer: Answer, form: Form, base: str) -> Reply:
    """The response that carries an answer, in the form that was asked for."""
    headers = [_content_type(form.media_type)] if answer.content is not None else []
    shared = answer.type is not None and answer.type in CATALOGUE and not CATALOGUE[answer.type].client_data
    headers.append(ASKED_AGAIN if shared else NOT_STORED)
    if answer.version is not None:
        headers.append((b"etag", b'W/"%d"' % answer.version))
    if answer.last_updated is not None:
        headers.append((b"last-modified", http_date(int(answer.last_updated.timestamp()))))
    if answer.created:
        place = f"{base}/{answer.type}/{answer.id}/_history/{answer.version}"
        headers.append((b"location", place.encode()))
    for code in answer.labels:
        headers.append((b"category", f'{ACT_REASON}|{code}; scheme="{SECURITY}"'.encode()))
    for name, value in answer.headers.items():
        headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    if answer.content is None:
        return Reply(answer.status, headers)
    if form.media_type == HTML:
        headers += PAGE
        return Reply(answer.status, headers, sheet.page(answer.text or "", base).encode())
    content = json_text.write(json_text.read(answer.content), pretty=True) if form.pretty else answer.content
    return Reply(answer.status, headers, content if isinstance(content, bytes) else content.encode())


@lru_cache(maxsize=4096)
def http_date(seconds: int) -> bytes:
    """An HTTP date, from seconds since 1970."""
    return formatdate(seconds, usegmt=True).encode()


@lru_cache(maxsize=8)
def _content_type(media_type: str) -> tuple[bytes, bytes]:
    return b"content-type", f"{media_type}; charset=utf-8".encode()
