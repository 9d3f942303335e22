"""What the receiver counts: metrics, and events whose log lines are rare because anybody can cause them.

Labels are districts from mappings.yaml and words of ours, never what a sender wrote.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from remediation.deliveries.events import SCHOOLSCAN
from remediation.store.activity.tally import WHOLE, answer_of, delivery_name

SAMPLED_SECONDS = 10.0
"""The least number of seconds between two lines of one kind."""

NOBODY = "unknown"
"""The account label, and where needed the sender label, of deliveries to addresses that mappings.yaml does not name.
Anybody can invent names, so they are counted together."""

DELIVERIES = Counter(
    "remedy_deliveries_total",
    "Deliveries by their answer; the reason tells equal answers apart. The account is a district or a tracker.",
    ["sender", "account", "answer", "reason"],
)
SIGNATURE_FAILURES = Counter(
    "remedy_signature_failures_total",
    "Deliveries whose signature does not hold, by whose they claim to be: the account is a district or a tracker.",
    ["sender", "account"],
)
SIGNATURES_SEEN = Counter(
    "remedy_signature_formats_refused_total",
    "Deliveries whose signature does not hold, by the format that it seems to have: a format's name, none, several, "
    "other, or untimed for one that holds and has no signed time, where others of the account had one.",
    ["sender", "account", "format"],
)
SECRET_USES = Counter(
    "remedy_webhook_secret_uses_total",
    "Deliveries whose signature holds, by the secret that signed them, as mappings.yaml calls it.",
    ["sender", "account", "secret"],
)
SECRET_ENDS = Gauge(
    "remedy_webhook_secret_ends_timestamp_seconds",
    "When a webhook secret ends that has an end, in Unix seconds.",
    ["sender", "account", "secret"],
)
OVER_LIMIT = Counter(
    "remedy_deliveries_over_limit_total",
    "Deliveries answered 503 because their account has brought more than its limit.",
    ["sender", "account"],
)
NOT_KEPT = Counter(
    "remedy_deliveries_not_kept_total",
    "Deliveries answered 503 because as much as is kept of what nobody can read (QuarantineFull) or has looked at yet "
    "(FirstLooksFull) is there of their account.",
    ["sender", "account", "reason"],
)
ACCEPT_SECONDS = Histogram(
    "remedy_accept_seconds",
    "From the first byte of a delivery to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3),
)
HTTP_REFUSALS = Counter(
    "remedy_http_refusals_total",
    "What the server refused before it was a delivery, by its answer and reason.",
    ["answer", "reason"],
)


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """Where deliveries with one answer are counted: for Prometheus, and for charts by a name and a district."""

    counter: Counter
    name: str
    district: str


@cache
def counts_of(sender: str, account: str, status: int, reason: str) -> AnswerCount:
    """Where deliveries with this answer are counted. Of accounts, answers and words of ours there are few."""
    counter = DELIVERIES.labels(sender, account, str(status), reason)
    district = account if sender == SCHOOLSCAN.name and account != NOBODY else WHOLE
    return AnswerCount(counter, delivery_name(sender, answer_of(status, reason)), district)


@cache
def secret_used(sender: str, account: str, secret: str) -> Counter:
    """The counter of deliveries that this secret signed."""
    return SECRET_USES.labels(sender, account, secret)


CONNECTIONS = Gauge("remedy_connections", "Connections that are open where senders come in.")


class Sampled:
    """Counts events and says when a log line is due, for each kind. Kinds are our own words, so there are few."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def count(self, kind: str) -> int:
        """Count one event. Returns the number of events since the last line where a line is due now, otherwise 0."""
        now, untold = self._clock(), self._untold.get(kind, 0) + 1
        if now - self._told_at.get(kind, -SAMPLED_SECONDS) < SAMPLED_SECONDS:
            self._untold[kind] = untold
            return 0
        self._told_at[kind], self._untold[kind] = now, 0
        return untold
