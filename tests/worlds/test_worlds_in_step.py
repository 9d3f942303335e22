"""Whole worlds of one case, thousands of them: whoever changes what, whatever fails, both sides come to agree.

By default the same worlds every time. `--rounds` plays more, and others.
"""

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from remediation.domain.policy import FOR_EVER, KEPT_OPEN, Acceptance, Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason
from tests.random_histories import play
from tests.shelves import Shelves
from tests.worlds.agreement import ACCEPTED, GONE, OPEN, RESOLVED, REVIEWING
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.machines import WorldMachine, with_loop
from tests.worlds.outside import DAY, HORIZON, KEY, Change, Trouble
from tests.worlds.world import World

WORLDS = 2_000
STEPS = 14

POLICIES = [
    Policy("every-finding", trackers, resolve_when, reopen, frozenset(kept), acceptance, closes_gone, copies)
    for trackers, resolve_when, reopen, kept, acceptance, (closes_gone, copies) in product(
        [("snow", "jira"), ("snow",)],
        ResolveWhen,
        [FOR_EVER, timedelta(days=10), timedelta(0)],
        [(), KEPT_OPEN, (Reason.CANCELLED, Reason.UNKNOWN, Reason.NONE)],
        [
            Acceptance(),
            Acceptance(reason_required=True, expiry_required=True),
            Acceptance(expiry_required=True, at_most=timedelta(days=20)),
            Acceptance(at_most=timedelta(days=20)),
        ],
        [(False, False), (True, True)],
    )
]

IN_SCHOOLSCAN = [
    Change(SCHOOLSCAN, becomes)
    for becomes in (OPEN, OPEN, OPEN, REVIEWING, RESOLVED, RESOLVED, ACCEPTED, ACCEPTED, GONE, "back")
] + [
    *(Change(SCHOOLSCAN, "severity", detail=severity) for severity in ("low", "high", "critical")),
    *(Change(SCHOOLSCAN, "review", detail=outcome) for outcome in ("confirmed", "false_alarm")),
]
IN_A_TRACKER = [
    change
    for name in ("snow", "jira")
    for change in (
        *(Change(name, "closed", Reason.FIXED) for _ in range(5)),
        *(Change(name, "closed", reason) for reason in Reason),
        Change(name, "closed", Reason.ACCEPTED_RISK, "nobody sees it"),
        Change(name, "closed", Reason.ACCEPTED_RISK, "nobody sees it", 5.0),
        Change(name, "closed", Reason.ACCEPTED_RISK, "nobody sees it", 5.0),
        Change(name, "closed", Reason.ACCEPTED_RISK, "nobody sees it", 50.0),
        Change(name, "closed", Reason.ACCEPTED_RISK, "nobody sees it", -1.0),
        Change(name, "closed", Reason.ACCEPTED_RISK, "", 5.0),
        Change(name, "closed", Reason.UNKNOWN, "odd"),
        Change(name, "closed", Reason.ACCEPTED_RISK, "nobody sees it", math.nan),
        Change(name, "risk", detail="nobody sees it", days=5.0),
        Change(name, "risk", detail="nobody sees it", days=math.nan),
        Change(name, "risk", detail="nobody sees it"),
        *(Change(name, "reason", reason) for reason in Reason),
        Change(name, "reason", Reason.FIXED),
        Change(name, "reason", Reason.UNKNOWN, "odd"),
        Change(name, "reason", Reason.UNKNOWN, "very odd"),
        Change(name, "reason", Reason.ACCEPTED_RISK, "nobody sees it", 5.0),
        Change(name, "reason", Reason.ACCEPTED_RISK, "nobody sees it", -1.0),
        *(Change(name, "reopened") for _ in range(4)),
        Change(name, "deleted"),
        Change(name, "deleted"),
        Change(name, "final"),
        Change(name, "final"),
        Change(name, "moved"),
        Change(name, "field", detail="priority"),
        Change(name, "field", detail="duedate"),
        Change(name, "comment"),
    )
]
CHANGES = st.sampled_from(IN_SCHOOLSCAN + IN_SCHOOLSCAN + IN_A_TRACKER)
ON_TRACKERS = (
    *("read", "find", "create", "created", "resolve", "resolved", "reopen", "reopened"),
    *("comment", "commented", "raise_urgency", "raised", "closing_words", "changes"),
)
ON_SCHOOLSCAN = ("finding", "update_finding", "updated")
TROUBLES = st.sampled_from(
    [
        Trouble(where, call, kind, lasting)
        for where, call in [
            *product(["snow", "jira"], ON_TRACKERS),
            *product([SCHOOLSCAN], ON_SCHOOLSCAN * 3),
        ]
        for kind, lasting in [
            *product(["busy", "refused"], [True, False]),
            ("limited", False),
            ("waits", False) if where == SCHOOLSCAN else ("crowded", False),
            ("ours", False),
        ]
    ]
)
GATES = st.integers(1, 40)
BEGINNINGS = [OPEN] * 8 + [REVIEWING, RESOLVED]
SPANS = [0.5, HORIZON / 2, HORIZON, 1_000.0, DAY, 6 * DAY, 30 * DAY]


class Worlds(WorldMachine):
    """What may happen, in any order."""

    backup: Shelves

    @initialize(policy=st.sampled_from(POLICIES), status=st.sampled_from(BEGINNINGS), noticed=st.booleans())
    def a_finding_is_found(self, policy: Policy, status: Status, *, noticed: bool) -> None:
        self.world, self.backup = World(policy, status), Shelves()
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

    @rule(what=st.sampled_from(["look", "look", "replay", "rest", "rest", "rest", "wipe", "save", "restore"]))
    def somebody_asks(self, what: str) -> None:
        match what:
            case "look":
                self.do(self.world.look())
            case "replay":
                self.do(self.world.replay())
            case "wipe":
                self.world.wipe()
            case "save":
                self.backup = self.world.shelves.copy()
            case "restore":
                self.world.restore(self.backup)
            case _:
                self.do(self.world.rest())

    def settle(self) -> None:
        if self.world.was_wiped:  # of a finding that is gone and forgotten nobody can tell which rule counted
            self.world.happen(Change(SCHOOLSCAN, "back"))

    async def look_at_rest(self) -> None:
        """Looking costs one read of each."""
        world = self.world
        await self.hold()
        # What we were about to open and never saw may still come to light: that is searched for with each look.
        row = world.shelves.rows[KEY.ref]
        intents, links = ({n.partition(":")[2] for n in row if n.startswith(kind)} for kind in ("intent:", "link:"))
        world.calls()
        await world.look()
        calls = world.calls()
        assert calls.pop(SCHOOLSCAN) == ["finding"]
        asked = {n: ["read"] * (n in links) + ["find"] * (n in intents) for n in links | intents}
        assert {name: made for name, made in calls.items() if made} == asked
        assert world.picture().tickets.keys() <= links


@pytest.fixture
def machine() -> Iterator[type[Worlds]]:
    with with_loop(Worlds):
        yield Worlds


@pytest.mark.timeout(7200)  # for many rounds
def test_whatever_happens_both_sides_come_to_agree(machine: type[Worlds], pytestconfig: pytest.Config) -> None:
    play(machine, pytestconfig, WORLDS, STEPS)
