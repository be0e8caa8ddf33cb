"""What those may do with a consultation that names no client whom it asks."""

from datetime import UTC, datetime

import pytest

from sharedplan.access.answers import Judgement
from sharedplan.access.consultation import by_address
from sharedplan.access.facts import Question
from sharedplan.access.items import Item
from sharedplan.access.periods import ALWAYS, NEVER
from sharedplan.access.relations import Directory, Role

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NIKO, OLLI, H, N = "Practitioner/niko", "Practitioner/olli", "Organization/h", "Organization/n"
ROLE, GONE = "PractitionerRole/niko", "PractitionerRole/gone"
DIRECTORY = Directory(
    (
        Role(ROLE, NIKO, H, ALWAYS),
        Role("PractitionerRole/olli", OLLI, H, ALWAYS),
        Role("PractitionerRole/jari", "Practitioner/jari", N, ALWAYS),
        Role(GONE, "Practitioner/kai", H, NEVER),
    )
)


def asked(*to: str, type: str = "Task") -> Item:
    names = frozenset(to)
    return Item(type, None, "1", "Organization/s", owners=names if type == "Task" else frozenset(), consulted=names)


def judged(
    person: str | None, organization: str | None, item: Item, action: str = "read", after: Item | None = None
) -> Judgement:
    return by_address(Question(person, organization, "TREAT", action, item, after), DIRECTORY, NOW)


@pytest.mark.parametrize(
    ("person", "organization", "to", "is_asked"),
    [
        (NIKO, H, NIKO, True),
        (NIKO, H, ROLE, True),
        (NIKO, H, H, True),
        (ROLE, H, NIKO, True),
        (NIKO, N, NIKO, True),
        (NIKO, N, ROLE, False),
        (NIKO, N, N, False),
        (NIKO, None, H, False),
        (OLLI, H, NIKO, False),
        (None, H, H, True),
        (None, H, ROLE, True),
        (None, H, NIKO, False),
        (None, H, GONE, False),
        (None, N, H, False),
        (None, None, H, False),
        ("Patient/aino", None, NIKO, False),
    ],
)
def test_who_is_asked(person: str | None, organization: str | None, to: str, is_asked: bool) -> None:
    for type in ("Task", "Communication"):
        found = judged(person, organization, asked(to, type=type))
        assert (found.is_permitted, found.step) == (is_asked, "addressed")
        if is_asked:
            assert found.reasons == (f"this {type} is addressed to {to} and names no client",)


@pytest.mark.parametrize("to", [NIKO, ROLE, OLLI, H, "PractitionerRole/olli"])
def test_its_owner_moves_it_on_within_his_organisation(to: str) -> None:
    for by in ((NIKO, H, NIKO), (None, H, ROLE), (OLLI, H, H)):
        person, organization, owner = by
        found = judged(person, organization, asked(owner), "update", asked(to))
        assert found.is_permitted
        assert found.reasons[-1] == "a guest may update this Task"


@pytest.mark.parametrize("to", [N, "Practitioner/jari", "PractitionerRole/jari", GONE, "Practitioner/kai"])
def test_to_no_other(to: str) -> None:
    found = judged(NIKO, H, asked(NIKO), "update", asked(to))
    assert found.reasons == ("it stays with whom it asks, or with somebody of the same organisation",)


def test_it_goes_on_naming_nobody() -> None:
    assert not judged(NIKO, H, asked(NIKO), "update", Item("Task", "Patient/1", "1")).is_permitted
    assert not judged(NIKO, H, asked(NIKO), "update", asked()).is_permitted


def test_it_is_not_deleted_by_whom_it_asks_and_a_message_is_not_changed() -> None:
    assert not judged(NIKO, H, asked(NIKO), "delete").is_permitted
    message = asked(NIKO, type="Communication")
    assert not judged(NIKO, H, message, "update", message).is_permitted
