"""How work travels through arq: names, wire format and order. Jobs carry opaque ids and nothing else.

The wire format is JSON instead of arq's pickle, because whoever may write a pickle to Redis may run code in a worker.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import msgspec
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix

from remediation.domain.status import Severity

WORK_QUEUE = "remedy:queue"
"""Deliveries, cases and scans, by urgency."""

UPKEEP_QUEUE = "remedy:upkeep"
"""Always empty: no backlog delays rounds. The worker that runs them polls it, and so notices when Redis is away."""

BELL = "remedy:queue-bell"
"""A sorted set with one member: rung by what puts a job into WORK_QUEUE, and taken by the worker that hears it."""

JOB_PREFIX = job_key_prefix
IN_PROGRESS_PREFIX = in_progress_key_prefix
RETRY_PREFIX = retry_key_prefix

JOB_LIFETIME = timedelta(days=31)
"""arq forgets a job after this time. The inbox keeps its rows for less, and the sweep makes a new job in any case."""


class Job(StrEnum):
    """The jobs. A name that was released is never renamed: a job in Redis outlives a deployment."""

    READ_DELIVERY = "read_delivery"
    LOOK_AT_CASE = "look_at_case"
    PAGE_SCAN = "page_scan"
    ANSWER_QUESTION = "answer_question"
    UNREADABLE = "unreadable_job"


class Band(IntEnum):
    """How urgent work is. A job's rank is its due time less its band, so a higher band always goes first.

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
    """A job on the wire. Its own count of tries is not used: attempts are counted in the case's row."""

    f: str
    a: list[Any]
    k: dict[str, Any]
    et: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]


def encode(job: Mapping[str, Any]) -> bytes:
    """A job or a result of arq's in the wire format. Of an exception (a failed job's result) only the class is kept."""
    return msgspec.json.encode(job, enc_hook=lambda value: type(value).__name__)


def decode(wire: bytes) -> dict[str, Any]:
    """A job in arq's form.

    Never raises, because arq would delete the job: an unreadable one becomes the job UNREADABLE. The content must not
    make arq raise later: that would end the worker, and then the next one, because the job is still there.
    """
    try:
        job = msgspec.json.decode(wire, type=_Wire)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {"t": None, "f": Job.UNREADABLE, "a": [], "k": {}, "et": 0}
    return {"t": None, "f": job.f, "a": job.a, "k": job.k, "et": job.et}
