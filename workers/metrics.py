"""What a worker counts. Labels are names from mappings.yaml and words of ours, never ids."""

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES = Counter(
    "remedy_deliveries_read_total",
    "Deliveries read by a worker; the account is a district or a tracker.",
    ["sender", "account", "outcome"],
)
LOOKS = Counter("remedy_looks_total", "Looks at cases.", ["district", "outcome"])
LOOK_SECONDS = Histogram(
    "remedy_look_seconds", "How long a look at a case took.", buckets=(0.05, 0.2, 0.5, 1, 2, 5, 15)
)
ACTIONS = Counter("remedy_actions_total", "Actions on trackers and findings.", ["action", "target", "outcome"])
UNMATCHED = Counter("remedy_unmatched_total", "Looks at unsolved findings that no rule takes.", ["district"])
CONFLICTS = Counter(
    "remedy_conflicts_total", "Cases whose finding and ticket people changed in ways that disagree.", ["district"]
)
PAGES = Counter("remedy_scan_pages_total", "Pages of scans listed.", ["district", "outcome"])
POLLS = Counter("remedy_polls_total", "Lists of changes read from trackers.", ["tracker", "outcome"])
WOKEN = Counter("remedy_woken_total", "Work that the sweep had to wake.", ["kind"])
DIRTY = Gauge("remedy_cases_dirty", "Cases that wait to be looked at.")
SYSTEMS_WAITED_FOR = Gauge(
    "remedy_system_waited_for",
    "1 while a system is waited for: for a sign-in, a limit, or an answer (away).",
    ["system", "waiting"],
)
CASES_HELD = Gauge("remedy_cases_held", "Cases that wait for a system.", ["system"])
PARKED = Gauge("remedy_parked", "Parked and quarantined work.")
STUMBLES = Counter("remedy_job_errors_total", "Jobs ended by an error that nobody foresaw.", ["job", "error"])
