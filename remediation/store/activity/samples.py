"""How much there is at a moment: open cases, parked work, what waits, and how far limits are used.

A worker looks every few minutes. Of each hour and day the last sample stays, and of each limit the most that was used.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from remediation.domain.status import Severity

SAMPLE = "sample"
"""The field of an hour that has its sample."""

MOST_CAUSES = 12
"""Causes of parked work in a sample, those with the most pieces; the others are counted together."""

MOST_LIMITS = 24
"""Limits in a sample, those of which most was used."""

AGE_BOUNDS: tuple[int, ...] = (1, 7, 30, 90)
"""Days: the bands of age end there, and the last one has no end."""


@dataclass(frozen=True, slots=True)
class ParkedCount:
    """How many pieces of parked work have the same cause, told by codes; all of them are empty for the other causes."""

    kind: str = ""
    error: str = ""
    system: str = ""
    status: int | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class LimitUse:
    """The most requests of one window of a system's limit that were used, of how many.

    `access` is `read` or `write`, or empty for a tracker: of its limits the one of which most was used.
    """

    system: str
    access: str
    used: int
    limit: int

    @property
    def share(self) -> float:
        """The share of the window that was used, 0 to 1."""
        return self.used / self.limit if self.limit else 0.0


@dataclass(frozen=True, slots=True)
class ActivitySample:
    """One look, at `at` (Unix seconds).

    `open` counts cases that nobody has solved, by severity and band of age (see AGE_BOUNDS). What is not of one
    district is None or empty in a district's sample: `waiting` cases that must be looked at, the parked work, and the
    limits.
    """

    at: int
    open: Mapping[Severity, tuple[int, ...]] = field(default_factory=dict)
    waiting: int | None = None
    parked: tuple[ParkedCount, ...] = ()
    limits: tuple[LimitUse, ...] = ()

    def json(self) -> dict[str, Any]:
        """The sample as it is stored."""
        return {
            "at": self.at,
            "open": {severity.value: [*bands] for severity, bands in self.open.items()},
            "waiting": self.waiting,
            "parked": [[*asdict(each).values()] for each in self.parked],
            "limits": [[*asdict(each).values()] for each in self.limits],
        }


def sample_of(stored: bytes) -> ActivitySample:
    """A sample as it was stored."""
    told = json.loads(stored)
    return ActivitySample(
        told["at"],
        {Severity(word): tuple(bands) for word, bands in told["open"].items()},
        told["waiting"],
        tuple(ParkedCount(*each) for each in told["parked"]),
        tuple(LimitUse(*each) for each in told["limits"]),
    )


def most_used(*samples: Iterable[LimitUse]) -> tuple[LimitUse, ...]:
    """Of each limit the greatest use in any of the samples, the greatest share first; no more than MOST_LIMITS."""
    found: dict[tuple[str, str], LimitUse] = {}
    for each in (use for sample in samples for use in sample):
        known = found.get((each.system, each.access))
        if known is None or each.share >= known.share:
            found[each.system, each.access] = each
    return tuple(sorted(found.values(), key=lambda use: (-use.share, use.system, use.access))[:MOST_LIMITS])
