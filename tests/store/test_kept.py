"""What a process keeps from one question to the next."""

from datetime import UTC, datetime, timedelta

from sharedplan.store.kept import Kept
from sharedplan.store.tracing import Visit, together


def test_the_least_recently_used_gives_way() -> None:
    kept = Kept(10)
    for key in "abc":
        kept.put(key, key.upper(), 4)
    assert [kept.get(each) for each in "abc"] == [None, "B", "C"]
    assert kept.get("b") == "B"
    kept.put("d", "D", 4)
    assert [kept.get(each) for each in "bcd"] == ["B", None, "D"]


def test_a_value_takes_the_place_of_the_one_before_and_what_is_too_heavy_is_not_kept() -> None:
    kept = Kept(10)
    kept.put("a", "old", 8)
    kept.put("a", "new", 3)
    kept.put("b", "B", 7)
    assert (kept.get("a"), kept.get("b")) == ("new", "B")
    kept.put("b", "heavy", 11)
    assert (kept.get("a"), kept.get("b")) == ("new", None)


def test_what_was_told_before_and_what_came_since_are_as_if_asked_at_once() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    days = [now - timedelta(days=n) for n in range(100)]
    first = together(
        [Visit(["Patient/a"], days[20], days[30], days[20]), Visit(["Patient/b"], days[80], None, None)],
        upto=1,
        since=days[90],
        changed=days[25],
        told=None,
    )
    since = together(
        [Visit(["Patient/a"], days[1], None, days[1]), Visit(["Patient/c"], days[2], days[2], None)],
        upto=2,
        since=days[28],
        changed=days[25],
        told=first,
    )
    assert since.upto == 2
    assert since.visits == (
        Visit(("Patient/a",), days[1], None, days[20]),
        Visit(("Patient/c",), days[2], days[2], None),
    )
