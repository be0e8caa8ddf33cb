"""What is found out of single resources is found out once, and never of another."""

from sharedplan.care.traits import Traits
from sharedplan.fhir.exchanges import Json

BASE = "https://plan.example/fhir"


def about(traits: Traits, resource: Json) -> list[str | None]:
    return [traits.name_of(resource.get("focus"))]


def test_it_is_found_out_once_for_each_resource() -> None:
    traits, one = Traits(BASE), {"focus": {"reference": f"{BASE}/Goal/1"}}
    found = traits.of(one, about)
    assert found == ["Goal/1"] and traits.of(one, about) is found
    assert traits.of(dict(one), about) is not found


def test_a_resource_that_takes_the_place_of_another_is_looked_at_anew() -> None:
    traits = Traits(BASE)
    for number in range(100):  # each is gone before the next one comes, perhaps to where it was
        assert traits.of({"focus": {"reference": f"Goal/{number}"}}, about) == [f"Goal/{number}"]


def test_what_was_found_of_resources_that_are_no_more_is_let_go() -> None:
    traits = Traits(BASE)
    kept: list[Json] = [{"focus": {"reference": "Goal/1"}} for _ in range(3)]
    first = [traits.of(each, about) for each in kept]
    assert traits.fitting(kept) is traits
    for number in range(10):
        traits.of({"focus": {"reference": f"Goal/{number}"}}, about)
    fitting = traits.fitting(kept)
    assert fitting is not traits and fitting.fitting(kept) is fitting
    assert all(fitting.of(each, about) is its for each, its in zip(kept, first, strict=True))
