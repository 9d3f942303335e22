"""What a verified delivery says, in our words. Pure; the vendor's spellings are accepted here and known nowhere else.

An event is a notification only: what it is about is always read back from the system that sent it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from remediation import strict_json
from remediation.deliveries.event_types import UnknownEvent, kind_in
from remediation.domain.cases import outside_id
from remediation.domain.errors import Unreadable


class EventKind(StrEnum):
    """The events that SchoolScan sends."""

    FINDING_CRITICAL = "finding.critical"
    FINDING_EXPERT_REVIEWED = "finding.expert_reviewed"
    SCAN_STARTED = "scan.started"
    SCAN_COMPLETED = "scan.completed"


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
            scan_id = outside_id(_scan_of_finding(tree))
            return FindingNoticed(_event_id(tree, finding_id, scan_id), kind, finding_id)
        case EventKind.SCAN_STARTED:
            scan_id = _needed_id(tree, "scan")
            return ScanStarted(_event_id(tree, scan_id), scan_id)
        case EventKind.SCAN_COMPLETED:
            scan_id = _needed_id(tree, "scan")
            return ScanCompleted(_event_id(tree, scan_id), scan_id)
        case _:
            assert_never(kind)


def delivery_id(sender: str, district: str, event_id: str | None, body: bytes) -> str:
    """The id of a delivery's row, by which repeats are recognised: 32 hex digits.

    `event_id` must be signed: the body's own id, or the `webhook-id` that the signature covers. Without one the digest
    of the body takes its place.
    """
    last = ("body", hashlib.sha256(body).hexdigest()) if event_id is None else ("event", event_id)
    digest = hashlib.sha256()
    for part in (sender, district, *last):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()[:32]


def _needed_id(tree: dict[str, object], thing: str) -> str:
    """The first id that is present. Where it is malformed, no other is tried: it was meant to be the id."""
    value = next((value for value in _spellings(tree, thing) if value is not None), None)
    if value is None:
        raise Unreadable(f"the body names no {thing}")
    clean = outside_id(value)
    if clean is None:
        raise Unreadable(f"the id of the {thing} is not one")
    return clean


def _spellings(tree: dict[str, object], thing: str) -> Iterator[object]:
    """Every place where the id of a finding or scan may be, the most specific first."""
    yield strict_json.at(tree, "data", f"{thing}_id")
    yield strict_json.at(tree, "data", thing, "id")
    yield strict_json.at(tree, "data", "id")
    yield strict_json.at(tree, f"{thing}_id")
    yield strict_json.at(tree, thing, "id")
    if tree.get("data") is None:
        yield strict_json.at(tree, "id")


def _scan_of_finding(tree: dict[str, object]) -> object:
    places = (
        ("data", "scan_id"),
        ("data", "scan", "id"),
        ("data", "finding", "scan_id"),
        ("scan_id",),
        ("scan", "id"),
        ("finding", "scan_id"),
    )
    return next((value for place in places if (value := strict_json.at(tree, *place)) is not None), None)


def _event_id(tree: dict[str, object], *subjects: str | None) -> str | None:
    """The event's own id. An id that equals its finding's or scan's would make different events look like repeats."""
    event_id = outside_id(tree.get("id"))
    return None if event_id in subjects else event_id
