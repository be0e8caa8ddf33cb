"""Who asks: the record system, the organisation and the person behind a verified token, as one value.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from dataclasses import dataclass
from datetime import datetime

from sharedplan.access.scopes import Scope

_PURPOSES = """
    HMARKT HOPERAT CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP HSYSADMIN
    LABELING METAMGT MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV HTEST TRAIN HPAYMT CLMATTCH COVAUTH
    COVERAGE ELIGDTRM ELIGVER ENROLLM MILDCRG REMITADV HRESCH BIORCH CLINTRCH CLINTRCHNPC CLINTRCHPC PRECLINTRCH DSRCH
    POARCH TRANSRCH PATRQT FAMRQT PWATRNY SUPNWK PUBHLTH DISASTER THREAT TREAT CLINTRL COC ETREAT BTG ERTREAT POPHLTH
"""
PURPOSES = frozenset(_PURPOSES.split())
"""The codes below PurposeOfUse in v3-ActReason. https://hl7.org/fhir/R4/v3/PurposeOfUse/vs.html"""


@dataclass(frozen=True, slots=True)
class Principal:
    """What a verified token says of the one who asks.

    `organization` is "Organization/x", the organisation on whose behalf it acts, and the register of what it creates.
    `person` is "Practitioner/x", "PractitionerRole/x", "RelatedPerson/x" or "Patient/x"; None for a system that acts
    for its organisation. `purpose` is a code of the v3 PurposeOfUse value set. `expires` is the token's end, UTC.
    """

    client_id: str
    scopes: tuple[Scope, ...]
    organization: str | None
    person: str | None
    purpose: str
    issuer: str
    token_id: str
    expires: datetime

    def __hash__(self) -> int:
        """What each token has of its own: to add up all the rest takes as long as many a decision."""
        return hash(self.token_id)

    @property
    def patient(self) -> str | None:
        """The id of the client, when it is the client who asks."""
        kind, _, id = (self.person or "").partition("/")
        return id if kind == "Patient" else None

    @property
    def is_professional(self) -> bool:
        """Whether a professional or an organisation's system asks, rather than a client, a relative or nobody known."""
        if self.person is None:
            return self.organization is not None
        return self.person.startswith(("Practitioner/", "PractitionerRole/"))
