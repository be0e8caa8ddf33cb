"""What is said to the one who saves a consent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builders as b
from access.aino import FEEDBACK, GOAL, JARI, LEENA, NIKO, NOW, PLAN, H, N, S, a_consent, facts, judged, k1, may
from sharedplan.access.cautions import cautions


def told(consent: dict, *others: dict) -> list[str]:
    found = cautions(consent, others, at=NOW)
    assert all(issue.severity == "warning" for issue in found)
    return [issue.saying for issue in found]


def test_an_older_wider_permit_still_stands_beside_a_narrower_one() -> None:
    wider = "The older permit Consent/k1 is wider and still stands; withdraw it if this is to replace it."
    for narrower in ({"classes": "CarePlan"}, {"actions": "access"}, {"labels": "N"}, {"purposes": "TREAT"}):
        assert told(a_consent("k", "2026-02-01", b.a_provision(to=H, **narrower)), k1()) == [wider]


def test_a_permit_that_is_as_wide_or_for_others_needs_no_word() -> None:
    assert told(a_consent("k", "2026-02-01", b.a_provision(to=(S, H), purposes="TREAT CAREMGT")), k1()) == []
    assert told(a_consent("k", "2026-02-01", b.a_provision(to=N, classes="CarePlan")), k1()) == []
    assert told(k1(), k1()) == []


def narrowed(later: str = "provision of this consent", earlier: str = "provision of Consent/k2") -> str:
    return (
        f"{later} does not say which things it is for, and counts before {earlier}, which does. A member with a narrow "
        "view (an NGO, employment services, a relative) whom both mean sees no more than the plan, the team and own "
        "tasks where both speak."
    )


def test_what_is_said_of_narrow_views_is_what_is_judged() -> None:
    old = a_consent("k2", "2026-02-10", b.a_provision(to=JARI, classes="CarePlan Goal"))
    new = a_consent("k", "2026-03-01", b.a_provision(to="CareTeam/1"))
    assert narrowed() in told(new, old)
    assert may(facts(old), JARI, GOAL)
    assert not may(facts(old, new), JARI, GOAL)
    assert may(facts(old, new), NIKO, GOAL)  # whose view is not narrow


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ({}, {"to": JARI}),
        ({"to": "CareTeam/1"}, {"to": JARI}),
        ({"to": JARI}, {"to": "CareTeam/1"}),
        ({"to": JARI}, {"to": JARI}),
        ({"to": N}, {"to": JARI}),
        ({"to": JARI}, {"to": "PractitionerRole/jari"}),
        ({"to": (H, N)}, {"to": (S, N)}),
        ({"to": JARI, "actions": "access"}, {"to": JARI, "actions": "access correct"}),
        ({"to": JARI, "purposes": "TREAT"}, {"to": JARI}),
        ({"to": JARI, "labels": "N"}, {"to": JARI}),
    ],
)
def test_a_later_permit_that_names_no_things_takes_from_who_has_a_narrow_view(new: dict, old: dict) -> None:
    later = a_consent("k", "2026-03-01", b.a_provision(**new))
    for things in (
        {"classes": "CarePlan Goal"},
        {"about": [("instance", "Goal/1")]},
        {"about": [("related", "CarePlan/1")]},
    ):
        earlier = a_consent("k2", "2026-02-01", b.a_provision(**old, **things))
        assert narrowed() in told(later, earlier)
        # And so does one that is stored, from the one that is saved.
        assert narrowed("provision of Consent/k", "provision of this consent") in told(earlier, later)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ({"to": "CareTeam/1", "classes": "CarePlan"}, {"to": JARI, "classes": "Goal"}),
        ({"to": "CareTeam/1"}, {"to": JARI, "classes": "CarePlan CareTeam"}),  # which they see anyway
        ({"to": "CareTeam/1"}, {"to": JARI, "about": [("instance", "CarePlan/1")]}),
        ({"to": "CareTeam/1"}, {"to": JARI, "classes": "Goal", "about": [("instance", "CarePlan/1")]}),
        ({"to": "CareTeam/1"}, {"to": JARI}),
        ({"to": NIKO}, {"to": JARI, "classes": "Goal"}),  # of others
        ({"to": H}, {"to": N, "classes": "Goal"}),
        ({"to": H}, {"to": LEENA, "classes": "Goal"}),
        ({"to": JARI, "actions": "collect correct"}, {"to": JARI, "classes": "Goal"}),
        ({"to": JARI}, {"to": JARI, "classes": "Goal", "actions": "correct"}),
        ({"to": JARI}, {"to": JARI, "classes": "Goal", "purposes": "ETREAT"}),
        ({"to": JARI, "purposes": "CAREMGT"}, {"to": JARI, "classes": "Goal", "purposes": "TREAT"}),
        ({"to": JARI, "start": "2026-03-01"}, {"to": JARI, "classes": "Goal", "end": "2026-02-20"}),
        ({"to": JARI}, {"to": JARI, "classes": "Goal", "end": "2026-02-28"}),  # no more
        ({"to": JARI, "type": "deny"}, {"to": JARI, "classes": "Goal"}),
        ({"to": JARI}, {"to": JARI, "classes": "Goal", "type": "deny"}),
        (
            {"to": JARI, "purpose": [{"code": "X", "system": "urn:x"}]},
            {"to": JARI, "classes": "Goal"},
        ),  # permits nothing
    ],
)
def test_nothing_is_said_of_what_a_permit_does_not_take(new: dict, old: dict) -> None:
    later = a_consent("k", "2026-03-01", b.a_provision(**new))
    earlier = a_consent("k2", "2026-02-01", b.a_provision(**old))
    assert not [each for each in told(later, earlier) if "narrow view" in each]


def test_what_permits_nothing_narrows_nothing() -> None:
    role = b.a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "CST")
    nobody = [{"role": role, "reference": {"identifier": {"value": "1"}}}]
    old = a_consent("k2", "2026-02-01", b.a_provision(to=JARI, classes="Goal"))
    assert not [each for each in told(a_consent("k", "2026-03-01", b.a_provision(actor=nobody)), old) if "view" in each]


def test_a_ban_narrows_nothing_by_what_it_excepts() -> None:
    ban = a_consent(
        "ban", "2026-03-01", b.a_provision("deny", provision=[b.a_provision(to=JARI, actions="access")]), ban=True
    )
    old = a_consent("k2", "2026-02-01", b.a_provision(to=JARI, classes="Goal"))
    assert told(ban, old) == []
    assert len(told(old, ban)) == 1  # that the ban stands


KINDS = st.fixed_dictionaries(
    {},
    optional={
        "to": st.sampled_from([JARI, LEENA, N, "CareTeam/1", "PractitionerRole/jari", (N, LEENA)]),
        "classes": st.sampled_from(["Goal", "CarePlan Goal", "CarePlan", "Task"]),
        "about": st.sampled_from([[("instance", "Goal/1")], [("instance", "CarePlan/1")], [("related", "CarePlan/1")]]),
        "actions": st.sampled_from(["access", "correct", "access correct"]),
        "purposes": st.sampled_from(["TREAT", "CAREMGT", "TREAT CAREMGT", "ETREAT"]),
    },
)


@given(KINDS, KINDS, st.lists(KINDS, max_size=1), st.booleans())
@settings(max_examples=400, deadline=None)
def test_nobody_with_a_narrow_view_loses_anything_without_a_word(
    one: dict, other: dict, nested: list, is_later: bool
) -> None:
    """Whoever may see a thing by one of two permits, and not by both, since the later one does not name it."""
    inside = {"provision": [b.a_provision(**each) for each in nested]} if nested else {}
    new = a_consent("k", "2026-02-20" if is_later else "2026-02-10", b.a_provision(**one, **inside))
    old = a_consent("k2", "2026-02-15", b.a_provision(**other))
    loses = [
        (who, item.type, purpose)
        for who in (JARI, LEENA)
        for item in (GOAL, PLAN, FEEDBACK)
        for purpose in ("TREAT", "CAREMGT")
        if judged(facts(new, old), who, item, purpose=purpose).step == "view"
        and any(may(facts(each), who, item, purpose=purpose) for each in (new, old))
    ]
    if loses:
        assert [each for each in told(new, old) if "narrow view" in each], loses


def test_a_ban_stands_against_a_new_permit() -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=NIKO), ban=True)
    assert told(a_consent("k", "2026-03-01", b.a_provision(to=NIKO)), ban) == [
        "The ban Consent/ban stands until it is withdrawn itself; this permit does not lift it."
    ]
    assert told(a_consent("k", "2026-03-01", b.a_provision(to=JARI)), ban) == []


def test_a_deny_of_a_later_time_counts() -> None:
    deny = a_consent("deny", "2026-03-02", b.a_provision("deny", to=NIKO))
    assert told(a_consent("k", "2026-03-01", b.a_provision(to=NIKO)), deny) == [
        "Consent/deny is of a later time and denies, so it counts wherever both speak."
    ]


def test_a_deny_that_a_later_permit_goes_before_is_told() -> None:
    said = (
        "Consent/k4 is of a later time and permits, so it counts wherever both speak; this denies there only when it "
        "is of a later time itself, or a ban."
    )
    permit = a_consent("k4", "2026-03-01T09:00:00Z", b.a_provision(to=H))
    for to in (H, NIKO, "CareTeam/1"):
        assert told(a_consent("no", "2026-02-01", b.a_provision("deny", to=to, classes="Goal")), permit) == [said]
    assert told(a_consent("no", "2026-03-02", b.a_provision("deny", to=H)), permit) == []
    assert told(a_consent("no", "2026-02-01", b.a_provision("deny", to=H), ban=True), permit) == []
    assert told(a_consent("no", "2026-02-01", b.a_provision("deny", to=N)), permit) == []
    assert told(a_consent("no", "2026-02-01", b.a_provision("deny", to=H, purposes="ETREAT")), permit) == []
    assert told(a_consent("no", "2026-02-01", b.a_provision("deny", to=H, end="2026-03-01")), permit) == []
    correct = a_consent("k4", "2026-03-01", b.a_provision(to=H, actions="correct"))
    assert told(a_consent("no", "2026-02-01", b.a_provision("deny", to=H, actions="access")), correct) == []


@pytest.mark.parametrize(("to", "of"), [(NIKO, H), (H, NIKO), (NIKO, "PractitionerRole/niko"), ("CareTeam/1", NIKO)])
def test_who_may_be_one_by_two_names_is_told_of_bans_and_denies(to: str, of: str) -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=of), ban=True)
    deny = a_consent("deny", "2026-03-02", b.a_provision("deny", to=of))
    assert [len(told(a_consent("k", "2026-03-01", b.a_provision(to=to)), each)) for each in (ban, deny)] == [1, 1]


def test_a_permit_that_nothing_can_meet_is_told() -> None:
    role = b.a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
    actor = {"role": role, "reference": {"identifier": {"value": "1"}}}
    (saying,) = told(a_consent("k", "2026-03-01", b.a_provision(actor=[actor])))
    assert saying.startswith("provision permits nothing")


def test_what_is_not_in_force_is_not_compared() -> None:
    narrower = a_consent("k", "2026-02-01", b.a_provision(to=H, classes="CarePlan"))
    assert told(narrower, {**k1(), "status": "inactive"}) == []
    assert told({**narrower, "status": "draft"}, k1()) == []
