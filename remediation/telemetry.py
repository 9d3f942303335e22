"""Spans, error reports and the origin of work: the code describes its work here, and a listener passes that on.

Without a listener nothing happens and nothing is imported. The command `remedy` chooses the listeners
(remedy/telemetry/switches.py). Facts are ids, words of ours, counts and durations. A listener passes on only those
whose names and values it knows to be harmless, and of an exception only the class and our own lines.

An Origin names the request that caused a piece of work: people search logs and traces for its ids.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Fact = str | int | float | bool | None


class Role(StrEnum):
    """What a span is in the exchange between processes."""

    INTERNAL = "internal"
    SERVER = "server"
    CONSUMER = "consumer"
    CLIENT = "client"


class Tracer(Protocol):
    """Records spans. None of its methods raises, waits, or does network I/O."""

    def span(
        self, name: str, role: Role, follows: Sequence[str], links: Sequence[str], facts: Mapping[str, Fact]
    ) -> AbstractContextManager[None]:
        """A span around a block; see `span` below."""
        ...

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Add facts to the innermost span."""
        ...

    def traceparent(self) -> str:
        """The innermost span as a traceparent; empty where there is none."""
        ...


class Reporter(Protocol):
    """Reports unforeseen errors. Never raises and never waits."""

    def report(self, error: BaseException) -> None:
        """Report it, with the ids that log lines carry here."""
        ...


class _Listeners:
    """The listeners of this process."""

    tracer: Tracer | None = None
    reporter: Reporter | None = None


_NOTHING = nullcontext()


def listen(tracer: Tracer | None, reporter: Reporter | None) -> None:
    """Use these listeners from now on, in the whole process; None for none."""
    _Listeners.tracer, _Listeners.reporter = tracer, reporter


def span(
    name: str, *, role: Role = Role.INTERNAL, follows: Sequence[str] = (), links: Sequence[str] = (), **facts: Fact
) -> AbstractContextManager[None]:
    """A span around a block, with a fixed name. An exception that leaves the block is noted and passed on.

    `follows` are traceparents of our own: the first recorded one is the parent, and the others are links. Without any,
    the innermost span is the parent. `links` are traceparents from outside; they do not decide what is recorded.
    """
    tracer = _Listeners.tracer
    return _NOTHING if tracer is None else tracer.span(name, role, follows, links, facts)


def is_recorded() -> bool:
    """Whether somebody records spans: without that, many small ones need not be opened."""
    return _Listeners.tracer is not None


def note(**facts: Fact) -> None:
    """Add facts to the innermost span."""
    if _Listeners.tracer is not None:
        _Listeners.tracer.note(facts)


def traceparent() -> str:
    """The innermost span as a traceparent; empty where nothing is recorded."""
    return "" if _Listeners.tracer is None else _Listeners.tracer.traceparent()


def trace_id() -> str:
    """The id of the trace that the innermost span belongs to; empty where nothing is recorded."""
    return traceparent()[3:35]


def report(error: BaseException) -> None:
    """Report an unforeseen error."""
    if _Listeners.reporter is not None:
        _Listeners.reporter.report(error)


_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{16,36}")
"""The ids that proxies and gateways make: 16 to 36 hexadecimal digits and hyphens. No name and no shorter number fits.
"""

_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""A traceparent of W3C Trace Context, version 00."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that brought a delivery: its id, and its trace as a traceparent. Each is empty if it is unknown."""

    request_id: str = ""
    trace: str = ""

    @classmethod
    def parse(cls, request_id: str, trace: str = "") -> "Origin":
        """Returns the origin with these values, as they were stored or sent. A malformed value counts as absent."""
        return cls(request_id if is_request_id(request_id) else "", trace if _TRACE.fullmatch(trace) else "")


NOWHERE = Origin()
"""The origin of work that no request caused: that of a sweep, an appointment, or a command."""


def is_request_id(text: str) -> bool:
    """Whether the text has the form of a request id."""
    return _REQUEST_ID.fullmatch(text) is not None
