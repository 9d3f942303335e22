"""The in-memory tracker of other tests, held to the suite of the real ones, as far as it has no wire."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from remediation.domain.errors import Refused
from remediation.domain.tickets import Draft, Reason, Risk, Ticket, TicketState
from remediation.trackers.closings import until_of
from tests.contract.tracker_files import TrackerFilesContract
from tests.contract.tracker_suite import TrackerChangesContract, TrackerWorkContract
from tests.contract.tracker_sync import TrackerSyncContract
from tests.contract.tracker_world import World
from tests.stand_ins import MemoryTracker

LAG = 0.05


class MemoryWorld(World):
    """Nothing listens at its address: what would be a request is a call."""

    name = "memory"
    person = "person-1"
    closer = "priya"
    closer_name = "Priya"
    account = "svc-remedy"
    create_path = ""
    urgent: ClassVar = {"priority": "Highest", "duedate": "2030-01-31"}
    answers: ClassVar = {"approver": "Priya"}

    def __init__(self) -> None:
        super().__init__("https://tracker.example")
        self.tracker = MemoryTracker(self.name, time.time, lag=LAG, address=self.address)

    def connect(self, **_settings: object) -> MemoryTracker:
        return self.tracker

    def draft(self, mark: str, *, summary: str = "Exposed student data", body: str = "What to do") -> Draft:
        return Draft(mark, "SEC", summary, body)

    def start_as_person(self, ticket: Ticket) -> None:
        self.tracker.change(ticket.id, TicketState.IN_PROGRESS)

    def close_as_person(self, ticket: Ticket, reason: Reason, words: str = "Done by hand") -> None:
        self.tracker.change(ticket.id, TicketState.DONE, reason, by=self.person)
        kept = self.tracker.books[ticket.id]
        kept.ticket = replace(kept.ticket, closer=self.closer)
        kept.closing_words, kept.closer_name = words, self.closer_name

    def accept_as_person(self, ticket: Ticket, why: str, until: str) -> None:
        self.tracker.accept_risk(ticket.id, Risk(why, until_of(until)), by=self.person)

    def demanding(self, mark: str) -> Draft:
        return self.draft(mark)

    def closed_with(self, ticket: Ticket) -> Mapping[str, object]:
        return self.tracker.books[ticket.id].closing_fields

    def predecessor(self, ticket: Ticket) -> str | None:
        return self.tracker.books[ticket.id].draft.follows

    def related(self, ticket: Ticket) -> list[str]:
        return [other.ticket_key for other in self.tracker.books[ticket.id].related.values()]

    def write_as_person(self, summary: str, mark: str = "") -> None:
        ticket = self.tracker.keep(Draft(mark, "SEC", summary, ""), by="person")
        if not mark:
            self.tracker.books[ticket.id].changes = 0  # lists of changes hold only tickets of ours

    def mark_as_person(self, ticket: Ticket, mark: str | None) -> None:
        self.tracker.books[ticket.id].ticket = replace(ticket, mark=mark)

    def delete(self, ticket: Ticket) -> None:
        del self.tracker.books[ticket.id]

    def comments(self, ticket: Ticket) -> list[str]:
        return self.tracker.books[ticket.id].comments

    def description(self, ticket: Ticket) -> str:
        return self.tracker.books[ticket.id].description

    def describe_as_person(self, ticket: Ticket, text: str) -> None:
        self.tracker.books[ticket.id].description = text
        self.tracker.touch(ticket.id)

    def files(self, ticket: Ticket) -> list[tuple[str, bytes]]:
        return [(each.name, self.tracker.files[each.id]) for each in self.tracker.books[ticket.id].attached]

    def attach_as_person(self, ticket: Ticket, name: str, content: bytes) -> None:
        self.tracker.attach(ticket.id, name, content, by=self.person)

    def refuse_files(self) -> None:
        self.tracker.troubles.for_good("keep_report", Refused(self.name, "attachments are disabled", status=403))

    def count(self, mark: str) -> int:
        return len(self.tracker.of(mark))

    def wait_searchable(self) -> None:
        time.sleep(LAG)

    def requests(self) -> list[dict[str, Any]]:
        return [{"method": "GET" if call in {"read", "find"} else "POST"} for call in self.tracker.troubles.calls]

    def writes(self) -> int:
        return sum(kept.changes for kept in self.tracker.books.values())


@pytest.fixture
def world() -> Iterator[MemoryWorld]:
    world = MemoryWorld()
    yield world
    world.close()


@pytest.fixture
async def tracker(world: MemoryWorld) -> AsyncIterator[MemoryTracker]:
    yield world.tracker
    await world.tracker.close()


class TestMemoryTracker(TrackerWorkContract, TrackerSyncContract, TrackerFilesContract, TrackerChangesContract):
    """All that the suite says of tickets, of keeping them in step, of files and of changes."""
