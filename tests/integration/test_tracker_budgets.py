"""Trackers within their limits: never more than an instance takes in an hour, urgent work first, districts in turn."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import BudgetSpent, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import ChangePage, Draft, Ticket
from remediation.outbound.metering import SaidLimit, SentRequest, current_meter
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Band, decode
from remediation.sealing import Keyring
from remediation.store.budgets.learned import BudgetFigures, Budgets, NoRoom
from remediation.store.budgets.terms import HELD_MS
from remediation.store.budgets.trackers import SentRequests, TrackerBudgets
from remediation.store.server.connection import Connection
from remediation.trackers.jira.limits import JiraLimitReader
from remediation.trackers.servicenow.limits import RuleReader
from remedy.doctor.stored.work import look_at_work
from tests.integration.offices import JOBS, Office
from tests.stand_ins import LATER, ManualClock, MemorySource, MemoryTracker, PlainRulebook
from workers.metering import TrackerLimits, WorkMeter, metered_command, metered_look
from workers.resources import WorkerContexts
from workers.rounds.polls import poll_trackers

HOUR = 3600.0
RULE = "0f1c2ab9c3a13110d1b2f0e4a5013d77"
BUDGET = f"snow/rule-{RULE}"
NOW = 1_800_000_000.0
"""The beginning of a full hour."""


@dataclass
class Instance:
    """An instance that takes so many requests an hour, and tells of it as ServiceNow does."""

    limit: int | None
    clock: ManualClock
    passed: Counter[int] = field(default_factory=Counter)
    refused: int = 0

    def answer(self) -> tuple[int, dict[str, str]]:
        now = self.clock()
        headers = {"Date": format_datetime(datetime.fromtimestamp(int(now), tz=UTC), usegmt=True)}
        if self.limit is None:
            return 200, headers
        hour = int(now // HOUR)
        reset = int((hour + 1) * HOUR)
        headers |= {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Reset": str(reset), "X-RateLimit-Rule": RULE}
        if self.passed[hour] >= self.limit:
            self.refused += 1
            return 429, headers | {"Retry-After": str(int(reset - now))}
        self.passed[hour] += 1
        return 200, headers


class LimitedSnow(MemoryTracker):
    """A tracker whose every call is one request in a thread, as the adapters send them; a comment is two."""

    def __init__(self, clock: ManualClock, instance: Instance, reader: RuleReader | None = None) -> None:
        super().__init__("snow", clock, horizon=10.0)
        self.instance, self.reader = instance, reader or RuleReader()

    async def send(self, method: str) -> None:
        await asyncio.to_thread(self._send, SentRequest(method, "/api/now/v2/table/incident"))

    def _send(self, request: SentRequest) -> None:
        meter = current_meter()
        counted = meter.ask(self.name, request, self.reader) if meter else ()
        status, headers = self.instance.answer()
        if meter:
            meter.note(self.name, counted, self.reader.said(request, status, headers, self._clock()))
        if status == 429:
            raise TryLater(self.name, "too many", status=429, after=float(headers["Retry-After"]))

    async def create(self, draft: Draft) -> Ticket:
        await self.send("POST")
        return await super().create(draft)

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        await self.send("GET")
        return await super().read(ticket_id, closed=closed)

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        await self.send("GET")
        return await super().find(mark, place)

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        await self.send("GET")
        return await super().changes(cursor, now, place)


class Desk(Office):
    """An office with one tracker, `snow`, which is limited; and several workers."""

    def __init__(self, connection: Connection, keyring: Keyring, limit: int | None) -> None:
        clock = ManualClock()
        clock.pass_by(NOW - clock())
        self.instance = Instance(limit, clock)
        self.limited = LimitedSnow(clock, self.instance)
        super().__init__(connection, keyring, trackers={"snow": self.limited}, clock=clock)
        self.workers = [self.context_with(keyring, PlainRulebook("snow")) for _ in range(3)]

    def bring(self, district: str, severity: Severity, *names: str) -> list[CaseKey]:
        source = self.accounts.setdefault(district, MemorySource())
        source.findings |= {name: Finding(name, Status.OPEN, severity, detected_at=LATER) for name in names}
        return [CaseKey(district, CaseKind.FINDING, name) for name in names]

    async def mark_as(self, band: Band, *keys: CaseKey) -> None:
        await self.context.todo.mark([(key, band) for key in keys], self.clock())

    async def work(self) -> list[str]:
        """Run every job in the queue, some at the same time, each by another worker."""
        ran = []
        while jobs := (await self.waiting())[: len(self.workers)]:
            await self.redis.zrem(WORK_QUEUE, *jobs)
            written = [decode(await self.redis.get(JOB_PREFIX + job) or b"") for job in jobs]
            contexts = [WorkerContexts(worker) for worker in self.workers]
            await asyncio.gather(
                *(JOBS[job["f"]]({"contexts": each}, *job["a"]) for job, each in zip(written, contexts, strict=False))
            )
            ran += [job["f"] for job in written]
            assert len(ran) < 500, "work that makes work for ever"
        return ran

    async def pass_time(self, seconds: float, step: float = 10.0) -> None:
        for _ in range(int(seconds / step)):
            self.clock.pass_by(step)
            await self.context.budgets.release(self.clock())
            await self.work()

    def opened(self) -> list[str]:
        """The cases with a ticket, in the order of these."""
        return [str(kept.ticket.mark).removeprefix("remedy:") for kept in self.limited.books.values()]

    def sent(self) -> int:
        return self.instance.passed[int(self.clock() // HOUR)]


@pytest.fixture
def budgets(connection: Connection) -> TrackerBudgets:
    return TrackerBudgets(connection)


def told(limit: int, ends_in: float = HOUR, closed: float | None = None) -> SaidLimit:
    return SaidLimit(f"rule-{RULE}", limit, HOUR, limit, ends_in, closed=closed)


async def test_an_instance_is_never_asked_more_than_it_takes_and_urgent_work_goes_first(
    connection: Connection, keyring: Keyring
) -> None:
    desk = Desk(connection, keyring, limit=200)
    budgets, hour = TrackerBudgets(connection), int(NOW // HOUR)
    desk.instance.passed[hour] = 136
    await budgets.settle([SentRequests(BUDGET, sent=136, said=told(200), at=NOW)], NOW)
    await desk.mark_as(Band.LOW, *desk.bring("lakeside", Severity.LOW, *(f"low_{n}" for n in range(24))))
    await desk.work()
    assert 156 <= desk.sent() <= 160  # two requests a case, and a fifth is kept
    await desk.mark_as(Band.CRITICAL, *desk.bring("lakeside", Severity.CRITICAL, "worst"))
    await desk.work()
    assert desk.opened()[-1] == "lakeside:finding:worst"
    await desk.pass_time(HOUR + 60, step=HOUR / 6)
    await desk.pass_time(60)
    assert desk.instance.refused == 0
    assert max(desk.instance.passed.values()) <= 200
    assert len(desk.opened()) == len(set(desk.opened())) == 25


async def test_a_case_without_room_waits_without_asking_again(connection: Connection, keyring: Keyring) -> None:
    desk = Desk(connection, keyring, limit=20)
    await desk.mark_as(Band.LOW, *desk.bring("lakeside", Severity.LOW, *(f"low_{n}" for n in range(12))))
    await desk.work()
    reads = desk.accounts["lakeside"].troubles.calls.count("finding")
    await desk.pass_time(600, step=60)
    assert desk.accounts["lakeside"].troubles.calls.count("finding") == reads
    assert await desk.waiting() == []


async def test_a_tracker_that_tells_no_limit_costs_no_budget(connection: Connection, keyring: Keyring) -> None:
    desk = Desk(connection, keyring, limit=None)
    await desk.mark_as(Band.LOW, *desk.bring("lakeside", Severity.LOW, "one", "two"))
    await desk.work()
    assert len(desk.opened()) == 2
    assert await connection.redis.keys("remedy:budget*snow*") == []


async def test_districts_that_share_a_tracker_take_turns(connection: Connection, keyring: Keyring) -> None:
    desk = Desk(connection, keyring, limit=40)
    await desk.mark_as(Band.LOW, *desk.bring("lakeside", Severity.LOW, *(f"a_{n}" for n in range(26))))
    await desk.work()
    await desk.mark_as(Band.LOW, *desk.bring("hilltop", Severity.LOW, *(f"b_{n}" for n in range(4))))
    await desk.work()
    before = len(desk.opened())
    await desk.pass_time(HOUR + 60, step=HOUR / 6)
    await desk.pass_time(60)
    next_ones = Counter(ref.split(":")[0] for ref in desk.opened()[before : before + 8])
    assert next_ones["hilltop"] >= 3


async def test_polls_take_a_tenth_of_a_limit(connection: Connection, keyring: Keyring) -> None:
    desk = Desk(connection, keyring, limit=100)
    for _ in range(120):
        await poll_trackers(desk.arq_context)
        desk.clock.pass_by(30)
    assert 8 <= desk.instance.passed[int(NOW // HOUR)] <= 11


async def test_what_a_look_did_not_send_is_given_back(budgets: TrackerBudgets) -> None:
    await budgets.settle([SentRequests(BUDGET, said=told(100), at=NOW)], NOW)
    assert await budgets.reserve([BUDGET], "lakeside:finding:1", "look", NOW) == (4,)
    await budgets.settle([SentRequests(BUDGET, "look", 4, 1, told(100), NOW)], NOW)
    counts = [await budgets.reserve([BUDGET], f"lakeside:finding:{n}", f"look-{n}", NOW) for n in range(20)]
    assert counts[:19] == [(4,)] * 19
    assert isinstance(counts[19], NoRoom)
    assert counts[19].after == pytest.approx(HOUR)


async def test_what_a_dead_worker_had_reserved_counts_as_sent_until_the_window_ends(budgets: TrackerBudgets) -> None:
    await budgets.settle([SentRequests(BUDGET, said=told(20), at=NOW)], NOW)
    for n in range(16):
        assert await budgets.reserve([BUDGET], f"lakeside:finding:{n}", f"look-{n}", NOW) == (1,)
    later = NOW + HELD_MS / 1000 + 1
    assert isinstance(await budgets.reserve([BUDGET], "lakeside:finding:x", "x", later), NoRoom)
    assert await budgets.reserve([BUDGET], "lakeside:finding:x", "x", NOW + HOUR + 1) == (1,)


async def test_a_refusal_closes_the_budget_for_as_long_as_it_says_urgent_or_not(budgets: TrackerBudgets) -> None:
    await budgets.settle([SentRequests(BUDGET, said=told(100, closed=90.0), at=NOW)], NOW)
    no_room = await budgets.reserve([BUDGET], "lakeside:finding:1", "look", NOW, urgent=True)
    assert isinstance(no_room, NoRoom)
    assert no_room.after == pytest.approx(90.0)
    assert await budgets.reserve([BUDGET], "lakeside:finding:1", "look", NOW + 91, urgent=True) == (4,)


async def test_refusals_that_name_no_time_close_for_longer_each_time(budgets: TrackerBudgets) -> None:
    waits, now = [], NOW
    for _ in range(4):
        for _ in range(3):  # several looks were under way
            await budgets.settle([SentRequests("snow/busy", said=SaidLimit("busy", closed=0.0), at=now)], now)
        no_room = await budgets.reserve(["snow/busy"], "lakeside:finding:1", "look", now)
        assert isinstance(no_room, NoRoom)
        waits.append(no_room.after)
        now += no_room.after
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert await budgets.reserve(["snow/busy"], "lakeside:finding:1", "look", now) == (0,)


async def test_a_refusal_is_forgotten_with_the_first_answer_after_it(connection: Connection) -> None:
    clock = ManualClock()
    limits = TrackerLimits(TrackerBudgets(connection), clock)
    await limits.budgets.settle([SentRequests("jira/all", said=SaidLimit("all", closed=5.0), at=clock())], clock())
    clock.pass_by(6)
    async with metered_look(limits, "lakeside:finding:1"):
        meter = current_meter()
        assert isinstance(meter, WorkMeter)
        counted = await asked(meter, "GET", "issue/1")
        meter.note("jira", counted, ())
    assert await limits.budgets.names() == frozenset()
    assert await connection.redis.keys("remedy:budget*jira*") == []


async def test_requests_that_nobody_reserved_are_counted_when_they_are_answered(budgets: TrackerBudgets) -> None:
    await budgets.settle([SentRequests(BUDGET, sent=80, said=told(100), at=NOW)], NOW)
    assert isinstance(await budgets.reserve([BUDGET], "lakeside:finding:1", "look", NOW), NoRoom)
    assert await budgets.reserve([BUDGET], "lakeside:finding:1", "look", NOW, urgent=True) == (4,)


async def asked(meter: WorkMeter, method: str, path: str) -> tuple[str, ...]:
    request = SentRequest(method, f"/rest/api/2/{path}")
    return await asyncio.to_thread(meter.ask, "jira", request, JiraLimitReader())


async def test_one_issues_writes_stop_neither_its_reads_nor_other_issues_and_every_worker_knows(
    connection: Connection,
) -> None:
    clock = ManualClock()
    first, other = (TrackerLimits(TrackerBudgets(connection), clock) for _ in range(2))
    meter = WorkMeter(first, "lakeside:finding:1")
    assert await asked(meter, "POST", "issue/10001/comment") == ()
    meter.note("jira", (), (SaidLimit("issue-10001", closed=2.0),))
    await asyncio.sleep(0)
    await meter.close()
    await other.refresh()
    meter = WorkMeter(other, "lakeside:finding:2")
    with pytest.raises(BudgetSpent) as caught:
        await asked(meter, "POST", "issue/10001/comment")
    assert caught.value.budget == "jira/issue-10001"
    for method, path in (("GET", "issue/10001"), ("POST", "issue/10002/comment"), ("GET", "search/jql")):
        assert await asked(meter, method, path) == ()
    clock.pass_by(2.5)
    assert await asked(meter, "POST", "issue/10001/comment") == ("issue-10001",)
    await meter.close()


async def test_a_bucket_gives_as_much_as_comes_back_and_no_more(budgets: TrackerBudgets) -> None:
    said = SaidLimit("all", 15, 60.0, 5, 60.0, remaining=0)
    await budgets.settle([SentRequests("jira/all", sent=1, said=said, at=NOW)], NOW)
    assert isinstance(await budgets.reserve(["jira/all"], "lakeside:finding:1", "a", NOW + 59, urgent=True), NoRoom)
    counts = [
        await budgets.reserve(["jira/all"], f"lakeside:finding:{n}", f"b-{n}", NOW + 61, urgent=True) for n in range(6)
    ]
    assert counts[:5] == [(1,)] * 5
    assert isinstance(counts[5], NoRoom)


async def test_of_what_remains_the_newest_answer_counts_whichever_look_ends_first(budgets: TrackerBudgets) -> None:
    for remaining, at in ((3, NOW + 5), (9, NOW + 1)):
        said = SaidLimit("all", 10, HOUR, 10, HOUR, remaining=remaining)
        await budgets.settle([SentRequests("jira/all", sent=1, said=said, at=at)], NOW + 6)
    counts = [
        await budgets.reserve(["jira/all"], "lakeside:finding:1", f"a-{n}", NOW + 6, urgent=True) for n in range(4)
    ]
    assert counts[:2] == [(1,)] * 2
    assert isinstance(counts[3], NoRoom)


async def test_an_answer_ends_a_row_of_refusals(budgets: TrackerBudgets) -> None:
    refusal, answer = (SaidLimit("all", 10, HOUR, 10, HOUR, remaining=9, closed=closed) for closed in (0.0, None))
    for said, at in ((refusal, NOW), (refusal, NOW + 1), (answer, NOW + 3), (refusal, NOW + 4)):
        await budgets.settle([SentRequests("jira/all", said=said, at=at)], at)
    no_room = await budgets.reserve(["jira/all"], "lakeside:finding:1", "look", NOW + 4)
    assert isinstance(no_room, NoRoom)
    assert no_room.after == pytest.approx(1.0)


async def test_limits_of_single_issues_are_one_figure(budgets: TrackerBudgets, connection: Connection) -> None:
    for issue in ("issue-1", "issue-2"):
        await budgets.settle([SentRequests(f"jira/{issue}", said=SaidLimit(issue, closed=60.0), at=NOW)], NOW)
        await connection.redis.zadd(f"remedy:budget-waits:jira/{issue}", {f"lakeside:finding:{issue}": 1})
    assert await Budgets(connection).figures(NOW) == [BudgetFigures("jira", "issue", 0, 0, 2)]


async def test_a_command_leaves_what_is_kept_to_other_work_also_once_it_has_begun(connection: Connection) -> None:
    clock = ManualClock()
    limits = TrackerLimits(TrackerBudgets(connection), clock)
    said = SaidLimit("all", 20, HOUR, 20, HOUR, remaining=6)
    await limits.budgets.settle([SentRequests("jira/all", said=said, at=clock())], clock())
    async with metered_command(limits):
        meter = current_meter()
        assert isinstance(meter, WorkMeter)
        for _ in range(2):
            assert await asked(meter, "GET", "search/jql") == ("all",)
            meter.note("jira", ("all",), ())
        with pytest.raises(BudgetSpent):
            await asked(meter, "GET", "search/jql")
    assert [(each.left, each.waiting) for each in await Budgets(connection).figures(clock())] == [(4, 0)]


async def test_a_look_that_has_begun_may_use_what_is_kept(connection: Connection) -> None:
    clock = ManualClock()
    limits = TrackerLimits(TrackerBudgets(connection), clock)
    said = SaidLimit("all", 20, HOUR, 20, HOUR, remaining=5)
    await limits.budgets.settle([SentRequests("jira/all", said=said, at=clock())], clock())
    async with metered_look(limits, "lakeside:finding:1"):
        meter = current_meter()
        assert isinstance(meter, WorkMeter)
        for _ in range(3):
            assert await asked(meter, "GET", "search/jql") == ("all",)
            meter.note("jira", ("all",), ())
    async with metered_look(limits, "lakeside:finding:2"):
        meter = current_meter()
        assert isinstance(meter, WorkMeter)
        with pytest.raises(BudgetSpent):
            await asked(meter, "GET", "search/jql")


async def test_the_doctor_says_what_is_left_of_each_limit_and_how_many_cases_wait(
    budgets: TrackerBudgets, connection: Connection
) -> None:
    await budgets.settle([SentRequests(BUDGET, sent=12, said=told(100), at=NOW)], NOW)
    await budgets.settle([SentRequests("jira/issue-1", said=SaidLimit("issue-1", closed=60.0), at=NOW)], NOW)
    for budget in (BUDGET, "jira/issue-1"):
        await connection.redis.zadd(f"remedy:budget-waits:{budget}", {"lakeside:finding:1": 1})
    lines = {each.what: each.says for each in await look_at_work(connection, NOW)}
    assert lines["limit of snow"] == f"88 of 100 requests left (rule-{RULE}), 1 case waits for its turn"
    assert lines["limit of jira"] == "it told none and refuses for now (issue), 1 case waits for its turn"
