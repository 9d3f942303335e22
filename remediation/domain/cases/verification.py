"""Whether what people have mended is gone: a scan that begins after the closing of the tickets says so. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from remediation.domain.tickets import Reason, Ticket

UNMENDED = frozenset({Reason.FALSE_POSITIVE, Reason.ACCEPTED_RISK})
"""The reasons that claim no mending: what such a finding shows stays on its page, and every scan finds it."""

MOST_TRIES = 5
"""Scans of one site in a row without a result, after which the tickets are opened again instead."""

_DIGITS = 12


class ScanVerdict(StrEnum):
    """What became of the verification. FAILED: scans ended without a result; REFUSED: none can be started."""

    GONE = "gone"
    FOUND = "found"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ScanTimes:
    """When sites of a district are scanned again.

    `wait` is how long after the first closing a scan begins at the earliest, `every` how long after the start of a scan
    no other one of the site begins, and `within` how long a scan may take.
    """

    wait: timedelta
    every: timedelta
    within: timedelta


@dataclass(frozen=True, slots=True)
class Verification:
    """The verification of one case by a scan of its site.

    `claim` stands for the closings that say that it is mended (see `claim_of`), `since` (Unix seconds) is when it was
    first asked for. `tries` counts the scans, with the one to come, and `told` is how many of them the finding's notes
    have told of. `scan` is the id of the scan that gave the verdict, and `site` the name of the row that is shared by
    all cases of the site; each is empty where there is none.
    """

    claim: str
    since: float = 0.0
    tries: int = 1
    told: int = 0
    verdict: ScanVerdict | None = None
    scan: str = ""
    site: str = ""

    def covers(self, tickets: Mapping[str, Ticket]) -> bool:
        """Whether it is about these closings: each that it was asked for is among them as it was then."""
        return set(self.claim.split(".")) <= {_digest(each) for each in tickets.values()}

    def has(self, ticket: Ticket) -> bool:
        """Whether the present closing of this ticket is one that it was asked for."""
        return _digest(ticket) in self.claim.split(".")

    @property
    def fact(self) -> str:
        """What a comment states of it: the scan that found it, or why there is no verdict of a scan."""
        return self.verdict or "" if self.verdict in {ScanVerdict.FAILED, ScanVerdict.REFUSED} else self.scan


def claim_of(tickets: Mapping[str, Ticket]) -> str:
    """Returns what stands for the closings of these tickets: of one that is closed another time, it is another."""
    return ".".join(sorted(_digest(each) for each in tickets.values()))


def _digest(ticket: Ticket) -> str:
    closed = int(ticket.closed_at.timestamp()) if ticket.closed_at is not None else ""
    return hashlib.sha256(f"{ticket.id}@{closed}".encode()).hexdigest()[:_DIGITS]
