"""Who plays: people and record systems of the demo world's directory (`demo/directory.json`), with their tokens."""

from dataclasses import replace

from sharedplan.demo.stories.steps import Asker

SOCIAL = "Organization/aikuissosiaalityo"
FAMILY = "Organization/perhekeskus"
HEALTH = "Organization/terveysasema"
MENTAL_HEALTH = "Organization/mielenterveys-ja-paihdepalvelut"
EMPLOYMENT = "Organization/tyollisyyspalvelut"
SCHOOL = "Organization/rantakoulu"
NGO = "Organization/kantapoyta"

SOCIAL_SYSTEM = Asker("Record system of the adult social services", SOCIAL)
FAMILY_SYSTEM = Asker("Record system of the family centre", FAMILY)
HEALTH_SYSTEM = Asker("Record system of the health centre", HEALTH)
MENTAL_HEALTH_SYSTEM = Asker("Record system of the mental health services", MENTAL_HEALTH)
NGO_SYSTEM = Asker("Record system of the NGO Kantapöytä", NGO)

SARI = Asker("Sari Lehtonen, own worker", SOCIAL, "Practitioner/sari")
KAI = Asker("Kai Nieminen, social worker", SOCIAL, "Practitioner/kai")
MINNA = Asker("Minna Paananen, social worker", SOCIAL, "Practitioner/minna")
ELINA = Asker("Elina Hakala, social instructor", SOCIAL, "Practitioner/elina")
TUOMAS = Asker("Tuomas Kettunen, housing advisor", SOCIAL, "Practitioner/tuomas")
JOHANNA = Asker("Johanna Määttä, own worker", FAMILY, "Practitioner/johanna")
NIKO = Asker("Niko Virtanen, nurse", HEALTH, "Practitioner/niko")
PETRA = Asker("Petra Saarinen, nurse", HEALTH, "Practitioner/petra")
OLLI = Asker("Olli Rantala, emergency physician", HEALTH, "Practitioner/olli")
HEIDI = Asker("Heidi Laakso, psychiatric nurse", MENTAL_HEALTH, "Practitioner/heidi")
KIRSI = Asker("Kirsi Holopainen, substance services", MENTAL_HEALTH, "Practitioner/kirsi")
JONNA = Asker("Jonna Aalto, employment services", EMPLOYMENT, "Practitioner/jonna")
LAURA = Asker("Laura Väisänen, school social worker", SCHOOL, "Practitioner/laura")
JARI = Asker("Jari Mäkinen, peer instructor of the NGO", NGO, "Practitioner/jari")


def client(name: str, reference: str) -> Asker:
    """The client of a play, with a token that reaches nobody else."""
    return Asker(f"{name}, the client", person=reference)


def relative(name: str, reference: str, kin: str) -> Asker:
    return Asker(f"{name}, {kin}", person=reference)


def for_purpose(asker: Asker, purpose: str) -> Asker:
    """The same, asking for another purpose than care: ETREAT in an emergency, HOPERAT for figures."""
    return replace(asker, purpose=purpose)
