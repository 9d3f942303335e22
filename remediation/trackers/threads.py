"""Libraries that block, behind `await`: a bounded pool of threads, each with a client of its own, and one deadline."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, Generic, Protocol, Self, TypeVar
from weakref import WeakSet

from remediation.errors import TryLater, Waiting
from remediation.mapping.trackers import TrackerConfig


class Client(Protocol):
    """A connection of one thread."""

    def close(self) -> None:
        """Let go of it."""
        ...


CLOSES_WITHIN = 1.0
"""Seconds that closing waits for calls which nobody waits for any more: a thread cannot be stopped."""

ClientT = TypeVar("ClientT", bound=Client)
ResultT = TypeVar("ResultT")


@asynccontextmanager
async def in_time(name: str, seconds: float, *, wrote: bool) -> AsyncIterator[None]:
    """Give up what takes several calls together after so many seconds. Raises TryLater, ambiguous where it `wrote`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TryLater(name, "no answer in time", ambiguous=wrote) from None


class Threads(Generic[ClientT]):
    """At most `size` calls run at once; a client is made in the thread that first needs one and never leaves it.

    `connect` makes a client. `deadline` is in seconds and covers the wait for a free thread as well as the work: a call
    never takes longer. What `work` raises comes out unchanged, so `work` turns its library's exceptions into ours. It
    sees the context variables of whoever calls.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], ClientT],
        *,
        size: int,
        deadline: float,
    ) -> None:
        self._name = name
        self._connect = connect
        self._deadline = deadline
        self._threads: list[threading.Thread] = []
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name, initializer=self._begin)
        self._under_way: set[Future[Any]] = set()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[ClientT] = []
        self._is_closed = False
        _POOLS.add(self)

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        return self._name

    @property
    def is_broken(self) -> bool:
        """Whether a thread has died before its time: no other takes its place, and its calls wait without an end.

        A thread that hangs in a call is not dead: the call is given up at its deadline, and ends when the tracker does.
        """
        return not self._is_closed and not all(thread.is_alive() for thread in self._threads)

    @classmethod
    def configured(cls, name: str, config: TrackerConfig, connect: Callable[[], ClientT]) -> Self:
        """As many threads, and as long a wait, as the tracker's configuration says."""
        return cls(name, connect, size=config.concurrency, deadline=config.longest_call.total_seconds())

    async def call(self, work: Callable[[ClientT], ResultT], *, spent: float = 0.0) -> ResultT:
        """The result of `work(client)`, run in one of the threads.

        `spent` are seconds of the deadline that went into what had to come before.
        Raises TryLater at the deadline: ambiguous when the work had begun (a thread cannot be stopped, so it may still
        be carried out), not ambiguous when no thread was free.
        """
        context = copy_context()
        future = self._pool.submit(lambda: context.run(lambda: work(self._client())))
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        try:
            async with asyncio.timeout(self._deadline - spent):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            begun = not future.cancelled()
            words = "no answer in time" if begun else "every connection is busy"
            waiting = Waiting.AWAY if begun else Waiting.OURS
            raise TryLater(self._name, words, ambiguous=begun, waiting=waiting) from None

    async def close(self) -> None:
        """Drop what has not begun, wait a moment for what has, and let go of every client."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(wait, tuple(self._under_way), CLOSES_WITHIN)
        while self._clients:
            self._clients.pop().close()

    def _begin(self) -> None:
        self._threads.append(threading.current_thread())

    def _client(self) -> ClientT:
        """The calling thread's own client."""
        client: ClientT | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
            with self._lock:
                self._clients.append(client)
        return client


_POOLS: WeakSet[Threads[Any]] = WeakSet()
"""Every pool of this process: threads belong to the process, whatever they were made for."""


def broken_pools() -> list[str]:
    """The names of the pools that have lost a thread: only a new process has all of them again."""
    return sorted({pool.name for pool in _POOLS if pool.is_broken})
