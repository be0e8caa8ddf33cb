"""Security labels: those of a thing, and those that a provision means. https://hl7.org/fhir/R4/security-labels.html

Labels are written "system|code". Whatever bears no label of confidentiality counts as normal, N.
A permit is a high-water mark: one for R is for R and all below it. A deny is for its label and all above.
https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision.securityLabel
"""

from collections.abc import Iterable

from sharedplan.fhir.exchanges import Json

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LEVELS = ("U", "L", "M", "N", "R", "V")
"""From unrestricted to very restricted."""

NORMAL = f"{CONFIDENTIALITY}|N"
TABOO = f"{SENSITIVITY}|TBOO"
"""Not to be told to the client before somebody has talked with them."""

_BELOW = {"BH": ("MH", "PSY", "PSYTHPN", "SUD"), "SUD": ("ETHUD", "OPIOIDUD")}


def label(coding: Json) -> str:
    return f"{coding.get('system', '')}|{coding.get('code', '')}"


def labels_of(resource: Json) -> frozenset[str]:
    """The labels of a resource, of those of confidentiality the highest alone."""
    found = {label(each) for each in resource.get("meta", {}).get("security", ()) if each.get("code")}
    levels = [level for level in LEVELS if f"{CONFIDENTIALITY}|{level}" in found]
    highest = levels[-1] if levels else "N"
    return frozenset(found - {f"{CONFIDENTIALITY}|{level}" for level in levels} | {f"{CONFIDENTIALITY}|{highest}"})


def meant(codings: Iterable[Json], effect: str) -> tuple[str, ...]:
    """The labels that things may bear to be meant by any of a provision's labels; sorted."""
    found: set[str] = set()
    for coding in codings:
        system, code = coding.get("system", ""), coding.get("code")
        if code is None:
            continue
        if system == CONFIDENTIALITY and code in LEVELS:
            at = LEVELS.index(code)
            found |= {f"{system}|{level}" for level in (LEVELS[: at + 1] if effect == "permit" else LEVELS[at:])}
        elif system == SENSITIVITY:
            found |= {f"{system}|{each}" for each in _with_those_below(code)}
        else:
            found.add(f"{system}|{code}")
    return tuple(sorted(found))


def _with_those_below(code: str) -> set[str]:
    return {code}.union(*(_with_those_below(each) for each in _BELOW.get(code, ())))
