"""Random histories of one case: people, SchoolScan and failures in any order, and what holds when they come to rest.

By default the same histories every time. `--rounds` plays more, and others.
"""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from tests.integration.histories import Change, Story
from tests.integration.history_machines import (
    ERRORS,
    GATES,
    ON_TRACKERS,
    TRACKERS,
    HistoryMachine,
    fail,
    on_valkey,
)
from tests.integration.offices import HORIZON, KEY
from tests.random_histories import play

HISTORIES = 60
STEPS = 30

ON_SCHOOLSCAN = ("finding", "update_finding", "updated")

ON_TRACKER = st.sampled_from(TRACKERS)
CALLS = st.one_of(
    st.tuples(ON_TRACKER, st.sampled_from(ON_TRACKERS)), st.tuples(st.just("lakeside"), st.sampled_from(ON_SCHOOLSCAN))
)
STATUSES = [Status.OPEN, Status.RESOLVED, Status.ACCEPTED_RISK, Status.REVIEWING]
STATES = [TicketState.DONE, TicketState.IN_PROGRESS, TicketState.OPEN, TicketState.GONE]
CHANGES = st.one_of(
    st.builds(Change, st.just("lakeside"), st.sampled_from(STATUSES)),
    st.builds(Change, ON_TRACKER, st.sampled_from(STATES), st.sampled_from(list(Reason))),
    st.builds(
        Change, ON_TRACKER, st.just(TicketState.DONE), st.just(Reason.UNKNOWN), st.sampled_from(["odd", "very odd"])
    ),
)


class Histories(HistoryMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(self.connection, self.keyring)

    @rule()
    def a_worker_looks(self) -> None:
        self.do(self.story.look())

    @rule(change=CHANGES)
    def something_changes(self, change: Change) -> None:
        self.story.happen(change)

    @rule(change=CHANGES)
    def something_changes_and_is_noticed(self, change: Change) -> None:
        self.story.happen(change)
        self.do(self.story.look())

    @rule(change=CHANGES, gate=GATES)
    def something_changes_during_a_look(self, change: Change, gate: int) -> None:
        self.do(self.story.change_during_a_look(gate, change))

    @rule(gate=GATES, killed=st.booleans())
    def a_worker_ends_during_a_look(self, gate: int, *, killed: bool) -> None:
        self.do(self.story.look_broken_off(gate, killed=killed))

    @rule(call=CALLS, kind=st.sampled_from(ERRORS), lasting=st.booleans())
    def something_fails(self, call: tuple[str, str], kind: str, *, lasting: bool) -> None:
        system, name = call
        fail(self.story.troubles[system], system, name, kind, lasting=lasting)

    @rule(system=st.sampled_from(["lakeside", "snow", "jira"]))
    def something_works_again(self, system: str) -> None:
        self.story.troubles[system].heal()

    @rule(seconds=st.sampled_from([0.5, HORIZON / 2, HORIZON, 1_000.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.do(self.story.later(seconds))

    @rule()
    def a_person_replays_what_is_parked(self) -> None:
        self.do(self.story.replay())

    @rule()
    def the_trackers_are_polled(self) -> None:
        self.do(self.story.poll())

    @rule()
    def redis_is_lost(self) -> None:
        self.do(self.story.wipe())

    @rule()
    def its_time_is_over(self) -> None:
        self.do(self.story.be_forgotten())

    @invariant()
    def nothing_was_done_that_must_never_be_done(self) -> None:
        assert self.story.wrongs == []

    @invariant()
    def there_are_never_two_tickets_in_one_tracker(self) -> None:
        for name, tracker in self.story.books.items():
            assert len(tracker.present(KEY.mark)) <= 1, name

    def teardown(self) -> None:
        self.do(self.come_to_rest())

    async def come_to_rest(self) -> None:
        story = self.story
        await story.rest()
        in_row, on_list = await story.on_the_list()
        assert in_row == on_list, "what is parked can be seen, and what can be seen is parked"
        assert on_list or not story.agreement(), story.agreement()
        for _ in range(3):
            await story.replay()
            await story.rest()
        assert await story.on_the_list() == (set(), set())
        assert not story.agreement(), story.agreement()
        await self.stay_at_rest()
        await self.understand_what_comes_next()

    async def stay_at_rest(self) -> None:
        story = self.story
        before = story.written()
        assert await story.is_clean()
        await story.look()
        await story.poll()
        assert story.written() == before
        assert await story.is_clean()
        assert story.wrongs == []

    async def understand_what_comes_next(self) -> None:
        """Nothing of the past is mistaken for news, and no news for the past."""
        story = self.story
        for change, expected in NEXT:
            for each in change:
                story.happen(each)
            await story.look()
            assert (story.status(), story.agreement()) == (expected, ""), change
        assert story.wrongs == []


NEXT = [
    ([Change("lakeside", Status.RESOLVED)], Status.RESOLVED),
    ([Change("lakeside", Status.OPEN)], Status.REVIEWING),
    ([Change(name, TicketState.DONE) for name in ("snow", "jira")], Status.RESOLVED),
    (
        [Change(name, TicketState.DONE, Reason.ACCEPTED_RISK) for name in ("snow", "jira")],
        Status.ACCEPTED_RISK,
    ),
    ([Change("snow", TicketState.DONE, Reason.FIXED)], Status.RESOLVED),
    ([Change(name, TicketState.DONE, Reason.NOT_SOLVED) for name in ("snow", "jira")], Status.REVIEWING),
    ([Change("jira", TicketState.DONE, Reason.FIXED)], Status.RESOLVED),
    ([Change("lakeside", Status.OPEN)], Status.REVIEWING),
    ([Change("lakeside", Status.ACCEPTED_RISK)], Status.ACCEPTED_RISK),
    ([Change("jira", TicketState.IN_PROGRESS)], Status.REVIEWING),
    ([Change("lakeside", Status.RESOLVED)], Status.RESOLVED),
]


@pytest.fixture
def machine(redis_url: str, keyring: Keyring) -> Iterator[type[Histories]]:
    class Here(Histories):
        pass

    with on_valkey(Here, redis_url, keyring) as here:
        yield here


@pytest.mark.timeout(3600)  # for many rounds
def test_every_history_comes_to_rest_in_agreement(machine: type[Histories], pytestconfig: pytest.Config) -> None:
    play(machine, pytestconfig, HISTORIES, STEPS)
