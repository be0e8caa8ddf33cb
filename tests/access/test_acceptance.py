"""Who has been accepted: to attend, and as a member."""

from datetime import UTC, datetime

import builders as b
from access.aino import DIRECTORY, JARI, NIKO, NOW, TEAM, H, a_consent, a_member, k1, rules
from sharedplan.access.acceptance import acceptance
from sharedplan.access.asker import asker_of
from sharedplan.access.relations import memberships


def is_accepted(*consents: dict, in_person: bool = True, at: datetime = NOW, who: str = NIKO, org: str = H) -> bool:
    asker = asker_of(who, org, DIRECTORY, memberships(TEAM), at)
    found = acceptance(rules(*consents), asker, at, in_person=in_person)
    return found is not None and found.effect == "permit"


def test_a_permit_for_the_organisation_accepts_a_member_and_not_an_attendance() -> None:
    assert not is_accepted(k1())
    assert is_accepted(k1(), in_person=False)


def test_a_permit_for_the_person_the_role_or_the_team_accepts_an_attendance() -> None:
    for to in (NIKO, "PractitionerRole/niko", "CareTeam/1", ()):
        assert is_accepted(a_consent("k", "2026-02-01", b.a_provision(to=to)))


def test_how_much_is_permitted_does_not_matter() -> None:
    narrow = b.a_provision(to=NIKO, classes="Task", actions="collect", purposes="HRESCH", labels="N")
    assert is_accepted(a_consent("k", "2026-02-01", narrow))


def test_a_deny_of_some_data_refuses_nobody_and_one_of_the_person_or_the_organisation_does() -> None:
    personal = a_consent("k", "2026-02-01", b.a_provision(to=NIKO, provision=[b.a_provision("deny", labels="PSY")]))
    assert is_accepted(personal)
    for to in (NIKO, H):
        assert not is_accepted(personal, a_consent("d", "2026-02-02", b.a_provision("deny", to=to)))
        assert not is_accepted(a_consent("d", "2026-01-02", b.a_provision("deny", to=to), ban=True), personal)
    assert is_accepted(personal, a_consent("d", "2026-02-02", b.a_provision("deny", to=NIKO, purposes="HRESCH")))


def test_acceptance_is_of_the_time_that_is_asked_about() -> None:
    spring = a_consent("k", "2026-02-01", b.a_provision(to=JARI, start="2026-02-01", end="2026-02-28"))
    at = [datetime(2026, month, 20, tzinfo=UTC) for month in (1, 2, 3)]
    assert [is_accepted(spring, at=each, who=JARI, org="Organization/n") for each in at] == [False, True, False]


def test_who_joined_after_a_consent_for_the_team_needs_an_acceptance_of_his_own() -> None:
    team = {**TEAM, "participant": [a_member(NIKO, "nurse", "2026-02-10")]}
    asker = asker_of(NIKO, H, DIRECTORY, memberships(team), NOW)
    found = acceptance(rules(a_consent("k", "2026-02-01", b.a_provision())), asker, NOW, in_person=False)
    assert found is None
