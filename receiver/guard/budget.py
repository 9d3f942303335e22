"""The budget of one connection: which bytes may be parsed now, how many are used, how long it may wait. Pure.

Most requests are small and come in one piece. The parser gets the first bytes of a request at once where they are fewer
than a head may have. Everything else is given to it in pieces that end where a request ends, so that a second request
on the same connection is not parsed until the first one is answered. Times are seconds of one monotonic clock.
"""

import math
from dataclasses import dataclass
from enum import Enum

from receiver.guard.refusals import Refusal

END_OF_HEAD = b"\r\n\r\n"
_SMALLEST_PIECE = 256
"""The fewest bytes of a chunked body that are parsed at once, even if its framing may use fewer."""

COUNTED_BYTES = 16_384
"""A request that comes in one piece of at most this size does not count against the memory of all connections."""

_MOST_DRAINED = 16_777_216
"""Bytes that are read and discarded after an answer: the largest value that MAX_BODY_BYTES may have."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The limits of one connection, in bytes and seconds.

    `head_bytes` limits a request's line and headers together, and once more the framing and trailers of a chunked body.
    `head_seconds` runs from the beginning of the connection to the end of the first head, and for each later request
    from its first byte. `linger_seconds` limits how long an answer, and what the sender still sends, may take.
    """

    url_bytes: int = 4_096
    head_bytes: int = 16_384
    head_seconds: float = 10.0
    idle_seconds: float = 30.0
    linger_seconds: float = 10.0


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "the first byte of a request"
    HEAD = "the rest of its head"
    BODY = "the rest of its body"
    WORK = "our answer"
    CLOSING = "the end: it is answered for the last time"


class Drained(Enum):
    """What is still to come after the last answer."""

    MORE = "more may come"
    ALL = "the announced body is complete"
    TOO_MUCH = "more came than anybody waits for"


class OverBudget(Exception):
    """The connection has exceeded a limit. `refusal` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


IDLE, HEAD, BODY, WORK, CLOSING = Phase


class ConnectionBudget:
    """What a connection has used and what it waits for. The protocol reports to it what the parser saw."""

    __slots__ = (
        *("_fed", "_limits", "_most_head", "_tail", "_timed"),
        *("body", "deadline", "drained", "head", "is_chunked", "left", "most_at_once", "most_url", "phase"),
    )

    def __init__(self, limits: HttpLimits, now: float) -> None:
        self._limits = limits
        self._most_head = limits.head_bytes
        self.most_at_once = min(limits.head_bytes, COUNTED_BYTES)
        self.most_url = limits.url_bytes
        self._tail = b""  # the last bytes of a head that comes in pieces
        self._timed = True  # whether the deadline is that of a head: the first one's time runs from the beginning
        self.phase = IDLE
        self.deadline = now + limits.head_seconds
        self.head = 0
        self.body = 0
        self.left = 0  # of a body with a Content-Length; for a chunked one never more than 0
        self.is_chunked = False
        self.drained = 0
        self._fed = 0  # bytes of a chunked body that were parsed together with its head

    def piece_end(self, data: bytes, start: int) -> int:
        """The end of the part of `data` that may be parsed now, beginning at `start`; `start` itself where nothing may.

        The bytes up to there count as used. Raises OverBudget where earlier bytes exceed a limit.
        """
        phase = self.phase
        if phase is BODY:
            return self._body_end(data, start)
        return start if phase is WORK or phase is CLOSING else self._head_end(data, start)

    def _body_end(self, data: bytes, start: int) -> int:
        size = len(data) - start
        if self.is_chunked:
            self.check()
            size = min(size, max(_SMALLEST_PIECE, self._most_head - self._framing + 1))
            self._fed += size
        elif size > self.left:
            size = max(1, self.left)  # nothing is left, and it is not the end: the parser reports the error
        return start + size

    def _head_end(self, data: bytes, start: int) -> int:
        self.check()
        kept = len(self._tail)
        come = self._tail + data[start : start + self._most_head - self.head]
        found = come.find(END_OF_HEAD)
        come = come if found < 0 else come[: found + len(END_OF_HEAD)]
        self.head += len(come) - kept
        self._tail = come[1 - len(END_OF_HEAD) :]
        return start + len(come) - kept

    def begins(self, data: bytes) -> None:
        """The parser was given these first bytes of a request and has not seen the end of its head."""
        self.head, self._tail = len(data), data[1 - len(END_OF_HEAD) :]

    def begins_with_head(self, data: bytes, body_length: int | None) -> None:
        """The parser was given these first bytes of a request and has seen the end of its head, not of its body."""
        self.head_ends(body_length)
        self.head = data.find(END_OF_HEAD) + len(END_OF_HEAD)
        self._fed = len(data) - self.head

    @property
    def _framing(self) -> int:
        """Bytes used by the framing and trailers of a chunked body."""
        return self._fed - self.body

    def check(self) -> None:
        """Check the limits after the parser has parsed all that it was given. Raises OverBudget."""
        if self.is_chunked:
            if self._framing > self._most_head:
                raise OverBudget(Refusal.TRAILERS)
        elif (self.phase is HEAD or self.phase is IDLE) and self.head >= self._most_head:
            raise OverBudget(Refusal.HEADERS)

    def head_ends(self, body_length: int | None) -> None:
        """The parser has seen the end of a head. A `body_length` of None means that the body is chunked."""
        self.phase, self._tail = BODY, b""
        self.is_chunked = body_length is None
        self.left = (body_length or 0) - self.body
        self.deadline = math.inf  # the body has a deadline of its own in the application

    def body_comes(self, size: int) -> None:
        """The parser has seen this many bytes of a body."""
        self.body += size
        self.left -= size

    def answered(self, now: float) -> None:
        """The request was answered, and the connection stays open for the next one."""
        self.phase, self.deadline, self._timed = IDLE, now + self._limits.idle_seconds, False
        self.head = self.body = self.left = self._fed = 0
        self.is_chunked = False

    def runs_dry(self, now: float) -> None:
        """Everything received is handled.

        The time of a head runs from its first piece, however slowly the rest comes.
        """
        if self.phase is HEAD and not self._timed:
            self.deadline, self._timed = now + self._limits.head_seconds, True

    def blocked(self, now: float) -> None:
        """The peer does not read what we write."""
        self.deadline = min(self.deadline, now + self._limits.linger_seconds)

    def taken(self) -> None:
        """The peer has read what we wrote."""
        if self.phase is WORK or self.phase is BODY:
            self.deadline = math.inf

    def closes(self, now: float, most_seconds: float = math.inf) -> None:
        """The last answer was given; what still comes is read for a while."""
        until = now + min(self._limits.linger_seconds, most_seconds)
        self.deadline = min(self.deadline, until) if self.phase is CLOSING else until
        self.phase = CLOSING

    def drains(self, size: int) -> Drained:
        """This many bytes came after the last answer and were discarded."""
        self.drained += size
        if self.drained > _MOST_DRAINED:
            return Drained.TOO_MUCH
        return Drained.ALL if 0 < self.left <= self.drained else Drained.MORE
