"""What was sent, what it was answered each time, and what must follow from it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

ACCEPTED = "202"
REFUSED = ConnectionRefusedError.__name__
"""Nobody listens: the next receiver is asked, or the same one later."""

HONEST = frozenset({"202", "401", "404", "405", "408", "413", "415", "503"})
"""The answers that a sender may get. A connection that broke is no answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as a sender would post it."""

    event_id: str
    finding_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST: when it left (Unix seconds), how long the answer took, and the status, or the name of an error."""

    at: float
    seconds: float
    answer: str

    @property
    def is_answer(self) -> bool:
        """Whether there was one."""
        return self.answer.isdigit()

    @property
    def is_cut(self) -> bool:
        """Whether somebody took the connection, and gave no answer."""
        return not self.is_answer and self.answer != REFUSED

    @property
    def ended_at(self) -> float:
        """When the answer was there, or the end without one (Unix seconds)."""
        return self.at + self.seconds


@dataclass(slots=True)
class Sent:
    """One event, and every attempt to deliver a copy of it."""

    finding_id: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def is_accepted(self) -> bool:
        """Whether any copy was answered 202: from then on it must not be lost."""
        return any(attempt.answer == ACCEPTED for attempt in self.attempts)


@dataclass(slots=True)
class Journal:
    """`findings` are the ids of those that were made for it, with the trackers that must have their ticket."""

    findings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)

    def note(self, delivery: Delivery, attempt: Attempt) -> None:
        """Write an attempt down."""
        self.sent.setdefault(delivery.event_id, Sent(delivery.finding_id)).attempts.append(attempt)

    @property
    def accepted(self) -> list[str]:
        """The ids of the events that were answered 202."""
        return [event_id for event_id, sent in self.sent.items() if sent.is_accepted]

    @property
    def told(self) -> dict[str, tuple[str, ...]]:
        """The findings of which an event was accepted, with their trackers."""
        ids = dict.fromkeys(sent.finding_id for sent in self.sent.values() if sent.is_accepted)
        return {finding_id: self.findings[finding_id] for finding_id in ids}

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt of every event."""
        for sent in self.sent.values():
            yield from sent.attempts

    def answers(self, since: float = 0.0) -> Counter[str]:
        """How often each answer came, to what left after a moment (Unix seconds)."""
        return Counter(attempt.answer for attempt in self.attempts() if attempt.at >= since)

    def cut(self, since: float, until: float) -> int:
        """How many attempts were cut off between two moments (Unix seconds)."""
        return sum(attempt.is_cut and since <= attempt.ended_at <= until for attempt in self.attempts())

    def slowest(self, answers: Sequence[str], since: float = 0.0) -> float:
        """The longest that one of these answers took, in seconds; 0 where none came."""
        return max((each.seconds for each in self.attempts() if each.answer in answers and each.at >= since), default=0)

    def save(self, path: Path) -> None:
        """One event a line."""
        with path.open("wb") as lines:
            for event_id, sent in self.sent.items():
                lines.write(
                    msgspec.json.encode({"event": event_id, "finding": sent.finding_id, "tried": sent.attempts})
                )
                lines.write(b"\n")
