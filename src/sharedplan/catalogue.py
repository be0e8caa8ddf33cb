"""What the service offers: one row per resource type; data only.

Routes, tables, index, CapabilityStatement and OpenAPI all follow from these rows, so they agree by construction.
Which search parameters a type has comes from the published definitions (`search/parameters.py`).
Interactions are named as in https://hl7.org/fhir/R4/valueset-type-restful-interaction.html
"""

from dataclasses import dataclass

READ = frozenset({"read", "vread", "search-type"})
HISTORY = frozenset({"history-instance", "history-type"})
WRITE = frozenset({"create", "update", "patch", "delete"})
EVERYTHING = READ | HISTORY | WRITE

SHARED_PLAN = "https://sharedplan.dev/fhir/CodeSystem/plan|shared-plan"
"""The category that makes a CarePlan the shared one of its client."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One resource type and what may be done with it.

    `client_data`: says something of a client, so a token without organisation and person never reaches it;
    the others are the directory of professionals and the definitions that everybody works by.
    """

    type: str
    can: frozenset[str] = EVERYTHING
    client_data: bool = True

    @property
    def table(self) -> str:
        """The type's table: CarePlan → care_plan."""
        return "".join("_" + c.lower() if c.isupper() else c for c in self.type).lstrip("_")


CATALOGUE: dict[str, Offered] = {
    row.type: row
    for row in (
        Offered("CarePlan"),
        Offered("CareTeam"),
        Offered("Consent"),
        Offered("Encounter"),
        Offered("Patient"),
        Offered("RelatedPerson"),
        Offered("Practitioner", client_data=False),
        Offered("PractitionerRole", client_data=False),
        Offered("Organization", client_data=False),
        Offered("Location", client_data=False),
        Offered("EpisodeOfCare"),
        Offered("Goal"),
        Offered("Condition"),
        Offered("ServiceRequest"),
        Offered("Task"),
        Offered("Communication"),
        Offered("Appointment"),
        Offered("Observation"),
        Offered("Questionnaire", client_data=False),
        Offered("QuestionnaireResponse"),
        Offered("DocumentReference"),
        Offered("PlanDefinition", client_data=False),
        Offered("ActivityDefinition", client_data=False),
        Offered("Measure", client_data=False),
        Offered("MeasureReport"),
        Offered("CodeSystem", client_data=False),
        Offered("ValueSet", client_data=False),
        Offered("SearchParameter", client_data=False),
        Offered("StructureDefinition", client_data=False),
        Offered("Provenance"),
        Offered("AuditEvent", can=READ),
        Offered("Subscription"),
        Offered("Group"),
        Offered("List"),
        Offered("Flag"),
        Offered("Device"),
    )
}
