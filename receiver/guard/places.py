"""Who may hold a connection open when there are too many. Pure: keys stand for connections.

Nobody who is at work has to go. First go those that are answered for the last time, then those that we wait for, the
longest first: whoever opens connections and leaves them waiting loses them to whoever comes with a request. Last of all
go those that wait and have had a delivery accepted: their senders know a secret, and may be about to send the next one.
"""

import itertools
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

SPARE = 64
"""Connections beyond the limit that are only there to read why they were refused."""


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
        """All connections, those that have lost their place included: at most the limit and SPARE."""
        return len(self._inside) + len(self._leaving)

    def enter(self, key: Key) -> Key | None:
        """A new connection; it waits. Who has to go for it: nobody, another one, or itself, where all are at work."""
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
        """Its request was answered, and it may ask again. Proven: a delivery of its was accepted."""
        if key in self._held:
            self.holds(key, 0)
        if key in self._inside:
            self._waiting.pop(key, None)
            self._proven.pop(key, None)
            (self._proven if is_proven else self._waiting)[key] = None

    def ends(self, key: Key) -> Key | None:
        """It was answered for the last time. Who has to go at once, since too many without a place are still there."""
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
        """It is closed."""
        self._expel(key)
        self._leaving.pop(key, None)

    def holds(self, key: Key, size: int) -> list[Key]:
        """So many bytes are kept for it, instead of what was said before. Who has to go, since there are too many.

        Those that we wait for, the longest first; where all are at work, the one that wants more.
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
        """Those that may have to go, in this order."""
        return (key for key in itertools.chain(self._waiting, self._proven) if not self._is_at_work(key))

    def _expel(self, key: Key) -> None:
        self._inside.discard(key)
        self._waiting.pop(key, None)
        self._proven.pop(key, None)
        self._ending.pop(key, None)
        self.held_bytes -= self._held.pop(key, 0)
