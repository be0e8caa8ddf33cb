"""ETags and what hangs on them."""

from datetime import UTC, datetime

import pytest

from sharedplan.errors import Incorrect, PreconditionNeeded, VersionMismatch
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.preconditions import check_write, is_unchanged, tags
from sharedplan.store.versions import Version

AT = datetime(2026, 1, 1, 12, 0, 0, 500000, tzinfo=UTC)
THIRD = Version("Patient", "1", 3, AT, "update", "{}")
DELETED = THIRD._replace(interaction="delete", content=None)


def asked(**headers: object) -> Asked:
    return Asked("update", "Patient", "1")._replace(**headers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ('W/"3"', ("3",)),
        ('"3"', ("3",)),
        (' W/"3" , "4"', ("3", "4")),
        ('"3",', ("3",)),
        ("*", ("*",)),
        (" * ", ("*",)),
        ('""', ("",)),
        ('W/"a,b"', ("a,b",)),
    ],
)
def test_entity_tags_are_read_weak_and_strong(header: str, named: tuple[str, ...]) -> None:
    assert tags(header, "If-Match") == named


@pytest.mark.parametrize(
    "header", ["", "3", "3, 4", "W/3", 'w/"3"', '"3', '3"', '"3" "4"', '*, "3"', '"a"b"', "W/", '" "', '"é€"']
)
def test_anything_else_is_incorrect(header: str) -> None:
    with pytest.raises(Incorrect):
        tags(header, "If-Match")


@pytest.mark.parametrize("header", ['W/"3"', '"3"', "*", 'W/"2", W/"3"'])
def test_if_match_lets_a_write_on_the_named_version_through(header: str) -> None:
    check_write(asked(if_match=header), THIRD)


@pytest.mark.parametrize("header", ['W/"2"', '"33"', 'W/"03"', 'W/"x"'])
def test_if_match_stops_a_write_on_another_version(header: str) -> None:
    with pytest.raises(VersionMismatch):
        check_write(asked(if_match=header), THIRD)


@pytest.mark.parametrize("header", ['W/"1"', "*"])
def test_if_match_stops_a_write_on_what_is_not_there(header: str) -> None:
    with pytest.raises(VersionMismatch):
        check_write(asked(if_match=header), None)


def test_a_deletions_own_tag_lets_a_resource_be_brought_back() -> None:
    check_write(asked(if_match='W/"3"'), DELETED)
    with pytest.raises(VersionMismatch):
        check_write(asked(if_match="*"), DELETED)
    with pytest.raises(VersionMismatch):
        check_write(asked(if_match='W/"2"'), DELETED)


def test_a_setting_asks_for_if_match_on_what_is_there() -> None:
    with pytest.raises(PreconditionNeeded):
        check_write(asked(), THIRD, required=True)
    check_write(asked(), None, required=True)
    check_write(asked(), DELETED, required=True)
    check_write(asked(if_match='W/"3"'), THIRD, required=True)


def test_if_none_match_of_any_stops_a_write_on_what_is_there() -> None:
    with pytest.raises(VersionMismatch):
        check_write(asked(if_none_match="*"), THIRD)
    check_write(asked(if_none_match="*"), None)
    check_write(asked(if_none_match="*"), DELETED)
    check_write(asked(if_none_match='W/"2"'), THIRD)


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [("3", True), (" 2 ", False), ('W/"3"', True), ('"3"', True), ("*", True), ('W/"2"', False)],
)
def test_if_none_match_tells_whether_a_copy_is_as_good(header: str, unchanged: bool) -> None:
    assert is_unchanged(asked(if_none_match=header), 3, AT) is unchanged


@pytest.mark.parametrize(("second", "unchanged"), [(59, False), (0, True), (1, True)])
def test_if_modified_since_counts_whole_seconds(second: int, unchanged: bool) -> None:
    since = AT.replace(minute=0 if second != 59 else 59, hour=12 if second != 59 else 11, second=second, microsecond=0)
    assert is_unchanged(asked(if_modified_since=since), 3, AT) is unchanged


def test_if_none_match_counts_before_if_modified_since() -> None:
    assert not is_unchanged(asked(if_none_match='W/"2"', if_modified_since=AT), 3, AT)
