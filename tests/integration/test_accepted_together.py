"""Deliveries that one script stores: each has its own answer, and is stored as if it had come alone."""

import asyncio

import pytest
from redis.exceptions import ResponseError

from remediation.deliveries.events import SCHOOLSCAN, DeliveryLimit
from remediation.deliveries.jira import JIRA
from remediation.domain.errors import OverLimit, QuarantineFull, StoreUnavailable
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import Arrival, DeliveryState, Inbox, MostKept
from remediation.store.keys import LIMIT
from remediation.store.server.connection import Connection

NOW = 1_800_000_000.0


class Counted(Connection):
    """A connection that counts the scripts that were run."""

    scripts = 0

    async def run(self, name: str, *args: str | bytes | float) -> object:
        self.scripts += 1
        return await super().run(name, *args)


@pytest.fixture
def counted(connection: Connection) -> Counted:
    return Counted(connection.redis)


@pytest.fixture
def inbox(counted: Counted, keyring: Keyring) -> Inbox:
    return Inbox(counted, keyring, most=MostKept(quarantined=1))


async def test_each_delivery_of_a_script_has_its_own_answer(inbox: Inbox, counted: Counted) -> None:
    limited = Arrival(limit=DeliveryLimit(60.0, 1))
    answers = await asyncio.gather(
        inbox.accept("new", SCHOOLSCAN, "lakeside", b"{}", NOW),
        inbox.accept("new", SCHOOLSCAN, "lakeside", b"{}", NOW),
        inbox.accept("bad", SCHOOLSCAN, "lakeside", b"{", NOW, unreadable="is no JSON"),
        inbox.accept("bad2", SCHOOLSCAN, "lakeside", b"{", NOW, unreadable="is no JSON"),
        inbox.accept("limited", SCHOOLSCAN, "harbor", b"{}", NOW, limited),
        inbox.accept("over", SCHOOLSCAN, "harbor", b"{}", NOW, limited),
        inbox.accept_ignored("ignored", JIRA, "jira", NOW),
        inbox.accept("last", JIRA, "jira", b"{}", NOW),
        return_exceptions=True,
    )
    assert counted.scripts == 1
    assert [answers[number] for number in (0, 1, 2, 4, 6, 7)] == [True, False, True, True, True, True]
    assert isinstance(answers[3], QuarantineFull)
    assert isinstance(answers[5], OverLimit)
    assert 59 < answers[5].after <= 60
    states = [await inbox.state(name) for name in ("new", "bad", "bad2", "limited", "over", "ignored", "last")]
    received, ignored = DeliveryState.RECEIVED, DeliveryState.IGNORED
    assert states == [received, DeliveryState.QUARANTINED, None, received, None, ignored, received]
    (taken, *_) = (await inbox.readings.take_some("last", NOW)).deliveries
    assert (taken.sender, taken.account, taken.body) == (JIRA, "jira", b"{}")


async def test_a_key_of_one_account_that_holds_something_else_stops_that_account_alone(
    inbox: Inbox, counted: Counted
) -> None:
    await counted.ask(counted.redis.lpush(f"{LIMIT}schoolscan/harbor", "x"))
    limited = Arrival(limit=DeliveryLimit(60.0, 10))
    answers = await asyncio.gather(
        inbox.accept("before", SCHOOLSCAN, "lakeside", b"{}", NOW, limited),
        inbox.accept("broken", SCHOOLSCAN, "harbor", b"{}", NOW, limited),
        inbox.accept("behind", SCHOOLSCAN, "lakeside", b"{}", NOW, limited),
        return_exceptions=True,
    )
    assert counted.scripts == 1
    assert (answers[0], answers[2]) == (True, True)
    assert isinstance(answers[1], ResponseError)
    assert await inbox.state("broken") is None


async def test_a_full_server_refuses_all_deliveries_of_a_script_and_keeps_none(inbox: Inbox, counted: Counted) -> None:
    await counted.redis.config_set("maxmemory", "1")
    try:
        answers = await asyncio.gather(
            *(inbox.accept(name, SCHOOLSCAN, "lakeside", b"{}", NOW) for name in "abc"), return_exceptions=True
        )
    finally:
        await counted.redis.config_set("maxmemory", "0")
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert await counted.redis.dbsize() == 0
