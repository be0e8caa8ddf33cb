"""What holds when a referral is handed on: the client always has a holder. https://hl7.org/fhir/R4/task.html

A hand-over is a second Task on the same focus. Whoever has taken hold keeps the client until somebody else has; so a
Task that is held is not turned away, given back, or turned to something else before that.
"""

from collections.abc import Iterator
from datetime import datetime

from sharedplan.care import codes
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.writes.team import organizations, persons
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.date import span

NOT_THEIRS: Words = (
    "Vain vastaanottaja {owner} voi merkitä lähetteen tilaksi {status}.",
    "Bara mottagaren {owner} kan ge remissen statusen {status}.",
    "Only its owner, {owner}, can move the referral to {status}.",
)
NOT_REQUESTER: Words = (
    "Lähetteen voi perua vain lähettäjä {requester} tai vastaanottaja {owner}.",
    "Remissen kan återkallas bara av avsändaren {requester} eller mottagaren {owner}.",
    "The referral is cancelled by its requester, {requester}, or its owner, {owner}.",
)
RELEASED: Words = (
    "{owner} vastaa asiakkaasta {client}, kunnes seuraava vastaanottaja on hyväksynyt lähetteen.",
    "{owner} ansvarar för {client} tills nästa mottagare har godtagit remissen.",
    "{owner} holds the referral of {client} until the next owner has accepted it.",
)
NOBODY_YET: Words = ("ei vielä kukaan", "ingen ännu", "nobody yet")

HELD = ("accepted", "ready", "in-progress", "on-hold")
"""Statuses in which somebody has taken hold of the client."""
OF_OWNER = (*HELD, "received", "rejected", "completed", "failed")
ASKED = ("draft", "requested", "received")
"""Statuses in which somebody has been asked, or is about to be."""
ENDED = ("completed", "cancelled", "entered-in-error")
"""Statuses by which a holder ends what he holds: there is nothing more to do, or never was."""

Focus = tuple[str | None, ...] | None
"""What a Task is on, so that two can be compared; None for nothing that tells."""


def is_referral(current: Json | None, proposed: Json | None) -> bool:
    return codes.has((proposed or current or {}).get("code"), codes.TASK, "referral") or codes.has(
        (current or {}).get("code"), codes.TASK, "referral"
    )


@on_write(
    "Task",
    id="R3.9",
    source="seed 003: pompottelun palvelupisteestä toiseen; status moves allowed only by the right party",
    when=is_referral,
    needs=("Task", "RelatedPerson", "CareTeam"),
    looks_up=True,
)
def a_referral_is_moved_by_its_owner_and_kept_until_the_next_accepts(writing: Writing) -> Iterator[Finding]:
    """The first Task keeps its owner, and stays in hand, until a second one's owner has accepted. It may end when
    nobody else has been asked. To decline what one has not taken hold of is free."""
    current, proposed = writing.current, writing.proposed
    yield from _moved(current, proposed or {}, writing)
    if current is None or current.get("status") not in HELD:
        return
    others = _others(current, writing)
    if any(_has_taken_over(each, current) for each in others):
        return
    fields = {"owner": writing.called(current.get("owner")), "client": writing.client_called}
    status = (proposed or {}).get("status")
    if proposed is not None and _is_turned(current, proposed, writing.after):
        yield Finding("R3.9", "error", RELEASED, fields, at="Task.owner")
    elif proposed is None or (
        status not in HELD and (status not in ENDED or any(each.get("status") in ASKED for each in others))
    ):
        yield Finding("R3.9", "error", RELEASED, fields, at="Task.status")


def _is_turned(current: Json, proposed: Json, situation: Situation) -> bool:
    """Whether it is another's now, or has become a Task on something else: either way nobody would hold this client."""
    if situation.name_of(proposed.get("owner")) != situation.name_of(current.get("owner")):
        return True
    if codes.has(current.get("code"), codes.TASK, "referral") and not is_referral(None, proposed):
        return True
    on = focus_of(current, situation)
    if on is not None and focus_of(proposed, situation) != on:
        return True
    return situation.name_of(proposed.get("for")) != situation.name_of(current.get("for"))


def focus_of(task: Json, situation: Situation) -> Focus:
    """What it is on: by reference, else by identifier."""
    focus = task.get("focus", {})
    name = situation.name_of(focus) or focus.get("reference")
    if name is not None:
        return (name,)
    identifier = focus.get("identifier", {})
    return (identifier.get("system"), identifier["value"]) if "value" in identifier else None


def _others(task: Json, writing: Writing) -> list[Json]:
    """The client's other referral Tasks on what that one is on."""
    on = focus_of(task, writing.after)
    return [
        each
        for each in writing.after.of("Task")
        if on is not None
        and f"Task/{each['id']}" != writing.name
        and is_referral(None, each)
        and focus_of(each, writing.after) == on
    ]


def _has_taken_over(other: Json, held: Json) -> bool:
    """Whether the other one's owner holds the client, or has done so after this one began: one who was done before it
    holds nobody."""
    if other.get("status") in HELD:
        return True
    return other.get("status") == "completed" and _began_later(other, held)


def _began_later(other: Json, held: Json) -> bool:
    """By when work began on both, else by when both were written; when that is not known of both, it did not."""
    begun, asked = ([_begun(each) for each in (other, held)], [_low(each.get("authoredOn")) for each in (other, held)])
    for later, earlier in (begun, asked):
        if later is not None and earlier is not None:
            return later > earlier
    return False


def _begun(task: Json) -> datetime | None:
    return _low(task.get("executionPeriod", {}).get("start"))


def _low(text: str | None) -> datetime | None:
    return span(text)[0] if text is not None else None


def _moved(current: Json | None, proposed: Json, writing: Writing) -> Iterator[Finding]:
    """Whether the status is moved by the one who may, and nobody is made a holder by somebody else."""
    status, owner = proposed.get("status"), (current or {}).get("owner") or proposed.get("owner")
    is_same = status == (current or {}).get("status")
    if (writing.person, writing.organization) == (None, None) or (is_same and status not in HELD):
        return
    held = [each for each in _others(proposed, writing) if each.get("status") in HELD]
    if current is None and not held:
        return  # the first that is known of it: it is recorded as it is
    if is_same and not (held and _is_turned(current or {}, proposed, writing.after)):
        return
    requester = (current or proposed).get("requester")
    fields = {
        "owner": writing.called(owner) if owner else NOBODY_YET,
        "requester": writing.called(requester) if requester else NOBODY_YET,
        "status": str(status),
    }
    new = proposed.get("owner")
    if is_same or (status in HELD and writing.after.name_of(new) != writing.after.name_of(owner)):
        holders = {writing.after.name_of(each.get("owner")) for each in held}
        if not is_by(new, writing) and writing.after.name_of(new) not in holders:
            made = {**fields, "owner": writing.called(new) if new else NOBODY_YET}
            yield Finding("R3.9", "error", NOT_THEIRS, made, at="Task.owner")
    if is_same:
        return
    if status in OF_OWNER and not is_by(owner, writing):
        yield Finding("R3.9", "error", NOT_THEIRS, fields, at="Task.status")
    elif status == "cancelled" and not any(is_by(each, writing) for each in (owner, (current or {}).get("requester"))):
        yield Finding("R3.9", "error", NOT_REQUESTER, fields, at="Task.status")


def is_by(party: Json | None, writing: Writing) -> bool:
    """Whether the writer is that party: the person, one of that organisation, or the system of the party's own."""
    name = writing.after.name_of(party)
    if name is None:
        return False
    if writing.person is not None:
        mine = persons(writing.person, writing.after)
        return bool(mine & persons(name, writing.after)) or name == writing.organization or _is_in(name, mine, writing)
    return writing.organization in organizations(name, {}, writing.after)


def _is_in(team: str, people: frozenset[str], writing: Writing) -> bool:
    """Whether one of these is a member of that team."""
    found = writing.after.get(team) or {}
    return any(writing.after.name_of(each.get("member")) in people for each in found.get("participant", ()))
