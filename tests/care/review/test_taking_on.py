"""When a referral was accepted, by what its Tasks tell."""

from datetime import date
from typing import Any

import pytest

from sharedplan.care.review.taking_on import wait_of

Json = dict[str, Any]

REQUEST = {"status": "active", "authoredOn": "2026-02-01"}
LOADED, CHANGED = ({"versionId": number, "lastUpdated": "2026-02-09T10:00:00Z"} for number in ("1", "2"))


def began(day: str, status: str = "in-progress", **elements: Any) -> Json:
    return {"status": status, "executionPeriod": {"start": day}, **elements}


@pytest.mark.parametrize(
    ("task", "days"),
    [
        (began("2026-02-04"), 3),
        (began("2026-02-04", "completed"), 3),
        (began("2026-02-04", "cancelled"), 3),
        (began("2026-02-04", "rejected"), None),
        (began("2026-01-04"), None),
        (began("2026-02-01T23:30:00Z"), 1),
        ({"status": "accepted", "lastModified": "2026-02-06T08:00:00Z", "meta": CHANGED}, 5),
        ({"status": "accepted", "meta": CHANGED}, 8),
        ({"status": "accepted", "meta": LOADED}, None),
        ({"status": "in-progress", "lastModified": "2026-02-06T08:00:00Z", "meta": CHANGED}, None),
        ({"status": "requested", "lastModified": "2026-02-06T08:00:00Z"}, None),
    ],
)
def test_days_are_told_by_what_was_stated_of_the_acceptance(task: Json, days: int | None) -> None:
    assert wait_of(REQUEST, [task]).days == days


def test_the_first_who_took_it_on_counts_if_none_can_have_been_before() -> None:
    first, second = began("2026-02-04", authoredOn="2026-02-01"), began("2026-02-09", authoredOn="2026-02-08")
    assert wait_of(REQUEST, [first, second]).days == 3
    untold = {"status": "completed", "authoredOn": "2026-02-01"}
    assert wait_of(REQUEST, [untold, second]).days is None
    assert wait_of(REQUEST, [first, {**untold, "authoredOn": "2026-02-20"}]).days == 3


def test_without_the_referral_the_first_task_tells_when_it_was_requested() -> None:
    rejected = {"status": "rejected", "authoredOn": "2026-02-02"}
    found = wait_of({}, [rejected, began("2026-02-04", authoredOn="2026-02-03")])
    assert (found.requested, found.days, found.is_waiting) == (date(2026, 2, 2), 2, False)


def test_it_waits_while_somebody_is_asked_or_the_referral_is_open() -> None:
    rejected = {"status": "rejected", "authoredOn": "2026-02-02"}
    assert wait_of(REQUEST, [rejected]).is_waiting
    assert not wait_of({**REQUEST, "status": "revoked"}, [rejected]).is_waiting
    assert wait_of({}, [rejected, {"status": "requested"}]).is_waiting
