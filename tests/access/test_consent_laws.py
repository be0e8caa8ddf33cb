"""What holds for all consents, whatever they say: laws of the decision between them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

import builders as b
from access.aino import (
    AINO,
    DIRECTORY,
    JARI,
    LEENA,
    NIKO,
    NOW,
    PLAN,
    SARI,
    TEAM,
    VILLE,
    WORKS_AT,
    H,
    S,
    an_observation,
    facts,
    judged,
    may,
)
from sharedplan.access.asker import asker_of
from sharedplan.access.consent import Access, decision_of, verdict
from sharedplan.access.items import item_of
from sharedplan.access.provisions import rules_of
from sharedplan.access.relations import memberships

WHO = (SARI, NIKO, JARI, LEENA, VILLE, H, S)
ITEMS = (
    PLAN,
    an_observation(),
    an_observation(labels="PSY R"),
    an_observation(effectiveDateTime="2019-05-01"),
    item_of(b.a_task(AINO, id="1", owner=b.a_reference(JARI)), controller=S),
)
PURPOSES = ("TREAT", "COC", "CAREMGT", "ETREAT", "BTG", "HRESCH")
ACTORS = (S, H, NIKO, JARI, LEENA, "CareTeam/1", "PractitionerRole/niko", "Practitioner/nobody")


def some(values: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(" ".join)


def a_provision(depth: int = 0, type: str | None = None) -> st.SearchStrategy[dict[str, Any]]:
    nested = st.lists(a_provision(depth + 1), max_size=2 - depth) if depth < 2 else st.just([])

    def made(type: str, to: list[str], nested: list[dict[str, Any]], period: Any, old: bool, **words: str) -> Any:
        more: dict[str, Any] = {"provision": nested} if nested else {}
        if old:
            more["dataPeriod"] = {"end": "2020-12-31"}
        return b.a_provision(type, to=to, start=period[0], end=period[1], **words, **more)

    return st.builds(
        made,
        type=st.just(type) if type else st.sampled_from(("permit", "deny")),
        to=st.lists(st.sampled_from(ACTORS), max_size=2, unique=True),
        nested=nested,
        period=st.sampled_from(
            ((None, None), ("2026-01-10", None), ("2026-01-10", "2026-02-28"), ("2026-04-01", None))
        ),
        old=st.sampled_from((False, False, False, True)),
        purposes=some(PURPOSES),
        actions=some(("access", "collect", "correct")),
        classes=some(("CarePlan", "Observation", "Task")),
        labels=some(("PSY", "N", "R")),
    )


def a_consent(provision: st.SearchStrategy[Any], *, ban: bool | None = None) -> st.SearchStrategy[dict[str, Any]]:
    def made(provision: Any, at: str, is_ban: bool, id: int) -> Any:
        code = "ban" if is_ban else "permit"
        category = [b.a_concept("https://sharedplan.dev/fhir/CodeSystem/consent-category", code)]
        return b.a_consent(AINO, id=f"c{id}", dateTime=at, category=category, provision=provision)

    return st.builds(
        made,
        provision=provision,
        at=st.sampled_from(("2026-01-10", "2026-02-01", "2026-02-01T09:00:00Z", "2026-03-02", "2026-04-01")),
        is_ban=st.sampled_from((False, False, True)) if ban is None else st.just(ban),
        id=st.integers(0, 10**9),
    )


CONSENTS = st.lists(a_consent(a_provision()), max_size=4, unique_by=lambda one: one["id"])
WHOSE = st.sampled_from(WHO)
ITEM = st.sampled_from(ITEMS)
PURPOSE = st.sampled_from(PURPOSES)
ACTION = st.sampled_from(("read", "update"))


@given(CONSENTS, st.randoms(), WHOSE, ITEM, PURPOSE, ACTION)
def test_the_order_in_which_consents_are_listed_does_not_matter(
    consents: Any, chance: Any, who: str, item: Any, purpose: str, action: str
) -> None:
    known = facts(*consents)
    shuffled = list(known.rules)
    chance.shuffle(shuffled)
    assert may(replace(known, rules=tuple(shuffled)), who, item, action, purpose) is may(
        known, who, item, action, purpose
    )


@given(CONSENTS, a_consent(a_provision(), ban=True), WHOSE, ITEM, PURPOSE)
def test_a_ban_never_turns_a_refusal_into_a_permit(consents: Any, ban: Any, who: str, item: Any, purpose: str) -> None:
    assume(all(one["id"] != ban["id"] for one in consents))
    if may(facts(*consents, ban), who, item, "read", purpose):
        assert may(facts(*consents), who, item, "read", purpose)


@given(CONSENTS, a_consent(a_provision(type="deny"), ban=False), WHOSE, ITEM, PURPOSE)
def test_a_deny_without_exceptions_never_turns_a_refusal_into_a_permit(
    consents: Any, deny: Any, who: str, item: Any, purpose: str
) -> None:
    deny["provision"].pop("provision", None)
    assume(all(one["id"] != deny["id"] for one in consents))
    if may(facts(*consents, deny), who, item, "read", purpose):
        assert may(facts(*consents), who, item, "read", purpose)


@given(CONSENTS, a_provision(), st.sampled_from(("2026-01-01", "2026-02-01", "2026-03-02")), WHOSE, ITEM, PURPOSE)
def test_a_consent_that_names_nobody_we_know_changes_nothing(
    consents: Any, provision: Any, at: str, who: str, item: Any, purpose: str
) -> None:
    stranger = b.a_provision("permit", to="Practitioner/stranger")["actor"]
    other = b.a_consent(AINO, id="other", dateTime=at, provision={**provision, "actor": stranger})
    assert may(facts(*consents, other), who, item, "read", purpose) is may(facts(*consents), who, item, "read", purpose)


@given(CONSENTS, WHOSE, ITEM, PURPOSE, ACTION, st.integers(0, 4))
def test_who_leaves_the_team_may_no_more_than_before(
    consents: Any, who: str, item: Any, purpose: str, action: str, leaving: int
) -> None:
    fewer = {**TEAM, "participant": [one for n, one in enumerate(TEAM["participant"]) if n != leaving]}
    if may(facts(*consents, team=fewer), who, item, action, purpose):
        assert may(facts(*consents), who, item, action, purpose)


@given(CONSENTS, st.sampled_from(("expired", "future", "inactive", "research")), WHOSE, ITEM, PURPOSE)
def test_a_consent_that_is_not_in_force_is_as_if_it_were_not(
    consents: Any, how: str, who: str, item: Any, purpose: str
) -> None:
    assume(consents)
    first, *others = consents
    match how:
        case "expired":
            first["provision"]["period"] = {"end": "2026-03-01"}
        case "future":
            first["dateTime"] = "2026-03-02T12:00:01Z"
        case "inactive":
            first["status"] = "inactive"
        case "research":
            first["scope"] = b.a_concept("http://terminology.hl7.org/CodeSystem/consentscope", "research")
    assert may(facts(*consents), who, item, "read", purpose) is may(facts(*others), who, item, "read", purpose)


@given(CONSENTS, WHOSE, ITEM, PURPOSE)
def test_a_permit_holds_until_it_says_and_no_longer(consents: Any, who: str, item: Any, purpose: str) -> None:
    known = facts(*consents)
    found = judged(known, who, item, "read", purpose)
    if found.is_permitted and found.valid_until is not None:
        assert not may(replace(known, at=found.valid_until), who, item, "read", purpose)
        assert may(replace(known, at=found.valid_until - timedelta(microseconds=1)), who, item, "read", purpose)
    if found.is_permitted and found.valid_until is None:
        assert may(replace(known, at=datetime(2030, 1, 1, tzinfo=UTC)), who, item, "read", purpose)


@given(CONSENTS, WHOSE, ITEM, PURPOSE, ACTION)
def test_the_decision_is_that_of_a_plain_reading_of_the_algorithm(
    consents: Any, who: str, item: Any, purpose: str, action: str
) -> None:
    """Latest wins, written down a second time: consents one by one, oldest first, bans last."""
    person, organization = (None, who) if who.startswith("Organization/") else (who, WORKS_AT.get(who))
    asker = asker_of(person, organization, DIRECTORY, memberships(TEAM), NOW)
    asked = Access(asker, {"read": "access", "update": "correct"}[action], purpose, NOW, item)
    told = [(verdict(rules_of(one, 1, NOW), asked), one) for one in consents]
    said = [each for each, _ in told if each is not None]
    effect = None
    for each in sorted(said, key=lambda one: (one.rule.rank, one.effect == "deny")):
        effect = each.effect
    if any(each.effect == "deny" and each.rule.is_ban for each in said):
        effect = "deny"
    found = decision_of([rule for one in consents for rule in rules_of(one, 1, NOW)], asked)
    assert (found.effect if found else None) == effect
