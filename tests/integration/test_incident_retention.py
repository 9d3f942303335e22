"""Incidents on a real Valkey: what is kept of one is deleted when its time is over, and nothing before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.domain.incidents import Kept
from remediation.domain.status import Status
from remediation.domain.tickets import Reason
from remediation.mapping.config.schema import Retention
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct, ForgottenCause
from remediation.store.incidents import retention
from remediation.store.incidents.feeds import FeedState
from remediation.store.keys import DECISIONS, FEEDS, INCIDENTS, INCIDENTS_TOLD
from remediation.store.server.connection import Connection
from tests.integration.test_feeds import FEED, FIGHT, THEFT, FeedOffice
from workers.resources import NamedSystems
from workers.rounds.forgetting import forget_incidents

DAY = 86_400.0
YEAR = 366 * DAY


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> FeedOffice:
    return FeedOffice(connection, keyring)


async def kept(office: FeedOffice) -> set[str]:
    return {name.decode() for name in await office.connection.ask(office.redis.hkeys(INCIDENTS + FEED))}


async def told_of(office: FeedOffice) -> list[tuple[str, int | None]]:
    """What the audit has of deleted incidents of the feed: why, and how many."""
    await office.context.trail.chain(office.clock())
    entries = [line.entry async for line in office.context.trail.lines()]
    forgotten = [each for each in entries if each.act == AuditAct.FORGOTTEN]
    assert {(each.fact, each.piece) for each in forgotten} <= {("incidents", FEED)}
    return [(each.cause, each.count) for each in forgotten]


async def pass_by(office: FeedOffice, seconds: float) -> None:
    office.clock.pass_by(seconds)
    await forget_incidents(office.arq_context)


async def test_nothing_that_is_still_in_its_school_year_is_deleted(office: FeedOffice) -> None:
    await office.poll()
    office.feed.show(replace(FIGHT, is_deleted=True))
    await office.poll(600.0)
    office.context = replace(office.context, keeps_incidents=timedelta(days=7))
    for _ in range(8):
        await pass_by(office, 8 * DAY)
    assert await kept(office) == {FIGHT.uuid, THEFT.uuid}


async def test_an_incident_goes_with_what_was_decided_when_its_time_is_over(office: FeedOffice) -> None:
    await office.poll()
    await office.close(FIGHT, Reason.FIXED)
    await pass_by(office, YEAR)  # the school year is over, the retention is not
    assert await kept(office) == {FIGHT.uuid, THEFT.uuid}
    await pass_by(office, 400 * DAY)
    assert await kept(office) == set()
    assert await office.connection.ask(office.redis.exists(DECISIONS + "lakeside", INCIDENTS_TOLD + "lakeside")) == 0
    assert await office.context.todo.record(f"lakeside:incident:{FIGHT.uuid}") is not None
    assert await told_of(office) == [("age", 2)]


async def test_a_deleted_incident_goes_sooner(office: FeedOffice) -> None:
    office.context = replace(office.context, keeps_incidents=timedelta(days=300))
    office.feed.show(replace(FIGHT, is_deleted=True))
    await office.poll()
    await pass_by(office, YEAR)
    assert await kept(office) == {THEFT.uuid}


async def test_a_row_that_changes_while_it_is_looked_at_stays(
    office: FeedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.poll()
    delete = retention.IncidentRetention._delete

    async def late(
        self: retention.IncidentRetention,
        feed: str,
        others: list[str],
        rows: Mapping[bytes, bytes],
        follows: int,
        now: float,
        cause: ForgottenCause,
    ) -> retention.ForgetStep:
        await office.connection.ask(office.redis.hset(INCIDENTS + FEED, FIGHT.uuid, "another"))
        return await delete(self, feed, others, rows, follows, now, cause)

    monkeypatch.setattr(retention.IncidentRetention, "_delete", late)
    await pass_by(office, 3 * YEAR)
    assert await kept(office) == {FIGHT.uuid}
    assert await told_of(office) == [("age", 1)], "of what was deleted, and of nothing else"


async def test_what_was_decided_stays_where_another_feed_shows_the_incident(office: FeedOffice) -> None:
    await office.poll()
    rows = office.context.incident_retention
    await rows.name({"lakeside/other": timedelta(minutes=10)}, office.clock())
    await office.connection.ask(office.redis.hset(INCIDENTS + "lakeside/other", FIGHT.uuid, "a row"))
    await rows.step(FEED, ["lakeside/other"], lambda _: True, office.clock())
    assert await kept(office) == set()
    assert await office.connection.ask(office.redis.hkeys(DECISIONS + "lakeside")) == [FIGHT.uuid.encode()]


async def test_a_long_list_is_looked_through_in_steps_and_once_a_day(
    office: FeedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    incidents = [replace(FIGHT, uuid=f"8f14e45f-ceea-467f-a0c2-{number:012}") for number in range(700)]
    found = await office.context.incidents.changed(FEED, incidents, office.clock())
    await office.connection.ask(
        office.redis.hset(INCIDENTS + FEED, mapping=dict(office.context.incidents.rows_of(FEED, found)))
    )
    monkeypatch.setattr("workers.rounds.forgetting._STEPS", 1)
    for _ in range(12):
        await pass_by(office, 60.0)
    assert len(await kept(office)) == 700
    first = await office.context.incident_retention.last_pass(FEED)
    assert first is not None
    await pass_by(office, 60.0)
    assert await office.context.incident_retention.last_pass(FEED) == first
    for _ in range(12):
        await pass_by(office, 3 * YEAR)
    assert await kept(office) == set()


async def test_a_feed_that_the_file_does_not_name_any_more_is_deleted_after_the_same_time(office: FeedOffice) -> None:
    await office.poll()
    await forget_incidents(office.arq_context)
    office.context = replace(office.context, feeds={})
    await pass_by(office, 399 * DAY)
    assert len(await kept(office)) == 2
    await pass_by(office, 2 * DAY)
    assert (
        await office.connection.ask(
            office.redis.exists(INCIDENTS + FEED, DECISIONS + "lakeside", INCIDENTS_TOLD + "lakeside", FEEDS)
        )
        == 0
    )
    assert await office.context.feed_states.state(FEED) == FeedState()
    assert await told_of(office) == [("unnamed", 2)]


async def test_what_was_decided_goes_also_where_a_feeds_time_ends_in_the_middle_of_a_pass(
    office: FeedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    incidents = [replace(FIGHT, uuid=f"8f14e45f-ceea-467f-a0c2-{number:012}") for number in range(700)]
    found = await office.context.incidents.changed(FEED, incidents, office.clock())
    rows = dict(office.context.incidents.rows_of(FEED, found))
    await office.connection.ask(office.redis.hset(INCIDENTS + FEED, mapping=rows))
    await office.connection.ask(office.redis.hset(DECISIONS + "lakeside", mapping=dict.fromkeys(rows, "resolved")))
    await forget_incidents(office.arq_context)
    office.context = replace(office.context, feeds={})
    monkeypatch.setattr("workers.rounds.forgetting._STEPS", 1)
    await pass_by(office, 399 * DAY)
    await pass_by(office, 2 * DAY)
    for _ in range(24):
        await pass_by(office, DAY)
    assert await office.connection.ask(office.redis.exists(INCIDENTS + FEED, DECISIONS + "lakeside", FEEDS)) == 0


async def test_a_row_of_an_earlier_version_without_times_can_be_read_and_stays(office: FeedOffice) -> None:
    rows = office.context.incidents.rows_of(FEED, await _kept_before(office))
    await office.connection.ask(office.redis.hset(INCIDENTS + FEED, mapping=dict(rows)))
    await pass_by(office, 9 * YEAR)
    assert await office.decided(FIGHT) is Status.OPEN


async def _kept_before(office: FeedOffice) -> list[Kept]:
    found = await office.context.incidents.changed(FEED, [FIGHT], office.clock())
    return [replace(each, changed_at=None) for each in found]


async def test_a_changed_retention_counts_for_what_is_deleted_from_then_on(office: FeedOffice) -> None:
    contexts = office.contexts
    named = NamedSystems(office.context.sources, office.trackers, office.context.rulebook, office.context.feeds)
    contexts.replace(replace(named, kept=Retention(incidents=timedelta(days=9))), _nothing)
    with contexts.at_work() as context:
        assert context.keeps_incidents == timedelta(days=9)


async def _nothing() -> None:
    """Closes nothing."""
