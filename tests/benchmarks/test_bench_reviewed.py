"""The large plan that is reviewed: as large as it says, and nothing in it refers to what is not there."""

from itertools import islice

from benchmarks.population import CONTROLLER
from benchmarks.reviewed import ACTIVITIES, ENCOUNTERS, PLAN, PLANS, another, asked, asked_for_the_first_time, world
from benchmarks.workloads import Target

from sharedplan.fhir import references


def test_the_plan_has_its_activities_and_encounters_and_no_loose_end() -> None:
    there = dict(world())
    types = [name.partition("/")[0] for name in there]
    assert (len(there[PLAN]["activity"]), types.count("Encounter")) == (ACTIVITIES, ENCOUNTERS)
    named = {text for each in there.values() for _, _, text in references.each(each)}
    assert named <= there.keys()


def test_reads_and_reviews_take_turns_until_something_changes() -> None:
    kinds = [each.kind for each in islice(asked(Target("http://127.0.0.1:1/fhir", "token", 0)), 22)]
    assert kinds == [*["read", "review"] * 10, "change", "anew"]


def test_other_plans_have_all_that_the_first_has_and_nothing_of_it() -> None:
    first, other = dict(world()), dict(another(1))
    assert len(other) == len(first) - 1 and not first.keys() & other.keys()
    named = {text for each in other.values() for _, _, text in references.each(each)}
    assert named <= other.keys() | {CONTROLLER}


def test_each_asker_asks_for_the_first_time_once_and_each_other_plan_is_asked_for_once() -> None:
    askers = [Target("http://127.0.0.1:1/fhir", f"token-{n}", 0) for n in range(3)]
    requests = [*asked_for_the_first_time(askers)]
    cold = [each.wire for each in requests if each.kind == "cold"]
    first = [each.wire for each in requests if each.kind == "first"]
    assert (len({*cold}), len(cold)) == (3, 3) and (len({*first}), len(first)) == (PLANS, PLANS)
    assert all(b"bench-review/$review" in each for each in cold)
    assert not [each for each in first if b"bench-review" in each]
