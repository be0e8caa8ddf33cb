"""Purposes of use: which ones a purpose that a consent names stands for.

https://hl7.org/fhir/R4/v3/PurposeOfUse/vs.html

A code stands for itself and what lies below it, but for emergencies: ETREAT and BTG are below TREAT, and count only
where they are named, each for itself. Else a permit for treatment would open break-glass, and a ban on it close it.
CAREMGT is below HOPERAT and SUPNWK below PATRQT, so a permit for treatment covers neither.
"""

from collections.abc import Iterable

from sharedplan.access.principal import PURPOSES

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

ONLY_BY_NAME = frozenset({"ETREAT", "BTG", "ERTREAT"})
"""What only a consent that names it speaks of."""

_BELOW = {
    "HOPERAT": "CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP HSYSADMIN "
    "MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN",
    "HSYSADMIN": "LABELING METAMGT",
    "SYSDEV": "HTEST",
    "HPAYMT": "CLMATTCH COVAUTH COVERAGE MILDCRG REMITADV",
    "COVERAGE": "ELIGDTRM ELIGVER ENROLLM",
    "HRESCH": "BIORCH CLINTRCH DSRCH POARCH TRANSRCH",
    "CLINTRCH": "CLINTRCHNPC CLINTRCHPC PRECLINTRCH",
    "PATRQT": "FAMRQT PWATRNY SUPNWK",
    "PUBHLTH": "DISASTER THREAT",
    "TREAT": "CLINTRL COC POPHLTH",
}


def _with_those_below(code: str) -> frozenset[str]:
    return frozenset({code}).union(*(_with_those_below(each) for each in _BELOW.get(code, "").split()))


COVERED = {code: _with_those_below(code) for code in PURPOSES}
"""Code that a consent names → codes of those who may ask."""


def covered(codes: Iterable[str]) -> frozenset[str]:
    """The purposes that any of these stands for; "PurposeOfUse" stands for all but emergencies."""
    found: set[str] = set()
    for code in codes:
        found |= PURPOSES - ONLY_BY_NAME if code == "PurposeOfUse" else COVERED.get(code, frozenset({code}))
    return frozenset(found)
