"""The world that a tracker's contract tests run in: a stand-in over real HTTP, and the people in it."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx2

from remediation.domain.tickets import Draft, Reason, Ticket
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.ports import Tracker

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class World(ABC):
    """A stand-in that runs, and the people in it. `address` is where it listens."""

    name: str
    """The tracker's configured name."""
    person: str
    """The account id that `closed_by` shows when a person closes a ticket."""
    closer: str
    """How notes name that person."""
    closer_name: str
    """The name by which the tracker shows that person."""
    account: str
    """What `whoami` answers."""
    create_path: str
    """A regular expression that the path of the request which creates a ticket matches, and no other POST's."""
    urgent: ClassVar[Mapping[str, str]]
    """What a ticket of a worse finding has, as `raise_urgency` takes it."""
    answers: ClassVar[Mapping[str, object]]
    """What closing a `demanding` ticket asks for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = httpx2.Client(base_url=address, trust_env=False, timeout=10)

    @abstractmethod
    def connect(
        self,
        *,
        address: str | None = None,
        secret: str | None = None,
        connect_timeout: float = 1,
        read_timeout: float = 2,
        largest_answer: int = LARGEST_ANSWER,
    ) -> Tracker:
        """A tracker on this stand-in, or on another address, or with another secret.

        Timeouts are in seconds, and of an answer so many bytes are taken.
        """

    @abstractmethod
    def draft(self, mark: str, *, summary: str = "Exposed student data", body: str = "What to do") -> Draft:
        """A ticket that the stand-in accepts."""

    @abstractmethod
    def start_as_person(self, ticket: Ticket) -> None:
        """A person begins to work on the ticket."""

    @abstractmethod
    def demanding(self, mark: str) -> Draft:
        """A ticket that can be closed only by somebody who gives the `answers`."""

    @abstractmethod
    def closed_with(self, ticket: Ticket) -> Mapping[str, object]:
        """The fields that the ticket has now that it is closed."""

    @abstractmethod
    def close_as_person(self, ticket: Ticket, reason: Reason, words: str = "Done by hand") -> None:
        """A person closes the ticket, for FIXED, ACCEPTED_RISK or DUPLICATE, and says why."""

    @abstractmethod
    def accept_as_person(self, ticket: Ticket, why: str, until: str) -> None:
        """A person closes the ticket and fills the fields that explain an accepted risk. `until` is a day."""

    @abstractmethod
    def predecessor(self, ticket: Ticket) -> str | None:
        """The id of the ticket that this one is tied to."""

    @abstractmethod
    def related(self, ticket: Ticket) -> list[str]:
        """What the ticket says of tickets of other cases: a key, or a text with the key, for each time that it does."""

    @abstractmethod
    def write_as_person(self, summary: str, mark: str = "") -> None:
        """A person opens a ticket that has nothing to do with us, but for a mark that anybody can write."""

    @abstractmethod
    def mark_as_person(self, ticket: Ticket, mark: str | None) -> None:
        """Somebody puts another mark on the ticket, or takes its mark away."""

    @abstractmethod
    def delete(self, ticket: Ticket) -> None:
        """Somebody deletes the ticket."""

    @abstractmethod
    def comments(self, ticket: Ticket) -> list[str]:
        """The ticket's comments (ServiceNow: work notes), oldest first, as they are stored."""

    @abstractmethod
    def description(self, ticket: Ticket) -> str:
        """The ticket's description as it is stored."""

    @abstractmethod
    def describe_as_person(self, ticket: Ticket, text: str) -> None:
        """A person writes the whole description anew."""

    @abstractmethod
    def files(self, ticket: Ticket) -> list[tuple[str, bytes]]:
        """The names and contents of the files on the ticket, oldest first, as they are stored."""

    @abstractmethod
    def attach_as_person(self, ticket: Ticket, name: str, content: bytes) -> None:
        """A person attaches a file."""

    @abstractmethod
    def refuse_files(self) -> None:
        """From now on our account may attach nothing."""

    @abstractmethod
    def count(self, mark: str) -> int:
        """How many tickets really carry this mark: from the stand-in's own books, without any lag."""

    @abstractmethod
    def wait_searchable(self) -> None:
        """Come back when a search sees everything that was written."""

    def fault(self, kind: str, **order: object) -> None:
        """Order a fault: method, path (a regular expression), times (None: until cleared), seconds, status, headers."""
        assert self.http.post("/_sandbox/faults", json={"kind": kind, **order}).status_code == 204

    def heal(self) -> None:
        """Clear all faults."""
        self.http.delete("/_sandbox/faults")

    def close_idle(self) -> None:
        """The stand-in closes every connection on which no request is under way, as servers do after a while."""
        assert self.http.delete("/_sandbox/connections").status_code == 204

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, oldest first."""
        answer: list[dict[str, Any]] = self.http.get("/_sandbox/requests").json()
        return answer

    def writes(self) -> int:
        """How many requests so far could have changed something."""
        return sum(entry["method"] in WRITES for entry in self.requests())

    def close(self) -> None:
        """Let go of the stand-in."""
        self.http.close()


def mark_of(case: str) -> str:
    return f"remedy:lakeside:finding:{case}"


def nobody_listens() -> str:
    """An address on which every connection is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
