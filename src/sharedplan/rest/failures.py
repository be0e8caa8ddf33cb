"""Any exception → an OperationOutcome response: the one handler.

https://hl7.org/fhir/R4/http.html#Status-Codes, https://www.rfc-editor.org/rfc/rfc6750#section-3
"""

import re
from http import HTTPStatus

from starlette.exceptions import HTTPException

from sharedplan.errors import (
    Fault,
    Gone,
    Issue,
    NotOffered,
    SharedplanError,
    Throttled,
    TooSlow,
    Unauthenticated,
    Unavailable,
)
from sharedplan.fhir import outcomes
from sharedplan.logs import log, place
from sharedplan.rest.answered import NOT_STORED
from sharedplan.rest.reply import Reply

CONTENT_TYPE = (b"content-type", b"application/fhir+json; charset=utf-8")
CLOSE = (b"connection", b"close")
CODES = {400: "invalid", 404: "not-found", 405: "not-supported", 413: "too-long", 414: "too-long", 431: "too-long"}

_OUTSIDE_LATIN = re.compile(r"[^\x20-\x7e]")


def reply_to_failure(failure: Exception, *, token_sent: bool = False) -> Reply:
    """The response that tells the client what went wrong, and nothing about our insides.

    `token_sent`: whether a 401 is about a token that came, rather than one that did not.
    """
    if isinstance(failure, HTTPException):
        return _of_framework(failure)
    if not isinstance(failure, SharedplanError):
        # The text and the locals of an unknown failure may hold what a client sent, so only its place is logged.
        log.error("request_failed", failure=type(failure).__name__, place=place(failure))
        failure = Fault("something went wrong in the service; the request id leads to it")
    elif isinstance(failure, Fault):
        log.error("request_failed", failure=type(failure).__name__, place=place(failure))
    return outcome_reply(failure.status, failure.issues, _headers(failure, token_sent))


def outcome_reply(status: int, issues: tuple[Issue, ...], headers: list[tuple[bytes, bytes]] | None = None) -> Reply:
    """A response whose body is an OperationOutcome."""
    return Reply(status, [CONTENT_TYPE, NOT_STORED, *(headers or [])], outcomes.text(issues).encode())


def _headers(failure: SharedplanError, token_sent: bool) -> list[tuple[bytes, bytes]]:
    match failure:
        case Unauthenticated():
            challenge = 'Bearer realm="sharedplan"'
            if token_sent:
                why = _OUTSIDE_LATIN.sub("?", str(failure)).replace("\\", "").replace('"', "'")
                challenge += f', error="invalid_token", error_description="{why}"'
            return [(b"www-authenticate", challenge.encode())]
        case NotOffered(allow=allow) if allow:
            return [(b"allow", ", ".join(allow).encode())]
        case TooSlow():  # https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
            return [CLOSE]
        case Gone(version=version):
            return [(b"etag", b'W/"%d"' % version)]
        case Throttled(retry_after=seconds) | Unavailable(retry_after=seconds):
            return [(b"retry-after", b"%d" % seconds)]
    return []


def _of_framework(failure: HTTPException) -> Reply:
    """404 and 405 of the framework, for addresses outside the FHIR base."""
    phrase = HTTPStatus(failure.status_code).phrase.lower()
    headers = [(name.lower().encode(), value.encode()) for name, value in (failure.headers or {}).items()]
    allowed = (failure.headers or {}).get("allow")
    why = f"this address is asked by {allowed}" if allowed else "nothing is served at this address"
    issue = Issue(CODES.get(failure.status_code, "processing"), f"{phrase}: {why}")
    return outcome_reply(failure.status_code, (issue,), headers)
