"""The compliance report of a scan: made by SchoolScan, waited for, and attached to the scan's summary.

Nothing waits while SchoolScan makes a report: each step is a short job that saves how far it came. The file is fetched
in the look that attaches it, into memory and from there to the tracker.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from remediation.domain.actions import ActionName, Verb
from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import NotFound, Refused, TryLater, Waiting
from remediation.domain.findings import Report, ReportStatus
from remediation.domain.reports import ReportFile, ReportTerms, RequestedReport
from remediation.failpoints import failpoint
from remediation.look.observing import Snapshot
from remediation.planning import Progress
from remediation.sources.schoolscan.client import system_of
from remediation.store.cases.entries import Acted
from remediation.store.cases.todo import Lease
from remediation.store.scans.counting import summary_of
from remediation.store.scans.listing import ScanListing
from remediation.store.scans.reporting import ReportOutcome
from workers.jobs.telling import note_answer
from workers.resources import WorkerContext

_SOONEST, _LATEST = 5.0, 60.0
"""Seconds between two questions how far a report is: a quarter of how long it has been waited for, within these."""
_LONGEST = 6 * 3600.0
"""Seconds after which nothing comes of a report any more."""
_MOST_FAILURES = 3
"""Reports in a row of which nothing came. Then a person must decide."""
_FETCH_SECONDS = 7
"""For the whole file: the rest of a job's time is for attaching it."""
_SHORTLY = 5.0
"""Seconds until a look tries again to get its turn."""

logger = structlog.get_logger()


async def have_reported(context: WorkerContext, lease: Lease, snapshot: Snapshot, progress: Progress) -> None:
    """Have a report made for the summary that this look is about, where its active tickets are to have a newer one.

    Call it before the look is remembered: where the worker dies in between, the next look asks for the same. A tracker
    that refused a report is to have none until a person has decided.
    """
    record = lease.record
    terms = _terms(context, record.key.district) if record.key.kind is CaseKind.SUMMARY else None
    if terms is None or not snapshot.observation.listing:
        return
    if progress.attached:
        await context.reports.forget_failures(record.key)
    takes = [
        name
        for name, ticket in progress.tickets.items()
        if ticket.state.is_active and ActionName(Verb.ATTACH, name) not in record.parked | progress.refused.keys()
    ]
    if takes:
        now, tells = context.clock(), snapshot.observation.listing
        await context.reports.begin(record.key, terms.form, tells, now, terms.every)
        failpoint("report_wanted")


async def make_report(context: WorkerContext, listing: ScanListing, wanted: RequestedReport) -> None:
    """Ask SchoolScan for a report, or how far it is. Raises TryLater and Refused."""
    district, key = listing.district, summary_of(listing.district, listing.id)
    if context.rulebook.names(district) and _terms(context, district) is None:
        await context.reports.keep(listing, ReportOutcome.DROPPED, context.clock())
        return
    if wanted.failures >= _MOST_FAILURES:
        await context.reports.forget_failures(key)
        raise Refused(system_of(district), f"nothing came of {wanted.failures} reports in a row")
    outcome, report_id = await _step(context, listing, wanted)
    now = context.clock()
    due = now + (_pause(now - wanted.asked_at) if outcome is ReportOutcome.WAITS else _SOONEST)
    await context.reports.keep(listing, outcome, now, report_id, due)
    failpoint("report_finished")
    await note_answer(context, system_of(district))
    logger.info("report_step", outcome=outcome.value)


async def tell_of_no_report(context: WorkerContext, listing: ScanListing, error: Exception) -> None:
    """Tell in the summary's timeline that its report is parked."""
    if isinstance(error, Refused):
        key = summary_of(listing.district, listing.id)
        await context.timeline.tell(key.ref, [Acted.failed("report", context.clock(), error)])


class FetchedReports:
    """The files of reports for one look at a summary. Implements remediation.look.reporting.ReportFiles.

    A worker holds one file at a time in its memory: other looks come again.
    """

    def __init__(self, context: WorkerContext, lease: Lease) -> None:
        self._context = context
        self._key = lease.record.key
        self._ref = lease.ref
        self._file: ReportFile | None = None
        self._has_turn = False

    async def file(self, report_id: str) -> ReportFile:
        """The finished report; the same one is fetched once."""
        if self._file is None:
            await self._have_turn()
            self._file = await self._fetched(report_id)
        return self._file

    def let_go(self) -> None:
        """The look needs it no more."""
        self._file = None
        if self._has_turn:
            self._has_turn = False
            self._context.report_turn.release()

    async def _have_turn(self) -> None:
        if self._has_turn:
            return
        if self._context.report_turn.locked():
            words = "this worker is attaching another report"
            raise TryLater(self._key.district, words, after=_SHORTLY, waiting=Waiting.OURS)
        await self._context.report_turn.acquire()
        self._has_turn = True

    async def _fetched(self, report_id: str) -> ReportFile:
        key, context = self._key, self._context
        terms = _terms(context, key.district)
        if terms is None:
            raise Refused("mappings.yaml", "asks for no report of this district's scans")
        account, content = context.scanner_for(self._ref, key.district).reports, bytearray()
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                await account.fetch_report(report_id, content.extend, terms.largest)
        except TimeoutError:
            raise TryLater(system_of(key.district), "the report's file did not come in time") from None
        except NotFound:
            now = context.clock()
            await context.reports.begin(key, terms.form, "", now, terms.every, lost=report_id)
            words = "SchoolScan does not have the report any more: another one is made"
            raise TryLater(key.district, words, after=_LATEST, waiting=Waiting.OURS) from None
        return ReportFile(key.id, report_id, terms.form, bytes(content))


@asynccontextmanager
async def reports_of(context: WorkerContext, lease: Lease) -> AsyncIterator[FetchedReports]:
    """The reports for this look, which are held until the end of the block."""
    reports = FetchedReports(context, lease)
    try:
        yield reports
    finally:
        reports.let_go()


def _terms(context: WorkerContext, district: str) -> ReportTerms | None:
    """How reports are made; None where the summaries of the district's scans have none."""
    terms = context.rulebook.summary_terms(district)
    return terms.report if terms is not None else None


async def _step(context: WorkerContext, listing: ScanListing, wanted: RequestedReport) -> tuple[ReportOutcome, str]:
    """What became of the report, and its id."""
    account = context.scanner_for(listing.ref, listing.district).reports
    if not wanted.id:
        report = await account.generate_report(listing.id, wanted.form)
        failpoint("report_asked")
        return ReportOutcome.ASKED, report.id
    try:
        report = await account.report(wanted.id)
    except NotFound:
        return ReportOutcome.FAILED, wanted.id
    return _outcome(report, context.clock() - wanted.asked_at), wanted.id


def _outcome(report: Report, waited: float) -> ReportOutcome:
    if report.status is ReportStatus.READY:
        return ReportOutcome.READY
    is_over = report.status is ReportStatus.FAILED or waited > _LONGEST
    return ReportOutcome.FAILED if is_over else ReportOutcome.WAITS


def _pause(waited: float) -> float:
    return min(max(waited / 4, _SOONEST), _LATEST)
