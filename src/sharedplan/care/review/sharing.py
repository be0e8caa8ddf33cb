"""What the service answers of itself: the plan reaches all three, one request brings it, the rules are readable."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sharedplan.care import codes
from sharedplan.care.finding import Words
from sharedplan.care.review import dates
from sharedplan.care.review.crew import HEALTH, SOCIAL
from sharedplan.care.review.naming import words_listed
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.view import View
from sharedplan.search.values.date import ZONE

DELIVERED_WITHIN = timedelta(hours=24)
"""How long each of the three may go without the version that is current."""

PARTIES: dict[str, Words] = {
    "client": ("asiakas", "klienten", "the client"),
    "social": ("sosiaalihuolto", "socialvården", "social care"),
    "health": ("terveydenhuolto", "hälso- och sjukvården", "health care"),
}


@rule(
    "R0.8",
    source="yhdessä laadittu suunnitelma löytyy paitsi asiakkaalta sekä sosiaalihuollon- ja terveydenhuollon "
    "asiakastietojärjestelmistä",
)
def client_social_and_health_care_have_the_same_version(view: View) -> Iterator[Said]:
    """When each fetched the version that is current; who lags behind is told."""
    meta = view.plan.get("meta", {})
    version, since = str(meta.get("versionId", "?")), dates.start_of(meta.get("lastUpdated"))
    if view.situation.traces is None or since is None:
        yield unjudged(
            "Et näe asiakkaan käyttölokia, joten siitä, kenellä on suunnitelman versio {version}, ei oteta kantaa.",
            "Du ser inte klientens användningslogg, så det tas inte ställning till vem som har planens version "
            "{version}.",
            "You do not see the client's log, so nothing is said of who has version {version} of the plan.",
            version=version,
        )
        return
    had = delivered(view, since)
    rows = [_row(party, had.get(party)) for party in PARTIES]
    table: Words = ("; ".join(r[0] for r in rows), "; ".join(r[1] for r in rows), "; ".join(r[2] for r in rows))
    lacking = [PARTIES[each] for each in PARTIES if each not in had]
    if lacking and view.at - since > DELIVERED_WITHIN:
        yield broken(
            "Suunnitelman versiota {version} ({since}) ei ole hakenut {lacking}. Toimitettu: {table}.",
            "Planens version {version} ({since}) har inte hämtats av {lacking}. Levererad: {table}.",
            "Version {version} of the plan ({since}) was not fetched by {lacking}. Delivered: {table}.",
            at="CarePlan.meta.versionId",
            version=version,
            since=_moment(since),
            lacking=words_listed(lacking),
            table=table,
        )
        return
    yield met(
        "Suunnitelman versio {version} ({since}) on toimitettu: {table}.",
        "Planens version {version} ({since}) har levererats: {table}.",
        "Version {version} of the plan ({since}) is delivered: {table}.",
        version=version,
        since=_moment(since),
        table=table,
    )


def delivered(view: View, since: datetime) -> dict[str, datetime]:
    """When each of the three first had the version that is there since then: by fetching it, or as whose own it is."""
    found: dict[str, datetime] = {}

    def has(party: str, at: datetime) -> None:
        found[party] = min(found.get(party, at), at)

    keeper = view.situation.registers.get(view.situation.plan or "")
    for party in _parties(view, keeper):
        has(party, since)
    for trace in view.situation.traces or ():
        if trace.fetched is None:
            continue
        if trace.person is not None and trace.person == view.situation.client:
            has("client", trace.fetched)
        elif trace.organization is not None:
            for party in _parties(view, trace.organization):
                has(party, trace.fetched)
    return found


def _parties(view: View, organization: str | None) -> Iterator[str]:
    if organization is None:
        return
    kinds = codes.codes((view.situation.get(organization) or {}).get("type"), codes.ORGANIZATION_TYPE)
    if SOCIAL.intersection(kinds):
        yield "social"
    if HEALTH.intersection(kinds):
        yield "health"


def _row(party: str, at: datetime | None) -> Words:
    words, when = PARTIES[party], _moment(at) if at is not None else _NOT_YET
    return (f"{words[0]}: {when[0]}", f"{words[1]}: {when[1]}", f"{words[2]}: {when[2]}")


_NOT_YET: Words = ("ei vielä", "inte ännu", "not yet")


def _moment(at: datetime) -> Words:
    """A day with its time, in Finland."""
    words, local = dates.said(at), at.astimezone(ZONE)
    return (f"{words[0]} klo {local:%-H.%M}", f"{words[1]} kl. {local:%-H.%M}", f"{words[2]} {local:%H:%M}")


@rule("R1.3", source="yhdellä yhteydenotolla")
def one_contact_is_enough(view: View) -> Iterator[Said]:
    """One request brings team, plan, goals, activities, next meeting and contacts."""
    plan = str(view.situation.plan)
    coordinator = next(iter(view.crew.coordinators), None)
    phone = _contact(view, coordinator.name) if coordinator is not None else None
    meeting = view.next_meeting
    yield met(
        "Yksi pyyntö ({plan}/$everything) tuo tiimin, suunnitelman, tavoitteet ja yhteystiedot. Yhteys: {who}. "
        "Seuraava tapaaminen: {meeting}.",
        "En begäran ({plan}/$everything) ger teamet, planen, målen och kontaktuppgifterna. Kontakt: {who}. Nästa möte: "
        "{meeting}.",
        "One request ({plan}/$everything) brings the team, the plan, the goals and the contacts. Contact: {who}. Next "
        "meeting: {meeting}.",
        plan=plan,
        who=f"{coordinator.called}{f', {phone}' if phone else ''}" if coordinator is not None else "–",
        meeting=dates.said(meeting) if meeting is not None else _NOT_AGREED,
    )


_NOT_AGREED: Words = ("ei sovittu", "inte avtalat", "not agreed")


def _contact(view: View, name: str) -> str | None:
    for each in view.crew.grants_of(name)[0]:
        for point in (view.situation.get(each) or {}).get("telecom", ()):
            if point.get("system") in ("phone", "email") and "value" in point:
                return str(point["value"])
    return None


@rule("R1.8", source="sovellettavissa myös eri kohderyhmille esimerkiksi iäkkäille")
def the_model_is_configuration(view: View) -> Iterator[Said]:
    """Which PlanDefinition the plan goes by; another one needs no change of the service."""
    if view.model is None:
        yield unjudged(
            "Suunnitelma ei nimeä mallia, joka tunnetaan.",
            "Planen nämner ingen känd modell.",
            "The plan names no model that is known.",
        )
        return
    yield met(
        "Suunnitelma noudattaa mallia {title} ({url}); malli on tietoa, jota voi muuttaa.",
        "Planen följer modellen {title} ({url}); modellen är data som kan ändras.",
        "The plan goes by the model {title} ({url}), which is data and can be changed.",
        title=view.model.title,
        url=view.model.url,
    )


@rule("R3.10", source="tietosuojaa käytetään esteenä osallistua yhteisiin neuvotteluihin")
def data_protection_is_no_obstacle(view: View) -> Iterator[Said]:
    """The service answers at once whether, to whom and why information may flow, and what consent is missing."""
    yield met(
        "Palvelu vastaa heti, saako tieto kulkea, kenelle ja miksi, ja mikä suostumus puuttuu: "
        "POST {client}/$access-decision.",
        "Tjänsten svarar genast om uppgifter får utbytas, till vem och varför, och vilket samtycke som saknas: "
        "POST {client}/$access-decision.",
        "The service answers at once whether, to whom and why information may flow, and what consent is missing: "
        "POST {client}/$access-decision.",
        client=view.client,
    )


@rule("R4.7", source="selkeitä tietosuojan ja tietojen vaihdon pelisääntöjä")
def the_rules_of_exchange_are_readable(view: View) -> Iterator[Said]:
    """By machine: the CapabilityStatement, and the explanation of each decision."""
    yield met(
        "Tietojen vaihdon säännöt ovat koneella luettavissa: GET metadata ja POST {client}/$access-decision.",
        "Reglerna för informationsutbyte kan läsas maskinellt: GET metadata och POST {client}/$access-decision.",
        "The rules of exchange are readable by machine: GET metadata, and POST {client}/$access-decision.",
        client=view.client,
    )


@rule("R4.8", source="matalan kynnyksen konsultointiväylä")
def one_may_consult_without_the_clients_identity(view: View) -> Iterator[Said]:
    """By a Communication without subject or a Task without `for`; so none of those is told of here."""
    yield met(
        "Asiantuntijaa voi konsultoida kertomatta, kenestä on kyse (Communication ilman subject-tietoa); siksi "
        "tällaiset konsultaatiot eivät näy täällä.",
        "En expert kan konsulteras utan att berätta vem det gäller (Communication utan subject); därför syns sådana "
        "konsultationer inte här.",
        "An expert may be consulted without saying whom it is about (Communication without subject); so such "
        "consultations are not told of here.",
    )
