"""What the service models' rules refuse, tell and work out when something is written, over the database."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

import builders as b
from exchange.answers import searched
from exchange.asking import Ask, a_bundle, an_entry, resource_in
from exchange.cast import (
    AINO,
    CATEGORY,
    JARI,
    LEENA,
    MOTHER,
    NIKO,
    SARI,
    Aino,
    H,
    Mother,
    N,
    S,
    Sari,
    a_ban,
    a_member,
    a_permit,
    a_role,
    day,
    k1,
    k2,
    put,
    system,
    together,
)
from sharedplan.care import codes
from sharedplan.care.clocks import day_of, month_due
from sharedplan.errors import Conflict, SharedplanError, Unprocessable

Json = dict[str, Any]

PERTAINS_TO_GOAL = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"
MEETING = [b.a_concept(codes.ENCOUNTER_TYPE, "client-meeting")]


def a_plan(id: str = "1", **elements: Any) -> Json:
    plan = b.a_care_plan(
        AINO,
        id=id,
        status="draft",
        category=[b.a_concept(codes.PLAN, "shared-plan")],
        careTeam=[b.a_reference("CareTeam/1")],
        contributor=[b.a_reference(AINO)],
    )
    return {**plan, **elements}


def a_team(*members: Json, **elements: Any) -> Json:
    participants = [a_member(SARI, "coordinator"), *members]
    return b.a_care_team(AINO, id="1", **{"participant": participants, **elements})


async def the_start(ask: Ask, *more: Json) -> None:
    """Aino, with a draft of her plan and a team of her own worker alone, in the register of S."""
    for organization, people in ((S, (SARI,)), (H, (NIKO,)), (N, (JARI,))):
        id = organization.partition("/")[2]
        roles = [a_role(each, organization) for each in people]
        names = [
            b.a_practitioner(id=each.partition("/")[2], name=[{"text": each.partition("/")[2].title()}])
            for each in people
        ]
        await together(ask, system(organization), b.an_organization(id=id), *names, *roles)
    aino = b.a_patient(id="aino", name=[{"given": ["Aino"], "family": "Heikkilä"}])
    leena = b.a_related_person(AINO, id="leena", name=[{"text": "Leena"}])
    await together(ask, system(S), aino, leena, a_team(), a_plan(), *more)


async def broken(ask: Ask, question: str, address: str, body: Any, **more: Any) -> list[tuple[str, str, str]]:
    """(rule, element, text) of each breach for which it is refused."""
    with pytest.raises((Unprocessable, Conflict)) as failure:
        await ask(question, address, body, **more)
    return [(str(each.rule and each.rule[1]), str(each.at), each.saying) for each in failure.value.issues]


def a_meeting(*people: str, said: date = date(2026, 3, 3), **elements: Any) -> Json:
    participants = [{"individual": b.a_reference(each)} for each in people]
    period = {"start": day(said, at=9), "end": day(said, at=10)}
    return b.an_encounter(AINO, type=MEETING, participant=participants, period=period, **elements)


async def test_a_second_active_shared_plan_is_a_conflict(ask: Ask) -> None:
    await the_start(ask)
    await ask("update", "CarePlan/1", a_plan(status="active"), by=Sari)
    ((rule, at, saying),) = await broken(ask, "update", "CarePlan/2", a_plan("2", status="active"), by=system(S))
    assert (rule, at) == ("one-plan", "CarePlan.status") and "Aino Heikkilä" in saying and "CarePlan/1" not in saying
    with pytest.raises(Conflict):
        await ask("transaction", "", a_bundle("transaction", put(a_plan("2", status="active"))), by=system(S))
    assert (await ask("update", "CarePlan/2", a_plan("2"), by=system(S))).status == 201  # a draft


async def test_a_plan_that_replaces_the_first_or_is_part_of_it_is_none_beside_it(ask: Ask) -> None:
    await the_start(ask)
    await ask("update", "CarePlan/1", a_plan(status="active"), by=system(S))
    first = [b.a_reference("CarePlan/1")]
    await ask("update", "CarePlan/2", a_plan("2", status="active", replaces=first), by=system(S))
    await ask("update", "CarePlan/3", a_plan("3", status="active", partOf=first), by=system(S))
    await ask("update", "CarePlan/1", a_plan(status="active", title="still"), by=system(S))


async def test_the_first_plan_may_be_ended_in_the_same_transaction(ask: Ask) -> None:
    await the_start(ask)
    await ask("update", "CarePlan/1", a_plan(status="active"), by=system(S))
    await together(ask, system(S), a_plan(status="completed"), a_plan("2", status="active"))


async def test_two_plans_activated_at_once_are_not_both_active(ask: Ask) -> None:
    await the_start(ask)
    new = {name: value for name, value in a_plan(status="active").items() if name != "id"}
    found = await asyncio.gather(
        *(ask("create", "CarePlan", new, by=system(S)) for _ in range(6)), return_exceptions=True
    )
    assert sum(not isinstance(each, BaseException) for each in found) == 1
    assert all(isinstance(each, Conflict) for each in found if isinstance(each, BaseException))


async def test_a_plan_without_a_coordinator_does_not_become_active(ask: Ask) -> None:
    await the_start(ask)
    await together(ask, system(S), a_team(status="proposed"))
    ((rule, at, saying),) = await broken(ask, "update", "CarePlan/1", a_plan(status="active"), by=system(S))
    assert (rule, at) == ("R4.1", "CarePlan.careTeam") and "Aino Heikkilä" in saying
    activated = [{"op": "replace", "path": "/status", "value": "active"}]
    found = await broken(ask, "patch", "CarePlan/1", activated, patch_format="json-patch", by=system(S))
    assert [each[0] for each in found] == ["R4.1"]


async def test_a_hand_over_leaves_no_gap_and_no_two_coordinators(ask: Ask) -> None:
    await the_start(ask, b.a_practitioner(id="kai", name=[{"text": "Kai"}]))
    await ask("update", "CarePlan/1", a_plan(status="active"), by=system(S))
    handed = day(date(2026, 3, 1), at=12)

    def team(end: str | None, start: str) -> Json:
        old = a_member(SARI, "coordinator", **({"end": end} if end else {}))
        return a_team(participant=[old, a_member("Practitioner/kai", "coordinator", start=start)])

    for wrong, word in (
        (team(None, handed), "more than one coordinator at a time: Sari, Kai"),
        (team(day(date(2026, 3, 10), at=12), day(date(2026, 3, 11), at=12)), "without a coordinator"),
        (team(day(date(2026, 2, 20), at=12), handed), "without a coordinator"),
    ):
        ((rule, at, saying),) = await broken(ask, "update", "CareTeam/1", wrong, by=system(S))
        assert (rule, at) == ("R4.1", "CareTeam.participant") and word in saying
    assert (await ask("update", "CareTeam/1", team(handed, handed), by=system(S))).status == 200
    with pytest.raises(Unprocessable):
        await ask("delete", "CareTeam/1", by=system(S))


async def test_a_plan_becomes_active_with_the_clients_part(ask: Ask) -> None:
    await the_start(ask)
    alone = a_plan(status="active", contributor=[b.a_reference(SARI)])
    ((rule, at, saying),) = await broken(ask, "update", "CarePlan/1", alone, by=system(S))
    assert (rule, at) == ("R0.3", "CarePlan.contributor") and "Aino Heikkilä" in saying
    await ask("create", "Encounter", a_meeting(SARI, said=date(2026, 2, 25)), by=system(S))
    assert (await ask("update", "CarePlan/1", alone, by=system(S))).status == 200


async def test_a_meeting_that_the_write_of_a_plan_counts_the_review_counts_too(ask: Ask) -> None:
    await the_start(ask)
    await ask("create", "Encounter", a_meeting(SARI, said=date(2026, 2, 25)), by=system(S))
    alone = a_plan("2", status="active", contributor=[b.a_reference(SARI)], period={"start": "2026-01-01"})
    answer = await ask("update", "CarePlan/2", alone, by=system(S), prefer="OperationOutcome")
    assert answer.status == 201 and "R0.3" not in str(resource_in(answer))
    reviewed = resource_in(await ask("operation", "CarePlan/2", by=system(S), operation="review"))
    (told,) = [each for each in reviewed["issue"] if each["details"]["coding"][0]["code"] == "R0.3"]
    assert told["severity"] == "information" and "was met" in told["details"]["text"]


async def test_case_23_a_planned_meeting_lists_nobody_whom_the_client_has_not_accepted(ask: Ask) -> None:
    await the_start(ask, k1())
    planned = a_meeting(SARI, JARI, status="planned")
    ((rule, at, saying),) = await broken(ask, "create", "Encounter", planned, by=system(S))
    assert (rule, at) == ("R0.1", "Encounter.participant[1].individual")
    assert "Jari" in saying and "Aino Heikkilä" in saying and "consent" in saying
    ((rule, at, saying),) = await broken(ask, "create", "Encounter", a_meeting(LEENA, status="planned"), by=system(S))
    assert (rule, at) == ("R0.1", "Encounter.participant[0].individual") and "Leena" in saying
    # K1 is for the data of H: no acceptance to attend
    assert (await broken(ask, "create", "Encounter", a_meeting(NIKO, status="planned"), by=system(S)))[0][0] == "R0.1"
    accepted = a_permit("PractitionerRole/niko", LEENA, JARI, id="k6", given=day(date(2026, 2, 1), at=9))
    await together(ask, system(S), accepted)
    everybody = a_meeting(SARI, JARI, LEENA, NIKO, status="planned")
    assert (await ask("create", "Encounter", everybody, by=system(S))).status == 201


async def test_case_24_a_meeting_is_judged_by_the_consents_of_its_time(ask: Ask) -> None:
    await the_start(ask, k1(), k2())
    await ask("update", "Consent/k2", k2(status="inactive"), by=system(S))
    held = a_meeting(JARI, said=date(2026, 2, 20))
    assert (await ask("create", "Encounter", held, by=system(S))).status == 201
    planned = a_meeting(JARI, status="planned")
    assert (await broken(ask, "create", "Encounter", planned, by=system(S)))[0][0] == "R0.1"
    before = a_meeting(JARI, said=date(2026, 1, 20))  # before K2 was given
    assert (await broken(ask, "create", "Encounter", before, by=system(S)))[0][0] == "R0.1"


async def test_an_invitation_of_somebody_not_accepted_is_warned_of(ask: Ask) -> None:
    await the_start(ask)
    participants = [{"actor": b.a_reference(each), "status": "needs-action"} for each in (AINO, SARI, JARI)]
    appointment = {
        "resourceType": "Appointment",
        "status": "booked",
        "appointmentType": MEETING[0],
        "start": day(date(2026, 3, 3), at=9),
        "end": day(date(2026, 3, 3), at=10),
        "participant": participants,
    }
    answer = await ask("create", "Appointment", appointment, by=system(S), prefer="OperationOutcome")
    told = [
        each for each in resource_in(answer)["issue"] if each["severity"] == "warning" and "coding" in each["details"]
    ]
    assert answer.status == 201 and [each["expression"] for each in told] == [["Appointment.participant[2].actor"]]
    assert told[0]["details"]["coding"][0]["code"] == "R0.1" and "Jari" in told[0]["details"]["text"]
    await together(ask, system(S), a_permit(JARI, id="k6", given=day(date(2026, 2, 1), at=9)))
    answer = await ask("create", "Appointment", appointment, by=system(S), prefer="OperationOutcome")
    assert "R0.1" not in str(resource_in(answer))


async def test_what_has_happened_is_recorded_with_the_reason(ask: Ask) -> None:
    await the_start(ask)
    stated = [{"url": codes.DEVIATION, "valueString": "came along uninvited"}]
    happened = a_meeting(JARI, said=date(2026, 2, 20), extension=stated)
    answer = await ask("create", "Encounter", happened, by=system(S), prefer="OperationOutcome")
    (warning,) = [each for each in resource_in(answer)["issue"] if each["severity"] == "warning"]
    assert warning["details"]["coding"] == [{"system": codes.RULE, "code": "R0.1"}]
    assert "came along uninvited" in warning["details"]["text"] and answer.status == 201
    languages = [each["extension"][0]["valueCode"] for each in warning["details"]["_text"]["extension"]]
    assert languages == ["fi", "sv"]
    planned = a_meeting(JARI, status="planned", extension=stated)
    assert (await broken(ask, "create", "Encounter", planned, by=system(S)))[0][0] == "R0.1"
    # and it may be put right later without being judged again, while the reason stays
    stored = resource_in(await ask("read", f"Encounter/{answer.id}", by=system(S)))
    again = {**stored, "length": {"value": 60}}
    assert (await ask("update", f"Encounter/{answer.id}", again, by=system(S))).status == 200
    bare = {name: each for name, each in again.items() if name != "extension"}
    ((rule, at, _),) = await broken(ask, "update", f"Encounter/{answer.id}", bare, by=system(S))
    assert (rule, at) == ("R0.1", "Encounter.participant[0].individual")
    # the Provenance of each write says why
    found = await searched(ask, f"Provenance?target=Encounter/{answer.id}", by=system(S))
    reasons = [entry["resource"]["reason"] for entry in found["entry"]]
    assert [[each.get("text") for each in one] for one in reasons] == [[None, "came along uninvited"]] * 2


async def test_a_member_joins_when_a_consent_covers_him(ask: Ask) -> None:
    await the_start(ask)
    team = a_team(a_member(NIKO, "nurse"), a_member(LEENA, "relative"))
    found = await broken(ask, "update", "CareTeam/1", team, by=system(S))
    assert [(rule, at) for rule, at, _ in found] == [
        ("R1.1", "CareTeam.participant[1].member"),
        ("R1.1", "CareTeam.participant[2].member"),
    ]
    assert "Niko" in found[0][2] and "Leena" in found[1][2]
    await together(ask, system(S), a_team(a_member(NIKO, "nurse"), status="proposed"))  # anyone may be proposed
    # a consent for the organisation covers its worker, given in the same transaction too
    await together(ask, system(S), k1(), a_team(a_member(NIKO, "nurse")))
    # and what is withdrawn later does not keep the team from being written
    await ask("update", "Consent/k1", k1(status="inactive"), by=system(S))
    await ask("update", "CareTeam/1", a_team(a_member(NIKO, "nurse"), name="Aino's team"), by=system(S))


async def test_a_member_is_there_and_active(ask: Ask) -> None:
    away = {**a_role("Practitioner/ville", H), "active": False}
    await the_start(ask, a_permit("Practitioner/nobody", "PractitionerRole/ville", "RelatedPerson/other", id="k7"))
    await together(ask, system(H), away)
    await together(ask, system(S), b.a_patient(id="other"), b.a_related_person("Patient/other", id="other"))
    members = ("Practitioner/nobody", "PractitionerRole/ville", "RelatedPerson/other")
    found = await broken(ask, "update", "CareTeam/1", a_team(*map(a_member, members)), by=system(S))
    r12 = [(at, saying) for rule, at, saying in found if rule == "R1.2"]
    assert [at for at, _ in r12] == [f"CareTeam.participant[{n}].member" for n in (1, 2, 3)]
    assert "Practitioner/nobody" in r12[0][1] and "not active" in r12[1][1]
    assert r12[2][1] == r12[0][1].replace(members[0], members[2])


async def test_a_goal_of_another_client_reads_as_one_that_is_not_there(ask: Ask) -> None:
    await the_start(ask)
    await together(ask, system(S), b.a_patient(id="other"), b.a_goal("Patient/other", id="theirs"))
    other = a_plan(goal=[b.a_reference("Goal/theirs")])
    ((rule, at, saying),) = await broken(ask, "update", "CarePlan/1", other, by=Sari)
    assert (rule, at) == ("R3.5", "CarePlan.goal[0]")
    absent = a_plan(goal=[b.a_reference("Goal/nowhere")])
    assert await broken(ask, "update", "CarePlan/1", absent, by=Sari) == [
        (rule, at, saying.replace("theirs", "nowhere"))
    ]
    mine = b.a_goal(AINO, id="mine", lifecycleStatus="proposed")
    await together(ask, Sari, mine, a_plan(goal=[b.a_reference("Goal/mine")]))


async def test_a_thing_of_another_client_is_refused_where_it_is_seen_and_hidden_it_reads_as_absent(ask: Ask) -> None:
    await the_start(ask)
    theirs = b.a_task("Patient/other", id="theirs")
    await together(ask, system(S), b.a_patient(id="other"), theirs)
    await together(ask, system(H), b.a_patient(id="third"), b.a_task("Patient/third", id="hidden"))

    def naming(name: str) -> Json:
        return a_plan(activity=[{"reference": b.a_reference(name)}])

    ((rule, at, saying),) = await broken(ask, "update", "CarePlan/1", naming("Task/theirs"), by=system(S))
    assert (rule, at) == ("R3.5", "CarePlan.activity[0].reference")
    assert "Task/theirs" in saying and "Aino Heikkilä" in saying and "other" not in saying.replace("another", "")
    # so is what comes in the same transaction
    new = b.a_task("Patient/other", id="new")
    bundle = a_bundle("transaction", put(new), put(naming("Task/new")))
    ((rule, at, _),) = await broken(ask, "transaction", "", bundle, by=system(S))
    assert (rule, at) == ("R3.5", "Bundle.entry[1].resource.activity[0].reference")
    said = {}
    for name in ("hidden", "nowhere"):
        answer = await ask("update", "CarePlan/1", naming(f"Task/{name}"), by=system(S), prefer="OperationOutcome")
        assert answer.status == 200
        said[name] = [each["details"]["text"] for each in resource_in(answer)["issue"] if "Task/" in str(each)]
    assert said["hidden"] == [each.replace("nowhere", "hidden") for each in said["nowhere"]] != []


async def test_answers_based_on_another_clients_plan_are_refused(ask: Ask) -> None:
    await the_start(ask)
    await together(ask, system(S), b.a_patient(id="other"))
    answers = b.a_questionnaire_response("Patient/other", basedOn=[b.a_reference("CarePlan/1")])
    ((rule, at, saying),) = await broken(ask, "create", "QuestionnaireResponse", answers, by=system(S))
    assert (rule, at) == ("R3.5", "QuestionnaireResponse.subject") and "CarePlan/1" in saying
    ours = b.a_questionnaire_response(AINO, basedOn=[b.a_reference("CarePlan/1")])
    assert (await ask("create", "QuestionnaireResponse", ours, by=system(S))).status == 201
    task = b.a_task("Patient/other", basedOn=[b.a_reference("CarePlan/1")])
    ((rule, at, _),) = await broken(ask, "create", "Task", task, by=system(S))
    assert (rule, at) == ("R3.5", "Task.basedOn[0]")


async def test_a_task_is_for_no_goal_of_another_client_and_takes_nothing_of_his(ask: Ask) -> None:
    await the_start(ask)
    await together(ask, system(S), b.a_patient(id="other"), b.a_goal("Patient/other", id="theirs"))
    theirs = {"valueReference": b.a_reference("Goal/theirs")}
    for elements, place in (
        ({"extension": [{"url": PERTAINS_TO_GOAL, **theirs}]}, "Task.extension[0].value"),
        ({"input": [{"type": {"text": "x"}, **theirs}]}, "Task.input[0].valueReference"),
    ):
        ((rule, at, _),) = await broken(ask, "create", "Task", b.a_task(AINO, **elements), by=system(S))
        assert (rule, at) == ("R3.5", place)


async def test_the_clocks_of_an_assessment_are_worked_out_at_each_write(ask: Ask) -> None:
    await the_start(ask)
    task = b.a_task(
        AINO,
        id="need",
        code=b.a_concept(codes.TASK, "need-assessment"),
        reasonCode=b.a_concept(codes.LEGAL_BASIS, "lsl-26"),
        authoredOn="2026-01-20T09:00:00+02:00",
        restriction={"period": {"end": "2099-01-01"}},
    )
    stored = resource_in(await ask("update", "Task/need", task, by=system(S)))
    assert stored["restriction"]["period"]["end"] == "2026-04-20"
    assert [each["url"] for each in stored["extension"]] == [codes.CLOCK, codes.CLOCK]
    forged = {**stored, "restriction": {"period": {"end": "2030-01-01"}}, "extension": stored["extension"][:1]}
    again = await ask("update", "Task/need", forged, by=system(S))
    assert (again.status, again.version) == (200, 1)  # with its clocks it says what is there already
    unlike = await ask("update", "Task/need", {**forged, "description": "anew"}, by=system(S))
    assert resource_in(unlike)["restriction"]["period"]["end"] == "2026-04-20"
    both = await ask("transaction", "", a_bundle("transaction", put({**forged, "description": "anew"})), by=system(S))
    assert resource_in(both)["entry"][0]["response"]["status"].startswith("200")
    found = resource_in(await ask("search-type", "Task?period=2026-04-20", by=system(S)))
    assert found["total"] in (0, 1)


async def test_a_late_assessment_is_stored_with_a_warning(ask: Ask) -> None:
    await the_start(ask)
    task = b.a_task(
        AINO,
        id="need",
        status="completed",
        code=b.a_concept(codes.TASK, "need-assessment"),
        reasonCode=b.a_concept(codes.LEGAL_BASIS, "lsl-26"),
        authoredOn="2025-01-07",
        executionPeriod={"start": "2025-01-10", "end": "2025-04-08"},
    )
    answer = await ask("update", "Task/need", task, by=system(S), prefer="OperationOutcome")
    (told,) = [each for each in resource_in(answer)["issue"] if each["severity"] == "warning"]
    assert answer.status == 201 and told["details"]["coding"] == [{"system": codes.RULE, "code": "R3.1"}]
    assert "7 April 2025" in told["details"]["text"] and told["expression"] == ["Task.executionPeriod"]
    again = await ask("update", "Task/need", {**task, "description": "done"}, by=system(S))
    assert again.status == 200


async def test_a_child_of_soite_has_the_target_of_the_model(ask: Ask) -> None:
    await the_start(ask)
    today = day(date(2026, 3, 2))
    task = b.a_task(
        AINO,
        id="need",
        code=b.a_concept(codes.TASK, "need-assessment"),
        authoredOn=today,
        basedOn=[b.a_reference("CarePlan/9")],
    )
    plan = a_plan("9", instantiatesCanonical=[codes.MODELS + "soite"])
    await together(ask, system(S), plan, task)
    stored = resource_in(await ask("read", "Task/need", by=system(S)))
    day_ = day_of(today)
    assert day_ is not None
    assert stored["restriction"]["period"]["end"] == month_due(day_, 3).strict.isoformat()


async def test_a_referral_is_kept_until_the_next_owner_accepts(ask: Ask) -> None:
    await the_start(ask)
    request = b.a_service_request(AINO, id="r")

    def referral(id: str, owner: str, status: str) -> Json:
        return b.a_task(
            AINO,
            id=id,
            status=status,
            code=b.a_concept(codes.TASK, "referral"),
            focus=b.a_reference("ServiceRequest/r"),
            owner=b.a_reference(owner),
            requester=b.a_reference(S),
        )

    await together(ask, system(S), request, referral("1", S, "accepted"), k1())
    ((rule, at, saying),) = await broken(ask, "update", "Task/1", referral("1", H, "accepted"), by=system(S))
    assert (rule, at) == ("R3.9", "Task.owner") and "Social services" in saying
    await ask("update", "Task/2", referral("2", H, "requested"), by=system(S))
    ((rule, at, _),) = await broken(ask, "update", "Task/1", referral("1", S, "completed"), by=system(S))
    assert (rule, at) == ("R3.9", "Task.status")
    ((rule, at, _),) = await broken(ask, "update", "Task/2", referral("2", H, "accepted"), by=system(S))
    assert (rule, at) == ("R3.9", "Task.status")
    await together(ask, system(S), a_team(a_member(H)))
    await ask("update", "Task/2", referral("2", H, "accepted"), by=system(H))
    await ask("update", "Task/1", referral("1", S, "completed"), by=system(S))


async def test_a_sixth_meeting_is_accepted_with_a_warning(ask: Ask) -> None:
    model = [codes.MODELS + "kaannekohta"]
    episode = [{"url": codes.EPISODE, "valueReference": b.a_reference("EpisodeOfCare/e")}]
    await the_start(ask)
    await together(
        ask,
        system(S),
        b.an_episode_of_care(AINO, id="e"),
        a_plan("9", instantiatesCanonical=model, extension=episode),
        *(
            a_meeting(
                SARI,
                said=date(2026, 2, 1) + timedelta(days=n),
                id=f"m{n}",
                episodeOfCare=[b.a_reference("EpisodeOfCare/e")],
            )
            for n in range(5)
        ),
    )
    sixth = a_meeting(SARI, said=date(2026, 2, 20), episodeOfCare=[b.a_reference("EpisodeOfCare/e")])
    answer = await ask("create", "Encounter", sixth, by=system(S), prefer="OperationOutcome")
    told = [each["details"] for each in resource_in(answer)["issue"] if each["severity"] == "warning"]
    assert [each["coding"][0]["code"] for each in told if "coding" in each] == ["R2.1"] and answer.status == 201
    assert "6/5" in told[-1]["text"] or "6/5" in told[0]["text"]


async def test_a_batch_refuses_the_entry_that_breaks_a_rule(ask: Ask) -> None:
    await the_start(ask)
    against = b.a_goal(
        AINO,
        id="g",
        lifecycleStatus="accepted",
        extension=[
            {
                "url": codes.ACCEPTANCE,
                "extension": [
                    {"url": "individual", "valueReference": b.a_reference(AINO)},
                    {"url": "status", "valueCode": "disagree"},
                ],
            }
        ],
    )
    answer = resource_in(
        await ask("batch", "", a_bundle("batch", put(against), put(b.a_goal(AINO, id="h"))), by=system(S))
    )
    first, second = (each["response"] for each in answer["entry"])
    (issue,) = first["outcome"]["issue"]
    assert first["status"].startswith("422") and second["status"].startswith("201")
    assert issue["details"]["coding"][0]["code"] == "R0.4" and issue["expression"] == ["Goal.lifecycleStatus"]


async def test_who_may_not_write_it_learns_nothing_of_the_rules(ask: Ask) -> None:
    await the_start(ask)
    await ask("update", "CarePlan/1", a_plan(status="active"), by=system(S))
    with pytest.raises(SharedplanError) as failure:
        await ask("update", "CarePlan/2", a_plan("2", status="active"), by=system(N))
    assert failure.value.status == 403


async def test_what_a_client_writes_needs_no_paper(ask: Ask) -> None:
    await the_start(ask)
    permit = a_permit(NIKO, category=[b.a_concept(CATEGORY, "permit")])
    ((rule, at, saying),) = await broken(ask, "create", "Consent", permit, by=Sari)
    assert (rule, at) == ("R3.13", "Consent.source[x]") and "Aino Heikkilä" in saying
    assert (await ask("create", "Consent", permit, by=Aino)).status == 201
    on_paper = {**permit, "sourceAttachment": {"title": "signed at the office"}}
    assert (await ask("create", "Consent", on_paper, by=Sari)).status == 201
    spoken = {
        **permit,
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/consent-Transcriber",
                "valueReference": b.a_reference(SARI),
            }
        ],
    }
    assert (await ask("create", "Consent", spoken, by=Sari)).status == 201
    ban = {**permit, "category": [b.a_concept(CATEGORY, "ban")], "provision": {"type": "deny"}}
    assert (await ask("create", "Consent", ban, by=Sari)).status == 201


async def test_a_plan_that_is_written_brings_the_warnings_of_its_review(ask: Ask) -> None:
    await the_start(ask)
    written = await ask("update", "CarePlan/1", a_plan(status="active"), by=Sari, prefer="OperationOutcome")
    told = [each["details"] for each in resource_in(written)["issue"] if each["severity"] == "warning"]
    reviewed = resource_in(await ask("operation", "CarePlan/1", by=Sari, operation="review"))
    shown = [each["details"] for each in reviewed["issue"] if each["severity"] == "warning"]
    named = [each["coding"][0]["code"] for each in told if "coding" in each]
    assert named == [each["coding"][0]["code"] for each in shown] and "R0.4" in named
    entry = an_entry("PUT", "CarePlan/1", a_plan(status="active", title="anew"))
    both = resource_in(await ask("transaction", "", a_bundle("transaction", entry), by=Sari, prefer="OperationOutcome"))
    found = both["entry"][0]["response"]["outcome"]["issue"]
    assert [each["details"]["coding"][0]["code"] for each in found if "coding" in each.get("details", {})] == named


async def test_a_plan_that_comes_to_name_a_team_tells_of_members_without_a_consent(ask: Ask) -> None:
    await the_start(ask)
    later, kaisa = a_member(JARI, "ngo", start=day(date(2026, 4, 1), at=9)), {"member": {"display": "Kaisa"}}
    team = {**a_team(a_member(NIKO, "nurse"), later, kaisa), "id": "2"}
    assert (await ask("update", "CareTeam/2", team, by=system(S))).status == 201
    for status in ("draft", "active"):
        plan = a_plan(status=status, careTeam=[b.a_reference("CareTeam/2")])
        answer = await ask("update", "CarePlan/1", plan, by=system(S), prefer="OperationOutcome")
        told = {
            each["expression"][0]: each["details"]["text"]
            for each in resource_in(answer)["issue"]
            if each["severity"] == "warning" and each["details"]["coding"][0]["code"] == "R1.1"
        }
        assert answer.status == 200 and set(told) == {f"CareTeam.participant[{n}].member" for n in (1, 2, 3)}
        for text, name in zip((told[each] for each in sorted(told)), ("Niko", "Jari", "Kaisa"), strict=True):
            assert name in text and "consent" in text


async def test_a_withdrawal_that_is_recorded_late_counts_from_when_it_was_said(ask: Ask) -> None:
    await the_start(ask, k2())
    withdrawn = {**k2(status="inactive"), "dateTime": day(date(2026, 2, 15), at=9)}
    await ask("update", "Consent/k2", withdrawn, by=system(S))
    assert (await ask("create", "Encounter", a_meeting(JARI, said=date(2026, 2, 10)), by=system(S))).status == 201
    after = a_meeting(JARI, said=date(2026, 2, 20))
    assert (await broken(ask, "create", "Encounter", after, by=system(S)))[0][0] == "R0.1"


async def test_a_breach_is_said_in_the_language_that_the_client_asks_for(ask: Ask) -> None:
    await the_start(ask)
    planned = a_meeting(JARI, status="planned")
    said = {}
    for language in ("fi-FI,en;q=0.5", "sv", "en", "de", None):
        ((_, _, said[language]),) = await broken(
            ask, "create", "Encounter", planned, by=system(S), accept_language=language
        )
    assert "suostumus puuttuu" in said["fi-FI,en;q=0.5"] and "samtycke" in said["sv"]
    assert said["en"] == said["de"] == said[None]
    bundle = a_bundle("transaction", an_entry("POST", "Encounter", planned))
    ((_, at, text),) = await broken(ask, "transaction", "", bundle, by=system(S), accept_language="fi")
    assert at == "Bundle.entry[0].resource.participant[0].individual" and "suostumus puuttuu" in text


@pytest.mark.parametrize("named", ["Questionnaire/own", "https://x.example/own", "https://x.example/own|1"])
async def test_an_answer_is_to_an_item_of_the_questionnaire_however_it_is_named(ask: Ask, named: str) -> None:
    await the_start(ask)
    form = {"resourceType": "Questionnaire", "id": "own", "status": "active", "url": "https://x.example/own"}
    await ask("update", "Questionnaire/own", {**form, "item": [{"linkId": "sleep", "type": "string"}]}, by=system(S))
    answers = [{"linkId": each, "answer": [{"valueString": "x"}]} for each in ("sleep", "dreams")]
    response = b.a_questionnaire_response(AINO, questionnaire=named, item=answers)
    ((rule, at, saying),) = await broken(ask, "create", "QuestionnaireResponse", response, by=Sari)
    assert (rule, at) == ("R4.6", "QuestionnaireResponse.item[1]") and "dreams" in saying


async def test_a_ban_of_his_organisation_is_a_ban_of_the_member_and_of_his_attendance(ask: Ask) -> None:
    await the_start(ask)
    await together(ask, Aino, a_permit(NIKO, id="niko", given=day(date(2026, 2, 1), at=9)))
    team = a_team(a_member(NIKO, "nurse"))
    assert (await ask("update", "CareTeam/1", team, by=Sari)).status == 200
    await ask("update", "CareTeam/1", a_team(), by=Sari)
    ban = b.a_consent(
        AINO, id="ban", dateTime=day(date(2026, 2, 20)), category=a_ban(), provision=b.a_provision("deny", to=[H])
    )
    await together(ask, Aino, ban)
    ((rule, at, _),) = await broken(ask, "update", "CareTeam/1", team, by=Sari)
    assert (rule, at) == ("R1.1", "CareTeam.participant[1].member")
    ((rule, _, _),) = await broken(ask, "create", "Encounter", a_meeting(NIKO, status="planned"), by=Sari)
    assert rule == "R0.1"


async def test_a_plan_that_was_part_of_the_first_stays_so_while_both_are_active(ask: Ask) -> None:
    await the_start(ask)
    await ask("update", "CarePlan/1", a_plan(status="active"), by=Sari)
    part = a_plan("2", status="active", partOf=[b.a_reference("CarePlan/1")])
    await ask("update", "CarePlan/2", part, by=system(S))
    ((rule, _, _),) = await broken(ask, "update", "CarePlan/2", a_plan("2", status="active"), by=system(S))
    assert rule == "one-plan"
    elsewhere = a_plan("3", status="active", replaces=[b.a_reference("https://else.example/fhir/CarePlan/1")])
    ((rule, _, _),) = await broken(ask, "update", "CarePlan/3", elsewhere, by=system(S))
    assert rule == "one-plan"


async def test_an_anonymous_message_tells_no_identity_code_in_the_title_of_an_attachment(ask: Ask) -> None:
    await the_start(ask)
    message = {
        "resourceType": "Communication",
        "status": "completed",
        "payload": [{"contentString": "A question"}, {"contentAttachment": {"title": "010180-999X"}}],
    }
    ((rule, at, saying),) = await broken(ask, "create", "Communication", message, by=system(S))
    assert (rule, at) == ("R4.8", "Communication.payload[1]") and "010180" not in saying


async def test_what_a_guardian_consents_to_counts_for_a_child_as_the_childs_own_word(ask: Ask) -> None:
    born = (date.today() - timedelta(days=6 * 365)).isoformat()
    kind = [b.a_concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")]
    await the_start(ask, b.a_related_person(AINO, id="mother", relationship=kind))
    await together(ask, system(S), b.a_patient(id="aino", name=[{"given": ["Aino"]}], birthDate=born))
    team, meeting = a_team(a_member(NIKO, "nurse")), a_meeting(NIKO, status="planned")
    assert [each[0] for each in await broken(ask, "update", "CareTeam/1", team, by=Sari)] == ["R1.1"]
    assert [each[0] for each in await broken(ask, "create", "Encounter", meeting, by=Sari)] == ["R0.1"]
    given = day(date(2026, 2, 1), at=9)
    await together(ask, Mother, a_permit(NIKO, id="hers", given=given, performer=[b.a_reference(MOTHER)]))
    assert (await ask("update", "CareTeam/1", team, by=Sari)).status == 200
    assert (await ask("create", "Encounter", meeting, by=Sari)).status == 201


async def test_an_anonymous_consultation_is_searched_however_it_is_written_and_the_log_has_no_code(ask: Ask) -> None:
    await the_start(ask)
    code = "131052\u2013308T"
    task = b.a_task(AINO, code=b.a_concept(codes.TASK, "consultation"), note=[{"text": "What would you do?"}])
    del task["for"]
    created = await ask("create", "Task", task, by=system(S))
    told = [{"op": "add", "path": "/input", "value": [{"type": {"text": "who"}, "valueString": code}]}]
    ((rule, at, saying),) = await broken(
        ask, "patch", f"Task/{created.id}", told, patch_format="json-patch", by=system(S)
    )
    assert (rule, at) == ("R4.8", "Task.input[0].value") and "131052" not in saying
    log = resource_in(await ask("search-type", "AuditEvent?_count=200", by=system(S)))
    assert log["entry"] and "131052" not in str(log)


async def test_validation_tells_what_the_write_would_be_told_and_writes_nothing(ask: Ask) -> None:
    await the_start(ask)
    await ask("update", "CarePlan/1", a_plan(status="active"), by=Sari)

    async def validated(address: str, body: Json, **more: Any) -> list[Json]:
        answer = await ask("operation", address, body, operation="validate", **more)
        issues: list[Json] = resource_in(answer)["issue"]
        return issues

    second = a_plan("2", status="active")
    (issue,) = await validated("CarePlan?mode=update", second, by=system(S))
    (refused,) = await broken(ask, "update", "CarePlan/2", second, by=system(S))
    assert issue["severity"] == "error"
    assert (issue["details"]["coding"][0]["code"], issue["expression"][0], issue["details"]["text"]) == refused
    finnish = await validated("CarePlan?mode=create", second, by=system(S), accept_language="fi")
    assert finnish[0]["details"]["text"] != refused[2] and finnish[0]["details"]["coding"][0]["code"] == "one-plan"

    unseen = a_meeting(NIKO, status="planned")
    (issue,) = await validated("Encounter?mode=create", unseen, by=Sari)
    assert (issue["severity"], issue["details"]["coding"][0]["code"]) == ("error", "R0.1")
    assert (await searched(ask, f"Encounter?patient={AINO}", by=Sari))["total"] == 0

    (issue,) = await validated("CareTeam?mode=update", a_team(a_member(JARI)), by=system(H))
    assert (issue["severity"], issue["code"]) == ("error", "forbidden")
    assert {each["severity"] for each in await validated("CarePlan", second, by=system(S))} == {"information"}


@pytest.mark.parametrize("by", [Sari, system(S), Aino])
async def test_validation_of_a_plan_tells_what_its_write_would_be_told(ask: Ask, by: Any) -> None:
    await the_start(ask)
    await ask("update", "CareTeam/2", {**a_team(a_member(NIKO, "nurse")), "id": "2"}, by=system(S))
    await ask("update", "Task/need", b.a_task(AINO, id="need"), by=system(S))

    async def told(question: str, address: str, body: Json, **more: Any) -> list[tuple[Any, ...]]:
        answer = await ask(question, address, body, by=by, **more)
        issues = resource_in(answer)["issue"]
        warned = [each for each in issues if each["severity"] != "information"]
        return [(each["severity"], each.get("expression"), each["details"]) for each in warned]

    teams = [b.a_reference("CareTeam/2")]
    status = "draft" if by == Aino else "active"
    model = [codes.MODELS + "posote"]
    new = a_plan("2", status=status, careTeam=teams, instantiatesCanonical=model)
    changed = a_plan(title="anew", careTeam=teams, activity=[{"detail": {"status": "on-hold"}}])
    plans = (new,) if by == Aino else (changed, new, {**new, "category": [b.a_concept(codes.PLAN, "family-plan")]})
    for plan in plans:
        address = f"CarePlan/{plan['id']}"
        before = await told("operation", "CarePlan?mode=update", plan, operation="validate")
        reads = await ask("read", "CarePlan/1", by=system(S))
        assert reads.version == 1 or plan is not changed, "nothing is written"
        written = await told("update", address, plan, prefer="OperationOutcome")
        assert before == written
        assert ("Niko" in str(written)) is codes.has(plan["category"], codes.PLAN, "shared-plan")
    again = await told("operation", "CarePlan?mode=update", plans[0], operation="validate")
    assert again == await told("update", f"CarePlan/{plans[0]['id']}", plans[0], prefer="OperationOutcome") != []


async def test_a_validation_is_on_record_with_its_client(ask: Ask) -> None:
    await the_start(ask)
    meeting = a_meeting(NIKO, status="planned")
    await ask("operation", "Encounter?mode=create", meeting, operation="validate", by=Sari)
    await ask("operation", "CareTeam?mode=update", a_team(a_member(JARI)), operation="validate", by=system(H))
    log = await searched(ask, f"AuditEvent?patient={AINO}&subtype=$validate", by=Aino)
    outcomes = {each["resource"]["outcome"] for each in log["entry"]}
    assert (log["total"], outcomes) == (2, {"0", "4"})


async def test_a_person_elsewhere_attends_by_a_consent_that_names_that_address(ask: Ask) -> None:
    await the_start(ask)
    elsewhere = "https://other.example/fhir/Practitioner/9"
    ((rule, at, _),) = await broken(ask, "create", "Encounter", a_meeting(elsewhere, status="planned"), by=Sari)
    assert (rule, at) == ("R0.1", "Encounter.participant[0].individual")
    await ask("update", "Consent/far", a_permit(elsewhere, id="far"), by=Aino)
    assert (await ask("create", "Encounter", a_meeting(elsewhere, status="planned"), by=Sari)).status == 201
