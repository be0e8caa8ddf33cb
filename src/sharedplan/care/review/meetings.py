"""Meetings as the service models count them: how many, in what way, how soon, and those that did not take place."""

from collections import Counter
from collections.abc import Iterator

from sharedplan.care.codes import MODELS
from sharedplan.care.finding import Words
from sharedplan.care.model import shipped
from sharedplan.care.review import dates
from sharedplan.care.review.naming import meeting, words_listed
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.view import View

CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
WAYS: dict[str, Words] = {
    "VR": ("puhelimessa tai etänä", "per telefon eller på distans", "by phone or video"),
    "HH": ("kotona", "hemma", "at home"),
    "AMB": ("palvelupisteessä", "på ett serviceställe", "at a service point"),
    "FLD": ("muualla", "på annat håll", "elsewhere"),
}
"""Encounter.class → the way."""

ENCOUNTERS = (("tapaaminen", "möte", "meeting"), ("tapaamista", "möten", "meetings"))


@rule("R2.1", source="Palvelu pitää sisällään 1–5 asiakaskohtaamista", needs=("Encounter",), timeless=True)
def the_clients_encounters_are_counted_up_to_the_limit(view: View) -> Iterator[Said]:
    """As "n/5"; one beyond the limit stays recordable, and a reason is asked for. Where the model sets none, they are
    told beside the number of Käännekohta, and none is too many."""
    limit = view.model.encounter_limit if view.model is not None else None
    number = len(view.counted)
    if limit is None:
        yield met(
            "Asiakastapaamisia: {number}/{limit}. {limit} on Käännekohdan enimmäismäärä; tässä suunnitelmassa "
            "tapaamisten määrää ei rajoiteta.",
            "Klientmöten: {number}/{limit}. {limit} är det högsta antalet i Käännekohta; i denna plan begränsas inte "
            "antalet möten.",
            "Client meetings: {number}/{limit}. {limit} is the limit of Käännekohta; this plan's model sets none.",
            number=str(number),
            limit=str(_of_kaannekohta()),
        )
        return
    if number <= limit:
        yield met(
            "Asiakastapaamisia: {number}/{limit}.",
            "Klientmöten: {number}/{limit}.",
            "Client meetings: {number}/{limit}.",
            number=str(number),
            limit=str(limit),
        )
        return
    beyond = view.counted[limit:]
    lacking = [each for each in beyond if not any(_says(reason) for reason in each.get("reasonCode", ()))]
    yield broken(
        "Asiakastapaamisia: {number}/{limit}. Yli mallin määrän menee {beyond}{lacking}.",
        "Klientmöten: {number}/{limit}. Över modellens antal går {beyond}{lacking}.",
        "Client meetings: {number}/{limit}. Beyond the model's number: {beyond}{lacking}.",
        number=str(number),
        limit=str(limit),
        beyond=words_listed(map(meeting, beyond[:5])),
        lacking=_LACKS_REASON if lacking else ("", "", ""),
    )


def _of_kaannekohta() -> int:
    """The number of meetings that Käännekohta has, from whose words the rule is."""
    return shipped()[MODELS + "kaannekohta"].encounter_limit or 5


_LACKS_REASON: Words = (
    "; syy jatkaa on kirjaamatta",
    "; skälet att fortsätta är inte antecknat",
    "; no reason is given",
)


def _says(concept: dict[str, object]) -> bool:
    return bool(concept.get("text") or concept.get("coding"))


@rule("R2.2", source="työskentelyä jatkettiin kuitenkin neljä kuukautta", needs=("EpisodeOfCare",))
def a_long_case_is_legitimate(view: View) -> Iterator[Said]:
    """Nothing is stopped by count or time; how long it has lasted is told."""
    if view.started is None:
        yield met(
            "Työskentelyä ei rajoiteta ajalla eikä määrällä. Alkamispäivää ei ole kirjattu.",
            "Arbetet begränsas varken av tid eller antal. Startdagen har inte antecknats.",
            "The work is not limited by time or number. No start is recorded.",
        )
        return
    yield met(
        "Työskentelyä ei rajoiteta ajalla eikä määrällä. Se on kestänyt {days} ({start} alkaen).",
        "Arbetet begränsas varken av tid eller antal. Det har pågått i {days} (sedan {start}).",
        "The work is not limited by time or number. It has lasted {days} (since {start}).",
        days=dates.days(max(0, (view.today - dates.day(view.started)).days)),
        start=dates.said(view.started),
    )


@rule(
    "R2.4", source="puhelimessa, kotikäynnillä tai muissa asiakaspalvelupisteissä", needs=("Encounter",), timeless=True
)
def each_encounter_states_its_way(view: View) -> Iterator[Said]:
    """Phone, home, service point or elsewhere."""
    ways: Counter[str] = Counter()
    for each in view.counted:
        code = each.get("class", {}).get("code")
        if each.get("class", {}).get("system", CLASS) == CLASS and code in WAYS:
            ways[code] += 1
            continue
        yield broken(
            "Tapaamisesta {when} ei näy, missä se pidettiin (class: {code}).",
            "Av mötet {when} framgår inte var det hölls (class: {code}).",
            "The meeting of {when} does not state its way (class: {code}).",
            at="Encounter.class",
            when=meeting(each),
            code=str(code),
        )
    if ways:
        yield met(
            "Tapaamiset tavan mukaan: {ways}.",
            "Mötena enligt sätt: {ways}.",
            "Meetings by way: {ways}.",
            ways=words_listed(_counted(WAYS[code], number) for code, number in sorted(ways.items())),
        )
    elif not view.counted:
        yield unjudged(
            "Asiakasta ei ole vielä tavattu.", "Klienten har inte träffats ännu.", "The client has not been met yet."
        )


def _counted(words: Words, number: int) -> Words:
    return (f"{words[0]} {number}", f"{words[1]} {number}", f"{words[2]} {number}")


@rule(
    "R2.8",
    source="1–2 kontaktin aikana ja viikon sisällä",
    needs=("Encounter", "ServiceRequest", "EpisodeOfCare"),
    timeless=True,
)
def times_from_referral_and_encounters_are_reported(view: View) -> Iterator[Said]:
    """From the referral to the first encounter and to closing, and how many encounters there were."""
    contact, number = view.contact, dates.count(len(view.counted), *ENCOUNTERS)
    if contact is None:
        yield unjudged(
            "Lähetettä tai sen päivää ei ole nähtävissä, joten aikoja ei voi laskea ({number}).",
            "Ingen remiss med datum syns, så tiderna kan inte räknas ({number}).",
            "No referral with its date is seen, so times cannot be counted ({number}).",
            number=number,
        )
        return
    starts = [start for each in view.counted if (start := dates.start_of(each.get("period"))) is not None]
    episode = view.situation.get(view.situation.episode) or {}
    closed = dates.last_day(episode.get("period")) if episode.get("status") == "finished" else None
    day = dates.day(contact)
    yield met(
        "Lähetteestä ({contact}) ensimmäiseen asiakastapaamiseen: {first}. Päättämiseen: {closing}. Yhteensä {number}.",
        "Från remissen ({contact}) till det första klientmötet: {first}. Till avslutandet: {closing}. Totalt {number}.",
        "From the referral ({contact}) to the first client meeting: {first}. To closing: {closing}. In all {number}.",
        contact=dates.said(contact),
        first=dates.days((dates.day(min(starts)) - day).days) if starts else _NOT_YET,
        closing=dates.days((closed - day).days) if closed is not None else _NOT_YET,
        number=number,
    )


_NOT_YET: Words = ("ei vielä", "inte ännu", "not yet")


@rule("R3.15", source="Aikoja jää käyttämättä, kun asiakkaat eivät saavu", needs=("Encounter",), timeless=True)
def no_shows_are_counted_apart(view: View) -> Iterator[Said]:
    """Cancelled client meetings; they are no encounters. Those that were held are told beside."""
    yield met(
        "Peruuntuneita asiakastapaamisia: {number}. Niitä ei lasketa tapaamisiksi, joita on pidetty {held}.",
        "Klientmöten som inte blev av: {number}. De räknas inte som möten; {held} har hållits.",
        "No-shows: {number}. They are not counted as meetings, of which {held} were held.",
        number=str(len(view.no_shows)),
        held=str(len(view.counted)),
    )


@rule("R4.4", source="kohtaamista mahdollisimman pian yhteydenotosta", needs=("Encounter", "ServiceRequest"))
def days_from_contact_to_the_first_meeting_are_counted(view: View) -> Iterator[Said]:
    """From the day of the referral to the day of the first meeting with the client."""
    if view.contact is None:
        yield unjudged(
            "Yhteydenoton päivää (lähete) ei ole nähtävissä, joten päiviä ensimmäiseen tapaamiseen ei voi laskea.",
            "Dagen för kontakten (remissen) syns inte, så dagarna till det första mötet kan inte räknas.",
            "The day of contact (the referral) is not seen, so the days to the first meeting cannot be counted.",
        )
        return
    contact, first = dates.day(view.contact), view.first_meeting
    if first is None:
        yield met(
            "Yhteydenotosta ({contact}) on {days}, eikä asiakasta ole vielä tavattu.",
            "Det har gått {days} sedan kontakten ({contact}), och klienten har inte träffats ännu.",
            "It is {days} since the contact ({contact}), and the client has not been met yet.",
            contact=dates.said(contact),
            days=dates.days((view.today - contact).days),
        )
        return
    yield met(
        "Yhteydenotosta ({contact}) ensimmäiseen tapaamiseen ({first}) kului {days}.",
        "Från kontakten ({contact}) till det första mötet ({first}) gick det {days}.",
        "From the contact ({contact}) to the first meeting ({first}) it took {days}.",
        contact=dates.said(contact),
        first=dates.said(first),
        days=dates.days((dates.day(first) - contact).days),
    )
