"""SchoolScan within its rate limits: a source whose requests are reserved first, and settled with what was answered."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import BudgetSpent, StoreUnavailable, TryLater, Waiting
from remediation.domain.findings import Report, ReportFormat, Scan
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.outbound.answers import NotedAnswer, noting_answers
from remediation.ports import ListedSource, SubjectPage
from remediation.sources.schoolscan.downloads import Write
from remediation.sources.schoolscan.scanning import ReportAccount, ScanAccount
from remediation.store.budgets.learned import Access, Budgets, NoRoom, Spent, ToldLimit, budget_of


@dataclass(slots=True)
class Spending:
    """The requests of one piece of work to a district's account, each of which is reserved before it is sent.

    The work is that on the case or scan of `ref`. `urgent` work may use what is kept for such; and so may any work once
    a request of it was answered, because what it has read is out of date when it comes again. Not work `in_steps`,
    which remembers each of them: of that only the second read is urgent, so that a look that has come so far can write.
    `patient` work, a person's, never uses it. `system` is the account's name in budgets, and `clock` returns Unix
    seconds.
    """

    budgets: Budgets
    system: str
    ref: str
    clock: Callable[[], float]
    urgent: bool = False
    in_steps: bool = False
    patient: bool = False
    _begun: Counter[Access] = field(default_factory=Counter, init=False)

    @asynccontextmanager
    async def on(self, access: Access) -> AsyncIterator[None]:
        """Reserve a request, and note what its answer says. One whose work is cut off ends by itself.

        Raises BudgetSpent, and nothing is to be sent, where the limit leaves no room.
        """
        spent = await self._reserved(access)
        async with settling(self.budgets, spent, self.clock):
            yield
        self._begun[access] += 1

    async def _reserved(self, access: Access) -> Spent:
        budget, urgent = budget_of(self.system, access), self.urgent or self._is_urgent_now(access)
        spent = await self.budgets.spend(budget, self.ref, self.clock(), urgent=urgent)
        if isinstance(spent, NoRoom):
            raise BudgetSpent(self.system, budget, after=spent.after, behind=spent.behind)
        return spent

    def _is_urgent_now(self, access: Access) -> bool:
        if self.patient:
            return False
        begun = self._begun[access]
        return begun == 1 and access == "read" if self.in_steps else begun > 0


@asynccontextmanager
async def settling(budgets: Budgets, spent: Spent, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Within it, the reserved request is sent: what its answer says of the limit is noted in the end.

    A request that is cut off ends by itself. `clock` returns Unix seconds.
    """
    with noting_answers(clock) as answers:
        try:
            yield
        except Exception as error:
            await _settle(budgets, spent, answers, clock(), _closed(error))
            raise
    await _settle(budgets, spent, answers, clock(), None)


async def _settle(budgets: Budgets, spent: Spent, answers: list[NotedAnswer], now: float, closed: float | None) -> None:
    """An answer that Redis does not take is not missed: the next one says the same."""
    with suppress(StoreUnavailable):
        await budgets.settle(spent, _told(answers), now, closed)


class BudgetedSource:
    """A district's account for one piece of work. Implements remediation.ports.ListedSource.

    Every method raises BudgetSpent, and sends nothing, where the limit leaves no room.
    """

    def __init__(self, source: ListedSource, spending: Spending) -> None:
        self._source = source
        self._spending = spending

    async def subject(self, key: CaseKey) -> Subject:
        """The finding as it is now."""
        async with self._spending.on("read"):
            return await self._source.subject(key)

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """One page of findings."""
        async with self._spending.on("read"):
            return await self._source.page(filters, cursor)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status, with the note."""
        async with self._spending.on("write"):
            await self._source.set_status(key, status, note)


class BudgetedScans:
    """The scans of a district's account, for one piece of work. Implements ScanAccount.

    Every method raises BudgetSpent, and sends nothing, where the limit leaves no room. Of a list one page is reserved:
    further ones are counted when they are answered.
    """

    def __init__(self, account: ScanAccount, spending: Spending) -> None:
        self._account = account
        self._spending = spending

    async def scan(self, scan_id: str) -> Scan:
        """The scan as it is now."""
        async with self._spending.on("read"):
            return await self._account.scan(scan_id)

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> tuple[Scan, ...]:
        """Every scan of a list."""
        async with self._spending.on("read"):
            return await self._account.scans(status=status, domain=domain, created_after=created_after)

    async def start_scan(self, domain: str) -> str:
        """Start a scan; returns its id."""
        async with self._spending.on("write"):
            return await self._account.start_scan(domain)

    async def cancel_scan(self, scan_id: str) -> None:
        """Stop a scan."""
        async with self._spending.on("write"):
            await self._account.cancel_scan(scan_id)


class BudgetedReports:
    """The reports of a district's account, for one piece of work. Implements ReportAccount.

    Every method raises BudgetSpent, and sends nothing, where the limit leaves no room. Of a file, only the question for
    its address counts.
    """

    def __init__(self, account: ReportAccount, spending: Spending) -> None:
        self._account = account
        self._spending = spending

    async def generate_report(self, scan_id: str, form: ReportFormat) -> Report:
        """Ask for a report of a completed scan."""
        async with self._spending.on("write"):
            return await self._account.generate_report(scan_id, form)

    async def report(self, report_id: str) -> Report:
        """The report as it is now."""
        async with self._spending.on("read"):
            return await self._account.report(report_id)

    async def fetch_report(self, report_id: str, write: Write, largest: int) -> int:
        """Give a finished report's file to `write`."""
        async with self._spending.on("read"):
            return await self._account.fetch_report(report_id, write, largest)


def _told(answers: list[NotedAnswer]) -> ToldLimit | None:
    """What the last answer says; None where there is none."""
    if not answers:
        return None
    last = answers[-1]
    return ToldLimit(last.limit, last.remaining, last.reset, last.ends_in)


def _closed(error: Exception) -> float | None:
    """For how many seconds a refusal keeps us out, as far as it says; None where it is about something else."""
    if not isinstance(error, TryLater) or error.waiting is not Waiting.LIMIT:
        return None
    return error.after or 0.0
