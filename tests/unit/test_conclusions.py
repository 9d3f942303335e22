"""What follows from a look: the appointment, what is moot among the parked actions, and whether there is more to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.actions import Action, OpenTicket, ReopenTicket, SetStatus, Why
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Link, Memory
from remediation.domain.errors import NotFound, Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.planning import Conclusion, Observation, Progress, Situation, concluded
from tests.action_names import action_named, actions_named

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
NOW = datetime(2026, 4, 15, tzinfo=UTC)
END = NOW + timedelta(days=30)
BEFORE = NOW.timestamp() + 5.0
OPEN, REVIEWING, RESOLVED, ACCEPTED = (
    Status.OPEN,
    Status.REVIEWING,
    Status.RESOLVED,
    Status.ACCEPTED_RISK,
)
ACTIVE = Ticket("jira", "1", "SEC-1", "https://t.example", TicketState.OPEN)
DONE = replace(ACTIVE, state=TicketState.DONE, reason=Reason.FIXED, closed_at=NOW)
LIVED_WITH = replace(DONE, reason=Reason.ACCEPTED_RISK, risk=Risk("known", END))
POLICY = Policy("bad", trackers=("jira",))
LINKED = CaseRecord(KEY, links={"jira": Link("jira", "1", "SEC-1", "https://t.example")})
NOBODY: frozenset[str] = frozenset()
SNOW = frozenset({"snow"})
BUSY = TryLater("lakeside", "busy", status=503)
NO = Refused("jira", "no", status=400)


def conclusion(
    record: CaseRecord,
    ticket: Ticket | None,
    status: Status = REVIEWING,
    becomes: Status | None = None,
    *done: Action,
    refused: dict[str, Refused] | None = None,
    look_at: float | None = None,
    disowned: tuple[str, ...] = (),
    unseen: frozenset[str] = frozenset(),
) -> Conclusion:
    tickets = {"jira": ticket} if ticket else {}
    seen = Observation(subject_of(KEY, Finding("fnd_1", status)), tickets, unseen=unseen)
    progress = Progress(
        becomes or status,
        dict(tickets),
        done=list(done),
        refused={action_named(name): error for name, error in (refused or {}).items()},
    )
    case = Situation.of(seen, POLICY, record, NOW)
    names = progress.refused.keys()
    return concluded(case, progress, NOW.timestamp(), look_at=look_at, refused=names, disowned=disowned)


@pytest.mark.parametrize(
    ("ticket", "becomes", "before", "unseen", "expected"),
    [
        (LIVED_WITH, ACCEPTED, None, NOBODY, END.timestamp()),
        (LIVED_WITH, ACCEPTED, BEFORE, NOBODY, END.timestamp()),
        (LIVED_WITH, ACCEPTED, BEFORE, SNOW, BEFORE),
        (replace(LIVED_WITH, risk=Risk("known")), ACCEPTED, None, NOBODY, None),
        (replace(LIVED_WITH, risk=Risk("known")), ACCEPTED, BEFORE, NOBODY, BEFORE),
        (replace(LIVED_WITH, risk=Risk("known", NOW)), ACCEPTED, None, NOBODY, None),
        (LIVED_WITH, RESOLVED, BEFORE, SNOW, None),
        (ACTIVE, REVIEWING, BEFORE, SNOW, None),
    ],
)
def test_an_accepted_risk_is_looked_at_when_it_ends_or_when_it_was_to_end_where_nobody_tells(
    ticket: Ticket, becomes: Status, before: float | None, unseen: frozenset[str], expected: float | None
) -> None:
    assert conclusion(LINKED, ticket, ACCEPTED, becomes, look_at=before, unseen=unseen).look_at == expected


def test_a_parked_action_is_moot_once_it_was_done_or_nobody_needs_it_and_not_where_it_was_refused_again() -> None:
    parked = replace(LINKED, parked=actions_named("reopen:jira"))
    assert conclusion(parked, DONE, OPEN).moot == frozenset(), "it would still help"
    assert conclusion(parked, ACTIVE).moot == actions_named("reopen:jira")
    assert conclusion(parked, DONE, OPEN, None, ReopenTicket("jira", Why.NEW)).moot == actions_named("reopen:jira")
    assert conclusion(parked, ACTIVE, refused={"reopen:jira": NO}).moot == frozenset()


def test_what_was_refused_on_another_cases_ticket_is_moot_and_calls_for_another_look() -> None:
    parked = replace(LINKED, parked=actions_named("comment:jira:conflict", "open:jira"))
    record = replace(parked, links={})
    end = conclusion(record, None, disowned=("jira",), unseen=frozenset({"jira"}))
    assert end.moot == actions_named("comment:jira:conflict")
    assert end.calls_for_another


@pytest.mark.parametrize(
    ("record", "status", "becomes", "refused", "expected"),
    [
        (LINKED, REVIEWING, None, {}, False),
        (LINKED, RESOLVED, None, {}, False),
        (LINKED, REVIEWING, None, {"comment:jira:conflict": NO}, False),
        (LINKED, REVIEWING, None, {"resolve:jira": NotFound("jira", "gone", status=404)}, True),
        (replace(LINKED, again=actions_named("open:jira")), REVIEWING, None, {}, True),
        (LINKED, RESOLVED, REVIEWING, {}, True),
    ],
)
def test_there_may_be_more_to_do_where_a_ticket_vanished_or_work_was_taken_up_again(
    record: CaseRecord,
    status: Status,
    becomes: Status | None,
    refused: dict[str, Refused],
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert conclusion(record, ACTIVE, status, becomes, refused=refused).calls_for_another is expected


def test_what_is_remembered_is_how_both_sides_are_and_how_they_were_where_something_has_to_wait() -> None:
    opened = OpenTicket("jira", Why.NEW), SetStatus(Status.REVIEWING, Why.NEW)
    memory = conclusion(CaseRecord(KEY), ACTIVE, OPEN, REVIEWING, *opened).memory
    assert (memory.finding, memory.tickets, memory.rule) == (REVIEWING, {"jira": TicketState.OPEN}, "bad")
    seen = Observation(subject_of(KEY, Finding("fnd_1", REVIEWING)), {"jira": DONE})
    before = Memory(REVIEWING, {"jira": TicketState.OPEN})
    progress = Progress(REVIEWING, {"jira": DONE}, later={action_named("patch:resolved"): BUSY})
    case = Situation.of(seen, POLICY, replace(LINKED, memory=before), NOW)
    kept = concluded(case, progress, NOW.timestamp(), look_at=None, refused=frozenset(), disowned=()).memory
    assert (kept.finding, kept.tickets) == (REVIEWING, {"jira": TicketState.OPEN}), "the closing is still news"
