"""One plan for each client, and the whole of a family without leaking from one person's part to another's."""

from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.review.naming import listed
from sharedplan.care.review.rule import Said, broken, met, refused, rule
from sharedplan.care.review.traits import whose
from sharedplan.care.review.view import View
from sharedplan.fhir.exchanges import Json

ACTIVE = "active"


@rule("one-plan", source="yhteinen asiakassuunnitelma; at most one active shared plan per client")
def a_client_has_one_active_shared_plan(view: View) -> Iterator[Said]:
    """Beside those that it replaces or is part of."""
    plan = view.plan
    kin = {view.situation.name_of(each) for each in (*plan.get("replaces", ()), *plan.get("partOf", ()))}
    others = [
        each
        for each in view.situation.of("CarePlan")
        if each.get("status") == ACTIVE
        and codes.has(each.get("category"), codes.PLAN, "shared-plan")
        and view.name(each) != view.situation.plan
        and view.is_clients(each.get("subject"))
        and view.name(each) not in kin
        and not view.situation.refers((*each.get("replaces", ()), *each.get("partOf", ())), view.situation.plan)
    ]
    if others and plan.get("status") == ACTIVE:
        yield refused(
            "{client} on jo toisen voimassa olevan yhteisen suunnitelman asiakas: {others}.",
            "{client} har redan en annan gällande gemensam plan: {others}.",
            "{client} has another active shared plan: {others}.",
            at="CarePlan.status",
            client=view.situation.client_called,
            others=listed(map(view.name, others)),
        )
        return
    yield met(
        "Asiakkaalla on yksi yhteinen suunnitelma: {plan}.",
        "Klienten har en gemensam plan: {plan}.",
        "The client has one shared plan: {plan}.",
        plan=str(view.situation.plan),
    )


@rule("R3.5", source="lapselle ja perheelle elämäntilanteen edellyttämässä laajuudessa", timeless=True)
def nothing_leaks_from_one_person_to_another(view: View) -> Iterator[Said]:
    """What the plan, its goals and its tasks refer to is of the client himself; a family is one whole by the plan that
    this one is part of, which is of a Group. What the asker does not see is not told of."""
    resources = {**view.situation.others, **view.situation.resources}
    others = {name for name in view.all_named if name in resources and _is_of_another(view, resources[name])}
    for owner, at, name in view.named if others else ():
        if name in others:
            yield broken(
                "{what} on toisen henkilön, eikä kuulu tähän suunnitelmaan ({owner}).",
                "{what} gäller en annan person och hör inte till denna plan ({owner}).",
                "{what} is of another person, and no part of this plan ({owner}).",
                at=at,
                what=name,
                owner=owner,
            )
    is_kept = not others
    family = [of for each in view.plan.get("partOf", ()) if (of := view.situation.name_of(each)) is not None]
    if is_kept and family:
        yield met(
            "Suunnitelma on osa perheen kokonaisuutta ({family}); kunkin henkilön asiat pysyvät omassa osassaan.",
            "Planen är en del av familjens helhet ({family}); vars och ens ärenden hålls i den egna delen.",
            "The plan is part of the family's whole ({family}); each person's matters stay in the own part.",
            family=listed(family),
        )
    elif is_kept:
        yield met(
            "Kaikki, mitä suunnitelma nimeää ja minkä näet, on asiakkaan omaa.",
            "Allt som planen nämner och som du ser är klientens eget.",
            "All that the plan names and that you see is the client's own.",
        )


def _is_of_another(view: View, resource: Json) -> bool:
    """Whether it is of one other person; what is of a Group is of the family."""
    client = view.situation.traits.of(resource, whose)
    return client is not None and client.startswith("Patient/") and client != view.situation.client
