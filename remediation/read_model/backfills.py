"""A backfill as people and programs are shown it, and how long it takes. Pure."""

import math
from datetime import timedelta
from typing import Any

from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.store.scans.backfills import Backfill, BackfillState

WRITES_A_MINUTE = 60
"""What SchoolScan gives a district, by the vendor's page, as long as no answer has said otherwise."""

_STATES = {
    BackfillState.LISTING: "is being listed",
    BackfillState.PARKED: "is parked: its list was refused",
    BackfillState.DONE: "is listed",
    BackfillState.CANCELLED: "was cancelled",
}


def time_of_writes(writes: int, a_minute: int) -> timedelta:
    """How long so many writes take at the least."""
    return timedelta(minutes=math.ceil(writes / a_minute))


def estimate_words(writes: int, a_minute: int) -> str:
    """The estimate for people: `about 2 h 47 min at 60 writes a minute`."""
    minutes = time_of_writes(writes, a_minute) // timedelta(minutes=1)
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0 or hours == 0)
    return f"about {' '.join(parts)} at {a_minute} writes a minute"


def choice_words(backfill: Backfill) -> str:
    """What was asked for, in words."""
    severities = f"of severity {', '.join(backfill.severities)}" if backfill.severities else "of any severity"
    return severities if backfill.since is None else f"{severities}, changed since {time_words(backfill.since)} UTC"


def backfill_lines(district: str, backfill: Backfill) -> list[str]:
    """How far it is, for people."""
    counted = [
        (backfill.marked, "without a case until now"),
        (backfill.known, "with a case already"),
        (backfill.passed_over, "solved, or not asked for"),
        (backfill.left_out, "without an id that can be used"),
    ]
    told = ", ".join(f"{count:,} {words}" for count, words in counted if count) or "none yet"
    became = [
        (backfill.taken_back, "cases were taken back before anybody had begun to work at them"),
        (backfill.tickets, "tickets stay" if backfill.state is BackfillState.CANCELLED else "tickets were opened"),
    ]
    begun = f"begun {time_words(backfill.begun_at)} UTC"
    return [
        f"The account of {district} {_STATES[backfill.state]} ({begun}, {choice_words(backfill)}).",
        f"{count_words(backfill.listed, 'finding')} listed: {told}.",
        *(f"{count:,} {words}." for count, words in became if count),
    ]


def backfill_json(district: str, backfill: Backfill) -> dict[str, Any]:
    """The same for programs."""
    return {
        "district": district,
        "state": backfill.state,
        "severities": list(backfill.severities),
        "since": backfill.since,
        "begun_at": backfill.begun_at,
        "ended_at": backfill.ended_at,
        "pages": backfill.pages,
        "listed": backfill.listed,
        "new": backfill.marked,
        "known": backfill.known,
        "passed_over": backfill.passed_over,
        "left_out": backfill.left_out,
        "tickets": backfill.tickets,
        "taken_back": backfill.taken_back,
    }
