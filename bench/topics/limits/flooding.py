"""B4: a scan of ten thousand findings at SchoolScan's limits with a faster clock, and two districts' scans at once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.effort import Effort
from bench.processes import memory_mb
from bench.report import Line, Report, percentile
from bench.scans import Played, Scale, play, set_limits, until_scan
from bench.system import System, open_system
from remediation.domain.actions import ActionName, Verb
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.cases.entries import Acted
from remediation.store.cases.timeline import Timeline
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT

LEAST_USED = 0.98
MOST_MEGABYTES = 150.0
TICKET_SECONDS = 2.0
PATCH_SECONDS = 3.0
MOST_SLOWER = 1.05

NEIGHBOUR = "hillside"

_WATCHED = ("receiver", "worker")
_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Flood:
    """A scan of one district, and the one that two have at the same time."""

    one: Scale
    two: Scale


FULL = Flood(
    one=Scale(10_000, reads=2_250, writes=450, window=15, middle=[105.0 + 10 * number for number in range(20)]),
    two=Scale(1_000, reads=600, writes=120, window=15, middle=()),
)
"""A clock that is thirty times as fast, and eight times for two districts at once. A quarter of the scan is critical,
and takes 84 s: a critical finding that came sooner would have to wait for those that wait longer."""

SMALL = Flood(
    one=Scale(160, reads=300, writes=60, window=5, middle=(5.0, 8.0)),
    two=Scale(40, reads=75, writes=15, window=6, middle=(), left=0.9),
)
"""Two districts have few writes in a window, so that what one worker needs for both is little beside what they wait."""

TRIAL = Flood(
    one=Scale(60, reads=120, writes=24, window=2, middle=(1.0, 2.0)),
    two=Scale(24, reads=50, writes=10, window=2, middle=()),
)
"""Three windows for each scan: the fewest of which one is whole."""

FLOODS = {"trial": TRIAL, "quick": SMALL}
"""By the name of the effort; FULL where it is not named."""


@dataclass(frozen=True, slots=True)
class Flooded:
    """What was played, and what the processes held meanwhile (megabytes, in time's order)."""

    one: Played
    alone: Sequence[Played]
    together: Sequence[Played]
    tickets: Sequence[float]
    memory: dict[str, list[float]]


def measure(effort: Effort) -> Report:
    """One large scan; then two districts' smaller ones, each alone and both at once."""
    return _report(asyncio.run(_flooded(FLOODS.get(effort.name, FULL))))


async def _flooded(flood: Flood) -> Flooded:
    memory: dict[str, list[float]] = {name: [] for name in _WATCHED}
    async with open_system(districts=(DISTRICT, NEIGHBOUR)) as system:
        watching = asyncio.create_task(_watch(system, memory))
        (one,) = await _played(system, flood.one, [DISTRICT])
        watching.cancel()
        tickets = [await _seconds_to_tickets(system, each, sent) for each, sent in one.critical.items()]
        alone = [(await _played(system, flood.two, [each]))[0] for each in (DISTRICT, NEIGHBOUR)]
        together = await _played(system, flood.two, [DISTRICT, NEIGHBOUR])
        return Flooded(one, alone, together, tickets, memory)


async def _played(system: System, scale: Scale, districts: Sequence[str]) -> list[Played]:
    set_limits(system, scale)
    await until_scan(scale)
    system.forget_requests()
    return await asyncio.gather(*(play(system, scale, system.outside.of(each)) for each in districts))


async def _watch(system: System, memory: dict[str, list[float]]) -> None:
    pids = {program.name: program.pid for program in system.stage.programs}
    while True:
        for name, held in memory.items():
            held.append(memory_mb(pids[name]))
        await asyncio.sleep(_PAUSE)


async def _seconds_to_tickets(system: System, finding: str, sent: float) -> float:
    """How long it took until the last of a finding's tickets was opened."""
    ref = CaseKey(DISTRICT, CaseKind.FINDING, finding).ref
    told = await Timeline(Connection(system.redis)).read(ref)
    acted = [each for each in told if isinstance(each, Acted)]
    return max(each.at for each in acted if ActionName.parse(each.action).verb == Verb.OPEN) - sent


def _report(flooded: Flooded) -> Report:
    one, scale = flooded.one, flooded.one.scale
    patches = Counter(finding for finding, _ in one.patches)
    tickets, written = percentile(flooded.tickets, 0.99), percentile(one.critical_seconds, 0.99)
    peaks = {name: max(held) for name, held in flooded.memory.items()}
    refusals = sum(each.refusals for each in (one, *flooded.alone, flooded.together[0]))
    slower = max(b.seconds / a.seconds for a, b in zip(flooded.alone, flooded.together, strict=True))
    told = f"{scale.findings:,} findings, {scale.writes} writes in {scale.window} s"
    two = flooded.alone[0].scale
    return Report(
        topic="flooding",
        lines=(
            Line("B4", f"flood: {told}", f"{one.seconds:.1f} s", f"the limit allows {one.allowed_seconds:.1f} s"),
            Line(
                "B4", "flood: of the writes it used", f"{one.used:.1%}", f"≥ {LEAST_USED:.0%}", one.used >= LEAST_USED
            ),
            Line("B4", "flood: requests refused with 429", f"{refusals}", "0", refusals == 0),
            Line(
                "B4",
                "flood: PATCHes",
                f"{sum(patches.values()):,}",
                f"{one.count:,}",
                sum(patches.values()) == one.count,
            ),
            *_critical_lines(len(one.critical), tickets, written),
            *_memory_lines(flooded.memory, peaks),
            Line(
                "B4",
                f"two districts at once, {two.findings:,} findings each, to one alone",
                f"{slower:.3f}",
                f"≤ {MOST_SLOWER}",
                slower <= MOST_SLOWER,
            ),
        ),
        figures={
            "allowed_seconds": one.allowed_seconds,
            "seconds": one.seconds,
            "used": one.used,
            "refusals": refusals,
            "patches": sum(patches.values()),
            "patches_by_window": one.patches_by_window,
            "overtaken": one.overtaken,
            "critical": {"tickets": list(flooded.tickets), "written": one.critical_seconds},
            "memory_mb": flooded.memory,
            "alone": [each.seconds for each in flooded.alone],
            "together": [each.seconds for each in flooded.together],
        },
        unit="s",
        bars={"the limit allows": one.allowed_seconds, "taken": one.seconds},
    )


def _critical_lines(count: int, tickets: float, written: float) -> list[Line]:
    told = f"flood: {count} critical findings in its middle"
    return [
        Line(
            "B4",
            f"{told}, to their tickets, p99",
            f"{tickets:.1f} s",
            f"≤ {TICKET_SECONDS:.0f} s",
            tickets <= TICKET_SECONDS,
        ),
        Line(
            "B4",
            f"{told}, to their PATCH, p99",
            f"{written:.1f} s",
            f"≤ {PATCH_SECONDS:.0f} s",
            written <= PATCH_SECONDS,
        ),
    ]


def _memory_lines(memory: dict[str, list[float]], peaks: dict[str, float]) -> list[Line]:
    return [
        Line(
            "B4",
            f"flood: memory of the {name}, in the first tenth and at most",
            f"{max(held[: len(held) // 10 + 1]):.0f} → {peaks[name]:.0f} MB",
            f"< {MOST_MEGABYTES:.0f} MB",
            peaks[name] < MOST_MEGABYTES,
        )
        for name, held in memory.items()
    ]
