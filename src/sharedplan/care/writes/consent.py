"""What holds when a consent of the service models is written. https://hl7.org/fhir/R4/consent.html"""

from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.consent import decides
from sharedplan.care.finding import Finding, Words
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir.exchanges import Json

NO_SOURCE: Words = (
    "Kirjaa, miten {client} antoi suostumuksen: liite tai viittaus asiakirjaan (source), tai suullisesta "
    "suostumuksesta "
    "kirjaaja (consent-Transcriber) tai todistaja (consent-Witness).",
    "Anteckna hur {client} gav samtycket: bilaga eller hänvisning till dokument (source), eller för ett muntligt "
    "samtycke "
    "den som antecknade det (consent-Transcriber) eller ett vittne (consent-Witness).",
    "Record how {client} gave the consent: an attachment or a reference to a document (source), or of an oral "
    "consent who "
    "wrote it down (consent-Transcriber) or who witnessed it (consent-Witness).",
)

STATEMENTS = tuple(f"http://hl7.org/fhir/StructureDefinition/consent-{name}" for name in ("Transcriber", "Witness"))
"""Extensions that say how an oral consent was given."""


def is_permit_of_models(current: Json | None, proposed: Json | None) -> bool:
    """Whether it comes into force as a consent for a team or a permit; a ban is effective however it was stated."""
    consent = proposed or {}
    return (
        decides(consent)
        and codes.has(consent.get("category"), codes.CONSENT_CATEGORY, "team", "permit")
        and not codes.has(consent.get("category"), codes.CONSENT_CATEGORY, "ban")
    )


@on_write(
    "Consent",
    id="R3.13",
    source="seed 003: Jos ei ole verkkopankkitunnuksia; oral or paper consent, recorded by a worker",
    when=is_permit_of_models,
)
def an_active_consent_says_how_it_was_given(writing: Writing) -> Iterator[Finding]:
    """What the client writes is given thereby."""
    consent = writing.proposed or {}
    says = any(name in consent for name in ("sourceAttachment", "sourceReference")) or any(
        codes.extension(consent, url) is not None for url in STATEMENTS
    )
    if not says and writing.person != writing.client:
        yield Finding("R3.13", "error", NO_SOURCE, {"client": writing.client_called}, at="Consent.source[x]")
