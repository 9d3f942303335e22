"""The planner: cases.md's table as a table, and the promises P2, P4 and P5 as properties over a small world."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import (
    Action,
    AttachReport,
    CloseDuplicate,
    CommentOnTicket,
    KeepList,
    OpenTicket,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
)
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.findings import Finding
from remediation.domain.policy import FOR_EVER, Policy
from remediation.domain.status import Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning import Observation, plan, still_wanted, written_ahead
from tests.action_names import action_named, actions_named
from tests.examples import examples

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
BOTH = ("servicenow", "jira")
EARLIER = datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Policy(rule="every-finding", trackers=BOTH)

OPEN, REVIEWING = Status.OPEN, Status.REVIEWING
RESOLVED, ACCEPTED = Status.RESOLVED, Status.ACCEPTED_RISK
ACTIVE, DONE, GONE = TicketState.IN_PROGRESS, TicketState.DONE, TicketState.GONE

AGREED_ACTIVE = Memory(REVIEWING, {"servicenow": TicketState.OPEN, "jira": TicketState.OPEN})
AGREED_DONE = Memory(RESOLVED, {"servicenow": DONE, "jira": DONE})


def ticket(tracker: str, state: TicketState, reason: Reason | None = None, closed_at: datetime | None = None) -> Ticket:
    why = (reason or Reason.FIXED) if state is DONE else None
    return Ticket(
        tracker, f"id-{tracker}", f"KEY-{tracker}", "https://t.example/1", state, why, KEY.mark, closed_at=closed_at
    )


def seen(status: Status, updated_at: datetime | None = None, **states: TicketState | Ticket) -> Observation:
    tickets = {name: state if isinstance(state, Ticket) else ticket(name, state) for name, state in states.items()}
    return Observation(subject_of(KEY, Finding("fnd_1", status, updated_at=updated_at)), tickets)


def names(observation: Observation, memory: Memory | None = None, wanted: tuple[str, ...] = BOTH) -> list[str]:
    record = CaseRecord(KEY, memory=memory or Memory())
    return [str(action.name) for action in plan(observation, Policy(trackers=wanted), record, NOW)]


TABLE = [
    ("a new finding opens its tickets", seen(OPEN), Memory(), ["open:servicenow", "open:jira", "patch:reviewing"]),
    ("a new finding in review too", seen(REVIEWING), Memory(), ["open:servicenow", "open:jira", "patch:reviewing"]),
    ("a new finding that is solved needs nothing", seen(RESOLVED), Memory(), []),
    ("an accepted one neither", seen(ACCEPTED), Memory(), []),
    ("a status that we do not know needs nothing", seen(Status.UNKNOWN, jira=ACTIVE), AGREED_ACTIVE, []),
    ("in agreement nothing is planned", seen(REVIEWING, servicenow=ACTIVE, jira=ACTIVE), AGREED_ACTIVE, []),
    ("solved and done is agreement too", seen(RESOLVED, servicenow=DONE, jira=DONE), AGREED_DONE, []),
    ("one of two tickets done is not yet enough", seen(REVIEWING, servicenow=DONE, jira=ACTIVE), AGREED_ACTIVE, []),
    (
        "all tickets done resolves the finding",
        seen(REVIEWING, servicenow=DONE, jira=DONE),
        AGREED_ACTIVE,
        ["patch:resolved"],
    ),
    (
        "a risk accepted in every ticket is accepted",
        seen(REVIEWING, None, **{name: ticket(name, DONE, Reason.ACCEPTED_RISK) for name in BOTH}),
        AGREED_ACTIVE,
        ["patch:accepted_risk"],
    ),
    (
        "a risk accepted in one and fixed in the other is resolved",
        seen(REVIEWING, servicenow=DONE, jira=ticket("jira", DONE, Reason.ACCEPTED_RISK)),
        AGREED_ACTIVE,
        ["patch:resolved"],
    ),
    (
        "an empty resolution never accepts a risk",
        seen(REVIEWING, None, **{name: ticket(name, DONE, Reason.NONE) for name in BOTH}),
        AGREED_ACTIVE,
        ["patch:resolved"],
    ),
    (
        "a ticket reopened by a person reopens the finding",
        seen(RESOLVED, servicenow=ACTIVE, jira=DONE),
        AGREED_DONE,
        ["patch:reviewing"],
    ),
    (
        "a finding resolved closes its tickets",
        seen(RESOLVED, servicenow=ACTIVE, jira=ACTIVE),
        AGREED_ACTIVE,
        ["resolve:servicenow", "resolve:jira"],
    ),
    (
        "a ticket that has not been closed since is not taken for one that a person reopened",
        seen(RESOLVED, servicenow=ACTIVE, jira=DONE),
        Memory(RESOLVED, {"servicenow": ACTIVE, "jira": DONE}),
        ["resolve:servicenow"],
    ),
    (
        "nor is one that could not be asked when the finding was solved",
        seen(RESOLVED, servicenow=ACTIVE, jira=DONE),
        Memory(RESOLVED, {"jira": DONE}),
        ["resolve:servicenow"],
    ),
    (
        "a finding accepted closes its tickets",
        seen(ACCEPTED, servicenow=ticket("servicenow", DONE, Reason.CANCELLED), jira=ACTIVE),
        AGREED_ACTIVE,
        ["resolve:jira"],
    ),
    (
        "fixed in one place and accepted in the other: SchoolScan's word, and both are told",
        seen(ACCEPTED, servicenow=DONE, jira=ACTIVE),
        AGREED_ACTIVE,
        ["resolve:jira", "comment:servicenow:conflict", "patch:accepted_risk"],
    ),
    (
        "found again reopens tickets",
        seen(OPEN, servicenow=DONE, jira=DONE),
        AGREED_DONE,
        ["reopen:servicenow", "reopen:jira", "patch:reviewing"],
    ),
    (
        "set back to review by a person reopens tickets",
        seen(REVIEWING, servicenow=DONE, jira=DONE),
        AGREED_DONE,
        ["reopen:servicenow", "reopen:jira"],
    ),
    (
        "found again while its tickets were being closed stays open",
        seen(OPEN, servicenow=DONE, jira=DONE),
        AGREED_ACTIVE,
        ["reopen:servicenow", "reopen:jira", "patch:reviewing"],
    ),
    (
        "found again after a crash in the middle of reopening",
        seen(OPEN, servicenow=ACTIVE, jira=DONE),
        AGREED_DONE,
        ["reopen:jira", "patch:reviewing"],
    ),
    (
        "a ticket that is gone is opened anew",
        seen(REVIEWING, servicenow=GONE, jira=ACTIVE),
        AGREED_ACTIVE,
        ["open:servicenow", "patch:reviewing"],
    ),
    (
        "a ticket that is gone has not been closed, whatever became of the others",
        seen(REVIEWING, servicenow=DONE, jira=GONE),
        AGREED_ACTIVE,
        ["open:jira", "patch:reviewing"],
    ),
    ("a ticket that is gone from a solved case is let be", seen(RESOLVED, servicenow=GONE, jira=DONE), AGREED_DONE, []),
    (
        "solved here and reopened there: still open wins, and is told",
        seen(ACCEPTED, servicenow=ACTIVE, jira=DONE),
        AGREED_DONE,
        ["comment:servicenow:conflict", "patch:reviewing"],
    ),
    (
        "opened but not yet in review, after a crash",
        seen(OPEN, servicenow=ACTIVE, jira=ACTIVE),
        Memory(),
        ["patch:reviewing"],
    ),
    ("found again by their marks after Redis was wiped", seen(REVIEWING, servicenow=ACTIVE, jira=ACTIVE), Memory(), []),
    ("wiped, and solved on both sides", seen(RESOLVED, servicenow=DONE, jira=DONE), Memory(), []),
]


@pytest.mark.parametrize(
    ("observation", "memory", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table_holds(observation: Observation, memory: Memory, expected: list[str]) -> None:
    assert names(observation, memory) == expected


@pytest.mark.parametrize(
    ("closed", "expected"), [(1, ["patch:resolved"]), (-1, ["reopen:jira"]), (None, ["reopen:jira"])]
)
def test_without_a_memory_the_later_of_closing_and_reviewing_counts(closed: int | None, expected: list[str]) -> None:
    closed_at = None if closed is None else EARLIER + timedelta(hours=closed)
    observation = seen(REVIEWING, EARLIER, jira=ticket("jira", DONE, closed_at=closed_at))
    assert names(observation, wanted=("jira",)) == expected


def test_nothing_is_concluded_while_a_tracker_cannot_be_asked() -> None:
    observation = replace(seen(REVIEWING, servicenow=DONE), unseen=frozenset({"jira"}))
    assert names(observation, AGREED_ACTIVE) == []


def test_a_tracker_that_cannot_be_asked_does_not_keep_the_other_from_its_ticket() -> None:
    assert names(replace(seen(OPEN), unseen=frozenset({"jira"}))) == ["open:servicenow", "patch:reviewing"]


def test_no_rule_means_no_ticket() -> None:
    assert names(seen(OPEN), wanted=()) == []


def test_a_case_whose_rule_was_taken_away_is_kept_in_step_all_the_same() -> None:
    assert names(seen(REVIEWING, jira=DONE), Memory(REVIEWING, {"jira": ACTIVE}), wanted=()) == ["patch:resolved"]


def test_duplicates_are_closed() -> None:
    twin = replace(ticket("jira", ACTIVE), id="id-twin")
    observation = replace(seen(REVIEWING, servicenow=ACTIVE, jira=ACTIVE), duplicates=(twin,))
    assert plan(observation, POLICY, CaseRecord(KEY, memory=AGREED_ACTIVE), NOW) == (CloseDuplicate("jira", "id-twin"),)


def test_our_own_reopening_is_not_taken_for_a_persons() -> None:
    """A crash after reopening, then somebody resolves the finding: the newer word counts (P5)."""
    memory = replace(AGREED_DONE, doing=actions_named("reopen:servicenow", "reopen:jira", "patch:reviewing"))
    observation = seen(ACCEPTED, servicenow=ACTIVE, jira=DONE)
    assert names(observation, memory) == ["resolve:servicenow"]


def test_our_own_patch_is_not_taken_for_somebodys() -> None:
    """A crash after PATCHing `resolved`, then a person reopens the ticket: it is not closed under their hands."""
    memory = replace(AGREED_ACTIVE, doing=actions_named("patch:resolved"))
    assert names(seen(RESOLVED, servicenow=ACTIVE, jira=DONE), memory) == ["patch:reviewing"]


def test_a_parked_action_is_left_out_and_the_others_are_not() -> None:
    record = CaseRecord(KEY, parked=actions_named("open:jira"))
    assert [str(action.name) for action in plan(seen(OPEN), POLICY, record, NOW)] == [
        "open:servicenow",
        "patch:reviewing",
    ]


def test_a_ticket_whose_opening_is_parked_has_the_finding_patched_once_and_not_at_every_look() -> None:
    record = CaseRecord(KEY, memory=Memory(REVIEWING, {"servicenow": ACTIVE}), parked=actions_named("open:jira"))
    assert plan(seen(REVIEWING, servicenow=ACTIVE), POLICY, record, NOW) == ()
    assert plan(seen(OPEN), POLICY, CaseRecord(KEY, parked=actions_named("open:jira", "open:servicenow")), NOW) == ()


@pytest.mark.parametrize("how", ["parked", "again"])
def test_tickets_that_would_not_be_reopened_do_not_solve_their_finding(how: str) -> None:
    memory, refused = Memory(REVIEWING, {"jira": DONE}), {how: actions_named("reopen:jira")}
    record = replace(CaseRecord(KEY, memory=memory), **refused)  # type: ignore[arg-type]  # both fields are alike
    named = [str(action.name) for action in plan(seen(REVIEWING, jira=DONE), Policy(trackers=("jira",)), record, NOW)]
    assert named == (["reopen:jira"] if how == "again" else [])
    closed_since = replace(record, memory=Memory(REVIEWING, {"jira": ACTIVE}), again=frozenset())
    assert [
        str(action.name) for action in plan(seen(REVIEWING, jira=DONE), Policy(trackers=("jira",)), closed_since, NOW)
    ] == ["patch:resolved"]


@pytest.mark.parametrize("how", ["parked", "again"])
def test_a_ticket_that_a_person_reopened_is_not_closed_because_schoolscan_refused(how: str) -> None:
    memory, refused = Memory(RESOLVED, {"jira": DONE}), {how: actions_named("patch:reviewing")}
    record = replace(CaseRecord(KEY, memory=memory), **refused)  # type: ignore[arg-type]  # both fields are alike
    named = [str(action.name) for action in plan(seen(RESOLVED, jira=ACTIVE), Policy(trackers=("jira",)), record, NOW)]
    assert named == (["patch:reviewing"] if how == "again" else [])


def test_an_action_asked_for_again_comes_back_while_it_makes_sense() -> None:
    record = CaseRecord(
        KEY, memory=Memory(REVIEWING, {"servicenow": ACTIVE, "jira": DONE}), again=actions_named("reopen:jira")
    )
    assert [
        str(action.name) for action in plan(seen(REVIEWING, servicenow=ACTIVE, jira=DONE), POLICY, record, NOW)
    ] == ["reopen:jira"]
    assert plan(seen(REVIEWING, servicenow=ACTIVE, jira=ACTIVE), POLICY, record, NOW) == ()


@pytest.mark.parametrize("name", ["open:jira", "reopen:jira", "resolve:jira"])
@pytest.mark.parametrize("status", [REVIEWING, RESOLVED])
def test_an_action_asked_for_again_waits_until_its_tracker_can_be_seen(name: str, status: Status) -> None:
    record = CaseRecord(KEY, memory=Memory(status, {"jira": DONE}), again=actions_named(name))
    assert (
        plan(
            Observation(subject_of(KEY, Finding("fnd_1", status)), unseen=frozenset({"jira"})),
            Policy(trackers=("jira",)),
            record,
            NOW,
        )
        == ()
    )


@pytest.mark.parametrize(
    ("name", "observation", "expected"),
    [
        ("open:jira", seen(OPEN, servicenow=ACTIVE), True),
        ("open:jira", seen(OPEN, jira=ACTIVE), False),
        ("open:jira", seen(RESOLVED), False),
        ("resolve:jira", seen(RESOLVED, jira=ACTIVE), True),
        ("resolve:jira", seen(REVIEWING, jira=ACTIVE), False),
        ("reopen:jira", seen(REVIEWING, jira=DONE), True),
        ("patch:reviewing", seen(OPEN, jira=ACTIVE), True),
        ("patch:reviewing", seen(REVIEWING, jira=ACTIVE), False),
        ("patch:resolved", seen(REVIEWING, jira=DONE), True),
        ("patch:resolved", seen(REVIEWING, jira=ACTIVE), False),
        ("look", seen(OPEN), False),
    ],
)
def test_a_parked_action_is_wanted_only_while_it_would_help(
    name: str, observation: Observation, *, expected: bool
) -> None:
    assert still_wanted(action_named(name), observation, POLICY, CaseRecord(KEY), NOW) is expected


@pytest.mark.parametrize(
    ("name", "reopen_within", "expected"),
    [
        ("open:jira", timedelta(0), False),
        ("open:jira", FOR_EVER, False),
        ("reopen:jira", timedelta(0), False),
        ("reopen:jira", FOR_EVER, True),
    ],
)
def test_a_done_ticket_whose_tracker_has_left_the_rule_comes_back_only_by_reopening(
    name: str, reopen_within: timedelta, *, expected: bool
) -> None:
    policy = Policy(trackers=("servicenow",), reopen_within=reopen_within)
    record = CaseRecord(KEY, memory=Memory(REVIEWING, {"servicenow": ACTIVE, "jira": DONE}), again=actions_named(name))
    observation = seen(REVIEWING, servicenow=ACTIVE, jira=DONE)
    assert still_wanted(action_named(name), observation, policy, record, NOW) is expected
    planned = plan(observation, policy, record, NOW)
    assert not any(isinstance(action, OpenTicket) and action.tracker == "jira" for action in planned)


# A small world in which actions really happen, so that promises can be tried on all of its histories.


@dataclass
class World:
    status: Status = OPEN
    tickets: dict[str, TicketState] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    opened: list[str] = field(default_factory=list)

    def look(self, crash_after: int | None = None) -> list[Action]:
        observation = seen(self.status, None, **self.tickets)
        record = CaseRecord(KEY, memory=self.memory)
        actions = list(plan(observation, POLICY, record, NOW))
        if actions:
            self.memory = written_ahead(record, observation, tuple(actions))
        for number, action in enumerate(actions):
            if number == crash_after:
                return actions
            self.act(action)
        if crash_after is None or crash_after < len(actions):
            self.memory = Memory(self.status, dict(self.tickets))
        if observation.subject.status.is_solved and self.status.is_unsolved:
            return actions + self.look(crash_after)
        return actions

    def act(self, action: Action) -> None:
        match action:
            case OpenTicket(tracker=name):
                assert self.tickets.get(name, GONE) is GONE, "a second ticket"
                self.opened.append(name)
                self.tickets[name] = TicketState.OPEN
            case ResolveTicket(tracker=name):
                self.tickets[name] = DONE
            case ReopenTicket(tracker=name):
                self.tickets[name] = TicketState.OPEN
            case SetStatus(status=status):
                self.status = status
            case CommentOnTicket() | CloseDuplicate() | RaiseTicket() | RelateTicket() | KeepList() | AttachReport():
                pass

    def agrees(self) -> bool:
        states = [self.tickets[name] for name in self.tickets if self.tickets[name] is not GONE]
        active = any(state.is_active for state in states)
        if self.status is REVIEWING:
            return active and all(name in self.tickets and self.tickets[name] is not GONE for name in BOTH)
        return self.status.is_solved and not active

    def change(self, step: tuple[str, str]) -> None:
        what, word = step
        if what == "finding":
            self.status = Status(word)
        elif self.tickets.get(what) not in {None, GONE}:
            self.tickets[what] = TicketState(word)


CHANGES = st.one_of(
    st.tuples(st.just("finding"), st.sampled_from([OPEN, REVIEWING, RESOLVED, ACCEPTED]).map(str)),
    st.tuples(st.sampled_from(BOTH), st.sampled_from([TicketState.OPEN, ACTIVE, DONE, GONE]).map(str)),
)
STEPS = st.lists(st.one_of(CHANGES, st.tuples(st.just("look"), st.one_of(st.none(), st.integers(0, 4)))), max_size=12)


@examples(1500)
@given(STEPS)
def test_whatever_happens_and_wherever_we_crash_one_look_brings_agreement_and_the_next_has_nothing_to_do(
    steps: list[tuple[str, object]],
) -> None:
    world = World()
    for what, detail in steps:
        if what == "look":
            world.look(crash_after=detail if isinstance(detail, int) else None)
        else:
            world.change((what, str(detail)))
    world.look()
    assert world.agrees(), world
    before = replace(world, tickets=dict(world.tickets))
    assert world.look() == []
    assert (world.status, world.tickets) == (before.status, before.tickets)


@examples(500)
@given(STEPS, st.integers(1, 5))
def test_looking_again_however_often_changes_nothing(steps: list[tuple[str, object]], times: int) -> None:
    world = World()
    for what, detail in steps:
        if what != "look":
            world.change((what, str(detail)))
        else:
            world.look()
    world.look()
    state = (world.status, dict(world.tickets), list(world.opened))
    for _ in range(times):
        world.look()
    assert (world.status, world.tickets, world.opened) == state


@examples(500)
@given(st.integers(0, 4), st.sampled_from([RESOLVED, ACCEPTED]))
def test_a_word_of_schoolscan_that_comes_after_our_crash_is_not_undone(crash_after: int, word: Status) -> None:
    """Found again, we crash in the middle of reopening, then a person solves the finding: it stays solved (P5)."""
    world = World(OPEN, {"servicenow": DONE, "jira": DONE}, AGREED_DONE)
    world.look(crash_after=crash_after)
    if world.status is word:
        return
    world.status = word
    world.look()
    assert world.status is word
