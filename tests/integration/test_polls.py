"""Crons: what people changed in trackers is noticed without a webhook, and what was left behind is woken."""

from dataclasses import replace
from datetime import datetime

import pytest
from prometheus_client import REGISTRY

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.domain.status import Status
from remediation.domain.tickets import ChangePage, Draft, Reason, TicketState
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring, generate_key
from remediation.store.cursors import SealedCursors
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.stand_ins import PAGE, MemoryTracker
from workers.rounds.polls import MOST_PAGES, poll_trackers
from workers.rounds.upkeep import sweep


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """Both tickets are open, and both lists of changes have been read."""
    office = Office(connection, keyring)
    await office.look()
    await poll(office)
    await office.work()
    return office


async def poll(office: Office) -> None:
    await poll_trackers(office.arq_context)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_what_a_person_closed_is_noticed(office: Office) -> None:
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED)
    await poll(office)
    assert await office.context.todo.dirty() == 1
    await office.work()
    assert office.status() is Status.RESOLVED


async def test_our_own_writes_come_back_as_no_news(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.look()
    await poll(office)
    assert await office.context.todo.dirty() == 0


async def test_a_version_of_a_ticket_is_news_once_though_lists_overlap(office: Office) -> None:
    office.jira.change("id-1", TicketState.IN_PROGRESS)
    await poll(office)
    await office.work()
    looks = office.source.troubles.calls.count("finding")
    await office.redis.delete("remedy:cursor:jira")
    await poll(office)
    assert await office.work() == []
    assert office.source.troubles.calls.count("finding") == looks


async def test_each_list_is_read_from_where_the_last_one_ended(office: Office) -> None:
    cursors = []

    class Noting(MemoryTracker):
        async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
            cursors.append((cursor, now.timestamp()))
            page = await super().changes(cursor, now, place)
            return ChangePage(page.changes, f'{{"after": {len(cursors)}}}')

    office.trackers["jira"] = Noting("jira", office.clock)
    await office.redis.delete("remedy:cursor:jira")
    for _ in range(2):
        await poll(office)
    assert cursors == [(None, office.clock()), ('{"after": 1}', office.clock())]


async def test_a_ticket_whose_mark_a_person_removed_is_found_by_its_link(office: Office) -> None:
    kept = office.jira.books["id-1"]
    kept.ticket = replace(kept.ticket, mark=None)
    office.jira.change("id-1", TicketState.DONE, Reason.FIXED)
    await poll(office)
    assert await office.context.todo.dirty() == 1


async def test_a_ticket_that_bears_a_mark_which_we_forgot_brings_its_case_back(office: Office) -> None:
    """Redis was wiped: the tracker still knows whose ticket it is (P8)."""
    await office.redis.flushall()
    office.jira.change("id-1", TicketState.IN_PROGRESS)
    await poll(office)
    await office.work()
    assert set((await office.record()).links) == {"snow", "jira"}
    assert len(office.tickets()) == 2


@pytest.mark.parametrize("mark", ["", "remedy:nowhere:finding:fnd_1", "remedy:nonsense", "somebody-elses-mark"])
async def test_tickets_that_are_none_of_ours_mark_nothing(office: Office, mark: str) -> None:
    office.jira.keep(Draft(mark, "SEC", "summary", "body"))
    await poll(office)
    assert await office.context.todo.dirty() == 0


@pytest.mark.parametrize("error", [TryLater("jira", "down", status=503), Refused("jira", "no", status=403)])
async def test_a_tracker_that_is_down_does_not_hold_up_the_other_and_loses_nothing(
    office: Office, error: OutsideError
) -> None:
    before = [counted("remedy_polls_total", tracker=name, outcome="failed") for name in ("jira", "snow")]
    office.jira.troubles.once("changes", error)
    office.jira.change("id-1", TicketState.DONE, Reason.FIXED)
    office.snow.change("id-1", TicketState.DONE, Reason.FIXED)
    await poll(office)
    after = [counted("remedy_polls_total", tracker=name, outcome="failed") for name in ("jira", "snow")]
    assert [now - then for then, now in zip(before, after, strict=True)] == [1, 0]
    await office.work()
    assert office.status() is Status.RESOLVED


async def test_an_error_of_ours_in_one_list_does_not_hold_up_the_other(office: Office) -> None:
    office.snow.troubles.once("changes", RuntimeError("test-only"))
    office.jira.change("id-1", TicketState.IN_PROGRESS)
    await poll(office)
    await poll(office)
    assert await office.context.todo.dirty() == 1


async def test_all_pages_are_read_and_each_moves_the_cursor_with_its_marks(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring)
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"many_{number}") for number in range(2 * PAGE + 5)]
    for key in keys:
        office.jira.keep(Draft(key.mark, "SEC", "summary", "body"))
    await poll(office)
    assert await office.context.todo.dirty() == len(keys)
    assert office.jira.troubles.calls.count("changes") == 3


async def test_a_list_that_fails_half_way_goes_on_from_there(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    for number in range(PAGE + 5):
        office.jira.keep(Draft(f"remedy:lakeside:finding:many_{number}", "SEC", "summary", "body"))
    original = office.jira.changes

    async def once(cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        if cursor is not None:
            raise TryLater("jira", "down")
        return await original(cursor, now, place)

    office.jira.changes = once  # type: ignore[method-assign]  # the second page fails
    await poll(office)
    assert await office.context.todo.dirty() == PAGE
    office.jira.changes = original  # type: ignore[method-assign]  # it is back
    await poll(office)
    assert await office.context.todo.dirty() == PAGE + 5


async def test_a_list_without_end_is_left_for_the_next_run(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)

    async def endless(cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        del now, place
        office.jira.troubles.meet("changes")
        return ChangePage((), str(int(cursor or 0) + 1), more=True)

    office.jira.changes = endless  # type: ignore[method-assign]  # always one page more
    await poll(office)
    assert [call for call in office.jira.troubles.calls if call != "site"] == ["changes"] * MOST_PAGES
    assert await cursor_of(office) == str(MOST_PAGES)


async def cursor_of(office: Office) -> str | None:
    stored = await office.context.todo.cursor("jira")
    assert stored is not None
    assert stored.startswith("sealed ")
    return office.context.cursors.opened("remedy:cursor:jira", stored).cursor


async def test_a_cursor_in_clear_is_read_and_sealed(office: Office) -> None:
    before = await cursor_of(office)
    assert before is not None
    await office.redis.set("remedy:cursor:jira", before)
    await poll(office)
    assert await cursor_of(office) == before


async def test_a_list_whose_cursor_cannot_be_opened_begins_anew_and_misses_nothing(office: Office) -> None:
    """Its key is not there any more, and what a person closed meanwhile was closed long before now."""
    office.jira.change("id-1", TicketState.DONE, Reason.FIXED)
    office.clock.pass_by(86_400)
    other = SealedCursors(Keyring.parse(generate_key()))
    await office.redis.set("remedy:cursor:jira", other.sealed("remedy:cursor:jira", "{}"))
    await poll(office)
    assert await office.context.todo.dirty() == 1


# The sweep.


async def test_the_sweep_wakes_what_is_due(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    office.source.troubles.once("finding", TryLater("lakeside", "down"))
    await office.look()
    before = counted("remedy_woken_total", kind="case")
    await sweep(office.arq_context)
    assert await office.waiting() == []
    assert await office.context.todo.dirty() == 1
    office.clock.pass_by(10)
    await sweep(office.arq_context)
    assert len(await office.waiting()) == 1
    assert counted("remedy_woken_total", kind="case") == before + 1
    await office.work()
    await sweep(office.arq_context)
    assert await office.context.todo.dirty() == 0


async def test_two_sweeps_at_once_wake_a_case_once(office: Office) -> None:
    await office.mark()
    await office.redis.delete(WORK_QUEUE)
    office.clock.pass_by(60)
    for _ in range(2):
        await sweep(office.arq_context)
    assert len(await office.waiting()) == 1
    assert (await office.waiting())[0].startswith(f"look_at_case:{KEY.ref}")
