"""Blocking libraries behind `await`: a limited pool of threads, each with a client of its own, and one deadline."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from queue import SimpleQueue
from typing import Any, Generic, Protocol, Self, TypeVar
from weakref import WeakSet

from remediation.domain.errors import OutsideError, TryLater, Waiting
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.outbound.answers import LARGEST_ANSWER

CLOSES_WITHIN = 1.0
"""Seconds that closing waits for threads whose connections it has ended. A thread that hangs all the same (during name
resolution, for example) ends by itself, or with the process."""


class Client(Protocol):
    """The client of one thread."""

    def close(self) -> None:
        """Close it."""
        ...


ClientT = TypeVar("ClientT", bound=Client)
ResultT = TypeVar("ResultT")


@asynccontextmanager
async def in_time(name: str, seconds: float, *, wrote: bool) -> AsyncIterator[None]:
    """Give up several calls together after so many seconds. Raises TryLater, ambiguous where one of them `wrote`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TryLater(name, "no answer in time", ambiguous=wrote) from None


async def answer_of(question: Awaitable[ResultT]) -> ResultT | OutsideError:
    """The answer, or the error that came instead."""
    try:
        return await question
    except OutsideError as error:
        return error


class Call:
    """One call to a tracker while a thread works on it: how much it may receive, and how another task gives it up.

    A library that blocks measures time from one byte to the next, so an answer that comes very slowly outlasts all of
    its timeouts. A call therefore knows the connections that it uses, and giving it up ends them, whatever its thread
    waits for. `largest_answer` is in bytes, after decompression, for each answer.
    """

    def __init__(self, largest_answer: int = LARGEST_ANSWER) -> None:
        self.largest_answer = largest_answer
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._is_given_up = False

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for its result any more: then nothing more must be sent for it."""
        return self._is_given_up

    def watch(self, connection: socket.socket) -> None:
        """End this connection when the call is given up; at once where that has happened.

        A duplicate of its descriptor is kept, because TLS takes over the socket itself, and may be using it then.
        """
        watched = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._connections.append(watched)
            if self._is_given_up:
                _shut_down(watched)

    def give_up(self) -> None:
        """End the connections of this call, so that its thread wakes up. Does not block; any thread may call it."""
        with self._lock:
            self._is_given_up = True
            for connection in self._connections:
                _shut_down(connection)

    def end(self) -> None:
        """Forget the connections, which stay as they are: the thread has finished this call."""
        with self._lock:
            while self._connections:
                self._connections.pop().close()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Make this the current call of the thread, inside the block."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)
            self.end()


_CURRENT: ContextVar[Call | None] = ContextVar("current_call", default=None)


def current_call() -> Call | None:
    """The thread's current call; None outside of one, where nothing is given up."""
    return _CURRENT.get()


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the peer may have ended it already
        connection.shutdown(socket.SHUT_RDWR)


class _Task(Generic[ClientT, ResultT]):
    """Work for a thread, and the future for its result."""

    def __init__(self, work: Callable[[ClientT], ResultT], call: Call, context: Context) -> None:
        self.future: Future[ResultT] = Future()
        self._work = work
        self._call = call
        self._context = context

    def run(self, connected: Callable[[], ClientT]) -> None:
        """Do the work with a client, unless nobody waits for it any more."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._context.run(self._result, connected)
        except BaseException as error:  # noqa: BLE001 - it comes out where the result is waited for
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def _result(self, connected: Callable[[], ClientT]) -> ResultT:
        with self._call.running():
            return self._work(connected())

    def give_up(self) -> None:
        """Give the work up: it does not begin, or all its connections are ended."""
        if not self.future.cancel() and not self.future.done():
            self._call.give_up()


class Threads(Generic[ClientT]):
    """At most `size` calls run at once; a client is made in the thread that first needs one, and stays in it.

    `connect` makes a client. `deadline` is in seconds and covers the wait for a free thread as well as the work. A call
    never takes longer. Where it is given up, for the deadline or because its caller was cancelled, its connections are
    ended, so that its thread is free again at once. `largest_answer` is in bytes. Errors of `work` are passed on
    unchanged, so `work` turns its library's exceptions into ours. It sees the context variables of the caller.

    The threads are daemons: unlike those of a ThreadPoolExecutor, the end of the process does not wait for them.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], ClientT],
        *,
        size: int,
        deadline: float,
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._name = name
        self._connect = connect
        self._size = size
        self._deadline = deadline
        self._largest_answer = largest_answer
        self._waiting: SimpleQueue[_Task[ClientT, Any] | None] = SimpleQueue()
        self._free = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._tasks: set[_Task[ClientT, Any]] = set()
        self._is_closed = False
        _POOLS.add(self)

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        return self._name

    @property
    def is_broken(self) -> bool:
        """Whether a thread has died too early: no other takes its place, and its calls would wait for ever.

        A thread that hangs in a call is not dead: the call is given up at its deadline.
        """
        return not self._is_closed and not all(thread.is_alive() for thread in self._threads)

    @classmethod
    def configured(
        cls, name: str, config: TrackerSettings, connect: Callable[[], ClientT], largest_answer: int = LARGEST_ANSWER
    ) -> Self:
        """A pool with the threads and the deadline of the tracker's configuration."""
        size, deadline = config.concurrency, config.longest_call.total_seconds()
        return cls(name, connect, size=size, deadline=deadline, largest_answer=largest_answer)

    async def call(self, work: Callable[[ClientT], ResultT], *, spent: float = 0.0) -> ResultT:
        """The result of `work(client)`, run in one of the threads.

        `spent` are seconds of the deadline that were used before. Raises TryLater at the deadline: ambiguous when the
        work had begun (what it sent may still be carried out), not ambiguous when no thread was free.
        """
        if self._is_closed:
            raise RuntimeError("a call of a tracker that is closed")
        task: _Task[ClientT, ResultT] = _Task(work, Call(self._largest_answer), copy_context())
        self._tasks.add(task)
        self._begin(task)
        try:
            async with asyncio.timeout(self._deadline - spent):
                return await asyncio.wrap_future(task.future)
        except TimeoutError:
            begun = not task.future.cancel()
            words = "no answer in time" if begun else "every connection is busy"
            waiting = Waiting.AWAY if begun else Waiting.OURS
            raise TryLater(self._name, words, ambiguous=begun, waiting=waiting) from None
        finally:
            task.give_up()
            self._tasks.discard(task)

    async def close(self) -> None:
        """Drop calls that have not begun, give up those that have, and let each thread close its client.

        Waits for no thread for long.
        """
        self._is_closed = True
        for task in self._tasks:
            task.give_up()
        for _ in self._threads:
            self._waiting.put(None)
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        deadline = time.monotonic() + CLOSES_WITHIN
        while self._threads:
            self._threads.pop().join(max(0.0, deadline - time.monotonic()))

    def _begin(self, task: _Task[ClientT, ResultT]) -> None:
        """Give the task to a free thread, or to a new one; if all are busy it waits."""
        self._waiting.put(task)
        if not self._free.acquire(blocking=False) and len(self._threads) < self._size:
            thread = threading.Thread(target=self._serve, name=f"{self._name}_{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        """A thread, from its first task until the pool is closed."""
        with contextlib.ExitStack() as stack:
            connected = _once(self._connect, lambda client: stack.callback(client.close))
            while (task := self._waiting.get()) is not None:
                task.run(connected)
                del task
                self._free.release()


def _once(connect: Callable[[], ClientT], made: Callable[[ClientT], object]) -> Callable[[], ClientT]:
    """A function that returns the same client each time, made at its first call."""
    clients: list[ClientT] = []

    def connected() -> ClientT:
        if not clients:
            clients.append(connect())
            made(clients[0])
        return clients[0]

    return connected


_POOLS: WeakSet[Threads[Any]] = WeakSet()
"""Every pool of this process: the process reports dead threads of all trackers together."""


def broken_pools() -> list[str]:
    """The names of the pools that have lost a thread. Only a new process restores them."""
    return sorted({pool.name for pool in _POOLS if pool.is_broken})
