"""Jobs keep the context that they began with; one that was replaced is put away after its last job, once."""

import asyncio
import time
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.ports import Rulebook
from remediation.sealing import Keyring, generate_key
from remediation.store.server.connection import Connection
from workers.jobs.boundary import never_raising
from workers.resources import NamedSystems, WorkerContext, WorkerContexts, context_on


class Closing:
    """Counts how often it was called."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self._error = error

    async def __call__(self) -> None:
        self.times += 1
        if self._error:
            raise self._error


def a_rulebook() -> Rulebook:
    """Nobody asks it anything here."""
    return cast("Rulebook", object())


def replace(contexts: WorkerContexts) -> Closing:
    closing = Closing()
    contexts.replace(NamedSystems({}, {}, a_rulebook()), closing)
    return closing


def context_of(contexts: WorkerContexts) -> WorkerContext:
    with contexts.at_work() as context:
        return context


async def a_moment() -> None:
    """What was begun beside goes on."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def first() -> Closing:
    return Closing()


@pytest.fixture
def contexts(first: Closing) -> WorkerContexts:
    connection = Connection(Redis())  # nobody connects
    named = NamedSystems({}, {}, a_rulebook())
    return WorkerContexts(context_on(connection, Keyring.parse(generate_key()), named, time.time), first)


async def test_the_next_job_gets_the_new_context_on_the_same_stores(contexts: WorkerContexts) -> None:
    before = context_of(contexts)
    replace(contexts)
    after = context_of(contexts)
    assert after.rulebook is not before.rulebook
    assert (after.todo, after.inbox, after.connection) == (before.todo, before.inbox, contexts.connection)


async def test_a_context_without_a_job_is_put_away_at_once(contexts: WorkerContexts, first: Closing) -> None:
    second = replace(contexts)
    await a_moment()
    assert (first.times, second.times) == (1, 0)


async def test_a_context_is_put_away_after_its_last_job(contexts: WorkerContexts, first: Closing) -> None:
    with contexts.at_work() as one:
        with contexts.at_work() as two:
            replace(contexts)
        await a_moment()
        assert one is two
        assert first.times == 0
    await a_moment()
    assert first.times == 1


async def test_the_context_in_use_stays_however_many_jobs_leave_it(contexts: WorkerContexts, first: Closing) -> None:
    for _ in range(3):
        context_of(contexts)
    await a_moment()
    assert first.times == 0


async def test_a_job_that_fails_leaves_its_context_too(contexts: WorkerContexts, first: Closing) -> None:
    running = contexts.at_work()
    running.__enter__()
    replace(contexts)
    error = ValueError()
    assert not running.__exit__(ValueError, error, None)
    await a_moment()
    assert first.times == 1


async def test_at_the_end_every_context_is_put_away_once(contexts: WorkerContexts, first: Closing) -> None:
    with contexts.at_work():
        second = replace(contexts)
        third = replace(contexts)
        await contexts.aclose()
    await a_moment()
    assert [each.times for each in (first, second, third)] == [1, 1, 1]


async def test_the_end_waits_for_contexts_that_are_being_put_away(contexts: WorkerContexts) -> None:
    gate, closed = asyncio.Event(), []

    async def slowly() -> None:
        await gate.wait()
        closed.append("second")

    contexts.replace(NamedSystems({}, {}, a_rulebook()), slowly)
    replace(contexts)
    await a_moment()
    asyncio.get_running_loop().call_later(0.01, gate.set)
    await contexts.aclose()
    assert closed == ["second"]


async def test_a_context_that_cannot_be_closed_ends_nothing(contexts: WorkerContexts) -> None:
    contexts.replace(NamedSystems({}, {}, a_rulebook()), Closing(OSError("test-only-token")))
    with capture_logs() as lines:
        replace(contexts)
        await contexts.aclose()
    assert [(line["event"], line["error"]) for line in lines] == [("context_not_closed", "OSError")]
    assert "test-only-token" not in str(lines)


async def test_a_job_in_flight_goes_on_with_what_it_started_with(contexts: WorkerContexts, first: Closing) -> None:
    gate, seen = asyncio.Event(), []

    @never_raising
    async def job(context: WorkerContext) -> None:
        seen.append(context.rulebook)
        await gate.wait()
        seen.append(context.rulebook)

    context: dict[str, Any] = {"contexts": contexts}
    before = context_of(contexts).rulebook
    running = asyncio.create_task(job(context))
    await a_moment()
    replace(contexts)
    await a_moment()
    assert first.times == 0
    gate.set()
    await running
    await job(context)
    assert seen == [before, before, *[context_of(contexts).rulebook] * 2]
    await a_moment()
    assert first.times == 1
