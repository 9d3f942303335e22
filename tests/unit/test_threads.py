import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from remediation.domain.errors import Refused, TryLater
from remediation.trackers.threads import Call, Threads, broken_pools, current_call


@dataclass
class Client:
    thread: int = field(default_factory=threading.get_ident)
    closed: bool = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Clients:
    made: list[Client] = field(default_factory=list)

    def connect(self) -> Client:
        client = Client()
        self.made.append(client)
        return client


@pytest.fixture
def clients() -> Clients:
    return Clients()


@pytest.fixture
async def threads(clients: Clients) -> AsyncIterator[Threads[Client]]:
    threads = Threads("helpdesk", clients.connect, size=2, deadline=0.2)
    yield threads
    await threads.close()


async def test_a_call_gives_what_its_work_gives(threads: Threads[Client]) -> None:
    assert await threads.call(lambda _client: 7) == 7


async def test_what_the_work_raises_comes_out_unchanged(threads: Threads[Client]) -> None:
    def work(_client: Client) -> None:
        raise Refused("helpdesk", "no")

    with pytest.raises(Refused):
        await threads.call(work)


async def test_each_thread_has_one_client_of_its_own(threads: Threads[Client], clients: Clients) -> None:
    def work(client: Client) -> bool:
        time.sleep(0.001)
        return client.thread == threading.get_ident()

    assert all(await asyncio.gather(*(threads.call(work) for _ in range(20))))
    assert len(clients.made) <= 2


async def test_work_that_takes_too_long_is_given_up_as_ambiguous(threads: Threads[Client]) -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(TryLater) as caught:
        await threads.call(lambda _client: release.wait(5))
    release.set()
    assert caught.value.ambiguous
    assert time.monotonic() - started < 2


async def test_what_came_before_is_part_of_a_calls_time() -> None:
    threads = Threads("helpdesk", Client, size=2, deadline=30)
    done = threading.Event()
    try:
        with pytest.raises(TryLater) as caught:
            await threads.call(lambda _client: done.wait(10), spent=29.9)
    finally:
        done.set()
        await threads.close()
    assert caught.value.ambiguous


async def test_a_call_that_finds_no_free_thread_is_never_carried_out(threads: Threads[Client]) -> None:
    release, done = threading.Event(), threading.Event()
    busy = [asyncio.ensure_future(threads.call(lambda _client: release.wait(5))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TryLater) as caught:
        await threads.call(lambda _client: done.set())
    assert not caught.value.ambiguous
    release.set()
    await asyncio.gather(*busy, return_exceptions=True)
    await threads.close()
    assert not done.is_set()


async def test_a_thread_that_hangs_in_a_call_is_not_dead(threads: Threads[Client]) -> None:
    release = threading.Event()
    with pytest.raises(TryLater):
        await threads.call(lambda _client: release.wait(20))
    assert broken_pools() == []
    release.set()


async def test_a_thread_that_has_died_is_told_by_its_pool_until_that_is_closed(clients: Clients) -> None:
    threads = Threads("helpdesk", clients.connect, size=2, deadline=0.2)
    await threads.call(lambda _client: None)
    (thread,) = threads._threads
    threads._waiting.put(None)  # what ends one is an error in here, as with no memory left: this is the pool's own word
    thread.join(5)
    assert broken_pools() == ["helpdesk"]
    await threads.close()
    assert broken_pools() == []


def happens(what: Callable[[], bool]) -> bool:
    """Whether it is so within five seconds."""
    deadline = time.monotonic() + 5
    while not what() and time.monotonic() < deadline:
        time.sleep(0.001)
    return what()


async def test_closing_lets_go_of_every_client(threads: Threads[Client], clients: Clients) -> None:
    await asyncio.gather(*(threads.call(lambda _client: time.sleep(0.01)) for _ in range(2)))
    await threads.close()
    assert clients.made
    assert all(client.closed for client in clients.made)


async def test_closing_waits_for_no_thread_long(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediation.trackers.threads.CLOSES_WITHIN", 0.1)
    threads = Threads("helpdesk", clients.connect, size=2, deadline=30)
    release = threading.Event()
    call = asyncio.ensure_future(threads.call(lambda _client: release.wait(5)))
    await asyncio.sleep(0.01)
    started = time.monotonic()
    await threads.close()
    assert time.monotonic() - started < 1
    release.set()
    await call
    assert await asyncio.to_thread(happens, lambda: clients.made[0].closed)


async def test_whoever_is_cancelled_gives_the_call_up(threads: Threads[Client]) -> None:
    seen: list[Call | None] = []
    release = threading.Event()

    def work(_client: Client) -> None:
        seen.append(current_call())
        release.wait(5)

    call = asyncio.ensure_future(threads.call(work))
    assert await asyncio.to_thread(happens, lambda: bool(seen))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    release.set()
    assert seen[0] is not None
    assert seen[0].is_given_up


async def test_a_call_that_has_ended_is_not_given_up(threads: Threads[Client]) -> None:
    call = await threads.call(lambda _client: current_call())
    assert call is not None
    assert not call.is_given_up
