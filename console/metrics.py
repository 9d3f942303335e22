"""What the console counts. Labels are names of our own routes and statuses, never what somebody asked for."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "remedy_console_requests_total", "Requests to the console, by route and status.", ["route", "status"]
)
REQUEST_SECONDS = Histogram(
    "remedy_console_request_seconds",
    "From a request's head to the end of its answer, by route; streams are left out.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
STREAMS = Gauge("remedy_console_streams", "Pages that are open and told when something changes.")
