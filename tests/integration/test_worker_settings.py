"""How arq runs our jobs: each setting is as it must be, because arq's own would lose work."""

import pytest
from arq.worker import Function, Worker

from remediation.mapping.config.trackers.tracker_settings import LONGEST_CALL
from remediation.queue import JOB_LIFETIME, UPKEEP_QUEUE, WORK_QUEUE, Job, decode, encode
from remediation.sealing import Keyring
from remediation.store.cases.todo import LEASE_SECONDS
from remediation.store.server.connection import Connection
from tests.integration.offices import Office
from workers.loops import UpkeepWorker
from workers.rounds.auditing import AUDIT_TRIM_SECONDS, CHAIN_SECONDS
from workers.rounds.expiring import EXPIRE_SECONDS, UNUSED_SECONDS
from workers.rounds.feeds import SECONDS as FEED_SECONDS
from workers.rounds.forgetting import FORGET_SECONDS
from workers.rounds.notifying import NOTIFY_SECONDS
from workers.rounds.rewriting import REWRITE_SECONDS
from workers.rounds.sampling import SAMPLE_SECONDS
from workers.rounds.trimming import TRIM_SECONDS
from workers.rounds.upkeep import LIST_SECONDS, NOTE_SECONDS, RELEASE_SECONDS
from workers.rounds.verifying import SECONDS as VERIFY_SECONDS
from workers.settings import COMPLETION_WAIT, JOB_TIMEOUT, SWEEP_SECONDS, upkeep_worker, work_worker

POD_GRACE = 30
LIFETIME_MS = JOB_LIFETIME.total_seconds() * 1000


@pytest.fixture
def work(connection: Connection, keyring: Keyring) -> Worker:
    return work_worker(connection.redis.connection_pool, Office(connection, keyring).contexts, 64)


@pytest.fixture
def upkeep(connection: Connection, keyring: Keyring) -> Worker:
    return upkeep_worker(connection.redis.connection_pool, Office(connection, keyring).contexts, 30)


@pytest.fixture(params=["work", "upkeep"])
def either(request: pytest.FixtureRequest) -> Worker:
    worker: Worker = request.getfixturevalue(request.param)
    return worker


async def test_nothing_is_pickled(either: Worker) -> None:
    pool = either.pool
    assert {either.job_serializer, pool.job_serializer} == {encode}
    assert {either.job_deserializer, pool.job_deserializer} == {decode}


async def test_no_arguments_are_logged_or_kept(work: Worker, either: Worker) -> None:
    assert either.log_results is False
    assert (work.keep_result_s, work.keep_result_forever) == (0, False)
    assert all(function.keep_result_s is None for function in work.functions.values() if isinstance(function, Function))


async def test_no_job_is_dropped_for_its_tries_or_its_age(either: Worker) -> None:
    assert either.max_tries >= 1_000_000
    assert either.expires_extra_ms >= 30 * 24 * 3600 * 1000
    assert either.expires_extra_ms == either.pool.expires_extra_ms == LIFETIME_MS


async def test_jobs_are_short_and_a_call_to_a_tracker_is_shorter(either: Worker) -> None:
    assert either.job_timeout_s == JOB_TIMEOUT == 30
    assert all(function.timeout_s in {None, JOB_TIMEOUT} for function in either.functions.values())
    assert LONGEST_CALL.total_seconds() < JOB_TIMEOUT


async def test_a_worker_that_died_is_replaced_sooner_than_arq_would(work: Worker) -> None:
    assert work.in_progress_timeout_s > LEASE_SECONDS + SWEEP_SECONDS


async def test_a_worker_takes_many_jobs_and_does_not_wait_between_its_rounds(work: Worker) -> None:
    assert work.poll_delay_s == 0
    assert work.max_jobs == 64


async def test_a_worker_stops_within_its_pods_grace(either: Worker) -> None:
    assert either._job_completion_wait == COMPLETION_WAIT < POD_GRACE
    assert either._handle_signals is False


async def test_no_hook_of_a_job_can_raise_because_there_is_none(either: Worker) -> None:
    hooks = (either.on_shutdown, either.on_job_start, either.on_job_end, either.after_job_end)
    assert hooks == (None,) * 4


async def test_the_jobs_are_those_that_the_scripts_write(work: Worker) -> None:
    assert set(work.functions) == set(Job)
    assert not work.cron_jobs


async def test_rounds_wait_behind_no_work(work: Worker, upkeep: Worker) -> None:
    assert (work.queue_name, upkeep.queue_name) == (WORK_QUEUE, UPKEEP_QUEUE)
    assert upkeep.pool.default_queue_name == UPKEEP_QUEUE


async def test_nothing_is_begun_by_the_machines_clock(either: Worker) -> None:
    assert not either.cron_jobs


async def test_the_polls_run_as_often_as_is_set(connection: Connection, keyring: Keyring) -> None:
    worker = upkeep_worker(connection.redis.connection_pool, Office(connection, keyring).contexts, 7)
    assert isinstance(worker, UpkeepWorker)
    assert {each.name: each.seconds for each in worker._schedule.due()} == {
        "sweep": SWEEP_SECONDS,
        "release_budgets": RELEASE_SECONDS,
        "note_districts": NOTE_SECONDS,
        "list_earlier_cases": LIST_SECONDS,
        "poll_trackers": 7,
        "poll_feeds": FEED_SECONDS,
        "verify_sites": VERIFY_SECONDS,
        "forget_incidents": FORGET_SECONDS,
        "rewrite_file": REWRITE_SECONDS,
        "trim_set_aside": TRIM_SECONDS,
        "forget_cases": EXPIRE_SECONDS,
        "give_up_parked": EXPIRE_SECONDS,
        "forget_unused": UNUSED_SECONDS,
        "keep_audit": CHAIN_SECONDS,
        "trim_audit": AUDIT_TRIM_SECONDS,
        "notify": NOTIFY_SECONDS,
        "sample_activity": SAMPLE_SECONDS,
    }
