"""Feedback: asked from the client at closing, and from both sides."""

from collections.abc import Iterator

from sharedplan.care.review.naming import listed, thing
from sharedplan.care.review.rule import Said, broken, met, rule
from sharedplan.care.review.view import View
from sharedplan.fhir.exchanges import Json


def _asked(view: View) -> tuple[list[Json], list[Json]]:
    """The requests for feedback: (of the client, of workers)."""
    there = [each for each in view.tasks_of("feedback") if each.get("status") not in ("cancelled", "rejected")]
    of_client = [each for each in there if view.is_clients(each.get("owner"))]
    return of_client, [each for each in there if each not in of_client and "owner" in each]


def _answered(tasks: list[Json]) -> int:
    return sum(1 for each in tasks if each.get("status") == "completed")


@rule("R0.10", source="arvioidaan asiakas- ja työntekijäkokemusten perusteella", needs=("Task",))
def experience_of_client_and_workers_is_collected(view: View) -> Iterator[Said]:
    """Both are asked; once the plan is closed, what was not asked is told."""
    of_client, of_workers = _asked(view)
    fields = {
        "client": str(len(of_client)),
        "told": str(_answered(of_client)),
        "workers": str(len(of_workers)),
        "said": str(_answered(of_workers)),
    }
    if view.is_closed and not (of_client and of_workers):
        yield broken(
            "Suunnitelma on päättynyt, mutta molempien kokemusta ei ole kysytty: asiakkaalta pyydetty {client}, "
            "työntekijöiltä {workers}.",
            "Planen är avslutad, men båda har inte tillfrågats om sina erfarenheter: klienten {client}, anställda "
            "{workers}.",
            "The plan is closed, and not both were asked for their experience: the client {client}, workers {workers}.",
            at="CarePlan.status",
            **fields,
        )
        return
    yield met(
        "Palautetta pyydetty asiakkaalta {client} (vastattu {told}), työntekijöiltä {workers} (vastattu {said}).",
        "Respons begärd av klienten {client} (besvarade {told}), av anställda {workers} (besvarade {said}).",
        "Feedback asked of the client {client} (answered {told}), of workers {workers} (answered {said}).",
        **fields,
    )


@rule("R1.5", source="häneltä pyydetään palautetta palvelukokemuksesta", needs=("Task",))
def the_client_is_asked_for_feedback(view: View) -> Iterator[Said]:
    """A closed plan has a request for feedback that the client owns."""
    of_client, _ = _asked(view)
    if of_client:
        yield met(
            "Asiakkaalta on pyydetty palautetta: {what}.",
            "Klienten har ombetts ge respons: {what}.",
            "The client is asked for feedback: {what}.",
            what=listed(map(thing, of_client)),
        )
    elif view.is_closed:
        yield broken(
            "Suunnitelma on päättynyt, eikä asiakkaalta ({client}) ole pyydetty palautetta.",
            "Planen är avslutad, och klienten ({client}) har inte ombetts ge respons.",
            "The plan is closed, and the client ({client}) was not asked for feedback.",
            at="CarePlan.status",
            client=view.situation.client_called,
        )
    else:
        yield met(
            "Palautetta ei ole vielä pyydetty; sitä pyydetään viimeistään suunnitelman päättyessä.",
            "Respons har inte begärts ännu; det görs senast när planen avslutas.",
            "No feedback has been asked yet; it is at the latest when the plan is closed.",
        )
