"""Random histories of a few cases: after each step the lists are what the cases' own rows say."""

import asyncio
from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis.asyncio import Redis

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Ticket, TicketState
from remediation.queue import Band
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.todo import Lease, Todo
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.server.connection import Connection, open_pool
from tests.integration.case_list_sums import assert_lists_agree
from tests.integration.parked_sums import assert_groups_agree
from tests.random_histories import play

HISTORIES = 12
STEPS = 15
KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(3)]
HOME = CaseKey("lakeside", CaseKind.FINDING, f"id-{'5' * 40}")
CASES = st.sampled_from([*KEYS, HOME])
TRACKERS = st.sampled_from(["jira", "snow"])
ACTIONS = st.sampled_from(["open:jira", "open:snow", "look"])
MEMORIES = st.builds(
    Memory,
    st.sampled_from([Status.REVIEWING, Status.RESOLVED]),
    severity=st.sampled_from([None, Severity.HIGH]),
    rule=st.sampled_from(["", "severe"]),
    conflict_at=st.sampled_from([None, 1_800_000_000.0]),
)


class Histories(RuleBasedStateMachine):
    """What may happen to a case, in any order; whoever works on one takes it and lets go of it."""

    runner: ClassVar[asyncio.Runner]
    connection: ClassVar[Connection]
    keyring: ClassVar[Keyring]

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.runner.run(self.forget_all())
        self.todo, self.parked = Todo(self.connection), ParkedWork(self.connection, self.keyring)

    async def forget_all(self) -> None:
        await self.connection.redis.flushall()

    async def taken(self, key: CaseKey) -> Lease:
        self.now += 1.0
        await self.todo.mark([(key, Band.HIGH)], self.now)
        lease = await self.todo.take(key.ref, self.now)
        assert lease is not None
        return lease

    @rule(key=CASES)
    def mark(self, key: CaseKey) -> None:
        self.runner.run(self.todo.mark([(key, None)], self.now))

    @rule(key=CASES, memory=MEMORIES, tracker=st.none() | TRACKERS, meanwhile=st.booleans())
    def look(self, key: CaseKey, memory: Memory, tracker: str | None, *, meanwhile: bool) -> None:
        async def work() -> None:
            lease = await self.taken(key)
            if tracker:
                ticket = Ticket(tracker, f"{key.id}-{tracker}", "SEC-1", "https://jira.example/1", TicketState.OPEN)
                await LeasedLinks(self.connection, lease).link(ticket)
            if meanwhile:
                await self.todo.mark([(key, None)], self.now)
            drop = [f"parked:{name}" for name in lease.record.parked]
            assert await self.todo.settle(lease, memory, self.now, drop=drop)

        self.runner.run(work())

    @rule(key=CASES, memory=MEMORIES, tracker=TRACKERS)
    def put_off(self, key: CaseKey, memory: Memory, tracker: str) -> None:
        async def work() -> None:
            lease = await self.taken(key)
            await LeasedLinks(self.connection, lease).unlink(tracker)
            await self.todo.remember(lease, memory)
            await self.todo.put_off(lease, self.now + 60, self.now)

        self.runner.run(work())

    @rule(key=CASES, action=ACTIONS, decision=st.sampled_from(["discard", "replay", None]))
    def park(self, key: CaseKey, action: str, decision: str | None) -> None:
        async def work() -> None:
            await self.todo.let_go(await self.taken(key))
            await self.connection.redis.delete(f"remedy:lease:{key.ref}")
            no = Refused("jira", "no", status=400)
            name = await self.parked.park(ParkedKind.ACTION, key.ref, no, self.now, district="lakeside", action=action)
            if decision:
                await getattr(self.parked, decision)(name, self.now)

        self.runner.run(work())

    @rule(key=st.sampled_from(KEYS))
    def join(self, key: CaseKey) -> None:
        async def work() -> None:
            assert await self.todo.join(await self.taken(key), HOME, self.now)

        self.runner.run(work())

    @rule(key=CASES)
    def rename(self, key: CaseKey) -> None:
        async def work() -> None:
            lease = await self.todo.rename_trackers(await self.taken(key), {"snow": "jira"})
            await self.todo.put_off(lease, self.now, self.now)

        self.runner.run(work())

    @rule(key=st.sampled_from(KEYS))
    def name_member(self, key: CaseKey) -> None:
        self.runner.run(self.todo.name_members([(subject_of(key, Finding(key.id)), HOME)]))

    @invariant()
    def lists_are_what_the_rows_say(self) -> None:
        self.runner.run(assert_lists_agree(self.connection))

    @invariant()
    def groups_of_parked_work_are_what_the_pieces_say(self) -> None:
        self.runner.run(assert_groups_agree(self.connection))


@pytest.fixture
def machine(redis_url: str, keyring: Keyring) -> Iterator[type[Histories]]:
    with asyncio.Runner() as runner:
        pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1)

        class Here(Histories):
            pass

        Here.runner, Here.keyring, Here.connection = runner, keyring, Connection(Redis(connection_pool=pool))
        yield Here
        runner.run(pool.aclose())


@pytest.mark.timeout(3600)  # for many rounds
def test_the_lists_are_what_the_rows_say_whatever_happens(
    machine: type[Histories], pytestconfig: pytest.Config
) -> None:
    play(machine, pytestconfig, HISTORIES, STEPS)
