"""A third kind of tracker, as small as one can be: a book whose chapters have numbered entries. All of it is here."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from remediation.deliveries.events import Sender, UnknownEvent, kind_in
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.ticket_events import TicketEventKind, TicketNoticed, mark_in, noticed, object_in
from remediation.domain.errors import Unreadable
from remediation.domain.status import Severity
from remediation.domain.tickets import Draft
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.signing_in import Words
from remediation.mapping.config.trackers.kinds import TrackerKind
from remediation.mapping.config.trackers.tracker_settings import (
    BySeverity,
    TicketSettings,
    TrackerSettings,
    for_severity,
)
from remediation.mapping.config.words import Text
from remediation.mapping.explain.inspections import Inspection, right
from remediation.trackers.adapters import Adapter, Preview
from tests.stand_ins import MemoryTracker

_KINDS = {"written": TicketEventKind.CHANGED, "torn_out": TicketEventKind.DELETED}


def read_event(body: bytes) -> TicketNoticed | UnknownEvent:
    """What the book tells of an entry. Raises Unreadable."""
    tree = object_in(body)
    kind = kind_in(tree.get("what"), _KINDS)
    if isinstance(kind, UnknownEvent):
        return kind
    entry, version = tree.get("entry"), tree.get("version")
    if not isinstance(entry, str) or not isinstance(version, str):
        raise Unreadable("the body names no entry")
    return noticed(kind, entry, mark_in(tree.get("mark")), version)


LOGBOOK_SENDER = Sender("logbook", "x-logbook-signature", SignatureFormat.HEX, read_event)


class LogbookTracker(TrackerSettings):
    """A book."""

    sender: ClassVar = LOGBOOK_SENDER
    title: ClassVar = "the logbook"
    place_word: ClassVar = "chapter"

    kind: Literal["logbook"] = Field(description="logbook: a book.")
    pencil: SecretRef = Field(description="What opens the book.")

    @property
    def longest_call(self) -> timedelta:
        return self.connect_timeout + self.read_timeout

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        return ("pencil",), self.pencil

    def doubts(self) -> Iterator[tuple[Words, str]]:
        if self.concurrency > 1:
            yield ("concurrency",), "is of no use: one hand writes in a book"


class LogbookTicket(TicketSettings):
    """An entry."""

    needed: ClassVar = ("chapter",)
    urgency_fields: ClassVar = ("priority",)

    chapter: Text = Field(default="", description="The chapter; needed here or in `defaults`.")
    ink: BySeverity | None = Field(default=None, description="The colour, or one per severity.")
    close_fields: dict[Text, object] = Field(default_factory=dict, description="What closing an entry needs.")

    @property
    def place(self) -> str:
        return self.chapter

    @property
    def more_fields(self) -> Mapping[str, object]:
        return {}

    @property
    def closing_fields(self) -> Mapping[str, object]:
        return self.close_fields

    def own_fields(self, tracker: TrackerSettings, severity: Severity, due: datetime | None) -> dict[str, object]:
        del tracker, due
        ink = for_severity(severity, self.ink)
        return {"priority": ink} if ink else {}


class Library:
    """Every book that is open, by its name, with the secret that opened it. The books keep the library's time."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = lambda: 0.0
        self.books: dict[str, MemoryTracker] = {}
        self.secrets: dict[str, str] = {}


LIBRARY = Library()


class _Reader:
    """An Inspector: it takes the file's word for everything."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        assert self._name in mappings.trackers
        return (right(("trackers", self._name, "url"), "is a book"),)

    async def close(self) -> None:
        """Nothing is open."""


class LogbookAdapter:
    """See Adapter."""

    def tracker(self, name: str, config: LogbookTracker, secret: str, *, largest_answer: int) -> MemoryTracker:
        del largest_answer
        LIBRARY.secrets[name] = secret
        address = str(config.url).rstrip("/")
        return LIBRARY.books.setdefault(name, MemoryTracker(name, lambda: LIBRARY.clock(), address=address))  # noqa: PLW0108 - the clock is given later

    def inspector(self, name: str, config: LogbookTracker, secret: str, *, largest_answer: int) -> _Reader:
        del config, secret, largest_answer
        return _Reader(name)

    def preview(self, name: str, draft: Draft) -> Preview:
        words = {"chapter": draft.place, "summary": draft.summary, "body": draft.body, **draft.fields}
        return Preview(name, LOGBOOK_SENDER.name, draft, words, words, (words,))

    def sign_in_advice(self, config: LogbookTracker) -> str:
        del config
        return "is it sharp?"


ADAPTER: Adapter[LogbookTracker] = LogbookAdapter()
LOGBOOK = TrackerKind(LogbookTracker, LogbookTicket, __name__)
