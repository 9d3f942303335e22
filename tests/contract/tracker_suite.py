"""What every tracker promises, as one suite: an adapter inherits `TrackerContract` and brings a world and a tracker.

A test module of an adapter defines two fixtures, `world` (a `World`, with its stand-in running) and `tracker` (what
`world.connect()` returns, closed afterwards), and one class that inherits `TrackerContract`.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.errors import NotFound, Refused
from remediation.domain.tickets import Reason, TicketState
from remediation.ports import Tracker
from tests.contract.tracker_faults import TrackerFaultsContract
from tests.contract.tracker_files import TrackerFilesContract
from tests.contract.tracker_sync import TrackerRequestsContract, TrackerSyncContract
from tests.contract.tracker_world import World, mark_of, nobody_listens

__all__ = ["TrackerContract", "World", "mark_of", "nobody_listens"]


class TrackerWorkContract:
    """What a tracker promises of tickets when all is well."""

    async def test_a_created_ticket_is_open_and_carries_its_mark(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        assert (ticket.tracker, ticket.state, ticket.reason) == (world.name, TicketState.OPEN, None)
        assert ticket.mark == mark_of("fnd_1")
        assert ticket.id
        assert ticket.key
        assert ticket.url.startswith(world.address)
        assert world.count(mark_of("fnd_1")) == 1

    async def test_a_ticket_read_by_its_id_is_the_one_that_was_created(self, tracker: Tracker, world: World) -> None:
        created = await tracker.create(world.draft(mark_of("fnd_1")))
        read = await tracker.read(created.id)
        assert (read.id, read.key, read.url, read.mark, read.state) == (
            created.id,
            created.key,
            created.url,
            created.mark,
            created.state,
        )
        assert read.created_at is not None
        assert read.updated_at is not None
        assert abs(read.created_at - datetime.now(UTC)) < timedelta(minutes=1)

    async def test_a_tracker_tells_which_site_it_is_and_writes_nothing(self, tracker: Tracker, world: World) -> None:
        before = world.writes()
        site = await tracker.site()
        assert (site.address, await tracker.site()) == (world.address, site)
        assert tracker.address == world.address
        assert world.writes() == before

    @pytest.mark.parametrize("mark", [mark_of("fnd_2"), None])
    async def test_a_read_shows_the_mark_that_the_ticket_carries_now(
        self, tracker: Tracker, world: World, mark: str | None
    ) -> None:
        """A number says nothing of whose a ticket is: numbers begin again, and people change marks."""
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.mark_as_person(ticket, mark)
        for closed in (False, True):
            assert (await tracker.read(ticket.id, closed=closed)).mark == mark

    async def test_a_created_ticket_is_found_by_its_mark(self, tracker: Tracker, world: World) -> None:
        draft = world.draft(mark_of("fnd_1"))
        created = await tracker.create(draft)
        world.wait_searchable()
        assert [found.id for found in await tracker.find(draft.mark, draft.place)] == [created.id]

    async def test_what_is_found_says_where_it_is_and_who_opened_it(self, tracker: Tracker, world: World) -> None:
        draft = world.draft(mark_of("fnd_1"))
        await tracker.create(draft)
        world.wait_searchable()
        (found,) = await tracker.find(draft.mark, draft.place)
        assert found.place == draft.place
        assert found.opened_by in await tracker.accounts()

    async def test_a_ticket_that_a_person_opened_under_our_mark_is_known_for_theirs(
        self, tracker: Tracker, world: World
    ) -> None:
        draft = world.draft(mark_of("fnd_1"))
        world.write_as_person("Please look at this too", draft.mark)
        world.wait_searchable()
        (found,) = await tracker.find(draft.mark, draft.place)
        assert found.opened_by is not None
        assert found.opened_by not in await tracker.accounts()

    async def test_an_unknown_mark_finds_nothing(self, tracker: Tracker, world: World) -> None:
        draft = world.draft(mark_of("fnd_1"))
        await tracker.create(draft)
        world.write_as_person("Printer on fire")
        world.wait_searchable()
        assert await tracker.find(mark_of("fnd_2"), draft.place) == ()

    async def test_a_mark_that_begins_like_another_finds_only_its_own(self, tracker: Tracker, world: World) -> None:
        short, long = world.draft(mark_of("fnd_1")), world.draft(mark_of("fnd_12"))
        created = await tracker.create(short)
        await tracker.create(long)
        world.wait_searchable()
        assert [found.id for found in await tracker.find(short.mark, short.place)] == [created.id]

    async def test_several_tickets_of_one_mark_are_found_oldest_first(self, tracker: Tracker, world: World) -> None:
        draft = world.draft(mark_of("fnd_1"))
        ids = [(await tracker.create(draft)).id for _ in range(3)]
        world.wait_searchable()
        assert [found.id for found in await tracker.find(draft.mark, draft.place)] == ids

    @pytest.mark.parametrize(
        "mark", ["", " ", "a^b", 'a"b', "a b", "remedy:lakeside:finding:a^ORDERBYnumber", "ü", "a\n"]
    )
    async def test_a_mark_that_could_be_a_query_is_refused_before_anything_is_sent(
        self, tracker: Tracker, world: World, mark: str
    ) -> None:
        draft = world.draft(mark)
        before = len(world.requests())
        with pytest.raises(Refused):
            await tracker.find(mark, draft.place)
        with pytest.raises(Refused):
            await tracker.create(draft)
        assert len(world.requests()) == before

    async def test_a_resolved_ticket_is_done_and_carries_the_comment(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        resolved = await tracker.resolve(ticket.id, Reason.FIXED, "SchoolScan no longer sees it.")
        assert (resolved.id, resolved.state, resolved.reason) == (ticket.id, TicketState.DONE, Reason.FIXED)
        assert (await tracker.read(ticket.id)).reason is Reason.FIXED
        assert "SchoolScan no longer sees it." in world.comments(ticket)[-1]

    async def test_a_ticket_resolved_as_an_accepted_risk_says_so(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        resolved = await tracker.resolve(ticket.id, Reason.ACCEPTED_RISK, "Accepted at SchoolScan.")
        assert (resolved.state, resolved.reason) == (TicketState.DONE, Reason.ACCEPTED_RISK)

    async def test_resolving_a_done_ticket_writes_nothing(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.close_as_person(ticket, Reason.DUPLICATE)
        before = world.writes()
        resolved = await tracker.resolve(ticket.id, Reason.FIXED, "again")
        assert (resolved.state, resolved.reason) == (TicketState.DONE, Reason.DUPLICATE)
        assert world.writes() == before

    async def test_a_reopened_ticket_is_active_and_carries_the_comment(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
        reopened = await tracker.reopen(ticket.id, "Found again by a scan.")
        assert (reopened.id, reopened.reason) == (ticket.id, None)
        assert reopened.state.is_active
        assert (await tracker.read(ticket.id)).state.is_active
        assert "Found again by a scan." in world.comments(ticket)[-1]

    async def test_reopening_an_active_ticket_writes_nothing(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.start_as_person(ticket)
        before = world.writes()
        assert (await tracker.reopen(ticket.id, "again")).state is TicketState.IN_PROGRESS
        assert world.writes() == before

    async def test_a_reopened_ticket_can_be_resolved_again(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
        await tracker.reopen(ticket.id, "back")
        assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone again")).state is TicketState.DONE

    async def test_a_ticket_on_which_a_person_works_is_in_progress(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.start_as_person(ticket)
        assert (await tracker.read(ticket.id)).state is TicketState.IN_PROGRESS

    @pytest.mark.parametrize("reason", [Reason.FIXED, Reason.ACCEPTED_RISK, Reason.DUPLICATE])
    async def test_a_close_by_a_person_is_seen_with_reason_person_and_time(
        self, tracker: Tracker, world: World, reason: Reason
    ) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.close_as_person(ticket, reason)
        closed = await tracker.read(ticket.id)
        assert (closed.state, closed.reason, closed.closed_by) == (TicketState.DONE, reason, world.person)
        assert closed.closed_at is not None
        assert abs(closed.closed_at - datetime.now(UTC)) < timedelta(minutes=1)

    async def test_a_comment_is_added_to_those_that_are_there(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        await tracker.comment(ticket.id, "first")
        await tracker.comment(ticket.id, "second")
        assert [text for text in world.comments(ticket) if text in {"first", "second"}] == ["first", "second"]

    async def test_texts_longer_than_the_tracker_takes_are_cut(self, tracker: Tracker, world: World) -> None:
        draft = world.draft(mark_of("fnd_1"), summary="line\none " + "s" * 100_000, body="b" * 100_000)
        ticket = await tracker.create(draft)
        await tracker.comment(ticket.id, "c" * 100_000)
        await tracker.resolve(ticket.id, Reason.FIXED, "r" * 100_000)
        assert all(len(text) < 40_000 for text in world.comments(ticket))

    async def test_a_deleted_ticket_is_read_as_gone(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.delete(ticket)
        gone = await tracker.read(ticket.id)
        assert (gone.id, gone.tracker, gone.state, gone.reason) == (ticket.id, world.name, TicketState.GONE, None)

    async def test_writing_to_a_deleted_ticket_says_that_it_is_not_found(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.delete(ticket)
        for attempt in (
            tracker.comment(ticket.id, "hello"),
            tracker.resolve(ticket.id, Reason.FIXED, "gone"),
            tracker.reopen(ticket.id, "back"),
        ):
            with pytest.raises(NotFound):
                await attempt

    @pytest.mark.parametrize("ticket_id", ["", "..", "../user", "1?x=1", "a^b"])
    async def test_an_id_that_is_none_is_refused_before_anything_is_sent(
        self, tracker: Tracker, world: World, ticket_id: str
    ) -> None:
        before = len(world.requests())
        with pytest.raises(Refused):
            await tracker.read(ticket_id)
        with pytest.raises(Refused):
            await tracker.comment(ticket_id, "text")
        assert len(world.requests()) == before


class TrackerChangesContract:
    """The promises of `Tracker.changes`."""

    async def test_a_first_list_of_changes_holds_what_was_just_created(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.wait_searchable()
        page = await tracker.changes(None, datetime.now(UTC))
        assert [(change.ticket_id, change.mark) for change in page.changes] == [(ticket.id, mark_of("fnd_1"))]
        assert not page.more

    async def test_what_a_person_changes_comes_after_the_cursor(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.wait_searchable()
        page = await tracker.changes(None, datetime.now(UTC))
        world.close_as_person(ticket, Reason.FIXED)
        world.wait_searchable()
        page = await tracker.changes(page.cursor, datetime.now(UTC))
        assert ticket.id in {change.ticket_id for change in page.changes}

    async def test_tickets_that_are_not_ours_are_not_listed(self, tracker: Tracker, world: World) -> None:
        world.write_as_person("Printer on fire")
        world.wait_searchable()
        assert (await tracker.changes(None, datetime.now(UTC))).changes == ()

    async def test_a_list_of_many_changes_is_complete_and_ends(self, tracker: Tracker, world: World) -> None:
        marks = [mark_of(f"fnd_{number}") for number in range(120)]
        ids = {ticket.id for ticket in await asyncio.gather(*(tracker.create(world.draft(mark)) for mark in marks))}
        world.wait_searchable()
        seen: set[str] = set()
        cursor, more, pages = None, True, 0
        while more:
            page = await tracker.changes(cursor, datetime.now(UTC))
            seen |= {change.ticket_id for change in page.changes}
            cursor, more, pages = page.cursor, page.more, pages + 1
            assert pages < 10
        assert seen == ids
        assert pages > 1

    async def test_a_list_holds_all_since_the_moment_it_begins_at(self, tracker: Tracker, world: World) -> None:
        before = datetime.now(UTC)
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.wait_searchable()
        for age in (timedelta(0), timedelta(hours=1), timedelta(days=9000)):
            page = await tracker.changes(tracker.cursor_at(before - age), datetime.now(UTC))
            assert [change.ticket_id for change in page.changes] == [ticket.id]
            assert not page.more

    async def test_a_list_that_began_long_ago_goes_on_from_now(self, tracker: Tracker, world: World) -> None:
        begun = datetime.now(UTC) - timedelta(days=9000)
        page = await tracker.changes(tracker.cursor_at(begun), datetime.now(UTC))
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.wait_searchable()
        page = await tracker.changes(page.cursor, datetime.now(UTC))
        assert [change.ticket_id for change in page.changes] == [ticket.id]

    async def test_a_cursor_that_is_none_of_ours_starts_the_list_anew(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.wait_searchable()
        page = await tracker.changes("{}", datetime.now(UTC))
        assert [change.ticket_id for change in page.changes] == [ticket.id]


class TrackerContract(
    TrackerWorkContract,
    TrackerSyncContract,
    TrackerFilesContract,
    TrackerChangesContract,
    TrackerRequestsContract,
    TrackerFaultsContract,
):
    """Everything that a tracker promises."""
