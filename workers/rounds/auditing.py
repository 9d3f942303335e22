"""Rounds that keep the audit: chain what waits, write it out, and once a day delete what is kept no longer."""

import asyncio
from collections.abc import Sequence

import structlog

from remediation.store.audit.chain import Line
from workers.audit_targets import AT_ONCE, AuditLog, AuditTarget
from workers.jobs.boundary import never_raising
from workers.metrics import AUDIT_BENDS, AUDIT_FAILURES, AUDIT_LINES
from workers.resources import WorkerContext

logger = structlog.get_logger()

CHAIN_SECONDS = 2.0
"""For how long a line waits until it is chained, and from then on proven: about this, at most twice as long."""

AUDIT_TRIM_SECONDS = 86_400.0

_LOG = AuditLog()


@never_raising
async def keep_audit(context: WorkerContext) -> None:
    """Chain what waits, and write out what was not: to the log, and to each target that is configured."""
    await context.trail.note_rules(context.rules, context.clock())
    await chain_audit(context)
    for target in (_LOG, *context.audit_targets):
        try:
            await _write_to(context, target)
        except OSError as error:
            AUDIT_FAILURES.labels(target.name).inc()
            logger.warning("audit_not_written", place=target.name, error=type(error).__name__)


async def chain_audit(context: WorkerContext) -> None:
    """Chain what waits, and report a new chain, and an end that is bent. Raises StoreUnavailable."""
    news = await context.trail.chain(context.clock())
    AUDIT_LINES.inc(news.added)
    for why in news.begun:
        logger.warning("audit_chain_begins", reason=why.value)
    for kind in news.bends:
        AUDIT_BENDS.labels(kind).inc()
        logger.error("audit_bent", kind=kind.value, count=news.lost)


@never_raising
async def trim_audit(context: WorkerContext) -> None:
    """Delete the lines that are older than retention.audit says."""
    now = context.clock()
    if count := await context.trail.trim(now - context.keeps_audit.total_seconds(), now):
        logger.info("audit_trimmed", count=count)


async def _write_to(context: WorkerContext, target: AuditTarget) -> None:
    place = await asyncio.to_thread(target.last)
    known = place is not None
    place = place if place is not None else await context.trail.written(target.name)
    while lines := await _some(context, place):
        await asyncio.to_thread(target.write, lines)
        place = lines[-1].place
        if not known:
            await context.trail.note_written(target.name, place)


async def _some(context: WorkerContext, after: str) -> Sequence[Line]:
    """The next lines after a place, some at a time."""
    lines: list[Line] = []
    async for line in context.trail.lines(after):
        lines.append(line)
        if len(lines) == AT_ONCE:
            break
    return lines
