"""Libraries that block, behind `await`: a bounded pool of threads, each with a client of its own, and one deadline."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from remediation.errors import TryLater

ClientT = TypeVar("ClientT")
ResultT = TypeVar("ResultT")


class Threads(Generic[ClientT]):
    """At most `size` calls run at once; a client is made in the thread that first needs one and never leaves it.

    `connect` makes a client and `disconnect` lets go of its connections. `deadline` is in seconds and covers the wait
    for a free thread as well as the work: a call never takes longer. What `work` raises comes out unchanged, so
    `work` turns its library's exceptions into ours.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], ClientT],
        disconnect: Callable[[ClientT], None],
        *,
        size: int,
        deadline: float,
    ) -> None:
        self._name = name
        self._connect = connect
        self._disconnect = disconnect
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[ClientT] = []

    async def call(self, work: Callable[[ClientT], ResultT]) -> ResultT:
        """The result of `work(client)`, run in one of the threads.

        Raises TryLater at the deadline: ambiguous when the work had begun (a thread cannot be stopped, so it may still
        be carried out), not ambiguous when no thread was free.
        """
        future = self._pool.submit(lambda: work(self._client()))
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            begun = not future.cancelled()
            words = "no answer in time" if begun else "every connection is busy"
            raise TryLater(self._name, words, ambiguous=begun) from None

    async def close(self) -> None:
        """Drop what has not begun, wait for what has, and let go of every client."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        while self._clients:
            self._disconnect(self._clients.pop())

    def _client(self) -> ClientT:
        """The calling thread's own client."""
        client: ClientT | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
            with self._lock:
                self._clients.append(client)
        return client
