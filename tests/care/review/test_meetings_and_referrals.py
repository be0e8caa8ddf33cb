"""Meetings and referrals: R0.2, R1.6, R1.7, R2.1, R2.2, R2.4, R2.6–R2.8, R3.9, R3.15, R4.4, R4.10."""

from dataclasses import replace

from builders import a_concept, a_reference, a_task, an_episode_of_care
from care.review.case import (
    ANNA,
    EVERY_RULE,
    JARI,
    NIKO,
    SARI,
    N,
    a_coded_organization,
    a_meeting,
    a_plan_task,
    a_referral,
    broken,
    met,
    the_case,
    the_plan,
    told,
    until,
)
from sharedplan.care import codes

Json = dict[str, object]


def a_referral_task(id: str, status: str, owner: str = NIKO, **elements: object) -> Json:
    return a_task(
        ANNA,
        id=id,
        status=status,
        **{
            "code": a_concept(codes.TASK, "referral"),
            "focus": a_reference("ServiceRequest/2"),
            "owner": a_reference(owner),
            **elements,
        },
    )


def meetings(number: int, **elements: object) -> list[Json]:
    return [a_meeting(f"m{n}", f"2026-02-{n + 1:02}T10:00:00Z", SARI, **elements) for n in range(number)]


def test_a_referral_states_its_background() -> None:
    (found,) = told(
        the_case().with_(a_referral(reasonCode=[a_concept(codes.REFERRAL_BACKGROUND, "cooperation-tried")])), "R0.2"
    )
    assert (found.severity, found.at) == ("warning", "ServiceRequest.reasonCode")
    assert "did not get the help" in found.said() and "already tried" not in found.said()
    assert "ServiceRequest/1" in met(the_case(), "R0.2")
    assert "No referral" in met(the_case().with_(without=["ServiceRequest/1"]), "R0.2")


def test_referrals_can_be_counted_by_source_and_month() -> None:
    nameless = a_referral()
    del nameless["requester"]
    (found,) = told(the_case().with_(nameless), "R1.7")
    assert (found.severity, found.at) == ("warning", "ServiceRequest.requester")
    assert "Sari Lehto" in met(the_case(), "R1.7")


def test_the_clients_encounters_are_counted_up_to_the_limit() -> None:
    assert "1/5" in met(the_case(), "R2.1")
    assert "5/5" in met(the_case().with_(*meetings(4)), "R2.1")
    (found,) = told(the_case().with_(*meetings(5)), "R2.1")
    assert found.severity == "warning" and "6/5" in found.said("fi") and "Encounter/m4" in found.said()
    assert "no reason is given" in found.said()
    reasoned = meetings(5, reasonCode=[{"text": "The debts are not settled"}])
    assert "no reason" not in broken(the_case().with_(*reasoned), "R2.1")[0]


def test_where_the_model_has_no_limit_meetings_are_told_beside_that_of_kaannekohta() -> None:
    free = replace(EVERY_RULE, encounter_limit=None)
    said = met(the_case().with_(*meetings(5)), "R2.1", free)
    assert "6/5" in said and "5 is the limit of Käännekohta; this plan's model sets none" in said
    assert "1/5" in met(the_case(), "R2.1", None)
    three = replace(EVERY_RULE, encounter_limit=3)
    assert ["4/3" in each for each in broken(the_case().with_(*meetings(3)), "R2.1", three)] == [True]


def test_only_finished_client_meetings_that_are_no_part_of_another_are_counted() -> None:
    others = [
        *meetings(2, kind="network-meeting"),
        a_meeting("p", "2026-02-11T10:00:00Z", SARI, partOf=a_reference("Encounter/1")),
        a_meeting("c", "2026-02-12T10:00:00Z", SARI, status="cancelled"),
        a_meeting("f", "2026-03-12T10:00:00Z", SARI, status="planned"),
        a_meeting("o", "2026-02-13T10:00:00Z", SARI, episodeOfCare=[a_reference("EpisodeOfCare/other")]),
    ]
    assert "1/5" in met(the_case().with_(*others), "R2.1")


def test_a_long_case_is_legitimate() -> None:
    old = an_episode_of_care(ANNA, id="1", period={"start": "2025-10-01"})
    assert "152 days" in met(the_case().with_(old, *meetings(20)), "R2.2")


def test_each_encounter_states_its_way() -> None:
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    ways = [
        a_meeting(code, "2026-02-02T10:00:00Z", SARI, **{"class": {"system": act, "code": code}})
        for code in ("VR", "HH", "FLD")
    ]
    said = met(the_case().with_(*ways), "R2.4")
    assert all(way in said for way in ("phone or video 1", "at home 1", "service point 1", "elsewhere 1"))
    odd = a_meeting("odd", "2026-02-02T10:00:00Z", SARI, **{"class": {"system": act, "code": "IMP"}})
    (found,) = [each for each in told(the_case().with_(odd), "R2.4") if each.severity == "warning"]
    assert found.at == "Encounter.class" and "Encounter/odd" in found.said() and "IMP" in found.said()


def test_the_referrer_is_whom_the_model_expects() -> None:
    assert "Sari Lehto" in met(the_case(), "R2.6")
    (found,) = told(the_case().with_(a_referral(requester=a_reference(NIKO))), "R2.6")
    assert (found.severity, found.at) == ("warning", "ServiceRequest.requester") and "Niko Salo" in found.said()
    assert "not known" in met(the_case().with_(a_referral(requester=a_reference("Practitioner/else"))), "R2.6")
    of_health = replace(EVERY_RULE, referrer_types=frozenset({"health-services"}))
    assert broken(the_case(), "R2.6", of_health)


def test_a_pair_may_consult_without_joining_the_team() -> None:
    asked = a_plan_task("c", "consultation", owner=a_reference(JARI), status="accepted")
    assert "Consultations: 1, of them 1" in met(the_case().with_(asked), "R2.7")


def test_times_from_referral_and_encounters_are_reported() -> None:
    said = met(the_case(), "R2.8")
    assert "first client meeting: 5 days" in said and "closing: not yet" in said and "1 meeting" in said
    closed = an_episode_of_care(
        ANNA,
        id="1",
        status="finished",
        period={"start": "2026-01-10", "end": "2026-02-04"},
        referralRequest=[a_reference("ServiceRequest/1")],
    )
    assert "closing: 30 days" in met(the_case().with_(closed), "R2.8")
    assert "cannot be counted" in met(the_case().with_(without=["ServiceRequest/1"]), "R2.8")


def test_no_shows_are_counted_apart() -> None:
    missed = [a_meeting(f"x{n}", "2026-02-12T10:00:00Z", SARI, status="cancelled") for n in range(2)]
    assert "No-shows: 2" in met(the_case().with_(*missed), "R3.15")
    assert "1/5" in met(the_case().with_(*missed), "R2.1")
    network = a_meeting("n", "2026-02-12T10:00:00Z", SARI, status="cancelled", kind="network-meeting")
    assert "No-shows: 0" in met(the_case().with_(network), "R3.15")


def test_days_from_contact_to_the_first_meeting_are_counted() -> None:
    assert "it took 5 days" in met(the_case(), "R4.4")
    unmet = the_case().with_(without=["Encounter/1", "Encounter/2"])
    assert "56 days since" in met(unmet, "R4.4")
    assert "cannot be counted" in met(the_case().with_(without=["ServiceRequest/1"]), "R4.4")


def test_a_contact_late_in_the_evening_is_of_the_day_in_finland() -> None:
    late = a_referral(authoredOn="2026-01-04T22:30:00Z")
    assert "it took 5 days" in met(the_case().with_(late), "R4.4")


def test_a_client_is_not_bounced() -> None:
    assert "Rejections of referrals: 0" in met(the_case(), "R3.9")
    one = a_referral_task("r1", "rejected", statusReason={"text": "Wrong service"})
    case = the_case().with_(a_referral("2", status="active", authoredOn="2026-03-01"), one)
    said = met(case, "R3.9")
    assert "Rejections of referrals: 1" in said and "Niko Salo: Wrong service" in said
    twice = case.with_(a_referral_task("r2", "rejected", JARI))
    assert ["turned away 2 times" in each for each in broken(twice, "R3.9")] == [True]
    held = twice.with_(a_referral_task("r3", "accepted", SARI))
    assert "Rejections of referrals: 2" in met(held, "R3.9")


def test_how_long_a_referral_took_or_has_been_waiting_is_told() -> None:
    case = the_case().with_(a_referral("2", status="active", authoredOn="2026-02-20", code={"text": "Sleep clinic"}))
    asked = a_referral_task("r1", "requested", authoredOn="2026-02-20")
    waiting = case.with_(asked, a_referral_task("r0", "rejected", JARI, authoredOn="2026-02-20"))
    assert '"Sleep clinic" (ServiceRequest/2): has been waiting for 10 days' in met(waiting, "R3.9")
    began = a_referral_task("r1", "in-progress", executionPeriod={"start": "2026-02-21T09:00:00Z"})
    assert "ServiceRequest/2): 1 day." in met(case.with_(began), "R3.9")
    at_once = a_referral_task("r1", "accepted", lastModified="2026-02-20T09:00:00Z")
    assert "ServiceRequest/2): the same day." in met(case.with_(at_once), "R3.9")
    untold = a_referral_task("r1", "completed")
    assert "accepted, the time is not known" in met(case.with_(untold), "R3.9")
    (said,) = told(waiting, "R3.9")
    assert "odottanut 10 päivää" in said.said("fi") and "har väntat 10 dagar" in said.said("sv")
    assert "acceptance" not in met(the_case(), "R3.9"), "it was handed on to nobody"
    given_up = a_referral("2", status="revoked", authoredOn="2026-02-20")
    assert "acceptance" not in met(case.with_(given_up, a_referral_task("r1", "rejected")), "R3.9")


def test_a_declined_or_expired_referral_without_follow_up_is_listed() -> None:
    case = the_case().with_(a_referral("2", status="active", code={"text": "Sleep clinic"}))
    declined = a_referral_task("r1", "rejected")
    (found,) = [each for each in told(case.with_(declined), "R1.6") if each.severity == "warning"]
    assert "Sleep clinic" in found.said() and "Task/r1" in found.said() and "declined" in found.said()
    followed = case.with_(declined, a_referral_task("r2", "requested", JARI))
    assert met(followed, "R1.6")
    expired = case.with_(a_referral_task("r1", "requested", **until("2026-02-01")))
    assert ["ran out" in each for each in broken(expired, "R1.6")] == [True]


def test_two_active_activities_of_the_same_service_are_told() -> None:
    service = a_concept("urn:services", "sleep")
    detail = {"status": "in-progress", "code": service, "performer": [a_reference(NIKO)], "scheduledString": "weekly"}
    case = the_case().with_(the_plan(activity=[{"detail": detail}, {"detail": {**detail, "description": "Sleep"}}]))
    (found,) = [each for each in told(case, "R1.6") if each.severity == "warning"]
    assert found.at == "CarePlan.activity[1]" and "activity[0]" in found.said() and "activity[1]" in found.said()
    done = the_case().with_(the_plan(activity=[{"detail": detail}, {"detail": {**detail, "status": "completed"}}]))
    assert met(done, "R1.6")


def test_two_active_requests_of_the_same_service_are_told() -> None:
    service = a_concept("urn:services", "sleep")
    requests = [a_referral(id, status="active", authoredOn="2026-03-01", code=service) for id in ("2", "3")]
    assert ["ServiceRequest/2" in each for each in broken(the_case().with_(*requests), "R1.6")] == [True]


def test_no_referral_stays_without_an_owner() -> None:
    waiting = a_referral("2", status="active", authoredOn="2026-02-01")
    (found,) = told(the_case().with_(waiting), "R4.10")
    assert found.severity == "warning" and "29 days" in found.said() and "ServiceRequest/2" in found.said()
    assert met(the_case().with_({**waiting, "authoredOn": "2026-02-20"}), "R4.10")
    assert met(the_case().with_(waiting, a_referral_task("r", "accepted")), "R4.10")
    assert broken(the_case().with_(waiting, a_referral_task("r", "requested")), "R4.10")
    patient = replace(EVERY_RULE, owner_within=30)
    assert met(the_case().with_(waiting), "R4.10", patient)


def test_the_register_of_the_referrer_is_told_by_what_it_is_part_of() -> None:
    part = {**a_coded_organization(N, "Unit", "ngo"), "type": [], "partOf": a_reference("Organization/s")}
    assert met(the_case().with_(part, a_referral(requester=a_reference(JARI))), "R2.6")
