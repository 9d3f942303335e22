"""What a page of the console's *Cases* costs among a million cases, and for how long it keeps Redis from other work."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import structlog
from starlette.types import ASGIApp

from bench.effort import Effort
from bench.report import Line, Report, percentile
from bench.signing_in import session_id
from console.app import create_app
from console.context import ConsoleContext
from console.rendering import PageTemplates
from remediation.domain.cases.records import CaseKey, CaseKind, Link, Memory
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import TicketState
from remediation.mapping.reading.loading import loaded_of
from remediation.operations.auditing import OperationAudit
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.cases.rows import link_wire, memory_wire
from remediation.store.console.sessions import ConsoleSessions
from remediation.store.keys import CASE, CASE_LIST, CASE_LISTS, CASE_LISTS_USED, CASES_LISTED
from remediation.store.server.connection import Connection
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection
from remedy.runtime.garbage import leave_alone_what_stays

MOST_MS, MOST_REDIS_MS = 50.0, 10.0
"""Of the slowest page but one in a hundred; of one call of Redis, during which it does nothing else."""

DISTRICTS, RULES = tuple(f"district-{number:02}" for number in range(20)), 12
_STATES = ("at_rest|",) * 16 + ("dirty|", "dirty|", "put_off|", "at_rest|p")
_TRACKERS = ("jira", "servicenow", "jira,servicenow")
_NEWEST_MS, _APART_MS, _AT_ONCE = 1_700_000_000_000, 30_000, 20_000
_PAGES_A_ROUND = 70

ADDRESSES: Mapping[str, str] = {
    "the first page": "/cases",
    "a page in the middle": "/cases?after={middle}/-",
    "of one severity": "/cases?severity=high",
    "of one district and state, in the middle": "/cases?district=district-03&state=parked&after={middle}/-",
    "not changed for long": "/cases?unchanged-for=30d",
}
ONE_DISTRICT = "the first page, for a viewer of one district"

_MAPPINGS = "\n".join(
    (
        "version: 1",
        "districts:",
        *(f"  {name}: {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: S}}]}}}}}}" for name in DISTRICTS),
        "trackers: {jira: {kind: jira, url: 'https://jira.example', auth: {bearer: {env: J}}}}",
        "templates: {body: '{{ finding.id }}'}",
        "rules: [{name: rule-0, tickets: {jira: {project: SEC}}}]",
    )
)


def measure(effort: Effort) -> Report:
    """Pages of one store, each asked for again and again."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with TemporaryDirectory(prefix="remedy-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        async with open_connection(RedisAddress.parse(server.url), socket_timeout=30.0, retries=0) as connection:
            lists = await _plant(connection, effort.cases)
            taken, longest = await _taken(connection, effort)
    what = f"of {effort.cases:,} cases on {lists:,} lists"
    slowest = {name: percentile(values, 0.99) for name, values in taken.items()}
    return Report(
        topic="paging",
        lines=(
            *(
                Line("", f"Cases, {name}, {what}: p99", f"{ms:.1f} ms", f"≤ {MOST_MS:.0f} ms", ms <= MOST_MS)
                for name, ms in slowest.items()
            ),
            Line(
                "",
                "the longest call of Redis",
                f"{longest:.1f} ms",
                f"≤ {MOST_REDIS_MS:.0f} ms",
                longest <= MOST_REDIS_MS,
            ),
        ),
        figures={"ms": taken, "longest_call_ms": longest, "lists": lists},
        unit="ms a page, p99",
        bars=slowest,
    )


def _cases(size: int) -> Iterator[tuple[str, str, int]]:
    """The reference of each case, the name of its list, and when (ms) it changed: each list has some of all times."""
    severities = list(Severity)
    for number in range(size):
        of_district, district = divmod(number, len(DISTRICTS))
        rule, state = of_district % RULES, _STATES[(3 * of_district + of_district // 60) % len(_STATES)]
        severity = severities[(rule + of_district // RULES % 2) % 4]
        name = f"{DISTRICTS[district]}|{state}|{severity}|rule-{rule}|{_TRACKERS[rule % 3]}"
        yield (
            CaseKey(DISTRICTS[district], CaseKind.FINDING, f"fnd_{number:08x}").ref,
            name,
            _NEWEST_MS - number * _APART_MS,
        )


async def _plant(connection: Connection, size: int) -> int:
    """So many cases on their lists, as lua/case_lists.lua has them; returns how many lists there are."""
    numbers: dict[str, int] = {}
    waiting: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for count, (ref, name, at) in enumerate(_cases(size), 1):
        waiting[name][ref] = at
        if count % _AT_ONCE == 0 or count == size:
            await _put(connection, waiting, numbers)
            waiting.clear()
    fields: dict[str, str] = {"": str(len(numbers))}
    for name, number in numbers.items():
        fields |= {f"#{number}": name, name: str(number)}
    await connection.ask(connection.redis.hset(CASE_LISTS, mapping=fields))
    await connection.ask(connection.redis.hset(CASES_LISTED, mapping={"done_at": _NEWEST_MS, "open_at": _NEWEST_MS}))
    return len(numbers)


async def _put(connection: Connection, cases: Mapping[str, dict[str, int]], numbers: dict[str, int]) -> None:
    asked = connection.redis.pipeline(transaction=False)
    for name, members in cases.items():
        number = numbers.setdefault(name, len(numbers) + 1)
        asked.zadd(f"{CASE_LIST}{number}", members)
        asked.zadd(CASE_LISTS_USED, {name: max(members.values())}, gt=True)
        for ref in list(members)[:1]:
            asked.hset(CASE + ref, mapping=_row(ref, number))
    await connection.ask(asked.execute())


def _row(ref: str, number: int) -> dict[str, str | bytes | int]:
    """The row of a usual case. Not every case has one: a page that misses it shows no ticket."""
    found = Link("jira", "10001", "SEC-12", "https://jira.example/browse/SEC-12", created=1.7e9)
    link, tie = link_wire(found)
    memory = Memory(Status.REVIEWING, {"jira": TicketState.OPEN}, severity=Severity.HIGH, rule="rule-0")
    row: dict[str, str | bytes | int] = {"id": ref.rpartition(":")[2], "marked_at": _NEWEST_MS, "listed": number}
    return row | {"link:jira": link, "tie:jira": tie, "memory": memory_wire(memory)}


async def _taken(connection: Connection, effort: Effort) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of each page until its first byte, and of the longest call of Redis."""
    app, sessions = _console(connection)
    middle = _NEWEST_MS - effort.cases // 2 * _APART_MS
    everyone, one = [await _cookie(sessions, districts) for districts in (None, (DISTRICTS[3],))]
    asked = [(name, address.format(middle=middle), everyone) for name, address in ADDRESSES.items()]
    asked.append((ONE_DISTRICT, "/cases", one))
    taken: dict[str, list[float]] = {name: [] for name, _, _ in asked}
    longest = 0.0
    await _page_ms(app, "/cases", everyone)  # the names of the lists are learnt once
    leave_alone_what_stays()  # as the console does when it is ready
    await connection.ask(connection.redis.config_set("slowlog-log-slower-than", 500))
    for _ in range(effort.rounds * (_PAGES_A_ROUND if effort.samples > 1 else 1)):
        for name, address, cookie in asked:
            taken[name].append(await _page_ms(app, address, cookie))
        calls = await connection.ask(connection.redis.slowlog_get(128))
        longest = max([longest, *(call["duration"] / 1000 for call in calls)])
        await connection.ask(connection.redis.slowlog_reset())
    return taken, longest


def _console(connection: Connection) -> tuple[ASGIApp, ConsoleSessions]:
    keyring, loaded = Keyring.parse(generate_key()), loaded_of(_MAPPINGS, "mappings.yaml")
    audit = OperationAudit(connection, keyring, time.time, "console")
    app = create_app(ConsoleContext(connection, keyring, time.time, lambda: loaded, PageTemplates(), audit))
    return app, ConsoleSessions(connection, keyring)


async def _cookie(sessions: ConsoleSessions, districts: tuple[str, ...] | None) -> str:
    """The cookie of a viewer of these districts (None: of all), as browsers have it over HTTPS."""
    return f"__Host-remedy-session={await session_id(sessions, 'somebody', 'viewer', districts)}"


async def _page_ms(app: ASGIApp, address: str, cookie: str) -> float:
    transport, headers = httpx2.ASGITransport(app=app), {"cookie": cookie}
    async with httpx2.AsyncClient(transport=transport, base_url="https://console.test", headers=headers) as browser:
        started = time.perf_counter()
        page = await browser.get(address)
        taken = 1000 * (time.perf_counter() - started)
    if page.status_code != httpx2.codes.OK or "/cases/of/" not in page.text:
        raise AssertionError("a page without cases measures nothing")
    return taken
