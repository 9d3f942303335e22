"""One connection's budget: which of its bytes may be parsed now, how many it has used, how long it may wait. Pure.

Bytes are given to the parser in pieces that end where a request ends, so that a second request on the same connection
stays unparsed until the first one is answered. Times are seconds on one steady clock.
"""

import math
from dataclasses import dataclass
from enum import Enum

from receiver.guard.refusals import Refusal

_END_OF_HEAD = b"\r\n\r\n"
_ITS_SIZE = len(_END_OF_HEAD)
_LENGTH = b"\r\ncontent-length: "
_SMALLEST_PIECE = 256
"""The least that is parsed of a chunked body at once, although what its framing may still use is less."""

MOST_DRAINED = 16_777_216
"""Bytes that are read and thrown away after an answer: the largest MAX_BODY_BYTES that there can be."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one connection may use. Bytes, and seconds.

    `head_bytes` is for a request's line and headers together, and once more for the framing and the trailers of a
    chunked body. `head_seconds` runs from the connection's begin to the end of the first head, and for each further
    request from its first byte. `linger_seconds` is how long an answer may take to be taken, with what is still coming.
    """

    url_bytes: int = 4_096
    head_bytes: int = 16_384
    head_seconds: float = 10.0
    idle_seconds: float = 30.0
    linger_seconds: float = 10.0


class Phase(Enum):
    """What the connection waits for."""

    IDLE = "the first byte of a request"
    HEAD = "the rest of its head"
    BODY = "the rest of its body"
    WORK = "our answer"
    CLOSING = "the end: it is answered for the last time"


class Drained(Enum):
    """What is left to come after the last answer."""

    MORE = "more may come"
    ALL = "the announced body is complete"
    TOO_MUCH = "more came than anybody waits for"


class OverBudget(Exception):
    """The connection has used more than it may."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


IDLE, HEAD, BODY, WORK, CLOSING = Phase


class ConnectionBudget:
    """What a connection has used, and what it waits for. Whoever owns it tells it what the parser saw."""

    __slots__ = (
        *("_limits", "_most_head", "_tail", "most_url", "_timed"),
        *("body", "deadline", "drained", "framing", "head", "left", "phase"),
    )

    def __init__(self, limits: HttpLimits, now: float) -> None:
        self._limits = limits
        self._most_head = limits.head_bytes
        self.most_url = limits.url_bytes
        self._tail = b""  # the last bytes of a head that comes in pieces
        self._timed = True  # whether the deadline is that of a head: the first one's time runs from the beginning
        self.phase = IDLE
        self.deadline = now + limits.head_seconds
        self.head = 0
        self.body = 0
        self.left: int | None = 0  # of an announced body; None: it comes in chunks
        self.framing = 0
        self.drained = 0

    def piece_end(self, data: bytes, start: int) -> int:
        """Up to where `data` is to be parsed now, from `start` on; `start` itself while nothing is.

        What it answers counts as used. Raises OverBudget where what was used before is too much.
        """
        phase = self.phase
        if phase is IDLE and not self.head:
            end = data.find(_END_OF_HEAD, start) + _ITS_SIZE
            if _ITS_SIZE <= end <= start + self._most_head:
                self.head = end - start
                # Most requests come whole and alone: their length is seen at a glance. The parser reads it itself, and
                # where it is another one it says so, or what follows is dropped like what follows a body in chunks.
                at = data.find(_LENGTH, start, end)
                is_whole = at > 0 and data.startswith(b"%d\r" % (len(data) - end), at + len(_LENGTH))
                return len(data) if is_whole else end
        if phase is BODY:
            return self._body_end(data, start)
        return start if phase is WORK or phase is CLOSING else self._head_end(data, start)

    def _body_end(self, data: bytes, start: int) -> int:
        size = len(data) - start
        if self.left is None:
            self.check()
            size = min(size, max(_SMALLEST_PIECE, self._most_head - self.framing + 1))
            self.framing += size
        elif size > self.left:
            size = max(1, self.left)  # nothing is left, and it is not the end: the parser will say what is wrong
        return start + size

    def _head_end(self, data: bytes, start: int) -> int:
        self.check()
        come = self._tail + data[start:]
        found = come.find(_END_OF_HEAD)
        size = (len(come) if found < 0 else found + len(_END_OF_HEAD)) - len(self._tail)
        size = min(size, self._most_head - self.head)
        self.head += size
        self._tail = (self._tail + data[start : start + size])[1 - len(_END_OF_HEAD) :]
        return start + size

    def check(self) -> None:
        """All that was given to the parser is parsed. Raises OverBudget where that was too much."""
        if self.left is None:
            if self.framing > self._most_head:
                raise OverBudget(Refusal.TRAILERS)
        elif (self.phase is HEAD or self.phase is IDLE) and self.head >= self._most_head:
            raise OverBudget(Refusal.HEADERS)

    def head_ends(self, body_length: int | None) -> None:
        """The parser saw the end of a head; None: the body comes in chunks."""
        self.phase, self.left, self._tail = BODY, body_length, b""
        self.deadline = math.inf  # the application waits for the body as long as it likes

    def body_comes(self, size: int) -> None:
        """The parser saw so many bytes of a body."""
        self.body += size
        if self.left is None:
            self.framing -= size
        else:
            self.left -= size

    def answered(self, now: float) -> None:
        """The request was answered, and the connection stays open for another."""
        self.phase, self.deadline, self._timed = IDLE, now + self._limits.idle_seconds, False
        self.head = self.body = self.framing = self.left = 0

    def runs_dry(self, now: float) -> None:
        """No more has come. From a head's first piece on, its time runs, whatever trickles in later."""
        if self.phase is HEAD and not self._timed:
            self.deadline, self._timed = now + self._limits.head_seconds, True

    def blocked(self, now: float) -> None:
        """The other end does not take what we write."""
        self.deadline = min(self.deadline, now + self._limits.linger_seconds)

    def taken(self) -> None:
        """The other end has taken what we wrote."""
        if self.phase is WORK or self.phase is BODY:
            self.deadline = math.inf

    def closes(self, now: float, most_seconds: float = math.inf) -> None:
        """The last answer was given; what still comes is read for a while."""
        until = now + min(self._limits.linger_seconds, most_seconds)
        self.deadline = min(self.deadline, until) if self.phase is CLOSING else until
        self.phase = CLOSING

    def drains(self, size: int) -> Drained:
        """So many bytes came after the last answer, and were thrown away."""
        self.drained += size
        if self.drained > MOST_DRAINED:
            return Drained.TOO_MUCH
        return Drained.ALL if self.left and self.drained >= self.left else Drained.MORE
