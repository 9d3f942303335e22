"""One call to a tracker while a thread works on it: how much it may receive, and how another task gives it up.

A library that blocks measures time from one byte to the next, so an answer that comes very slowly outlasts all of its
timeouts. So a call knows the connections that it uses, and giving it up ends them, whatever its thread waits for.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextvars import ContextVar

from remediation.outbound.answers import LARGEST_ANSWER


class Call:
    """One call. `largest_answer` is in bytes, after decompression, for each answer."""

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
