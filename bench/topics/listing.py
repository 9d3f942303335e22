"""B10: what a page of the list of cases costs in a small store and in a large one, and what the lists take of Redis."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.effort import Effort
from bench.planting import AT_ONCE, PLANTED_MS, plant_cases
from bench.report import Line, Report, median_ratio
from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.queue import Band
from remediation.redis_address import RedisAddress
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE, CASE_LIST, CASE_LISTS, CASE_LISTS_USED
from remediation.store.server.connection import Connection
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection

FEW = 1_000
PAGE = 50
MOST_BYTES = 200
MOST_RATIO = 1.5
"""Of a page's time in the large store to that in the small one, where few lists are read."""

PAGES: Mapping[str, CaseFilter] = {
    "the first page": CaseFilter(),
    "a page in the middle": CaseFilter(),
    "of one rule": CaseFilter(rule="rule-3"),
    "of one district, severity and state": CaseFilter("lakeside", CaseState.AT_REST, "high"),
}
MIDDLE = "a page in the middle"

_GROWTH = 2.5
"""The same of a page in the middle, which does grow. It enters every list at a place that must be looked for: among 12
packed entries in the small store, and in the large one in a skip list of 12,500, through some 25 nodes of it, most of
which are in no cache. That takes about as long as all else that a list costs, and longer on a busy machine. Ten times
as many cases add about four nodes, and so a tenth."""

_MOST_RATIOS: Mapping[str, float] = {MIDDLE: _GROWTH}

_PAGES_A_SAMPLE = 25


def measure(effort: Effort) -> Report:
    """Pages of both stores in turn; then the lists of the large one are weighed."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    async with _store(FEW) as few, _store(effort.cases) as many:
        lists = await CaseLists(many).words()
        taken = await _taken(effort, {FEW: few, effort.cases: many})
        weight = await _weight(many, effort.cases)
    ratios = {name: median_ratio(taken[name][effort.cases], taken[name][FEW]) for name in PAGES}
    return Report(
        topic="listing",
        lines=(
            *(_page_line(name, taken[name], ratios[name], effort.cases) for name in PAGES),
            Line("B10", "Redis for the lists", f"{weight:.0f} bytes a case", f"≤ {MOST_BYTES}", weight <= MOST_BYTES),
        ),
        figures={
            "ms": {name: {str(size): values for size, values in each.items()} for name, each in taken.items()},
            "bytes": weight,
            "rules": len(lists.rules),
        },
        unit="ms a page of the large store, median",
        bars={name: median(taken[name][effort.cases]) for name in PAGES},
    )


async def _taken(effort: Effort, stores: Mapping[int, Connection]) -> dict[str, dict[int, list[float]]]:
    """Milliseconds that a page takes, by what it shows and how many cases there are, one for each round."""
    taken: dict[str, dict[int, list[float]]] = {name: {size: [] for size in stores} for name in PAGES}
    for _ in range(effort.rounds * 3):
        for name, (size, store) in itertools.product(PAGES, stores.items()):
            after = ListCursor(PLANTED_MS + size // 2, "") if name == MIDDLE else None
            taken[name][size].append(await _page_ms(CaseLists(store), PAGES[name], after))
    return taken


async def _page_ms(lists: CaseLists, wanted: CaseFilter, after: ListCursor | None) -> float:
    started = time.perf_counter()
    for _ in range(_PAGES_A_SAMPLE):
        page = await lists.page(wanted, PAGE, after)
        if not page.cases:
            raise AssertionError("a page without cases measures nothing")
    return 1000 * (time.perf_counter() - started) / _PAGES_A_SAMPLE


@contextlib.asynccontextmanager
async def _store(size: int) -> AsyncIterator[Connection]:
    """A server with so many cases, each on its list. They were put there as those of an earlier version are."""
    with TemporaryDirectory(prefix="remedy-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        async with open_connection(RedisAddress.parse(server.url), socket_timeout=30.0, retries=0) as connection:
            for begin in range(0, size, AT_ONCE):
                await plant_cases(connection, range(begin, min(begin + AT_ONCE, size)))
            yield connection


async def _weight(connection: Connection, size: int) -> float:
    """Bytes a case: its entry in a list, its share of the lists' names, and the number of its list in its row."""
    redis = connection.redis
    keys = [key async for key in redis.scan_iter(CASE_LIST + "*", count=10_000)]
    weights = [await redis.memory_usage(key, samples=0) or 0 for key in (*keys, CASE_LISTS, CASE_LISTS_USED)]
    return sum(weights) / size + await _in_row(connection)


async def _in_row(connection: Connection) -> float:
    """Bytes that a usual case's row takes more for being on a list."""
    todo, key = Todo(connection), CaseKey("lakeside", CaseKind.FINDING, "fnd_usual")
    await todo.mark([(key, Band.HIGH)], PLANTED_MS / 1000)
    lease = await todo.take(key.ref, PLANTED_MS / 1000)
    if lease is None:
        raise AssertionError("a marked case that nobody holds can be taken")
    for tracker in ("jira", "servicenow"):
        ticket = Ticket(tracker, "10001", "SEC-1001", f"https://{tracker}.example/browse/SEC-1001", TicketState.OPEN)
        await LeasedLinks(connection, lease).link(ticket)
    open_ones = dict.fromkeys(("jira", "servicenow"), TicketState.OPEN)
    await todo.settle(lease, Memory(Status.REVIEWING, open_ones, severity=Severity.HIGH, rule="severe"), 1.7e9)
    with_number = await connection.redis.memory_usage(CASE + key.ref, samples=0) or 0
    await connection.ask(connection.redis.hdel(CASE + key.ref, "listed"))
    without = await connection.redis.memory_usage(CASE + key.ref, samples=0) or 0
    return float(with_number - without)


def _page_line(name: str, taken: Mapping[int, Sequence[float]], ratio: float, cases: int) -> Line:
    few, many = (median(taken[size]) for size in (FEW, cases))
    measured = f"{few:.2f} ms of {FEW:,}, {many:.2f} ms of {cases:,}: {ratio:.2f}"
    most = _MOST_RATIOS.get(name, MOST_RATIO)
    return Line("B10", f"list of cases: {name}, {PAGE} cases", measured, f"≤ {most}", ratio <= most)
