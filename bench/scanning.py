"""B4: a scan of four severities within hard limits, a critical finding in its middle: how the budget is used."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bench.effort import Effort
from bench.report import Line, Report
from bench.system import System, open_system
from remediation.domain.status import Severity

SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
LONGEST_DETOUR = 4.0
"""Seconds that a scan may take longer than its limit demands."""
CRITICAL_SECONDS = 3.0

_EVENT = "finding.critical"
_BEGINS = 21.0 / 60
"""The share of a window that is left when the scan ends: the first writes go into that window, as on any day."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What is played. The critical finding comes when `middle` seconds have passed."""

    findings: int
    reads: int
    writes: int
    window: int
    middle: float


FULL = Scale(findings=200, reads=300, writes=60, window=60, middle=70.0)
SMALL = Scale(findings=40, reads=100, writes=20, window=6, middle=4.0)
"""The same with a faster clock: three windows."""


@dataclass(frozen=True, slots=True)
class Played:
    """What SchoolScan saw. Times are Unix seconds; `patches` are those that were accepted, in their order."""

    began: float
    critical_at: float
    critical: str
    severities: Mapping[str, str]
    journal: Sequence[Mapping[str, Any]]

    @property
    def patches(self) -> list[tuple[str, float]]:
        """The finding of each PATCH that was accepted, and when it came."""
        return _patches(self.journal)

    @property
    def refusals(self) -> int:
        """How many requests were refused for a limit."""
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


def measure(effort: Effort) -> Report:
    """One scan. It takes minutes, unless the clock is faster."""
    scale = SMALL if effort.name == "quick" else FULL
    played = asyncio.run(_play(scale))
    return _report(scale, played)


async def _play(scale: Scale) -> Played:
    async with open_system() as system:
        limits = {"reads": scale.reads, "writes": scale.writes, "window_seconds": scale.window}
        system.outside.control("schoolscan", "PATCH", "settings", json=limits)
        await asyncio.sleep((scale.window * (1 - _BEGINS) - time.time()) % scale.window)
        system.forget_requests()
        partials = [
            {"severity": SEVERITIES[number % len(SEVERITIES)].value, "domain_type": "direct_pii"}
            for number in range(scale.findings)
        ]
        began = time.time()
        ids = system.outside.scan(partials)
        await asyncio.sleep(scale.middle)
        critical, critical_at = system.add_finding(), time.time()
        system.outside.send(_EVENT, {"finding_id": critical})
        await _all_written(system, {*ids, critical}, scale)
        severities = {each["id"]: each["severity"] for each in system.outside.findings() if each["id"] != critical}
        return Played(began, critical_at, critical, severities, system.journal("schoolscan"))


async def _all_written(system: System, findings: set[str], scale: Scale) -> None:
    """Wait until each of these was written to, and nothing waits any more. Raises TimeoutError."""
    async with asyncio.timeout(10 * scale.window + 60):
        while findings - _written(system):  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.5)
    await system.settle()


def _written(system: System) -> set[str]:
    return {finding for finding, _ in _patches(system.journal("schoolscan"))}


def _patches(journal: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    return [
        (each["path"].rpartition("/")[2], each["at"])
        for each in journal
        if each["method"] == "PATCH" and each["status"] == HTTPStatus.CREATED
    ]


def _report(scale: Scale, played: Played) -> Report:
    count = scale.findings + 1
    first_end = scale.window - played.began % scale.window
    allowed = first_end + (math.ceil(count / scale.writes) - 2) * scale.window
    patches = Counter(finding for finding, _ in played.patches)
    critical = played.first_patches[played.critical] - played.critical_at
    most = allowed + LONGEST_DETOUR
    told = f"{scale.findings} findings and one, {scale.writes} writes in {scale.window} s"
    return Report(
        topic="scanning",
        lines=(
            Line("B4", f"scan: {told}", f"{played.seconds:.1f} s", f"≤ {most:.1f} s", played.seconds <= most),
            Line("B4", "scan: requests refused with 429", f"{played.refusals}", "0", played.refusals == 0),
            Line("B4", "scan: PATCHes", f"{sum(patches.values())}", f"{count}", sum(patches.values()) == count),
            Line(
                "B4",
                "scan: a critical finding in its middle, to its PATCH",
                f"{critical:.1f} s",
                f"≤ {CRITICAL_SECONDS:.0f} s",
                critical <= CRITICAL_SECONDS,
            ),
            Line("B4", "scan: written before a worse one", f"{played.overtaken}", "few"),
        ),
        figures={
            "allowed_seconds": allowed,
            "seconds": played.seconds,
            "refusals": played.refusals,
            "patches": sum(patches.values()),
            "critical_seconds": critical,
            "overtaken": played.overtaken,
            "written_at": [at - played.began for at in played.first_patches.values()],
        },
        unit="s",
        bars={"the limit allows": allowed, "taken": played.seconds, "the critical one": critical},
    )
