"""A worker's metrics. Labels are names from mappings.yaml and words of ours, never ids.

A `system` is a tracker's name, `schoolscan:` and a district's, or `incidents:` and a feed's, which is `district/feed`.
"""

from typing import Final

from prometheus_client import Counter, Histogram

from remediation.domain.incidents import IncidentFlaw
from remediation.store.audit.trail import BENDS_WHILE_CHAINING

_TO_THE_OUTSIDE = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200)
"""Seconds: from the goal for a critical finding to the effect of an outage of a night."""

DELIVERIES = Counter(
    "remedy_deliveries_read_total",
    "Deliveries read by a worker; the account is a district or a tracker.",
    ["sender", "account", "outcome"],
)
KEYS_MISSING = Counter("remedy_keys_missing_total", "Deliveries set aside because their data key is not there.")
DELIVERY_TO_TICKET = Histogram(
    "remedy_delivery_to_ticket_seconds",
    "From a delivery's receipt to the first ticket of the finding that it named.",
    ["sender"],
    buckets=_TO_THE_OUTSIDE,
)
DELIVERY_TO_STATUS = Histogram(
    "remedy_delivery_to_status_seconds",
    "From a delivery's receipt to the change of the finding's status at SchoolScan.",
    ["sender"],
    buckets=_TO_THE_OUTSIDE,
)
LOOKS = Counter("remedy_looks_total", "Looks at cases.", ["district", "outcome"])
LOOK_SECONDS = Histogram(
    "remedy_look_seconds", "How long a look at a case took.", buckets=(0.05, 0.2, 0.5, 1, 2, 5, 15)
)
PLANNED = Counter("remedy_planned_actions_total", "Actions that looks planned.", ["action", "target"])
ACTIONS = Counter(
    "remedy_actions_total",
    "Actions on tickets, and on the status of findings and incidents.",
    ["action", "target", "outcome"],
)
UNMATCHED = Counter("remedy_unmatched_total", "Looks at unsolved findings that no rule takes.", ["district"])
CONFLICTS = Counter(
    "remedy_conflicts_total",
    "Cases whose tickets, or finding and tickets, people changed in ways that disagree.",
    ["district"],
)
WAITS = Counter("remedy_waits_total", "Looks and pages put off, by what must end first.", ["system", "cause"])
RETRIES = Counter("remedy_retries_total", "Jobs that took up what an earlier one had to leave.", ["task"])
CALL_SECONDS = Histogram(
    "remedy_call_seconds",
    "Calls of SchoolScan, the feeds of incidents and the trackers, the wait for a free connection included.",
    ["system", "kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
CALL_ERRORS = Counter(
    "remedy_call_errors_total",
    "Calls that were not answered with what was asked for, by what must end first, or refused or not_found.",
    ["system", "cause"],
)
PAGES = Counter("remedy_scan_pages_total", "Pages of scans listed.", ["district", "outcome"])
LEFT_OUT = Counter(
    "remedy_findings_left_out_total", "Members of lists of findings without an id that can be used.", ["district"]
)
QUESTION_SECONDS = Histogram(
    "remedy_question_seconds",
    "How long it took to answer a question of the console, by what was asked.",
    ["kind"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
QUESTIONS_UNANSWERED = Counter(
    "remedy_questions_unanswered_total",
    "Questions of the console that have only a reason as an answer, by what was asked.",
    ["kind"],
)
VERIFYING_SCANS = Counter(
    "remedy_verification_scans_total",
    "Scans that verify what people mended, by what became of them.",
    ["district", "outcome"],
)
VERDICTS = Counter(
    "remedy_verifications_total",
    "Cases to which such a scan gave a verdict: gone, found, failed, refused.",
    ["district", "verdict"],
)
POLLS = Counter("remedy_polls_total", "Lists of changes read from trackers.", ["tracker", "outcome"])
FEED_PAGES = Counter("remedy_feed_pages_total", "Pages read from feeds of incidents.", ["feed", "outcome"])
FEED_CHANGES = Counter("remedy_feed_changes_total", "Incidents that were new, or other than before.", ["feed"])
FEED_FLAWS = Counter(
    "remedy_feed_flaws_total", "Incidents in which something could not be read, by what.", ["feed", "flaw"]
)
FORGOTTEN = Counter("remedy_incidents_deleted_total", "Incidents that were deleted as their time was over.", ["feed"])
CASES_DELETED = Counter(
    "remedy_cases_deleted_total", "Cases that were deleted as they had been at their end for long enough.", ["district"]
)
PARKED_GIVEN_UP = Counter(
    "remedy_parked_given_up_total",
    "Parked work that was given up, as nobody had decided about it for as long as it is kept.",
    ["account"],
)
STRANGERS = Counter(
    "remedy_marked_by_strangers_total",
    "Tickets that carry the mark of a case and are not taken for its own: another account opened them, elsewhere.",
    ["tracker"],
)
SET_ASIDE_DELETED = Counter(
    "remedy_set_aside_deleted_total",
    "Quarantined deliveries, and findings and scans that SchoolScan does not know (not_found), which were deleted as "
    "their time was over (age) or to make room for others (room).",
    ["kind", "account", "reason"],
)
WOKEN = Counter("remedy_woken_total", "Work that the sweep had to wake.", ["kind"])
AUDIT_LINES = Counter("remedy_audit_lines_total", "Lines that this worker has chained to the audit.")
AUDIT_BENDS = Counter(
    "remedy_audit_bends_total",
    "Bends at the end of the audit that this worker met while it chained, by kind.",
    ["kind"],
)
for _kind in BENDS_WHILE_CHAINING:
    AUDIT_BENDS.labels(_kind)  # present from the start: Prometheus sees no growth in a series that begins with 1
AUDIT_FAILURES = Counter(
    "remedy_audit_write_failures_total",
    "Attempts to write lines of the audit out that failed, by where to.",
    ["target"],
)
NOTIFICATIONS = Counter(
    "remedy_notifications_total",
    "Messages to people, by channel: sent, partly, not_taken, unreached, timed_out, and what is wrong with an address.",
    ["channel", "outcome"],
)
SWEEPS = Counter("remedy_sweeps_total", "Sweeps of this worker: of several workers, one sweeps at a time.")
LEASES_LOST = Counter("remedy_leases_lost_total", "Looks given up because another worker may hold the case.")
STORE_ERRORS = Counter("remedy_store_errors_total", "Jobs ended as Redis did not answer or took nothing.", ["task"])
STUMBLES = Counter("remedy_job_errors_total", "Jobs ended by an error that nobody foresaw.", ["task", "error"])

KEPT: Final = "kept"
PUT_OFF: Final = "put_off"
TORN: Final = "torn"


def begin_feed(feed: str) -> None:
    """Let every series of a feed exist from the start: Prometheus sees no growth in a series that begins with 1."""
    for outcome in (KEPT, PUT_OFF, TORN):
        FEED_PAGES.labels(feed, outcome)
    for flaw in IncidentFlaw:
        FEED_FLAWS.labels(feed, flaw.value)
    for counter in (FEED_CHANGES, FORGOTTEN):
        counter.labels(feed)
