"""Items: what goes together, and what may go side by side."""

from itertools import pairwise

from loading.texts import bundle, patient, plan, posted, put, text
from sharedplan.loading.items import TOGETHER, Item, items
from sharedplan.loading.scheduling import Schedule


def test_single_resources_go_together_and_a_bundle_goes_alone() -> None:
    texts = [
        text(patient(id="a"), 1),
        text(patient(id="b"), 2),
        text(bundle("batch", put(patient(id="c"))), 3),
        text(patient(id="d"), 4),
    ]
    assert [len(item.texts) for item in items(texts)] == [2, 1, 1]


def test_a_resource_that_comes_twice_goes_twice() -> None:
    texts = [text(patient(id="a", active=number == 0), number) for number in range(3)]
    assert [len(item.texts) for item in items(texts)] == [1, 1, 1]


def test_stretches_are_held_to_a_size_and_to_a_file() -> None:
    texts = [text(patient(id=f"p{number}"), number) for number in range(TOGETHER + 1)]
    texts.append(text(patient(id="other"), 1, file="other.ndjson"))
    assert [len(item.texts) for item in items(texts)] == [TOGETHER, 1, 1]


def test_what_is_no_json_is_an_item_all_the_same() -> None:
    (item,) = items([text(b'{"resourceType": NaN}')])
    assert item.writes == {}


def test_two_that_write_the_same_otherwise_wait_for_one_another() -> None:
    first, second, third = (
        text(bundle("transaction", put(patient(id="a", active=active))), number)
        for number, active in enumerate([True, False, False], 1)
    )
    schedule = Schedule(items([first, second, third]))
    begun = schedule.next()
    assert begun is not None
    assert begun.texts == [first]
    assert schedule.next() is None
    schedule.done(begun)
    assert [each.texts[0] for each in rest(schedule)] == [second, third], "those say the same, so they go side by side"


def test_posts_wait_for_nobody() -> None:
    texts = [text(bundle("transaction", posted(patient(active=True), f"urn:uuid:{n}")), n) for n in range(5)]
    assert len(rest(Schedule(items(texts)))) == 5


def test_conditions_wait_for_the_files_before_and_hold_up_those_after() -> None:
    asks = plan("Patient?identifier=1")
    texts = [
        text(bundle("transaction", posted(patient(), "urn:1")), 1, file="a"),
        text(bundle("transaction", posted(asks, "urn:2")), 1, file="b"),
        text(bundle("transaction", posted(asks, "urn:3")), 2, file="b"),
        text(bundle("transaction", posted(patient(), "urn:4")), 1, file="c"),
    ]
    schedule = Schedule(items(texts))
    order: list[list[str]] = []
    while begun := rest(schedule):
        order.append([item.texts[0].file for item in begun])
        for item in begun:
            schedule.done(item)
    assert order == [["a"], ["b", "b"], ["c"]]
    assert schedule.is_empty


def test_what_is_far_ahead_is_read_only_when_there_is_room() -> None:
    read: list[int] = []

    def texts() -> object:
        for number in range(1000):
            read.append(number)
            yield text(bundle("batch", put(patient(id="a", active=number % 2 == 0))), number)

    schedule = Schedule(items(texts()))  # type: ignore[arg-type]
    assert schedule.next() is not None
    assert schedule.next() is None
    assert len(read) < 50
    assert all(first < second for first, second in pairwise(read))


def rest(schedule: Schedule) -> list[Item]:
    found = []
    while (item := schedule.next()) is not None:
        found.append(item)
    return found
