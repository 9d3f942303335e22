"""What a look does for a finding whose mending a scan is to verify: it asks for the scan, once."""

from dataclasses import replace

import structlog

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.verification import ScanVerdict, Verification
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.failpoints import failpoint
from remediation.look.observing import Snapshot
from remediation.planning import Progress, claim_to_verify
from remediation.store.cases.todo import Lease
from workers.jobs.settling import require
from workers.resources import WorkerContext

logger = structlog.get_logger()


async def have_verified(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> Lease:
    """Have the finding's site scanned where that is to verify what people mended; returns the lease that knows of it.

    It is asked for before anything else is done about it: if the worker dies after that, the next look finds it asked
    for. Raises TryLater, LeaseLost.
    """
    if not snapshot.policy.verifies:
        return lease
    known = lease.record.verification
    claim = claim_to_verify(snapshot.observation, snapshot.policy, lease.record, snapshot.at)
    if not claim or (known is not None and known.claim == claim and await _stands(context, lease, known)):
        return lease
    host, now = await _host(context, lease, snapshot), context.clock()
    due = now + _wait(context, lease)
    require(lease, held=await context.verifications.want(lease, host, claim, due, now))
    failpoint("verification_wanted")
    site = context.verifications.name_of(lease.record.key.district, host)
    asked = known if known is not None and known.claim == claim else Verification(claim, now)
    asked = replace(asked, site=site, verdict=asked.verdict if host else ScanVerdict.REFUSED)
    logger.info("verification_wanted" if host else "verification_without_site")
    return replace(lease, record=replace(lease.record, verification=asked))


async def note_told(context: WorkerContext, lease: Lease, progress: Progress) -> None:
    """Note that the finding's note has told of the scan: it is not told again. Raises LeaseLost."""
    known = lease.record.verification
    told = any(isinstance(action, SetStatus) and action.why is Why.VERIFYING for action in progress.done)
    if known is not None and told:
        require(lease, held=await context.todo.renew(lease, {"verify:told": str(known.tries)}))


async def _stands(context: WorkerContext, lease: Lease, known: Verification) -> bool:
    """Whether the scan was asked for and that was not lost since; a verdict needs no scan any more."""
    return known.verdict is not None or await context.verifications.is_wanted(known.site, lease.ref)


def _wait(context: WorkerContext, lease: Lease) -> float:
    scanner = context.scanners.get(lease.record.key.district)
    return scanner.times.wait.total_seconds() if scanner is not None else 0.0


async def _host(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> str:
    """The site that SchoolScan scanned when it found the finding, as it is registered there; otherwise its page's host.

    Empty where neither is known.
    """
    finding = snapshot.observation.subject.detail
    if not isinstance(finding, Finding):
        return ""
    if finding.scan_id:
        scanner = context.scanner_for(lease.ref, lease.record.key.district)
        try:
            scan = await scanner.account.scan(finding.scan_id)
        except Refused:
            return finding.site or ""
        if scan.domain:
            return scan.domain
    return finding.site or ""
