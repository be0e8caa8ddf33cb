"""SMART v2 scopes: what is understood, and that nothing else is guessed at."""

import pytest

from sharedplan.access.scopes import Scope, allows, contexts, parse
from sharedplan.errors import Unauthenticated


def test_a_scope_names_context_type_and_letters() -> None:
    assert parse("user/CarePlan.rs") == (Scope("user", "CarePlan", frozenset("rs")),)


def test_several_scopes_are_parted_by_spaces_and_told_once() -> None:
    assert parse("user/Task.r  system/*.cruds user/Task.r") == (
        Scope("user", "Task", frozenset("r")),
        Scope("system", "*", frozenset("cruds")),
    )


def test_scopes_that_say_nothing_of_resources_are_left_out() -> None:
    assert parse("openid fhirUser launch/patient offline_access patient/Goal.c") == (
        Scope("patient", "Goal", frozenset("c")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "user/CarePlan.read",
        "user/CarePlan.write",
        "user/CarePlan.*",
        "user/CarePlan.dus",
        "user/CarePlan.",
        "user/CarePlan",
        "user/CarePlan.rsx",
        "User/CarePlan.rs",
        "admin/CarePlan.rs",
        "user/careplan.rs",
        "user/Care*.rs",
        "*/CarePlan.rs",
        "user/CarePlan.rs;system/*.cruds",
        "superuser",
    ],
)
def test_unknown_forms_are_refused_and_not_guessed_at(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(f"user/Task.rs {text}")


def test_a_limit_is_refused_rather_than_left_out() -> None:
    with pytest.raises(Unauthenticated, match="limit"):
        parse("system/CarePlan.rs?category=assess-plan")


@pytest.mark.parametrize(
    ("interaction", "letters"),
    [
        ("read", "r"),
        ("vread", "r"),
        ("history-instance", "r"),
        ("search-type", "s"),
        ("search-system", "s"),
        ("history-type", "s"),
        ("history-system", "s"),
        ("create", "c"),
        ("update", "u"),
        ("patch", "u"),
        ("delete", "d"),
    ],
)
def test_each_interaction_needs_its_own_letter(interaction: str, letters: str) -> None:
    for letter in "cruds":
        assert allows(parse(f"user/Task.{letter}"), "Task", interaction) is (letter == letters)


def test_a_scope_of_one_type_allows_nothing_of_another() -> None:
    assert not allows(parse("user/Task.cruds"), "CarePlan", "read")


def test_the_star_allows_every_type() -> None:
    assert allows(parse("user/*.r"), "CarePlan", "read")


def test_contexts_tell_on_whose_behalf() -> None:
    scopes = parse("patient/Task.r user/*.s system/Task.c")
    assert contexts(scopes, "Task", "rs") == {"patient", "user"}
    assert contexts(scopes, "Goal", "r") == frozenset()
