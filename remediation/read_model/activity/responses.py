"""How long deliveries took to a ticket and to a change of status, told from buckets. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remediation.read_model.wording import count_words, long_span_words
from remediation.store.activity.buckets import BOUNDS, percentile
from remediation.store.activity.tally import ResponseKind, responses_in

MEDIAN, MOST = 50, 95
"""In percent."""

RESPONSE_WORDS: Mapping[ResponseKind, str] = {
    ResponseKind.TICKET: "from a delivery to its first ticket",
    ResponseKind.STATUS: "from a delivery to the change of status",
}


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """Of `count` deliveries, half took no longer than `median` seconds, and 95 % no longer than `p95`; None for none.

    What took longer than the greatest bound (3 days) counts as that.
    """

    count: int = 0
    median: float | None = None
    p95: float | None = None

    @property
    def says(self) -> str:
        """The same in words."""
        if self.median is None or self.p95 is None:
            return "none"
        told = count_words(self.count, "delivery", "deliveries")
        return f"half of {told} within {within_words(self.median)}, 95 % within {within_words(self.p95)}"


def within_words(seconds: float) -> str:
    """A span of which only the bucket is known: 8 s, 12 min; `3 d or more` at the greatest bound."""
    return f"{long_span_words(seconds)} or more" if seconds >= BOUNDS[-1] else long_span_words(max(1, seconds))


def response_times(counts: Iterable[Mapping[str, int]], kind: ResponseKind) -> ResponseTimes:
    """The times of all severities in these sums together."""
    buckets: Counter[int] = Counter()
    for each in counts:
        for of_severity in responses_in(each, kind).values():
            buckets.update(of_severity)
    return times_in(buckets)


def times_in(buckets: Mapping[int, int]) -> ResponseTimes:
    """The times in these buckets."""
    return ResponseTimes(sum(buckets.values()), percentile(buckets, MEDIAN), percentile(buckets, MOST))
