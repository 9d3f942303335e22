"""Verifying by scanning again, as the planner has it: what closed tickets mean until a scan has said more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from remediation.domain.actions import Action, OpenTicket, ReopenTicket, ResolveTicket, SetStatus, Why
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import GROUP_DIGITS, GROUP_PREFIX, CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.cases.verification import ScanVerdict, Verification, claim_of
from remediation.domain.errors import TryLater
from remediation.domain.findings import Finding
from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning import Conclusion, Observation, Progress, Situation, concluded, plan
from tests.action_names import actions_named

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CLOSED = NOW - timedelta(hours=1)
OPEN: Final = Status.OPEN
REVIEWING: Final = Status.REVIEWING
RESOLVED: Final = Status.RESOLVED
ACCEPTED: Final = Status.ACCEPTED_RISK
POLICY = Policy("mended", trackers=("jira",), verifies=True)
TWO = replace(POLICY, trackers=("servicenow", "jira"))
ANY = replace(TWO, resolve_when=ResolveWhen.ANY)


def active(tracker: str = "jira") -> Ticket:
    return Ticket(tracker, f"1{tracker}", "SEC-1", "https://t.example", TicketState.OPEN)


def done(tracker: str = "jira", reason: Reason = Reason.FIXED, at: datetime = CLOSED) -> Ticket:
    return replace(active(tracker), state=TicketState.DONE, reason=reason, closed_at=at)


def seen(status: Status, *tickets: Ticket, unseen: frozenset[str] = frozenset()) -> Observation:
    return Observation(subject_of(KEY, Finding("fnd_1", status)), {each.tracker: each for each in tickets}, unseen)


def record(*tickets: Ticket, finding: Status = REVIEWING, known: Verification | None = None) -> CaseRecord:
    memory = Memory(finding, {each.tracker: each.state for each in tickets})
    return CaseRecord(KEY, memory=memory, verification=known)


def asked(*tickets: Ticket, told: int = 1, verdict: ScanVerdict | None = None, tries: int = 1) -> Verification:
    claim = claim_of({each.tracker: each for each in tickets})
    return Verification(claim, tries=tries, told=told, verdict=verdict, scan="scan_1" if verdict else "")


def looked(observation: Observation, kept: CaseRecord, *acts: Action, policy: Policy = POLICY) -> Conclusion:
    progress = Progress(observation.subject.status, dict(observation.existing), done=list(acts))
    for act in acts:
        if isinstance(act, SetStatus):
            progress.status = act.status
        elif isinstance(act, ReopenTicket):
            progress.tickets[act.tracker] = active(act.tracker)
    case = Situation.of(observation, policy, kept, NOW)
    return concluded(case, progress, NOW.timestamp(), look_at=None, refused=frozenset(), disowned=())


@pytest.mark.parametrize("reason", [Reason.FIXED, Reason.NONE, Reason.DUPLICATE])
def test_a_ticket_that_is_closed_as_mended_asks_for_a_scan_and_the_finding_stays_in_review(reason: Reason) -> None:
    claim = claim_of({"jira": done(reason=reason)})
    expected = SetStatus(REVIEWING, Why.VERIFYING, reason, claim=claim)
    assert plan(seen(REVIEWING, done(reason=reason)), POLICY, record(active()), NOW) == (expected,)


@pytest.mark.parametrize("reason", [Reason.FALSE_POSITIVE, Reason.ACCEPTED_RISK])
def test_what_claims_no_mending_is_not_verified(reason: Reason) -> None:
    (patch,) = plan(seen(REVIEWING, done(reason=reason)), POLICY, record(active()), NOW)
    assert isinstance(patch, SetStatus)
    assert patch.status.is_solved


def test_without_the_option_a_closed_ticket_resolves_its_finding_whatever_was_asked_before() -> None:
    kept = record(done(), known=asked(done()))
    (patch,) = plan(seen(REVIEWING, done()), replace(POLICY, verifies=False), kept, NOW)
    assert patch == SetStatus(RESOLVED, Why.TICKET_DONE, Reason.FIXED)


def test_until_the_scan_has_ended_nothing_is_planned_and_both_sides_count_as_in_step() -> None:
    kept = record(active(), known=asked(done(), told=0))
    (note,) = plan(seen(REVIEWING, done()), POLICY, kept, NOW)
    end = looked(seen(REVIEWING, done()), kept, note)
    assert (end.memory.finding, dict(end.memory.tickets)) == (REVIEWING, {"jira": TicketState.DONE})
    assert end.is_being_verified
    later = replace(kept, memory=end.memory, verification=asked(done()))
    assert plan(seen(REVIEWING, done()), POLICY, later, NOW) == ()
    assert looked(seen(REVIEWING, done()), later).memory == end.memory


@pytest.mark.parametrize("parked", ["", "open:servicenow"])
def test_a_finding_that_the_scan_does_not_find_is_resolved_with_the_scan_in_the_note(parked: str) -> None:
    kept = replace(
        record(done(), known=asked(done(), verdict=ScanVerdict.GONE)), parked=actions_named(*filter(None, [parked]))
    )
    policy = TWO if parked else POLICY
    (patch,) = plan(seen(REVIEWING, done()), policy, kept, NOW)
    assert patch == SetStatus(RESOLVED, Why.TICKET_DONE, Reason.FIXED, fact="scan_1")
    assert not looked(seen(REVIEWING, done()), kept, patch, policy=policy).is_being_verified


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (ScanVerdict.FOUND, Why.STILL_FOUND),
        (ScanVerdict.FAILED, Why.UNVERIFIED),
        (ScanVerdict.REFUSED, Why.UNVERIFIED),
    ],
)
def test_where_it_is_still_there_or_nobody_can_say_the_ticket_is_opened_again(verdict: ScanVerdict, why: Why) -> None:
    kept = record(done(), known=asked(done(), verdict=verdict))
    actions = plan(seen(REVIEWING, done()), POLICY, kept, NOW)
    fact = "scan_1" if verdict is ScanVerdict.FOUND else verdict
    assert actions == (ReopenTicket("jira", why), SetStatus(REVIEWING, why, fact=fact))
    end = looked(seen(REVIEWING, done()), kept, *actions)
    assert not end.is_being_verified
    assert plan(seen(REVIEWING, active()), POLICY, replace(kept, memory=end.memory, verification=None), NOW) == ()


def test_a_rule_that_never_reopens_gets_a_ticket_that_follows() -> None:
    kept = record(done(), known=asked(done(), verdict=ScanVerdict.FOUND))
    first, _ = plan(seen(REVIEWING, done()), replace(POLICY, reopen_within=timedelta(0)), kept, NOW)
    assert first == OpenTicket("jira", Why.STILL_FOUND, "1jira")


def test_where_the_ticket_cannot_be_opened_again_a_person_decides_about_the_parked_action() -> None:
    kept = record(done(), known=asked(done(), verdict=ScanVerdict.FOUND))
    kept = replace(kept, parked=actions_named("reopen:jira"))
    assert plan(seen(REVIEWING, done()), POLICY, kept, NOW) == ()
    end = looked(seen(REVIEWING, done()), kept)
    assert end.is_being_verified
    assert not end.moot


def test_a_finding_that_the_scan_opened_again_is_still_there_and_no_conflict() -> None:
    kept = record(done(), known=asked(done()))
    assert plan(seen(OPEN, done()), POLICY, kept, NOW) == (
        ReopenTicket("jira", Why.STILL_FOUND),
        SetStatus(REVIEWING, Why.STILL_FOUND),
    )


def test_a_ticket_that_a_person_opens_again_needs_no_verdict_and_its_next_closing_a_scan_of_its_own() -> None:
    kept = record(done(), known=asked(done(), verdict=ScanVerdict.GONE))
    assert plan(seen(REVIEWING, active()), POLICY, kept, NOW) == ()
    assert not looked(seen(REVIEWING, active()), kept).is_being_verified
    (note,) = plan(seen(REVIEWING, done(at=NOW)), POLICY, kept, NOW)
    assert note == SetStatus(REVIEWING, Why.VERIFYING, Reason.FIXED, claim=claim_of({"jira": done(at=NOW)}))


def test_a_scan_that_failed_is_told_in_one_more_note() -> None:
    kept = record(done(), known=asked(done(), told=1, tries=2))
    (note,) = plan(seen(REVIEWING, done()), POLICY, kept, NOW)
    assert note == SetStatus(REVIEWING, Why.VERIFYING, Reason.FIXED, claim=claim_of({"jira": done()}), fact="1")
    assert plan(seen(REVIEWING, done()), POLICY, replace(kept, verification=asked(done(), told=2, tries=2)), NOW) == ()


def test_where_one_ticket_is_enough_the_others_stay_open_until_the_scan_has_ended() -> None:
    now = seen(REVIEWING, done(), active("servicenow"))
    before = record(active(), active("servicenow"))
    (note,) = plan(now, ANY, before, NOW)
    assert isinstance(note, SetStatus)
    assert note.why is Why.VERIFYING
    kept = replace(before, verification=asked(done(), told=0))
    end = looked(now, kept, note, policy=ANY)
    later = replace(kept, memory=end.memory, verification=asked(done()))
    assert end.is_being_verified
    assert plan(now, ANY, later, NOW) == ()
    gone = replace(later, verification=asked(done(), verdict=ScanVerdict.GONE))
    assert plan(now, ANY, gone, NOW) == (
        ResolveTicket("servicenow", Reason.FIXED, Why.TICKET_DONE),
        SetStatus(RESOLVED, Why.TICKET_DONE, Reason.FIXED, fact="scan_1"),
    )


def test_a_second_closing_takes_nothing_from_a_scan_that_was_asked_for_the_first() -> None:
    now, kept = seen(REVIEWING, done(), done("servicenow")), record(done(), active("servicenow"), known=asked(done()))
    assert plan(now, ANY, kept, NOW) == ()


def test_after_a_loss_of_the_memory_a_scan_decides_and_not_the_order_of_times() -> None:
    finding = Finding("fnd_1", REVIEWING, updated_at=NOW)
    observation = Observation(subject_of(KEY, finding), {"jira": done()})
    (note,) = plan(observation, POLICY, CaseRecord(KEY), NOW)
    assert isinstance(note, SetStatus)
    assert note.why is Why.VERIFYING
    without = plan(observation, replace(POLICY, verifies=False), CaseRecord(KEY), NOW)
    assert without == (ReopenTicket("jira", Why.FOUND_AGAIN),)


def test_an_accepted_risk_whose_ticket_now_says_mended_is_taken_back_until_a_scan_has_said_so() -> None:
    accepted = Closing(Reason.ACCEPTED_RISK, ticket_id="1jira")
    kept = CaseRecord(KEY, memory=Memory(ACCEPTED, {"jira": TicketState.DONE}, closings={"jira": accepted}))
    (note,) = plan(seen(ACCEPTED, done()), POLICY, kept, NOW)
    assert note == SetStatus(REVIEWING, Why.VERIFYING, Reason.FIXED, claim=claim_of({"jira": done()}))
    end = looked(seen(ACCEPTED, done()), replace(kept, verification=asked(done(), told=0)), note)
    later = replace(kept, memory=end.memory, verification=asked(done()))
    assert plan(seen(REVIEWING, done()), POLICY, later, NOW) == ()


def test_a_reopening_that_had_to_wait_is_done_for_the_same_cause_and_told() -> None:
    kept = record(done(), known=asked(done(), verdict=ScanVerdict.FAILED))
    observation = seen(REVIEWING, done())
    actions = plan(observation, POLICY, kept, NOW)
    progress = Progress(REVIEWING, dict(observation.existing), later={actions[0].name: TryLater("jira", "busy")})
    case = Situation.of(observation, POLICY, kept, NOW)
    end = concluded(case, progress, NOW.timestamp(), look_at=None, refused=frozenset(), disowned=())
    following = plan(observation, POLICY, replace(kept, memory=end.memory), NOW)
    assert [action.name for action in following] == [action.name for action in actions]
    assert {getattr(action, "why", None) for action in following} == {Why.UNVERIFIED}


def test_nothing_is_concluded_about_a_ticket_that_cannot_be_seen() -> None:
    kept = record(done(), known=asked(done(), verdict=ScanVerdict.GONE))
    unseen = seen(REVIEWING, unseen=frozenset({"jira"}))
    assert plan(unseen, POLICY, kept, NOW) == ()
    assert looked(unseen, kept).is_being_verified


def test_a_case_of_a_group_whose_rule_verifies_since_is_resolved_by_its_ticket() -> None:
    """Its findings may be on several sites, and a scan is of one: `check` refuses the two words side by side."""
    key = CaseKey("lakeside", CaseKind.FINDING, f"{GROUP_PREFIX}{'0' * GROUP_DIGITS}-1")
    assert key.is_of_group
    kept = CaseRecord(key, memory=Memory(REVIEWING, {"jira": TicketState.OPEN}))
    (patch,) = plan(seen(REVIEWING, done()), POLICY, kept, NOW)
    assert patch == SetStatus(RESOLVED, Why.TICKET_DONE, Reason.FIXED)
