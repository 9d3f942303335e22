"""A connection of uvicorn's HTTP/1.1 protocol: its place, its deadlines, and its end.

Only this module and protocol.py know uvicorn's protocol. A connection over a limit is answered where there is something
to answer, and then closed after its remaining bytes are read: a connection that is closed with unread bytes is reset,
and the reset may reach the peer before the answer.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.guard.budget import BODY, CLOSING, HEAD, IDLE, WORK, ConnectionBudget, Drained, HttpLimits
from receiver.guard.places import Places
from receiver.guard.refusals import Refusal, Refusals

_STOPPING_SECONDS = 1.0
"""How long a stop waits for what still comes after the last answer."""


class _HoldableFlow(FlowControl):
    """uvicorn's flow control, which does not resume reading while bytes are held back."""

    is_held = False

    def hold(self) -> None:
        """Pause reading, whoever asks to resume, until `release`."""
        self.pause_reading()
        self.is_held, self.read_paused = True, False  # `resume_reading` does nothing where nothing is paused

    def release(self) -> None:
        """Resume reading."""
        self.is_held, self.read_paused = False, self.is_held or self.read_paused
        self.resume_reading()


class _Exit:
    """What an answer is written to: the transport, with an orderly close.

    uvicorn writes the head of an answer and its body apart, and uvloop makes a system call of each write, which costs
    as much as verifying a delivery. So a head waits for the body, but not beyond the event loop's present round.
    """

    __slots__ = ("_close", "_head", "_is_begun", "_loop", "_transport", "is_closing")

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, close: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._close = close
        self._head = b""
        self._is_begun = False
        self.is_closing = transport.is_closing

    def begin(self) -> None:
        """What is written next is the head of another answer."""
        self._is_begun = False

    def write(self, data: bytes) -> None:
        """Write it, behind what waits; the head of an answer waits."""
        if self._is_begun:
            data, self._head = self._head + data, b""
            self._transport.write(data)
        else:
            self._is_begun, self._head = True, data
            self._loop.call_soon(self.flush)

    def write_whole(self, data: bytes) -> None:
        """Write a whole answer."""
        self._is_begun = True
        self._transport.write(data)

    def close(self) -> None:
        """Write what waits, and close."""
        self.flush()
        self._close()

    def flush(self) -> None:
        """Write what waits. It is dropped where the connection was cut off meanwhile."""
        if self._head:
            data, self._head = self._head, b""
            if not self.is_closing():
                self._transport.write(data)


@dataclass(slots=True)
class Guard:
    """What all connections of one server share: the limits of each connection, the places, and the refusals.

    With `ends_with_peer` a connection ends when its peer closes its half of it. A sender may wait for its answer then;
    a browser never does, and a stream must not outlive its page.
    """

    limits: HttpLimits
    places: Places[Any]
    refusals: Refusals
    ends_with_peer: bool = False

    @classmethod
    def of(
        cls,
        limits: HttpLimits,
        connections: int,
        most_bytes: int,
        clock: Callable[[], float],
        *,
        ends_with_peer: bool = False,
    ) -> "Guard":
        """A guard for so many connections, whose unanswered requests have at most so many bytes.

        `clock` is monotonic.
        """
        places = Places[Any](connections, most_bytes, attrgetter("is_at_work"))
        return cls(limits, places, Refusals(clock), ends_with_peer)

    @property
    def longest_nap(self) -> float:
        """Seconds: no deadline of a waiting connection is nearer than this."""
        return min(self.limits.head_seconds, self.limits.idle_seconds)


class GuardedConnection(HttpToolsProtocol):
    """One connection, whatever protocol is spoken on it."""

    # uvicorn's own attributes fill the dictionary that Python shares between instances; more would slow each one down
    __slots__ = (
        *("_budget", "_exit", "_has_ended", "_held", "_is_deaf", "_is_counted", "_is_proven"),
        *("_is_stopping", "_stays_until"),
        *("_keeps_alive", "_timer", "_upgrades"),
    )

    guard: Guard
    flow: _HoldableFlow

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._budget = ConnectionBudget(self.guard.limits, self.loop.time())
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None
        self._keeps_alive = False  # what the request wants
        self._upgrades = False
        self._is_deaf = False  # the parser gets nothing more
        self._has_ended = False  # the peer sends nothing more
        self._is_proven = False  # a delivery was accepted on it
        self._is_counted = False  # its request counts against the memory of all connections
        self._stays_until = 0.0  # until then its rank among the waiting connections is right
        self._is_stopping = False

    # Begin and end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the connection a place, or refuse it with 503."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.flow = _HoldableFlow(self.transport)
        self._exit = _Exit(self.transport, self.loop, self._close)
        self._arm()
        gone = self.guard.places.enter(self)
        if gone is self:
            self._refuse(Refusal.CROWDED)
        elif gone:
            gone.expel(Refusal.CROWDED)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything that the connection holds."""
        self._budget.closes(0)
        self._held = b""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self.guard.places.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer does not read our answers."""
        super().pause_writing()
        self._budget.blocked(self.loop.time())
        self._arm()

    def resume_writing(self) -> None:
        """The peer reads our answers again."""
        super().resume_writing()
        self._budget.taken()

    @property
    def is_at_work(self) -> bool:
        """Whether a request is complete and not answered yet."""
        return self._budget.phase is WORK

    @property
    def is_answered(self) -> bool:
        """Whether the last answer was given."""
        return self._budget.phase is CLOSING

    def expel(self, refusal: Refusal) -> None:
        """Called for a connection that has lost its place to another one."""
        phase = self._budget.phase
        if phase is CLOSING:
            self.transport.abort()
        elif phase is IDLE:
            self._close()
        else:
            self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer instead of the application, and close."""
        self.guard.refusals.note(refusal)
        in_hand = self._budget.phase is BODY or self._budget.phase is WORK
        if in_hand:
            self.cycle.disconnected = True
        if in_hand and self.cycle.response_started:
            self._held = b""
            self._linger()
            self.transport.abort()
            return
        if in_hand:
            self.cycle.waiting_for_100_continue = False  # otherwise uvicorn would still send it
            self.cycle.message_event.set()
        self._exit.flush()
        self.transport.write(refusal.answer(self.server_state.default_headers))
        self._end(may_be_unread=True)

    # Closing

    def _close(self) -> None:
        """Close because the last answer was given, or because nothing came; read what is left where needed."""
        phase = self._budget.phase
        if phase is not CLOSING:
            self._exit.flush()
            self._end(may_be_unread=bool(self._held) or phase is BODY)

    def _end(self, *, may_be_unread: bool) -> None:
        """Close so that what was written arrives: see the module's docstring."""
        self._held = b""
        self._linger()
        if gone := self.guard.places.ends(self):
            gone.expel(Refusal.CROWDED)
        if self.transport.is_closing():
            return
        if self._has_ended or not may_be_unread:
            self.transport.close()
        else:
            self.transport.write_eof()
            self.flow.release()

    def _linger(self) -> None:
        self._budget.closes(self.loop.time(), _STOPPING_SECONDS if self._is_stopping else math.inf)
        self._arm()

    def _drain(self, size: int) -> None:
        drained = self._budget.drains(size)
        if drained is Drained.ALL:
            self.transport.close()
        elif drained is Drained.TOO_MUCH:
            self.transport.abort()

    # Time

    def _arm(self) -> None:
        """Have `_time_is_up` called at the deadline or earlier, and before any time that may become the deadline."""
        now = self.loop.time()
        due = min(self._budget.deadline, now + self.guard.longest_nap)
        if self._timer:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(due, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        budget = self._budget
        if self.loop.time() < budget.deadline:
            self._arm()
        elif budget.phase is IDLE:
            self._close()
        elif budget.phase is HEAD:
            self._refuse(Refusal.SLOW)
        else:
            self.transport.abort()
