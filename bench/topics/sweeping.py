"""B8, and what a feed of incidents costs: a school year is swept, and swept again; what Redis keeps of it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import structlog

from bench.effort import Effort
from bench.incident_weights import CASES_A_SAMPLE, case_parts, decision_parts
from bench.processes import cpu_nanoseconds
from bench.report import Line, Report, median_ratio, percentile
from bench.watching import watch
from bench.year import Year, YearTransport
from remediation.domain.walks import FeedWalk, Timetable
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import loaded_of
from remediation.redis_address import RedisAddress
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring, generate_key
from remediation.sources.incident_feed.answers import system_of
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.polled import PolledFeed
from remediation.store.keys import DIRTY, INCIDENTS
from remediation.store.server.connection import Connection
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection
from sandbox.secrets import DISTRICT, INCIDENT_FEED_TOKEN
from workers.resources import NamedSystems, WorkerContext, WorkerContexts, context_on
from workers.rounds.feeds import poll_feeds

MOST_BYTES = 400
MOST_STEP_MS = 5.0
TRIPS_A_PAGE, TRIPS_A_WALK = 5, 6
"""Round trips to Redis where nothing has changed: to take a page, ask for its version and its rows, keep it, and note
that the feed answers; and to ask for the feed's state before and after, for its limit, and to begin."""

ANCHOR = "anchor: the year's pages read to values, no Redis"
FIRST = "the year swept for the first time"
AGAIN = "the year swept again, nothing changed"
CHANGED = "the year swept again, some changed"
POLL = "a poll that shows nothing new"
ROWS = "an incident's row"

_NAME = f"{DISTRICT}/handbook"
_DAY, _TEN_MINUTES = 86_400.0, 600.0
_MOST_SECONDS = 900.0
_END = "all-was-asked"

_NO_RULES = """
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: SCHOOLSCAN_TOKEN}, webhook: {secrets: [{env: SCHOOLSCAN_WEBHOOK_SECRET}]}}
    incidents: {handbook: {token: {env: INCIDENT_FEED_TOKEN}}}
trackers:
  jira: {kind: jira, url: "https://lakeside.atlassian.example", auth: {bearer: {env: JIRA_TOKEN}}}
templates: {body: "Finding {{ finding.id }}: {{ finding.link }}"}
rules:
  - name: findings
    tickets: {jira: {project: SEC}}
"""
_WITH_RULE = f"""{_NO_RULES}
  - name: weapons
    of: incidents
    severity: critical
    match: {{type: [referral], weapon: [KNIFE, BLUNT, SPRAY, REPLICA]}}
    tickets: {{jira: {{project: SAFE}}}}
"""


@dataclass(slots=True)
class Clock:
    """Unix seconds, moved on by hand: a sweep is due each night."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        """The time now."""
        return self.now


@dataclass(frozen=True, slots=True)
class Touched:
    """What a walk through the feed wrote: rows of incidents, and cases that it marked."""

    seconds: float
    rows: int
    cases: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a walk asks of Redis: round trips, bytes there and back, and bytes written to the append-only file."""

    trips: int
    sent: int
    received: int
    written: int


@dataclass(slots=True)
class Figures:
    """All that was measured. Seconds are one for each round."""

    megabytes: float
    pages: int
    recent_pages: int
    incidents: int
    first: Touched
    step_ms: list[float]
    row_bytes: float
    share: float = 0.0
    anchor: list[float] = field(default_factory=list)
    again: list[Touched] = field(default_factory=list)
    changed: Touched | None = None
    expected: int = 0
    asked: dict[str, Asked] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)


class WatchedConnection(Connection):
    """A connection that notes the processor time (seconds) that the server takes for each step that keeps incidents.

    Meanwhile it does nothing else. Time on the clock would tell how busy the machine is with other things.
    """

    def __init__(self, connection: Connection, server: int) -> None:
        super().__init__(connection.redis)
        self._server = server
        self.steps: list[float] = []

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        """Run the script."""
        before = cpu_nanoseconds(self._server)
        answer = await super().run(name, *args)
        if name.startswith("keep_"):
            self.steps.append((cpu_nanoseconds(self._server) - before) / 1e9)
        return answer


class Feed:
    """One district's feed as a worker reads it, on an empty server. `year` says what it shows."""

    def __init__(self, connection: WatchedConnection, year: Year, client: httpx2.AsyncClient) -> None:
        self.connection, self.redis, self.clock = connection, connection.redis, Clock()
        self.keyring = Keyring.parse(generate_key())
        reader = IncidentFeedClient(
            system_of(_NAME), "https://feed.example", INCIDENT_FEED_TOKEN, client=client, zone=UTC
        )
        self.reader = PolledFeed(_NAME, reader, _timetable())
        self.year = year
        self.context = self._context(_NO_RULES)

    def take_weapons(self) -> None:
        """Work with a rule that takes some incidents, from now on."""
        self.context = self._context(_WITH_RULE)

    async def bare(self) -> float:
        """Seconds for reading all pages of the year, with nothing done about what they say."""
        started = time.perf_counter()
        walk: FeedWalk | None = _timetable().sweep(datetime.fromtimestamp(self.clock.now, UTC))
        while walk is not None:
            following = walk.after((await self.reader.page(walk)).pages)
            walk = following if isinstance(following, FeedWalk) else None
        return time.perf_counter() - started

    async def walk(self, later: float) -> Touched:
        """Let time pass, and the rounds of a worker read what is due until the walk has ended. Says what it touched."""
        before = await self._rows()
        await self.redis.delete(DIRTY)
        self.clock.now += later
        started = time.perf_counter()
        await self._read_on()
        seconds, after = time.perf_counter() - started, await self._rows()
        rows = sum(before.get(name) != row for name, row in after.items())
        return Touched(seconds, rows, await self.redis.zcard(DIRTY))

    async def asked(self, later: float) -> Asked:
        """The same, and what it asks of Redis."""
        before = await self._traffic()
        self.clock.now += later
        await self._read_on()
        sent, received, written = (now - then for now, then in zip(await self._traffic(), before, strict=True))
        self.clock.now += later
        async with watch(self.redis) as watched:
            await self._read_on()
            await self.connection.ask(self.redis.echo(_END))
            await watched.first(lambda each: each.words[0].upper() == "ECHO")
            trips = sum(not each.in_script for each in watched.commands) - 1
        return Asked(trips, sent, received, written)

    async def freed(self) -> int:
        """Bytes that the server has free after all that it kept is gone: with what no key counts as its own."""
        before = (await self.redis.info("memory"))["used_memory"]
        # Without SYNC, Valkey frees it later.
        await self.connection.ask(self.redis.eval("return redis.call('FLUSHALL', 'SYNC')", 0))
        return int(before - (await self.redis.info("memory"))["used_memory"])

    async def _read_on(self) -> None:
        contexts = WorkerContexts(self.context)
        async with asyncio.timeout(_MOST_SECONDS):
            while True:
                await poll_feeds({"contexts": contexts})
                state = await self.context.feed_states.state(_NAME)
                if state.trouble or (state.walk is None and state.polled_at is None):
                    raise RuntimeError(f"the feed was not read: {state.trouble}")
                if state.walk is None:
                    return

    async def _rows(self) -> dict[bytes, bytes]:
        rows: dict[bytes, bytes] = await self.connection.ask(self.redis.hgetall(INCIDENTS + _NAME))
        return rows

    async def _traffic(self) -> tuple[int, int, int]:
        """Bytes that the server got, sent, and wrote to its file so far."""
        stats, kept = await self.redis.info("stats"), await self.redis.info("persistence")
        return stats["total_net_input_bytes"], stats["total_net_output_bytes"], kept["aof_current_size"]

    def _context(self, text: str) -> WorkerContext:
        named = NamedSystems({}, {}, MappingsRulebook(_mappings(text)), {_NAME: self.reader})
        return context_on(self.connection, self.keyring, named, self.clock)


def _mappings(text: str) -> Mappings:
    return loaded_of(text, "bench").mappings


def _timetable() -> Timetable:
    return _mappings(_NO_RULES).districts[DISTRICT].incidents["handbook"].timetable


def measure(effort: Effort) -> Report:
    """A year without rules is weighed; with a rule it is swept, and swept again in turn with bare reading."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures = asyncio.run(_measure(effort))
    sizes = {ROWS: figures.row_bytes, **figures.parts}
    return Report(
        topic="sweeping",
        lines=(*_sweep_lines(figures), *_asked_lines(figures), *_size_lines(figures)),
        figures=asdict(figures),
        unit="bytes of Redis",
        bars=sizes,
    )


async def _measure(effort: Effort) -> Figures:
    async with _feed(effort) as feed:
        await feed.walk(0.0)
        row_bytes = await feed.freed() / effort.incidents
        feed.take_weapons()
        feed.connection.steps.clear()
        first = await feed.walk(0.0)
        figures = Figures(
            feed.year.megabytes,
            feed.year.pages,
            feed.year.recent_pages,
            effort.incidents,
            first,
            [1000 * each for each in feed.connection.steps],
            row_bytes,
        )
        await _again(feed, effort, figures)
        figures.parts = await decision_parts(feed.redis, feed.context.incidents, _NAME)
    figures.share = first.cases / effort.incidents
    figures.parts |= await case_parts(effort.samples * CASES_A_SAMPLE)
    return figures


async def _again(feed: Feed, effort: Effort, figures: Figures) -> None:
    """Walks in turn that show nothing new, and one that does."""
    for _ in range(effort.rounds):
        figures.anchor.append(await feed.bare())
        figures.again.append(await feed.walk(_DAY))
    figures.asked = {AGAIN: await feed.asked(_DAY), POLL: await feed.asked(_TEN_MINUTES)}
    figures.expected = feed.year.change()
    figures.changed = await feed.walk(_DAY)


@contextlib.asynccontextmanager
async def _feed(effort: Effort) -> AsyncIterator[Feed]:
    with TemporaryDirectory(prefix="remedy-bench-") as folder, EmbeddedServer(Path(folder) / "redis") as server:
        (pages := Path(folder) / "pages").mkdir()
        year, address = Year(pages, effort.incidents), RedisAddress.parse(server.url)
        async with (
            httpx2.AsyncClient(transport=YearTransport(year)) as client,
            open_connection(address, socket_timeout=30.0, retries=0) as connection,
        ):
            server_id = (await connection.redis.info("server"))["process_id"]
            yield Feed(WatchedConnection(connection, server_id), year, client)


def _sweep_lines(figures: Figures) -> tuple[Line, ...]:
    anchor, again = figures.anchor, [each.seconds for each in figures.again]
    size = f"{figures.incidents:,} incidents, {figures.pages} pages, {figures.megabytes:.0f} MB"
    ratio, first = median_ratio(again, anchor), median(again) / figures.first.seconds
    repeat = Touched(median(again), max(each.rows for each in figures.again), max(each.cases for each in figures.again))
    changed = figures.changed or figures.first
    wanted = f"{figures.expected} rows, {figures.expected} cases"
    usual, most = median(figures.step_ms), percentile(figures.step_ms, 0.95)
    return (
        Line("B8", ANCHOR, f"{median(anchor):.1f} s ({size})"),
        Line("B8", FIRST, f"{figures.first.seconds:.1f} s: {_touched(figures.first)}"),
        Line(
            "B8",
            "a step of it: Redis does nothing else",
            f"{usual:.1f} ms of processor time, p95 {most:.1f} ms",
            f"p95 ≤ {MOST_STEP_MS:.0f} ms",
            most <= MOST_STEP_MS,
        ),
        Line(
            "B8",
            AGAIN,
            f"{repeat.seconds:.1f} s, {ratio:.2f} of the anchor, {first:.2f} of the first: {_touched(repeat)}",
            "0 rows, 0 cases",
            not (repeat.rows or repeat.cases),
        ),
        Line(
            "B8",
            CHANGED,
            f"{changed.seconds:.1f} s: {_touched(changed)}",
            wanted,
            (changed.rows, changed.cases) == (figures.expected, figures.expected),
        ),
    )


def _touched(touched: Touched) -> str:
    return f"{touched.rows:,} rows, {touched.cases:,} cases"


def _asked_lines(figures: Figures) -> list[Line]:
    pages = {AGAIN: figures.pages, POLL: figures.recent_pages}
    return [
        Line(
            "B8",
            f"Redis: {what}, {pages[what]} pages",
            f"{asked.trips} round trips, {asked.sent / 1000:,.0f} KB sent, {asked.received / 1000:,.0f} KB received, "
            f"{asked.written / 1000:,.1f} KB written",
            f"≤ {_most_trips(pages[what])} trips",
            asked.trips <= _most_trips(pages[what]),
        )
        for what, asked in figures.asked.items()
    ]


def _most_trips(pages: int) -> int:
    return TRIPS_A_PAGE * pages + TRIPS_A_WALK


def _size_lines(figures: Figures) -> list[Line]:
    case = sum(figures.parts.values())
    whole = figures.row_bytes + figures.share * case
    of_all = f"Redis for an incident at rest, {figures.share:.1%} of them with a case"
    return [
        Line(
            "B8",
            f"Redis for an incident at rest: {ROWS} alone",
            f"{figures.row_bytes:,.0f} bytes",
            f"≤ {MOST_BYTES}",
            figures.row_bytes <= MOST_BYTES,
        ),
        Line(
            "B8",
            of_all,
            f"{whole:,.0f} bytes; {MOST_BYTES} with {(MOST_BYTES - figures.row_bytes) / case:.0%}",
            f"≤ {MOST_BYTES}",
            whole <= MOST_BYTES,
        ),
        Line("B8", "what a case adds to its incident", f"{case:,.0f} bytes"),
        *(Line("B8", what, f"{size:,.0f} bytes") for what, size in figures.parts.items()),
    ]
