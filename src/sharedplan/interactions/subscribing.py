"""What a client may write as a Subscription, and how it is kept. https://hl7.org/fhir/R4/subscription.html

A rest-hook to an address that is allowed, for what a search of one type finds. Who wrote it last is kept beside it, for
whatever is told is told by his eyes. The values of `channel.header` are secrets between the subscriber and his
receiver: they are sealed and kept apart, and the resource shows a mark in their place, the same for the same value. So
whoever reads it and writes it back changes nothing, and whoever leads it elsewhere has to know them.

`status` is kept by the service: a client asks (`requested`) or stops (`off`).
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from sharedplan.catalogue import CATALOGUE
from sharedplan.errors import Incorrect, Issue
from sharedplan.fhir import json_text
from sharedplan.fhir.exchanges import Json
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.criteria import Criteria, criteria
from sharedplan.interactions.endpoints import origin_of
from sharedplan.search.expression import Nothing
from sharedplan.store.versions import Version

TYPE = "Subscription"
PAYLOAD = "application/fhir+json"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
CONTENT = f"{BACKPORT}/backport-payload-content"
HEARTBEAT = f"{BACKPORT}/backport-heartbeat-period"
MOST_EVENTS = f"{BACKPORT}/backport-max-count"

NOT_FOLLOWED = frozenset({"AuditEvent", TYPE})
"""Types that no Subscription is about: each delivery adds to them."""

EMERGENCIES = frozenset({"ETREAT", "BTG"})

TOGETHER = 50
"""Events of one notification, at most."""

MOST_HEADERS, LONGEST_HEADER = 20, 4_096
LEAST_HEARTBEAT, MOST_HEARTBEAT = timedelta(seconds=10), timedelta(days=7)

_BY_SERVICE = ("active", "error")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)")
_HIDDEN = re.compile(r"hidden \([0-9a-f]{8}\)")
_OURS = frozenset(
    (
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host"),
        *("keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"),
    )
)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a Subscription asks for.

    `payload`: whether anything is said beside that something happened. `names`: whether what changed is named.
    `together`: events of one notification at most. `heartbeat`: how long it may be silent. `end`: as it stands there.
    """

    criteria: str
    endpoint: str
    headers: tuple[str, ...]
    payload: bool
    names: bool
    together: int
    heartbeat: timedelta | None
    end: str | None


def asking(resource: Json) -> Asking:
    """What a stored Subscription asks for."""
    channel = resource["channel"]
    period, most = _extension(channel, HEARTBEAT), _extension(channel, MOST_EVENTS)
    return Asking(
        resource.get("criteria", ""),
        channel.get("endpoint", ""),
        tuple(channel.get("header", ())),
        "payload" in channel,
        _extension(channel.get("_payload", {}), CONTENT) != "empty",
        min(int(most), TOGETHER) if most is not None else TOGETHER,
        timedelta(seconds=int(period)) if period is not None else None,
        resource.get("end"),
    )


def understood(text: str, *, base: str) -> Criteria:
    """The condition that criteria ("CarePlan?status=active") say. Raises Incorrect."""
    type, mark, query = text.removeprefix(f"{base}/").partition("?")
    if type not in CATALOGUE or not mark:
        raise Incorrect("criteria are a type of this service and a search of it, as CarePlan?status=active")
    if type in NOT_FOLLOWED:
        raise Incorrect(f"nobody is told of each {type}: every delivery leaves one")
    return criteria(type, parse_qsl(query, keep_blank_values=True), base=base)


def faults(resource: Json, before: Version | None, acting: Acting, base: str) -> Iterator[Issue]:
    """Why a Subscription, which is valid as a resource, is not taken as it is written."""
    if acting.trail.purpose in EMERGENCIES:
        yield Issue("business-rule", "what an emergency opens is read by whoever opened it, and not followed", TYPE)
    if before is None and resource.get("status") in _BY_SERVICE:
        yield Issue("business-rule", "it begins as requested; the service makes it active", f"{TYPE}.status")
    yield from _of_criteria(resource.get("criteria", ""), acting, base)
    yield from _of_channel(resource["channel"], acting)
    yield from _of_headers(resource["channel"], before)


def _of_criteria(text: str, acting: Acting, base: str) -> Iterator[Issue]:
    at = f"{TYPE}.criteria"
    try:
        found = understood(text, base=base)
    except Incorrect as failure:
        for each in failure.issues:
            yield Issue(each.code, each.saying, at)
        return
    if isinstance(acting.within.get(found.type), Nothing):
        yield Issue("business-rule", f"the token lets nothing of {found.type} be read", at)
    elif acting.may_search is not None and not acting.may_search(found.type):
        yield Issue("business-rule", f"the token lets nothing of {found.type} be searched", at)


def _of_channel(channel: Json, acting: Acting) -> Iterator[Issue]:
    at = f"{TYPE}.channel"
    if channel.get("type") != "rest-hook":
        yield Issue("not-supported", "the one channel of this service is rest-hook", f"{at}.type")
    if (fault := acting.policy.endpoints.fault(channel.get("endpoint"))) is not None:
        yield Issue("business-rule", fault, f"{at}.endpoint")
    if channel.get("payload", PAYLOAD) != PAYLOAD:
        yield Issue("not-supported", f"the payload is {PAYLOAD}, or left out for none", f"{at}.payload")
    content = _extension(channel.get("_payload", {}), CONTENT)
    if content not in (None, "id-only", "empty"):
        yield Issue(
            "not-supported", "notifications name what changed (id-only) or say nothing (empty)", f"{at}.payload"
        )
    period = _extension(channel, HEARTBEAT)
    if period is not None and not (_is_number(period) and _within(int(period))):
        low, high = (int(each.total_seconds()) for each in (LEAST_HEARTBEAT, MOST_HEARTBEAT))
        yield Issue("business-rule", f"a heartbeat comes every {low} to {high:,} seconds", f"{at}.extension")
    most = _extension(channel, MOST_EVENTS)
    if most is not None and not (_is_number(most) and int(most) > 0):
        yield Issue("business-rule", "backport-max-count is a positive number", f"{at}.extension")


def _of_headers(channel: Json, before: Version | None) -> Iterator[Issue]:
    kept = _channel(before)
    for number, line in enumerate(channel.get("header", ())):
        at = f"{TYPE}.channel.header[{number}]"
        found = _HEADER.fullmatch(line) if isinstance(line, str) and len(line) <= LONGEST_HEADER else None
        if number == MOST_HEADERS:
            yield Issue("too-costly", f"at most {MOST_HEADERS} headers are sent", at)
            return
        if found is None:
            yield Issue("value", f"a header is Name: value, in {LONGEST_HEADER:,} visible ASCII characters at most", at)
        elif found[1].lower() in _OURS or found[1].lower().startswith("proxy-"):
            yield Issue("business-rule", f"{found[1]} is set by the service", at)
        elif _HIDDEN.fullmatch(found[2]) and not (line in kept.get("header", ()) and _is_same_place(channel, kept)):
            yield Issue("business-rule", "the value is not known for this endpoint: say it (again)", at)


def _is_same_place(channel: Json, kept: Json) -> bool:
    """Whether both lead to the same origin: what was a secret with one is not told to another."""
    try:
        return origin_of(channel["endpoint"]) == origin_of(kept["endpoint"])
    except (KeyError, ValueError):
        return False


def as_kept(resource: Json, before: Version | None, acting: Acting) -> tuple[Json, Mapping[str, str]]:
    """The Subscription as it is stored, and the header lines that it hides, each by the line that stands for it.

    What says the same as before stays as the service has it; what an operator brings in keeps its status.
    """
    channel = resource["channel"]
    secrets: dict[str, str] = {}
    if "header" in channel:
        shown = []
        for line in channel["header"]:
            found = _HEADER.fullmatch(line) if isinstance(line, str) else None
            if found is not None and not _HIDDEN.fullmatch(found[2]):
                hidden = f"{found[1]}: hidden ({acting.policy.cursors.mark(line)})"
                secrets[hidden], line = line, hidden
            shown.append(line)
        resource = {**resource, "channel": {**channel, "header": shown}}
    if not acting.imports:
        resource = _with_status(resource, before)
    return resource, secrets


def _with_status(resource: Json, before: Version | None) -> Json:
    """The Subscription with the status that it really has: the one from before, where a client only says again what he
    read; else it is asked for anew, which is answered by a handshake."""
    old = json_text.read(before.content) if before is not None and before.content is not None else {}
    if resource.get("status") not in _BY_SERVICE:
        return {name: value for name, value in resource.items() if name != "error"}
    is_same = all(resource.get(name) == old.get(name) for name in ("channel", "criteria"))
    if not is_same or old.get("status") not in ("requested", *_BY_SERVICE):
        old = {"status": "requested"}
    ours = {name: old[name] for name in ("status", "error") if name in old}
    return {name: value for name, value in resource.items() if name != "error" or name in ours} | ours


def who(acting: Acting) -> str:
    """On whose behalf, as the JSON text that is kept with the version: with all that is needed to judge later what he
    may see."""
    return json_text.write(acting.standing()) if acting.standing is not None else acting.who


def sealed(secrets: Mapping[str, str], id: str, acting: Acting) -> str | None:
    """The header lines that a Subscription hides as they are kept until it is taken on: not with the version, which is
    kept for good. None for none, and for whoever has nobody told on his behalf."""
    if not secrets or acting.standing is None:
        return None
    return acting.policy.cursors.sealed(dict(secrets), client=f"{TYPE}/{id}")


def _channel(before: Version | None) -> Json:
    found: Json = json_text.read(before.content)["channel"] if before is not None and before.content else {}
    return found


def _extension(element: Any, url: str) -> Any:
    """The value of an extension; None when it is not there."""
    found = element.get("extension", ()) if isinstance(element, dict) else ()
    for each in found:
        if each.get("url") == url:
            return next((value for name, value in each.items() if name.startswith("value")), None)
    return None


def _is_number(value: Any) -> bool:
    return str(value).isascii() and str(value).isdigit() and len(str(value)) < 10


def _within(seconds: int) -> bool:
    return LEAST_HEARTBEAT <= timedelta(seconds=seconds) <= MOST_HEARTBEAT
