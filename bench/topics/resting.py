"""B7: what Redis keeps of many cases at rest, all together, and what a sweep costs beside them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.effort import Effort
from bench.report import Line, Report, median_ratio
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.queue import Band
from remediation.redis_address import RedisAddress
from remediation.store.cases.entries import Acted, Entry, Planned, PlannedStep, Seen, Settled, TicketSeen, Triggered
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection

MOST_BYTES = 1_024
MOST_RATIO = 1.5
"""Of a sweep's time beside many cases to that beside few."""

_SHARE = 10
"""Of the cases of an effort, one in so many is made: each with every step that workers make, and not as raw keys."""

_FEW_SHARE = 100
_AT_ONCE = 32
_SWEEPS = 20
_NOW = 1_780_000_000.0
_TRACKERS = ("jira", "servicenow")


def measure(effort: Effort) -> Report:
    """Two stores are filled, and the large one weighed; then both are swept in turn."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    many = effort.cases // _SHARE
    few = many // _FEW_SHARE
    async with _server() as small, _server() as large:
        await _fill(small, range(few))
        await _fill(large, range(few))  # with the scripts, which are loaded once
        before = await _used(large)
        await _fill(large, range(few, many))
        weight = (await _used(large) - before) / (many - few)
        taken: dict[int, list[float]] = {few: [], many: []}
        for _, (size, store) in itertools.product(range(effort.rounds * 3), {few: small, many: large}.items()):
            taken[size].append(await _sweep_ms(store))
    ratio = median_ratio(taken[many], taken[few])
    told = (
        f"{median(taken[few]):.2f} ms beside {few:,} cases, {median(taken[many]):.2f} ms beside {many:,}: {ratio:.2f}"
    )
    return Report(
        topic="resting",
        lines=(
            Line(
                "B7",
                f"Redis for {many:,} cases at rest: all that it holds for them",
                f"{weight:.0f} bytes a case",
                f"≤ {MOST_BYTES:,}",
                weight <= MOST_BYTES,
            ),
            Line("B7", "a sweep that finds nothing due", told, f"≤ {MOST_RATIO}", ratio <= MOST_RATIO),
        ),
        figures={"bytes": weight, "ms": {str(size): values for size, values in taken.items()}},
        unit="ms a sweep, median",
        bars={f"beside {size:,} cases": median(values) for size, values in taken.items()},
    )


@contextlib.asynccontextmanager
async def _server() -> AsyncIterator[Connection]:
    with TemporaryDirectory(prefix="remedy-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        async with open_connection(RedisAddress.parse(server.url), socket_timeout=30.0, retries=0) as connection:
            yield connection


async def _used(connection: Connection) -> int:
    """Bytes that Redis holds. Wake-ups of cases that have come to rest, which workers take, are deleted first."""
    redis = connection.redis
    async for key in redis.scan_iter("arq:*", count=10_000):
        await redis.delete(key)
    return int((await redis.info("memory"))["used_memory"])


async def _fill(connection: Connection, numbers: Iterable[int]) -> None:
    """Bring cases to rest, half of them resolved, by the steps of a worker's look."""
    left = iter(numbers)

    async def settle_some() -> None:
        for number in left:
            await _settle(connection, number)

    await asyncio.gather(*(settle_some() for _ in range(_AT_ONCE)))


async def _settle(connection: Connection, number: int) -> None:
    todo, key, now = Todo(connection), _key(number), _NOW + number / 50
    await todo.mark([(key, Band.HIGH)], now)
    lease = await todo.take(key.ref, now)
    if lease is None:
        raise AssertionError("a marked case that nobody holds can be taken")
    is_solved = number % 2 == 0
    tickets = [_ticket(tracker, number, is_done=is_solved) for tracker in _TRACKERS]
    links = LeasedLinks(connection, lease)
    for ticket in tickets:
        await links.link(ticket)
    await Timeline(connection).tell(key.ref, _told(tickets, now, is_solved=is_solved))
    await todo.settle(lease, _memory(tickets, is_solved=is_solved), now + 1, seen=tickets)
    await todo.let_go(lease)


def _key(number: int) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number:08x}")


def _ticket(tracker: str, number: int, *, is_done: bool) -> Ticket:
    state, reason = (TicketState.DONE, Reason.FIXED) if is_done else (TicketState.OPEN, None)
    if tracker == "jira":
        return _versioned(tracker, f"{10_000 + number}", f"SEC-{number}", "browse", number, state, reason)
    return _versioned(tracker, f"{number:032x}", f"INC{number:07d}", "nav_to.do", number, state, reason)


def _versioned(
    tracker: str, ticket_id: str, key: str, page: str, number: int, state: TicketState, reason: Reason | None
) -> Ticket:
    address = f"https://lakeside.{tracker}.example/{page}/{key}"
    return Ticket(tracker, ticket_id, key, address, state, reason, version=f"2026-05-28 10:{number % 60:02d}:07,3")


def _memory(tickets: Sequence[Ticket], *, is_solved: bool) -> Memory:
    states = {each.tracker: each.state for each in tickets}
    closings: Mapping[str, Closing] = {each.tracker: Closing.of(each) for each in tickets} if is_solved else {}
    status = Status.RESOLVED if is_solved else Status.REVIEWING
    return Memory(status, states, severity=Severity.HIGH, rule="students-exposed", closings=closings)


def _told(tickets: Sequence[Ticket], now: float, *, is_solved: bool) -> list[Entry]:
    """What a look tells that opened two tickets, and one that took over what people decided."""
    opening = tuple(PlannedStep(f"open:{each.tracker}", "unsolved") for each in tickets)
    told: list[Entry] = [
        Triggered(now, "scan", now - 0.8),
        Seen(now + 0.1, "open", "high"),
        Planned(now + 0.1, (*opening, PlannedStep("patch:reviewing", "unsolved"))),
        *(Acted(now + 0.4, f"open:{each.tracker}", "done", each.key) for each in tickets),
        Acted(now + 0.6, "patch:reviewing", "done", request_id="3f1c9a52d0b84e77"),
        Settled(now + 0.7),
    ]
    if is_solved:
        seen = tuple(TicketSeen(each.tracker, each.key, "done", "fixed") for each in tickets)
        told += [
            Triggered(now + 86_400, "webhook:jira", now + 86_399.5),
            Seen(now + 86_400.1, "reviewing", "high", seen),
            Planned(now + 86_400.1, (PlannedStep("patch:resolved", "ticket_done"),)),
            Acted(now + 86_400.5, "patch:resolved", "done", request_id="91d7c04be6f24a10"),
            Settled(now + 86_400.6),
        ]
    return told


async def _sweep_ms(connection: Connection) -> float:
    todo, started = Todo(connection), time.perf_counter()
    for number in range(_SWEEPS):
        woken = await todo.sweep(_NOW + 10_000 + number)
        if any(woken.values()):
            raise AssertionError("cases at rest are not woken")
    return 1000 * (time.perf_counter() - started) / _SWEEPS
