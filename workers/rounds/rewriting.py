"""Round: have Redis rewrite its append-only file after something was shredded, and prove that it did."""

import structlog

from remediation.store.server.rewriting import Answer, Rewriting, Step, step_of
from workers.jobs.boundary import never_raising
from workers.resources import WorkerContext

logger = structlog.get_logger()

REWRITE_SECONDS = 60.0
"""Seconds between two rounds: rewrites themselves are rarer (see PAUSE)."""


@never_raising
async def rewrite_file(context: WorkerContext) -> None:
    """Ask for a rewrite where one is due, and note one that has ended."""
    rewriting = Rewriting(context.connection)
    shredded, now = await rewriting.shredded(), context.clock()
    if not shredded.left:
        return
    if shredded.since is None:
        await rewriting.note_since(now)
    file = await rewriting.file()
    match step_of(shredded, file, now):
        case Step.GONE:
            await rewriting.note_gone(shredded, now)
            logger.info("shredded_left_file", count=shredded.asked - shredded.gone)
        case Step.ASK:
            answer = await rewriting.ask(shredded, file, now)
            if answer is Answer.REFUSED and shredded.refused_at is None:
                logger.warning("file_not_rewritten", reason="refused")
        case Step.NOTHING:
            pass
