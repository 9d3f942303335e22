"""Random histories of one incident on a real Valkey: its feed changes and is read, people act, Redis is lost.

By default the same histories every time. `--rounds` plays more, and others.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection, open_pool
from tests.integration.feed_histories import KEY, Event, FeedStory
from tests.integration.offices import HORIZON
from tests.integration.test_histories_random import ERRORS, GATES, LOST_REPLIES, ON_TRACKERS, error_of
from tests.random_histories import play

HISTORIES = 15
STEPS = 25

TRACKERS = st.sampled_from(["snow", "jira"])
EVENTS = st.one_of(
    st.builds(Event, st.just("feed"), st.sampled_from(["gone", "gone", "back", "back", "codes", "unlisted", "listed"])),
    st.builds(
        Event, TRACKERS, st.sampled_from([TicketState.DONE] * 3 + [TicketState.IN_PROGRESS]), st.sampled_from(Reason)
    ),
)
CALLS = st.one_of(st.tuples(TRACKERS, st.sampled_from(ON_TRACKERS)), st.just(("feed", "page")))
BOTH = ("snow", "jira")


def done(reason: Reason) -> list[Event]:
    return [Event(name, TicketState.DONE, reason) for name in BOTH]


REOPENED = [Event(name, TicketState.IN_PROGRESS) for name in BOTH]
GONE, BACK = [Event("feed", "gone")], [Event("feed", "back")]
NEXT: list[tuple[list[Event], Status, set[str]]] = [
    ([*BACK, *REOPENED], Status.REVIEWING, {*BOTH}),
    (GONE, Status.GONE, set()),
    (BACK, Status.REVIEWING, {*BOTH}),
    (done(Reason.FIXED), Status.RESOLVED, set()),
    (GONE, Status.GONE, set()),
    (BACK, Status.RESOLVED, set()),
    (REOPENED, Status.REVIEWING, {*BOTH}),
    (done(Reason.ACCEPTED_RISK), Status.ACCEPTED_RISK, set()),
    ([Event("feed", "unlisted")], Status.ACCEPTED_RISK, set()),
    ([Event("feed", "listed"), *REOPENED], Status.REVIEWING, {*BOTH}),
]


class FeedHistories(RuleBasedStateMachine):
    """What may happen, in any order."""

    runner: ClassVar[asyncio.Runner]
    connection: ClassVar[Connection]
    keyring: ClassVar[Keyring]

    def __init__(self) -> None:
        super().__init__()
        self.do(self.connection.ask(self.connection.redis.flushall()))
        self.story = FeedStory(self.connection, self.keyring)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @rule(event=EVENTS)
    def something_changes(self, event: Event) -> None:
        self.story.happen(event)

    @rule(event=EVENTS)
    def something_changes_and_is_noticed(self, event: Event) -> None:
        self.do(self.story.noticed(event))

    @rule(event=EVENTS, gate=GATES)
    def something_changes_while_the_feed_is_read(self, event: Event, gate: int) -> None:
        async def happening() -> None:
            self.story.happen(event)

        self.do(self.story.poll_and_at(gate, happening))

    @rule(gate=GATES)
    def redis_is_lost_while_the_feed_is_read(self, gate: int) -> None:
        self.do(self.story.poll_and_at(gate, self.story.wipe))

    @rule(gate=st.integers(1, 12), killed=st.booleans())
    def a_worker_ends_while_it_reads_the_feed(self, gate: int, *, killed: bool) -> None:
        self.do(self.story.poll_broken_off(gate, killed=killed))

    @rule(gate=GATES, killed=st.booleans())
    def a_worker_ends_during_a_look(self, gate: int, *, killed: bool) -> None:
        self.do(self.story.look_broken_off(gate, killed=killed))

    @rule(call=CALLS, kind=st.sampled_from(ERRORS), lasting=st.booleans())
    def something_fails(self, call: tuple[str, str], kind: str, *, lasting: bool) -> None:
        system, name = call
        troubles, error = self.story.troubles[system], error_of(kind, system, name)
        if lasting and name not in LOST_REPLIES:
            troubles.for_good(name, error)
        else:
            troubles.once(name, error)

    @rule(seconds=st.sampled_from([0.5, HORIZON, 1_000.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.do(self.story.later(seconds))

    @rule()
    def a_person_replays_what_is_parked(self) -> None:
        self.do(self.story.replay())

    @rule()
    def redis_is_lost(self) -> None:
        self.do(self.story.wipe())

    @invariant()
    def there_are_never_two_tickets_in_one_tracker(self) -> None:
        for name, tracker in self.story.books.items():
            assert len(tracker.present(KEY.mark)) <= 1, name

    def teardown(self) -> None:
        self.do(self.come_to_rest())

    async def come_to_rest(self) -> None:
        story = self.story
        story.happen(Event("feed", "listed"))
        for _ in range(3):
            await story.rest()
            if not await story.parked():
                break
            await story.replay()
        assert not await story.parked()
        assert await story.is_clean()
        assert not await story.agreement(), await story.agreement()
        await self.understand_what_comes_next()

    async def understand_what_comes_next(self) -> None:
        """What was decided outlasts a deletion, and a return opens again what a deletion has closed."""
        story = self.story
        story.happen(BACK[0])
        await story.rest()
        for events, status, active in NEXT:
            await story.noticed(*events)
            assert (await story.status_now(), story.active()) == (status, active), events
        told = story.told()
        await story.noticed(Event("feed", "codes"))
        await story.noticed()
        assert story.told() == told + len(BOTH)
        await story.wipe()
        await story.noticed()
        await story.noticed()
        assert (await story.status_now(), story.active()) == (Status.REVIEWING, {*BOTH})
        self.there_are_never_two_tickets_in_one_tracker()


@pytest.fixture
def machine(redis_url: str, keyring: Keyring) -> Iterator[type[FeedHistories]]:
    with asyncio.Runner() as runner, capture_logs():
        address = RedisAddress.parse(redis_url)
        pool = open_pool(address, socket_timeout=5.0, retries=1, max_connections=1)  # commands keep their order

        class Here(FeedHistories):
            pass

        Here.runner, Here.keyring, Here.connection = runner, keyring, Connection(Redis(connection_pool=pool))
        yield Here
        runner.run(pool.aclose())


@pytest.mark.timeout(3600)  # for many rounds
def test_every_history_of_an_incident_comes_to_rest_in_agreement(
    machine: type[FeedHistories], pytestconfig: pytest.Config
) -> None:
    play(machine, pytestconfig, HISTORIES, STEPS)
