"""One timer for all who have the same time."""

import asyncio

import pytest

from sharedplan.deadlines import Deadlines


async def asleep(deadlines: Deadlines, seconds: float) -> str:
    with deadlines:
        await asyncio.sleep(seconds)
    return "awake"


async def test_whoever_is_late_is_told_so_and_nobody_else() -> None:
    deadlines = Deadlines(0.1)
    first = asyncio.create_task(asleep(deadlines, 5))
    await asyncio.sleep(0.06)
    ends = await asyncio.gather(first, asleep(deadlines, 5), asleep(deadlines, 0.05), return_exceptions=True)
    assert [type(each) for each in ends] == [TimeoutError, TimeoutError, str]
    assert await asleep(deadlines, 0.01) == "awake"


async def test_the_later_one_has_all_of_his_time() -> None:
    deadlines = Deadlines(0.2)
    first = asyncio.create_task(asleep(deadlines, 0.05))
    await asyncio.sleep(0.1)
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        await asleep(deadlines, 5)
    assert asyncio.get_running_loop().time() - began >= 0.2
    assert await first == "awake"


async def test_whoever_is_cancelled_by_somebody_else_is_not_late() -> None:
    task = asyncio.create_task(asleep(Deadlines(5), 5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_goes_its_way() -> None:
    with pytest.raises(KeyError), Deadlines(5):
        raise KeyError


async def test_a_task_goes_on_after_it_was_late() -> None:
    """Its cancellation is over: what it does next may wait."""
    with pytest.raises(TimeoutError):
        await asleep(Deadlines(0.01), 5)
    await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
