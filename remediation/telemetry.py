"""Spans and error reports: code says where work begins and ends and what it is about; a listener passes that on.

Without a listener nothing happens and nothing is imported. The command `remedy` chooses the listeners
(remedy/telemetry/switches.py). Facts are ids, words of ours, counts and durations. A listener passes on only those
whose names and values it knows to be harmless, and of an exception only the class and our own lines.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    the innermost span is the parent. `links` are traceparents from outside; they decide nothing.
    """
    tracer = _Listeners.tracer
    return _NOTHING if tracer is None else tracer.span(name, role, follows, links, facts)


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
