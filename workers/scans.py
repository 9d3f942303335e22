"""Job: one page of a scan: every finding on it becomes a case to look at."""

import structlog

from remediation.backoff import delay
from remediation.cases import CaseKey, CaseKind
from remediation.errors import Refused, TryLater
from remediation.queue import band_of
from remediation.store.parked import ParkedKind
from workers.jobs import never_raising
from workers.metrics import PAGES
from workers.resources import Desk

logger = structlog.get_logger()


@never_raising
async def page_scan(desk: Desk, ref: str) -> None:
    """List the scan's next page. The cursor moves together with the marks, so that a crash repeats a page at worst."""
    scan = await desk.scans.listing(ref)
    if scan is None:
        return
    try:
        page = await desk.source(scan.district).findings_page({"scan_id": scan.id}, scan.cursor)
    except TryLater as error:
        due = desk.clock() + delay(scan.attempts, error.after, desk.chance)
        await desk.scans.put_off(scan, due)
        PAGES.labels(scan.district, "put_off").inc()
        return
    except Refused as error:
        await desk.parked.park(ParkedKind.SCAN, ref, error, desk.clock(), district=scan.district, action="list")
        PAGES.labels(scan.district, "parked").inc()
        return
    cases = [(CaseKey(scan.district, CaseKind.FINDING, found.id), band_of(found.severity)) for found in page.findings]
    await desk.scans.mark_page(scan, page.cursor, cases, desk.clock())
    PAGES.labels(scan.district, "done").inc()
    logger.info("scan_page_listed", scan=ref, count=len(cases), last=page.cursor is None)
