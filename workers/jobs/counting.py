"""Count the findings of a scan for its summary: when the scan is listed, and again after something has changed."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

import structlog

from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import Finding
from remediation.domain.outside_words import ISSUE_KEY, RECORD_NUMBER
from remediation.domain.subjects import Subject
from remediation.domain.summaries import FindingTally, NamedTickets, ScanCounts
from remediation.failpoints import failpoint
from remediation.look.observing import Snapshot
from remediation.planning import Conclusion
from remediation.sources.schoolscan.client import system_of
from remediation.store.cases.links import ticket_keys
from remediation.store.cases.lists import homes_of
from remediation.store.cases.todo import Lease
from remediation.store.scans.counting import summary_of
from remediation.store.scans.listing import ScanListing
from workers.jobs.telling import note_answer
from workers.resources import WorkerContext

_USUAL_PAUSE = 900.0
"""Seconds between two countings for a district whose summaries mappings.yaml does not name (any more)."""

logger = structlog.get_logger()


async def count_page(context: WorkerContext, listing: ScanListing) -> None:
    """Count the next page. The numbers are stored together with the cursor: a crash repeats one page at the most."""
    is_first = listing.cursor is None
    began = await _beginning(context, listing) if is_first else listing.began
    so_far = ScanCounts() if is_first or listing.tallied is None else listing.tallied
    source = context.source_for(listing.ref, listing.district, CaseKind.FINDING)
    page = await source.page(listing.filters, listing.cursor)
    failpoint("count_page_read")
    keys = await _keys(context, listing.district, page.subjects)
    counts = so_far.with_more(_tallies(page.subjects, keys, began), _named(page.subjects, keys))
    pause = _pause(context, listing.district) or _USUAL_PAUSE
    await context.countings.keep_page(listing, page.cursor, counts, began, context.clock(), pause)
    failpoint("count_page_kept")
    await note_answer(context, system_of(listing.district))
    logger.info("scan_page_counted", count=len(page.subjects), last=page.cursor is None)


async def begin_counting(context: WorkerContext, listing: ScanListing) -> None:
    """Have a scan counted whose last page is about to be marked; where that page comes again, it is counted again."""
    every = _pause(context, listing.district)
    if every is not None and not listing.is_of_district:
        await context.countings.begin(summary_of(listing.district, listing.id), context.clock(), every)


async def count_for_look(context: WorkerContext, lease: Lease) -> None:
    """Have a scan counted at whose summary a worker looks, where no numbers are known: Redis may have lost them."""
    key = lease.record.key
    if key.kind is CaseKind.SUMMARY and await context.countings.numbers.read(key) is None:
        every = _pause(context, key.district)
        await context.countings.begin(key, context.clock(), _USUAL_PAUSE if every is None else every)


async def count_again(
    context: WorkerContext, lease: Lease, snapshot: Snapshot, end: Conclusion, *, opened: bool
) -> None:
    """Have the scan of a finding counted again where this look has changed what its summary tells.

    Call it before the look is remembered: where the worker dies in between, the scan is counted once more than needed.
    The same for a summary that a person has opened again.
    """
    before, now, detail = lease.record.memory.finding, end.memory.finding, snapshot.observation.subject.detail
    every = _pause(context, lease.record.key.district)
    if every is None or (before is now and not opened):
        return
    match detail:
        case Finding(scan_id=str(scan_id)):
            summary = summary_of(lease.record.key.district, scan_id)
            await context.countings.begin(summary, context.clock(), every, only_known=True)
        case _ if lease.record.key.kind is CaseKind.SUMMARY and before is not None and before.is_solved:
            await context.countings.begin(lease.record.key, context.clock(), every)
        case _:
            return


async def count_scans(context: WorkerContext, district: str, scan_ids: AbstractSet[str]) -> None:
    """Have scans counted again of which findings have changed that share their case with findings of other scans."""
    every = _pause(context, district)
    if every is None:
        return
    for scan_id in sorted(scan_ids):
        await context.countings.begin(summary_of(district, scan_id), context.clock(), every, only_known=True)


def _pause(context: WorkerContext, district: str) -> float | None:
    """Seconds between two countings; None where the district's scans get no summary."""
    terms = context.rulebook.summary_terms(district)
    return terms.every if terms is not None else None


async def _beginning(context: WorkerContext, listing: ScanListing) -> datetime | None:
    """When the scan began, as SchoolScan states it."""
    source = context.source_for(listing.ref, listing.district, CaseKind.SUMMARY)
    return (await source.subject(summary_of(listing.district, listing.id))).detected_at


async def _keys(context: WorkerContext, district: str, subjects: Sequence[Subject]) -> list[tuple[str, ...]]:
    """The tickets of the case of each subject: a finding stays in its case, also if mappings.yaml has changed since."""
    identity = context.rulebook.identity(district)
    homes = await homes_of(context.connection, [subject.key.ref for subject in subjects])
    cases = [
        homes.get(subject.key.ref) or (identity and identity.case_of(district, subject.detail)) or subject.key
        for subject in subjects
    ]
    names = sorted({*context.trackers, *context.rulebook.former_names})  # a look has still to rename some
    return await ticket_keys(context.connection, [key.ref for key in cases], names)


def _tallies(
    subjects: Sequence[Subject], keys: Sequence[Sequence[str]], began: datetime | None
) -> Iterator[FindingTally]:
    for subject, tickets in zip(subjects, keys, strict=True):
        if isinstance(subject.detail, Finding):
            yield FindingTally.of(subject.detail, began, has_ticket=bool(tickets))


def _named(subjects: Sequence[Subject], keys: Sequence[Sequence[str]]) -> Iterator[NamedTickets]:
    """The tickets whose names are such that they may stand in a text."""
    for subject, tickets in zip(subjects, keys, strict=True):
        if names := tuple(key for key in tickets if RECORD_NUMBER.fits(key) or ISSUE_KEY.fits(key)):
            yield NamedTickets(subject.severity, subject.status, names)
