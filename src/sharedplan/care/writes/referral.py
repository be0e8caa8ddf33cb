"""What holds when a client is referred, and a referral handed on. https://hl7.org/fhir/R4/task.html"""

from collections.abc import Iterator

from sharedplan.care import codes, model
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.writes.team import organizations, persons
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir.exchanges import Json

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
NO_BACKGROUND: Words = (
    "Lähetteestä puuttuu tausta: {missing}.",
    "Remissen saknar bakgrund: {missing}.",
    "The referral does not state its background: {missing}.",
)
OTHER_REFERRER: Words = (
    "Malliin ohjataan aikuisten sosiaalipalveluista; lähettäjä on {requester}.",
    "Till modellen hänvisas från socialservice för vuxna; avsändaren är {requester}.",
    "The model expects referrals from {expected}; this one is from {requester}.",
)
DUPLICATE: Words = (
    "Samaa palvelua {service} on jo pyydetty: {other}.",
    "Samma service {service} har redan begärts: {other}.",
    "The same service, {service}, has been requested already: {other}.",
)
NOBODY_YET: Words = ("ei vielä kukaan", "ingen ännu", "nobody yet")

BACKGROUND: tuple[tuple[str, Words], ...] = (
    ("cooperation-tried", ("jo tehty yhteistyö", "samarbete som prövats", "the cooperation already tried")),
    (
        "help-not-received",
        ("ettei asiakas ole saanut tarvitsemaansa apua", "att klienten inte fått hjälp", "that help was not received"),
    ),
)

HELD = ("accepted", "ready", "in-progress", "on-hold")
"""Statuses in which somebody has taken hold of the client."""
OF_OWNER = (*HELD, "received", "rejected", "completed", "failed")
TAKEN = (*HELD, "completed")


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
    """Hand-over is a second Task on the same focus; the first keeps its owner, and stays in hand, until the second's
    owner has accepted."""
    current, proposed = writing.current, writing.proposed
    yield from _moved(current, proposed or {}, writing)
    if current is None or current.get("status") not in HELD:
        return
    fields = {"owner": writing.called(current.get("owner")), "client": writing.client_called}
    name_of = writing.after.name_of
    others = [each for each in _same_focus(current, writing) if f"Task/{each['id']}" != writing.name]
    if any(each.get("status") in TAKEN for each in others):
        return
    if name_of((proposed or {}).get("owner")) != name_of(current.get("owner")) or proposed is None:
        yield Finding("R3.9", "error", RELEASED, fields, at="Task.owner" if proposed is not None else "Task.status")
    elif proposed.get("status") not in HELD and any(each.get("status") in _ASKED for each in others):
        yield Finding("R3.9", "error", RELEASED, fields, at="Task.status")


_ASKED = ("draft", "requested", "received")


def _same_focus(task: Json, writing: Writing) -> list[Json]:
    """The referral Tasks of the client with the focus of that one."""
    focus = writing.after.name_of(task.get("focus"))
    return [
        each
        for each in writing.after.of("Task")
        if is_referral(None, each) and focus is not None and writing.after.refers(each.get("focus"), focus)
    ]


def _moved(current: Json | None, proposed: Json, writing: Writing) -> Iterator[Finding]:
    """Whether the status is moved by the one who may."""
    status, owner = proposed.get("status"), (current or proposed).get("owner")
    if (writing.person, writing.organization) == (None, None) or status == (current or {}).get("status"):
        return
    if current is None and not any(
        each.get("status") in HELD for each in _same_focus(proposed, writing) if f"Task/{each['id']}" != writing.name
    ):
        return  # the first that is known of it: it is recorded as it is
    requester = (current or proposed).get("requester")
    fields = {
        "owner": writing.called(owner) if owner else NOBODY_YET,
        "requester": writing.called(requester) if requester else NOBODY_YET,
        "status": str(status),
    }
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


# Referrals themselves


def _model(referral: Json, situation: Situation) -> model.ServiceModel | None:
    plans = [each for each in map(situation.get, referral.get("basedOn", ())) if each is not None]
    return model.of(None, referral, situation.of("PlanDefinition")) or model.of(
        next(iter(plans), None), None, situation.of("PlanDefinition")
    )


@on_write(
    "ServiceRequest",
    id="R0.2",
    source="seed 000: Monialaista yhteistyötä on jo tehty laajasti, mutta asiakas ei koe saaneensa tarvitsemaansa apua",
    when=lambda current, proposed: proposed is not None and "instantiatesCanonical" in proposed,
    needs=("CarePlan",),
    warns=True,
)
def a_referral_states_what_was_tried(writing: Writing) -> Iterator[Finding]:
    referral = writing.proposed or {}
    found = _model(referral, writing.after)
    given = codes.codes(referral.get("reasonCode"), codes.REFERRAL_BACKGROUND)
    missing = [words for code, words in BACKGROUND if code not in given]
    if found is not None and found.has("R0.2") and missing:
        finnish, swedish, english = (", ".join(words[n] for words in missing) for n in range(3))
        fields = {"missing": (finnish, swedish, english)}
        yield Finding("R0.2", "warning", NO_BACKGROUND, fields, at="ServiceRequest.reasonCode")


@on_write(
    "ServiceRequest",
    id="R2.6",
    source="seed 002: ohjaudutaan aikuisten sosiaalipalveluista",
    when=lambda current, proposed: proposed is not None and "instantiatesCanonical" in proposed,
    needs=("CarePlan",),
    warns=True,
)
def a_referral_comes_from_where_the_model_says(writing: Writing) -> Iterator[Finding]:
    """As far as it is known where the requester works."""
    referral = writing.proposed or {}
    found = _model(referral, writing.after)
    requester = writing.after.name_of(referral.get("requester"))
    if found is None or not found.has("R2.6") or not found.referrer_types or requester is None:
        return
    works_at = organizations(requester, {}, writing.after)
    types = [each for name in works_at if name for each in (writing.after.get(name) or {}).get("type", ())]
    if not codes.has(types, codes.ORGANIZATION_TYPE, *found.referrer_types):
        fields = {
            "requester": writing.called(referral["requester"]),
            "expected": ", ".join(sorted(found.referrer_types)),
        }
        yield Finding("R2.6", "warning", OTHER_REFERRER, fields, at="ServiceRequest.requester")


@on_write(
    "ServiceRequest",
    id="R1.6",
    source="seed 001: vähentää päällekkäisien palvelujen käyttöä",
    when=lambda current, proposed: (proposed or {}).get("status") == "active" and bool((proposed or {}).get("code")),
    needs=("ServiceRequest", "CarePlan"),
    warns=True,
)
def the_same_service_is_not_requested_twice(writing: Writing) -> Iterator[Finding]:
    """Of a client with a shared plan, by a coding that both have."""
    if not any(codes.has(each.get("category"), codes.PLAN, "shared-plan") for each in writing.after.of("CarePlan")):
        return
    mine = _codings(writing.proposed or {})
    for other in writing.after.of("ServiceRequest"):
        name = f"ServiceRequest/{other['id']}"
        shared = mine & _codings(other)
        if name != writing.name and other.get("status") == "active" and shared:
            fields = {"service": sorted(shared)[0][1], "other": name}
            yield Finding("R1.6", "warning", DUPLICATE, fields, at="ServiceRequest.code", code="duplicate")


def _codings(request: Json) -> set[tuple[str, str]]:
    return {
        (each["system"], each["code"])
        for each in request.get("code", {}).get("coding", ())
        if "system" in each and "code" in each
    }
