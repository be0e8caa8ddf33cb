"""Rules at a write of a shared plan and its team."""

import json

import pytest

import builders as b
from care.writes.situations import AINO, NOW, Accepts, Json, a_member, a_plan, a_team, found, told
from sharedplan.care import codes
from sharedplan.care.finding import LANGUAGES

ONE, R03, R41 = ("one-plan", "error", "CarePlan.status"), ("R0.3", "error", "CarePlan.contributor"), "R4.1"
SARI = a_member("Practitioner/sari", "coordinator")
OTHER = "Patient/other"


def test_a_client_has_at_most_one_active_shared_plan() -> None:
    (finding,) = found(a_plan(id="2"), known=(a_plan(), a_team()))
    assert told([finding]) == [ONE] and finding.code == "conflict"
    for language in LANGUAGES:
        assert "Aino" in finding.said(language) and "CarePlan/1" not in finding.said(language)
    for known in (a_plan(status="completed"), b.a_care_plan(AINO, id="1"), a_plan(status="draft")):
        assert found(a_plan(id="2"), known=(known, a_team())) == []
    assert found((a_plan(), a_plan(title="again")), known=(a_plan(id="2"), a_team())) == []


@pytest.mark.parametrize("element", ["replaces", "partOf"])
def test_plans_that_replace_each_other_or_are_part_of_each_other_are_one(element: str) -> None:
    first = [b.a_reference("CarePlan/1")]
    assert found(a_plan(id="2", **{element: first}), known=(a_plan(), a_team())) == []
    part = a_plan(id="2", **{element: first})
    assert found(a_plan(id="3", partOf=[b.a_reference("CarePlan/2")]), known=(a_plan(), part, a_team())) == []
    assert found((a_plan(status="draft"), a_plan()), known=(part, a_team())) == []


def test_plans_that_replace_one_after_another_or_the_same_one_are_several() -> None:
    def replacing(id: str, other: str) -> Json:
        return a_plan(id=id, replaces=[b.a_reference(f"CarePlan/{other}")])

    known = (a_plan(), replacing("2", "1"), a_team())
    for third in (replacing("3", "2"), replacing("3", "1")):
        assert [each.rule for each in found(third, known=known)] == ["one-plan"]


def test_a_plan_becomes_active_only_with_the_clients_part() -> None:
    alone = a_plan(contributor=[b.a_reference("Practitioner/sari")])
    assert told(found(alone, known=(a_team(),))) == [R03]
    assert told(found((a_plan(status="draft"), alone), known=(a_team(),))) == [R03]
    assert found((a_plan(), alone), known=(a_team(),)) == []  # it is active already
    met = b.an_encounter(AINO, id="1", type=[b.a_concept(codes.ENCOUNTER_TYPE, "client-meeting")])
    assert found(alone, known=(a_team(), met)) == []
    for other in ({"status": "cancelled"}, {"type": [b.a_concept(codes.ENCOUNTER_TYPE, "professional-meeting")]}):
        assert told(found(alone, known=(a_team(), {**met, **other}))) == [R03]


def test_a_client_whom_only_a_display_names_is_called_by_it() -> None:
    plan = a_plan(subject={"display": "Aino H."}, contributor=[])
    for subject, called in (
        ({"display": "Aino H."}, ("Aino H.",) * 3),
        ({"reference": "Group/family"}, ("Group/family",) * 3),
        ({"identifier": {"value": "010180-999X"}}, ("kuin asiakas on", "innan klienten har", "before the client has")),
    ):
        (finding,) = [each for each in found({**plan, "subject": subject}, known=(a_team(),), client=None)]
        assert told([finding]) == [R03]
        assert all(word in finding.said(each) for each, word in zip(LANGUAGES, called, strict=True))


def test_a_plan_holds_only_goals_of_its_client() -> None:
    plan = a_plan(goal=[b.a_reference("Goal/a"), b.a_reference("Goal/b"), b.a_reference("Goal/c")])
    known = (a_team(),)
    seen = {"Goal/a": frozenset({AINO}), "Goal/b": frozenset({OTHER})}
    both = found(plan, known=known, whose=seen)
    assert told(both) == [("R3.5", "error", "CarePlan.goal[1]"), ("R3.5", "error", "CarePlan.goal[2]")]
    assert both[0].said().replace("Goal/b", "Goal/c") == both[1].said()
    had = a_plan(goal=[b.a_reference("Goal/b")])
    assert found((had, had), known=known) == []  # it stays as it was
    del seen["Goal/a"]  # hidden
    assert told(found((had, plan), known=known, whose=seen))[0][2] == "CarePlan.goal[0]"


@pytest.mark.parametrize(
    ("element", "at"),
    [
        ({"supportingInfo": [{"display": "a letter"}, "X"]}, "supportingInfo[1]"),
        ({"addresses": ["X"]}, "addresses[0]"),
        ({"encounter": "X"}, "encounter"),
        ({"replaces": ["X"]}, "replaces[0]"),
        ({"activity": [{}, {"reference": "X"}]}, "activity[1].reference"),
        ({"activity": [{"outcomeReference": ["X"]}]}, "activity[0].outcomeReference[0]"),
        ({"activity": [{"detail": {"goal": ["X"]}}]}, "activity[0].detail.goal[0]"),
        ({"careTeam": [b.a_reference("CareTeam/1"), "X"]}, "careTeam[1]"),
    ],
)
def test_a_plan_names_nothing_of_another_person(element: Json, at: str) -> None:
    def naming(reference: str) -> Json:
        return a_plan(**json.loads(json.dumps(element).replace('"X"', json.dumps(b.a_reference(reference)))))

    theirs, mine = "Observation/1", "Observation/2"
    known: Json = {
        "known": (a_team(),),
        "whose": {theirs: frozenset({OTHER}), mine: frozenset({AINO}), "CarePlan/family": frozenset()},
    }
    (finding,) = found(naming(theirs), **known)
    assert told([finding]) == [("R3.5", "error", f"CarePlan.{at}")]
    assert all(theirs in finding.said(each) and "Aino" in finding.said(each) for each in LANGUAGES)
    for other in (mine, "Observation/hidden-or-absent", "CarePlan/family"):
        assert found(naming(other), **known) == []
    assert found((naming(theirs), naming(theirs)), **known) == []  # it stays as it was
    moved = {**naming(theirs), "subject": b.a_reference(OTHER)}
    assert ("R3.5", "error", f"CarePlan.{at}") in told(found((moved, naming(theirs)), **known))
    assert found({**naming(theirs), "category": []}, **known) == []


def test_what_links_a_family_may_be_anothers() -> None:
    spine = [{"url": codes.EPISODE, "valueReference": b.a_reference("EpisodeOfCare/e")}]
    links = ("CarePlan/parents", "EpisodeOfCare/e", "RelatedPerson/sibling", "Patient/other")
    plan = a_plan(
        extension=spine,
        partOf=[b.a_reference("CarePlan/parents")],
        contributor=[b.a_reference(AINO), b.a_reference("RelatedPerson/sibling")],
        supportingInfo=[*map(b.a_reference, links[1:])],
    )
    assert found(plan, known=(a_team(),), whose={each: frozenset({OTHER}) for each in links}) == []


def test_a_task_is_no_part_of_another_persons_plan() -> None:
    whose = {"CarePlan/theirs": frozenset({OTHER}), "CarePlan/1": frozenset({AINO})}
    for element, at in (
        ({"basedOn": ["X"]}, "basedOn[0]"),
        ({"focus": "X"}, "focus"),
        ({"partOf": ["X"]}, "partOf[0]"),
    ):
        theirs, mine = (
            json.loads(json.dumps(element).replace('"X"', json.dumps(b.a_reference(each))))
            for each in ("CarePlan/theirs", "CarePlan/1")
        )
        assert told(found(b.a_task(AINO, id="1", **theirs), whose=whose)) == [("R3.5", "error", f"Task.{at}")]
        assert found(b.a_task(AINO, id="1", **mine), whose=whose) == []
    outcome = b.a_goal(AINO, id="1", outcomeReference=[b.a_reference("Observation/1")])
    assert told(found(outcome, whose={"Observation/1": frozenset({OTHER})})) == [
        ("R3.5", "error", "Goal.outcomeReference[0]")
    ]


def test_answers_are_of_the_person_whose_plan_they_are_based_on() -> None:
    answers = b.a_questionnaire_response(AINO, id="1", basedOn=[b.a_reference("CarePlan/theirs")])
    whose = {"CarePlan/theirs": frozenset({OTHER})}
    (finding,) = found(answers, whose=whose)
    assert told([finding]) == [("R3.5", "error", "QuestionnaireResponse.subject")]
    assert found(answers) == []  # hidden, or not there
    assert found((answers, {**answers, "status": "amended"}), whose=whose) == []
    assert found(answers, whose={"CarePlan/theirs": frozenset({AINO})}) == []
    assert found({**answers, "subject": b.a_reference("Group/family")}, whose=whose) == []
    assert found({name: each for name, each in answers.items() if name != "subject"}, whose=whose) == []


def test_an_active_plan_has_exactly_one_coordinator() -> None:
    at = (R41, "error", "CarePlan.careTeam")
    assert told(found(a_plan())) == [at]  # the team is not there
    for team in (
        a_team(a_member("Practitioner/sari")),
        a_team(SARI, status="proposed"),
        a_team(a_member("Practitioner/sari", "coordinator", start="2026-03-03")),
        a_team(a_member("Practitioner/sari", "coordinator", end="2026-03-01")),
        a_team(a_member("Practitioner/sari", "coordinator", end="2026-04-01")),  # a gap to come
        a_team(SARI, a_member("Practitioner/jari", "coordinator")),
    ):
        assert told(found(a_plan(), known=(team,))) == [at]
        assert told(found((a_plan(), a_plan(title="kept")), known=(team,))) == [at]
    assert found(a_plan(status="draft"), known=(a_team(SARI, status="proposed"),)) == []
    assert (
        found(
            a_plan(period={"end": "2026-03-31"}),
            known=(a_team(a_member("Practitioner/sari", "coordinator", end="2026-04-01")),),
        )
        == []
    )


@pytest.mark.parametrize(
    "member",
    [
        {"display": "somebody of ours"},
        {"identifier": {"system": "urn:x", "value": "1"}},
        {"type": "Organization", "identifier": {"system": "urn:x", "value": "1"}},
        b.a_reference("Organization/s"),
        b.a_reference("CareTeam/2"),
        b.a_reference(AINO),
        b.a_reference("RelatedPerson/leena"),
        b.a_reference("#p"),
    ],
)
def test_the_coordinator_is_a_professional_whom_one_can_name(member: Json) -> None:
    team = a_team({**SARI, "member": member}, contained=[b.a_patient(id="p")])
    (finding,) = found(a_plan(), known=(team,))
    assert told([finding]) == [(R41, "error", "CarePlan.careTeam")]
    assert all("PractitionerRole" in finding.said(each) and "Aino" in finding.said(each) for each in LANGUAGES)
    (finding,) = [each for each in found((a_team(SARI), team), known=(a_plan(),)) if each.rule == R41]
    assert finding.at == "CareTeam.participant"
    assert "more than one" in found(a_plan(), known=(a_team(SARI, {**SARI, "member": member}),))[0].said()


@pytest.mark.parametrize(
    "member",
    [
        b.a_reference("Practitioner/not-stored-yet"),
        b.a_reference("PractitionerRole/niko"),
        b.a_reference("https://else.example/fhir/Practitioner/1"),
        {"type": "Practitioner", "identifier": {"system": "urn:x", "value": "1"}},
        b.a_reference("#p"),
    ],
)
def test_a_coordinator_need_not_be_stored_here(member: Json) -> None:
    team = a_team({**SARI, "member": member}, contained=[b.a_practitioner(id="p")])
    assert found(a_plan(), known=(team,)) == []


def test_the_text_names_both_coordinators() -> None:
    (finding,) = found(a_plan(), known=(a_team(SARI, a_member("Practitioner/jari", "coordinator")),))
    assert all("Sari, Jari" in finding.said(language) for language in LANGUAGES)


def test_a_team_leaves_its_active_plan_exactly_one_coordinator() -> None:
    at, old = (R41, "error", "CareTeam.participant"), a_team(SARI)
    for new in (a_team(a_member("Practitioner/sari")), a_team(SARI, status="inactive"), None):
        assert told(found((old, new), known=(a_plan(),))) == [at]
        assert found((old, new), known=(a_plan(status="draft"),)) == []
        assert found((old, new), (a_plan(), a_plan(status="completed"))) == []


@pytest.mark.parametrize(
    ("end", "start", "is_right"),
    [
        ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z", True),
        ("2026-03-05T08:00:00Z", "2026-03-05T08:00:00Z", True),
        ("2026-03-05", "2026-03-05", True),  # the day of the hand-over
        ("2026-03-04", "2026-03-05", True),  # the end of the one is the beginning of the other
        ("2026-03-05T08:00:00Z", "2026-03-05T09:00:00Z", False),
        ("2026-03-05T09:00:00Z", "2026-03-05T08:00:00Z", False),
        ("2026-02-20", "2026-02-25", False),  # a gap that is left behind
    ],
)
def test_a_hand_over_leaves_no_gap(end: str, start: str, is_right: bool) -> None:
    new = a_team(
        a_member("Practitioner/sari", "coordinator", end=end), a_member("Practitioner/jari", "coordinator", start=start)
    )
    held = Accepts("Practitioner/jari")
    findings = found((a_team(SARI), new), known=(a_plan(),), acceptance=held)
    assert told(findings) == ([] if is_right else [(R41, "error", "CareTeam.participant")])


def test_a_member_of_an_active_team_is_covered_by_a_consent() -> None:
    team = a_team(
        SARI, a_member("PractitionerRole/niko", "nurse"), a_member(AINO), {"role": []}, a_member("RelatedPerson/leena")
    )
    niko, leena = found(team, known=(a_plan(),))
    assert told([niko, leena]) == [
        ("R1.1", "error", "CareTeam.participant[1].member"),
        ("R1.1", "error", "CareTeam.participant[4].member"),
    ]
    assert all("Niko" in niko.said(each) and "Aino" in niko.said(each) for each in LANGUAGES)
    assert "Leena" in leena.said()
    assert found(team, known=(a_plan(),), acceptance=Accepts("PractitionerRole/niko", "RelatedPerson/leena")) == []
    assert found({**team, "status": "proposed"}, known=(a_plan(status="draft"),)) == []
    assert (
        found(team) == []
        and found(team, known=(b.a_care_plan(AINO, id="1", careTeam=[b.a_reference("CareTeam/1")]),)) == []
    )


@pytest.mark.parametrize(
    "member",
    [
        {"display": "Niko"},
        {"display": "Niko", "identifier": {"system": "urn:x", "value": "1"}},
        {"display": "Niko", "reference": "#niko"},
    ],
)
def test_a_member_whom_no_reference_names_is_told(member: Json) -> None:
    team = a_team(SARI, {**a_member("Practitioner/x", "nurse"), "member": member})
    (finding,) = found(team, known=(a_plan(),))
    assert told([finding]) == [("R1.1", "warning", "CareTeam.participant[1].member")]
    assert all("Niko" in finding.said(each) and "Aino" in finding.said(each) for each in LANGUAGES)
    assert found({**team, "status": "proposed"}, known=(a_plan(status="draft"),)) == found(team) == []
    ended = {**team["participant"][1], "period": {"end": "2026-03-01"}}
    assert found(a_team(SARI, ended), known=(a_plan(),)) == []


def test_the_client_and_the_own_worker_may_be_named_by_an_identifier() -> None:
    identified = {"type": "Practitioner", "identifier": {"system": "urn:x", "value": "sari"}}
    number = {"system": "urn:oid:1.2.246.21", "value": "010180-999X"}
    aino = b.a_patient(id="aino", name=[{"text": "Aino"}], identifier=[number])
    team = a_team(
        {**SARI, "member": identified},
        {**a_member("Practitioner/sari", "social-instructor"), "member": identified},
        {"member": {"identifier": number}},
        {"member": {"display": "Aino"}},
    )
    assert found(team, known=(a_plan(), aino)) == []
    (other,) = found(a_team(SARI, {"member": {"identifier": {**number, "system": "urn:y"}}}), known=(a_plan(), aino))
    assert other.rule == "R1.1" and "010180-999X" not in other.said() and "somebody with an identifier" in other.said()


def test_a_member_elsewhere_is_covered_by_a_consent_that_names_the_address() -> None:
    address = "https://else.example/fhir/Practitioner/1"
    team = a_team(SARI, a_member(address, "nurse"))
    assert told(found(team, known=(a_plan(),))) == [("R1.1", "error", "CareTeam.participant[1].member")]
    assert found(team, known=(a_plan(),), acceptance=Accepts(address)) == []
    assert found((team, team), known=(a_plan(),)) == [], "who was a member stays"


def test_who_was_a_member_stays_and_who_has_left_is_not_asked() -> None:
    team = a_team(SARI, a_member("PractitionerRole/niko"), a_member("Practitioner/jari", end="2026-01-31"))
    assert found((a_team(SARI, a_member("PractitionerRole/niko")), team), known=(a_plan(),)) == []
    assert told(found(({**team, "status": "proposed"}, team), known=(a_plan(status="draft"),))) == [
        ("R1.1", "error", "CareTeam.participant[1].member")
    ]


def test_the_coordinator_needs_no_consent_in_a_second_role() -> None:
    pair = a_team(SARI, a_member("Practitioner/sari", "social-instructor"), a_member("Practitioner/kai", "nurse"))
    assert told(found(pair, known=(a_plan(),))) == [
        ("R1.1", "error", "CareTeam.participant[2].member"),
        ("R1.2", "error", "CareTeam.participant[2].member"),
    ]


def test_a_coordinator_of_another_register_needs_a_consent() -> None:
    team = a_team({**a_member("PractitionerRole/niko", "coordinator")})
    assert found(team, known=(a_plan(),), organization="Organization/h") == []
    assert told(found(team, known=(a_plan(),), organization="Organization/s"))[0][0] == "R1.1"


def test_a_member_of_an_active_team_is_there_and_active() -> None:
    names = (
        "Practitioner/nobody",
        "RelatedPerson/of-another",
        "Patient/other",
        "Practitioner/gone",
        "RelatedPerson/ex",
    )
    known = (
        a_plan(),
        b.a_related_person("Patient/other", id="of-another"),
        b.a_practitioner(id="gone", active=False, name=[{"text": "Gone"}]),
        b.a_related_person(AINO, id="ex", period={"end": "2026-01-01"}),
        b.a_patient(id="other"),
    )
    findings = found(a_team(SARI, *map(a_member, names)), known=known, acceptance=Accepts(*names))
    assert told(findings) == [("R1.2", "error", f"CareTeam.participant[{n}].member") for n in range(1, 6)]
    assert "Practitioner/nobody" in findings[0].said() and "Gone is not active" in findings[3].said()


def test_a_name_that_the_writer_may_not_know_is_not_told() -> None:
    team = a_team(SARI, a_member("RelatedPerson/leena"))
    (finding,) = found(team, known=(a_plan(),), unnamed=frozenset({"RelatedPerson/leena", AINO}))
    assert "Leena" not in finding.said() and "Aino" not in finding.said() and "RelatedPerson/leena" in finding.said()


def test_the_care_manager_is_the_coordinator() -> None:
    spine = [{"url": codes.EPISODE, "valueReference": b.a_reference("EpisodeOfCare/e")}]
    known = (a_plan(extension=spine), a_team())
    episode = b.an_episode_of_care(AINO, id="e", careManager=b.a_reference("Practitioner/jari"))
    assert told(found(episode, known=known)) == [(R41, "warning", "EpisodeOfCare.careManager")]
    assert found({**episode, "careManager": b.a_reference("Practitioner/sari")}, known=known) == []


def test_terms_are_told_by_whole_days_in_finland() -> None:
    assert NOW.hour == 10
    ends_today = a_member("Practitioner/sari", "coordinator", end="2026-03-02")
    findings = found(a_plan(period={"end": "2026-03-02"}), known=(a_team(ends_today),))
    assert findings == []
