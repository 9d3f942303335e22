"""What every tracker promises when the network or the other side fails; part of the suite in tracker_suite.py."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from remediation.domain.errors import NotFound, Refused, TryLater, Waiting
from remediation.domain.tickets import Reason
from remediation.ports import Tracker
from tests.contract.tracker_world import World, mark_of, nobody_listens


class _Closing:
    """Holds a tracker until the end of a block."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker

    async def aclose(self) -> None:
        await self.tracker.close()


class TrackerFaultsContract:
    """What every tracker promises when the network or the other side fails."""

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(400, Refused), (401, TryLater), (403, TryLater), (429, TryLater), (500, TryLater), (502, TryLater)],
    )
    async def test_an_answer_decides_what_to_do_next(
        self, tracker: Tracker, world: World, status: int, expected: type[Exception]
    ) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.fault("status", status=status, times=None)
        for attempt in (tracker.read(ticket.id), tracker.comment(ticket.id, "text")):
            with pytest.raises(expected) as caught:
                await attempt
            assert isinstance(caught.value, TryLater | Refused)
            assert not isinstance(caught.value, NotFound)
            assert (caught.value.system, caught.value.status) == (world.name, status)

    @pytest.mark.parametrize("status", [429, 503])
    async def test_a_wait_that_the_tracker_asks_for_is_passed_on(
        self, tracker: Tracker, world: World, status: int
    ) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.fault("status", status=status, headers={"Retry-After": "7"}, times=None)
        for attempt in (tracker.read(ticket.id), tracker.comment(ticket.id, "text")):
            started = time.monotonic()
            with pytest.raises(TryLater) as caught:
                await attempt
            assert caught.value.after == 7
            assert time.monotonic() - started < 2, "nobody sleeps in a worker"

    @pytest.mark.parametrize("value", [None, "soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400])
    async def test_a_limit_without_a_usable_wait_is_only_a_limit(
        self, tracker: Tracker, world: World, value: str | None
    ) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.fault("status", status=429, headers={} if value is None else {"Retry-After": value}, times=None)
        with pytest.raises(TryLater) as caught:
            await tracker.read(ticket.id)
        assert caught.value.after is None or 0 <= caught.value.after <= 86_400

    @pytest.mark.parametrize("kind", ["reset", "lost_reply", "half", "html"])
    async def test_a_broken_answer_to_a_read_is_for_later(self, tracker: Tracker, world: World, kind: str) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.fault(kind, method="GET", times=None)
        with pytest.raises(TryLater):
            await tracker.read(ticket.id)
        world.heal()
        assert (await tracker.read(ticket.id)).id == ticket.id

    @pytest.mark.parametrize("kind", ["reset", "hang_up", "lost_reply"])
    async def test_a_read_whose_connection_breaks_is_sent_once_more_and_no_more(
        self, tracker: Tracker, world: World, kind: str
    ) -> None:
        """A connection that was kept may have been closed just then: nothing is done twice by reading twice."""
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        before = len(world.requests())
        world.fault(kind, method="GET")
        assert (await tracker.read(ticket.id)).id == ticket.id
        assert len(world.requests()) == before + 2
        world.fault(kind, method="GET", times=None)
        with pytest.raises(TryLater):
            await tracker.read(ticket.id)
        assert len(world.requests()) == before + 4

    @pytest.mark.parametrize("kind", ["reset", "hang_up", "lost_reply"])
    async def test_a_write_whose_connection_breaks_is_sent_once(
        self, tracker: Tracker, world: World, kind: str
    ) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        before = world.writes()
        for method in ("POST", "PATCH"):
            world.fault(kind, method=method)
        with pytest.raises(TryLater) as caught:
            await tracker.comment(ticket.id, "text")
        assert (world.writes(), caught.value.ambiguous) == (before + 1, True)

    async def test_a_connection_that_was_closed_while_idle_costs_neither_a_read_nor_a_write(
        self, tracker: Tracker, world: World
    ) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        before = world.writes()
        world.close_idle()
        await tracker.comment(ticket.id, "text")
        world.close_idle()
        assert (await tracker.read(ticket.id)).id == ticket.id
        assert world.writes() == before + 1, "it is seen before anything is sent"

    async def test_a_slow_answer_ends_within_the_limit(self, world: World) -> None:
        hasty = world.connect(read_timeout=0.3)
        try:
            ticket = await hasty.create(world.draft(mark_of("fnd_1")))
            world.fault("slow", seconds=5, times=None)
            started = time.monotonic()
            with pytest.raises(TryLater):
                await hasty.read(ticket.id)
            assert time.monotonic() - started < 4
        finally:
            await hasty.close()

    @pytest.mark.parametrize("compressed", [False, True])
    async def test_an_answer_larger_than_one_may_be_is_for_later_and_told_as_what_it_is(
        self, world: World, *, compressed: bool
    ) -> None:
        """Counted after decompression, as it comes; a larger one is no reason to park anything."""
        async with contextlib.aclosing(_Closing(world.connect(largest_answer=50_000))) as cautious:
            ticket = await cautious.tracker.create(world.draft(mark_of("fnd_1")))
            world.fault("large", size=50_000, gzip=compressed)
            assert (await cautious.tracker.read(ticket.id)).id == ticket.id
            world.fault("large", size=50_001, gzip=compressed, times=None)
            with pytest.raises(TryLater, match="MAX_ANSWER_BYTES, 50,000 bytes") as caught:
                await cautious.tracker.read(ticket.id)
            assert (caught.value.waiting, caught.value.ambiguous) == (Waiting.TOO_LARGE, False)
            world.heal()
            assert (await cautious.tracker.read(ticket.id)).id == ticket.id

    async def test_a_create_whose_answer_is_too_large_is_ambiguous_and_sent_once(self, world: World) -> None:
        async with contextlib.aclosing(_Closing(world.connect(largest_answer=50_000))) as cautious:
            draft = world.draft(mark_of("fnd_1"))
            world.fault("large", size=60_000, method="POST", path=world.create_path)
            with pytest.raises(TryLater) as caught:
                await cautious.tracker.create(draft)
            assert (caught.value.waiting, caught.value.ambiguous) == (Waiting.TOO_LARGE, True)
            assert (world.count(draft.mark), world.writes()) == (1, 1)

    async def test_answers_that_trickle_in_do_not_stop_a_tracker(self, world: World) -> None:
        """No wait for a byte takes long: only the whole call does, and then its connection is closed."""
        async with contextlib.aclosing(_Closing(world.connect(connect_timeout=0.1, read_timeout=0.4))) as hasty:
            ticket = await hasty.tracker.create(world.draft(mark_of("fnd_1")))
            world.fault("trickle", seconds=0.05, times=8)
            started = time.monotonic()
            slow = await asyncio.gather(*(hasty.tracker.read(ticket.id) for _ in range(8)), return_exceptions=True)
            assert time.monotonic() - started < 2
            assert {type(each) for each in slow} == {TryLater}
            again = await asyncio.gather(*(hasty.tracker.read(ticket.id) for _ in range(8)))
            assert {each.id for each in again} == {ticket.id}
            assert time.monotonic() - started < 3, "each thread is free again at once"

    async def test_closing_waits_for_no_answer(self, world: World) -> None:
        tracker = world.connect(read_timeout=2)
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.fault("trickle", seconds=0.1, times=None)
        reading = asyncio.ensure_future(tracker.read(ticket.id))
        await asyncio.sleep(0.3)
        started = time.monotonic()
        await tracker.close()
        assert time.monotonic() - started < 0.5
        with pytest.raises(TryLater):
            await reading

    @pytest.mark.parametrize("kind", ["lost_reply", "half"])
    async def test_a_create_whose_answer_is_lost_is_ambiguous_and_sent_once(
        self, tracker: Tracker, world: World, kind: str
    ) -> None:
        draft = world.draft(mark_of("fnd_1"))
        world.fault(kind, method="POST", path=world.create_path)
        with pytest.raises(TryLater) as caught:
            await tracker.create(draft)
        assert caught.value.ambiguous
        assert world.count(draft.mark) == 1
        assert world.writes() == 1, "the mark is in the very request that creates, and nothing repeats it"
        world.wait_searchable()
        assert len(await tracker.find(draft.mark, draft.place)) == 1

    @pytest.mark.parametrize("order", [{"kind": "reset"}, {"kind": "html"}, {"kind": "status", "status": 503}])
    async def test_a_create_that_may_have_arrived_is_ambiguous_and_sent_once(
        self, tracker: Tracker, world: World, order: dict[str, Any]
    ) -> None:
        world.fault(**order, method="POST", path=world.create_path, times=None)
        with pytest.raises(TryLater) as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
        assert caught.value.ambiguous
        assert world.writes() == 1

    async def test_a_create_that_takes_too_long_is_ambiguous_and_sent_once(self, world: World) -> None:
        hasty = world.connect(read_timeout=0.3)
        try:
            world.fault("slow", seconds=1, method="POST", path=world.create_path, times=None)
            with pytest.raises(TryLater) as caught:
                await hasty.create(world.draft(mark_of("fnd_1")))
            assert caught.value.ambiguous
            assert world.writes() == 1
        finally:
            await hasty.close()

    @pytest.mark.parametrize("status", [401, 429])
    async def test_a_create_that_was_turned_away_is_not_ambiguous(
        self, tracker: Tracker, world: World, status: int
    ) -> None:
        world.fault("status", status=status, method="POST", path=world.create_path, times=None)
        with pytest.raises(TryLater) as caught:
            await tracker.create(world.draft(mark_of("fnd_1")))
        assert not caught.value.ambiguous
        assert world.writes() == 1

    async def test_a_create_that_reaches_nobody_is_not_ambiguous(self, world: World) -> None:
        away = world.connect(address=nobody_listens())
        try:
            with pytest.raises(TryLater) as caught:
                await away.create(world.draft(mark_of("fnd_1")))
            assert not caught.value.ambiguous
        finally:
            await away.close()

    async def test_a_wrong_secret_is_for_later_and_never_in_the_message(self, world: World) -> None:
        stranger = world.connect(secret="test-only-wrong")
        try:
            with pytest.raises(TryLater) as caught:
                await stranger.create(world.draft(mark_of("fnd_1")))
            assert (caught.value.status, caught.value.ambiguous) == (401, False)
            assert "test-only-wrong" not in repr(caught.value) + str(caught.value)
        finally:
            await stranger.close()

    async def test_nothing_is_concluded_while_we_are_not_signed_in(self, tracker: Tracker, world: World) -> None:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        place = world.draft(mark_of("fnd_2")).place
        stranger = world.connect(secret="test-only-wrong")
        try:
            for question in (
                stranger.read(ticket.id),
                stranger.find(mark_of("fnd_1"), place),
                stranger.find(mark_of("fnd_2"), place),
                stranger.changes(None, datetime.now(UTC)),
                stranger.whoami(),
                stranger.closing_words(ticket.id),
                stranger.comment(ticket.id, "x"),
                stranger.resolve(ticket.id, Reason.FIXED, "x"),
            ):
                with pytest.raises(TryLater) as caught:
                    await question
                assert caught.value.waiting is Waiting.SIGN_IN
        finally:
            await stranger.close()

    async def test_no_message_quotes_the_ticket_or_the_request(self, tracker: Tracker, world: World) -> None:
        draft = world.draft(mark_of("fnd_1"), summary="ZZPII-summary", body="ZZPII-body")
        for kind in ("reset", "html", "half", "status"):
            world.fault(kind, method="POST", path=world.create_path)
            with pytest.raises(TryLater) as caught:
                await tracker.create(draft)
            assert "ZZPII" not in str(caught.value)
            assert world.address not in str(caught.value)
            assert caught.value.__cause__ is None, "a library's exception carries the request and its headers"

    async def test_what_comes_after_a_fault_is_served(self, tracker: Tracker, world: World) -> None:
        world.fault("reset", times=None)
        for number in range(5):
            with pytest.raises(TryLater):
                await tracker.create(world.draft(mark_of(f"lost_{number}")))
        world.heal()
        assert (await tracker.create(world.draft(mark_of("fnd_1")))).mark == mark_of("fnd_1")

    async def test_calls_at_the_same_time_do_not_mix_their_tickets(self, tracker: Tracker, world: World) -> None:
        marks = [mark_of(f"fnd_{number}") for number in range(24)]
        tickets = await asyncio.gather(*(tracker.create(world.draft(mark)) for mark in marks))
        assert [ticket.mark for ticket in tickets] == marks
        read = await asyncio.gather(*(tracker.read(ticket.id) for ticket in tickets))
        assert [ticket.mark for ticket in read] == marks

    async def test_who_we_are_is_told(self, tracker: Tracker, world: World) -> None:
        assert await tracker.whoami() == world.account

    async def test_a_tracker_knows_its_name_and_its_horizon(self, tracker: Tracker, world: World) -> None:
        assert tracker.name == world.name
        assert tracker.search_horizon > timedelta(0)

    async def test_nothing_goes_through_a_proxy_that_the_environment_names(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, nobody_listens())
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        direct = world.connect()
        try:
            assert await direct.whoami() == world.account
        finally:
            await direct.close()
