"""Libraries that block, behind `await`: a bounded pool of threads, each with a client of its own, and one deadline."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Generic, Protocol, Self, TypeVar

from remediation.errors import TryLater, Waiting
from remediation.mapping.trackers import TrackerConfig


class Client(Protocol):
    """A connection of one thread."""

    def close(self) -> None:
        """Let go of it."""
        ...


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
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[ClientT] = []

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
        try:
            async with asyncio.timeout(self._deadline - spent):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            begun = not future.cancelled()
            words = "no answer in time" if begun else "every connection is busy"
            waiting = Waiting.AWAY if begun else Waiting.OURS
            raise TryLater(self._name, words, ambiguous=begun, waiting=waiting) from None

    async def close(self) -> None:
        """Drop what has not begun, wait for what has, and let go of every client."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        while self._clients:
            self._clients.pop().close()

    def _client(self) -> ClientT:
        """The calling thread's own client."""
        client: ClientT | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
            with self._lock:
                self._clients.append(client)
        return client
