"""Which connections may stay open when there are too many. Pure: keys stand for connections.

A connection whose request is being answered is never closed. Closed first are connections after their last answer, then
waiting ones, the longest waiting first. Waiting connections on which a delivery was accepted come last: their senders
know a secret, and may send the next delivery at any moment. So a peer that opens connections and sends nothing loses
them to peers that send requests.
"""

import itertools
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

SPARE = 64
"""Connections beyond the limit that are open only until their peer has read why they were refused."""


class Places(Generic[Key]):
    """Places for `limit` connections, and room for `most_bytes` of requests that are not answered yet.

    `is_at_work` says whether a connection's request is complete and not answered yet.
    """

    def __init__(self, limit: int, most_bytes: int, is_at_work: Callable[[Key], bool]) -> None:
        self._is_at_work = is_at_work
        self._limit = limit
        self._most_bytes = most_bytes
        self._inside: set[Key] = set()
        self._waiting: dict[Key, None] = {}
        self._proven: dict[Key, None] = {}
        self._ending: dict[Key, None] = {}
        self._leaving: dict[Key, None] = {}
        self._held: dict[Key, int] = {}
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._inside)

    @property
    def open(self) -> int:
        """All connections, including those that have lost their place: at most the limit and SPARE."""
        return len(self._inside) + len(self._leaving)

    def enter(self, key: Key) -> Key | None:
        """Add a new connection, which waits.

        Returns the connection to close: none, another one, or itself where all are busy.
        """
        gone = None
        if len(self._inside) >= self._limit:
            gone = next(itertools.chain(self._ending, self._idle()), key)
            if gone == key:
                return key
            self._expel(gone)
        self._inside.add(key)
        self._waiting[key] = None
        return gone

    def waits(self, key: Key, *, is_proven: bool = False) -> None:
        """The connection's request was answered, and it waits again.

        `is_proven` says that one of its deliveries was accepted.
        """
        if key in self._held:
            self.holds(key, 0)
        if key in self._inside:
            self._waiting.pop(key, None)
            self._proven.pop(key, None)
            (self._proven if is_proven else self._waiting)[key] = None

    def ends(self, key: Key) -> Key | None:
        """The connection had its last answer.

        Returns the connections to close at once because too many without a place are open.
        """
        self.holds(key, 0)
        self._waiting.pop(key, None)
        self._proven.pop(key, None)
        if key in self._inside:
            self._ending[key] = None
            return None
        self._leaving[key] = None
        if len(self._leaving) <= SPARE:
            return None
        gone = next(iter(self._leaving))
        del self._leaving[gone]
        return gone

    def leave(self, key: Key) -> None:
        """The connection is closed."""
        self._expel(key)
        self._leaving.pop(key, None)

    def holds(self, key: Key, size: int) -> list[Key]:
        """Set the number of bytes that are kept for the connection. Returns the connections to close.

        These are waiting ones, the longest waiting first; where all are busy, the one that wants more.
        """
        self.held_bytes += size - self._held.pop(key, 0)
        if size:
            self._held[key] = size
        gone: list[Key] = []
        if self.held_bytes > self._most_bytes:
            waiting = [each for each in self._idle() if each in self._held]
            for each in (*waiting, key):
                if self.held_bytes > self._most_bytes and each in self._held:
                    gone.append(each)
                    self._expel(each)
        return gone

    def _idle(self) -> Iterator[Key]:
        """The connections that may be closed, in this order."""
        return (key for key in itertools.chain(self._waiting, self._proven) if not self._is_at_work(key))

    def _expel(self, key: Key) -> None:
        self._inside.discard(key)
        self._waiting.pop(key, None)
        self._proven.pop(key, None)
        self._ending.pop(key, None)
        self.held_bytes -= self._held.pop(key, 0)
