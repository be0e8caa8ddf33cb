"""The trail in plain words: who did what, where, when and on what ground, in Finnish, Swedish and English; pure.

https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/auditevent.html

It is for the client, who need not know FHIR to understand his log. Times are Finnish.
"""

from collections.abc import Mapping
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from sharedplan.store.trail import LOGIN, Trail

HELSINKI = ZoneInfo("Europe/Helsinki")

Words = Mapping[str, tuple[str, str, str]]
"""Key → the words in Finnish, Swedish and English."""

LANGUAGES = ("fi", "sv", "en")

DEEDS: Words = {
    "read": ("luki", "läste", "read"),
    "search": ("haki", "sökte", "searched for"),
    "history": ("luki aiemmat versiot", "läste tidigare versioner", "read the earlier versions of"),
    "create": ("kirjasi", "skrev", "wrote"),
    "update": ("muutti", "ändrade", "changed"),
    "delete": ("poisti", "tog bort", "deleted"),
    "break-glass": (
        "avasi hätätilanteessa ydintiedot",
        "öppnade i en nödsituation kärnuppgifterna",
        "opened in an emergency the core data of",
    ),
    "review": ("tarkisti mallin säännöt", "granskade enligt modellens regler", "reviewed by the rules of the model"),
    "preview": ("katsoi, mitä muuttuisi", "såg efter vad som skulle ändras", "looked what would change by"),
    "access-decision": ("kysyi käyttöoikeudesta", "frågade om åtkomst", "asked about access to"),
    "notification": ("sai tiedon muutoksesta", "fick veta om en ändring", "was told of a change of"),
    "other": ("käsitteli", "behandlade", "handled"),
}
FAILED: Words = {
    "4": ("yritti, mutta ei saanut tietoja", "försökte utan att få uppgifter", "tried and was given nothing"),
    "8": (
        "yritti, mutta palvelu ei toiminut",
        "försökte, men tjänsten fungerade inte",
        "tried, and the service failed",
    ),
}
THINGS: Words = {
    "CarePlan": ("suunnitelma", "plan", "plan"),
    "CareTeam": ("tiimi", "team", "team"),
    "Patient": ("asiakkaan tiedot", "klientens uppgifter", "client details"),
    "Consent": ("suostumus", "samtycke", "consent"),
    "Encounter": ("tapaaminen", "möte", "meeting"),
    "EpisodeOfCare": ("asiakkuus", "klientrelation", "customership"),
    "Goal": ("tavoite", "mål", "goal"),
    "Task": ("tehtävä", "uppgift", "task"),
    "Condition": ("terveydentila", "hälsotillstånd", "condition"),
    "Flag": ("varoitus", "varning", "warning"),
    "Observation": ("havainto", "observation", "observation"),
    "QuestionnaireResponse": ("lomakkeen vastaukset", "svar på formulär", "answers to a form"),
    "DocumentReference": ("asiakirja", "dokument", "document"),
    "ServiceRequest": ("lähete", "remiss", "referral"),
    "Appointment": ("ajanvaraus", "tidsbokning", "appointment"),
    "Communication": ("viesti", "meddelande", "message"),
    "RelatedPerson": ("läheisen tiedot", "närståendes uppgifter", "details of a relative"),
    "AuditEvent": ("lokitiedot", "logguppgifter", "log"),
}
ADDRESSED = "addressed"
"""The ground of a consultation that names no client."""

GROUNDS: Words = {
    "client": ("asiakas itse", "klienten själv", "the client in person"),
    "guardian": ("huoltaja", "vårdnadshavare", "guardian"),
    "register": (
        "organisaation oma rekisteri ja asiakassuhde",
        "organisationens eget register och klientrelationen",
        "the organisation's own register, and a relation to the client",
    ),
    "consent": (
        "jäsenyys tiimissä ja asiakkaan suostumus",
        "medlemskap i teamet och klientens samtycke",
        "membership of the team, and the client's consent",
    ),
    "break-glass": (
        "hätätilanne; aiheellisuus tarkistetaan jälkikäteen",
        "nödsituation; behovet granskas i efterhand",
        "an emergency; whether it was needed is reviewed",
    ),
    ADDRESSED: (
        "kysyjälle osoitettu konsultaatio, joka ei nimeä asiakasta",
        "en konsultation riktad till den som frågar, utan att klienten nämns",
        "a consultation addressed to whoever asks, which names no client",
    ),
    "directory": ("julkinen hakemisto", "offentlig katalog", "the directory, which is no client's data"),
}
WITHHELD = ("tietoja", "uppgifter", "data")
GROUND, PURPOSE = ("Peruste", "Grund", "Ground"), ("Tarkoitus", "Syfte", "Purpose")
NOTHING = ("ei löytynyt mitään", "inget hittades", "nothing was found")
SEVERAL = ("usean asiakkaan tietojen joukossa", "bland flera klienters uppgifter", "among the data of several clients")
SYSTEM = ("tietojärjestelmä", "system", "system")
LOGIN_FAILED = ("kirjautuminen epäonnistui", "inloggningen misslyckades", "an attempt to prove who asks failed")

_KINDS = {
    "vread": "read",
    "search-type": "search",
    "search-system": "search",
    "history-instance": "history",
    "history-type": "history",
    "history-system": "history",
    "patch": "update",
    "$break-glass": "break-glass",
    "$access-decision": "access-decision",
    "$review": "review",
    "$preview": "preview",
    "$everything": "read",
    "$document": "read",
    "$events": "notification",
}


def grounds_of(trail: Trail) -> tuple[str, ...]:
    """The grounds of what was done, as keys of GROUNDS, and the consents that speak in it, as references; none of what
    came to nothing, and where nobody told.

    What was shown out of the own register of whoever asked went by that; of another, by team and consent where it names
    a client, for nothing else opens it, and where it names none by asking him.
    """
    if trail.outcome != "0":
        return ()
    if trail.grounds or not trail.registers:
        return trail.grounds
    own = ("register",) if trail.organization in trail.registers else ()
    others = any(each != trail.organization for each in trail.registers)
    return own + ((("consent" if trail.patients else ADDRESSED),) if others else ())


def narrative(trail: Trail, at: datetime) -> str:
    """The row as XHTML, a paragraph in each of the languages."""
    paragraphs = "".join(
        f'<p lang="{language}" xml:lang="{language}">{escape(_sentence(trail, at, n), quote=False)}</p>'
        for n, language in enumerate(LANGUAGES)
    )
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'


def _sentence(trail: Trail, at: datetime, n: int) -> str:
    """`n`: the number of the language."""
    local = at.astimezone(HELSINKI)
    when = f"{local.day}.{local.month}.{local.year} {local:%H.%M}"
    if trail.interaction == LOGIN:
        return f"{when}: {LOGIN_FAILED[n]}."
    said = [f"{when}: {_who(trail, n)} {_did(trail, n)}"]
    grounds = [GROUNDS[each][n] if each in GROUNDS else each for each in grounds_of(trail)]
    if grounds:
        said.append(f"{GROUND[n]}: {', '.join(grounds)}")
    if trail.purpose is not None:
        said.append(f"{PURPOSE[n]}: {trail.purpose}")
    return ". ".join(said) + "."


def _who(trail: Trail, n: int) -> str:
    """The person and the organisation, by name where one is known."""
    who = _named(trail.person, trail) if trail.person is not None else f"{SYSTEM[n]} {trail.client_id or ''}".strip()
    return f"{who} ({_named(trail.organization, trail)})" if trail.organization is not None else who


def _named(reference: str, trail: Trail) -> str:
    name = trail.names.get(reference)
    return f"{name}, {reference}" if name else reference


def _did(trail: Trail, n: int) -> str:
    kind = _KINDS.get(trail.interaction, trail.interaction)
    deed = DEEDS.get(kind, DEEDS["other"])[n]
    type = trail.type or ""
    thing = WITHHELD[n] if trail.is_partial else THINGS[type][n] if type in THINGS else type
    if trail.resource_id is not None:
        thing = f"{thing} {trail.resource}"
    said = f"{deed}: {thing}" if thing else deed
    if trail.outcome in FAILED:
        return f"{said}; {FAILED[trail.outcome][n]}"
    if kind == "search" and trail.query is None:
        return f"{said}, {SEVERAL[n]}"
    if kind == "search" and not trail.entities and not trail.is_partial and trail.type != "Subscription":
        return f"{said}; {NOTHING[n]}"
    return said
