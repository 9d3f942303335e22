"""B10: what the console's pages take in a large store beside a busy worker, and what readers who only look on cost."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import httpx2

from bench.effort import Effort
from bench.planting import AT_ONCE, end_planting, plant_cases, plant_parked
from bench.processes import cpu_seconds, memory_mb
from bench.report import Line, Report, median_ratio, percentile
from bench.signing_in import session_id
from bench.system import System, open_system
from remediation.sealing import Keyring
from remediation.store.console.sessions import ConsoleSessions
from remediation.store.keys import CASES_LISTED
from remediation.store.server.connection import Connection
from sandbox.stage.processes import Program

MOST_FIRST_BYTE_MS = 50.0
MOST_PAGE_KB = 60.0
MOST_READERS_PERCENT = 5.0
LEAST_WORKER = 0.98
MOST_GROWTH_MB = 5.0

READERS = 50
FILTERED = {
    "cases of a district, a severity and a state": "/cases?district=lakeside&severity=high&state=dirty",
    "cases of a rule": "/cases?rule=rule-3",
}
"""Pages besides those that the navigation leads to."""

NOTHING = "/livez"
"""An answer of the same process that needs neither Redis nor a template: what it takes is the machine's."""

_CASES_A_PARKED = 100
_REQUESTS_A_SAMPLE = 500
_WORK_A_SAMPLE = 10
_PAGES_A_SAMPLE, _WORK_BESIDE = 2, 6
"""How often each page is opened for a sample beside a busy worker, and how many times the work lasts as long."""

_READS_EVERY = 0.5
_LOOKED_AT = 4
_PATIENCE = 60.0
_NAVIGATION = re.compile(r"<nav.*?</nav>", re.DOTALL)
_LINK = re.compile(r'href="([^"#]+)"[^>]*>([^<]+)<')
_LIVE = re.compile(r'data-live="([^"]+)"')
_ASSET = re.compile(r'(?:src|href)="([^"?]+\.(?:js|css)(?:\?[^"]*)?)"')
_CRITICAL = {"severity": "critical", "domain_type": "direct_pii"}


@dataclass(slots=True)
class Taken:
    """Milliseconds to the first byte by page, and of NOTHING; cases settled in a second: alone, and beside."""

    first_byte: dict[str, list[float]] = field(default_factory=dict)
    nothing: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ConsoleReader:
    """Somebody who has signed in to the console that runs, may read everything, and knows its pages."""

    program: Program
    client: httpx2.AsyncClient
    pages: Mapping[str, str]

    async def first_byte_ms(self, path: str) -> float:
        """Milliseconds to the first byte of a page, which is read to its end."""
        started = time.perf_counter()
        async with self.client.stream("GET", path) as answer:
            answer.raise_for_status()
            first = 1000 * (time.perf_counter() - started)
            async for _ in answer.aiter_raw():
                pass
        return first

    async def wire_kb(self, path: str) -> float:
        """Kilobytes of a page and of all that it loads, as they are sent."""
        total = 0
        page = await self.client.get(path)
        for address in (path, *assets_in(page.text)):
            async with self.client.stream("GET", address) as answer:
                answer.raise_for_status()
                total += sum([len(part) async for part in answer.aiter_raw()])
        return total / 1000


def assets_in(page: str) -> Sequence[str]:
    """The scripts and styles that a page loads. A list as a file (`cases.json`) is only linked."""
    found: Sequence[str] = _ASSET.findall(page)
    return found


def measure(effort: Effort) -> Report:
    """Rounds of a worker alone, and beside somebody who reads; then weights, readers who look on, and memory."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    taken = Taken()
    async with open_system() as system:
        await _plant(system, effort.cases)
        async with _open_reader(system) as reader:
            for _ in range(effort.rounds):
                await _round(system, reader, effort, taken)
            weights = {name: await reader.wire_kb(path) for name, path in reader.pages.items()}
            percent = await _readers_percent(system, reader, effort.idle_seconds * _LOOKED_AT)
            memory = await _memory(reader, effort.samples * _REQUESTS_A_SAMPLE)
    return Report(
        topic="showing",
        lines=tuple(_lines(effort.cases, taken, weights, percent, memory)),
        figures={
            "first_byte_ms": taken.first_byte,
            "nothing_ms": taken.nothing,
            "kb": weights,
            "percent": percent,
            "mb": memory,
        }
        | {"cases_a_second": {"alone": taken.alone, "beside": taken.beside}},
        unit="ms to the first byte, 99 of 100 pages",
        bars={name: percentile(values, 0.99) for name, values in taken.first_byte.items()},
    )


async def _plant(system: System, cases: int) -> None:
    """Cases and parked work, while the worker stands still: it would look for the cases of an earlier version."""
    connection, keyring = Connection(system.redis), Keyring.parse(system.stage.environment["DATA_KEYS"])
    os.kill(system.worker.pid, signal.SIGSTOP)
    try:
        await system.redis.delete(CASES_LISTED)
        for begin in range(0, cases, AT_ONCE):
            await plant_cases(connection, range(begin, min(begin + AT_ONCE, cases)))
        await end_planting(connection, cases)
        await plant_parked(connection, keyring, cases // _CASES_A_PARKED, time.time())
    finally:
        os.kill(system.worker.pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def _open_reader(system: System) -> AsyncIterator[ConsoleReader]:
    """The console, as a process beside the others, and somebody who may read everything."""
    program = system.stage.start("console", CONSOLE_PORT="0", CONSOLE_METRICS_PORT="0")
    address = program.address("console_listens")
    headers = {"accept-encoding": "gzip", "cookie": await _cookie(system, "reader")}
    limits = httpx2.Limits(max_connections=READERS + 10)
    async with httpx2.AsyncClient(
        base_url=address, headers=headers, trust_env=False, limits=limits, timeout=_PATIENCE
    ) as client:
        first = await client.get("/")
        first.raise_for_status()
        found = _NAVIGATION.search(first.text)
        if found is None:
            raise AssertionError("a page without navigation measures nothing")
        named = {words.strip(): path for path, words in _LINK.findall(found[0])}
        yield ConsoleReader(program, client, named | FILTERED)


async def _cookie(system: System, name: str) -> str:
    """The cookie of an administrator of all districts, as browsers have it on this very machine."""
    sessions = ConsoleSessions(Connection(system.redis), Keyring.parse(system.stage.environment["DATA_KEYS"]))
    return f"remedy-session={await session_id(sessions, name, 'administrator')}"


async def _round(system: System, reader: ConsoleReader, effort: Effort, taken: Taken) -> None:
    """The worker alone, and then beside somebody who opens one page after the other."""
    count = effort.samples * _WORK_A_SAMPLE
    taken.alone.append(await _settled(system, count))
    reading = asyncio.create_task(_read_on(reader))
    try:
        taken.beside.append(await _settled(system, count))
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    await asyncio.to_thread(_bring, system, count * _WORK_BESIDE)
    for _ in range(effort.samples * _PAGES_A_SAMPLE):
        for name, path in reader.pages.items():
            taken.first_byte.setdefault(name, []).append(await reader.first_byte_ms(path))
        taken.nothing.append(await reader.first_byte_ms(NOTHING))
    await system.settle()


async def _settled(system: System, count: int) -> float:
    """New cases with two tickets each that the worker settles in a second."""
    started = time.perf_counter()
    await asyncio.to_thread(_bring, system, count)
    await system.settle()
    return count / (time.perf_counter() - started)


def _bring(system: System, count: int) -> None:
    """So many deliveries, each of a new case. Not while pages are timed: it takes this process's time."""
    for finding in system.outside.add_findings([_CRITICAL] * count):
        system.outside.send("finding.critical", {"finding_id": finding})


async def _read_on(reader: ConsoleReader) -> None:
    """Open one page after the other, as somebody who reads fast does."""
    while True:
        for path in reader.pages.values():
            await reader.first_byte_ms(path)
            await asyncio.sleep(_READS_EVERY)


async def _readers_percent(system: System, reader: ConsoleReader, seconds: float) -> float:
    """What share of a core the console takes for readers of its first page, while something changes each second."""
    cookies = [await _cookie(system, f"reader-{number}") for number in range(READERS)]
    reading = [asyncio.create_task(_look_on(reader.client, each)) for each in cookies]
    changing = asyncio.create_task(_change_on(system))
    try:
        await asyncio.sleep(1.0)
        began, spent = time.perf_counter(), cpu_seconds(reader.program.pid)
        await asyncio.sleep(seconds)
        return 100 * (cpu_seconds(reader.program.pid) - spent) / (time.perf_counter() - began)
    finally:
        for task in (changing, *reading):
            task.cancel()
        ended = await asyncio.gather(changing, *reading, return_exceptions=True)
        if failed := [each for each in ended if isinstance(each, Exception)]:
            raise failed[0]


async def _look_on(client: httpx2.AsyncClient, cookie: str) -> None:
    """Keep the first page open as a browser does: its live part is fetched again after each tick."""
    headers = {"cookie": cookie, "sec-fetch-dest": "empty"}
    page = await client.get("/", headers={"cookie": cookie})
    parts = _LIVE.findall(page.text)
    async with client.stream("GET", "/live", headers=headers) as stream:
        stream.raise_for_status()
        async for line in stream.aiter_lines():
            if line.startswith("event: changed"):
                for part in parts:
                    (await client.get(part, headers=headers)).raise_for_status()


async def _change_on(system: System) -> None:
    while True:
        system.outside.send("finding.critical", {"finding_id": system.add_finding()})
        await asyncio.sleep(1.0)


async def _memory(reader: ConsoleReader, requests: int) -> Sequence[float]:
    """Megabytes of the console after a tenth of so many pages, and after all of them."""
    paths, held = list(reader.pages.values()), list[float]()
    for number in range(requests):
        await reader.first_byte_ms(paths[number % len(paths)])
        if number + 1 in {max(requests // 10, 1), requests}:
            held.append(memory_mb(reader.program.pid))
    return held


def _lines(
    cases: int, taken: Taken, weights: Mapping[str, float], percent: float, memory: Sequence[float]
) -> Sequence[Line]:
    ninety_nine = {name: percentile(values, 0.99) for name, values in taken.first_byte.items()}
    slowest, heaviest = max(ninety_nine, key=ninety_nine.__getitem__), max(weights, key=weights.__getitem__)
    pages = [
        Line("B10", f"console: {name}, first byte p50 / p99", f"{median(values):.1f} / {ninety_nine[name]:.1f} ms")
        for name, values in taken.first_byte.items()
    ]
    beside, growth = median_ratio(taken.beside, taken.alone), memory[-1] - memory[0]
    slow = f"{ninety_nine[slowest]:.1f} ms ({slowest})"
    wire = f"{weights[heaviest]:.1f} KB ({heaviest})"
    held = f"{memory[0]:.1f} → {memory[-1]:.1f} MB"
    bare = f"{median(taken.nothing):.1f} / {percentile(taken.nothing, 0.99):.1f} ms"
    return [
        Line("B10", "anchor: an answer of the console that needs nothing, first byte p50 / p99", bare),
        *pages,
        Line(
            "B10",
            f"console: slowest page at {cases:,} cases, p99",
            slow,
            f"≤ {MOST_FIRST_BYTE_MS:.0f} ms",
            ninety_nine[slowest] <= MOST_FIRST_BYTE_MS,
        ),
        Line(
            "B10",
            "console: heaviest page, all that it loads",
            wire,
            f"≤ {MOST_PAGE_KB:.0f} KB",
            weights[heaviest] <= MOST_PAGE_KB,
        ),
        Line(
            "B10",
            "a worker beside a reader / alone",
            f"{beside:.3f}",
            f"≥ {LEAST_WORKER}",
            beside >= LEAST_WORKER,
        ),
        Line(
            "B10",
            f"console: {READERS} readers who look on",
            f"{percent:.1f} % of a core",
            f"≤ {MOST_READERS_PERCENT:.0f} %",
            percent <= MOST_READERS_PERCENT,
        ),
        Line(
            "B10", "console: memory over all its requests", held, f"≤ + {MOST_GROWTH_MB:.0f}", growth <= MOST_GROWTH_MB
        ),
    ]
