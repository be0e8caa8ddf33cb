"""What is said to the one who saves a consent."""

import builders as b
from access.aino import JARI, NIKO, H, N, S, a_consent, k1
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
