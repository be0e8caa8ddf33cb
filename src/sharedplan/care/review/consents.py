"""Consents: how they were given, how far back they reach, and what turning eighteen does to them."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from sharedplan.care import codes
from sharedplan.care.consent import decides
from sharedplan.care.review import dates
from sharedplan.care.review.naming import listed
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation
from sharedplan.fhir.exchanges import Json

TRANSCRIBER = "http://hl7.org/fhir/StructureDefinition/consent-Transcriber"
WITNESS = "http://hl7.org/fhir/StructureDefinition/consent-Witness"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
GUARDIANS = ("GUARD", "PRN", "MTH", "FTH", "NMTH", "NFTH", "ADOPTP", "ADOPTM", "ADOPTF", "PRNFOST")
ADULT = 18
AHEAD = 6
"""Months before the birthday from which it is warned of."""


def _name(consent: Json) -> str:
    return f"Consent/{consent.get('id')}"


@rule(
    "R3.13",
    source="Digitaidottomuus … Jos ei ole verkkopankkitunnuksia",
    needs=("Consent",),
)
def a_consent_says_how_it_was_given(view: View) -> Iterator[Said]:
    """By its source, or by who wrote down what was said; so that nobody needs a device to take part. A deny holds
    however it was stated."""
    active = [each for each in view.consents if each.get("provision", {}).get("type") != "deny"]
    spoken = [each for each in active if way(each) == "spoken"]
    without = [
        each
        for each in active
        if way(each) is None
        and not any(verified.get("verified") for verified in each.get("verification", ()))
        and not _is_by_giver(view, each)
    ]
    for each in without:
        yield broken(
            "Suostumuksesta {what} ei näy, miten se annettiin: lähde (source) tai kirjaaja puuttuu.",
            "Av samtycket {what} framgår inte hur det gavs: källa (source) eller antecknare saknas.",
            "The consent {what} does not say how it was given: its source or its transcriber is missing.",
            at="Consent.source[x]",
            what=_name(each),
        )
    if active and not without:
        yield met(
            "Kaikista voimassa olevista suostumuksista ({count}) näkyy, miten ne annettiin (työntekijän kirjaamia: "
            "{spoken}).",
            "Av alla gällande samtycken ({count}) framgår hur de gavs (antecknade av en anställd: {spoken}).",
            "Every consent in force ({count}) says how it was given (written down by a worker: {spoken}).",
            count=str(len(active)),
            spoken=str(len(spoken)),
        )
    elif not active:
        yield unjudged(
            "Voimassa olevia suostumuksia ei ole nähtävissä.",
            "Inga gällande samtycken syns.",
            "No consent in force is there to be seen.",
        )


def way(consent: Json) -> Literal["spoken", "document"] | None:
    """How it was given, as far as it says so: spoken, and written down by a worker; else by a document that it names
    (its source). None when it says neither, as what the client wrote himself."""
    if any(each.get("url") in (TRANSCRIBER, WITNESS) for each in consent.get("extension", ())):
        return "spoken"
    return "document" if any(name in consent for name in ("sourceAttachment", "sourceReference")) else None


def unsourced(situation: Situation) -> list[str]:
    """The consents in force ("Consent/1") that name no source: of these Provenances tell whether the client wrote them
    himself, which is how he gave them."""
    found = filter(decides, situation.of("Consent"))
    return [_name(each) for each in found if not any(name in each for name in ("sourceAttachment", "sourceReference"))]


def _is_by_giver(view: View, consent: Json) -> bool:
    """Whether the client, or who gave it for him, wrote it down himself, by its Provenances."""
    givers = {view.situation.client, *map(view.situation.name_of, consent.get("performer", ()))} - {None}
    return any(
        view.situation.refers(each.get("target"), _name(consent))
        and any(view.situation.name_of(agent.get("who")) in givers for agent in each.get("agent", ()))
        for each in view.situation.of("Provenance")
    )


@rule("R3.11", source="vanhat tiedot esimerkiksi korvaushoidosta voivat vaikuttaa", needs=("Consent",))
def old_data_need_not_follow_for_ever(view: View) -> Iterator[Said]:
    """A consent can bound what is seen by its time (dataPeriod); which do is told."""
    bounded = [each for each in view.consents if _bounds_time(each.get("provision", {}))]
    if bounded:
        yield met(
            "Näiden suostumusten mukaan tietoja näkyy vain rajatulta ajalta: {which}.",
            "Enligt dessa samtycken syns uppgifter bara från en begränsad tid: {which}.",
            "By these consents data is seen of a bounded time alone: {which}.",
            which=listed(map(_name, bounded)),
        )
        return
    yield met(
        "Mikään suostumus ei rajaa tietoja ajan mukaan; asiakas voi rajata ne (provision.dataPeriod).",
        "Inget samtycke avgränsar uppgifterna i tid; klienten kan göra det (provision.dataPeriod).",
        "No consent bounds data by its time; the client may do so (provision.dataPeriod).",
    )


def _bounds_time(provision: Json) -> bool:
    return "dataPeriod" in provision or any(map(_bounds_time, provision.get("provision", ())))


@rule("R3.12", source="pois heti täytettyään 18 vuotta", needs=("Patient", "RelatedPerson", "Consent"))
def turning_eighteen_does_not_drop_the_client(view: View) -> Iterator[Said]:
    """Warned of six months ahead; afterwards, what guardians gave or still hold is told for renewal."""
    birthday = _birthday((view.situation.patient or {}).get("birthDate"))
    client = view.situation.client_called
    if birthday is None:
        yield unjudged(
            "Asiakkaan syntymäpäivää ei ole nähtävissä, joten 18 vuoden täyttymistä ei voi arvioida.",
            "Klientens födelsedag syns inte, så det kan inte bedömas när hen fyller 18 år.",
            "The client's birthday is not seen, so turning 18 cannot be judged.",
        )
        return
    guardians = [
        each
        for each in view.situation.of("RelatedPerson")
        if codes.has(each.get("relationship"), ROLE_CODE, *GUARDIANS) and each.get("active", True)
    ]
    names = {f"RelatedPerson/{each['id']}" for each in guardians}
    theirs = [
        each for each in view.consents if any(view.situation.name_of(who) in names for who in each.get("performer", ()))
    ]
    if view.today < birthday:
        yield from _ahead(view, birthday, client, theirs)
        return
    past = [
        each for each in guardians if _reaches(each, birthday) and codes.has(each["relationship"], ROLE_CODE, "GUARD")
    ]
    for each in past:
        yield broken(
            "{who} on yhä merkitty huoltajaksi, vaikka {client} täytti 18 vuotta {day}.",
            "{who} är fortfarande antecknad som vårdnadshavare, fast {client} fyllde 18 år {day}.",
            "{who} is still recorded as guardian, although {client} turned 18 on {day}.",
            at="RelatedPerson.period.end",
            who=view.situation.called(f"RelatedPerson/{each['id']}"),
            client=client,
            day=dates.said(birthday),
        )
    for each in theirs:
        yield broken(
            "Huoltajan antama suostumus {what} on uusittava: {client} on täysi-ikäinen.",
            "Samtycket {what} som vårdnadshavaren gav ska förnyas: {client} är myndig.",
            "The consent {what}, given by a guardian, is due for renewal: {client} is of age.",
            at="Consent.performer",
            what=_name(each),
            client=client,
        )
    if not past and not theirs:
        yield met(
            "{client} on täysi-ikäinen; huoltajien oikeuksia tai suostumuksia ei ole jäänyt voimaan.",
            "{client} är myndig; inga rättigheter eller samtycken av vårdnadshavare är kvar i kraft.",
            "{client} is of age; no rights or consents of guardians were left in force.",
            client=client,
        )


def _ahead(view: View, birthday: date, client: str, theirs: list[Json]) -> Iterator[Said]:
    if view.today < dates.months_before(birthday, AHEAD):
        yield met(
            "{client} täyttää 18 vuotta {day}; siitä varoitetaan puoli vuotta ennen.",
            "{client} fyller 18 år {day}; en varning ges ett halvt år före.",
            "{client} turns 18 on {day}; a warning comes half a year before.",
            client=client,
            day=dates.said(birthday),
        )
        return
    yield broken(
        "{client} täyttää 18 vuotta {day}: huoltajan oikeudet päättyvät, suunnitelma ja tiimi jatkuvat. Uusittavia "
        "huoltajan suostumuksia: {consents}.",
        "{client} fyller 18 år {day}: vårdnadshavarens rättigheter upphör, planen och teamet fortsätter. Samtycken av "
        "vårdnadshavare att förnya: {consents}.",
        "{client} turns 18 on {day}: the guardian's rights end, plan and team continue. Consents by guardians to "
        "renew: {consents}.",
        at="Patient.birthDate",
        client=client,
        day=dates.said(birthday),
        consents=listed(map(_name, theirs)),
    )


def _birthday(born: str | None) -> date | None:
    """The eighteenth; None unless the day of birth is known."""
    try:
        return dates.years_later(date.fromisoformat(born), ADULT) if born is not None and len(born) == 10 else None
    except ValueError:
        return None


def _reaches(relative: Json, birthday: date) -> bool:
    """Whether a guardian's time goes beyond that day."""
    end = dates.last_day(relative.get("period", {}))
    return end is None or end > birthday
