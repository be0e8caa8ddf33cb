"""What holds for every Consent that decides access. https://hl7.org/fhir/R4/consent.html

The standard's own checks of this never fire: ppc-3, which asks for a patient, is written against a placeholder. So what
a decision cannot do without is asked for here, of a privacy consent in status active; a draft may lack it.
"""

from collections.abc import Iterator

from sharedplan.care.rule import rule
from sharedplan.errors import Issue
from sharedplan.fhir.exchanges import Json

SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
CRITERIA = ("actor", "action", "securityLabel", "purpose", "class", "dataPeriod", "code", "data")
"""What narrows a provision, beside its period."""


@rule("Consent", source="https://hl7.org/fhir/R4/consent-definitions.html#Consent.patient")
def a_consent_in_force_names_its_client(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """Without a reference to the patient nobody can tell whose data it is about."""
    if decides(proposed or {}) and "reference" not in (proposed or {}).get("patient", {}):
        yield Issue(
            "required", "An active privacy consent needs its patient, by a reference to the Patient.", "Consent.patient"
        )


@rule("Consent", source="https://hl7.org/fhir/R4/consent-definitions.html#Consent.dateTime")
def a_consent_in_force_says_when_it_was_given(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """Several consents are ordered by their dateTime; one without it could win or lose by accident."""
    if decides(proposed or {}) and "dateTime" not in (proposed or {}):
        yield Issue(
            "required",
            "An active privacy consent needs its dateTime: the time at which it was given decides which of several "
            "consents counts.",
            "Consent.dateTime",
        )


@rule("Consent", source="https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision.type")
def a_consent_in_force_says_permit_or_deny(current: Json | None, proposed: Json | None) -> Iterator[Issue]:
    """A root with criteria and without a type is read by some as a limit of the permit, by others as an exception."""
    root = (proposed or {}).get("provision", {})
    if not decides(proposed or {}):
        return
    found = [name for name in CRITERIA if name in root]
    if "type" not in root and found:
        yield Issue(
            "business-rule",
            f"Say permit or deny: this provision has {', '.join(found)} and no type, so nobody can tell whether those "
            "are permitted or denied.",
            "Consent.provision.type",
        )
    yield from _untyped(root, "Consent.provision")


def _untyped(parent: Json, path: str) -> Iterator[Issue]:
    for index, provision in enumerate(parent.get("provision", ())):
        here = f"{path}.provision[{index}]"
        if "type" not in provision:
            yield Issue("business-rule", "Say permit or deny: a nested provision needs a type.", f"{here}.type")
        yield from _untyped(provision, here)


def decides(consent: Json) -> bool:
    """Whether it is one that access is decided by: in status active, and about privacy."""
    scope = consent.get("scope", {}).get("coding", ())
    about_privacy = any(c.get("system") == SCOPE and c.get("code") == "patient-privacy" for c in scope)
    return consent.get("status") == "active" and about_privacy
