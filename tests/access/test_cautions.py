"""What is said to the one who saves a consent."""

import pytest

import builders as b
from access.aino import GOAL, JARI, NIKO, H, N, S, a_consent, facts, k1, may
from sharedplan.access.cautions import cautions


def told(consent: dict, *others: dict) -> list[str]:
    found = cautions(consent, others)
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


NARROWED = (
    "This permit names no classes and is of a later time than Consent/k2, which does: an NGO, employment services or a "
    "relative whom both mean sees the plan, the team and own tasks by this one, and no more by Consent/k2. "
    "Consent/$preview tells whom that concerns."
)


def test_what_is_said_of_narrow_views_is_what_is_judged() -> None:
    old = a_consent("k2", "2026-02-10", b.a_provision(to=JARI, classes="CarePlan Goal"))
    new = a_consent("k", "2026-03-01", b.a_provision(to="CareTeam/1"))
    assert NARROWED in told(new, old)
    assert may(facts(old), JARI, GOAL)
    assert not may(facts(old, new), JARI, GOAL)
    assert may(facts(old, new), NIKO, GOAL)  # whose view is not narrow


@pytest.mark.parametrize("to", [None, "CareTeam/t", JARI])
def test_a_later_permit_without_classes_takes_from_who_has_a_narrow_view(to: str | None) -> None:
    wide = {} if to is None else {"to": to}
    old = a_consent("k2", "2026-02-01", b.a_provision(to=JARI, classes="CarePlan Goal"))
    assert NARROWED in told(a_consent("k", "2026-03-01", b.a_provision(**wide)), old)
    one_thing = b.a_provision(to=JARI, about=[("instance", "Goal/g")])
    assert NARROWED in told(
        a_consent("k", "2026-03-01", b.a_provision(**wide)), a_consent("k2", "2026-02-01", one_thing)
    )


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (("2026-01-01", {"to": "CareTeam/t"}), {"to": JARI, "classes": "Goal"}),  # the old one counts
        (("2026-03-01", {"to": "CareTeam/t", "classes": "CarePlan"}), {"to": JARI, "classes": "Goal"}),
        (("2026-03-01", {"to": "CareTeam/t"}), {"to": JARI, "classes": "CarePlan CareTeam"}),  # which they see anyway
        (("2026-03-01", {"to": "CareTeam/t"}), {"to": JARI}),
        (("2026-03-01", {"to": NIKO}), {"to": JARI, "classes": "Goal"}),  # of others
        (
            ("2026-03-01", {"to": "CareTeam/t", "actions": "correct"}),
            {"to": JARI, "classes": "Goal", "actions": "access"},
        ),
        (
            ("2026-03-01", {"to": "CareTeam/t", "purposes": "ETREAT"}),
            {"to": JARI, "classes": "Goal", "purposes": "TREAT"},
        ),
    ],
)
def test_nothing_is_said_of_what_a_permit_does_not_take(new: tuple[str, dict], old: dict) -> None:
    at, wide = new
    assert NARROWED not in told(
        a_consent("k", at, b.a_provision(**wide)), a_consent("k2", "2026-02-01", b.a_provision(**old))
    )


def test_a_ban_stands_against_a_new_permit() -> None:
    ban = a_consent("ban", "2026-02-01", b.a_provision("deny", to=NIKO), ban=True)
    assert told(a_consent("k", "2026-03-01", b.a_provision(to=NIKO)), ban) == [
        "The ban Consent/ban stands until it is withdrawn itself; this permit does not lift it."
    ]
    assert told(a_consent("k", "2026-03-01", b.a_provision(to=JARI)), ban) == []


def test_a_deny_of_a_later_time_counts() -> None:
    deny = a_consent("deny", "2026-03-02", b.a_provision("deny", to=NIKO))
    assert told(a_consent("k", "2026-03-01", b.a_provision(to=NIKO)), deny) == [
        "Consent/deny denies some of this and is of a later time, so it counts."
    ]


def test_a_permit_that_nothing_can_meet_is_told() -> None:
    role = b.a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
    actor = {"role": role, "reference": {"identifier": {"value": "1"}}}
    (saying,) = told(a_consent("k", "2026-03-01", b.a_provision(actor=[actor])))
    assert saying.startswith("provision permits nothing")


def test_what_is_not_in_force_is_not_compared() -> None:
    narrower = a_consent("k", "2026-02-01", b.a_provision(to=H, classes="CarePlan"))
    assert told(narrower, {**k1(), "status": "inactive"}) == []
    assert told({**narrower, "status": "draft"}, k1()) == []
