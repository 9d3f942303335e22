"""Spans of time, counted in buckets with fixed bounds, and what can be told of them afterwards. Pure."""

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS: tuple[int, ...] = (
    *(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200),
    *(1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200),
)
"""Seconds: the upper bound of each bucket but the last one, which has all that took longer.

They are stored by their places: another list would give another meaning to what was counted before.
"""


def bucket_of(seconds: float) -> int:
    """The place of the bucket for a span: its bound is the first that is not smaller."""
    return bisect_left(BOUNDS, seconds)


def percentile(counts: Mapping[int, int], percent: float) -> float | None:
    """The seconds that `percent` of the counted spans do not exceed, as well as the buckets can tell; None for none.

    Inside a bucket the spans count as evenly spread. What lies in the last bucket counts as the greatest bound.
    """
    total = sum(counts.values())
    if not total:
        return None
    rank, below = total * percent / 100, 0
    for place in sorted(place for place, count in counts.items() if count):
        if below + counts[place] >= rank:
            return _inside(place, (rank - below) / counts[place])
        below += counts[place]
    return float(BOUNDS[-1])


def _inside(place: int, share: float) -> float:
    if place >= len(BOUNDS):
        return float(BOUNDS[-1])
    lower = BOUNDS[place - 1] if place else 0
    return lower + (BOUNDS[place] - lower) * share
