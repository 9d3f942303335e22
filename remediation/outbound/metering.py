"""Limits of trackers: what their answers say of them, and who is asked before a request is sent.

A tracker may have several limits at once, for all requests or for some, each with a name of its own (`scope`). A
request is announced to the meter of the work that it is for, which lets it pass or raises BudgetSpent; the meter is
told what the answer says. Work without a meter is not held back.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request to a tracker, as far as its limits depend on it."""

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class SaidLimit:
    """What an answer says of one limit, as far as it does.

    `fill` requests of `limit` come back with the end of each `window` (seconds): all, where that is fixed. The next
    such end is in `ends_in` seconds. `remaining` is how many are left. `closed` is for how many seconds nothing more is
    taken, at the least; None where the request was taken.
    """

    scope: str
    limit: int | None = None
    window: float = 0.0
    fill: int = 0
    ends_in: float = 0.0
    remaining: int | None = None
    closed: float | None = None


class LimitReader(Protocol):
    """What a kind of tracker says of its limits. Pure, but for what was learned about which limit counts for what."""

    def scopes(self, request: SentRequest, known: Collection[str]) -> tuple[str, ...]:
        """Returns the limits that count for this request, of which `known` are those that were told to anybody."""
        ...

    def said(self, request: SentRequest, status: int, headers: Mapping[str, str], now: float) -> tuple[SaidLimit, ...]:
        """Returns what an answer says. `headers` are looked up without regard to case; `now` is in Unix seconds."""
        ...


class Meter(Protocol):
    """Keeps the requests of one piece of work within the limits of trackers. Its methods are called in any thread."""

    def ask(self, tracker: str, request: SentRequest, reader: LimitReader) -> tuple[str, ...]:
        """Returns the scopes in which the request now counts. It may take a moment.

        Raises BudgetSpent where a limit leaves no room, and StoreUnavailable. Then nothing must be sent.
        """
        ...

    def note(self, tracker: str, counted: tuple[str, ...], said: tuple[SaidLimit, ...]) -> None:
        """Note what the answer to a request says that counts in these scopes. Returns at once, and raises nothing."""
        ...


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


def current_meter() -> Meter | None:
    """The meter of the work in hand; None where nobody meters it."""
    return _METER.get()


@contextmanager
def metered_by(meter: Meter) -> Iterator[None]:
    """Let this meter be asked for the requests inside the block, in every task and thread that it starts."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)
