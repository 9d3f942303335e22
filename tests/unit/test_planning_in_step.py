"""The planner's rows on keeping both sides in step, as a table: policies, acceptances, conflicts and news."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from remediation.domain.actions import (
    Action,
    CommentOnTicket,
    OpenTicket,
    Plan,
    RaiseTicket,
    ReopenTicket,
    SetStatus,
    Why,
)
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.findings import Finding
from remediation.domain.policy import Acceptance, Policy, ResolveWhen
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.planning import Observation, as_remembered, plan, still_told, still_wanted
from tests.action_names import action_named, actions_named

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)

OPEN: Final = Status.OPEN
REVIEWING: Final = Status.REVIEWING
RESOLVED: Final = Status.RESOLVED
ACCEPTED: Final = Status.ACCEPTED_RISK
GONE: Final = Status.GONE
ACTIVE, DONE = TicketState.OPEN, TicketState.DONE

BOTH = Policy("every-finding", ("snow", "jira"))
ANY = replace(BOTH, resolve_when=ResolveWhen.ANY)
WITHIN = replace(BOTH, reopen_within=14 * DAY)
NEVER = replace(BOTH, reopen_within=timedelta(0))
STRICT = replace(BOTH, acceptance=Acceptance(reason_required=True, expiry_required=True))
A_YEAR = replace(BOTH, acceptance=Acceptance(at_most=365 * DAY))
KEEPING = replace(BOTH, kept_open=frozenset({Reason.CANCELLED}))
CLOSING = replace(BOTH, closes_gone=True)

AT_WORK = Memory(REVIEWING, {"snow": ACTIVE, "jira": ACTIVE}, severity=Severity.HIGH)
MENDED = Memory(RESOLVED, {"snow": DONE, "jira": DONE})
FIXED_BY_PEOPLE = replace(
    MENDED, closings={"snow": Closing(Reason.FIXED, "Solution provided"), "jira": Closing(Reason.FIXED)}
)
LIVED_WITH = Memory(ACCEPTED, {"snow": DONE, "jira": DONE})


def active(tracker: str, **facts: Any) -> Ticket:
    return replace(Ticket(tracker, f"id-{tracker}", f"KEY-{tracker}", "https://t.example", ACTIVE), **facts)


def done(tracker: str, reason: Reason = Reason.FIXED, **facts: Any) -> Ticket:
    facts.setdefault("closed_at", NOW - DAY)
    return replace(active(tracker), state=DONE, reason=reason, **facts)


def accepted(tracker: str, reason: str | None = "no students on it", until: datetime | None = None) -> Ticket:
    return done(tracker, Reason.ACCEPTED_RISK, risk=Risk(reason, until))


UNREAD = done("snow", Reason.ACCEPTED_RISK, risk=Risk("no students on it", is_unread=True))


def seen(status: Status, *tickets: Ticket, **facts: Any) -> Observation:
    finding = replace(Finding("fnd_1", status, Severity.HIGH), **facts)
    return Observation(subject_of(KEY, finding), {ticket.tracker: ticket for ticket in tickets})


def planned(observation: Observation, memory: Memory, policy: Policy = BOTH, now: datetime = NOW) -> Plan:
    return plan(observation, policy, CaseRecord(KEY, memory=memory), now)


@dataclass(frozen=True)
class Row:
    """One row: what was seen and remembered, and the names of what is planned for it."""

    means: str
    observation: Observation
    memory: Memory
    expected: list[str] = field(default_factory=list)
    policy: Policy = BOTH


TABLE = [
    Row(
        "one ticket of two done is enough where the rule says any: the other is closed",
        seen(REVIEWING, done("snow"), active("jira")),
        AT_WORK,
        ["resolve:jira", "patch:resolved"],
        ANY,
    ),
    Row(
        "any means one that was closed since: one that a conflict left done decides nothing",
        seen(REVIEWING, done("snow"), active("jira")),
        replace(AT_WORK, tickets={"snow": DONE, "jira": ACTIVE}),
        [],
        ANY,
    ),
    Row(
        "any, without a memory: not what was closed before somebody said reviewing",
        seen(REVIEWING, done("snow", closed_at=NOW - 2 * DAY), active("jira"), updated_at=NOW - DAY),
        Memory(),
        [],
        ANY,
    ),
    Row(
        "found again within the time: reopened",
        seen(OPEN, done("snow", closed_at=NOW - 13 * DAY), done("jira")),
        MENDED,
        ["reopen:snow", "reopen:jira", "patch:reviewing"],
        WITHIN,
    ),
    Row(
        "found again too late: a new ticket follows the old one",
        seen(OPEN, done("snow", closed_at=NOW - 14 * DAY), done("jira")),
        MENDED,
        ["open:snow", "reopen:jira", "patch:reviewing"],
        WITHIN,
    ),
    Row(
        "found again where the rule never reopens: new tickets",
        seen(OPEN, done("snow"), done("jira", closed_at=None)),
        MENDED,
        ["open:snow", "open:jira", "patch:reviewing"],
        NEVER,
    ),
    Row(
        "closed for good: a new one, whatever the rule says",
        seen(OPEN, done("snow", final=True), done("jira")),
        MENDED,
        ["open:snow", "reopen:jira", "patch:reviewing"],
    ),
    Row(
        "set back to review by a person, and closed for good: the note names the new ticket",
        seen(REVIEWING, done("snow", final=True), done("jira")),
        MENDED,
        ["open:snow", "reopen:jira", "patch:reviewing"],
    ),
    Row(
        "a risk accepted with all that the rule asks for",
        seen(REVIEWING, accepted("snow", until=NOW + DAY), accepted("jira", until=NOW + DAY)),
        AT_WORK,
        ["patch:accepted_risk"],
        STRICT,
    ),
    Row(
        "a risk accepted without a reason and without an end does not count, and is asked back about",
        seen(REVIEWING, accepted("snow", None, NOW + DAY), accepted("jira")),
        AT_WORK,
        ["comment:snow:risk_unexplained", "comment:jira:risk_unexplained"],
        STRICT,
    ),
    Row(
        "found again: an accepted risk that has not ended stays accepted",
        seen(OPEN, accepted("snow", until=NOW + DAY), accepted("jira")),
        LIVED_WITH,
        ["patch:accepted_risk"],
    ),
    Row(
        "found again: also one that SchoolScan's people accepted, about which the tickets say nothing",
        seen(OPEN, accepted("snow", None), accepted("jira", None)),
        LIVED_WITH,
        ["patch:accepted_risk"],
        STRICT,
    ),
    Row(
        "found again after the acceptance ended: work begins anew",
        seen(OPEN, accepted("snow", until=NOW - DAY), done("jira", Reason.ACCEPTED_RISK)),
        LIVED_WITH,
        ["reopen:snow", "reopen:jira", "patch:reviewing"],
    ),
    Row(
        "a person says reviewing of an accepted risk: that is no scan, and counts",
        seen(REVIEWING, accepted("snow"), accepted("jira")),
        LIVED_WITH,
        ["reopen:snow", "reopen:jira"],
    ),
    Row(
        "an accepted risk has ended: the tickets come back",
        seen(ACCEPTED, accepted("snow", until=NOW), accepted("jira")),
        LIVED_WITH,
        ["reopen:snow", "reopen:jira", "patch:reviewing"],
    ),
    Row(
        "it has ended, the ticket is closed for good, and the rule wants one in another tracker now",
        seen(ACCEPTED, replace(accepted("snow", until=NOW), final=True)),
        LIVED_WITH,
        ["open:jira", "patch:reviewing"],
        replace(BOTH, trackers=("jira",)),
    ),
    Row(
        "it has ended, the ticket is closed for good, and no rule takes the finding any more",
        seen(ACCEPTED, replace(accepted("snow", until=NOW), final=True)),
        LIVED_WITH,
        ["patch:reviewing"],
        replace(BOTH, trackers=(), is_former=True),
    ),
    Row(
        "the rule's longest time counts from the closing",
        seen(ACCEPTED, replace(accepted("snow"), closed_at=NOW - 365 * DAY), accepted("jira")),
        LIVED_WITH,
        ["reopen:snow", "reopen:jira", "patch:reviewing"],
        A_YEAR,
    ),
    Row("it has not ended yet", seen(ACCEPTED, accepted("snow"), accepted("jira")), LIVED_WITH, [], A_YEAR),
    Row(
        "a ticket cancelled leaves the finding as it is where the rule says nothing: no data goes off the web by that",
        seen(REVIEWING, done("snow", Reason.CANCELLED), done("jira", Reason.CANCELLED)),
        AT_WORK,
        ["comment:snow:kept_open", "comment:jira:kept_open"],
    ),
    Row(
        "nor does one that is not solved",
        seen(REVIEWING, done("snow", Reason.NOT_SOLVED), done("jira", Reason.NONE)),
        AT_WORK,
        ["comment:snow:kept_open"],
    ),
    Row(
        "nor one that is closed with a word of which nobody said what it means",
        seen(REVIEWING, done("snow", Reason.UNKNOWN, word="Parked"), done("jira", Reason.DUPLICATE)),
        AT_WORK,
        ["comment:snow:kept_open"],
    ),
    Row(
        "closed without any reason: resolved",
        seen(REVIEWING, done("snow", Reason.NONE), done("jira", Reason.NONE)),
        AT_WORK,
        ["patch:resolved"],
    ),
    Row(
        "a word and no word are two things that a rule can tell apart",
        seen(REVIEWING, done("snow", Reason.NONE), done("jira", Reason.UNKNOWN, word="Parked")),
        AT_WORK,
        ["comment:snow:kept_open"],
        replace(BOTH, kept_open=frozenset({Reason.NONE})),
    ),
    Row(
        "closed as fixed, and changed to an accepted risk afterwards",
        seen(RESOLVED, accepted("snow"), accepted("jira")),
        FIXED_BY_PEOPLE,
        ["patch:accepted_risk"],
    ),
    Row(
        "an accepted risk that says too little takes the decision back, and is asked about",
        seen(RESOLVED, accepted("snow", None), accepted("jira", None)),
        FIXED_BY_PEOPLE,
        ["patch:reviewing", "comment:snow:risk_unexplained", "comment:jira:risk_unexplained"],
        STRICT,
    ),
    Row(
        "another reason that resolves: a new note",
        seen(RESOLVED, done("snow", Reason.FALSE_POSITIVE), done("jira", Reason.FALSE_POSITIVE)),
        FIXED_BY_PEOPLE,
        ["patch:resolved"],
    ),
    Row(
        "a reason that came seconds after the closing",
        seen(RESOLVED, done("snow", word="Done"), done("jira", word="Done")),
        replace(MENDED, closings={"snow": Closing(Reason.NONE), "jira": Closing(Reason.NONE)}),
        ["patch:resolved"],
    ),
    Row(
        "a reason that does not count: the finding is reviewing, and whoever closed the ticket is asked",
        seen(RESOLVED, done("snow", Reason.NOT_SOLVED), done("jira", Reason.DUPLICATE)),
        FIXED_BY_PEOPLE,
        ["patch:reviewing", "comment:snow:kept_open"],
    ),
    Row(
        "an accepted risk that was mended after all",
        seen(ACCEPTED, done("snow"), done("jira")),
        replace(LIVED_WITH, closings=dict.fromkeys(("snow", "jira"), Closing(Reason.ACCEPTED_RISK, "Won't Do"))),
        ["patch:resolved"],
    ),
    Row(
        "another word for the same reason is no change",
        seen(RESOLVED, done("snow", word="Workaround provided"), done("jira", word="Done")),
        FIXED_BY_PEOPLE,
    ),
    Row(
        "nor is the same word that mappings.yaml understands otherwise today",
        seen(RESOLVED, done("snow", Reason.CANCELLED, word="Solution provided"), done("jira", word="Done")),
        FIXED_BY_PEOPLE,
    ),
    Row(
        "one unknown word after another is a change",
        seen(RESOLVED, done("snow", Reason.UNKNOWN, word="Odd"), done("jira")),
        replace(MENDED, closings={"snow": Closing(Reason.UNKNOWN, "Strange"), "jira": Closing(Reason.FIXED)}),
        ["patch:resolved"],
    ),
    Row(
        "a word that comes where we closed a ticket without one is the tracker's own doing",
        seen(ACCEPTED, done("snow", word="Done"), accepted("jira")),
        replace(
            LIVED_WITH,
            closings={
                "snow": Closing(Reason.ACCEPTED_RISK, meant=Reason.ACCEPTED_RISK),
                "jira": Closing(Reason.ACCEPTED_RISK),
            },
        ),
    ),
    Row(
        "what an earlier version remembers without its reasons is no change",
        seen(RESOLVED, done("snow", Reason.NOT_SOLVED, word="Known error"), done("jira", Reason.CANCELLED)),
        MENDED,
    ),
    Row(
        "the reason changes while SchoolScan says something else: its word, and both are told",
        seen(ACCEPTED, done("snow", Reason.FALSE_POSITIVE), done("jira")),
        FIXED_BY_PEOPLE,
        ["comment:snow:conflict", "patch:accepted_risk"],
    ),
    Row(
        "any, and one that decided nothing is closed as something else now",
        seen(REVIEWING, done("snow"), active("jira")),
        Memory(REVIEWING, {"snow": DONE, "jira": ACTIVE}, closings={"snow": Closing(Reason.CANCELLED)}),
        ["resolve:jira", "patch:resolved"],
        ANY,
    ),
    Row(
        "a ticket cancelled leaves the finding as it is where the rule says so",
        seen(REVIEWING, done("snow", Reason.CANCELLED), done("jira", Reason.CANCELLED)),
        AT_WORK,
        ["comment:snow:kept_open", "comment:jira:kept_open"],
        KEEPING,
    ),
    Row(
        "cancelled in one place, fixed in the other: fixed counts",
        seen(REVIEWING, done("snow", Reason.CANCELLED), done("jira")),
        AT_WORK,
        ["patch:resolved"],
        KEEPING,
    ),
    Row(
        "closed by a person while a scan found it again: still open wins",
        seen(OPEN, done("snow"), active("jira")),
        AT_WORK,
        ["reopen:snow", "patch:reviewing"],
    ),
    Row(
        "accepted in SchoolScan, fixed in the tickets, both since: SchoolScan's word, and both are told",
        seen(ACCEPTED, done("snow"), done("jira")),
        AT_WORK,
        ["comment:snow:conflict", "comment:jira:conflict", "patch:accepted_risk"],
    ),
    Row("both changed and agree: remembered", seen(RESOLVED, done("snow"), done("jira")), AT_WORK),
    Row(
        "a finding that is gone is told, and its tickets stay",
        seen(GONE, active("snow"), done("jira"), severity=Severity.UNKNOWN),
        AT_WORK,
        ["comment:snow:finding_gone"],
    ),
    Row(
        "a finding that is gone closes its tickets where the rule allows it",
        seen(GONE, active("snow"), active("jira"), severity=Severity.UNKNOWN),
        AT_WORK,
        ["resolve:snow", "resolve:jira"],
        CLOSING,
    ),
    Row(
        "a finding that was gone and is there again is found again",
        seen(REVIEWING, done("snow"), done("jira")),
        replace(MENDED, finding=GONE),
        ["reopen:snow", "reopen:jira"],
    ),
    Row(
        "an expert has reviewed it",
        seen(REVIEWING, active("snow"), done("jira"), review="confirmed"),
        replace(AT_WORK, tickets={"snow": ACTIVE, "jira": DONE}),
        ["comment:snow:expert_reviewed"],
    ),
    Row(
        "worse than it was",
        seen(REVIEWING, active("snow"), active("jira"), severity=Severity.CRITICAL),
        AT_WORK,
        ["comment:snow:severity_raised", "comment:jira:severity_raised"],
    ),
    Row("better than it was: no news", seen(REVIEWING, active("snow"), active("jira"), severity=Severity.LOW), AT_WORK),
    Row(
        "a severity that we do not know is no news",
        seen(REVIEWING, active("snow"), active("jira"), severity=Severity.UNKNOWN),
        AT_WORK,
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[row.means for row in TABLE])
def test_the_table_holds(row: Row) -> None:
    assert [str(action.name) for action in planned(row.observation, row.memory, row.policy)] == row.expected


def test_a_changed_reason_waits_until_every_ticket_can_be_seen() -> None:
    observation = replace(seen(RESOLVED, accepted("jira")), unseen=frozenset({"snow"}))
    assert planned(observation, FIXED_BY_PEOPLE) == ()


def test_a_note_about_a_changed_reason_that_was_refused_stays_wanted() -> None:
    record = CaseRecord(KEY, memory=FIXED_BY_PEOPLE)
    for observation, name in (
        (seen(RESOLVED, done("snow", Reason.FALSE_POSITIVE), done("jira")), "patch:resolved"),
        (seen(RESOLVED, done("snow", Reason.CANCELLED), done("jira", Reason.CANCELLED)), "patch:reviewing"),
    ):
        assert still_wanted(action_named(name), observation, BOTH, record, NOW)
        assert not still_wanted(action_named(name), observation, BOTH, replace(record, memory=MENDED), NOW)


@pytest.mark.parametrize(
    ("ticket", "memory", "reason", "left"),
    [
        (done("snow", word="Known error"), replace(AT_WORK, left_over={"snow": "Known error"}), Reason.NONE, False),
        (
            done("snow", Reason.ACCEPTED_RISK, word="Known error", risk=Risk("why")),
            replace(AT_WORK, left_over={"snow": "known error"}),
            Reason.UNKNOWN,
            True,
        ),
        (done("snow", word="Done"), replace(AT_WORK, left_over={"snow": "Known error"}), Reason.FIXED, False),
        (
            done("snow", word="Done"),
            replace(AT_WORK, left_over={"snow": "Done"}, doing=actions_named("resolve:snow")),
            Reason.FIXED,
            False,
        ),
        (done("snow", Reason.NOT_SOLVED, word="Known error"), LIVED_WITH, Reason.ACCEPTED_RISK, False),
        (done("snow", Reason.NOT_SOLVED, word="Known error"), MENDED, Reason.NOT_SOLVED, False),
        (done("snow"), LIVED_WITH, Reason.FIXED, False),
        (
            done("snow", Reason.NOT_SOLVED, word="Known error"),
            replace(LIVED_WITH, closings={"snow": Closing(Reason.ACCEPTED_RISK, "Known error", Reason.ACCEPTED_RISK)}),
            Reason.ACCEPTED_RISK,
            False,
        ),
        (
            done("snow", Reason.NOT_SOLVED, word="Not resolved"),
            replace(LIVED_WITH, closings={"snow": Closing(Reason.ACCEPTED_RISK, "Known error", Reason.ACCEPTED_RISK)}),
            Reason.NOT_SOLVED,
            False,
        ),
        (active("snow", word="Known error"), replace(AT_WORK, left_over={"snow": "Known error"}), None, False),
    ],
    ids=[
        "left over: a fix is no reason that anybody gave",
        "left over: anything else is asked about",
        "left over, and chosen anew",
        "left over, and closed by us",
        "an earlier version closed it with its risk",
        "an earlier version closed it as mended",
        "a decision is what it is",
        "we closed it with its risk",
        "we did, and somebody has changed it",
        "open",
    ],
)
def test_a_closing_is_understood_by_what_is_remembered(
    ticket: Ticket, memory: Memory, reason: Reason | None, *, left: bool
) -> None:
    understood = as_remembered({"snow": ticket}, memory)["snow"]
    assert (understood.reason, understood.is_left_over, understood.word) == (reason, left, ticket.word)


def test_a_word_that_was_left_is_asked_about_whatever_the_rule_says_of_unknown_words() -> None:
    left = done("snow", Reason.UNKNOWN, word="Known error", is_left_over=True)
    policy = replace(BOTH, trackers=("snow",), kept_open=frozenset())
    (comment,) = planned(seen(REVIEWING, left), Memory(REVIEWING, {"snow": ACTIVE}), policy)
    assert comment == CommentOnTicket("snow", Why.KEPT_OPEN, "left_over: Known error")


def test_a_ticket_that_follows_names_the_old_one_and_the_others_are_told_why() -> None:
    actions = planned(seen(OPEN, done("snow", final=True), done("jira")), MENDED)
    assert actions[0] == OpenTicket("snow", Why.FOUND_AGAIN, "id-snow")
    assert actions[1] == ReopenTicket("jira", Why.FOUND_AGAIN)


def test_of_a_conflict_both_the_ticket_and_the_finding_are_told() -> None:
    actions = planned(seen(OPEN, done("snow"), active("jira")), AT_WORK)
    assert actions == (ReopenTicket("snow", Why.CONFLICT), SetStatus(REVIEWING, Why.CONFLICT))


def test_an_acceptance_ends_when_the_first_of_its_tickets_says_so_and_never_after_the_rules_longest_time() -> None:
    tickets = (accepted("snow", until=NOW + 10 * DAY), accepted("jira", until=NOW + 900 * DAY))
    for policy, until in ((BOTH, NOW + 10 * DAY), (A_YEAR, NOW + 10 * DAY)):
        assert planned(seen(REVIEWING, *tickets), AT_WORK, policy) == (
            SetStatus(ACCEPTED, Why.TICKET_DONE, Reason.ACCEPTED_RISK, until),
        )
    late = [replace(each, risk=Risk("because", NOW + 900 * DAY)) for each in tickets]
    assert planned(seen(REVIEWING, *late), AT_WORK, A_YEAR) == (
        SetStatus(ACCEPTED, Why.TICKET_DONE, Reason.ACCEPTED_RISK, NOW + 364 * DAY),
    )


@pytest.mark.parametrize(
    ("ticket", "fact"),
    [
        (accepted("snow", None, NOW + DAY), "reason"),
        (accepted("snow"), "expiry"),
        (accepted("snow", None), "reason,expiry"),
        (accepted("snow", until=NOW - DAY), "past"),
        (UNREAD, "unreadable"),
        (replace(UNREAD, risk=Risk(is_unread=True)), "reason,unreadable"),
    ],
)
def test_what_an_acceptance_lacks_is_said(ticket: Ticket, fact: str) -> None:
    policy = replace(STRICT, trackers=("snow",))
    memory = Memory(REVIEWING, {"snow": ACTIVE})
    assert planned(seen(REVIEWING, ticket), memory, policy) == (CommentOnTicket("snow", Why.RISK_UNEXPLAINED, fact),)


@pytest.mark.parametrize("policy", [BOTH, A_YEAR])
def test_an_end_that_nobody_can_read_is_said_also_where_no_rule_demands_one(policy: Policy) -> None:
    alone = replace(policy, trackers=("snow",))
    asked = (CommentOnTicket("snow", Why.RISK_UNEXPLAINED, "unreadable"),)
    assert planned(seen(REVIEWING, UNREAD), Memory(REVIEWING, {"snow": ACTIVE}), alone) == asked
    accepted_for_ever = Memory(ACCEPTED, {"snow": DONE}, closings={"snow": Closing(Reason.ACCEPTED_RISK)})
    back = SetStatus(REVIEWING, Why.REASON_CHANGED, Reason.ACCEPTED_RISK)
    assert planned(seen(ACCEPTED, UNREAD), accepted_for_ever, alone) == (back, *asked)
    by_us = replace(accepted_for_ever, closings={"snow": Closing(Reason.ACCEPTED_RISK, meant=Reason.ACCEPTED_RISK)})
    assert planned(seen(ACCEPTED, UNREAD), by_us, alone) == ()
    assert planned(seen(OPEN, UNREAD), accepted_for_ever, alone) == (
        ReopenTicket("snow", Why.FOUND_AGAIN),
        SetStatus(REVIEWING, Why.FOUND_AGAIN),
    )


def test_the_end_that_is_remembered_counts_where_a_tracker_does_not_show_it() -> None:
    end = NOW + 10 * DAY
    read = Closing.of(accepted("snow", until=end))
    untold = replace(UNREAD, risk=Risk("no students on it", is_untold=True))
    memory = Memory(ACCEPTED, {"snow": DONE}, closings={"snow": read})
    assert read.dated_by(untold) == read
    (told,) = as_remembered({"snow": untold}, memory).values()
    assert told.risk is not None
    assert told.risk.until == end
    for closing in (replace(read, ticket_id="another"), replace(read, until=None)):
        assert as_remembered({"snow": untold}, replace(memory, closings={"snow": closing})) == {"snow": untold}


def test_an_acceptance_that_ended_waits_with_a_reopening_that_was_refused() -> None:
    record = CaseRecord(KEY, memory=LIVED_WITH, parked=actions_named("reopen:snow"))
    assert plan(seen(ACCEPTED, accepted("snow", until=NOW)), replace(BOTH, trackers=("snow",)), record, NOW) == ()


def test_what_was_told_is_not_told_again_until_it_changes() -> None:
    policy, memory = replace(STRICT, trackers=("snow",)), Memory(REVIEWING, {"snow": ACTIVE})
    (comment,) = planned(seen(REVIEWING, accepted("snow")), memory, policy)
    assert isinstance(comment, CommentOnTicket)
    told = replace(memory, told=frozenset({comment.token}))
    assert planned(seen(REVIEWING, accepted("snow")), told, policy) == ()
    assert len(planned(seen(REVIEWING, accepted("snow", None)), told, policy)) == 1
    kept = still_told(seen(REVIEWING, accepted("snow")), policy, CaseRecord(KEY, memory=told), NOW)
    assert kept == told.told
    reopened = still_told(seen(REVIEWING, active("snow")), policy, CaseRecord(KEY, memory=told), NOW)
    assert reopened == frozenset()


def test_what_was_told_on_a_ticket_that_cannot_be_seen_stays_told() -> None:
    told = frozenset({"snow/expert_reviewed=confirmed"})
    record = CaseRecord(KEY, memory=replace(AT_WORK, told=told))
    observation = replace(seen(REVIEWING, active("jira")), unseen=frozenset({"snow"}))
    assert still_told(observation, BOTH, record, NOW) == told


def test_a_comment_that_may_have_been_written_before_a_crash_is_not_written_twice() -> None:
    memory = replace(AT_WORK, doing=actions_named("comment:snow:expert_reviewed"), planned_at=REVIEWING)
    actions = planned(seen(REVIEWING, active("snow"), active("jira"), review="confirmed"), memory)
    assert [str(action.name) for action in actions] == ["comment:jira:expert_reviewed"]


def worse(**urgency: str) -> Observation:
    ticket = active("snow", urgency=urgency)
    wanted = {"snow": {"priority": "Highest", "duedate": "2026-06-03"}}
    return replace(seen(REVIEWING, ticket, severity=Severity.CRITICAL), urgency=wanted)


@pytest.mark.parametrize(
    ("urgency", "expected"),
    [
        ({"priority": "High", "duedate": "2026-06-09"}, {"priority": "Highest", "duedate": "2026-06-03"}),
        ({"priority": "Low", "duedate": "2026-06-09"}, {"duedate": "2026-06-03"}),
        ({"priority": "High", "duedate": "2026-06-01"}, {"priority": "Highest"}),
        ({"priority": "High"}, {"priority": "Highest"}),
        ({}, {}),
    ],
    ids=["all ours", "priority a person's", "due a person's", "due taken away", "everything taken away"],
)
def test_only_fields_that_still_hold_what_we_wrote_are_raised(
    urgency: dict[str, str], expected: dict[str, str]
) -> None:
    wrote = {"snow": {"priority": "High", "duedate": "2026-06-09"}}
    memory = Memory(REVIEWING, {"snow": ACTIVE}, severity=Severity.HIGH, wrote=wrote)
    told, *raised = planned(worse(**urgency), memory, replace(BOTH, trackers=("snow",)))
    assert told == CommentOnTicket("snow", Why.SEVERITY_RAISED, "critical")
    assert raised == ([RaiseTicket("snow", Severity.CRITICAL, tuple(expected.items()))] if expected else [])


def test_a_due_date_is_never_moved_to_a_later_day() -> None:
    wrote = {"snow": {"duedate": "2026-06-01"}}
    memory = Memory(REVIEWING, {"snow": ACTIVE}, severity=Severity.HIGH, wrote=wrote)
    actions = planned(worse(duedate="2026-06-01"), memory, replace(BOTH, trackers=("snow",)))
    assert [str(action.name) for action in actions] == ["comment:snow:severity_raised"]


def test_raising_that_was_done_before_a_crash_is_not_done_again() -> None:
    wrote = {"snow": {"priority": "High", "duedate": "2026-06-09"}}
    doing = actions_named("raise:snow", "comment:snow:severity_raised")
    memory = Memory(REVIEWING, {"snow": ACTIVE}, doing, REVIEWING, Severity.HIGH, wrote=wrote)
    after = worse(priority="Highest", duedate="2026-06-03")
    assert planned(after, memory, replace(BOTH, trackers=("snow",))) == ()


def test_while_raising_a_ticket_is_parked_people_are_still_told_that_it_is_worse() -> None:
    wrote = {"snow": {"priority": "High", "duedate": "2026-06-09"}}
    memory = Memory(REVIEWING, {"snow": ACTIVE}, severity=Severity.HIGH, wrote=wrote)
    record = CaseRecord(KEY, memory=memory, parked=actions_named("raise:snow"))
    actions = plan(worse(priority="High", duedate="2026-06-09"), replace(BOTH, trackers=("snow",)), record, NOW)
    assert [str(action.name) for action in actions] == ["comment:snow:severity_raised"]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ("raise:snow", (RaiseTicket("snow", Severity.CRITICAL, (("priority", "Highest"), ("duedate", "2026-06-03"))),)),
        ("comment:snow:severity_raised", (CommentOnTicket("snow", Why.SEVERITY_RAISED, "critical"),)),
        ("comment:snow:finding_gone", ()),
    ],
)
def test_what_a_worse_severity_called_for_is_done_when_a_person_asks_for_it_again(
    again: str, expected: tuple[Action, ...]
) -> None:
    wrote = {"snow": {"priority": "High", "duedate": "2026-06-09"}}
    memory = Memory(REVIEWING, {"snow": ACTIVE}, severity=Severity.CRITICAL, wrote=wrote)
    record = CaseRecord(KEY, memory=memory, again=actions_named(again))
    seen_now = worse(priority="High", duedate="2026-06-09")
    assert plan(seen_now, replace(BOTH, trackers=("snow",)), record, NOW) == expected


def test_an_acceptance_that_ended_is_finished_after_a_crash_in_the_middle_of_it() -> None:
    memory = replace(
        LIVED_WITH, doing=actions_named("reopen:snow", "reopen:jira", "patch:reviewing"), planned_at=ACCEPTED
    )
    actions = planned(seen(ACCEPTED, active("snow"), accepted("jira", until=NOW - DAY)), memory)
    assert [str(action.name) for action in actions] == ["reopen:jira", "patch:reviewing"]


def test_a_new_finding_whose_status_had_to_wait_is_not_called_found_again() -> None:
    taken_up = seen(OPEN, active("snow"), active("jira"))
    assert planned(taken_up, Memory()) == (SetStatus(REVIEWING, Why.NEW),)
    assert planned(seen(OPEN, active("snow")), Memory()) == (
        OpenTicket("jira", Why.NEW),
        SetStatus(REVIEWING, Why.NEW),
    )
    assert planned(taken_up, MENDED)[-1] == SetStatus(REVIEWING, Why.FOUND_AGAIN)
    assert planned(seen(OPEN, active("snow"), done("jira")), Memory())[-1] == SetStatus(REVIEWING, Why.FOUND_AGAIN)
