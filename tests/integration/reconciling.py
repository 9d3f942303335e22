"""Reconciling for tests: a district in step on a real Valkey, the walk through it, and a worker beside it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, TicketState
from remediation.ports import Rulebook
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.cases.links import Owners
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remedy.reconcile.command import ReconcileScope, bring_into_step
from remedy.reconcile.forecast import Forecast, forecasts
from remedy.reconcile.report import Screen
from remedy.reconcile.walk import BEGINNING, Candidate, Sleep, Walk
from remedy.runtime.failures import ExitCode
from tests.integration.offices import Office
from tests.stand_ins import LATER, ManualClock, MemorySource

COUNT = 25
KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"many_{number}") for number in range(COUNT)]


class Asleep:
    """A sleep that takes no time, and remembers how long it should have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


async def office_in_step(connection: Connection, keyring: Keyring, rulebook: Rulebook | None = None) -> Office:
    """A district of 25 findings, with a ticket in each of its trackers, in step."""
    clock = ManualClock(float(int(time.time())))
    office = Office(connection, keyring, page_size=10, clock=clock, rulebook=rulebook)
    office.source.findings.clear()
    await bring_in(office, office.source, KEYS)
    return office


async def bring_in(office: Office, source: MemorySource, keys: list[CaseKey]) -> None:
    """Findings that changed an hour ago, and what workers make of them."""
    changed = datetime.fromtimestamp(office.clock() - 3600, tz=UTC)
    for key in keys:
        finding = Finding(key.id, Status.OPEN, Severity.HIGH, detected_at=LATER, updated_at=changed)
        source.findings[key.id] = finding
    await office.context.todo.mark([(key, Band.HIGH) for key in keys], office.clock())
    await office.work()


def walk_of(office: Office, since: datetime = BEGINNING, sleep: Sleep | None = None) -> Walk:
    said: list[str] = []
    owners = Owners(office.context.todo, office.context.rulebook)
    return Walk(office.context.sources, office.trackers, owners, since, office.clock, said.append, sleep or Asleep())


async def found(walk: Walk) -> list[Candidate]:
    return [each async for batch in walk.batches() for each in batch]


async def foreseen(office: Office, sleep: Sleep | None = None) -> Mapping[str, Forecast]:
    return {each.ref: each async for each in forecasts(walk_of(office, sleep=sleep), office.context.rulebook)}


@contextlib.asynccontextmanager
async def at_work(office: Office) -> AsyncIterator[None]:
    """A worker that works whatever comes."""
    going = True

    async def work() -> None:
        while going:
            await office.context.todo.sweep(office.clock())
            await office.work()
            await asyncio.sleep(0.01)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        going = False  # cancelled in the middle of a command, a Redis client may take it for a time-out of its own
        await task


async def reconcile(office: Office, *, patience: float = 30.0, wait: bool = True, as_json: bool = False) -> ExitCode:
    walk, clock = walk_of(office), SharedClock(office.connection)
    await clock.set()
    order = ReconcileScope(None, walk.since, timedelta(seconds=patience), wait=wait)
    return await bring_into_step(walk, order, office.connection, clock, Screen(as_json=as_json))


def results_in(out: str) -> list[Any]:
    """What programs were told; a test's log lines stand between."""
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def close(office: Office, key: CaseKey) -> None:
    """Somebody closes the tickets of a case as fixed."""
    for tracker in (office.snow, office.jira):
        for ticket in tracker.of(key.mark):
            tracker.change(ticket.id, TicketState.DONE, Reason.FIXED)
