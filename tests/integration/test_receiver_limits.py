"""A sender's limit: what is above it is answered 503 and comes again, and no other sender notices."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import httpx2
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from receiver.accounts import Account, Accounts
from receiver.answers import NotTaken
from receiver.app import replace_accounts
from receiver.metrics import SAMPLED_SECONDS
from remediation.deliveries.events import SCHOOLSCAN, DeliveryLimit
from remediation.deliveries.jira import JIRA
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.domain.errors import OverLimit
from remediation.log_context import merge_facts
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import Arrival, Inbox
from remediation.store.keys import LIMIT
from remediation.store.server.connection import Connection
from tests.integration.receivers import Receiver, account, event, keyspace, webhook_secrets

HOUR = 3600.0
SLOW = DeliveryLimit(interval=HOUR, burst=3)
"""Three at once, and no more for as long as a test runs."""
QUICK = DeliveryLimit(interval=0.2, burst=1)
HILLSIDE = "/webhooks/schoolscan/hillside"
KEY = LIMIT + "schoolscan/lakeside"


def accounts(limit: DeliveryLimit | None = SLOW) -> Mapping[str, Account]:
    return {"lakeside": replace(account(), limit=limit), "hillside": account("hillside")}


@pytest.fixture
def receiver(connection: Connection, keyring: Keyring) -> Receiver:
    return Receiver(connection, keyring, accounts())


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def over_limit() -> tuple[float, float]:
    """How many were put off, by each of the two metrics."""
    return (
        counted("remedy_deliveries_over_limit_total", sender="schoolscan", account="lakeside"),
        counted("remedy_deliveries_total", sender="schoolscan", account="lakeside", answer="503", reason="OverLimit"),
    )


async def statuses(receiver: Receiver, numbers: range, path: str = "/webhooks/schoolscan/lakeside") -> list[int]:
    return [(await receiver.deliver(event(number), path=path)).status_code for number in numbers]


async def test_what_is_above_the_limit_is_503_with_the_time_to_come_again(
    receiver: Receiver, connection: Connection
) -> None:
    before = over_limit()
    assert await statuses(receiver, range(3)) == [202] * 3
    stored = await keyspace(connection.redis)
    for number in (3, 4):
        answer = await receiver.deliver(event(number))
        assert (answer.status_code, answer.text) == (503, "Service Unavailable\n")
        assert HOUR - 60 < int(answer.headers["retry-after"]) <= HOUR
    assert await keyspace(connection.redis) == stored, "nothing of it is stored"
    assert [now - then for then, now in zip(before, over_limit(), strict=True)] == [2, 2]
    assert await statuses(receiver, range(10), HILLSIDE) == [202] * 10, "no other district has a part in it"


async def test_all_receivers_share_one_limit(receiver: Receiver, connection: Connection, keyring: Keyring) -> None:
    other = Receiver(connection, keyring, accounts())
    assert await statuses(receiver, range(2)) == [202] * 2
    assert await statuses(other, range(2, 5)) == [202, 503, 503]
    assert await statuses(receiver, range(5, 6)) == [503]


async def test_a_stranger_spends_nothing_and_a_repeat_neither(receiver: Receiver) -> None:
    for _ in range(9):
        assert (await receiver.deliver(event(0), secret="test-only-forger")).status_code == 401
    assert await statuses(receiver, range(1)) == [202]
    assert [(await receiver.deliver(event(0))).status_code for _ in range(9)] == [202] * 9
    assert await statuses(receiver, range(1, 4)) == [202, 202, 503]


async def test_ignored_and_unreadable_deliveries_count(receiver: Receiver) -> None:
    bodies = [b'{"id": "1", "type": "no.such"}', b"{", event(1), event(2)]
    assert [(await receiver.deliver(body)).status_code for body in bodies] == [202, 202, 202, 503]


async def test_after_the_time_it_is_taken(connection: Connection, keyring: Keyring) -> None:
    receiver = Receiver(connection, keyring, accounts(QUICK))
    assert await statuses(receiver, range(1)) == [202]
    answer = await receiver.deliver(event(1))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    await asyncio.sleep(0.25)
    assert await statuses(receiver, range(1, 2)) == [202]


async def test_a_limit_that_was_used_up_asks_redis_no_more_until_there_is_room(
    receiver: Receiver, connection: Connection
) -> None:
    await statuses(receiver, range(4))
    before = (await connection.redis.info("stats"))["total_commands_processed"]
    assert await statuses(receiver, range(4, 9)) == [503] * 5
    assert (await connection.redis.info("stats"))["total_commands_processed"] == before + 1


async def test_a_larger_limit_counts_at_once(receiver: Receiver) -> None:
    assert (await statuses(receiver, range(4)))[-1] == 503
    replace_accounts(receiver.app, Accounts(accounts(replace(SLOW, burst=5))))
    assert await statuses(receiver, range(4, 8)) == [202, 202, 503, 503]
    replace_accounts(receiver.app, Accounts(accounts(None)))
    assert await statuses(receiver, range(8, 20)) == [202] * 12


async def test_a_smaller_limit_and_a_clock_that_was_set_back_owe_no_more_than_a_burst(
    connection: Connection, keyring: Keyring
) -> None:
    ahead = (time.time() + 30 * 86_400) * 1e6
    await connection.redis.set(KEY, f"{ahead:.0f}")
    receiver = Receiver(connection, keyring, accounts(QUICK))
    assert await statuses(receiver, range(1)) == [503]
    await asyncio.sleep(0.25)
    assert await statuses(receiver, range(1)) == [202]


async def test_a_tracker_has_a_limit_too(connection: Connection, keyring: Keyring) -> None:
    secrets = webhook_secrets("test-only-tracker")
    trackers = {
        name: Account(name, secrets, SignatureFormat.AUTO, JIRA, replace(SLOW, burst=1))
        for name in ("lakeside", "other")
    }
    receiver = Receiver(connection, keyring, accounts(), trackers)

    async def told(number: int, name: str) -> httpx2.Response:
        body = b'{"webhookEvent": "jira:version_released", "version": %d}' % number
        header = JIRA.header
        signed = sign(body, "test-only-tracker", SignatureFormat.PREFIXED, 0, "", header=header)
        return await receiver.post(signed, body, f"/webhooks/{name}")

    assert [(await told(number, "lakeside")).status_code for number in range(2)] == [202, 503]
    assert (await told(1, "other")).status_code == 202
    assert await statuses(receiver, range(3)) == [202] * 3, "a district of the same name has its own"


async def test_many_at_once_take_no_more_than_the_limit_and_forget_nothing_of_it(
    connection: Connection, keyring: Keyring
) -> None:
    """Sixty at once on a rate of a hundred a second: the burst of ten, and what becomes free meanwhile."""
    inbox, limit = Inbox(connection, keyring), DeliveryLimit(0.01, 10)

    async def taken(number: int) -> bool:
        try:
            return await inbox.accept_ignored(f"d-{number}", SCHOOLSCAN, "lakeside", 0.0, Arrival(limit=limit))
        except OverLimit:
            return False

    began = time.monotonic()
    answers = await asyncio.gather(*map(taken, range(60)))
    most = limit.burst + (time.monotonic() - began) / limit.interval + 1
    assert limit.burst <= sum(answers) <= most
    assert await connection.redis.pttl(KEY) <= limit.burst * limit.interval * 1000


async def test_what_is_not_taken_is_told_at_once_for_each_kind_and_then_counted(receiver: Receiver) -> None:
    now, before = 1000.0, over_limit()
    receiver.app.state.context.not_taken = NotTaken(lambda: now)

    async def told() -> list[tuple[int, str, str | None, int]]:
        """The lines about ten deliveries of a district with a limit of three, and three of each other kind."""
        with capture_logs(processors=[merge_facts]) as logged:
            await statuses(receiver, range(100, 110))
            for path in ("/webhooks/schoolscan/lakeside", HILLSIDE, "/webhooks/schoolscan/nowhere", "/webhooks/nobody"):
                for number in range(3):
                    await receiver.deliver(event(number), secret="test-only-forger", path=path)
            for _ in range(3):
                await receiver.ask("POST", HILLSIDE, content=event())
        lines = [line for line in logged if line["event"] == "delivery_not_taken"]
        return [(line["status"], line["reason"], line.get("district"), line["count"]) for line in lines]

    kinds = [
        (503, "OverLimit", "lakeside"),
        (401, "signature", "lakeside"),
        (401, "signature", "hillside"),
        (404, "unknown_district", None),
        (404, "unknown_tracker", None),
        (415, "MediaTypeRefused", "hillside"),
    ]
    assert await told() == [(*kind, 1) for kind in kinds]
    now += SAMPLED_SECONDS
    since = [7, 3, 3, 3, 3, 3]  # six that were not told of, of those that came before, and the first of these
    assert await told() == [(*kind, count) for kind, count in zip(kinds, since, strict=True)]
    assert [now - then for then, now in zip(before, over_limit(), strict=True)] == [17, 17], "each one is counted"
