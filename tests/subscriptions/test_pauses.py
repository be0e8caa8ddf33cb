"""How long is waited between tries."""

from datetime import timedelta

from sharedplan.subscriptions.progress import pause


def test_pauses_double_from_a_second_to_an_hour_and_differ_among_subscriptions() -> None:
    waits = [pause(number, "a") for number in range(1, 40)]
    assert timedelta(seconds=1) <= waits[0] <= timedelta(seconds=1.2)
    for number, wait in enumerate(waits[:11]):
        assert 0.8 * 2**number <= max(wait.total_seconds(), 0.8) <= 1.2 * 2**number
    assert waits[-1] == timedelta(hours=1) or timedelta(hours=0.8) <= waits[-1] <= timedelta(hours=1)
    assert len({pause(5, str(name)) for name in range(20)}) == 20
