"""How work travels through arq: names, wire format and order. Jobs carry opaque ids and nothing else.

The wire format is JSON instead of arq's pickle, because whoever may write a pickle to Redis may run code in a worker.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any

import msgspec
from arq.constants import in_progress_key_prefix, job_key_prefix

from remediation.findings import Severity

WORK_QUEUE = "remedy:queue"
"""Deliveries, cases and scans, by urgency."""

UPKEEP_QUEUE = "remedy:upkeep"
"""Crons. A queue of their own: ten thousand waiting cases must not keep the sweep from running."""

JOB_PREFIX = job_key_prefix
IN_PROGRESS_PREFIX = in_progress_key_prefix

JOB_LIFETIME = timedelta(days=31)
"""arq forgets a job after this. Longer than the inbox keeps its rows, and the sweep makes a new one anyway."""


class Job(StrEnum):
    """The jobs there are. A name that has shipped is never renamed: a job in Redis outlives a deployment."""

    READ_DELIVERY = "read_delivery"
    LOOK_AT_CASE = "look_at_case"
    PAGE_SCAN = "page_scan"
    UNREADABLE = "unreadable_job"


class Band(IntEnum):
    """How urgent work is. A job's place in the queue is its due time less its band, so a higher band always goes first.

    Deliveries come before cases, because only reading one tells how urgent it is.
    """

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4
    DELIVERY = 5


BAND_MS = 40 * 24 * 3600 * 1000
"""Milliseconds between two bands: longer than any job waits (JOB_LIFETIME), so that bands never mix."""


def band_of(severity: Severity) -> Band:
    """The band of a case whose finding has this severity."""
    return Band[severity.name]


def encode(job: Mapping[str, Any]) -> bytes:
    """A job or result as arq hands it over, on the wire."""
    return msgspec.json.encode(job)


def decode(wire: bytes) -> dict[str, Any]:
    """A job as arq wants it. Never raises, or arq would delete it: what cannot be read becomes a job that says so."""
    try:
        job = msgspec.json.decode(wire)
        return {"t": job["t"], "f": str(job["f"]), "a": list(job["a"]), "k": dict(job["k"]), "et": int(job["et"])}
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return {"t": None, "f": Job.UNREADABLE, "a": [], "k": {}, "et": 0}
