"""Round: scan the sites again where people say that something is mended, and tell its cases what the scan says.

Each step begins with the stage that is stored, and ends with one script that stores the next. So a worker may die at
any line: a scan that was asked for and whose answer was lost is found again in SchoolScan's list, by not having been
there before; a page that was not kept is read once more; and a case that was not told is told by the next round.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from remediation import telemetry
from remediation.domain.cases.records import CaseKind
from remediation.domain.cases.verification import MOST_TRIES, ScanVerdict
from remediation.domain.errors import Refused, TryLater, Waiting
from remediation.domain.findings import Scan, ScanStatus
from remediation.domain.subjects import Subject
from remediation.failpoints import failpoint
from remediation.log_context import LogContext
from remediation.outbound.backoff import delay
from remediation.ports import SubjectPage
from remediation.sources.schoolscan.client import system_of
from remediation.sources.schoolscan.scanning import Scanner
from remediation.store.cases.todo import MOST_MARKS
from remediation.store.verifications import Said, SiteVerification, Stage, district_of
from workers.calls import cause_of
from workers.jobs.boundary import never_raising
from workers.jobs.telling import note_answer, note_trouble
from workers.metrics import VERDICTS, VERIFYING_SCANS, WAITS
from workers.resources import WorkerContext

logger = structlog.get_logger()

SECONDS = 5.0

LOOKED_AT_EVERY = 60.0
"""Seconds between two reads of a scan that runs for long, and between two attempts where there is no place for one."""

_SOONEST = 5.0
"""Seconds until a scan that has just begun is read: later it is read after each tenth of the time that it takes."""

LOST_AFTER = 120.0
"""Seconds after which a scan whose start was not answered must be in SchoolScan's list: a call takes half a minute."""

MOST_AT_ONCE = 5
"""Scans of one district that SchoolScan runs at once, by the vendor's page: also those that others have started."""

_LOOKS_BACK = timedelta(days=2)
"""How far back the list of a site's scans is read, to tell a new one from those that there were."""

_WORKS_FOR = 12.0
"""Seconds after which a round takes up no further site."""

_MOST_SITES = 50
_MOST_PAGES = 20_000
"""Pages of a scan's findings: more of them go round in a circle."""

_UNNAMED_FOR = 300.0
"""Seconds until a site is tried again whose district is not in mappings.yaml (any more)."""

_DOUBLED = 6
"""How often the shortest wait is doubled for a site that could not be asked for: half a minute to a minute."""


@never_raising
async def verify_sites(context: WorkerContext) -> None:
    """Do what is due for sites that are to be scanned again, one after the other."""
    until, waited_for = time.monotonic() + _WORKS_FOR, set[str]()
    for name in await context.verifications.due(context.clock(), _MOST_SITES):
        if time.monotonic() >= until:
            return
        district = district_of(name)
        if district in waited_for:  # one site asks for all: wrong passwords lock accounts
            await context.verifications.put_off(name, context.clock() + LOOKED_AT_EVERY)
            continue
        with LogContext(site=name), telemetry.span("verify_site", site=name):
            try:
                await _verify(context, name, until)
            except TryLater as error:
                waited_for.add(district)
                await _put_off(context, name, error)


async def _verify(context: WorkerContext, name: str, until: float) -> None:
    """Go on with one site for as long as there is something to do at once. Raises TryLater.

    Of a district that is not named, only what no case waits for any more is forgotten.
    """
    is_left = True
    if district_of(name) not in context.scanners:
        await context.verifications.begin(name, 0.0, LOST_AFTER, context.clock(), may_begin=False)
    while is_left and time.monotonic() < until:
        site = await context.verifications.site(name)
        is_left = await _step(context, site, context.scanner_for(f"verification/{name}", site.district))


async def _step(context: WorkerContext, site: SiteVerification, scanner: Scanner) -> bool:
    """One step of a site; returns whether there may be more to do at once. Raises TryLater."""
    match site.stage:
        case Stage.WAITING:
            return await _begin(context, site, scanner)
        case Stage.STARTING:
            return await _find_again(context, site, scanner)
        case Stage.RUNNING:
            return await _look_at_scan(context, site, scanner)
        case Stage.LISTING:
            return await _list_page(context, site)
        case Stage.ENDING:
            return await _tell(context, site)


async def _begin(context: WorkerContext, site: SiteVerification, scanner: Scanner) -> bool:
    """Start a scan of the site, where a case waits for one, the last one is long enough ago, and there is a place."""
    now, rest = context.clock(), scanner.times.every.total_seconds()
    rests = now < site.asked_at + rest
    if rests or not (site.cases or site.later):
        await context.verifications.begin(site.name, rest, LOST_AFTER, now, may_begin=False)
        return False
    if not site.host:
        await _ask_anew(context, site)
        return False
    running = await scanner.account.scans(status=ScanStatus.RUNNING)
    await note_answer(context, system_of(site.district))
    if len(running) >= MOST_AT_ONCE or any(_is_of(scan, site) for scan in running):
        await context.verifications.put_off(site.name, now + LOOKED_AT_EVERY)
        return False
    if await context.verifications.begin(site.name, rest, LOST_AFTER, now, may_begin=True):
        failpoint("verification_begun")
        await _start(context, await context.verifications.site(site.name), scanner)
    return False


def _is_of(scan: Scan, site: SiteVerification) -> bool:
    return (scan.domain or "").lower() == site.host.lower()


async def _start(context: WorkerContext, site: SiteVerification, scanner: Scanner) -> None:
    """Ask for the scan. Where no answer comes, a later round looks for it. Raises TryLater where it was not sent."""
    now = context.clock()
    before = [scan.id for scan in await _recent(context, site, scanner, now)]
    if not await context.verifications.asking(site, before, now + LOST_AFTER, now):
        return
    failpoint("verification_asking")
    try:
        scan_id = await scanner.account.start_scan(site.host)
    except TryLater as error:
        if not error.ambiguous:
            await context.verifications.move(site, Stage.WAITING, now, now, fields={"asked_at": 0})
            raise
        await _count(context, error)
        logger.warning("verification_scan_unanswered", reason=cause_of(error), status=error.status)
        return
    except Refused as error:
        VERIFYING_SCANS.labels(site.district, "refused").inc()
        logger.warning("verification_scan_refused", reason=cause_of(error), status=error.status)
        await _end(context, site, ScanVerdict.REFUSED)
        return
    failpoint("verification_scan_started")
    await _started(context, site, scan_id, "verification_scan_started")


async def _started(context: WorkerContext, site: SiteVerification, scan_id: str, event: str) -> None:
    now = context.clock()
    if await context.verifications.move(site, Stage.RUNNING, now + _SOONEST, now, fields={"scan": scan_id}):
        VERIFYING_SCANS.labels(site.district, "started").inc()
        logger.info(event, scan=scan_id, count=len(site.cases))


async def _find_again(context: WorkerContext, site: SiteVerification, scanner: Scanner) -> bool:
    """Look for a scan whose start was not answered: it is one that there was not before. Without it, begin anew.

    One that is of another site, where the list shows those as well, says nothing about this one.
    """
    is_asked_for = site.before is not None and site.host
    recent = await _recent(context, site, scanner, site.asked_at) if is_asked_for else ()
    new = [scan for scan in recent if site.is_new(scan.id) and (scan.domain is None or _is_of(scan, site))]
    if new:
        await _started(context, site, new[0].id, "verification_scan_found")
        return True
    logger.warning("verification_scan_lost")
    now = context.clock()
    return await context.verifications.move(site, Stage.WAITING, now, now, fields={"asked_at": 0})


async def _recent(context: WorkerContext, site: SiteVerification, scanner: Scanner, now: float) -> Sequence[Scan]:
    """The scans of the site of the last days before `now`, and since."""
    since = datetime.fromtimestamp(now, UTC) - _LOOKS_BACK
    scans = await scanner.account.scans(domain=site.host, created_after=since)
    await note_answer(context, system_of(site.district))
    return scans


async def _look_at_scan(context: WorkerContext, site: SiteVerification, scanner: Scanner) -> bool:
    """Whether the scan has ended. One that takes too long is cancelled."""
    try:
        scan = await scanner.account.scan(site.scan)
    except Refused:
        return await _failed(context, site, "unknown")
    now = context.clock()
    await note_answer(context, system_of(site.district))
    if scan.status is ScanStatus.COMPLETED and scan.pages_scanned == 0:
        return await _failed(context, site, "empty")  # what was not looked at may be there
    if scan.status is ScanStatus.COMPLETED:
        fields = {"findings": scan.findings_count or 0}
        return await context.verifications.move(site, Stage.LISTING, now, now, fields=fields)
    if scan.has_ended:
        return await _failed(context, site, scan.status.value)
    takes = now - site.asked_at
    if takes < scanner.times.within.total_seconds():
        await context.verifications.put_off(site.name, now + min(LOOKED_AT_EVERY, max(_SOONEST, takes / 10)))
        return False
    try:
        await scanner.account.cancel_scan(site.scan)
    except Refused as error:  # it has ended meanwhile, or it cannot be cancelled: it is not waited for in any case
        logger.warning("verification_scan_not_cancelled", scan=site.scan, status=error.status)
    return await _failed(context, site, "too_long")


async def _failed(context: WorkerContext, site: SiteVerification, outcome: str) -> bool:
    """A scan has no result: its cases are told, and wait for another one; after several of them people decide."""
    failures = site.failures + 1
    VERIFYING_SCANS.labels(site.district, outcome).inc()
    logger.warning("verification_scan_failed", scan=site.scan, outcome=outcome, attempt=failures)
    if failures >= MOST_TRIES:
        return await _end(context, site, ScanVerdict.FAILED)
    now = context.clock()
    fields: dict[str, str | int] = {"verdict": "again", "failures": failures}
    return await context.verifications.move(site, Stage.ENDING, now, now, fields=fields)


async def _list_page(context: WorkerContext, site: SiteVerification) -> bool:
    """Read one page of what the scan found: what is on it is still there, and behind the last page nothing else is."""
    if site.pages >= _MOST_PAGES:
        return await _failed(context, site, "endless")
    source = context.source_for(f"verification/{site.name}", site.district, CaseKind.FINDING)
    try:
        page = await source.page({"scan_id": site.scan}, site.cursor)
    except Refused as error:
        logger.warning("verification_list_refused", scan=site.scan, status=error.status)
        return await _failed(context, site, "unknown")
    failpoint("verification_page_read")
    await note_answer(context, system_of(site.district))
    if site.findings and not site.pages and page.cursor is None and not (page.subjects or page.left_out):
        return await _failed(context, site, "unlisted")  # it says that it found something, and its list has nothing
    return await _take_page(context, site, page)


async def _take_page(context: WorkerContext, site: SiteVerification, page: SubjectPage) -> bool:
    """Say to the cases of this page that they are still there, and keep how far the list was read."""
    listed = await _cases_of(context, site.district, page.subjects)
    found = sorted(listed & frozenset(site.cases))
    while len(found) > MOST_MARKS:
        if not await _say(context, site, ScanVerdict.FOUND, found[:MOST_MARKS], Stage.LISTING):
            return False
        found = found[MOST_MARKS:]
    fields: dict[str, str | int] = {"pages": site.pages + 1}
    if page.cursor is not None:
        fields["cursor"] = context.verifications.sealed_cursor(site.name, page.cursor)
        return await _say(context, site, ScanVerdict.FOUND, found, Stage.LISTING, fields)
    fields |= {"verdict": ScanVerdict.GONE.value, "failures": 0}
    if ended := await _say(context, site, ScanVerdict.FOUND, found, Stage.ENDING, fields):
        VERIFYING_SCANS.labels(site.district, "completed").inc()
        logger.info("verification_scan_ended", scan=site.scan, count=len(site.cases))
    return ended


async def _cases_of(context: WorkerContext, district: str, subjects: Sequence[Subject]) -> set[str]:
    """The references of the cases to which these findings belong, or may belong: nothing is changed about them."""
    own, identity = [each.key.ref for each in subjects], context.rulebook.identity(district)
    homes = [identity.case_of(district, each.detail) for each in subjects] if identity is not None else []
    return {*own, *(home.ref for home in homes if home is not None), *await context.verifications.homes(own)}


async def _end(context: WorkerContext, site: SiteVerification, verdict: ScanVerdict) -> bool:
    now = context.clock()
    fields = {"verdict": verdict.value, "failures": 0}
    return await context.verifications.move(site, Stage.ENDING, now, now, fields=fields)


async def _tell(context: WorkerContext, site: SiteVerification) -> bool:
    """Say to every case that the scan is for what it said. Then the site waits for those that came meanwhile."""
    said, left = site.said or "lost", list(site.cases)
    while left:
        if not await _say(context, site, said, left[:MOST_MARKS], Stage.ENDING):
            return False
        failpoint("verification_told")
        left = left[MOST_MARKS:]
    now = context.clock()
    await context.verifications.move(site, Stage.WAITING, now, now, fields={"verdict": "", "scan": ""})
    return True


async def _ask_anew(context: WorkerContext, site: SiteVerification) -> None:
    """The host of the site cannot be opened: its cases are looked at, and ask for the scan once more."""
    logger.warning("verification_host_unreadable", count=len(site.cases) + site.later)
    now = context.clock()
    if await context.verifications.begin(site.name, 0.0, LOST_AFTER, now, may_begin=True):
        begun = await context.verifications.site(site.name)
        await context.verifications.move(begun, Stage.ENDING, now, now, fields={"verdict": "lost", "asked_at": 0})


async def _say(
    context: WorkerContext,
    site: SiteVerification,
    says: Said,
    cases: Sequence[str],
    to: Stage,
    fields: Mapping[str, str | int] | None = None,
) -> bool:
    """Say this to some of the cases; returns False where another worker has gone on with the site."""
    now = context.clock()
    moved = await context.verifications.move(site, to, now, now, says=says, of=cases, fields=fields)
    if moved and isinstance(says, ScanVerdict):
        VERDICTS.labels(site.district, says.value).inc(len(cases))
    return moved


async def _put_off(context: WorkerContext, name: str, error: TryLater) -> None:
    """Come back to the site later, because something was not answered as it should be."""
    await _count(context, error)
    wait = _UNNAMED_FOR if error.waiting is Waiting.UNNAMED else delay(_DOUBLED, error.after, context.chance)
    await context.verifications.put_off(name, context.clock() + wait)


async def _count(context: WorkerContext, error: TryLater) -> None:
    WAITS.labels(error.system, error.waiting).inc()
    await note_trouble(context, error)
