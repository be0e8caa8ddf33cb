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
    """What the client writes is given thereby, and so is what a relative writes who gives it for the client."""
    consent = writing.proposed or {}
    is_own = writing.person is not None and (
        writing.person == writing.client
        or (
            writing.person.startswith("RelatedPerson/")
            and writing.after.refers(consent.get("performer"), writing.person)
        )
    )
    if not is_own and not is_documented(consent) and not is_witnessed(consent):
        yield Finding("R3.13", "error", NO_SOURCE, {"client": writing.client_called}, at="Consent.source[x]")


def is_documented(consent: Json) -> bool:
    """Whether there is a paper or a form: one that is named, enclosed or pointed at, not merely spoken of."""
    attachment, reference = consent.get("sourceAttachment", {}), consent.get("sourceReference", {})
    is_there = any(_is_said(attachment.get(name)) for name in ("title", "url", "data", "hash"))
    return is_there or _is_said(reference.get("reference")) or _is_said(reference.get("identifier", {}).get("value"))


def is_witnessed(consent: Json) -> bool:
    """Whether somebody is named who wrote it down or was there."""
    for url in STATEMENTS:
        who = (codes.extension(consent, url) or {}).get("valueReference", {})
        named = (who.get("reference"), who.get("display"), who.get("identifier", {}).get("value"))
        if any(map(_is_said, named)):
            return True
    return False


def _is_said(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())
