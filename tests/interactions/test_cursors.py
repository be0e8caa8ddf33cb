"""Cursors say nothing, cannot be made up, and are one client's."""

import pytest

from sharedplan.errors import Incorrect
from sharedplan.interactions.cursors import Cursors

PLACE = {"of": "Patient", "asked": [["identifier", "urn:s|131052-308T"]], "after": "x"}


def test_a_cursor_leads_back_to_its_place() -> None:
    assert Cursors(b"key").opened(Cursors(b"key").sealed(PLACE, client="a"), client="a") == PLACE


def test_a_cursor_shows_nothing_of_the_question_and_fits_into_a_url() -> None:
    cursor = Cursors(b"key").sealed(PLACE, client="a")
    assert "131052" not in cursor
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("change", ["", "A", "!", "ä", "=", "AAAA" * 10])
def test_a_cursor_that_is_made_up_is_incorrect(change: str) -> None:
    with pytest.raises(Incorrect):
        Cursors(b"key").opened(change, client="a")
    with pytest.raises(Incorrect):
        Cursors(b"key").opened(Cursors(b"key").sealed(PLACE, client="a")[:-3] + change, client="a")


def test_a_cursor_of_another_client_or_key_is_incorrect() -> None:
    cursor = Cursors(b"key").sealed(PLACE, client="a")
    with pytest.raises(Incorrect):
        Cursors(b"key").opened(cursor, client="b")
    with pytest.raises(Incorrect):
        Cursors(b"other").opened(cursor, client="a")
