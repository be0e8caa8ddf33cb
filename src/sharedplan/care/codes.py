"""The codes of our own, and those of others that the service models go by; names as in the published CodeSystems.

What no standard has a code for is published as CodeSystems of ours (`published/`), with Finnish, Swedish and English
displays. https://hl7.org/fhir/R4/codesystem.html
"""

from collections.abc import Iterable

from sharedplan.fhir.exchanges import Json

OURS = "https://sharedplan.dev/fhir/CodeSystem/"
STRUCTURES = "https://sharedplan.dev/fhir/StructureDefinition/"
MODELS = "https://sharedplan.dev/fhir/PlanDefinition/"

RULE = OURS + "rule"
PLAN = OURS + "plan"
ENCOUNTER_TYPE = OURS + "encounter-type"
TEAM_ROLE = OURS + "team-role"
CONSENT_CATEGORY = OURS + "consent-category"
TASK = OURS + "task"
ASSESSMENT_TIER = OURS + "assessment-tier"
REFERRAL_BACKGROUND = OURS + "referral-background"
LEGAL_BASIS = OURS + "legal-basis"
ORGANIZATION_TYPE = OURS + "organization-type"

EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
ACCEPTANCE = "http://hl7.org/fhir/StructureDefinition/goal-acceptance"
PERTAINS_TO_GOAL = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"
DEVIATION = STRUCTURES + "deviation-reason"
CLOCK = STRUCTURES + "clock"
TIER = STRUCTURES + "assessment-tier"


def has(concepts: Json | Iterable[Json] | None, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept, or one of several, has a coding of that system (of these codes, if any are given)."""
    listed = [concepts] if isinstance(concepts, dict) else concepts or ()
    return any(
        coding.get("system") == system and (not codes or coding.get("code") in codes)
        for concept in listed
        for coding in concept.get("coding", ())
    )


def codes(concepts: Json | Iterable[Json] | None, system: str) -> list[str]:
    """The codes of that system that a CodeableConcept, or several, have, in their order."""
    listed = [concepts] if isinstance(concepts, dict) else concepts or ()
    return [
        coding["code"]
        for concept in listed
        for coding in concept.get("coding", ())
        if coding.get("system") == system and "code" in coding
    ]


def models(resource: Json | None) -> list[str]:
    """The canonical urls of what it is made by, in their order and without their versions. A list of primitives may
    have null for one that only has extensions. https://hl7.org/fhir/R4/json.html#primitive"""
    given = (resource or {}).get("instantiatesCanonical", ())
    return [each.partition("|")[0] for each in given if each is not None]


def extension(element: Json, url: str) -> Json | None:
    """The first extension of that url; None when there is none."""
    return next((each for each in element.get("extension", ()) if each.get("url") == url), None)
