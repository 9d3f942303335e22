"""Waiting for SchoolScan: how often it is asked, what is waited for, and what is not."""

from datetime import timedelta

import pytest

from remediation.domain.errors import TryLater, Waiting
from remedy.reconcile.report import Screen
from remedy.scans.following import FIRST_PAUSE, LONGEST_PAUSE, answered

PATIENCE = timedelta(minutes=10)
AWAY = TryLater("schoolscan:lakeside", "no answer (ConnectError)")
LIMITED = TryLater("schoolscan:lakeside", "too_many_scans", status=429, after=23.0)


class Waiter:
    """Somebody who waits on a clock of their own: each question is answered by the next of `answers`, then by None."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.now = 0.0
        self.pauses: list[float] = []

    async def ask(self) -> object:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def wait(self, at_most: timedelta = timedelta.max) -> object:
        screen = Screen(as_json=True)
        return await answered(self.ask, screen, PATIENCE, at_most=at_most, clock=lambda: self.now, sleep=self.sleep)


async def test_the_pause_between_two_questions_grows_to_half_a_minute() -> None:
    waiter = Waiter(*[None] * 30, "done")
    assert await waiter.wait() == "done"
    assert waiter.pauses == sorted(waiter.pauses)
    assert (waiter.pauses[0], waiter.pauses[-1]) == (FIRST_PAUSE, LONGEST_PAUSE)
    assert len([pause for pause in waiter.pauses if pause < LONGEST_PAUSE]) < 15


async def test_a_scan_of_hours_is_waited_for_while_it_is_heard_of() -> None:
    waiter = Waiter(*[None] * 1_000, "done")
    assert await waiter.wait() == "done"
    assert waiter.now > 8 * 3600


async def test_an_outage_is_waited_for_until_patience_ends() -> None:
    assert await Waiter(AWAY, AWAY, None, AWAY, "done").wait() == "done"
    waiter = Waiter(*[AWAY] * 1_000)
    with pytest.raises(TryLater):
        await waiter.wait()
    assert waiter.now <= PATIENCE.total_seconds()


async def test_a_limit_is_waited_for_as_long_as_it_says_and_not_counted_as_silence() -> None:
    waiter = Waiter(*[LIMITED] * 100, "done")
    assert await waiter.wait() == "done"
    assert waiter.now > PATIENCE.total_seconds()
    assert min(waiter.pauses) == LIMITED.after


@pytest.mark.parametrize(
    "error",
    [
        TryLater("s", "unauthorized", status=401),
        TryLater("s", "no answer", ambiguous=True),
        TryLater("s", "slow down", status=429, after=3600.0),
        TryLater("s", "closed", after=900.0, waiting=Waiting.AWAY),
    ],
)
async def test_what_waiting_does_not_mend_is_not_waited_for(error: TryLater) -> None:
    waiter = Waiter(error, "done")
    with pytest.raises(TryLater):
        await waiter.wait()
    assert waiter.pauses == []


async def test_what_may_take_only_so_long_is_given_up() -> None:
    waiter = Waiter()
    with pytest.raises(TimeoutError):
        await waiter.wait(at_most=PATIENCE)
    assert waiter.now <= PATIENCE.total_seconds()
