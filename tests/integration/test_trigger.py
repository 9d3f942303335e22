"""How a test finding is ended on a real Valkey: by whom, with whom at work, and what is said of it."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from typing import TypeVar

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.drills import DRILL_PREFIX
from remediation.domain.errors import ConfigurationError, Refused
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.operations.stores import OperationStores
from remediation.ports import ListedSource, Rulebook, SourceKey
from remediation.sealing import Keyring
from remediation.sources.schoolscan.drills import DrilledSource
from remediation.store.audit.entries import AuditAct
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.drills import Drills
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.clock import clock_of
from remedy.runtime.failures import ExitCode
from remedy.trigger.drill import DrillRun
from remedy.trigger.outcomes import TriggerContext
from remedy.trigger.playing import clean_up_all
from tests.integration.offices import Office
from tests.stand_ins import AccountSources, MemorySource, RealClock
from workers.resources import NamedSystems, WorkerContext, context_on

pytestmark = pytest.mark.usefixtures("quiet")
KEY = CaseKey("lakeside", CaseKind.FINDING, f"{DRILL_PREFIX}1")
ResultT = TypeVar("ResultT")


class DrilledAccounts(AccountSources):
    """Sources with drills among their findings."""

    def __init__(self, accounts: Mapping[str, MemorySource], drills: Drills) -> None:
        super().__init__(accounts)
        self._drills = drills

    def __getitem__(self, which: SourceKey) -> ListedSource:
        return DrilledSource(super().__getitem__(which), self._drills, time.time)


class DrilledOffice(Office):
    """An office whose worker finds drills in Redis."""

    def context_with(self, keyring: Keyring, rulebook: Rulebook) -> WorkerContext:
        sources = DrilledAccounts(self.accounts, Drills(self.connection))
        return context_on(self.connection, keyring, NamedSystems(sources, self.trackers, rulebook), self.clock)


class Drilling:
    """A service, and anna at the command line beside it."""

    def __init__(self, office: DrilledOffice, stores: OperationStores) -> None:
        self.office, self.stores = office, stores
        self.said: list[str] = []
        self.command = TriggerContext(stores, "anna", 5.0, self.said.append)

    async def left(self) -> None:
        """A command has begun a drill, and was killed when workers had looked at it."""
        finding = Finding(KEY.id, Status.OPEN, Severity.HIGH)
        await Drills(self.office.connection).begin(KEY, finding, self.stores.clock())
        await self.office.mark(KEY)
        await self.office.work()
        await self.office.later(11)  # of a young store no search is early

    async def starts_working(self) -> None:
        """A worker reports that it runs."""
        now = self.stores.clock()
        await Processes(self.office.connection).tell(Process("w/1", "worker", "1", now), now)

    async def beside_workers(self, doing: Awaitable[ResultT]) -> ResultT:
        """What it results in while workers work."""
        task = asyncio.ensure_future(doing)
        while not task.done():
            await self.office.work()
            await asyncio.sleep(0.01)
        return await task


@pytest.fixture
async def drilling(connection: Connection, keyring: Keyring) -> Drilling:
    clock = await clock_of(connection)
    audit = CommandAudit(connection, keyring, clock)
    stores = OperationStores(audit, clock, connection, keyring)
    return Drilling(DrilledOffice(connection, keyring, clock=RealClock()), stores)


async def test_whoever_cleans_up_gives_up_what_was_refused(drilling: Drilling) -> None:
    await drilling.left()
    await drilling.beside_workers(DrillRun(drilling.command, KEY, KEY.ref).clean_up())
    refused, now = Refused("jira", "no", status=400), drilling.stores.clock()
    piece = {"district": KEY.district, "action": "comment:jira"}
    name = await drilling.stores.parked.park(ParkedKind.ACTION, KEY.ref, refused, now, **piece)
    await DrillRun(drilling.command, KEY, KEY.ref).clean_up()
    assert await drilling.office.parked() == {}
    told = [line.entry async for line in drilling.stores.audit.trail.lines()]
    assert [(each.piece, each.by) for each in told if each.act == AuditAct.DISCARDED] == [(name, "anna")]


async def test_without_a_worker_what_is_left_is_not_waited_for(drilling: Drilling) -> None:
    assert await clean_up_all(drilling.command) == []
    await drilling.left()
    with pytest.raises(ConfigurationError, match="no worker runs here"):
        await asyncio.wait_for(clean_up_all(drilling.command), 2)
    assert drilling.office.jira.of(KEY.mark)[0].state.is_active
    await drilling.starts_working()
    (outcome,) = await drilling.beside_workers(clean_up_all(drilling.command))
    assert (outcome.exit_code, outcome.is_clean, len(outcome.tickets)) == (ExitCode.DONE, True, 2)


async def test_whoever_interrupts_a_test_is_told_which_tickets_are_left(drilling: Drilling) -> None:
    await drilling.left()
    drilling.office.jira.troubles.once("resolve", Refused("jira", "no", status=400))
    await drilling.beside_workers(DrillRun(drilling.command, KEY, KEY.ref).clean_up())
    (ticket,) = drilling.office.jira.of(KEY.mark)
    assert drilling.said[-1] == (
        f"Not all of it is cleaned up, still open: {ticket.key} in jira ({ticket.url}); "
        "remedy trigger --clean-up tries again."
    )


async def test_what_was_done_before_it_is_cleaned_up_is_not_told_again(drilling: Drilling) -> None:
    await drilling.left()
    await drilling.starts_working()
    await drilling.beside_workers(clean_up_all(drilling.command))
    first, *told = drilling.said
    assert first == f"{KEY.ref}: left by an earlier test"
    assert any("done: closed" in line for line in told)
    assert not any("opened" in line for line in told)
