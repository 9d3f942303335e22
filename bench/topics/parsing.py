"""B8: how fast a page of incidents is read, held to lxml's bare iterparse, and what memory the client needs for it."""

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date
from pathlib import Path
from statistics import median

from lxml import etree

from bench.effort import Effort
from bench.report import Line, Report, median_ratio
from remediation.domain.incidents import Incident
from remediation.sources.connections import open_client
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.pages import PAGE_SIZE, Window
from remediation.sources.incident_feed.parsing import PageParser
from sandbox.incident_feed.pages import sample_page
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.secrets import DISTRICT, INCIDENT_FEED_TOKEN
from sandbox.wire.server import serve

LEAST_OF_ANCHOR = 0.5
MOST_MB = 10.0

ANCHOR = "anchor: lxml's bare iterparse"
PARSER = "the feed's parser, to values"
MEMORY = "the feed's client, above its idle process"

_CHUNK = 64 * 1024
_ROUND_SHARE = 0.25
"""How much of a round's seconds each of the two parsers gets."""
_NO_DAYS = Window(date(2020, 1, 1), date(2020, 1, 2))


def _bare(page: bytes) -> None:
    for _event, _element in etree.iterparse(io.BytesIO(page)):
        pass


def _ours(page: bytes) -> None:
    incidents: list[Incident] = []
    parser = PageParser(UTC, incidents.append)
    for start in range(0, len(page), _CHUNK):
        parser.feed(page[start : start + _CHUNK])
    parser.end()
    if parser.problem is not None or len(incidents) != PAGE_SIZE:
        raise RuntimeError(f"the page was not read: {parser.problem}")


CONTESTS = {ANCHOR: _bare, PARSER: _ours}


def _seconds_each(read: Callable[[bytes], None], page: bytes, seconds: float) -> float:
    """Processor time that one page takes on average, over about so many seconds."""
    started, pages = time.process_time(), 0
    while (elapsed := time.process_time() - started) < seconds or not pages:
        read(page)
        pages += 1
    return elapsed / pages


def measure(effort: Effort) -> Report:
    """Interleaved rounds in this process, and as many processes that read the page over HTTP."""
    page = b"".join(sample_page())
    taken: dict[str, list[float]] = {name: [] for name in CONTESTS}
    for _ in range(effort.rounds):
        for name, read in CONTESTS.items():
            taken[name].append(_seconds_each(read, page, effort.seconds * _ROUND_SHARE))
    memory = _memory(effort.rounds)
    megabytes = len(page) / 1e6
    return Report(
        topic="parsing",
        lines=_lines(taken, memory, megabytes),
        figures={"seconds_each": taken, "memory_mb": memory, "page_mb": megabytes},
        unit="MB/s, median",
        bars={name: megabytes / median(values) for name, values in taken.items()},
    )


def _lines(taken: dict[str, list[float]], memory: list[float], megabytes: float) -> tuple[Line, ...]:
    anchor, ours = (megabytes / median(taken[name]) for name in (ANCHOR, PARSER))
    ratio = median_ratio(taken[ANCHOR], taken[PARSER])
    most = max(memory)
    what = f"{PARSER}, a page of {PAGE_SIZE:,} ({megabytes:.1f} MB)"
    return (
        Line("B8", ANCHOR, f"{anchor:.0f} MB/s"),
        Line("B8", what, f"{ours:.0f} MB/s, {ratio:.2f} of it", f"≥ {LEAST_OF_ANCHOR:.2f}", ratio >= LEAST_OF_ANCHOR),
        Line("B8", MEMORY, f"{most:.1f} MB", f"≤ {MOST_MB:.0f} MB", most <= MOST_MB),
    )


def _memory(rounds: int) -> list[float]:
    """Megabytes by which a process of its own grows at most while it reads a page."""
    world = IncidentWorld([FeedAccount(DISTRICT, (INCIDENT_FEED_TOKEN,))])
    world.fill(DISTRICT, PAGE_SIZE)
    command = [sys.executable, "-m", "bench.topics.parsing"]
    with serve(incident_feed_app(world)) as address:
        return [
            float(subprocess.run([*command, address], check=True, capture_output=True).stdout)  # noqa: S603 - our own interpreter, with arguments of ours
            for _ in range(rounds)
        ]


async def _growth(address: str) -> float:
    """Megabytes that this process grows by at most for a full page, after it has read an empty one."""
    async with open_client() as client:
        feed = IncidentFeedClient("bench", f"{address}/public/v1", INCIDENT_FEED_TOKEN, client=client, zone=UTC)
        await feed.page(1, _NO_DAYS)
        idle = _begin_anew()
        today = time.gmtime().tm_year
        page = await feed.page(1, Window(date(today - 1, 1, 1), date(today, 12, 31)))
        if page is None or page.trouble is not None or len(page.incidents) != PAGE_SIZE:
            raise RuntimeError("the page was not read")
        return (_kilobytes("VmHWM") - idle) / 1e3


def _begin_anew() -> int:
    """Lets Linux forget this process's peak; its memory now, in kilobytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _kilobytes("VmRSS")


def _kilobytes(name: str) -> int:
    """What Linux says of this process: VmRSS is its memory now, VmHWM the most that it was."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    print(asyncio.run(_growth(sys.argv[1])))
