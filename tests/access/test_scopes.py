"""SMART v2 scopes: what is understood, and that nothing else is guessed at."""

import pytest

from sharedplan.access.scopes import Scope, allows, common, contexts, parse
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


def test_a_limit_is_read_as_the_pairs_that_it_is() -> None:
    [scope] = parse(
        "system/CarePlan.rs?category=http://x.example|assess-plan&status=active,draft&date=ge2026-01-01T00:00:00%2B02:00"
    )
    assert scope.limit == (
        ("category", "http://x.example|assess-plan"),
        ("status", "active,draft"),
        ("date", "ge2026-01-01T00:00:00+02:00"),
    )


@pytest.mark.parametrize(
    "limit",
    [
        "",
        "status",
        "status=",
        "=active",
        "stauts=active",
        "status:not=active",
        "status:missing=true",
        "subject:Patient.name=x",
        "subject.name=x",
        "patient.identifier=x",
        "_has:Task:focus:status=requested",
        "_filter=status eq active",
        "_filter=x",
        "_list=1",
        "_text=x",
        "_content=x",
        "_query=x",
        "_count=1",
        "_sort=date",
        "_total=none",
        "_summary=true",
        "_elements=id",
        "_include=CarePlan:subject",
        "_revinclude=Task:focus",
        "date=yesterday",
        "date=",
        "status=active&",
        "status%3Anot=active",
        "status=%00",
        "status=%ff",
        "&".join(["status=active"] * 11),
    ],
)
def test_a_limit_that_is_not_taken_is_refused_rather_than_left_out(limit: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(f"system/CarePlan.rs?{limit}")


def test_a_limit_of_all_types_is_by_what_all_of_them_have() -> None:
    assert parse("system/*.rs?_tag=urn:x|a")[0].limit == (("_tag", "urn:x|a"),)
    with pytest.raises(Unauthenticated):
        parse("system/*.rs?status=active")


@pytest.mark.parametrize(
    "text",
    [
        "user/Task.cs",
        "system/*.cruds",
        "system/CarePlan.rs?category=http://x.example|a&status=active",
        "patient/Goal.d",
    ],
)
def test_a_scope_is_written_as_it_is_read(text: str) -> None:
    assert [str(scope) for scope in parse(text)] == [text]


def test_what_may_not_stand_in_a_scope_is_written_otherwise() -> None:
    [scope] = parse("system/Patient.rs?name=%22a%20b%22%26c")
    assert str(scope) == "system/Patient.rs?name=%22a%20b%22%26c"
    assert parse(str(scope)) == (scope,)


@pytest.mark.parametrize(
    ("asked", "allowed", "both"),
    [
        ("system/CarePlan.rs", "system/*.cruds", "system/CarePlan.rs"),
        ("system/*.cruds", "system/CarePlan.rs", "system/CarePlan.rs"),
        ("system/*.rs", "system/*.cru", "system/*.r"),
        ("system/Goal.c", "system/Goal.rs", ""),
        ("user/Goal.r", "system/Goal.r", ""),
        ("system/Goal.r", "system/Task.r", ""),
        ("system/Goal.rs", "system/*.s system/Goal.rs", "system/Goal.rs"),
        ("system/Goal.rs system/*.r", "system/*.rs", "system/Goal.rs system/*.r"),
        ("system/*.rs system/Goal.r", "system/*.rs", "system/*.rs"),
        ("system/Task.rs", "system/Task.rs?status=requested", "system/Task.rs?status=requested"),
        ("system/Task.rs?status=requested", "system/*.rs", "system/Task.rs?status=requested"),
        ("system/Task.rs?code=a", "system/Task.rs?status=requested", "system/Task.rs?code=a&status=requested"),
        (
            "system/Task.rs",
            "system/Task.rs?status=requested system/Task.r",
            "system/Task.rs?status=requested system/Task.r",
        ),
        ("system/Task.rs system/Task.rs?status=requested", "system/*.rs", "system/Task.rs"),
    ],
)
def test_what_is_granted_is_both_asked_and_allowed(asked: str, allowed: str, both: str) -> None:
    assert " ".join(map(str, common(parse(asked), parse(allowed)))) == both


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
