"""What was counted in the last day, week or month, in steps: of the whole service, or of some districts together."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from remediation.store.activity.hours import ActivityLog, ActivityStep, ActivitySums
from remediation.store.activity.present import present_sample
from remediation.store.activity.samples import ActivitySample, most_used
from remediation.store.activity.tally import WHOLE
from remediation.store.cases.open_cases import summed
from remediation.store.server.connection import Connection

MOST_TOGETHER = 8
"""Districts that are read together: a week of each is 168 rows of Redis."""


class ActivitySpan(StrEnum):
    """How far back one looks."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def words(self) -> str:
        """The span, and its steps, in words."""
        return _WORDS[self]

    @property
    def step_seconds(self) -> int:
        """Seconds of a step."""
        step, together, _ = _STEPS[self]
        return step.value * together


_STEPS: Mapping[ActivitySpan, tuple[ActivityStep, int, int]] = {
    ActivitySpan.DAY: (ActivityStep.HOUR, 1, 24),
    ActivitySpan.WEEK: (ActivityStep.HOUR, 3, 56),
    ActivitySpan.MONTH: (ActivityStep.DAY, 1, 30),
}
"""Which sums are read, how many of them make a step, and how many steps there are."""

_WORDS: Mapping[ActivitySpan, str] = {
    ActivitySpan.DAY: "24 hours, by the hour",
    ActivitySpan.WEEK: "7 days, by three hours",
    ActivitySpan.MONTH: "30 days, by the day (UTC)",
}


@dataclass(frozen=True, slots=True)
class ActivityPoint:
    """One step: when it begins (Unix seconds), what was counted in it, and the last sample in it; None for none."""

    begin: int
    counts: Mapping[str, int]
    sample: ActivitySample | None


@dataclass(frozen=True, slots=True)
class ActivityHistory:
    """The steps of a span, the oldest first; the last one has just begun. `districts` are whose it is; None for all.

    `present` is how much there is now, which is the sample of the last step, too.
    """

    span: ActivitySpan
    points: tuple[ActivityPoint, ...]
    present: ActivitySample
    districts: tuple[str, ...] | None = None


def steps_of(span: ActivitySpan, now: float) -> list[list[int]]:
    """The numbers of the hours, or days, of each step up to `now` (Unix seconds), the oldest first."""
    step, together, count = _STEPS[span]
    last = step.number_at(now)
    groups = range(last // together - count + 1, last // together + 1)
    return [[each for each in range(group * together, (group + 1) * together) if each <= last] for group in groups]


async def read_history(
    connection: Connection, span: ActivitySpan, now: float, districts: Collection[str] | None = None
) -> ActivityHistory:
    """What was counted until `now` (Unix seconds), of the whole service or of these districts.

    Of more than MOST_TOGETHER districts, those that come first by name are read. Raises StoreUnavailable.
    """
    names = None if districts is None else tuple(sorted(districts)[:MOST_TOGETHER])
    steps, step = steps_of(span, now), _STEPS[span][0]
    numbers = [number for group in steps for number in group]
    log, read_of = ActivityLog(connection), (WHOLE,) if names is None else names
    read, present = await asyncio.gather(
        asyncio.gather(*(log.read(step, numbers, name) for name in read_of)), present_sample(connection, names, now)
    )
    found: dict[int, list[ActivitySums]] = {number: [] for number in numbers}
    for of_name in read:
        for number, sums in zip(numbers, of_name, strict=True):
            found[number].append(sums)
    *before, last = (_point(step.begin_of(group[0]), [found[number] for number in group]) for group in steps)
    return ActivityHistory(span, (*before, _until_now(last, present)), present, names)


def _until_now(last: ActivityPoint, present: ActivitySample) -> ActivityPoint:
    """The step that has just begun: there is as much of all as there is now, and of limits the most that was used."""
    used = last.sample.limits if last.sample else ()
    return replace(last, sample=replace(present, limits=most_used(used, present.limits)))


def _point(begin: int, sums: Sequence[Sequence[ActivitySums]]) -> ActivityPoint:
    """The sums of the hours of one step, each of one or more districts.

    Of samples the latest counts, of limits the greatest use.
    """
    counts: Counter[str] = Counter()
    for each in (each for of_hour in sums for each in of_hour):
        counts.update(each.counts)
    samples = [sample for of_hour in sums if (sample := _together([each.sample for each in of_hour])) is not None]
    if not samples:
        return ActivityPoint(begin, counts, None)
    return ActivityPoint(begin, counts, replace(samples[-1], limits=most_used(*(each.limits for each in samples))))


def _together(samples: Sequence[ActivitySample | None]) -> ActivitySample | None:
    """The samples of one hour of several districts as one."""
    known = [sample for sample in samples if sample is not None]
    if not known:
        return None
    return replace(known[-1], open=summed(each.open for each in known))
