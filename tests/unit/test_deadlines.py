"""One timer for the deadlines of all requests, with the manners of asyncio.timeout."""

import asyncio

import pytest

from receiver.deadlines import Deadline, Deadlines
from receiver.limits import BodyTooSlow
from receiver.stopping import OutOfTime, Stop
from remediation.domain.errors import RemediationError, StoreUnavailable

FOREVER = 30.0


@pytest.fixture
def deadlines() -> Deadlines:
    return Deadlines()


async def endless(deadline: Deadline, *steps: tuple[float, type[RemediationError]]) -> None:
    """Work that sets a deadline for each step, and whose last step takes too long."""
    with deadline:
        for seconds, error in steps:
            deadline.set(seconds, error)
        await asyncio.sleep(FOREVER)


async def test_work_that_takes_too_long_ends_with_the_error_of_its_step(deadlines: Deadlines) -> None:
    with pytest.raises(StoreUnavailable):
        await endless(Deadline(deadlines), (FOREVER, BodyTooSlow), (0.01, StoreUnavailable))


async def test_work_that_ends_in_time_is_not_disturbed(deadlines: Deadlines) -> None:
    for _ in range(3):
        with Deadline(deadlines) as deadline:
            deadline.set(FOREVER, BodyTooSlow)
            await asyncio.sleep(0)
            deadline.set(0.2, StoreUnavailable)
        await asyncio.sleep(0.1)


async def test_a_cancellation_by_others_is_passed_on(deadlines: Deadlines) -> None:
    task = asyncio.create_task(endless(Deadline(deadlines), (FOREVER, BodyTooSlow)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_goes_on_after_its_deadline_as_if_it_had_not_been_cancelled(deadlines: Deadlines) -> None:
    with pytest.raises(BodyTooSlow):
        await endless(Deadline(deadlines), (0.0, BodyTooSlow))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_stop_ends_every_request_and_no_step_gets_more_time() -> None:
    stop = Stop()
    begun = asyncio.create_task(endless(stop.in_time(), (FOREVER, BodyTooSlow)))
    await asyncio.sleep(0)
    stop.begin(0.01)
    late = asyncio.create_task(endless(stop.in_time(), (FOREVER, BodyTooSlow)))
    for each in (begun, late):
        with pytest.raises(OutOfTime):
            await each
    with pytest.raises(OutOfTime):
        stop.in_time()


async def test_a_step_that_ends_before_the_stop_has_its_own_error() -> None:
    stop = Stop()
    stop.begin(FOREVER)
    with pytest.raises(BodyTooSlow):
        await endless(stop.in_time(), (0.01, BodyTooSlow))


async def test_the_timer_rests_when_no_request_is_in_hand(deadlines: Deadlines) -> None:
    with Deadline(deadlines) as deadline:
        deadline.set(FOREVER, BodyTooSlow)
    async with asyncio.timeout(5):
        while deadlines.is_watched:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0.01)
