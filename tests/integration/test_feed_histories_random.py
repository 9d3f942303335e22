"""Random histories of one incident on a real Valkey: its feed changes and is read, people act, Redis is lost.

By default the same histories every time. `--rounds` plays more, and others.
"""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from tests.integration.feed_histories import KEY, Event, FeedStory
from tests.integration.history_machines import (
    ERRORS,
    GATES,
    ON_TRACKERS,
    TRACKERS,
    HistoryMachine,
    fail,
    on_valkey,
)
from tests.integration.offices import HORIZON
from tests.random_histories import play

HISTORIES = 15
STEPS = 25

ON_TRACKER = st.sampled_from(TRACKERS)
EVENTS = st.one_of(
    st.builds(Event, st.just("feed"), st.sampled_from(["gone", "gone", "back", "back", "codes", "unlisted", "listed"])),
    st.builds(
        Event, ON_TRACKER, st.sampled_from([TicketState.DONE] * 3 + [TicketState.IN_PROGRESS]), st.sampled_from(Reason)
    ),
)
CALLS = st.one_of(st.tuples(ON_TRACKER, st.sampled_from(ON_TRACKERS)), st.just(("feed", "page")))


def done(reason: Reason) -> list[Event]:
    return [Event(name, TicketState.DONE, reason) for name in TRACKERS]


REOPENED = [Event(name, TicketState.IN_PROGRESS) for name in TRACKERS]
GONE, BACK = [Event("feed", "gone")], [Event("feed", "back")]
NEXT: list[tuple[list[Event], Status, set[str]]] = [
    ([*BACK, *REOPENED], Status.REVIEWING, {*TRACKERS}),
    (GONE, Status.GONE, set()),
    (BACK, Status.REVIEWING, {*TRACKERS}),
    (done(Reason.FIXED), Status.RESOLVED, set()),
    (GONE, Status.GONE, set()),
    (BACK, Status.RESOLVED, set()),
    (REOPENED, Status.REVIEWING, {*TRACKERS}),
    (done(Reason.ACCEPTED_RISK), Status.ACCEPTED_RISK, set()),
    ([Event("feed", "unlisted")], Status.ACCEPTED_RISK, set()),
    ([Event("feed", "listed"), *REOPENED], Status.REVIEWING, {*TRACKERS}),
]


class FeedHistories(HistoryMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.story = FeedStory(self.connection, self.keyring)

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
        fail(self.story.troubles[system], system, name, kind, lasting=lasting)

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
        assert story.told() == told + len(TRACKERS)
        await story.wipe()
        await story.noticed()
        await story.noticed()
        assert (await story.status_now(), story.active()) == (Status.REVIEWING, {*TRACKERS})
        self.there_are_never_two_tickets_in_one_tracker()


@pytest.fixture
def machine(redis_url: str, keyring: Keyring) -> Iterator[type[FeedHistories]]:
    class Here(FeedHistories):
        pass

    with on_valkey(Here, redis_url, keyring) as here:
        yield here


@pytest.mark.timeout(3600)  # for many rounds
def test_every_history_of_an_incident_comes_to_rest_in_agreement(
    machine: type[FeedHistories], pytestconfig: pytest.Config
) -> None:
    play(machine, pytestconfig, HISTORIES, STEPS)
