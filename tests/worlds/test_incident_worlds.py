"""Whole worlds of one incident: its feed, people who close its tickets, losses of Redis and failures, in any order.

Nothing can be written back to the feed: what was decided stands in our own row. By default the same worlds every time.
`--rounds` plays more, and others.
"""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from remediation.domain.incidents import IncidentType
from remediation.domain.policy import Policy
from tests.random_histories import play
from tests.worlds.incident_world import FeedWorld
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.machines import WorldMachine, with_loop
from tests.worlds.outside import Change, Trouble
from tests.worlds.test_worlds_in_step import GATES, IN_A_TRACKER, ON_SCHOOLSCAN, ON_TRACKERS, POLICIES, SPANS

WORLDS = 300
STEPS = 14

IN_THE_FEED = [
    Change(SCHOOLSCAN, becomes)
    for becomes in ("gone", "gone", "back", "back", "codes", "codes", "referred", "unlisted", "listed")
]
CHANGES = st.sampled_from(IN_THE_FEED * 3 + IN_A_TRACKER)
TROUBLES = st.sampled_from(
    [
        Trouble(where, call, kind, lasting)
        for where, call in [*product(["snow", "jira"], ON_TRACKERS), *product([SCHOOLSCAN], ON_SCHOOLSCAN * 3)]
        for kind, lasting in [*product(["busy", "refused"], [True, False]), ("limited", False), ("ours", False)]
    ]
)
KINDS = [IncidentType.REFERRAL] * 4 + [IncidentType.PENDING]


class IncidentWorlds(WorldMachine):
    """What may happen, in any order."""

    world: FeedWorld

    @initialize(policy=st.sampled_from(POLICIES), kind=st.sampled_from(KINDS), noticed=st.booleans())
    def an_incident_is_written(self, policy: Policy, kind: IncidentType, *, noticed: bool) -> None:
        self.world = FeedWorld(policy, kind)
        self.lines.clear()
        if noticed:
            self.do(self.world.look())

    @rule(change=CHANGES)
    def something_changes(self, change: Change) -> None:
        self.world.happen(change)

    @rule(change=CHANGES)
    def something_changes_and_is_noticed(self, change: Change) -> None:
        self.world.happen(change)
        self.do(self.world.look())

    @rule(change=CHANGES)
    def something_changes_and_a_poll_notices(self, change: Change) -> None:
        self.world.happen(change)
        self.do(self.world.poll())

    @rule(change=CHANGES, gate=GATES)
    def something_changes_during_a_look(self, change: Change, gate: int) -> None:
        self.do(self.world.change_during_a_look(gate, change))

    @rule(change=CHANGES, gate=GATES, killed=st.booleans())
    def a_worker_ends_during_a_look(self, change: Change, gate: int, *, killed: bool) -> None:
        self.world.happen(change)
        self.do(self.world.look_broken_off(gate, killed=killed))

    @rule(trouble=TROUBLES)
    def something_fails(self, trouble: Trouble) -> None:
        if trouble.where in self.world.troubles:
            self.world.fail(trouble)

    @rule(seconds=st.sampled_from(SPANS))
    def time_goes_by(self, seconds: float) -> None:
        self.do(self.world.later(seconds))

    @rule(what=st.sampled_from(["look", "touch", "replay", "rest", "rest", "rest", "wipe"]))
    def somebody_asks(self, what: str) -> None:
        match what:
            case "look":
                self.do(self.world.look())
            case "touch":
                self.do(self.world.touch())
            case "replay":
                self.do(self.world.replay())
            case "wipe":
                self.world.wipe()
            case _:
                self.do(self.world.rest())

    def settle(self) -> None:
        for becomes in ("back", "listed", "referred"):
            self.world.happen(Change(SCHOOLSCAN, becomes))


@pytest.fixture
def machine() -> Iterator[type[IncidentWorlds]]:
    with with_loop(IncidentWorlds):
        yield IncidentWorlds


@pytest.mark.timeout(7200)  # for many rounds
def test_whatever_happens_an_incident_and_its_tickets_come_to_agree(
    machine: type[IncidentWorlds], pytestconfig: pytest.Config
) -> None:
    play(machine, pytestconfig, WORLDS, STEPS)
