"""Loaded by the interpreter first: plants defects of ours, which quote all that they know, and one that kills.

`LEAK` names kinds of leaks that are planted besides, for the test that the search would see them.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict

MARKED = "defect"
DEADLY = "deadly"


def plant() -> None:
    """Put everything in."""
    from remediation.deliveries.events import SCHOOLSCAN, Event, UnknownEvent, read_schoolscan
    from remediation.domain.cases.records import CaseKey
    from remediation.domain.findings import Finding
    from remediation.domain.incidents import Incident, Kept
    from remediation.domain.subjects import Subject
    from remediation.sources.incident_feed.source import IncidentSource
    from remediation.sources.schoolscan.client import SchoolScan
    from remediation.store.incidents.records import IncidentRecords
    from remedy.runtime.calls import outbound
    from workers.rounds import feeds

    feeds.SECONDS = 0.25
    changed, subject = IncidentRecords.changed, IncidentSource.subject

    class DefectiveSource(SchoolScan):
        """SchoolScan's account, except that our own code fails over some findings, and dies over others."""

        async def finding(self, finding_id: str) -> Finding:
            found = await super().finding(finding_id)
            if DEADLY in finding_id:
                os.kill(os.getpid(), signal.SIGKILL)
            leak(str(found.title))
            if MARKED in finding_id:
                quote(repr(found))
            return found

    def read(body: bytes) -> Event | UnknownEvent:
        if f"{MARKED}_of_receiver".encode() in body:
            raise LookupError(body.decode())
        return read_schoolscan(body)

    async def changed_or_not(
        self: IncidentRecords, feed: str, shown: Iterable[Incident], now: float
    ) -> tuple[Kept, ...]:
        every = tuple(shown)
        if any(f"{MARKED}-of-records" in each.uuid for each in every):
            raise RuntimeError(str([asdict(each) for each in every]))
        return await changed(self, feed, every, now)

    async def subject_or_not(self: IncidentSource, key: CaseKey) -> Subject:
        found = await subject(self, key)
        if f"{MARKED}-of-source" in key.id:
            quote(str(found.detail))
        return found

    outbound.SchoolScan = DefectiveSource  # type: ignore[attr-defined] # what the worker is built from
    object.__setattr__(SCHOOLSCAN, "read", read)  # what the receiver reads with
    IncidentRecords.changed = changed_or_not  # type: ignore[method-assign] # that is the defect
    IncidentSource.subject = subject_or_not  # type: ignore[method-assign] # as above


def quote(everything: str) -> None:
    """Raises RuntimeError, which quotes everything, and so does what it was raised from."""
    try:
        int(everything)
    except ValueError as error:
        raise RuntimeError(everything) from error


def _in_log(words: str) -> None:
    from structlog import get_logger

    get_logger().info("leak", words=words)


def _in_argv(words: str) -> None:
    import subprocess

    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2)", words])


def _in_environ(words: str) -> None:
    import subprocess

    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2)"], env={**os.environ, "WORDS": words})


def _in_file(words: str) -> None:
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(words)


def _in_stderr(words: str) -> None:
    print(words, file=sys.stderr)


def _in_metric(words: str) -> None:
    from prometheus_client import Counter

    Counter("leak_" + os.urandom(4).hex(), "A leak.", ["words"]).labels(words).inc()


def _in_redis(words: str) -> None:
    import redis

    redis.Redis.from_url(os.environ["REDIS_URL"]).hset("remedy:case:leak", "words", words)


LEAKS: Mapping[str, Callable[[str], None]] = {
    "log": _in_log,
    "stderr": _in_stderr,
    "argv": _in_argv,
    "environ": _in_environ,
    "file": _in_file,
    "metric": _in_metric,
    "redis": _in_redis,
}


def leak(words: str) -> None:
    """Let these words out in each way that `LEAK` names."""
    for name in filter(None, os.environ.get("LEAK", "").split(",")):
        LEAKS[name](words)


if "remedy" in sys.orig_argv:
    plant()
