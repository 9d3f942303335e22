"""Which processes run: each tells of itself, and is forgotten when it ends or says no more."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from remediation.store.keys import PROCESSES
from remediation.store.processes import GONE_SECONDS, Process, Processes
from remediation.store.server.connection import Connection
from remedy.runtime import heartbeat
from remedy.runtime.heartbeat import open_heartbeat, version

NOW = 1_800_000_000.0
WORKER = Process("worker-a/7", "worker", "0.1.0", NOW - 60, "c0ffee")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "TELL_SECONDS", 0.02)


async def once_told(connection: Connection, mappings: str) -> Process:
    """The one process that runs, as soon as it tells of these mappings."""
    for _ in range(1_000):
        found = await Processes(connection).running(NOW)
        if [each.mappings for each in found] == [mappings]:
            return found[0]
        await asyncio.sleep(0.01)
    raise AssertionError("it does not tell")


async def test_who_tells_is_there_until_it_is_silent_for_too_long(connection: Connection) -> None:
    processes = Processes(connection)
    receiver = replace(WORKER, id="receiver-a/7", role="receiver")
    await processes.tell(WORKER, NOW)
    await processes.tell(receiver, NOW + 30)
    assert await processes.running(NOW + 30) == [receiver, WORKER]
    assert await processes.running(NOW + GONE_SECONDS + 1) == [receiver]


async def test_who_is_gone_leaves_no_row_behind(connection: Connection) -> None:
    processes = Processes(connection)
    await processes.tell(WORKER, NOW)
    await processes.tell(replace(WORKER, id="worker-b/7"), NOW + GONE_SECONDS + 1)
    assert await connection.redis.zcard(PROCESSES) == 1
    assert 0 < await connection.redis.pttl(PROCESSES) <= GONE_SECONDS * 1000


async def test_what_a_process_tells_takes_the_place_of_what_it_told_before(connection: Connection) -> None:
    processes = Processes(connection)
    await processes.tell(WORKER, NOW)
    changed = replace(WORKER, mappings="decaf")
    await processes.tell(changed, NOW + 1, WORKER)
    assert await processes.running(NOW + 1) == [changed]
    await processes.leave(changed)
    assert await processes.running(NOW + 1) == []


async def test_a_row_of_another_version_is_read_as_far_as_it_goes(connection: Connection) -> None:
    await connection.redis.zadd(PROCESSES, {b'{"id": "w", "role": "worker", "new": [1]}': NOW * 1000})
    assert await Processes(connection).running(NOW) == [Process("w", "worker", "", 0.0)]


async def test_what_was_being_told_when_the_process_ended_is_taken_back(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Processes.tell

    async def unanswered(self: Processes, process: Process, now: float, before: Process | None = None) -> None:
        await tell(self, process, now, before)
        await asyncio.Event().wait()

    monkeypatch.setattr(Processes, "tell", unanswered)
    async with open_heartbeat(connection, "worker", lambda: "one", lambda: NOW):
        await once_told(connection, "one")
    assert await Processes(connection).running(NOW) == []


async def test_a_process_tells_while_it_runs_and_that_it_ends(connection: Connection, quick: None) -> None:
    digests: Iterator[str] = iter(["one", *["two"] * 10_000])
    async with open_heartbeat(connection, "worker", lambda: next(digests), lambda: NOW):
        process = await once_told(connection, "two")
    assert (process.role, process.version, process.started) == ("worker", version(), NOW)
    assert await Processes(connection).running(NOW) == []


async def test_a_redis_that_takes_nothing_ends_no_process(connection: Connection, quick: None) -> None:
    await connection.redis.set(PROCESSES, "not a sorted set")
    async with open_heartbeat(connection, "worker", lambda: "", lambda: NOW):
        await asyncio.sleep(0.1)
        await connection.redis.delete(PROCESSES)
        assert (await once_told(connection, "")).role == "worker"
