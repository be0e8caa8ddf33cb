"""What holds when a client is referred to a service. https://hl7.org/fhir/R4/servicerequest.html"""

from collections.abc import Iterator

from sharedplan.care import codes, displays, model
from sharedplan.care.finding import Finding, Words
from sharedplan.care.situation import Situation
from sharedplan.care.writes.team import organizations
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir.exchanges import Json

NO_BACKGROUND: Words = (
    "Lähetteestä puuttuu tausta: {missing}.",
    "Remissen saknar bakgrund: {missing}.",
    "The referral does not state its background: {missing}.",
)
OTHER_REFERRER: Words = (
    "Malliin lähettävä taho on {expected}; tämän lähettäjä on {requester}.",
    "Till modellen hänvisar {expected}; avsändaren av denna är {requester}.",
    "The model expects referrals from {expected}; this one is from {requester}.",
)
DUPLICATE: Words = (
    "Samaa palvelua {service} on jo pyydetty: {other}.",
    "Samma service {service} har redan begärts: {other}.",
    "The same service, {service}, has been requested already: {other}.",
)
BACKGROUND: tuple[tuple[str, Words], ...] = (
    ("cooperation-tried", ("jo tehty yhteistyö", "samarbete som prövats", "the cooperation already tried")),
    (
        "help-not-received",
        ("ettei asiakas ole saanut tarvitsemaansa apua", "att klienten inte fått hjälp", "that help was not received"),
    ),
)


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
        fields: dict[str, str | Words] = {
            "requester": writing.called(referral["requester"]),
            "expected": displays.all_of(
                displays.of_code(codes.ORGANIZATION_TYPE, each) for each in sorted(found.referrer_types)
            ),
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
