"""Spans counted in buckets: what is told of them is never further from the truth than a bucket is wide."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from remediation.store.activity.buckets import BOUNDS, bucket_of, percentile

SPANS = st.lists(st.floats(0, 2 * BOUNDS[-1]), min_size=1, max_size=50)
PERCENT = st.sampled_from([1, 50, 95, 100])


def test_the_bounds_grow() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))


@given(st.floats(0, 10 * BOUNDS[-1]))
def test_a_span_is_in_the_first_bucket_whose_bound_is_not_smaller(seconds: float) -> None:
    place = bucket_of(seconds)
    assert place == len(BOUNDS) or seconds <= BOUNDS[place]
    assert place == 0 or seconds > BOUNDS[place - 1]


@given(SPANS, PERCENT)
def test_a_percentile_lies_in_the_bucket_in_which_the_span_of_that_rank_lies(spans: list[float], percent: int) -> None:
    told = percentile(Counter(map(bucket_of, spans)), percent)
    truth = sorted(spans)[math.ceil(len(spans) * percent / 100) - 1]
    assert told is not None
    place = bucket_of(truth)
    lower, upper = (BOUNDS[place - 1] if place else 0), BOUNDS[min(place, len(BOUNDS) - 1)]
    assert min(lower, upper) <= told <= upper


@given(SPANS)
def test_a_greater_share_never_takes_less_time(spans: list[float]) -> None:
    counts = Counter(map(bucket_of, spans))
    half, most = percentile(counts, 50), percentile(counts, 95)
    assert half is not None
    assert most is not None
    assert half <= most


def test_of_nothing_nothing_is_told() -> None:
    assert percentile({}, 50) is None
    assert percentile({3: 0}, 95) is None


def test_what_took_longer_than_the_greatest_bound_counts_as_that() -> None:
    assert percentile({len(BOUNDS): 4}, 50) == BOUNDS[-1]
