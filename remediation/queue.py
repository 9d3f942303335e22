"""How work travels through arq: names, wire format and order. Jobs carry opaque ids and nothing else.

The wire format is JSON instead of arq's pickle, because whoever may write a pickle to Redis may run code in a worker.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import msgspec
from arq.constants import in_progress_key_prefix, job_key_prefix

from remediation.domain.findings import Severity

WORK_QUEUE = "remedy:queue"
"""Deliveries, cases and scans, by urgency."""

UPKEEP_QUEUE = "remedy:upkeep"
"""Empty: whoever does what is done again and again waits behind no queue, and looks at Redis by it."""

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

    Deliveries come before cases, because only reading one tells how urgent it is. A severity whose word we do not know
    may be anything, so it does not wait behind what is known to be harmless.
    """

    LOW = 0
    MEDIUM = 1
    UNKNOWN = 2
    HIGH = 3
    CRITICAL = 4
    DELIVERY = 5


BAND_MS = 40 * 24 * 3600 * 1000
"""Milliseconds between two bands: longer than any job waits (JOB_LIFETIME), so that bands never mix."""


_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999 in Unix milliseconds; a `datetime` goes no further."""


def band_of(severity: Severity) -> Band:
    """The band of a case whose finding has this severity."""
    return Band[severity.name]


class _Wire(msgspec.Struct):
    """A job on the wire. Its own count of tries is not read: attempts are counted in the case's row."""

    f: str
    a: list[Any]
    k: dict[str, Any]
    et: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]


def encode(job: Mapping[str, Any]) -> bytes:
    """A job or result as arq hands it over, on the wire. Of an exception (a failed job's result) only the class."""
    return msgspec.json.encode(job, enc_hook=lambda value: type(value).__name__)


def decode(wire: bytes) -> dict[str, Any]:
    """A job as arq wants it. Never raises, or arq would delete it: what cannot be read becomes a job that says so.

    Nor may anything in it make arq raise: that ends the worker, and the next one, as the job is still there.
    """
    try:
        job = msgspec.json.decode(wire, type=_Wire)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {"t": None, "f": Job.UNREADABLE, "a": [], "k": {}, "et": 0}
    return {"t": None, "f": job.f, "a": job.a, "k": job.k, "et": job.et}
