"""uvicorn's HTTP/1.1 protocol with a budget for each connection: what is parsed, and what is answered.

uvicorn parses bytes as they come. Here the parser gets one request at a time: bytes of the next request are held,
unparsed, and reading is paused until the answer is given. Most requests are small and come in one piece. They cost next
to nothing: they cannot exceed a limit, and the parser stops where a second request begins in the same piece. The end of
a connection is in connection.py.
"""

import math
from contextvars import Context

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from receiver.guard.budget import (
    BODY,
    CLOSING,
    COUNTED_BYTES,
    END_OF_HEAD,
    HEAD,
    IDLE,
    WORK,
    OverBudget,
    Phase,
)
from receiver.guard.connection import Guard, GuardedConnection
from receiver.guard.refusals import Refusal
from receiver.limits import ACCEPTED, AT_ONCE, announced_length

_COUNTED_PART = 2_048
"""A part of a request that is at most this large is not counted, either."""

_REFRESHED_SECONDS = 0.5
"""How exactly, in seconds, the order of waiting connections follows the time that they have waited."""

_LENGTH_OVERFLOW = "Content-Length overflow"
"""The words with which llhttp reports a number that it cannot hold."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})

_LAST_CONTROL = 31
"""No byte up to this one begins a request: empty lines may come before it, which count as its head."""


def guarded(guard: Guard) -> type["GuardedProtocol"]:
    """The protocol class for one server, in the form that uvicorn expects."""
    return type("Guarded", (GuardedProtocol,), {"guard": guard, "__slots__": ()})


class GuardedProtocol(GuardedConnection):
    """One connection, and the requests on it."""

    __slots__ = ()

    # The transport's side

    def data_received(self, data: bytes) -> None:
        """Give the parser a request, and hold what follows it. The parser calls the methods below.

        This path is for bytes that cannot exceed a limit: the first bytes of a request, no more than a head may have,
        and bytes of a body with a Content-Length.
        """
        budget, size = self._budget, len(data)
        phase = budget.phase
        if phase is IDLE:
            is_simple = size <= budget.most_at_once and data[0] > _LAST_CONTROL and not budget.head
        else:
            is_simple = phase is BODY and size <= budget.left
        if not is_simple:
            self._take_pieces(data)
            return
        try:
            self.parser.feed_data(data)
            if budget.phase is not WORK:
                self._take_part(data, phase)
            elif size > COUNTED_BYTES:
                self._count()
        except OverBudget as error:
            self._refuse(self._named(error.refusal))
        except httptools.HttpParserUpgrade as upgrade:
            self._without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if budget.phase is not WORK or not self._separates(data):
                self._not_parsed(error)

    def _take_part(self, data: bytes, phase: Phase) -> None:
        """Note bytes that came in this phase, were parsed, and did not end a request. Raises OverBudget."""
        budget = self._budget
        if phase is IDLE and budget.phase is HEAD:
            budget.begins(data)
        elif phase is IDLE:
            budget.begins_with_head(data, self._body_length())
        if budget.phase is not BODY or budget.head + budget.body > _COUNTED_PART:
            self._run_dry()

    def _take_pieces(self, data: bytes) -> None:
        """Give the parser a large request or a part of one, never with a byte behind the end of the request."""
        budget, size, start, piece = self._budget, len(data), 0, b""
        try:
            while start < size:
                end = budget.piece_end(data, start)
                if end == start:
                    self._not_now(data[start:])
                    return
                start, piece, phase = end, data[start:end], budget.phase
                self.parser.feed_data(piece)
                if phase is not BODY:
                    self._begin_body()
            if budget.phase is not WORK or budget.is_chunked:
                self._run_dry()
            elif size > COUNTED_BYTES:
                self._count()
        except OverBudget as error:
            self._refuse(self._named(error.refusal))
        except httptools.HttpParserUpgrade as upgrade:
            self._without_upgrade(piece[upgrade.args[0] :] + data[start:])
        except httptools.HttpParserError as error:
            self._not_parsed(error)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a complete request although its sender has closed its half of the connection."""
        self._has_ended = True
        is_complete = self._budget.phase is WORK and not self.guard.ends_with_peer
        if is_complete and not self._held:
            self._ends_after_this()
        return is_complete

    # Parsing

    def _named(self, refusal: Refusal) -> Refusal:
        """The refusal, or a more exact one: a head may be too large because of its address."""
        is_head = self._budget.phase is HEAD and refusal is Refusal.HEADERS
        return Refusal.URL if is_head and len(self.url) > self._budget.most_url else refusal

    def _not_parsed(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__
        if self._budget.phase is WORK:  # the valid request before it keeps its answer, which is the last one
            self._is_deaf = True
            self._ends_after_this()
        elif isinstance(cause, OverBudget):
            self._refuse(cause.refusal)
        else:
            self._refuse(Refusal.LENGTH if str(error) == _LENGTH_OVERFLOW else Refusal.GARBLED)

    def _begin_body(self) -> None:
        """Report to the budget the length of the body, where a head is complete and its body is not."""
        if self._budget.phase is BODY:
            self._budget.head_ends(self._body_length())

    def _body_length(self) -> int | None:
        """The length of the body that the headers announce; None where it is chunked."""
        length = 0
        for name, value in self.cycle.scope["headers"]:
            if name == b"transfer-encoding":
                return None
            if name == b"content-length":
                length = announced_length(value)
        return length

    def _separates(self, data: bytes) -> bool:
        """Hold the bytes behind a request, where the parser stopped.

        Impossible for a chunked body: only the parser knew where it ended. Then the request is parsed by a new parser.
        """
        length, begin = self._body_length(), data.find(END_OF_HEAD) + len(END_OF_HEAD)
        if length is None or data[begin : begin + length] != self.cycle.body:
            return False
        self.parser = httptools.HttpRequestParser(self)
        self._not_now(data[begin + length :])
        return True

    def _without_upgrade(self, data: bytes) -> None:
        """Go on with a parser that has not seen that the connection could be upgraded: HTTP allows to ignore that.

        httptools treats a request that asks for an upgrade as one without a body, whatever its headers say. `data` is
        what has come of the body.
        """
        self._begin_body()
        framing = [b"%b: %b\r\n" % pair for pair in self.scope["headers"] if pair[0] in _FRAMING]
        self._upgrades = False
        self.parser = httptools.HttpRequestParser(self)
        try:
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))
        except httptools.HttpParserError as error:
            self._not_parsed(error)
        else:
            self._take_pieces(data)

    def _not_now(self, data: bytes) -> None:
        """Keep the bytes behind a request until it is answered, and read no more. After the last answer, drop them."""
        if self._budget.phase is CLOSING:
            self._drain(len(data))
            return
        self._held += data
        self.flow.hold()
        self._count()

    def _run_dry(self) -> None:
        """A request is incomplete: its time runs, and it counts. Raises OverBudget where it is too large.

        The timer needs no change: it fires before any time that may become a deadline here.
        """
        budget = self._budget
        if budget.phase is HEAD and len(self.url) > budget.most_url:
            raise OverBudget(Refusal.URL)
        budget.check()
        if budget.phase is HEAD:
            budget.runs_dry(self.loop.time())
        if budget.head + budget.body > _COUNTED_PART:
            self._count()

    def _count(self) -> None:
        self._is_counted = True
        for gone in self.guard.places.holds(self, self._budget.head + self._budget.body + len(self._held)):
            gone.expel(Refusal.BODIES)

    # What the parser calls

    def on_message_begin(self) -> None:
        """A request begins, or a parser that ignores an upgrade is told of the request that has begun."""
        budget = self._budget
        if budget.phase is IDLE:
            budget.phase = HEAD
            HttpToolsProtocol.on_message_begin(self)  # super() costs more, and this runs for every request
        elif budget.phase is WORK:
            raise OverBudget(Refusal.GARBLED)  # a request began where none may be parsed

    def on_headers_complete(self) -> None:
        """The application gets the request."""
        budget = self._budget
        if budget.phase is not HEAD:
            return
        if len(self.url) > budget.most_url:
            raise OverBudget(Refusal.URL)
        HttpToolsProtocol.on_headers_complete(self)
        budget.phase, budget.deadline = BODY, math.inf
        self._upgrades = self.parser.should_upgrade()
        self.headers = []  # the application has all headers: what comes after the body is no header
        cycle = self.cycle
        self._exit.begin()
        cycle.transport = self._exit  # type: ignore[assignment]  # it calls nothing else
        cycle.scope["state"][AT_ONCE] = self.answer_at_once
        self._keeps_alive = cycle.keep_alive and not self._is_stopping
        cycle.keep_alive = False  # an answer before the end of the request is the last one

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body. After an early answer it is dropped: nobody reads it any more."""
        self._budget.body_comes(len(body))
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._upgrades:
            return  # its body is still to come
        self._budget.phase = WORK
        cycle = self.cycle
        if not cycle.response_started:
            cycle.keep_alive = self._keeps_alive
        cycle.more_body = False
        cycle.message_event.set()

    # Answering

    def answer_at_once(self, status: int, headers: bytes, body: bytes) -> bool:
        """Write a whole answer, as uvicorn does in two messages whose headers it looks at one by one: see AT_ONCE."""
        cycle = self.cycle
        if not cycle.keep_alive or cycle.disconnected or cycle.response_started or self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        own = b"".join([b"%b: %b\r\n" % pair for pair in cycle.default_headers])
        self._exit.write_whole(b"%b%b%b\r\n%b" % (STATUS_LINE[status], own, headers, body))
        cycle.message_event.set()
        self.on_response_complete()
        return True

    def on_response_complete(self) -> None:
        """Begin with the next request, or wait for one."""
        self.server_state.total_requests += 1
        budget = self._budget
        if budget.phase is CLOSING:
            return
        if self._is_deaf or (self._has_ended and not self._held):
            self._close()
            return
        now = self.loop.time()
        budget.answered(now)
        if now > self._stays_until:
            self._stays_until = now + _REFRESHED_SECONDS
            self._is_proven = self._is_proven or ACCEPTED in self.cycle.scope["state"]
            self.guard.places.waits(self, is_proven=self._is_proven)
        elif self._is_counted:
            self.guard.places.holds(self, 0)
        self._is_counted = False
        if self._held:
            Context().run(self._go_on)  # the next request must not inherit the id of this one in log lines
        elif self.flow.read_paused:
            self.flow.resume_reading()

    def _go_on(self) -> None:
        """Take up the bytes that were held back."""
        held, self._held = self._held, b""
        self._take_pieces(held)
        if self._held or self._budget.phase is CLOSING:
            return
        if self._has_ended and self._budget.phase is not WORK:
            self._close()
        elif not self._has_ended:
            self.flow.release()

    def _ends_after_this(self) -> None:
        self._keeps_alive = False
        if not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Called by the server at a stop: the answer in hand is the last one."""
        self._is_stopping = True
        phase = self._budget.phase
        if phase is HEAD:
            self._refuse(Refusal.STOPPING)
        elif phase is IDLE:
            self._close()
        elif phase is CLOSING:
            self._linger()
        else:
            self._ends_after_this()
