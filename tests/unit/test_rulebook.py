"""What mappings.yaml says of a finding, asked in plain questions: which tickets, where, and in which words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.drills import DRILL_PREFIX
from remediation.domain.findings import DomainType, Finding
from remediation.domain.incidents import Incident
from remediation.domain.policy import Acceptance, Policy, ResolveWhen
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.mapping.reading.loading import load_mappings, loaded_of
from remediation.rulebook import MappingsRulebook, MappingsRuling
from tests.unit.mapping_subjects import reported

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
AT = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
FINDING = Finding("fnd_1", Status.OPEN, Severity.CRITICAL, DomainType.DIRECT_PII, title="ZZPII-title")
JIRA = Ticket("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN)
SNOW = Ticket("servicenow", "incident/2", "INC0010001", "https://now.example/2", TicketState.OPEN)
STUDENTS_EXPOSED = Policy("students-exposed")
ONE_RULE = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: metadata, match: {domain_type: metadata}, tickets: {jira: {project: WEB}}}]
"""
RULES = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}, risk_reason: customfield_1}
  now: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: N}}}
templates: {body: "{{ finding.id }}"}
defaults:
  detail: restricted
  reopen: {within: 30d}
  accept: {at_most: 365d}
  tickets:
    jira: {project: SEC, close_fields: {customfield_7: "{{ finding.id }} ({{ rule.name }})"}}
    now: {close_fields: {u_cause: page}}
rules:
  - name: bad
    match: {severity: [critical, high]}
    resolve_when: any
    reopen: {within: 14d}
    outcomes: {cancelled: reviewing, duplicate: resolved}
    when_gone: close
    due: {critical: 2d, high: 7d}
    tickets:
      jira: {priority: {critical: Highest, high: High}, close_fields: {customfield_8: {value: x}}}
      now: {impact: {critical: 1}, urgency: 2}
  - name: risky
    match: {severity: medium}
    accept: {reason: required}
    copy_comments: none
    tickets: {jira: }
  - name: quiet
    match: {severity: low}
    copy_comments: closing
    reopen: never
    tickets: none
"""


@pytest.fixture(scope="module")
def ruled() -> MappingsRulebook:
    """One with rules of every sort."""
    return MappingsRulebook(loaded_of(RULES, "m.yaml").mappings)


@pytest.fixture(scope="module")
def rulebook() -> MappingsRulebook:
    """The one of the mappings.yaml that is delivered."""
    return MappingsRulebook(load_mappings(Path(__file__).parents[2] / "mappings.yaml").mappings)


@pytest.fixture(scope="module")
def narrow() -> MappingsRulebook:
    return MappingsRulebook(loaded_of(ONE_RULE, "m.yaml").mappings)


def ruling(book: MappingsRulebook, finding: Finding, known: str = "", said: Policy | None = None) -> MappingsRuling:
    return book.ruling(subject_of(KEY, finding), AT, known, said)


def saying(
    book: MappingsRulebook, policy: Policy = STUDENTS_EXPOSED, status: Status = FINDING.status
) -> MappingsRuling:
    """A ruling by which texts are written, with this policy in place of its own."""
    return replace(ruling(book, replace(FINDING, status=status)), policy=policy)


def wanted(book: MappingsRulebook, finding: Finding) -> tuple[str, ...]:
    return ruling(book, finding).policy.trackers


@pytest.mark.parametrize(
    ("severity", "domain", "trackers"),
    [
        (Severity.CRITICAL, DomainType.DIRECT_PII, ("servicenow", "jira")),
        (Severity.HIGH, DomainType.EDUCATION_RECORDS, ("servicenow", "jira")),
        (Severity.LOW, DomainType.REIDENTIFICATION, ("jira",)),
        (Severity.LOW, DomainType.VENDOR_EXPOSURE, ("servicenow",)),
        (Severity.CRITICAL, DomainType.METADATA, ("jira",)),
        (Severity.UNKNOWN, DomainType.UNKNOWN, ("jira",)),
    ],
)
def test_the_rules_say_which_tickets_a_finding_gets(
    rulebook: MappingsRulebook, severity: Severity, domain: DomainType, trackers: tuple[str, ...]
) -> None:
    assert wanted(rulebook, replace(FINDING, severity=severity, domain_type=domain)) == trackers


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("domain", DomainType)
def test_nothing_that_schoolscan_finds_falls_through_the_delivered_rules(
    rulebook: MappingsRulebook, severity: Severity, domain: DomainType
) -> None:
    finding = replace(FINDING, severity=severity, domain_type=domain)
    trackers = wanted(rulebook, finding)
    assert trackers
    for tracker in trackers:
        draft = ruling(rulebook, finding).draft(tracker)
        assert (draft.mark, draft.place) == (KEY.mark, ruling(rulebook, finding).place(tracker))
        assert "ZZPII" not in draft.summary + draft.body + repr(draft.fields)


def test_what_no_rule_takes_gets_no_ticket_and_is_looked_for_anywhere(narrow: MappingsRulebook) -> None:
    assert wanted(narrow, FINDING) == ()
    assert ruling(narrow, FINDING).place("jira") == ""
    with pytest.raises(LookupError):
        ruling(narrow, FINDING).draft("jira")


def test_a_tracker_that_the_rule_does_not_name_is_searched_where_its_tickets_are(rulebook: MappingsRulebook) -> None:
    vendor = replace(FINDING, domain_type=DomainType.VENDOR_EXPOSURE)
    assert ruling(rulebook, vendor).place("jira") == ""
    assert ruling(rulebook, replace(FINDING, status=Status.GONE)).place("servicenow") == "incident"
    assert ruling(rulebook, vendor).place("nowhere") is None
    with pytest.raises(LookupError):
        ruling(rulebook, vendor).draft("jira")


HIGH, MEDIUM, LOW = (replace(FINDING, severity=each) for each in (Severity.HIGH, Severity.MEDIUM, Severity.LOW))


def test_a_rule_says_how_its_cases_keep_in_step(ruled: MappingsRulebook) -> None:
    assert ruling(ruled, FINDING).policy == Policy(
        rule="bad",
        trackers=("jira", "now"),
        resolve_when=ResolveWhen.ANY,
        reopen_within=timedelta(days=14),
        kept_open=frozenset({Reason.CANCELLED, Reason.NOT_SOLVED, Reason.UNKNOWN}),
        acceptance=Acceptance(at_most=timedelta(days=365)),
        closes_gone=True,
        quotes_people=True,
    )


def test_what_a_rule_does_not_say_the_defaults_say(ruled: MappingsRulebook) -> None:
    policy = ruling(ruled, MEDIUM).policy
    assert policy.reopen_within == timedelta(days=30)
    assert policy.acceptance == Acceptance(reason_required=True, at_most=timedelta(days=365))


def test_a_rule_that_wants_no_ticket_still_says_how_those_that_there_are_keep_in_step(ruled: MappingsRulebook) -> None:
    policy = ruling(ruled, LOW, known="bad").policy
    assert (policy.rule, policy.trackers, policy.reopen_within) == ("quiet", (), timedelta(0))
    assert policy.copies_closing_words


def test_where_no_rule_takes_a_finding_any_more_the_one_that_counted_says_how_but_wants_no_ticket(
    ruled: MappingsRulebook,
) -> None:
    other = replace(FINDING, severity=Severity.UNKNOWN)
    assert ruling(ruled, other, known="bad").policy == replace(
        ruling(ruled, FINDING).policy, trackers=(), is_former=True
    )


def test_where_the_rule_that_counted_is_deleted_what_it_said_counts_and_else_what_the_defaults_say(
    ruled: MappingsRulebook,
) -> None:
    other = replace(FINDING, severity=Severity.UNKNOWN)
    said = Policy("deleted", closes_gone=True, is_former=True)
    usual = Policy(
        reopen_within=timedelta(days=30), acceptance=Acceptance(at_most=timedelta(days=365)), quotes_people=True
    )
    for finding in (other, replace(other, status=Status.GONE)):
        assert ruling(ruled, finding, "deleted", said).policy == said
        assert ruling(ruled, finding, "deleted").policy == ruling(ruled, finding).policy == usual
        assert ruling(ruled, finding, "bad", said).policy.rule == "bad", "a rule of that name is there"
    assert ruling(ruled, FINDING, "deleted", said).policy.rule == "bad", "another rule takes it now"


def test_policies_are_worked_out_once(ruled: MappingsRulebook) -> None:
    assert ruling(ruled, FINDING).policy is ruling(ruled, replace(FINDING, id="fnd_2")).policy


def test_a_ticket_is_to_be_as_urgent_as_a_new_one_would_be(ruled: MappingsRulebook) -> None:
    since = replace(FINDING, detected_at=AT - timedelta(days=1))
    assert ruling(ruled, since).urgency("jira") == {"priority": "Highest", "duedate": "2026-04-02"}
    assert ruling(ruled, since).urgency("now") == {"impact": "1", "urgency": "2", "due_date": "2026-04-02 09:30:00"}
    milder = replace(since, severity=Severity.HIGH)
    assert ruling(ruled, milder).urgency("jira") == {"priority": "High", "duedate": "2026-04-07"}
    assert ruling(ruled, milder).urgency("now") == {"urgency": "2", "due_date": "2026-04-07 09:30:00"}


@pytest.mark.parametrize("severity", Severity)
def test_what_is_urgent_is_what_the_draft_says(rulebook: MappingsRulebook, severity: Severity) -> None:
    finding = replace(FINDING, severity=severity, detected_at=AT)
    for tracker in wanted(rulebook, finding):
        fields = ruling(rulebook, finding).draft(tracker).fields
        said = ruling(rulebook, finding).urgency(tracker)
        assert said == {
            name: value["name"] if isinstance(value, dict) else value
            for name, value in fields.items()
            if name in {"priority", "duedate", "impact", "urgency", "due_date"}
        }
        assert said


def test_where_no_rule_says_nothing_is_urgent(ruled: MappingsRulebook) -> None:
    assert ruling(ruled, replace(FINDING, severity=Severity.UNKNOWN)).urgency("jira") == {}
    assert ruling(ruled, MEDIUM).urgency("now") == {}


def test_closing_sets_what_the_rule_and_the_defaults_say(ruled: MappingsRulebook) -> None:
    bad = ruling(ruled, FINDING)
    assert bad.closing_fields("jira") == {"customfield_7": "fnd_1 (bad)", "customfield_8": {"value": "x"}}
    assert bad.closing_fields("now") == {"u_cause": "page"}


@pytest.mark.parametrize("rule", ["", "deleted", "risky"])
def test_closing_a_ticket_that_no_rule_names_any_more_sets_what_the_defaults_say(
    ruled: MappingsRulebook, rule: str
) -> None:
    taken_by_none = replace(FINDING, severity=Severity.UNKNOWN)
    assert ruling(ruled, taken_by_none, rule).closing_fields("now") == {"u_cause": "page"}


def test_closing_sets_nothing_where_nothing_is_said(rulebook: MappingsRulebook) -> None:
    assert ruling(rulebook, FINDING).closing_fields("jira") == {}


def test_a_ticket_that_follows_another_names_it(rulebook: MappingsRulebook) -> None:
    draft = ruling(rulebook, FINDING).draft("jira", JIRA)
    plain = ruling(rulebook, FINDING).draft("jira")
    assert draft.body.startswith("This takes the place of SEC-1 (https://jira.example/browse/SEC-1)")
    assert draft.body.endswith(plain.body)
    assert (draft.follows, plain.follows) == ("1", None)
    assert (draft.summary, draft.fields, draft.mark) == (plain.summary, plain.fields, plain.mark)
    assert ruling(rulebook, FINDING).draft("servicenow", SNOW).follows == "incident/2"


def test_a_note_names_every_ticket(rulebook: MappingsRulebook) -> None:
    note = saying(rulebook).note(SetStatus(Status.REVIEWING, Why.NEW), (SNOW, JIRA), AT)
    assert "INC0010001" in note
    assert "SEC-1" in note
    assert "students-exposed" in note
    assert "ZZPII" not in note


EARLY, LATE = AT.replace(hour=1), AT.replace(hour=2)
CLOSED = (
    replace(SNOW, state=TicketState.DONE, reason=Reason.FIXED, closed_by="person-1", closed_at=LATE),
    replace(JIRA, state=TicketState.DONE, reason=Reason.FIXED, closed_by="person-2", closed_at=EARLY),
)


def test_a_note_of_done_tickets_says_why_who_and_when_the_last_was_closed(rulebook: MappingsRulebook) -> None:
    note = saying(rulebook).note(SetStatus(Status.RESOLVED, Why.TICKET_DONE, Reason.FIXED), CLOSED, AT)
    assert all(word in note for word in ("fixed", "person-1", "person-2", "2026-04-01"))
    assert "02:30" in note
    assert "09:30" not in note


def test_who_has_decided_nothing_is_not_named(rulebook: MappingsRulebook) -> None:
    tickets = (CLOSED[1], replace(SNOW, closed_by="person-1"))
    note = saying(rulebook).note(SetStatus(Status.RESOLVED, Why.TICKET_DONE, Reason.FIXED), tickets, AT)
    assert note == (
        "Resolved through jira SEC-1: fixed, closed by person-2 (2026-04-01 01:30 UTC). "
        "Closed with it: servicenow INC0010001."
    )


def test_one_person_who_closed_both_is_named_once(rulebook: MappingsRulebook) -> None:
    closed = tuple(replace(each, closed_by="person-1") for each in CLOSED)
    patch = SetStatus(Status.RESOLVED, Why.TICKET_DONE, Reason.FIXED)
    assert saying(rulebook).note(patch, closed, AT).count("person-1") == 1


ACCEPTED = SetStatus(Status.ACCEPTED_RISK, Why.TICKET_DONE, Reason.ACCEPTED_RISK, AT + timedelta(days=30))


def test_a_note_of_an_accepted_risk_says_until_when(rulebook: MappingsRulebook) -> None:
    assert "until 2026-05-01 09:30 UTC" in saying(rulebook).note(ACCEPTED, CLOSED, AT)
    assert "without an end" in saying(rulebook).note(replace(ACCEPTED, until=None), CLOSED, AT)


@pytest.mark.parametrize(
    ("policy", "quotations"),
    [
        (Policy("bad"), 0),
        (Policy("risky", acceptance=Acceptance(reason_required=True), quotes_people=True), 1),
        (Policy("deleted", copies_closing_words=True, quotes_people=True, is_former=True), 1),
        (Policy("risky", acceptance=Acceptance(reason_required=True)), 0),
        (Policy("deleted", copies_closing_words=True, is_former=True), 0),
        (Policy("deleted", is_former=True), 0),
    ],
)
def test_peoples_words_are_quoted_only_where_a_restricted_rule_demands_or_copies_them_deleted_or_not(
    ruled: MappingsRulebook, policy: Policy, quotations: int
) -> None:
    note = saying(ruled, policy).note(ACCEPTED, CLOSED, AT, "Public by law")
    assert note.count('They wrote: "Public by law"') == quotations


@pytest.mark.parametrize(
    ("reason", "word", "said"),
    [
        (
            Reason.UNKNOWN,
            "Parked",
            'Resolved through servicenow INC0010001: closed as "Parked", a word that nothing maps (',
        ),
        (Reason.UNKNOWN, "", "Resolved through servicenow INC0010001: unknown ("),
        (Reason.NONE, "", "Resolved through servicenow INC0010001: no reason was given ("),
        (Reason.NONE, "Solution provided", "Resolved through servicenow INC0010001: no reason was given ("),
        (Reason.NOT_SOLVED, "Known error", "Resolved through servicenow INC0010001: not solved ("),
    ],
)
def test_a_note_names_the_word_that_nothing_maps_and_says_where_no_reason_was_given(
    rulebook: MappingsRulebook, reason: Reason, word: str, said: str
) -> None:
    closed = replace(SNOW, state=TicketState.DONE, reason=reason, word=word)
    note = saying(rulebook).note(SetStatus(Status.RESOLVED, Why.TICKET_DONE, reason), (closed,), AT)
    assert note.startswith(said)


def test_a_note_of_a_changed_reason_names_nobody_who_closed_the_ticket_for_another(rulebook: MappingsRulebook) -> None:
    closed = CLOSED[:1]
    notes = [
        saying(rulebook).note(SetStatus(status, Why.REASON_CHANGED, reason), closed, AT)  # type: ignore[arg-type]  # all three
        for status, reason in (
            (Status.RESOLVED, Reason.FIXED),
            (Status.ACCEPTED_RISK, Reason.ACCEPTED_RISK),
            (Status.REVIEWING, Reason.NOT_SOLVED),
        )
    ]
    assert notes == [
        "Resolved through servicenow INC0010001: fixed, changed after the closing (2026-04-01 09:30 UTC).",
        (
            "Accepted as a risk through servicenow INC0010001, without an end, changed after the closing "
            "(2026-04-01 09:30 UTC)."
        ),
        (
            "servicenow INC0010001 is closed in another way than before (not solved), and that does not settle "
            "this finding (2026-04-01 09:30 UTC)."
        ),
    ]


def test_a_comment_on_a_word_that_does_not_count_quotes_it(rulebook: MappingsRulebook) -> None:
    unknown = replace(SNOW, state=TicketState.DONE, reason=Reason.UNKNOWN, word="Parked")
    left = replace(unknown, word="Known error", is_left_over=True)
    assert 'closed (as "Parked", a word that we do not know), but' in saying(rulebook).comment(
        Why.KEPT_OPEN, unknown, AT, unknown.closed_as
    )
    assert 'closed (with "Known error", which an earlier closing had left there), but' in saying(rulebook).comment(
        Why.KEPT_OPEN, left, AT, left.closed_as
    )
    assert 'still written here: "Known error".' in saying(rulebook).comment(Why.LEFT_OVER, left, AT, left.word)


def test_a_note_says_whether_a_scan_or_a_person_brought_the_finding_back(rulebook: MappingsRulebook) -> None:
    notes = {
        why: saying(rulebook).note(SetStatus(Status.REVIEWING, why), (JIRA, CLOSED[0]), AT)
        for why in (Why.FOUND_AGAIN, Why.TICKET_REOPENED)
    }
    assert notes[Why.FOUND_AGAIN] == "Found again in SchoolScan: work goes on in jira SEC-1 (2026-04-01 09:30 UTC)."
    assert notes[Why.TICKET_REOPENED].startswith("A person opened a ticket again: work goes on in jira SEC-1")


def test_a_note_of_a_conflict_says_whose_word_counts(rulebook: MappingsRulebook) -> None:
    open_wins = saying(rulebook).note(SetStatus(Status.REVIEWING, Why.CONFLICT), (JIRA,), AT)
    source_wins = saying(rulebook).note(SetStatus(Status.ACCEPTED_RISK, Why.CONFLICT), (CLOSED[1],), AT)
    assert "What is still open wins" in open_wins
    assert "SchoolScan's word counts: it stays accepted risk" in source_wins


@pytest.mark.parametrize("status", [Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK])
@pytest.mark.parametrize(
    "why", sorted(set(Why) - {Why.INCIDENT_CHANGED, Why.RULE_CHANGED, Why.RELATED, Why.LISTED, Why.REPORTED})
)
@pytest.mark.parametrize("fact", ["", "reason,expiry", "anything {{ at }} all"])
def test_there_are_words_for_every_patch_and_every_reason(
    rulebook: MappingsRulebook, narrow: MappingsRulebook, status: Status, why: Why, fact: str
) -> None:
    for book in (rulebook, narrow):
        note = saying(book).note(SetStatus(status, why), (JIRA,), AT)  # type: ignore[arg-type]  # all three
        comment = saying(book).comment(why, JIRA, AT, fact)
        assert note.strip()
        assert KEY.ref in comment


@pytest.mark.parametrize("why", sorted(set(Why) - {Why.EXPERT_REVIEWED, Why.LISTED, Why.REPORTED}))
def test_there_are_words_for_every_reason_on_a_ticket_about_an_incident(rulebook: MappingsRulebook, why: Why) -> None:
    ruling = rulebook.ruling(reported(Incident("inc_1")), AT)
    comment = ruling.comment(why, JIRA, AT, "")
    assert "lakeside:incident:inc_1" in comment
    assert "SchoolScan" not in comment
    assert "finding" not in comment


def test_notes_tell_of_a_scan_that_is_to_verify_what_people_mended(rulebook: MappingsRulebook) -> None:
    def note(status: Literal[Status.REVIEWING, Status.RESOLVED], why: Why, fact: str, *tickets: Ticket) -> str:
        return saying(rulebook).note(SetStatus(status, why, Reason.FIXED, fact=fact), tickets, AT)

    first = note(Status.REVIEWING, Why.VERIFYING, "", CLOSED[1])
    assert "A scan of its site is to show that the finding is gone" in first
    assert "2 of its scans had no result; another one is to" in note(Status.REVIEWING, Why.VERIFYING, "2", CLOSED[1])
    assert "scan scan_7 still finds it" in note(Status.REVIEWING, Why.STILL_FOUND, "scan_7", JIRA)
    assert "no scan could show that" in note(Status.REVIEWING, Why.UNVERIFIED, "failed", JIRA)
    resolved = note(Status.RESOLVED, Why.TICKET_DONE, "scan_7", CLOSED[1])
    assert resolved.endswith("Scan scan_7, which began after that, does not find it any more.")
    assert "scan" not in note(Status.RESOLVED, Why.TICKET_DONE, "", CLOSED[1])


@pytest.mark.parametrize(("detail", "names_page"), [("minimal", False), ("restricted", True)])
def test_only_a_restricted_rule_names_the_page_on_which_a_scan_still_finds_it(detail: str, *, names_page: bool) -> None:
    finding = replace(FINDING, domain_type=DomainType.METADATA, url="https://www.lakeside.example/list.pdf?signed=1")
    text = ONE_RULE.replace("{name: metadata,", f"{{name: metadata, detail: {detail},")
    book = MappingsRulebook(loaded_of(text, "m.yaml").mappings)
    told = ruling(book, finding).comment(Why.STILL_FOUND, JIRA, AT, "scan_7")
    assert "scan scan_7 still finds it" in told
    assert ("on https://www.lakeside.example/list.pdf:" in told) is names_page


def test_notes_of_different_meaning_differ(rulebook: MappingsRulebook) -> None:
    patches = [
        SetStatus(Status.REVIEWING, Why.NEW),
        SetStatus(Status.REVIEWING, Why.FOUND_AGAIN),
        SetStatus(Status.REVIEWING, Why.TICKET_REOPENED),
        SetStatus(Status.REVIEWING, Why.CONFLICT),
        SetStatus(Status.REVIEWING, Why.RISK_EXPIRED),
        SetStatus(Status.RESOLVED, Why.TICKET_DONE),
        SetStatus(Status.ACCEPTED_RISK, Why.TICKET_DONE),
        SetStatus(Status.ACCEPTED_RISK, Why.RISK_STILL_ACCEPTED),
    ]
    assert len({saying(rulebook).note(patch, (JIRA,), AT) for patch in patches}) == len(patches)


@pytest.mark.parametrize(
    ("why", "fact", "said"),
    [
        (Why.SEVERITY_RAISED, "high to critical", "worse than it seemed: high to critical"),
        (Why.EXPERT_REVIEWED, "confirmed_exposure", "looked at this finding: confirmed exposure"),
        (Why.RISK_UNEXPLAINED, "reason", "The reason is missing: write it into the field"),
        (Why.RISK_UNEXPLAINED, "expiry", "The end is missing: set the date"),
        (Why.RISK_UNEXPLAINED, "past", "Its end has passed: set a later date"),
        (Why.KEPT_OPEN, "cancelled", "This ticket was closed (cancelled), but that does not settle its finding"),
        (Why.REFUSED, "resolve jira: no such transition", "was refused: resolve jira: no such transition"),
        (Why.FINDING_GONE, "", "Please look at the page once more"),
        (Why.CONTINUED, "", "work goes on in SEC-1 (https://jira.example/browse/SEC-1)"),
        (Why.RISK_EXPIRED, "", "The acceptance of this risk has ended"),
        (Why.TICKET_DONE, "", "Another ticket of this finding is done"),
        (Why.TICKET_REOPENED, "", "Another ticket of this finding was opened again"),
        (Why.FOUND_AGAIN, "", "this finding is open again"),
    ],
)
def test_a_comment_says_what_happened_and_what_to_do(
    rulebook: MappingsRulebook, why: Why, fact: str, said: str
) -> None:
    assert said in saying(rulebook).comment(why, JIRA, AT, fact)


def test_a_comment_on_a_finding_that_is_gone_says_what_the_rule_says(ruled: MappingsRulebook) -> None:
    for rule in ("bad", "deleted"):
        said = saying(ruled, Policy(rule, closes_gone=True))
        assert "its ticket is closed" in said.comment(Why.FINDING_GONE, JIRA, AT)


def test_a_comment_on_an_acceptance_that_has_ended_says_when(rulebook: MappingsRulebook) -> None:
    ticket = replace(CLOSED[1], reason=Reason.ACCEPTED_RISK, risk=Risk(until=EARLY))
    assert "has ended (2026-04-01 01:30 UTC)" in saying(rulebook).comment(Why.RISK_EXPIRED, ticket, AT)


@pytest.mark.parametrize(
    ("status", "ticket", "said"),
    [
        (Status.RESOLVED, JIRA, "What is still open wins"),
        (Status.OPEN, CLOSED[1], "What is still open wins"),
        (Status.RESOLVED, CLOSED[1], "SchoolScan's word counts: the finding is resolved"),
    ],
)
def test_a_comment_on_a_conflict_says_whose_word_counts(
    rulebook: MappingsRulebook, status: Status, ticket: Ticket, said: str
) -> None:
    assert said in saying(rulebook, status=status).comment(Why.CONFLICT, ticket, AT)


def test_a_tracker_concerns_a_district_if_a_rule_may_send_its_findings_there(rulebook: MappingsRulebook) -> None:
    assert rulebook.concerns(KEY.district, "jira")
    assert not rulebook.concerns(KEY.district, "nowhere")
    assert not rulebook.concerns("not-ours", "jira")
    only = ONE_RULE.replace("match: {", f"match: {{district: {KEY.district}, ")
    narrow = MappingsRulebook(loaded_of(only, "m.yaml").mappings)
    assert narrow.concerns(KEY.district, "jira")
    assert not narrow.concerns("another", "jira")


def test_trackers_with_the_same_address_are_beside_each_other() -> None:
    jira = '{kind: jira, url: "https://JIRA.example:443/", auth: {bearer: {env: J}}}'
    other = jira.replace("JIRA", "other")
    text = ONE_RULE.replace("trackers: {", f"trackers: {{again: {jira}, other: {other}, ")
    rulebook = MappingsRulebook(loaded_of(text, "m.yaml").mappings)
    assert [rulebook.beside(name) for name in ("jira", "again", "other", "former")] == [("again",), ("jira",), (), ()]


def test_the_ticket_of_a_drill_says_that_it_is_one_and_so_does_each_comment() -> None:
    drill = replace(FINDING, id=f"{DRILL_PREFIX}1")
    rulebook = MappingsRulebook(loaded_of(RULES, "mappings.yaml").mappings)
    real, test = (
        rulebook.ruling(subject_of(CaseKey("lakeside", CaseKind.FINDING, each.id), each), AT)
        for each in (FINDING, drill)
    )
    draft = test.draft("jira")
    assert draft.summary.startswith("[TEST] ")
    assert draft.body.startswith("THIS IS A TEST of remedy")
    assert draft.link is None
    assert test.comment(Why.FINDING_RESOLVED, JIRA, AT).startswith("This was a test of remedy")
    assert "TEST" not in real.draft("jira").summary
    assert "test" not in real.comment(Why.FINDING_RESOLVED, JIRA, AT)


def test_a_drill_is_never_verified_by_a_scan() -> None:
    rules = RULES.replace("when_gone: close", "when_gone: close\n    verify: scan")
    rulebook = MappingsRulebook(loaded_of(rules, "mappings.yaml").mappings)
    drill = replace(FINDING, id=f"{DRILL_PREFIX}1")
    assert rulebook.ruling(subject_of(KEY, FINDING), AT).policy.verifies
    assert not rulebook.ruling(subject_of(CaseKey("lakeside", CaseKind.FINDING, drill.id), drill), AT).policy.verifies
