"""Consents flattened into rules, and the traps on the way."""

from datetime import UTC, datetime

import pytest

import builders as b
from access.aino import AINO, JARI, NIKO, NOW, H, N, S, a_consent
from published import example
from sharedplan.access.provisions import rules_of
from sharedplan.fhir.json_text import read

OPTIN = b.a_concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN")
OPTOUT = b.a_concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT")
NOTHING_KNOWN = b.a_concept("urn:x", "OPTIN")


def effects(provision: dict | None, **elements: object) -> list[tuple[str, int, str]]:
    """(path, depth, effect) of each rule."""
    consent = a_consent("1", "2026-01-10", provision, **elements)
    return [(rule.path, rule.depth, rule.effect) for rule in rules_of(consent, 1, NOW)]


def only(provision: dict, **elements: object) -> object:
    (rule,) = rules_of(a_consent("1", "2026-01-10", provision, **elements), 1, NOW)
    return rule


@pytest.mark.parametrize(
    ("policy", "effect"), [(OPTIN, ["permit"]), (OPTOUT, ["deny"]), (NOTHING_KNOWN, []), ({"text": "opt in"}, [])]
)
def test_a_consent_without_a_typed_root_says_what_its_policy_rule_says(policy: dict, effect: list[str]) -> None:
    assert [each for _, _, each in effects(None, policyRule=policy)] == effect
    assert [each for _, _, each in effects({"period": {"start": "2026"}}, policyRule=policy)] == effect


def test_a_typed_root_counts_and_not_the_policy_rule() -> None:
    assert effects(b.a_provision("deny"), policyRule=OPTIN) == [("provision", 0, "deny")]


def test_a_root_that_may_be_read_in_two_ways_permits_nothing_and_denies_what_it_matches() -> None:
    nested = [b.a_provision("permit"), b.a_provision("deny", labels="PSY"), b.a_provision(None, labels="R")]
    assert effects(b.a_provision(None, to=NIKO, provision=nested)) == [
        ("provision", 0, "deny"),
        ("provision.provision[1]", 1, "deny"),
        ("provision.provision[2]", 1, "deny"),
    ]


def test_what_stands_in_a_nested_provision_without_a_type_permits_nothing_either() -> None:
    nested = b.a_provision(None, to=NIKO, provision=[b.a_provision("permit")])
    assert effects(b.a_provision(provision=[nested])) == [
        ("provision", 0, "permit"),
        ("provision.provision[0]", 1, "deny"),
    ]


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("notThem", ["deny"]),
        ("notOrg", ["deny"]),
        ("pkb", ["deny"] * 7),
        ("signature", ["deny"]),
        ("smartonfhir", ["permit", "permit"]),
        ("basic", ["permit"]),
    ],
)
def test_the_published_consents_are_never_guessed_to_permit(id: str, expected: list[str]) -> None:
    consent = read(example("Consent", f"consent-example-{id}"))
    found = [rule.effect for rule in rules_of(consent, 1, NOW)]
    assert found[: len(expected)] == expected
    assert set(found) == set(expected)


def test_a_nested_provision_stands_under_the_criteria_of_those_around_it() -> None:
    inner = b.a_provision("deny", to=NIKO, classes="Observation", actions="access", purposes="TREAT", labels="PSY")
    root = b.a_provision(
        to=(S, H), actions="access correct", purposes="TREAT HRESCH", start="2026-01-10", provision=[inner]
    )
    rule = rules_of(a_consent("1", "2026-01-10", root), 1, NOW)[1]
    assert rule.recipients == ((H, S), (NIKO,))
    assert rule.actions == ("access",)
    assert rule.purposes == ("CLINTRL", "COC", "POPHLTH", "TREAT")
    assert rule.classes == (("Observation",),)
    assert rule.period.low == datetime(2026, 1, 9, 22, tzinfo=UTC)


def test_periods_meet_on_the_way() -> None:
    inner = b.a_provision(start="2026-03-01", end="2026-12-31", dataPeriod={"end": "2021-12-31"})
    root = b.a_provision(start="2026-01-01", end="2026-06-30", dataPeriod={"start": "2020-01-01"}, provision=[inner])
    rule = rules_of(a_consent("1", "2026-01-10", root), 1, NOW)[1]
    assert (rule.period.low.month, rule.period.high.month) == (2, 6)  # midnights in Helsinki
    assert rule.data_period is not None
    assert (rule.data_period.low.year, rule.data_period.high.year) == (2019, 2021)


def test_an_actor_is_a_recipient_a_holder_or_an_author_by_its_role() -> None:
    rule = only(b.a_provision(to=JARI, held_by=H, by=NIKO))
    assert (rule.recipients, rule.holders, rule.authors) == (((JARI,),), ((H,),), ((NIKO,),))


def an_actor(code: str, **reference: object) -> dict:
    role = b.a_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", code)
    return {"role": role, "reference": reference or b.a_reference(JARI)}


@pytest.mark.parametrize(
    "actor", [an_actor("WIT"), an_actor("IRCP", identifier={"value": "1"}), an_actor("IRCP", reference="#jari")]
)
def test_an_actor_that_nobody_understands_is_permitted_nothing_and_limits_no_deny(actor: dict) -> None:
    assert only(b.a_provision(actor=[actor])).recipients == ((),)
    denied = only(b.a_provision("deny", actor=[actor])).recipients
    assert denied in ((), ((JARI,),))


def test_an_action_without_a_code_is_permitted_nothing_and_limits_no_deny() -> None:
    assert only(b.a_provision(action=[{"text": "read"}])).actions == ()
    assert only(b.a_provision("deny", action=[{"text": "read"}])).actions is None


def test_references_are_as_the_index_has_them() -> None:
    consent = a_consent("1", "2026-01-10", b.a_provision(to=f"https://x.fi/fhir/{N}/_history/3"))
    assert rules_of(consent, 1, NOW, base="https://x.fi/fhir")[0].recipients == ((N,),)
    assert rules_of(consent, 1, NOW)[0].recipients == ((f"https://x.fi/fhir/{N}",),)


def test_a_permit_of_a_label_is_a_high_water_mark_and_a_deny_is_for_it_and_above() -> None:
    levels = [label[-1] for label in only(b.a_provision(labels="N")).labels[0]]
    assert sorted(levels) == ["L", "M", "N", "U"]
    assert sorted(label[-1] for label in only(b.a_provision("deny", labels="R")).labels[0]) == ["R", "V"]


def test_a_label_of_sensitivity_stands_for_those_below_it() -> None:
    codes = {label.partition("|")[2] for label in only(b.a_provision("deny", labels="SUD")).labels[0]}
    assert codes == {"SUD", "ETHUD", "OPIOIDUD"}
    assert {label.partition("|")[2] for label in only(b.a_provision("deny", labels="PSY")).labels[0]} == {"PSY"}


def test_a_deny_of_a_day_is_ranked_at_its_end_and_a_permit_at_its_beginning() -> None:
    permit, deny = only(b.a_provision()), only(b.a_provision("deny"))
    assert permit.at == permit.rank == deny.at == datetime(2026, 1, 9, 22, tzinfo=UTC)
    assert deny.rank == datetime(2026, 1, 10, 21, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "inactive"},
        {"status": "draft"},
        {"patient": {"identifier": {"value": "1"}}},
        {"dateTime": None},
        {"scope": {"text": "privacy"}},
    ],
)
def test_a_consent_that_decides_nothing_has_no_rules(changed: dict) -> None:
    consent = {**a_consent("1", "2026-01-10", b.a_provision()), **changed}
    assert rules_of({name: value for name, value in consent.items() if value is not None}, 1, NOW) == ()


def test_a_rule_tells_whose_consent_it_is_of_and_which_version() -> None:
    (rule,) = rules_of(a_consent("1", "2026-01-10", b.a_provision(), performer=[b.a_reference(AINO)]), 4, NOW)
    assert (rule.client, rule.versioned, rule.performers) == (AINO, "Consent/1/_history/4", (AINO,))
