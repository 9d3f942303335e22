"""Who signs deliveries, how each of them does it, and how what it says is read. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from remediation.deliveries.event_types import UnknownEvent
from remediation.deliveries.events import Event, read_schoolscan
from remediation.deliveries.signatures import SCHOOLSCAN_HEADER, SignatureFormat
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.errors import Unreadable


@dataclass(frozen=True, slots=True)
class Sender:
    """One kind of sender. SchoolScan has an account for each district; of the others, each tracker is one.

    `name` is stored with each delivery and is a label of metrics. `header` carries the signature, in every format that
    has but one. `usual_format` is what `auto` means: AUTO where the first deliveries show it. `read` returns the event
    in a verified body, and raises Unreadable; it is pure, and reads no text of people's.
    """

    name: str
    header: str
    usual_format: SignatureFormat = field(repr=False)
    read: Callable[[bytes], Event | TicketNoticed | UnknownEvent] = field(repr=False)
    is_tracker: bool = field(default=True, repr=False)
    """It tells of tickets rather than of findings."""

    def __str__(self) -> str:
        return self.name

    def expected_format(self, written: SignatureFormat) -> SignatureFormat:
        """The format to expect where mappings.yaml has `written`: `auto` leaves only SchoolScan a choice."""
        return self.usual_format if written is SignatureFormat.AUTO else written

    def path(self, account: str) -> str:
        """One of its accounts, where those of all senders are kept side by side."""
        return f"{self.name}/{account}"

    def named(self, account: str) -> dict[str, str]:
        """One of its accounts, by the word for what that is."""
        return {"tracker" if self.is_tracker else "district": account}


def stranger(name: str) -> Sender:
    """A tracker of a kind that this version does not know: another version took its deliveries. None can be read."""

    def read(body: bytes) -> UnknownEvent:
        del body
        raise Unreadable("the sender is of a kind that this version does not know")

    return Sender(name, "", SignatureFormat.AUTO, read)


SCHOOLSCAN = Sender("schoolscan", SCHOOLSCAN_HEADER, SignatureFormat.AUTO, read_schoolscan, is_tracker=False)
