"""A worker's context for tests: real stores on a real Valkey, stand-ins outside, and a queue that is worked by hand."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Draft, Ticket
from remediation.ports import Rulebook, Tracker
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Band, Job, decode
from remediation.sealing import Keyring
from remediation.store.deliveries.parked import Parked
from remediation.store.server.connection import Connection
from tests.stand_ins import LATER, AccountSources, ManualClock, MemorySource, MemoryTracker, PlainRulebook
from workers.jobs.answering import answer_question
from workers.jobs.cases import look_at_case
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan
from workers.resources import NamedSystems, WorkerContext, WorkerContexts, context_on

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
DRAFT = Draft(KEY.mark, "SEC", "summary", "body")
HORIZON = 10.0
JOBS: Mapping[str, Callable[..., Awaitable[None]]] = {
    Job.READ_DELIVERY: read_delivery,
    Job.LOOK_AT_CASE: look_at_case,
    Job.PAGE_SCAN: page_scan,
    Job.ANSWER_QUESTION: answer_question,
}


class Office:
    """One district, one finding `fnd_1`, and two trackers called `snow` and `jira`."""

    def __init__(
        self,
        connection: Connection,
        keyring: Keyring,
        *,
        trackers: Mapping[str, Tracker] | None = None,
        rulebook: Rulebook | None = None,
        page_size: int = 100,
        clock: ManualClock | None = None,
    ) -> None:
        self.connection, self.redis = connection, connection.redis
        self.clock = clock or ManualClock()
        self.source = MemorySource(Finding("fnd_1", Status.OPEN, Severity.HIGH, detected_at=LATER), page_size=page_size)
        self.jira = MemoryTracker("jira", self.clock, horizon=HORIZON)
        self.snow = MemoryTracker("snow", self.clock, horizon=HORIZON)
        self.trackers: dict[str, Tracker] = dict(trackers or {"snow": self.snow, "jira": self.jira})
        self.accounts: dict[str, MemorySource] = {"lakeside": self.source}
        self.context = self.context_with(keyring, rulebook or PlainRulebook(*self.trackers))
        self.ran: list[str] = []

    def context_with(self, keyring: Keyring, rulebook: Rulebook) -> WorkerContext:
        named = NamedSystems(AccountSources(self.accounts), self.trackers, rulebook)
        return context_on(self.connection, keyring, named, self.clock)

    @property
    def contexts(self) -> WorkerContexts:
        """The context as it is now, for whoever lends it to jobs."""
        return WorkerContexts(self.context)

    @property
    def arq_context(self) -> dict[str, Any]:
        """What arq gives to a job."""
        return {"contexts": self.contexts}

    async def waiting(self) -> list[str]:
        """The ids of the jobs in the queue, first come first."""
        return [job.decode() for job in await self.redis.zrange(WORK_QUEUE, 0, -1)]

    async def work(self) -> list[str]:
        """Run every job in the queue, and what these put there; answers their names."""
        ran = []
        while jobs := await self.waiting():
            await self.redis.zrem(WORK_QUEUE, jobs[0])
            job = decode(await self.redis.get(JOB_PREFIX + jobs[0]) or b"")
            await JOBS[job["f"]](self.arq_context, *job["a"])
            ran.append(job["f"])
            assert len(ran) < 500, "work that makes work for ever"
        return ran

    async def mark(self, key: CaseKey = KEY, band: Band | None = Band.HIGH) -> None:
        """Something happened."""
        await self.context.todo.mark([(key, band)], self.clock())

    async def look(self) -> list[str]:
        """Something happened to the case, and a worker looks."""
        await self.mark()
        return await self.work()

    async def later(self, seconds: float = 1_000.0) -> list[str]:
        """Time passes, the sweep wakes what is due, and a worker works."""
        self.clock.pass_by(seconds)
        await self.context.todo.sweep(self.clock())
        return await self.work()

    async def record(self, key: CaseKey = KEY) -> CaseRecord:
        record = await self.context.todo.record(key.ref)
        assert record is not None
        return record

    async def parked(self) -> dict[str, Parked]:
        return {item.name: item async for item in self.context.parked.listed()}

    def status(self) -> Status:
        return self.source.findings["fnd_1"].status

    def tickets(self) -> list[Ticket]:
        """Every ticket of the case that there really is, in both trackers."""
        return [*self.snow.of(KEY.mark), *self.jira.of(KEY.mark)]
