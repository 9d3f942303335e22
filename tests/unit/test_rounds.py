"""Rounds go by a steady clock; what was missed is done once."""

from dataclasses import dataclass

from workers.jobs.boundary import ArqContext
from workers.rounds.schedule import Round, Schedule


async def nothing(_ctx: ArqContext) -> None:
    """Is never asked for here."""


SWEEP = Round("sweep", 2.0, nothing)
POLL = Round("poll", 30.0, nothing)


@dataclass
class Steady:
    """A steady clock that goes on only when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def names(schedule: Schedule) -> list[str]:
    return [each.name for each in schedule.due()]


def test_every_round_is_due_at_the_start_and_then_after_its_time() -> None:
    clock = Steady()
    schedule = Schedule((SWEEP, POLL), clock)
    assert names(schedule) == ["sweep", "poll"]
    assert names(schedule) == []
    clock.now += 1.9
    assert names(schedule) == []
    clock.now += 0.1
    assert names(schedule) == ["sweep"]
    clock.now += 28
    assert names(schedule) == ["sweep", "poll"]


def test_looking_a_little_late_each_time_makes_no_round_rarer() -> None:
    clock = Steady()
    schedule = Schedule((SWEEP,), clock)
    begun = 0
    for _ in range(400):
        begun += len(schedule.due())
        clock.now += 0.26
    assert begun == 52, "one at the start, and one for every two of 103.74 seconds"


def test_what_was_missed_in_a_pause_is_done_once() -> None:
    clock = Steady()
    schedule = Schedule((SWEEP, POLL), clock)
    schedule.due()
    clock.now += 600
    assert names(schedule) == ["sweep", "poll"]
    assert names(schedule) == []
    clock.now += 2
    assert names(schedule) == ["sweep"]
