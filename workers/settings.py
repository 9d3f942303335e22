"""How arq runs our jobs: each setting with the reason why it is not arq's own."""

from collections.abc import Awaitable, Callable
from typing import Any

from arq import func
from redis.asyncio import ConnectionPool

from remediation.queue import JOB_LIFETIME, UPKEEP_QUEUE, WORK_QUEUE, Job, decode, encode
from remediation.store.work_queue import WorkQueue
from workers.jobs.answering import answer_question
from workers.jobs.boundary import ArqContext, never_raising
from workers.jobs.cases import look_at_case
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan
from workers.jobs_redis import JobsRedis
from workers.loops import LoopWorker, QueueWorker, UpkeepWorker
from workers.resources import WorkerContext, WorkerContexts
from workers.rounds.auditing import AUDIT_TRIM_SECONDS, CHAIN_SECONDS, keep_audit, trim_audit
from workers.rounds.expiring import EXPIRE_SECONDS, UNUSED_SECONDS, forget_cases, forget_unused, give_up_parked
from workers.rounds.feeds import SECONDS as FEED_SECONDS
from workers.rounds.feeds import poll_feeds
from workers.rounds.forgetting import FORGET_SECONDS, forget_incidents
from workers.rounds.notifying import NOTIFY_SECONDS, notify
from workers.rounds.polls import poll_trackers
from workers.rounds.rewriting import REWRITE_SECONDS, rewrite_file
from workers.rounds.sampling import SAMPLE_SECONDS, sample_activity
from workers.rounds.schedule import Round, Schedule
from workers.rounds.trimming import TRIM_SECONDS, trim_set_aside
from workers.rounds.upkeep import (
    LIST_SECONDS,
    NOTE_SECONDS,
    RELEASE_SECONDS,
    list_earlier_cases,
    note_districts,
    release_budgets,
    sweep,
)
from workers.rounds.verifying import SECONDS as VERIFY_SECONDS
from workers.rounds.verifying import verify_sites

JOB_TIMEOUT = 30
"""Seconds. After kill -9 arq leaves a job alone for this and ten more seconds; our own lease and sweep are quicker."""

SWEEP_SECONDS = 2

COMPLETION_WAIT = 15
"""Seconds that running jobs get after SIGTERM unless a setting says otherwise: more than a look takes. Together with
what follows (jobs put their cases off) it is less than a pod's grace period of 30."""


@never_raising
async def unreadable_job(_context: WorkerContext) -> None:
    """The job for a wire format that nobody can read: it does nothing, because the sweep makes a new wake-up."""


Prepare = Callable[[], Awaitable[None]]
"""The check before a worker takes jobs; where it raises, the worker ends and is restarted."""


async def _nothing() -> None:
    """The default check: nothing to do."""


def _common(
    pool: ConnectionPool, queue: str, contexts: WorkerContexts, prepare: Prepare, completion_wait: float | None
) -> dict[str, Any]:
    async def begin(_ctx: ArqContext) -> None:
        await prepare()

    redis = JobsRedis(
        pool_or_conn=pool,
        job_serializer=encode,
        job_deserializer=decode,
        default_queue_name=queue,
        expires_extra_ms=int(JOB_LIFETIME.total_seconds() * 1000),
    )
    return {
        "redis_pool": redis,
        "queue_name": queue,
        "ctx": {"contexts": contexts},
        "on_startup": begin,
        "job_serializer": encode,  # not pickle: anybody who can write to Redis could run code here
        "job_deserializer": decode,
        "expires_extra_ms": int(JOB_LIFETIME.total_seconds() * 1000),  # an outage may last longer than a day
        "job_timeout": JOB_TIMEOUT,
        "job_completion_wait": completion_wait or COMPLETION_WAIT,  # otherwise SIGTERM cancels jobs in the middle
        "max_tries": 1_000_000,  # crashes count as tries, and arq drops a job after five
        "log_results": False,
        "handle_signals": False,  # two workers share the process, which stops them itself
        "health_check_interval": 3600,  # arq's health key is shared by all workers and deleted by any of them
    }


def work_worker(
    pool: ConnectionPool,
    contexts: WorkerContexts,
    max_jobs: int,
    prepare: Prepare = _nothing,
    completion_wait: float | None = None,
) -> LoopWorker:
    """The worker for deliveries, cases and scans. `completion_wait` is in seconds; None for COMPLETION_WAIT."""
    return QueueWorker(
        WorkQueue(contexts.connection),
        functions=[
            func(read_delivery, name=Job.READ_DELIVERY),
            func(look_at_case, name=Job.LOOK_AT_CASE),
            func(page_scan, name=Job.PAGE_SCAN),
            func(answer_question, name=Job.ANSWER_QUESTION),
            func(unreadable_job, name=Job.UNREADABLE),
        ],
        keep_result=0,  # results would keep arguments for an hour
        max_jobs=max_jobs,
        **_common(pool, WORK_QUEUE, contexts, prepare, completion_wait),
    )


def upkeep_worker(
    pool: ConnectionPool,
    contexts: WorkerContexts,
    poll_seconds: int,
    prepare: Prepare = _nothing,
    completion_wait: float | None = None,
) -> LoopWorker:
    """The worker for rounds, apart from the work queue, so that no backlog delays the sweep."""
    rounds = (
        Round("sweep", SWEEP_SECONDS, sweep),
        Round("release_budgets", RELEASE_SECONDS, release_budgets, by_each=True),
        Round("note_districts", NOTE_SECONDS, note_districts),
        Round("list_earlier_cases", LIST_SECONDS, list_earlier_cases),
        Round("poll_trackers", poll_seconds, poll_trackers),
        Round("poll_feeds", FEED_SECONDS, poll_feeds),
        Round("verify_sites", VERIFY_SECONDS, verify_sites),
        Round("forget_incidents", FORGET_SECONDS, forget_incidents),
        Round("rewrite_file", REWRITE_SECONDS, rewrite_file),
        Round("trim_set_aside", TRIM_SECONDS, trim_set_aside),
        Round("forget_cases", EXPIRE_SECONDS, forget_cases),
        Round("give_up_parked", EXPIRE_SECONDS, give_up_parked),
        Round("forget_unused", UNUSED_SECONDS, forget_unused),
        Round("keep_audit", CHAIN_SECONDS, keep_audit),
        Round("trim_audit", AUDIT_TRIM_SECONDS, trim_audit),
        Round("notify", NOTIFY_SECONDS, notify),
        Round("sample_activity", SAMPLE_SECONDS, sample_activity),
    )
    return UpkeepWorker(
        Schedule(rounds),
        JOB_TIMEOUT,
        functions=[func(unreadable_job, name=Job.UNREADABLE)],
        max_jobs=8,
        **_common(pool, UPKEEP_QUEUE, contexts, prepare, completion_wait),
    )
