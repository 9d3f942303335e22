"""Loaded by the interpreter first: workers read feeds at once, and fail over some incidents, quoting all they know."""

import sys
from collections.abc import Iterable
from dataclasses import asdict

from remediation.domain.cases.records import CaseKey
from remediation.domain.incidents import Incident, Kept
from remediation.domain.subjects import Subject
from remediation.sources.incident_feed.source import IncidentSource
from remediation.store.incidents.records import IncidentRecords
from workers.rounds import feeds

NOT_KEPT, NOT_SEEN = "defect-of-records", "defect-of-source"

_changed, _subject = IncidentRecords.changed, IncidentSource.subject


async def changed(self: IncidentRecords, feed: str, shown: Iterable[Incident], now: float) -> tuple[Kept, ...]:
    every = tuple(shown)
    if any(each.uuid == NOT_KEPT for each in every):
        raise RuntimeError(str([asdict(each) for each in every]))
    return await _changed(self, feed, every, now)


async def subject(self: IncidentSource, key: CaseKey) -> Subject:
    found = await _subject(self, key)
    if key.id == NOT_SEEN:
        everything = str(found.detail)
        try:
            int(str(asdict(found.detail)))
        except ValueError as error:
            raise RuntimeError(everything) from error
    return found


def plant() -> None:
    """Put both in."""
    feeds.SECONDS = 0.25
    IncidentRecords.changed = changed  # type: ignore[method-assign]  # that is the defect
    IncidentSource.subject = subject  # type: ignore[method-assign]


if "remedy" in sys.orig_argv:
    plant()
