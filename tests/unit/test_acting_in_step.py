"""Carrying out what keeps both sides in step: tickets that follow, urgency that is raised, news, refusals, words."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.policy import Acceptance, Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.look.executing import Executor
from remediation.look.observing import observe
from remediation.planning import Progress, plan, remembered, still_told
from remediation.sources.schoolscan.source import FindingSource
from tests.action_names import action_named
from tests.stand_ins import ManualClock, MemoryLinks, MemorySource, MemoryTracker, PlainRulebook

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
BUSY = TryLater("jira", "busy", status=503)
PRIORITIES = {Severity.HIGH: {"priority": "High"}, Severity.CRITICAL: {"priority": "Highest"}}
NO = Refused("jira", "no transition leads there", status=400)


@dataclass
class Case:
    """One finding and one tracker; looks are real, but what is remembered is kept here."""

    policy: Policy = field(default_factory=lambda: Policy("every-finding"))
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.source = MemorySource(Finding("fnd_1", Status.OPEN, Severity.HIGH, detected_at=self.now))
        self.jira = MemoryTracker("jira", self.clock)
        self.links = MemoryLinks()
        self.rulebook = PlainRulebook("jira", terms=self.policy)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), tz=UTC)

    @property
    def ticket(self) -> Ticket:
        """The ticket that the case is linked to."""
        return self.jira.books[self.links.links["jira"].ticket_id].ticket

    def status(self) -> Status:
        return self.source.findings["fnd_1"].status

    @property
    def comments(self) -> list[str]:
        return self.jira.books[self.ticket.id].comments

    async def look(self) -> Progress:
        record = CaseRecord(KEY, links=dict(self.links.links), memory=self.memory)
        source = FindingSource("lakeside", self.source)
        snapshot = await observe(record, source, {"jira": self.jira}, self.rulebook, self.clock())
        actions = plan(snapshot.observation, snapshot.policy, record, snapshot.at)
        executor = Executor(record, snapshot, source, {"jira": self.jira}, self.links, self.clock)
        progress = await executor.carry_out(actions)
        told = still_told(snapshot.observation, snapshot.policy, record, snapshot.at)
        self.memory = remembered(progress, self.memory, snapshot.observation, snapshot.policy, told, self.clock())
        return progress

    async def settle(self) -> None:
        """Look until there is nothing to do, which must be at once."""
        await self.look()
        writes = self.written()
        await self.look()
        assert self.written() == writes, "a look after a look writes nothing"

    def written(self) -> tuple[object, ...]:
        return len(self.source.updates), [(k.ticket.version, len(k.comments)) for k in self.jira.books.values()]


@pytest.fixture
def case() -> Case:
    return Case()


async def test_a_ticket_closed_for_good_is_followed_by_a_new_one_that_is_tied_to_it(case: Case) -> None:
    await case.settle()
    old = case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    case.jira.close_for_good(old.id)
    await case.settle()
    case.source.set_status("fnd_1", Status.OPEN)
    await case.settle()
    assert case.ticket.id != old.id
    assert case.ticket.state is TicketState.OPEN
    assert case.jira.books[case.ticket.id].draft.follows == old.id
    assert case.jira.books[old.id].comments == ["continued KEY-2"]
    assert case.status() is Status.REVIEWING
    assert case.source.updates[-1][2].endswith("KEY-2")


async def test_a_refused_successor_leaves_the_link_to_the_old_ticket(case: Case) -> None:
    await case.settle()
    old = case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED)
    case.jira.close_for_good(old.id)
    await case.settle()
    case.source.set_status("fnd_1", Status.OPEN)
    case.jira.troubles.for_good("create", NO)
    progress = await case.look()
    assert list(progress.refused) == [action_named("open:jira")]
    assert case.links.links["jira"].ticket_id == old.id
    assert case.links.intents == {}


async def test_what_was_written_at_the_opening_is_remembered_and_raised_once() -> None:
    case = Case()
    case.rulebook.by_severity = {
        Severity.HIGH: {"priority": "High", "duedate": "2027-02-01"},
        Severity.CRITICAL: {"priority": "Highest", "duedate": "2027-01-20"},
    }
    await case.settle()
    assert case.memory.wrote == {"jira": {"priority": "High", "duedate": "2027-02-01"}}
    case.source.set_severity("fnd_1", Severity.CRITICAL)
    await case.settle()
    assert case.ticket.urgency == {"priority": "Highest", "duedate": "2027-01-20"}
    assert case.comments == ["severity_raised KEY-1 high to critical"]
    assert case.memory.severity is Severity.CRITICAL


async def test_a_priority_that_a_person_chose_is_not_raised_but_told_of() -> None:
    case = Case()
    case.rulebook.by_severity = {Severity.HIGH: {"priority": "High"}, Severity.CRITICAL: {"priority": "Highest"}}
    await case.settle()
    case.jira.set_urgency(case.ticket.id, {"priority": "Low"})
    case.source.set_severity("fnd_1", Severity.CRITICAL)
    await case.settle()
    assert case.ticket.urgency == {"priority": "Low"}
    assert case.comments == ["severity_raised KEY-1 high to critical"]


async def test_raising_that_had_to_wait_is_done_later_and_once(case: Case) -> None:
    case.rulebook.by_severity = dict(PRIORITIES)
    await case.settle()
    case.source.set_severity("fnd_1", Severity.CRITICAL)
    for call in ("raise_urgency", "comment"):
        case.jira.troubles.once(call, BUSY)
    await case.look()
    assert (case.comments, case.ticket.urgency) == ([], {"priority": "High"})
    await case.settle()
    assert case.comments == ["severity_raised KEY-1 high to critical"]
    assert case.ticket.urgency == {"priority": "Highest"}


@pytest.mark.parametrize("late", ["raise_urgency", "comment"])
async def test_what_was_done_of_a_raise_is_not_done_again_with_what_had_to_wait(case: Case, late: str) -> None:
    case.rulebook.by_severity = dict(PRIORITIES)
    await case.settle()
    case.source.set_severity("fnd_1", Severity.CRITICAL)
    case.jira.troubles.once(late, BUSY)
    await case.look()
    before = case.jira.troubles.calls.count("raise_urgency"), case.jira.troubles.calls.count("comment")
    assert before == (1, 1)
    await case.settle()
    assert case.comments == ["severity_raised KEY-1 high to critical"]
    assert case.ticket.urgency == {"priority": "Highest"}
    assert case.jira.troubles.calls.count(late) == 2


async def test_a_priority_that_is_refused_keeps_nobody_from_hearing_that_it_is_worse_now_or_later(case: Case) -> None:
    case.rulebook.by_severity = dict(PRIORITIES) | {Severity.MEDIUM: {"priority": "Medium"}}
    case.source.set_severity("fnd_1", Severity.MEDIUM)
    await case.settle()
    case.jira.troubles.for_good("raise_urgency", NO)
    for severity in (Severity.HIGH, Severity.CRITICAL):
        case.source.set_severity("fnd_1", severity)
        progress = await case.look()
        assert list(progress.refused) == [action_named("raise:jira")]
        assert case.memory.severity is severity
    told = [text for text in case.comments if "refused" not in text]
    assert told == ["severity_raised KEY-1 medium to high", "severity_raised KEY-1 high to critical"]


async def test_a_review_is_told_once_and_another_outcome_once_more(case: Case) -> None:
    await case.settle()
    for outcome in ("confirmed", "confirmed", "false_positive"):
        case.source.set_review("fnd_1", outcome)
        await case.settle()
    assert case.comments == ["expert_reviewed KEY-1 confirmed", "expert_reviewed KEY-1 false_positive"]


async def test_a_review_that_is_older_than_the_ticket_is_told_when_it_is_opened(case: Case) -> None:
    case.source.set_review("fnd_1", "confirmed")
    await case.settle()
    assert case.comments == ["expert_reviewed KEY-1 confirmed"]


async def test_all_news_of_a_look_are_one_comment_on_a_ticket(case: Case) -> None:
    case.rulebook.by_severity = dict(PRIORITIES)
    await case.settle()
    case.source.findings["fnd_1"] = replace(case.source.findings["fnd_1"], severity=Severity.CRITICAL)
    case.source.set_review("fnd_1", "confirmed")
    await case.settle()
    assert case.comments == ["severity_raised KEY-1 high to critical\n\nexpert_reviewed KEY-1 confirmed"]


async def test_news_that_cannot_be_written_now_are_all_written_later(case: Case) -> None:
    await case.settle()
    case.source.findings["fnd_1"] = replace(case.source.findings["fnd_1"], severity=Severity.CRITICAL)
    case.source.set_review("fnd_1", "confirmed")
    case.jira.troubles.once("comment", BUSY)
    progress = await case.look()
    assert {name.detail for name in progress.later} == {"severity_raised", "expert_reviewed"}
    await case.settle()
    assert case.comments == ["severity_raised KEY-1 high to critical\n\nexpert_reviewed KEY-1 confirmed"]


async def test_a_finding_that_is_gone_is_told_once_and_its_ticket_stays(case: Case) -> None:
    await case.settle()
    case.source.forget("fnd_1")
    await case.settle()
    assert case.comments == ["finding_gone KEY-1"]
    assert case.ticket.state.is_active


async def test_a_finding_that_is_gone_closes_its_ticket_where_the_rule_allows_it() -> None:
    case = Case(Policy("every-finding", closes_gone=True))
    await case.settle()
    finding = case.source.findings["fnd_1"]
    case.source.forget("fnd_1")
    await case.settle()
    assert (case.ticket.state, case.ticket.reason) == (TicketState.DONE, Reason.CANCELLED)
    case.source.findings["fnd_1"] = replace(finding, status=Status.OPEN)
    await case.settle()
    assert case.ticket.state.is_active, "it was only hidden from us"
    assert len(case.jira.books) == 1


@pytest.mark.parametrize("quotes", [True, False])
async def test_an_acceptance_carries_its_end_and_if_restricted_its_reason_scrubbed_into_the_note(
    *, quotes: bool
) -> None:
    case = Case(Policy("every-finding", acceptance=Acceptance(reason_required=True), quotes_people=quotes))
    await case.settle()
    until = case.now + timedelta(days=30)
    case.jira.accept_risk(case.ticket.id, Risk("only staff; ask jo@example.org", until))
    await case.settle()
    _, status, note = case.source.updates[-1]
    assert status is Status.ACCEPTED_RISK
    assert f"{until:%Y-%m-%d}" in note
    assert ("only staff" in note) is quotes
    assert "jo@example" not in note


async def test_an_acceptance_without_a_reason_is_asked_back_about_once_and_counts_when_it_is_given() -> None:
    case = Case(Policy("every-finding", acceptance=Acceptance(reason_required=True), quotes_people=True))
    await case.settle()
    case.jira.accept_risk(case.ticket.id, None)
    await case.settle()
    assert case.status() is Status.REVIEWING
    assert case.comments == ["risk_unexplained KEY-1 reason"]
    case.jira.accept_risk(case.ticket.id, Risk("nobody can be recognised"))
    await case.settle()
    assert case.status() is Status.ACCEPTED_RISK


async def test_an_acceptance_comes_to_its_end_and_can_be_given_again(case: Case) -> None:
    await case.settle()
    case.jira.accept_risk(case.ticket.id, Risk("for now", case.now + timedelta(days=1)))
    await case.settle()
    case.clock.pass_by(2 * 86_400)
    await case.settle()
    assert case.ticket.state.is_active
    assert case.status() is Status.REVIEWING
    case.jira.accept_risk(case.ticket.id, Risk("once more", case.now + timedelta(days=1)))
    await case.settle()
    assert case.status() is Status.ACCEPTED_RISK


@pytest.mark.parametrize(("says", "quotes", "copies"), [(True, True, True), (False, True, False), (True, False, False)])
async def test_what_people_wrote_when_they_closed_a_ticket_is_copied_only_where_a_restricted_rule_says_so(
    *, says: bool, quotes: bool, copies: bool
) -> None:
    case = Case(Policy("every-finding", copies_closing_words=says, quotes_people=quotes))
    await case.settle()
    case.jira.books[case.ticket.id].closing_words = "page taken down, call 555-867-5309"
    case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    await case.settle()
    note = case.source.updates[-1][2]
    assert ("page taken down" in note) is copies
    assert "867" not in note
    assert ("closing_words" in case.jira.troubles.calls) is copies


async def test_a_note_does_not_fail_because_the_closing_words_cannot_be_read() -> None:
    case = Case(Policy("every-finding", copies_closing_words=True, quotes_people=True))
    await case.settle()
    case.jira.troubles.for_good("closing_words", BUSY)
    case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    await case.settle()
    assert case.status() is Status.RESOLVED


async def test_a_refusal_is_told_on_the_ticket_with_its_words_and_stops_nothing_else(case: Case) -> None:
    await case.settle()
    case.jira.troubles.for_good("resolve", NO)
    case.source.set_status("fnd_1", Status.RESOLVED)
    progress = await case.look()
    assert list(progress.refused) == [action_named("resolve:jira")]
    assert case.comments == [f"finding_resolved KEY-1\n\nrefused KEY-1 resolve jira: {NO.words}"]


async def test_a_conflict_is_marked_and_both_sides_are_told(case: Case) -> None:
    await case.settle()
    case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    case.source.set_status("fnd_1", Status.OPEN)
    progress = await case.look()
    assert progress.is_conflict
    assert case.memory.conflict_at == case.clock()
    assert case.comments == ["conflict KEY-1"]
    assert case.source.updates[-1][2].startswith("conflict")
    await case.settle()
    assert case.memory.conflict_at is not None, "it is marked for as long as nobody has decided anew"
    case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    await case.settle()
    assert case.memory.conflict_at is None


async def test_a_moved_ticket_is_followed_and_known_by_its_new_key(case: Case) -> None:
    await case.settle()
    kept = case.jira.books[case.ticket.id]
    kept.ticket = replace(kept.ticket, key="PRIV-7")
    await case.settle()
    assert case.links.links["jira"].ticket_key == "PRIV-7"


async def test_what_follows_is_found_again_by_its_mark_when_the_answer_to_its_creation_was_lost(case: Case) -> None:
    await case.settle()
    old = case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED)
    case.jira.close_for_good(old.id)
    await case.settle()
    case.source.set_status("fnd_1", Status.OPEN)
    case.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await case.look()
    assert case.links.intents.keys() == {"jira"}
    assert case.links.links["jira"].ticket_id == old.id


async def test_what_schoolscan_says_when_it_refuses_a_status_is_not_told_on_tickets(case: Case) -> None:
    no = Refused("lakeside", "the finding 'Roster of somebody' is locked", status=409)
    case.source.troubles.once("update_finding", no)
    progress = await case.look()
    assert progress.refused == {action_named("patch:reviewing"): no}
    assert case.comments == ["refused KEY-1 patch reviewing: SchoolScan's answer is 409"]


@pytest.mark.parametrize(("names", "expected"), [(False, ["person-1"]), (True, ["Priya"])])
async def test_who_closed_a_ticket_is_asked_for_by_name_only_where_the_rule_says_so(
    names: bool,  # noqa: FBT001 - pytest gives it by name
    expected: list[str],
) -> None:
    case = Case(Policy("every-finding", names_people=names))
    await case.settle()
    case.jira.books[case.ticket.id].closer_name = "Priya"
    case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    await case.settle()
    assert case.source.updates[-1][2].startswith("ticket_done")
    assert case.rulebook.closers == expected
    assert ("closer_name" in case.jira.troubles.calls) is names


async def test_a_note_does_not_fail_because_a_name_cannot_be_read() -> None:
    case = Case(Policy("every-finding", names_people=True))
    await case.settle()
    case.jira.change(case.ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    case.jira.troubles.for_good("closer_name", BUSY)
    await case.settle()
    assert case.status() is Status.RESOLVED
