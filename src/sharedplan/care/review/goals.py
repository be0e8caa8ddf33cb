"""Goals that the client can stand behind, own steps, strengths, and views that differ."""

from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.finding import Words
from sharedplan.care.need_assessments import answered
from sharedplan.care.review.naming import thing
from sharedplan.care.review.rule import Said, broken, met, refused, rule, unjudged
from sharedplan.care.review.view import View
from sharedplan.care.writes.goal import is_under_way
from sharedplan.fhir.exchanges import Json

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
STRENGTHS = ("social-history", "functional-status")
"""Categories of Observations by which strengths are recorded."""

STANCES: dict[str, Words] = {
    "agree": ("samaa mieltä", "av samma åsikt", "agrees"),
    "disagree": ("eri mieltä", "avvikande", "disagrees"),
    "pending": ("miettii vielä", "ännu öppen", "is still thinking"),
}

_GOALS_REST_ON = ("CarePlan", "Goal", "Patient")

HIDDEN: tuple[str, str, str] = (
    "Suunnitelma nimeää kohtia, joita ei ole tai joita et näe, joten tähän ei oteta kantaa.",
    "Planen nämner sådant som inte finns eller som du inte ser, så det tas inte ställning till detta.",
    "The plan names things that are not there or that you do not see, so nothing is said of this.",
)


@rule(
    "R0.4", source="jonka tavoitteisiin asiakas voi sitoutua", needs=("Goal",), timeless=True, rests_on=_GOALS_REST_ON
)
def every_goal_has_the_clients_stance_and_some_goal_is_agreed(view: View) -> Iterator[Said]:
    """Agree, disagree or pending with each; one is agreed to at least."""
    client = view.situation.client_called
    for at, goal in view.goals:
        stance = view.stance(goal)
        if stance is None:
            yield broken(
                "Tavoitteesta {goal} puuttuu asiakkaan kanta ({client}).",
                "För målet {goal} saknas klientens ståndpunkt ({client}).",
                "The goal {goal} lacks the client's stance ({client}).",
                at=at,
                goal=thing(goal),
                client=client,
            )
        elif stance == "disagree" and goal.get("lifecycleStatus") == "accepted":
            yield refused(
                "Tavoite {goal} on merkitty hyväksytyksi, vaikka {client} on eri mieltä.",
                "Målet {goal} är antecknat som godkänt, fast {client} är av annan åsikt.",
                "The goal {goal} is marked as accepted, although {client} disagrees.",
                at="Goal.lifecycleStatus",
                goal=thing(goal),
                client=client,
            )
        elif stance == "disagree" and is_under_way(goal):
            yield broken(
                "{client} on eri mieltä tavoitteesta {goal}, jonka tila on {status}.",
                "{client} är av annan åsikt om målet {goal}, vars status är {status}.",
                "{client} disagrees with the goal {goal}, whose status is {status}.",
                at="Goal.lifecycleStatus",
                goal=thing(goal),
                client=client,
                status=str(goal.get("lifecycleStatus")),
            )
    if view.agreed:
        yield met(
            "{client} on samaa mieltä {agreed} tavoitteesta (tavoitteita yhteensä {all}).",
            "{client} är överens om {agreed} mål (av totalt {all}).",
            "{client} agrees with {agreed} of the goals ({all} in all).",
            client=client,
            agreed=str(len(view.agreed)),
            all=str(len(view.goals)),
        )
    elif "Goal" in view.missing:
        yield unjudged(*HIDDEN)
    else:
        yield broken(
            "Suunnitelmassa ei ole yhtään tavoitetta, josta {client} on samaa mieltä.",
            "Planen har inget mål som {client} är överens om.",
            "The plan has no goal that {client} agrees with.",
            at="CarePlan.goal",
            client=client,
        )


@rule("R0.5", source="joiden toteutumista hän voi edistää", needs=("Goal", "Task"), timeless=True)
def every_agreed_goal_has_a_step_of_the_clients_own(view: View) -> Iterator[Said]:
    """A Task that the client owns, or an activity that he performs, for each goal agreed to."""
    steps = _own_steps(view)
    lacking = [(at, goal) for at, goal in view.agreed if view.name(goal) not in steps]
    client = view.situation.client_called
    if "Task" in view.missing and lacking:
        yield unjudged(*HIDDEN)
        return
    for at, goal in lacking:
        yield broken(
            "Tavoitteella {goal} ei ole yhtään askelta, jonka {client} ottaa itse.",
            "Målet {goal} har inget steg som {client} tar själv.",
            "The goal {goal} has no step that {client} takes alone.",
            at=at,
            goal=thing(goal),
            client=client,
        )
    if view.agreed and not lacking:
        yield met(
            "Jokaisella sovitulla tavoitteella ({count}) on asiakkaan oma askel.",
            "Varje överenskommet mål ({count}) har ett eget steg för klienten.",
            "Every agreed goal ({count}) has a step of the client's own.",
            count=str(len(view.agreed)),
        )
    elif not view.agreed:
        yield unjudged(
            "Yhdestäkään tavoitteesta ei ole sovittu, joten omia askelia ei arvioida.",
            "Inget mål är överenskommet, så egna steg bedöms inte.",
            "No goal is agreed, so own steps are not judged.",
        )


def _own_steps(view: View) -> frozenset[str]:
    """The goals ("Goal/1") towards which the client has a step of his own."""
    found: set[str | None] = set()
    for task, duty in view.duties:
        is_clients = (
            duty.owner == view.situation.client if duty.owner is not None else view.is_clients(task.get("owner"))
        )
        if is_clients and task.get("status") not in ("rejected", "cancelled", "failed"):
            found.update(duty.goals)
    for activity in view.activities:
        detail = activity.detail
        if detail is None:
            continue
        if view.is_clients(detail.get("performer", ())) and activity.status not in ("cancelled", "entered-in-error"):
            found.update(map(view.situation.name_of, detail.get("goal", ())))
    return frozenset(each for each in found if each is not None)


@rule(
    "R0.6",
    source="nostetaan esiin asiakkaan omia vahvuuksia ja voimavaroja; sosiaalihuoltolaki 39 §",
    needs=("QuestionnaireResponse", "Observation"),
    timeless=True,
)
def strengths_and_resources_are_recorded(view: View) -> Iterator[Said]:
    """By the assessment, or by an observation that the plan names."""
    where = next((each for each in view.assessments if "strengths" in answered(each)), None)
    where = where or next(
        (
            each
            for each in map(view.situation.get, view.plan.get("supportingInfo", ()))
            if each is not None
            and each["resourceType"] == "Observation"
            and codes.has(each.get("category"), CATEGORY, *STRENGTHS)
        ),
        None,
    )
    if where is not None:
        yield met(
            "Asiakkaan vahvuudet ja voimavarat on kirjattu: {where}.",
            "Klientens styrkor och resurser har antecknats: {where}.",
            "The client's strengths and resources are recorded: {where}.",
            where=thing(where),
        )
    elif view.missing & {"Observation", "QuestionnaireResponse"}:
        yield unjudged(*HIDDEN)
    else:
        yield broken(
            "Asiakkaan vahvuuksia ja voimavaroja ei ole kirjattu.",
            "Klientens styrkor och resurser har inte antecknats.",
            "The client's strengths and resources are not recorded.",
            at="CarePlan.supportingInfo",
        )


@rule(
    "R3.17",
    source="Asiakkaan kanssa ei päästä aina yhteisymmärrykseen; lastensuojelulaki 417/2007 30 §",
    needs=("Goal",),
    timeless=True,
    rests_on=_GOALS_REST_ON,
)
def where_views_differ_both_are_recorded(view: View) -> Iterator[Said]:
    """Each goal that the client disagrees with has notes: by the client, and by somebody else. Who still thinks about
    one has no view yet to differ (R0.4 tells of those)."""
    differing = [(at, goal) for at, goal in view.goals if view.stance(goal) == "disagree"]
    for at, goal in differing:
        by_client = any(_is_by_client(view, note) for note in goal.get("note", ()))
        by_other = any(not _is_by_client(view, note) for note in goal.get("note", ()))
        by_other = (
            by_other or any(map(_says, view.plan.get("note", ()))) or not view.is_clients(goal.get("expressedBy"))
        )
        stance = STANCES[str(view.stance(goal))]
        if by_client and by_other:
            yield met(
                'Tavoite {goal}: asiakkaan ({client}) kanta on "{stance}". Molempien näkemykset on kirjattu.',
                "Målet {goal}: klientens ståndpunkt ({client}) är {stance}. Bådas synpunkter har antecknats.",
                "The goal {goal}: {client} {stance}. Both views are recorded.",
                goal=thing(goal),
                client=view.situation.client_called,
                stance=stance,
            )
        else:
            lacks: Words = ("asiakkaan", "klientens", "the client's") if not by_client else _OTHERS
            yield broken(
                "Tavoitteesta {goal} näkemykset eroavat ({stance}), mutta {lacks} näkemystä ei ole kirjattu.",
                "Om målet {goal} går åsikterna isär ({stance}), men {lacks} synpunkt har inte antecknats.",
                "Of the goal {goal} views differ (the client {stance}), and {lacks} view is not recorded.",
                at=at,
                goal=thing(goal),
                stance=stance,
                lacks=lacks,
            )
    if not differing and view.goals:
        yield met(
            "Asiakkaan ja työntekijöiden välillä ei ole kirjattu erimielisyyttä tavoitteista.",
            "Ingen oenighet om målen mellan klienten och de anställda har antecknats.",
            "No disagreement between client and workers is recorded about the goals.",
        )
    elif not view.goals:
        yield unjudged(
            "Suunnitelmassa ei ole vielä tavoitteita, joista voisi olla eri mieltä.",
            "Planen har ännu inga mål att vara oense om.",
            "The plan has no goals yet to disagree about.",
        )


_OTHERS: Words = ("työntekijän", "den anställdas", "the worker's")


def _is_by_client(view: View, note: Json) -> bool:
    return view.is_clients(note.get("authorReference"))


def _says(note: Json) -> bool:
    return bool(str(note.get("text", "")).strip())
