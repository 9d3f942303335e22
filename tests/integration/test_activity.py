"""What processes count for charts, in a real Valkey: sums by hour and day, few messages, nothing counted twice."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from receiver.app import tally_of
from remediation.domain.errors import StoreUnavailable
from remediation.domain.status import Severity
from remediation.sealing import Keyring
from remediation.store.activity.hours import KEPT, KEPT_OF_DISTRICT, ActivityLog, ActivityStep, ActivityWriter
from remediation.store.activity.samples import ActivitySample, LimitUse, ParkedCount
from remediation.store.activity.tally import ActivityTally, ResponseKind, WorkCount, responses_in
from remediation.store.keys import ACTIVITY_NOTED
from remediation.store.server.connection import Connection
from remediation.store.terms import MOST_ACTIVITY_FIELDS
from remedy.runtime.activity import writing_activity
from tests.integration.offices import Office
from tests.integration.receivers import Receiver, account, event

HOUR, DAY = ActivityStep.HOUR, ActivityStep.DAY
ANSWER_LOST = StoreUnavailable("test-only")


class LosesAnswers(Connection):
    """The connection to a Redis that does everything, and whose answers are lost."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.redis)

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        await super().run(name, *args)
        raise ANSWER_LOST


class IsAway(Connection):
    """The connection to a Redis that is away until it is back."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.redis)
        self.is_away = True

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        if self.is_away:
            raise StoreUnavailable("test-only")
        return await super().run(name, *args)


class CountsCalls(Connection):
    """A connection that counts the scripts that are run."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.redis)
        self.calls: list[str] = []

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        self.calls.append(name)
        return await super().run(name, *args)


async def counted(connection: Connection, now: float, district: str = "", step: ActivityStep = HOUR) -> dict[str, int]:
    (sums,) = await ActivityLog(connection).read(step, [step.number_at(now)], district)
    return dict(sums.counts)


async def test_sums_of_all_processes_are_added_by_hour_and_day(connection: Connection) -> None:
    now = 1_800_000_000.0
    for moment in (now, now, now + 3_600):
        tally = ActivityTally()
        tally.add(WorkCount.OPENED, "lakeside", 2)
        tally.add("delivery:jira:stored")
        await ActivityWriter(connection, tally).write(moment)
    assert await counted(connection, now) == {"opened": 4, "delivery:jira:stored": 2}
    assert await counted(connection, now, "lakeside") == {"opened": 4}
    assert await counted(connection, now + 3_600, "lakeside") == {"opened": 2}
    assert await counted(connection, now, "lakeside", DAY) == {"opened": 6}
    assert await counted(connection, now, "harbor") == {}


async def test_every_sum_has_an_end(connection: Connection) -> None:
    now, tally = 1_800_000_000.0, ActivityTally()
    tally.add(WorkCount.OPENED, "lakeside")
    await ActivityWriter(connection, tally).write(now)
    kept = {key.decode(): await connection.redis.pttl(key) async for key in connection.redis.scan_iter("remedy:*")}
    ends = {name: round(left / 3_600_000) for name, left in kept.items() if not name.startswith(ACTIVITY_NOTED)}
    days, hours = KEPT.days * 24, KEPT_OF_DISTRICT.days * 24
    assert ends == {
        HOUR.key(HOUR.number_at(now)): days,
        HOUR.key(HOUR.number_at(now), "lakeside"): hours,
        DAY.key(DAY.number_at(now)): days,
        DAY.key(DAY.number_at(now), "lakeside"): days,
    }
    assert all(left > 0 for left in kept.values())


async def test_a_message_whose_answer_is_lost_counts_once(connection: Connection) -> None:
    now, tally = 1_800_000_000.0, ActivityTally()
    tally.add(WorkCount.OPENED)
    writer = ActivityWriter(LosesAnswers(connection), tally)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await writer.write(now)
    assert await counted(connection, now) == {"opened": 1}


async def test_what_redis_did_not_take_is_sent_with_the_next_message(connection: Connection) -> None:
    now, tally = 1_800_000_000.0, ActivityTally()
    redis = IsAway(connection)
    writer = ActivityWriter(redis, tally)
    tally.add(WorkCount.OPENED)
    with pytest.raises(StoreUnavailable):
        await writer.write(now)
    redis.is_away = False
    tally.add(WorkCount.OPENED)
    await writer.write(now + 10)
    assert await counted(connection, now) == {"opened": 2}


async def test_an_hour_never_has_more_fields_than_it_may(connection: Connection) -> None:
    now, tally = 1_800_000_000.0, ActivityTally()
    for number in range(MOST_ACTIVITY_FIELDS + 50):
        tally.add(f"count:{number}", "lakeside")
    await ActivityWriter(connection, tally).write(now)
    assert len(await counted(connection, now)) == MOST_ACTIVITY_FIELDS
    assert len(await counted(connection, now, "lakeside")) == MOST_ACTIVITY_FIELDS


async def test_any_number_of_deliveries_costs_one_message_of_counts(connection: Connection, keyring: Keyring) -> None:
    receiver = Receiver(connection, keyring, accounts={"lakeside": account(), "harbor": account("harbor")})
    listener = CountsCalls(connection)
    writer = ActivityWriter(listener, tally_of(receiver.app))
    for number in range(30):
        assert (await receiver.deliver(event(number), message_id=f"m{number}")).status_code == 202
    assert (await receiver.deliver(event(1), message_id="m1")).status_code == 202
    assert (await receiver.deliver(event(1), secret="another secret")).status_code == 401
    assert (await receiver.deliver(event(1), path="/webhooks/schoolscan/nowhere")).status_code == 404
    assert (await receiver.deliver(event(1), path="/webhooks/nowhere")).status_code == 404
    assert listener.calls == []
    await writer.write(receiver.clock())
    assert listener.calls == ["add_activity"]
    of_district = {
        "delivery:schoolscan:stored": 30,
        "delivery:schoolscan:repeated": 1,
        "delivery:schoolscan:unsigned": 1,
    }
    assert await counted(connection, receiver.clock(), "lakeside") == of_district
    strangers = {"delivery:schoolscan:refused": 1, "delivery:unknown:refused": 1}
    assert await counted(connection, receiver.clock()) == of_district | strangers


async def test_looks_are_counted_with_what_they_did_and_how_long_it_took(
    connection: Connection, keyring: Keyring
) -> None:
    office, receiver = Office(connection, keyring), Receiver(connection, keyring)
    receiver.clock.now = office.clock.now
    await receiver.deliver(event(1))
    office.clock.pass_by(45)
    await office.work()
    writer = ActivityWriter(connection, office.context.tally)
    await writer.write(office.clock())
    found = await counted(connection, office.clock(), "lakeside")
    assert (found["opened"], found["patched"], found["look:settled"]) == (2, 1, 1)
    for kind in ResponseKind:
        assert responses_in(found, kind) == {Severity.HIGH: {6: 1}}  # from 30 to 60 s


async def test_a_process_adds_its_counts_every_few_seconds_and_the_last_ones_when_it_ends(
    connection: Connection,
) -> None:
    now, tally = 1_800_000_000.0, ActivityTally()
    tally.add(WorkCount.OPENED)
    async with writing_activity(connection, tally, lambda: now, every=0.01):
        async with asyncio.timeout(5):
            while not await counted(connection, now):  # noqa: ASYNC110 - what is waited for lies in Redis
                await asyncio.sleep(0.01)
        tally.add(WorkCount.OPENED)
    assert await counted(connection, now) == {"opened": 2}


async def test_a_sample_is_read_as_it_was_kept(connection: Connection) -> None:
    log, now = ActivityLog(connection), 1_800_000_000.0
    limits = (LimitUse("jira", "", 40, 100),)
    parked = (ParkedCount("action", "Refused", "jira", 403, 12), ParkedCount(count=3))
    whole = ActivitySample(int(now), {Severity.HIGH: (1, 0, 2, 0, 5)}, 7, parked, limits)
    await log.keep(HOUR, {"": whole, "lakeside": replace(whole, waiting=None, parked=(), limits=())}, now)
    assert await log.sample(HOUR, now) == whole
    assert await log.sample(DAY, now) is None
    (of_district,) = await log.read(HOUR, [HOUR.number_at(now)], "lakeside")
    assert (of_district.sample, of_district.counts) == (replace(whole, waiting=None, parked=(), limits=()), {})
