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

NGO_FOR_JARI = Asker("Record system of the NGO Kantapöytä (for Jari Mäkinen)", NGO, "Practitioner/jari")

SARI = Asker("Sari Lehtonen", SOCIAL, "Practitioner/sari", role="own worker")
KAI = Asker("Kai Nieminen", SOCIAL, "Practitioner/kai", role="social worker")
MINNA = Asker("Minna Paananen", SOCIAL, "Practitioner/minna", role="social worker")
ELINA = Asker("Elina Hakala", SOCIAL, "Practitioner/elina", role="social instructor")
TUOMAS = Asker("Tuomas Kettunen", SOCIAL, "Practitioner/tuomas", role="housing advisor")
JOHANNA = Asker("Johanna Määttä", FAMILY, "Practitioner/johanna", role="own worker")
NIKO = Asker("Niko Virtanen", HEALTH, "Practitioner/niko", role="nurse")
PETRA = Asker("Petra Saarinen", HEALTH, "Practitioner/petra", role="nurse")
OLLI = Asker("Olli Rantala", HEALTH, "Practitioner/olli", role="emergency physician")
ANNA = Asker("Anna Ojala", HEALTH, "Practitioner/anna", role="nurse")
HEIDI = Asker("Heidi Laakso", MENTAL_HEALTH, "Practitioner/heidi", role="psychiatric nurse")
ANTTI = Asker("Antti Peltola", MENTAL_HEALTH, "Practitioner/antti", role="mental health worker")
KIRSI = Asker("Kirsi Holopainen", MENTAL_HEALTH, "Practitioner/kirsi", role="substance services")
JONNA = Asker("Jonna Aalto", EMPLOYMENT, "Practitioner/jonna", role="employment services")
LAURA = Asker("Laura Väisänen", SCHOOL, "Practitioner/laura", role="school social worker")
JARI = Asker("Jari Mäkinen", NGO, "Practitioner/jari", role="peer instructor of the NGO")

PEKKA = Asker("Pekka Turunen", person="Patient/pekka", role="the client")
AINO = Asker("Aino Heikkilä", person="Patient/aino", role="the client")
LEENA = Asker("Leena Salmela", person="RelatedPerson/leena", role="her sister")
RIITTA = Asker("Riitta Koivisto", person="Patient/riitta", role="the client")
EETU = Asker("Eetu Rautio", person="Patient/eetu", role="the client")
MERJA = Asker("Merja Rautio", person="RelatedPerson/merja", role="his mother")
MIKAEL = Asker("Mikael Lindroos", person="Patient/mikael", role="the client")
"""The demo clients, and relatives of theirs."""


def client(name: str, reference: str) -> Asker:
    """The client of a play, with a token that reaches nobody else."""
    return Asker(name, person=reference, role="the client")


def relative(name: str, reference: str, kin: str) -> Asker:
    return Asker(name, person=reference, role=kin)


def for_purpose(asker: Asker, purpose: str) -> Asker:
    """The same, asking for another purpose than care: ETREAT in an emergency, HOPERAT for figures."""
    return replace(asker, purpose=purpose)
