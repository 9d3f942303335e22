"""What mappings.yaml says of scans' summaries, with a message for each mistake, and what a summary says."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import Why
from remediation.domain.cases.records import CaseKey, CaseKind, ref_of_mark
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import DomainType, Finding, Scan, ScanStatus
from remediation.domain.ownership import Ground
from remediation.domain.reports import SummaryTerms
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, gone, subject_of_summary
from remediation.domain.summaries import (
    MOST_NAMED,
    FindingTally,
    NamedTickets,
    ScanCounts,
    ScanSummary,
    newest_before,
)
from remediation.domain.tickets import Ticket, TicketState
from remediation.mapping.reading.loading import loaded_of
from remediation.mapping.render.summaries import numbers_of
from remediation.rulebook import MappingsRulebook

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
KEY = CaseKey("lakeside", CaseKind.SUMMARY, "scan_1")
TICKET = Ticket("jira", "1", "SCAN-1", "https://jira.example/browse/SCAN-1", TicketState.OPEN, place="SCAN")
FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    scan_summary: SUMMARY
  hillside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: u, password: {env: J}}}}
defaults: {tickets: {jira: {project: SEC, fields: {customfield_1: "{{ finding.id }}"}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {}}}]
"""
USUAL = "{tickets: {jira: {project: SCAN, type: Epic}}}"


def rulebook(summary: str = USUAL) -> MappingsRulebook:
    return MappingsRulebook(loaded_of(FILE.replace("SUMMARY", summary), "mappings.yaml").mappings)


def scan(name: str = "scan_1", days: int = 0, grade: str | None = "B", site: str = "www.lakeside.example") -> Scan:
    began = AT + timedelta(days=days)
    return Scan(name, ScanStatus.COMPLETED, site, began, began + timedelta(hours=2), overall_grade=grade)


def summary(counts: ScanCounts | None = None, before: Scan | None = None, of: Scan | None = None) -> Subject:
    return subject_of_summary(KEY, ScanSummary(of or scan(), ScanCounts() if counts is None else counts, before))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "{tickets: {jra: {project: SCAN}}}",
            "scan_summary.tickets.jra: there is no tracker jra; did you mean 'jira'?",
        ),
        ("{tickets: {jira: {type: Epic}}}", "jira.project: is missing: a summary takes nothing from defaults.tickets"),
        ("{tickets: {}}", "scan_summary.tickets: must not be empty"),
        ("{every: 15m}", "scan_summary.tickets: is missing"),
        ("{tickets: {jira: {project: SCAN}}, every: 1m}", "scan_summary.every: must be at least 5m"),
        ("{tickets: {jira: {project: SCAN}}, report: {}}", "write detail: restricted beside it, or no report"),
        (
            "{tickets: {jira: {project: SCAN}}, detail: restricted, report: {every: 1m}}",
            "scan_summary.report.every: must be at least 1h",
        ),
        ("{tickets: {jira: {project: SCAN}}, every: 2d}", "numbers that are older help nobody"),
        ("{tickets: {jira: {project: SCAN, table: x}}}", "table"),
        (
            '{tickets: {jira: {project: SCAN, body: "{{ summary.site }}"}}}',
            "summary.site is there only where scan_summary says detail: restricted, and that of district lakeside does",
        ),
        ('{tickets: {jira: {project: SCAN, body: "{{ finding.title }}"}}}', "finding"),
        ('{tickets: {jira: {project: SCAN, fields: {customfield_2: "{{ summary.title }}"}}}}', "title"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_to_do(written: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        rulebook(written)
    (problem,) = refused.value.problems
    assert message in f"{problem.message}"
    assert problem.line == 5


def test_a_summary_takes_nothing_from_defaults_and_no_rule() -> None:
    ruling = rulebook().ruling(summary(), AT)
    draft = ruling.draft("jira")
    assert (ruling.policy.rule, ruling.policy.trackers, ruling.policy.kept_open) == ("", ("jira",), frozenset())
    assert (draft.place, draft.type, draft.fields, draft.mark) == ("SCAN", "Epic", {}, "remedy:lakeside:summary:scan_1")
    assert ref_of_mark(draft.mark) == KEY.ref


@pytest.mark.parametrize(("count", "words"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_a_summary_s_title_counts_findings_as_people_do(count: int, words: str) -> None:
    counts = ScanCounts().with_more(FindingTally.of(found(number), AT, has_ticket=True) for number in range(count))
    assert rulebook().ruling(summary(counts=counts), AT).draft("jira").summary.startswith(f"Scan scan_1: {words}")


def test_a_summary_s_ticket_is_expected_where_its_district_opens_it_and_nowhere_else() -> None:
    book = rulebook()
    assert book.concerns("lakeside", "jira")
    assert (book.ground("lakeside", TICKET), book.ground("hillside", TICKET)) == (Ground.OWN, Ground.OTHERS)
    assert (book.summary_terms("lakeside"), book.summary_terms("hillside")) == (SummaryTerms(900.0), None)


@pytest.mark.parametrize("status", [each for each in ScanStatus if each is not ScanStatus.COMPLETED])
def test_only_a_completed_scan_that_was_counted_gets_a_ticket(status: ScanStatus) -> None:
    book = rulebook()
    other = Scan("scan_1", status)
    assert book.ruling(summary(of=other), AT).policy.trackers == ()
    uncounted = subject_of_summary(KEY, ScanSummary(scan()))
    assert book.ruling(uncounted, AT).policy.trackers == ()
    assert book.ruling(gone(KEY), AT).policy.trackers == ()
    elsewhere = subject_of_summary(CaseKey("hillside", CaseKind.SUMMARY, "scan_1"), ScanSummary(scan(), ScanCounts()))
    assert book.ruling(elsewhere, AT).policy.trackers == ()


@pytest.mark.parametrize("why", Why)
def test_there_is_a_comment_for_every_cause(why: Why) -> None:
    assert "lakeside:summary:scan_1" in rulebook().ruling(summary(), AT).comment(why, TICKET, AT, "fact")


def found(number: int, **words: object) -> Finding:
    usual = {"status": Status.OPEN, "severity": Severity.LOW, "domain_type": DomainType.METADATA, "title": "ZZPII-t"}
    return Finding(f"ZZPII-{number}", **{**usual, **words})  # type: ignore[arg-type]


def test_the_numbers_say_what_is_to_do_and_never_what_was_found() -> None:
    before, after = AT - timedelta(days=1), AT + timedelta(minutes=1)
    findings = [
        found(1, severity=Severity.CRITICAL, detected_at=after),
        found(2, status=Status.RESOLVED, detected_at=before),
        found(3, status=Status.ACCEPTED_RISK, domain_type=DomainType.DIRECT_PII, detected_at=after),
        found(4, status=Status.UNKNOWN),
    ]
    counts = ScanCounts(first=6).with_more(FindingTally.of(each, AT, has_ticket=True) for each in findings)
    listed = numbers_of(ScanSummary(scan(), counts, scan("scan_0", -7, "C")))
    assert listed is not None
    assert (listed.head, *listed.lines) == (
        "4 found, 1 to do",
        "- Grade: B, and C in the scan before",
        "- To do: 1 (1 critical)",
        "- Resolved: 1",
        "- Accepted as a risk: 1",
        "- In a state that is not known: 1",
        "- All by severity: 4 (1 critical, 3 low)",
        "- All by type: 4 (1 direct_pii, 3 metadata)",
        "- New in this scan: 2, found again: 1",
        "- With a ticket: 4",
        "- No longer among the findings of this scan: 2",
    )


@pytest.mark.parametrize(
    ("before", "line"),
    [
        (None, "- Grade: B"),
        (scan("scan_0", -7, None), "- Grade: B"),
        (scan("scan_0", -7, "B"), "- Grade: B, as in the scan before"),
    ],
)
def test_a_grade_is_compared_only_with_one_that_there_is(before: Scan | None, line: str) -> None:
    listed = numbers_of(ScanSummary(scan(), ScanCounts(), before))
    assert listed is not None
    assert listed.lines[0] == line


def test_the_scan_before_is_the_newest_completed_one_of_the_same_site() -> None:
    failed = Scan("scan_f", ScanStatus.FAILED, "www.lakeside.example", AT - timedelta(days=1))
    others = [
        scan("scan_a", -14),
        scan("scan_b", -7),
        scan("scan_c", 7),
        scan("scan_d", -1, site="x.example"),
        failed,
        scan(),
    ]
    assert newest_before(scan(), others) == scan("scan_b", -7)
    assert newest_before(scan(), [scan()]) is None
    assert newest_before(Scan("scan_1"), others) is None


TALLIES = st.builds(
    FindingTally,
    st.sampled_from(Severity),
    st.sampled_from(DomainType),
    st.sampled_from(Status),
    st.none() | st.booleans(),
    st.booleans(),
)


KEYS = st.lists(st.from_regex(r"[A-Z]{2,4}-?[0-9]{1,6}", fullmatch=True), min_size=1, max_size=2).map(tuple)
NAMED = st.builds(NamedTickets, st.sampled_from(Severity), st.sampled_from(Status), KEYS)


@given(st.lists(TALLIES), st.lists(NAMED))
def test_counts_are_read_as_they_were_written(tallies: list[FindingTally], named: list[NamedTickets]) -> None:
    counts = ScanCounts().with_more(tallies, named)
    assert ScanCounts.parse(str(counts)) == counts
    assert counts.total == len(tallies)


@given(st.lists(NAMED), st.integers(1, 5))
def test_the_same_tickets_are_named_however_a_list_is_cut_into_pages(named: list[NamedTickets], size: int) -> None:
    counts = ScanCounts()
    for start in range(0, len(named), size):
        counts = counts.with_more((), named[start : start + size])
    assert counts.named == ScanCounts().with_more((), named).named
    assert len({each.keys for each in counts.named}) == len(counts.named)


def test_the_tickets_to_do_and_the_worst_are_named_first_and_the_rest_is_counted() -> None:
    one = [NamedTickets(Severity.LOW, Status.REVIEWING, (f"SEC-{number}",)) for number in range(MOST_NAMED)]
    first = NamedTickets(Severity.CRITICAL, Status.REVIEWING, ("SEC-900", "INC0010012"))
    done = NamedTickets(Severity.CRITICAL, Status.RESOLVED, ("SEC-901",))
    tallies = [FindingTally.of(found(number), AT, has_ticket=True) for number in range(MOST_NAMED + 2)]
    listed = numbers_of(ScanSummary(scan(), ScanCounts().with_more(tallies, [*one, done, first])), names_tickets=True)
    assert listed is not None
    assert "- SEC-900, INC0010012: critical, to do" in listed.lines
    assert "SEC-901" not in str(listed.lines)
    assert listed.lines[-1] == "- and the tickets of 2 more findings"
    assert sum("to do" in line for line in listed.lines) == MOST_NAMED
