"""The large plan that is reviewed: as large as it says, and nothing in it refers to what is not there."""

from itertools import islice

from benchmarks.reviewed import ACTIVITIES, ENCOUNTERS, PLAN, asked, world
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
