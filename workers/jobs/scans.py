"""Job: one page of a scan: every finding on it becomes a case to look at, or is counted for the scan's summary."""

import structlog

from remediation import telemetry
from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import NotFound, OutsideError, Poison, Refused, StoreUnavailable, TryLater, Waiting
from remediation.failpoints import failpoint
from remediation.outbound.backoff import delay
from remediation.queue import band_of
from remediation.sources.schoolscan.client import system_of
from remediation.store.cases.links import Owners
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.scans.listing import ScanListing
from workers.jobs.boundary import MOST_STUMBLES, following, never_raising
from workers.jobs.counting import begin_counting, count_page
from workers.jobs.making_room import make_room
from workers.jobs.reporting import make_report, tell_of_no_report
from workers.jobs.telling import note_answer, note_trouble
from workers.metrics import LEFT_OUT, PAGES, RETRIES, WAITS
from workers.resources import WorkerContext

MOST_PAGES = 20_000
"""Pages of one list, two million findings: more of them go round in a circle, and would spend every read for ever."""

logger = structlog.get_logger()


@never_raising
async def page_scan(context: WorkerContext, ref: str) -> None:
    """List the scan's next page. The cursor is stored together with the marks: a crash repeats one page at the most."""
    scan = await context.scans.take(ref, context.clock())
    if scan is None:
        return
    with following(page_scan.__name__, [scan.origin], scan=scan.ref, district=scan.district):
        await _take_up(context, scan)


async def _take_up(context: WorkerContext, scan: ScanListing) -> None:
    if scan.attempts:
        RETRIES.labels(page_scan.__name__).inc()
    try:
        scan.crashes.check()
        await _list_page(context, scan)
    except TryLater as error:
        WAITS.labels(error.system, error.waiting).inc()
        await note_trouble(context, error)
        await _put_off(context, scan, error.after, grows=error.waiting is not Waiting.BUDGET)
    except (Refused, Poison) as error:
        await _park(context, scan, error)
    except StoreUnavailable:
        raise
    except Exception as error:
        await (_park(context, scan, error) if scan.attempts >= MOST_STUMBLES else _put_off(context, scan, None))
        raise
    finally:
        await context.scans.let_go(scan)


async def _list_page(context: WorkerContext, scan: ScanListing) -> None:
    if scan.pages >= MOST_PAGES:
        raise Refused(system_of(scan.district), f"its list has more than {MOST_PAGES:,} pages: does it ever end?")
    if scan.report is not None:
        await make_report(context, scan, scan.report)
        _count(scan, "done")
        return
    if scan.tallied is not None:
        await count_page(context, scan)
        _count(scan, "done")
        return
    # Only a list tells what is urgent; what a backfill finds has been there all the time.
    source = context.source_for(scan.ref, scan.district, CaseKind.FINDING, urgent=not scan.is_backfill)
    page = await source.page(scan.filters, scan.cursor)
    failpoint("scan_page_read")
    subjects = [subject for subject in page.subjects if scan.counts(subject)]
    owners = Owners(context.todo, context.rulebook)
    now, by_backfill = context.clock(), scan.is_backfill
    keys = await owners.of_subjects(scan.district, subjects, now, by_backfill=by_backfill)
    cases = [(key, band_of(subject.severity)) for key, subject in zip(keys, subjects, strict=True)]
    names_members = context.rulebook.identity(scan.district) is not None or context.rulebook.groups(scan.district)
    if page.cursor is None:
        await begin_counting(context, scan)
    marked = await context.scans.mark_page(
        scan,
        page.cursor,
        cases,
        context.clock(),
        left_out=page.left_out,
        passed_over=len(page.subjects) - len(subjects),
        unmarked="" if names_members else "known" if scan.is_backfill else "seen",
    )
    failpoint("scan_page_marked")
    await note_answer(context, system_of(scan.district))
    _count(scan, "done")
    if page.left_out:
        LEFT_OUT.labels(scan.district).inc(page.left_out)
        logger.warning("findings_left_out", count=page.left_out)
    logger.info("scan_page_listed", count=marked, last=page.cursor is None)


async def _put_off(context: WorkerContext, scan: ScanListing, asked: float | None, *, grows: bool = True) -> None:
    wait = delay(scan.attempts if grows else 0, asked, context.chance)
    await context.scans.put_off(scan, context.clock() + wait)
    _count(scan, "put_off")
    logger.info("scan_put_off", seconds=wait, attempt=scan.attempts + 1)


async def _park(context: WorkerContext, scan: ScanListing, error: Exception) -> None:
    await context.parked.park(ParkedKind.SCAN, scan.ref, error, context.clock(), district=scan.district, action="list")
    if scan.report is not None:
        await tell_of_no_report(context, scan, error)
    if isinstance(error, NotFound):
        await make_room(context, scan.district)
    _count(scan, "parked")
    status = error.status if isinstance(error, OutsideError) else None
    logger.warning("scan_parked", error=type(error).__name__, status=status)


def _count(scan: ScanListing, outcome: str) -> None:
    PAGES.labels(scan.district, outcome).inc()
    telemetry.note(outcome=outcome)
