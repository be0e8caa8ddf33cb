"""Names by how they sound."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharedplan.search.values.phonetic import LONGEST, sounds


@pytest.mark.parametrize(
    "alike",
    [
        *("Virtanen Virtannen Wirtanen VIRTANEN Wirtaanen", "Mäki Maki Mákí", "Laakso Lakso Laaxo", "Määttä Matta"),
        *("Kristiina Christina Kristina", "Zacharias Sakarias", "Sofia Sophia Soffia", "Mathias Matias Mattias"),
        *("Åberg Oberg Öberg", "Lindqvist Lindquist Lindkvist", "Eriksson Ericsson Erikson", "Ahlström Alström"),
        *(
            "Johnsson Jonsson Jonson",
            "Sjöberg Schöberg",
            "Hjelm Jelm",
            "Axel Aksel",
            "Carl Karl Kaarl",
            "Gustav Gustaf",
        ),
        *("Cecilia Sesilia", "Maija Maia", "Schmidt Smith", "Löfgren Lövgren", "Yrjö Irjö", "Wahlroos Vaalros"),
        *("Backman Bakman Pakman", "Heidi Heiti", "O'Brien O’Brien OBrien", "Quist Kvist", "Đoković Dokovic"),
        *("Strauß Strauss", "Bengt Benkt", "Elizabeth Elisabet", "Oskar Oscar", "Filip Philip"),
    ],
)
def test_names_that_sound_alike_have_one_key(alike: str) -> None:
    names = alike.split()
    assert len({sounds(name) for name in names}) == 1
    assert all(len(sounds(name)) == 1 for name in names)


@pytest.mark.parametrize(
    "different",
    [
        *("Virtanen Mäkinen", "Laine Leino", "Aino Eino", "Korhonen Karhunen", "Marja Maria", "Katja Kasa"),
        *("Niemi Nieminen", "Salo Solo", "Lehtonen Lahtinen", "Pekka Pirkko", "Jari Jori", "Иванов Петров"),
    ],
)
def test_names_that_sound_different_have_two(different: str) -> None:
    one, other = different.split()
    assert sounds(one) != sounds(other)


def test_each_word_has_its_key_once_and_in_order() -> None:
    assert sounds(" Anna-Liisa  Wirtanen, o.s. Lisa ") == ("ana", "lisa", "virtanen", "o", "s")
    assert sounds("") == sounds("12 – 3 ☃") == ()
    assert sounds("Иванов") == ("иванов",)


def test_a_key_is_bounded() -> None:
    assert sounds("virta" * 10_000) == (("virta" * 12)[:LONGEST],)


@given(st.text("abcdefghijklmnopqrstuvwxyzåäö -'", max_size=40))
def test_case_and_composition_are_not_heard(text: str) -> None:
    assert sounds(text.upper()) == sounds(text) == sounds(unicodedata.normalize("NFD", text))


@given(st.text(max_size=40))
def test_any_text_has_keys_of_letters(text: str) -> None:
    keys = sounds(text)
    assert len(set(keys)) == len(keys)
    assert all(0 < len(key) <= LONGEST for key in keys)


@given(st.text("aeiouyäöklmnprsv", min_size=1, max_size=20))
def test_length_is_not_heard(name: str) -> None:
    assert sounds("".join(letter * 2 for letter in name)) == sounds(name)
