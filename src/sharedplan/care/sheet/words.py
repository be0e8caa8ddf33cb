"""The words of the plan sheet in Finnish, Swedish and English: plain ones, for the client and whoever helps him."""

from collections.abc import Mapping

from sharedplan.care.finding import Words

Wordbook = Mapping[str, Words]

SHEET: Wordbook = {
    "sheet": ("Yhteinen suunnitelma", "Gemensam plan", "Shared plan"),
    "of": ("Suunnitelma: {name}", "Plan för {name}", "Plan of {name}"),
    "written": ("Tuloste {date}", "Utskrift {date}", "As it was on {date}"),
    "valid": ("Voimassa {period}", "Gäller {period}", "In force {period}"),
    "draft": ("Luonnos, josta ei ole vielä sovittu", "Ett utkast som inte är överenskommet", "A draft, not agreed yet"),
    "ended": ("Suunnitelma on päättynyt", "Planen är avslutad", "This plan has ended"),
    "paused": ("Suunnitelma on tauolla", "Planen är pausad", "This plan is paused"),
    "contents": ("Tällä lomakkeella", "På det här bladet", "On this sheet"),
    "worker": ("Omatyöntekijä", "Egen kontaktperson", "Own worker"),
    "worker-help": (
        "Häneen voi ottaa yhteyttä kaikissa suunnitelman asioissa.",
        "Kontakta hen i alla frågor som gäller planen.",
        "The one to contact in anything about this plan.",
    ),
    "no-worker": (
        "Omatyöntekijää ei näy tällä lomakkeella.",
        "Ingen egen kontaktperson syns på det här bladet.",
        "No own worker is shown on this sheet.",
    ),
    "meeting": ("Seuraava tapaaminen", "Nästa möte", "Next meeting"),
    "no-meeting": (
        "Seuraavaa tapaamista ei ole sovittu.",
        "Inget nästa möte är inbokat.",
        "No next meeting has been agreed.",
    ),
    "no-meeting-shown": (
        "Seuraavaa tapaamista ei näy tällä lomakkeella.",
        "Inget nästa möte syns på det här bladet.",
        "No next meeting is shown on this sheet.",
    ),
    "tentative": ("Aika odottaa vahvistusta", "Tiden väntar på bekräftelse", "The time is to be confirmed"),
    "where": ("Paikka", "Plats", "Place"),
    "how": ("Tapa", "Sätt", "Way"),
    "who-comes": ("Mukana", "Deltar", "Taking part"),
    "masked-place": ("Paikkaa ei näytetä", "Platsen visas inte", "The place is not shown"),
    "goals": ("Tavoitteet", "Mål", "Goals"),
    "no-goals": ("Tavoitteita ei näy tällä lomakkeella.", "Inga mål syns på det här bladet.", "No goals are shown."),
    "stance": ("Kanta", "Ställningstagande", "View"),
    "views": ("Eri näkemykset", "Olika åsikter", "Different views"),
    "said": ("Mitä tavoitteesta on sanottu", "Vad som har sagts om målet", "What has been said of it"),
    "proposed-by": ("Tavoitteen ehdotti {name}", "Målet föreslogs av {name}", "Proposed by {name}"),
    "target": ("Mistä sen huomaa", "Hur det märks", "How it shows"),
    "due": ("Tavoiteaika {date}", "Måldatum {date}", "By {date}"),
    "next": ("Kuka tekee mitä seuraavaksi", "Vem gör vad härnäst", "Who does what next"),
    "no-next": (
        "Avoimia tehtäviä ei näy tällä lomakkeella.",
        "Inga öppna uppgifter syns på det här bladet.",
        "No open steps are shown.",
    ),
    "what": ("Mitä", "Vad", "What"),
    "who": ("Kuka", "Vem", "Who"),
    "when": ("Milloin", "När", "When"),
    "state": ("Tilanne", "Läge", "State"),
    "no-performer": ("Tekijää ei ole vielä", "Ingen har ännu tagit uppgiften", "Nobody yet"),
    "no-time": ("Aikaa ei ole sovittu", "Ingen tid är avtalad", "No time agreed"),
    "by": ("viimeistään {date}", "senast {date}", "by {date}"),
    "waiting": ("Odottaa", "Väntar", "Waiting"),
    "why": ("Miksi", "Varför", "Why"),
    "no-reason": ("Syytä ei ole kirjattu", "Ingen orsak är antecknad", "No reason is recorded"),
    "done": ("Jo tehty", "Redan gjort", "Already done"),
    "team": ("Tiimi", "Teamet", "The team"),
    "no-team": ("Tiimiä ei näy tällä lomakkeella.", "Inget team syns på det här bladet.", "No team is shown."),
    "name": ("Nimi", "Namn", "Name"),
    "role": ("Rooli", "Roll", "Role"),
    "organization": ("Organisaatio", "Organisation", "Organisation"),
    "contact": ("Yhteystiedot", "Kontakt", "Contact"),
    "unfilled": ("Ei vielä nimetty", "Inte utsedd ännu", "Not named yet"),
    "hidden-name": ("Nimeä ei näytetä", "Namnet visas inte", "Name not shown"),
    "no-contact": ("Ei kirjattu", "Inte antecknat", "Not recorded"),
    "starts": ("tiimissä {date} alkaen", "i teamet från {date}", "on the team from {date}"),
    "strengths": ("Vahvuudet", "Styrkor", "Strengths"),
    "consent": ("Suostumus: kuka saa nähdä tiedot", "Samtycke: vem får se uppgifterna", "Consent: who may see this"),
    "consent-help": (
        "Suostumusta voi muuttaa tai sen voi perua milloin vain. Kerro siitä omatyöntekijälle.",
        "Samtycket kan ändras eller återkallas när som helst. Säg det till kontaktpersonen.",
        "Consent can be changed or withdrawn at any time. Tell the own worker.",
    ),
    "no-consent": (
        "Voimassa olevaa suostumusta ei näy tällä lomakkeella.",
        "Inget gällande samtycke syns på det här bladet.",
        "No consent in force is shown.",
    ),
    "may": ("Mitä saa tehdä", "Vad man får göra", "What is allowed"),
    "until": ("Mihin asti", "Hur länge", "Until when"),
    "for-now": ("toistaiseksi", "tills vidare", "until changed"),
    "team-as-a-whole": ("Tiimin jäsenet", "Teamets medlemmar", "The members of the team"),
    "may-not": ("ei saa {deeds}: {things}", "får inte {deeds}: {things}", "may not {deeds}: {things}"),
    "may-so": ("saa {deeds}: {things}", "får {deeds}: {things}", "may {deeds}: {things}"),
    "except": ("Poikkeus", "Undantag", "Exception"),
    "everything": ("kaikki suunnitelman tiedot", "alla uppgifter i planen", "everything of the plan"),
    "narrow-view": (
        "suunnitelma, tiimi ja omat tehtävänsä",
        "planen, teamet och sina egna uppgifter",
        "the plan, the team and their own steps",
    ),
    "this-and-related": (
        "tämä suunnitelma ja siihen kuuluvat tiedot",
        "den här planen och det som hör till den",
        "this plan and what belongs to it",
    ),
    "narrowed": (
        "suostumus on rajattu vielä tarkemmin",
        "samtycket är ytterligare begränsat",
        "the consent is limited further",
    ),
    "data-of": ("tiedot ajalta {period}", "uppgifter från tiden {period}", "data of the time {period}"),
    "given": ("Annettu {date}", "Gett {date}", "Given on {date}"),
    "reviews": ("Suunnitelman tarkistus", "Uppföljning av planen", "Review of the plan"),
    "passed": (
        "{date}: päivä on jo mennyt",
        "{date}: dagen har redan passerat",
        "{date}: the day has passed already",
    ),
    "no-review": (
        "Tarkistuspäivää ei näy tällä lomakkeella.",
        "Inget datum för uppföljning syns på det här bladet.",
        "No date of review is shown.",
    ),
    "partial": (
        "Tällä lomakkeella on vain se, mitä sen tulostaja saa nähdä. Osa tiedoista ei näy.",
        "På det här bladet finns bara det som den som skrev ut det får se. En del visas inte.",
        "This sheet shows only what the one who asked for it may see. Some of the plan is not shown.",
    ),
    "cut": (
        "Tietoja on enemmän kuin lomakkeelle mahtuu.",
        "Det finns fler uppgifter än bladet rymmer.",
        "There is more than the sheet can hold.",
    ),
    "client": ("Asiakas", "Klient", "Client"),
    "born": ("Syntynyt {date}", "Född {date}", "Born {date}"),
}

STATES: Wordbook = {
    "not-started": ("ei aloitettu", "inte påbörjad", "not started"),
    "scheduled": ("sovittu", "avtalad", "agreed"),
    "in-progress": ("käynnissä", "pågår", "under way"),
    "on-hold": ("odottaa", "väntar", "waiting"),
    "unknown": ("tilanne ei ole tiedossa", "läget är inte känt", "state not known"),
    "draft": ("luonnos", "utkast", "draft"),
    "requested": ("pyydetty", "begärd", "asked for"),
    "received": ("vastaanotettu", "mottagen", "received"),
    "accepted": ("luvattu", "lovad", "promised"),
    "ready": ("valmis alkamaan", "klar att börja", "ready to begin"),
    "rejected": ("ei otettu vastaan", "inte antagen", "not taken on"),
    "active": ("käynnissä", "pågår", "under way"),
}

ACHIEVEMENTS: Wordbook = {
    "in-progress": ("etenee", "på väg", "under way"),
    "improving": ("paranee", "förbättras", "getting better"),
    "worsening": ("heikkenee", "försämras", "getting worse"),
    "no-change": ("ennallaan", "oförändrat", "no change"),
    "achieved": ("saavutettu", "uppnått", "reached"),
    "sustaining": ("pysyy yllä", "upprätthålls", "being kept up"),
    "not-achieved": ("ei saavutettu", "inte uppnått", "not reached"),
    "no-progress": ("ei edistynyt", "inga framsteg", "no progress"),
    "not-attainable": ("ei saavutettavissa", "går inte att nå", "cannot be reached"),
}

LIFECYCLES: Wordbook = {
    "proposed": ("ehdotettu", "föreslaget", "proposed"),
    "planned": ("suunniteltu", "planerat", "planned"),
    "accepted": ("sovittu", "överenskommet", "agreed"),
    "active": ("käynnissä", "pågår", "under way"),
    "on-hold": ("odottaa", "väntar", "waiting"),
    "completed": ("päättynyt", "avslutat", "completed"),
}

STANCES: Wordbook = {
    "agree": ("samaa mieltä", "av samma åsikt", "agrees"),
    "disagree": ("eri mieltä", "av annan åsikt", "disagrees"),
    "pending": ("ei ole vielä ottanut kantaa", "har inte ännu tagit ställning", "has not yet decided"),
    "none": ("kantaa ei ole kirjattu", "inget ställningstagande antecknat", "no view recorded"),
}

ROLES: Wordbook = {
    "coordinator": ("omatyöntekijä", "egen kontaktperson", "own worker"),
    "social-worker": ("sosiaalityöntekijä", "socialarbetare", "social worker"),
    "social-instructor": ("sosiaaliohjaaja", "socialhandledare", "social instructor"),
    "housing": ("asumisen asiakasohjaaja", "boendehandledare", "housing adviser"),
    "nurse": ("sairaanhoitaja", "sjukskötare", "nurse"),
    "physician": ("lääkäri", "läkare", "physician"),
    "psychologist": ("psykologi", "psykolog", "psychologist"),
    "mental-health": ("mielenterveyspalvelut", "mentalvårdstjänster", "mental health services"),
    "substance-services": ("päihdepalvelut", "missbrukartjänster", "substance services"),
    "employment": ("työllisyyspalvelut", "sysselsättningstjänster", "employment services"),
    "ngo": ("järjestön työntekijä", "organisationsarbetare", "worker of an association"),
    "relative": ("läheinen", "närstående", "relative"),
    "school": ("koulu", "skolan", "school"),
    "police": ("poliisi", "polisen", "police"),
}

WAYS: Wordbook = {
    "HH": ("asiakkaan kotona", "hemma hos klienten", "at the client's home"),
    "VR": ("etäyhteydellä tai puhelimessa", "på distans eller per telefon", "remotely or by telephone"),
    "FLD": ("muualla kuin toimipisteessä", "på annan plats än verksamhetsstället", "away from the office"),
    "AMB": ("tapaaminen toimipisteessä", "möte på verksamhetsstället", "at the office"),
}

DEEDS: Wordbook = {
    "access": ("nähdä", "se", "see"),
    "collect": ("kirjata", "anteckna", "record"),
    "correct": ("muuttaa", "ändra", "change"),
    "use": ("käyttää", "använda", "use"),
    "disclose": ("luovuttaa", "lämna ut", "disclose"),
}
ANY_DEED: Words = ("käsitellä", "hantera", "handle")

THINGS: Wordbook = {
    "CarePlan": ("suunnitelma", "planen", "the plan"),
    "CareTeam": ("tiimi", "teamet", "the team"),
    "Goal": ("tavoitteet", "målen", "the goals"),
    "Task": ("tehtävät", "uppgifterna", "the steps"),
    "Encounter": ("tapaamiset", "mötena", "the meetings"),
    "Appointment": ("sovitut ajat", "bokade tider", "the appointments"),
    "Patient": ("asiakkaan perustiedot", "klientens grunduppgifter", "the client's basic details"),
    "Condition": ("terveydentila ja ongelmat", "hälsotillstånd och problem", "conditions"),
    "Observation": ("havainnot", "iakttagelser", "observations"),
    "QuestionnaireResponse": ("arvioinnit", "bedömningar", "the assessments"),
    "ServiceRequest": ("ohjaukset ja lähetteet", "hänvisningar", "the referrals"),
    "EpisodeOfCare": ("asiakkuus", "klientrelationen", "the customership"),
    "RelatedPerson": ("läheiset", "närstående", "the relatives"),
    "Consent": ("suostumukset", "samtycken", "the consents"),
    "DocumentReference": ("asiakirjat", "dokument", "documents"),
    "Communication": ("viestit", "meddelanden", "messages"),
    "Flag": ("huomiot", "anmärkningar", "warnings"),
    "other": ("muita tietoja", "andra uppgifter", "other data"),
}
"""By resource type, what a consent speaks of."""
