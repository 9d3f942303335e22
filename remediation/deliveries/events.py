"""Who sends deliveries, and what a verified delivery of SchoolScan says, in our words. Pure.

SchoolScan's spellings are accepted here and known nowhere else. Each tracker's are in a module of its own.

An event is a notification only: what it is about is always read back from the system that sent it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, assert_never

from remediation import strict_json
from remediation.deliveries.signatures import SCHOOLSCAN_HEADER, SignatureFormat
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.cases.records import outside_id
from remediation.domain.errors import Unreadable

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """A well-formed event of a type that we do not know. It has no effect, and nobody needs to act.

    Senders have many more types than we need, and add new ones. The type is not kept: it is the sender's text.
    """


def kind_in(word: object, kinds: Mapping[str, Kind]) -> Kind | UnknownEvent:
    """Our word for the type. Raises Unreadable where it is not one word of letters, digits and `_.:/-`."""
    if not isinstance(word, str):
        raise Unreadable("the body names no event type")
    if not _TYPE.fullmatch(word):
        raise Unreadable("the event type is not one")
    return kinds.get(word, UnknownEvent())


class EventKind(StrEnum):
    """The events that SchoolScan sends."""

    FINDING_CRITICAL = "finding.critical"
    FINDING_EXPERT_REVIEWED = "finding.expert_reviewed"
    SCAN_STARTED = "scan.started"
    SCAN_COMPLETED = "scan.completed"

    @property
    def is_about_scan(self) -> bool:
        """Whether it is about a scan; the others are about a finding."""
        return self in {EventKind.SCAN_STARTED, EventKind.SCAN_COMPLETED}


@dataclass(frozen=True, slots=True)
class FindingNoticed:
    """A finding deserves a look: it is new and critical, or an expert has reviewed it."""

    event_id: str | None
    kind: EventKind
    finding_id: str

    @property
    def is_urgent(self) -> bool:
        """Critical findings go first."""
        return self.kind is EventKind.FINDING_CRITICAL


@dataclass(frozen=True, slots=True)
class ScanStarted:
    """A scan has begun."""

    event_id: str | None
    scan_id: str
    kind: EventKind = EventKind.SCAN_STARTED
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class ScanCompleted:
    """A scan has ended: each of its findings deserves a look."""

    event_id: str | None
    scan_id: str
    kind: EventKind = EventKind.SCAN_COMPLETED
    is_urgent: bool = False


Event = FindingNoticed | ScanStarted | ScanCompleted

_KINDS = {str(kind): kind for kind in EventKind}


def read_schoolscan(body: bytes) -> Event | UnknownEvent:
    """The event in a delivery of SchoolScan. Raises Unreadable.

    Accepted shapes: `type` or `event` for the kind; for an id `data.finding_id`, `data.finding.id`, `data.id`, the same
    at the top level, and a top-level `id` where there is no `data` at all (scans alike). A required id must be
    well-formed; an optional one (the event's own, a finding's scan) is None where it is not.
    """
    tree = strict_json.parse(body)
    if not isinstance(tree, dict):
        raise Unreadable("the body is not a JSON object")
    kind = kind_in(tree.get("type") if tree.get("type") is not None else tree.get("event"), _KINDS)
    match kind:
        case UnknownEvent():
            return kind
        case EventKind.FINDING_CRITICAL | EventKind.FINDING_EXPERT_REVIEWED:
            finding_id = _needed_id(tree, "finding")
            scan_id = outside_id(_first_at(tree, _SCAN_OF_FINDING))
            return FindingNoticed(_event_id(tree, finding_id, scan_id), kind, finding_id)
        case EventKind.SCAN_STARTED:
            scan_id = _needed_id(tree, "scan")
            return ScanStarted(_event_id(tree, scan_id), scan_id)
        case EventKind.SCAN_COMPLETED:
            scan_id = _needed_id(tree, "scan")
            return ScanCompleted(_event_id(tree, scan_id), scan_id)
        case _:
            assert_never(kind)


def delivery_id(sender: str, district: str, event_id: str | None, fingerprint: str = "") -> str:
    """The id of a delivery's row, by which repeats are recognised: 32 hex digits.

    `event_id` must be signed: the body's own id, or the `webhook-id` that the signature covers. Without one the body's
    `fingerprint` takes its place (see Keyring.fingerprint).
    """
    last = ("body", fingerprint) if event_id is None else ("event", event_id)
    digest = hashlib.sha256()
    for part in (sender, district, *last):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()[:32]


Place = tuple[str, ...]
"""The keys on the way to a value."""


def _places_of_id(thing: str) -> tuple[Place, ...]:
    """Every place where the id of a finding or scan may be, the most specific first."""
    return (
        *(("data", f"{thing}_id"), ("data", thing, "id"), ("data", "id")),
        *((f"{thing}_id",), (thing, "id")),
    )


_IDS = {thing: _places_of_id(thing) for thing in ("finding", "scan")}
_SCAN_OF_FINDING: tuple[Place, ...] = (
    *(("data", "scan_id"), ("data", "scan", "id"), ("data", "finding", "scan_id")),
    *(("scan_id",), ("scan", "id"), ("finding", "scan_id")),
)


def _needed_id(tree: dict[str, object], thing: str) -> str:
    """The first id that is present. Where it is malformed, no other is tried: it was meant to be the id."""
    value = _first_at(tree, _IDS[thing])
    if value is None and tree.get("data") is None:
        value = tree.get("id")
    if value is None:
        raise Unreadable(f"the body names no {thing}")
    clean = outside_id(value)
    if clean is None:
        raise Unreadable(f"the id of the {thing} is not one")
    return clean


def _first_at(tree: dict[str, object], places: Iterable[Place]) -> object:
    """The value at the first place where there is one; None where there is none."""
    for place in places:
        value = strict_json.at(tree, *place)
        if value is not None:
            return value
    return None


def _event_id(tree: dict[str, object], *subjects: str | None) -> str | None:
    """The event's own id. An id that equals its finding's or scan's would make different events look like repeats."""
    event_id = outside_id(tree.get("id"))
    return None if event_id in subjects else event_id


@dataclass(frozen=True, slots=True)
class DeliveryLimit:
    """How many deliveries one account of a sender may bring.

    One delivery every `interval` seconds on average, and up to `burst` of them at once after a quiet time.
    """

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class Sender:
    """One kind of sender: how it signs deliveries, and how what they say is read.

    SchoolScan has an account for each district; of the others, each tracker is one account.

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
        """The name of one of its accounts that is unique among the accounts of all senders."""
        return f"{self.name}/{account}"

    def named(self, account: str) -> dict[str, str]:
        """One of its accounts by the word for its kind, `tracker` or `district`, as log lines have it."""
        return {"tracker" if self.is_tracker else "district": account}


def stranger(name: str) -> Sender:
    """A tracker of a kind that this version does not know: another version took its deliveries. None can be read."""

    def read(body: bytes) -> UnknownEvent:
        del body
        raise Unreadable("the sender is of a kind that this version does not know")

    return Sender(name, "", SignatureFormat.AUTO, read)


SCHOOLSCAN = Sender("schoolscan", SCHOOLSCAN_HEADER, SignatureFormat.AUTO, read_schoolscan, is_tracker=False)
