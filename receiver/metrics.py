"""What the receiver counts. Labels are districts from mappings.yaml and words of ours, never what a sender wrote."""

from prometheus_client import Counter, Histogram

DELIVERIES = Counter(
    "remedy_deliveries_total",
    "Deliveries by their answer; the reason tells equal answers apart.",
    ["sender", "answer", "reason"],
)
SIGNATURE_FAILURES = Counter(
    "remedy_signature_failures_total",
    "Deliveries whose signature does not hold, by whose they claim to be: the account is a district or a tracker.",
    ["sender", "account"],
)
ACCEPT_SECONDS = Histogram(
    "remedy_accept_seconds",
    "From the first byte of a delivery to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3),
)
