"""B4: a scan of four severities within hard limits, a critical finding in its middle: how the budget is used."""

import asyncio
from collections import Counter

from bench.effort import Effort
from bench.report import Line, Report
from bench.scans import Played, Scale, play, set_limits, until_scan
from bench.system import open_system

LONGEST_DETOUR = 4.0
"""Seconds that a scan may take longer than its limit demands."""
CRITICAL_SECONDS = 3.0

FULL = Scale(findings=200, reads=300, writes=60, window=60, middle=(70.0,))
SMALL = Scale(findings=40, reads=100, writes=20, window=6, middle=(4.0,))
"""The same with a faster clock: three windows."""
TRIAL = Scale(findings=24, reads=50, writes=10, window=2, middle=(1.0,))

SCALES = {"trial": TRIAL, "quick": SMALL}
"""By the name of the effort; FULL where it is not named."""


def measure(effort: Effort) -> Report:
    """One scan. It takes minutes, unless the clock is faster."""
    return _report(asyncio.run(_play(SCALES.get(effort.name, FULL))))


async def _play(scale: Scale) -> Played:
    async with open_system() as system:
        set_limits(system, scale)
        await until_scan(scale)
        system.forget_requests()
        return await play(system, scale, system.outside)


def _report(played: Played) -> Report:
    scale, count, allowed = played.scale, played.count, played.allowed_seconds
    patches = Counter(finding for finding, _ in played.patches)
    critical = max(played.critical_seconds)
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
