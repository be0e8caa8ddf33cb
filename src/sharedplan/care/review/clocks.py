"""By when the need is assessed, and by what right; that the process has its phases, and nothing is assessed twice."""

from collections.abc import Iterator
from datetime import date

from sharedplan.care.clocks import Clock, clocks_of, day_of, done_on, state
from sharedplan.care.finding import Words
from sharedplan.care.need_assessments import FRESH, finished, is_fresh
from sharedplan.care.review import dates
from sharedplan.care.review.naming import thing
from sharedplan.care.review.rule import Said, broken, met, rule, unjudged
from sharedplan.care.review.view import View
from sharedplan.care.task import OPEN_TASKS
from sharedplan.fhir.exchanges import Json

BASES: dict[str, Words] = {
    "lsl-26": ("lastensuojelulaki 26 §", "barnskyddslagen 26 §", "Child Welfare Act, section 26"),
    "shl-36-special-support": (
        "sosiaalihuoltolaki 36 §, erityistä tukea tarvitseva lapsi",
        "socialvårdslagen 36 §, barn i behov av särskilt stöd",
        "Social Welfare Act, section 36, child in need of special support",
    ),
    "shl-36-care-allowance": (
        "sosiaalihuoltolaki 36 §, eläkettä saavan hoitotuki",
        "socialvårdslagen 36 §, vårdbidrag för pensionstagare",
        "Social Welfare Act, section 36, care allowance for pensioners",
    ),
    "shl-36-over-75": (
        "sosiaalihuoltolaki 36 §, yli 75-vuotias",
        "socialvårdslagen 36 §, över 75 år",
        "Social Welfare Act, section 36, over 75 years of age",
    ),
    "model-target": ("mallin tavoite, ei laki", "modellens mål, inte lag", "target of the model, not law"),
}
KINDS: dict[str, Words] = {
    "start": ("on aloitettava viimeistään", "ska inledas senast", "is to start by"),
    "finish": ("on tehtävä valmiiksi viimeistään", "ska vara klar senast", "is to be finished by"),
}
DONE: dict[str, Words] = {
    "start": ("oli aloitettava viimeistään", "skulle inledas senast", "was to start by"),
    "finish": ("oli tehtävä valmiiksi viimeistään", "skulle vara klar senast", "was to be finished by"),
}
PHASES: dict[str, Words] = {
    "phase-assessment": ("arviointi", "bedömning", "assessment"),
    "phase-plan": ("suunnitelma", "plan", "plan"),
    "phase-realisation": ("toteutus", "genomförande", "realisation"),
}


@rule(
    "R3.1",
    source="palvelutarpeen arvioinneista … 3 kuukauden kuluessa; sosiaalihuoltolaki 36 §, lastensuojelulaki 26 §",
    needs=("Task", "Patient"),
)
def the_need_is_assessed_in_time(view: View) -> Iterator[Said]:
    """Each limit with its legal basis; late and due soon are warned of, where law or the model sets one."""
    tasks = [each for each in view.tasks_of("need-assessment") if each.get("status") != "cancelled"]
    for each in tasks:
        clocks = clocks_of(each, view.situation.patient, view.model)
        if not clocks:
            yield met(
                "Arvioinnille {what} ei ole laissa eikä mallissa määräaikaa.",
                "För bedömningen {what} finns ingen tidsfrist i lag eller modell.",
                "For the assessment {what} neither law nor model sets a limit.",
                what=thing(each),
            )
        for clock in clocks:
            yield _told(view, each, clock)
    if not tasks:
        yield unjudged(
            "Palvelutarpeen arviointia ei ole aloitettu, joten määräaikoja ei ole.",
            "Ingen bedömning av servicebehovet har inletts, så det finns inga tidsfrister.",
            "No need assessment has been started, so there are no limits.",
        )


def _told(view: View, task: Json, clock: Clock) -> Said:
    due, done = clock.due.strict, done_on(task, clock)
    fields: dict[str, str | Words] = {
        "what": thing(task),
        "kind": (DONE if done is not None or due < view.today else KINDS)[clock.kind],
        "due": _due(clock),
        "basis": BASES.get(clock.basis, (clock.basis, clock.basis, clock.basis)),
    }
    match state(due, done, view.today):
        case "late" if done is not None:
            return broken(
                "Arviointi {what} {kind} {due} ({basis}), mutta se tehtiin myöhässä, {done}.",
                "Bedömningen {what} {kind} {due} ({basis}), men det skedde för sent, {done}.",
                "The assessment {what} {kind} {due} ({basis}); it was done late, on {done}.",
                at="Task.executionPeriod",
                **fields,
                done=dates.said(done),
            )
        case "late":
            return broken(
                "Arviointi {what} {kind} {due} ({basis}): se on myöhässä.",
                "Bedömningen {what} {kind} {due} ({basis}): den är försenad.",
                "The assessment {what} {kind} {due} ({basis}): it is late.",
                at="Task.restriction.period.end" if clock.kind == "finish" else "Task.executionPeriod.start",
                **fields,
            )
        case "due-soon":
            return broken(
                "Arviointi {what} {kind} {due} ({basis}): aikaa on {left}.",
                "Bedömningen {what} {kind} {due} ({basis}): det är {left} kvar.",
                "The assessment {what} {kind} {due} ({basis}): due soon, {left} left.",
                at="Task.restriction.period.end" if clock.kind == "finish" else "Task.executionPeriod.start",
                **fields,
                left=dates.days((due - view.today).days),
            )
    if done is not None:
        return met(
            "Arviointi {what} {kind} {due} ({basis}); se tehtiin ajoissa, {done}.",
            "Bedömningen {what} {kind} {due} ({basis}); det skedde i tid, {done}.",
            "The assessment {what} {kind} {due} ({basis}); it was done in time, on {done}.",
            **fields,
            done=dates.said(done),
        )
    return met(
        "Arviointi {what} {kind} {due} ({basis}).",
        "Bedömningen {what} {kind} {due} ({basis}).",
        "The assessment {what} {kind} {due} ({basis}).",
        **fields,
    )


def _due(clock: Clock) -> Words:
    """The day, and the working day after it where it is none."""
    strict, extended = dates.said(clock.due.strict), dates.said(clock.due.extended)
    if clock.due.strict == clock.due.extended:
        return strict
    return (
        f"{strict[0]} (seuraava arkipäivä {extended[0]})",
        f"{strict[1]} (följande vardag {extended[1]})",
        f"{strict[2]} (next working day {extended[2]})",
    )


@rule("R3.2", source="7 vrk tiivistäminen", needs=("Task",))
def the_model_may_set_a_target_of_its_own(view: View) -> Iterator[Said]:
    """A setting of the model and no law; what has passed it is told."""
    target = view.model.need_assessment_target if view.model is not None else None
    if target is None:
        yield met(
            "Malli ei aseta arvioinnille omaa tavoiteaikaa.",
            "Modellen sätter ingen egen måltid för bedömningen.",
            "The model sets no target of its own for the assessment.",
        )
        return
    is_kept = True
    for each in view.tasks_of("need-assessment"):
        received = day_of(each.get("authoredOn"))
        if received is None or each.get("status") == "cancelled":
            continue
        due = target.after(received)
        done = day_of(each.get("executionPeriod", {}).get("end")) if each.get("status") == "completed" else None
        if state(due, done, view.today) == "late":
            is_kept = False
            yield broken(
                "Arviointi {what} ylitti mallin tavoiteajan, joka päättyi {due}.",
                "Bedömningen {what} överskred modellens måltid, som gick ut {due}.",
                "The assessment {what} passed the target of the model, which ended on {due}.",
                at="Task.executionPeriod",
                what=thing(each),
                due=dates.said(due),
            )
    if is_kept:
        yield met(
            "Mallin tavoiteaika arvioinnille on {target}; se ei ole lain määräaika.",
            "Modellens måltid för bedömningen är {target}; den är ingen lagstadgad tidsfrist.",
            "The model's target for the assessment is {target}; it is no limit of the law.",
            target=_length(target.months, target.days),
        )


def _length(months: int | None, days: int | None) -> Words:
    if months is not None:
        return dates.count(months, ("kuukausi", "månad", "month"), ("kuukautta", "månader", "months"))
    return dates.days(days or 0)


@rule("R3.3", source="arviointi, suunnitelma ja toteutus", needs=("Task",))
def the_process_has_three_phases(view: View) -> Iterator[Said]:
    """Assessment, plan and realisation, each with its start and, when it is done, its end."""
    told: list[Words] = []
    is_kept = True
    for code, words in PHASES.items():
        tasks = [each for each in view.tasks_of(code) if each.get("status") != "cancelled"]
        if not tasks:
            is_kept = False
            yield broken(
                "Vaihe puuttuu: {phase}.", "En fas saknas: {phase}.", "A phase is missing: {phase}.", phase=words
            )
        for each in tasks:
            period, status = each.get("executionPeriod", {}), each.get("status")
            lacks_start = status in ("in-progress", "completed", "on-hold") and "start" not in period
            lacks_end = status == "completed" and "end" not in period
            if lacks_start or lacks_end:
                is_kept = False
                yield broken(
                    "Vaiheelta {phase} puuttuu {lacks}: {what}.",
                    "Fasen {phase} saknar {lacks}: {what}.",
                    "The phase {phase} lacks its {lacks}: {what}.",
                    at="Task.executionPeriod",
                    phase=words,
                    lacks=("alku", "början", "start") if lacks_start else ("loppu", "slut", "end"),
                    what=thing(each),
                )
            told.append(_phase(words, period))
    if is_kept:
        fi, sv, en = ("; ".join(each[number] for each in told) for number in range(3))
        yield met("Vaiheet: {phases}.", "Faser: {phases}.", "Phases: {phases}.", phases=(fi, sv, en))


def _phase(words: Words, period: Json) -> Words:
    start = dates.said(dates.start_of(period)) if "start" in period else ("ei alkanut", "inte börjat", "not begun")
    end = dates.said(dates.last_day(period)) if "end" in period else ("", "", "")
    dash = "–" if "start" in period else ""
    length = _lasted(period)
    return (
        f"{words[0]} {start[0]}{dash}{end[0]}{length[0]}",
        f"{words[1]} {start[1]}{dash}{end[1]}{length[1]}",
        f"{words[2]} {start[2]} {dash} {end[2]}".rstrip() + length[2],
    )


def _lasted(period: Json) -> Words:
    """How long a phase took that is over: " (30 päivää)"; from day to day."""
    first, last = dates.start_of(period), dates.last_day(period)
    if first is None or last is None:
        return ("", "", "")
    fi, sv, en = dates.days(max(0, (last - dates.day(first)).days))
    return (f" ({fi})", f" ({sv})", f" ({en})")


@rule("R3.14", source="käynnistää taas uuden arviointiprossin", needs=("Task", "QuestionnaireResponse"))
def a_finished_assessment_is_used_again(view: View) -> Iterator[Said]:
    """A new one while there is a fresh one is told of, with the one that is there."""
    tasks = [each for each in view.tasks_of("need-assessment") if _begun(each) is not None]
    tasks.sort(key=lambda each: (str(_begun(each)), str(each.get("id"))))
    pairs = []
    for number, new in enumerate(tasks):
        is_open = new.get("status") in OPEN_TASKS
        ended = finished(new)
        if not is_open and (ended is None or ended < view.today - FRESH):
            continue
        pairs += [(new, old) for old in tasks[:number] if is_fresh(old, _begun(new))]
    for new, old in pairs:
        yield broken(
            "Uusi arviointi {new} on alkanut, vaikka tuore tai keskeneräinen arviointi on jo olemassa: {old}.",
            "En ny bedömning {new} har inletts, fast det redan finns en färsk eller pågående: {old}.",
            "A new assessment {new} has begun, although there is one that is fresh or under way: {old}.",
            at="Task.code",
            new=thing(new),
            old=thing(old),
        )
    if not pairs:
        yield met(
            "Päällekkäisiä arviointeja ei ole.",
            "Det finns inga överlappande bedömningar.",
            "No assessment is done twice.",
        )


def _begun(task: Json) -> date | None:
    return day_of(task.get("authoredOn")) or day_of(task.get("executionPeriod", {}).get("start"))
