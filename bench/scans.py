"""A scan that is played against SchoolScan's hard limits, and what SchoolScan saw of it."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bench.system import System
from remediation.domain.status import Severity
from sandbox.stage.systems import Outside

SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)

_EVENT = "finding.critical"


@dataclass(frozen=True, slots=True)
class Scale:
    """What is played: so many findings of four severities, and SchoolScan's limits in a window of `window` seconds.

    The scan ends when `left` of a window is left. Then critical findings come, one after each of the `middle` seconds.
    """

    findings: int
    reads: int
    writes: int
    window: int
    middle: Sequence[float]
    left: float = 21.0 / 60


@dataclass(frozen=True, slots=True)
class Played:
    """What SchoolScan saw. Times are Unix seconds; `critical` has when each critical finding of its middle was sent."""

    scale: Scale
    began: float
    critical: Mapping[str, float]
    severities: Mapping[str, str]
    journal: Sequence[Mapping[str, Any]]

    @property
    def patches(self) -> list[tuple[str, float]]:
        """The finding of each PATCH that was accepted, and when it came; of this scan's district only."""
        ours = self.severities.keys() | self.critical.keys()
        return [(finding, at) for finding, at in patches_in(self.journal) if finding in ours]

    @property
    def refusals(self) -> int:
        """How many requests were refused for a limit, of whatever district."""
        return sum(each["status"] == HTTPStatus.TOO_MANY_REQUESTS for each in self.journal)

    @property
    def seconds(self) -> float:
        """From the end of the scan to the last first PATCH of a finding."""
        return max(self.first_patches.values()) - self.began

    @property
    def first_patches(self) -> dict[str, float]:
        """When each finding was written to first."""
        first: dict[str, float] = {}
        for finding, at in self.patches:
            first.setdefault(finding, at)
        return first

    @property
    def critical_seconds(self) -> list[float]:
        """How long each critical finding of its middle waited for its PATCH."""
        return [self.first_patches[finding] - sent for finding, sent in self.critical.items()]

    @property
    def count(self) -> int:
        """How many findings there were, and so how many writes are needed."""
        return len(self.severities) + len(self.critical)

    @property
    def allowed_seconds(self) -> float:
        """How long the limit makes it take at the least: no write is left over when the last window begins."""
        window = self.scale.window
        return window - self.began % window + (math.ceil(self.count / self.scale.writes) - 2) * window

    @property
    def used(self) -> float:
        """Which share of the writes was spent, of all whole windows between the first PATCH and the last (0 to 1)."""
        window, times = self.scale.window, sorted(at for _, at in self.patches)
        first, last = math.ceil(times[0] / window), math.floor(times[-1] / window)
        spent = sum(first <= at / window < last for at in times)
        return spent / (self.scale.writes * (last - first)) if last > first else math.nan

    @property
    def patches_by_window(self) -> list[int]:
        """How many PATCHes there were in each window from the first one on."""
        counts = Counter(int(at // self.scale.window) for _, at in self.patches)
        return [counts[number] for number in range(min(counts), max(counts) + 1)]

    @property
    def overtaken(self) -> int:
        """How many of the scan's findings were written to although a worse one, as old as they, had to wait."""
        order = [
            SEVERITIES.index(Severity(self.severities[each])) for each in self.first_patches if each in self.severities
        ]
        worst_after = len(SEVERITIES)
        count = 0
        for rank in reversed(order):
            count += rank > worst_after
            worst_after = min(worst_after, rank)
        return count


def set_limits(system: System, scale: Scale) -> None:
    """Give every district these limits, and begin new windows."""
    limits = {"reads": scale.reads, "writes": scale.writes, "window_seconds": scale.window}
    system.outside.control("schoolscan", "PATCH", "settings", json=limits)


async def until_scan(scale: Scale) -> None:
    """Wait until so much of a window is left as there is when the scan ends."""
    await asyncio.sleep((scale.window * (1 - scale.left) - time.time()) % scale.window)


async def play(system: System, scale: Scale, outside: Outside) -> Played:
    """A scan of this district's site, and critical findings in its middle, until all is written."""
    partials = [
        {"severity": SEVERITIES[number % len(SEVERITIES)].value, "domain_type": "direct_pii"}
        for number in range(scale.findings)
    ]
    began = time.time()
    ids = outside.scan(partials)
    critical: dict[str, float] = {}
    for moment in scale.middle:
        await asyncio.sleep(began + moment - time.time())
        (finding,) = outside.add_findings([{"severity": "critical", "domain_type": "direct_pii"}])
        critical[finding] = time.time()
        outside.send(_EVENT, {"finding_id": finding})
    await _all_written(system, {*ids, *critical}, scale)
    severities = {each["id"]: each["severity"] for each in outside.findings() if each["id"] not in critical}
    return Played(scale, began, critical, severities, system.journal("schoolscan"))


async def _all_written(system: System, findings: set[str], scale: Scale) -> None:
    """Wait until each of these was written to, and nothing waits any more. Raises TimeoutError."""
    windows = math.ceil(scale.findings / scale.writes)
    async with asyncio.timeout(2 * windows * scale.window + 60):
        while findings - _written(system):  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.5 + len(findings) / 2_000)
    await system.settle()


def _written(system: System) -> set[str]:
    return {finding for finding, _ in patches_in(system.journal("schoolscan"))}


def patches_in(journal: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """The finding of each PATCH that was accepted, and when it came."""
    return [
        (each["path"].rpartition("/")[2], each["at"])
        for each in journal
        if each["method"] == "PATCH" and each["status"] == HTTPStatus.CREATED
    ]
