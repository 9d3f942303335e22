"""What mappings.yaml says of a finding, asked in plain questions: which tickets, where, and in which words."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediation.actions import PatchFinding, Why
from remediation.cases import CaseKey, CaseKind
from remediation.findings import DomainType, Finding, FindingStatus, Severity
from remediation.mapping.loading import load_mappings, loaded_of
from remediation.rulebook import MappingsRulebook
from remediation.tickets import Reason, Ticket, TicketState

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
AT = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
FINDING = Finding("fnd_1", FindingStatus.OPEN, Severity.CRITICAL, DomainType.DIRECT_PII, title="ZZPII-title")
JIRA = Ticket("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN)
SNOW = Ticket("servicenow", "incident/2", "INC0010001", "https://now.example/2", TicketState.OPEN)
ONE_RULE = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: metadata, match: {domain_type: metadata}, tickets: {jira: {project: WEB}}}]
"""


@pytest.fixture(scope="module")
def rulebook() -> MappingsRulebook:
    """The one of the mappings.yaml that is delivered."""
    return MappingsRulebook(load_mappings(Path(__file__).parents[2] / "mappings.yaml").mappings)


@pytest.fixture(scope="module")
def narrow() -> MappingsRulebook:
    return MappingsRulebook(loaded_of(ONE_RULE, "m.yaml").mappings)


@pytest.mark.parametrize(
    ("severity", "domain", "wanted"),
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
    rulebook: MappingsRulebook, severity: Severity, domain: DomainType, wanted: tuple[str, ...]
) -> None:
    assert rulebook.wanted(KEY, replace(FINDING, severity=severity, domain_type=domain), AT) == wanted


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("domain", DomainType)
def test_nothing_that_schoolscan_finds_falls_through_the_delivered_rules(
    rulebook: MappingsRulebook, severity: Severity, domain: DomainType
) -> None:
    finding = replace(FINDING, severity=severity, domain_type=domain)
    wanted = rulebook.wanted(KEY, finding, AT)
    assert wanted
    for tracker in wanted:
        draft = rulebook.draft(KEY, finding, tracker, AT)
        assert (draft.mark, draft.place) == (KEY.mark, rulebook.place(KEY, finding, tracker, AT))
        assert "ZZPII" not in draft.summary + draft.body + repr(draft.fields)


def test_what_no_rule_takes_gets_no_ticket_and_has_no_place(narrow: MappingsRulebook) -> None:
    assert narrow.wanted(KEY, FINDING, AT) == ()
    assert narrow.place(KEY, FINDING, "jira", AT) is None
    with pytest.raises(LookupError):
        narrow.draft(KEY, FINDING, "jira", AT)


def test_a_tracker_that_the_rule_does_not_name_has_no_place(rulebook: MappingsRulebook) -> None:
    vendor = replace(FINDING, domain_type=DomainType.VENDOR_EXPOSURE)
    assert rulebook.place(KEY, vendor, "jira", AT) is None
    with pytest.raises(LookupError):
        rulebook.draft(KEY, vendor, "jira", AT)


def test_a_note_names_every_ticket(rulebook: MappingsRulebook) -> None:
    note = rulebook.note(KEY, FINDING, PatchFinding(FindingStatus.REVIEWING, Why.NEW), (SNOW, JIRA), AT)
    assert "INC0010001" in note
    assert "SEC-1" in note
    assert "students-exposed" in note
    assert "ZZPII" not in note


def test_a_note_of_done_tickets_says_why_who_and_when_the_last_was_closed(rulebook: MappingsRulebook) -> None:
    early, late = AT.replace(hour=1), AT.replace(hour=2)
    closed = (
        replace(SNOW, state=TicketState.DONE, reason=Reason.FIXED, closed_by="person-1", closed_at=late),
        replace(JIRA, state=TicketState.DONE, reason=Reason.FIXED, closed_by="person-2", closed_at=early),
    )
    patch = PatchFinding(FindingStatus.RESOLVED, Why.TICKET_DONE, Reason.FIXED)
    note = rulebook.note(KEY, FINDING, patch, closed, AT)
    assert all(word in note for word in ("fixed", "person-1", "person-2", "2026-04-01"))
    assert "02:30" in note
    assert "09:30" not in note


def test_one_person_who_closed_both_is_named_once(rulebook: MappingsRulebook) -> None:
    closed = tuple(replace(each, state=TicketState.DONE, closed_by="person-1") for each in (SNOW, JIRA))
    patch = PatchFinding(FindingStatus.RESOLVED, Why.TICKET_DONE, Reason.FIXED)
    assert rulebook.note(KEY, FINDING, patch, closed, AT).count("person-1") == 1


@pytest.mark.parametrize("status", [FindingStatus.REVIEWING, FindingStatus.RESOLVED, FindingStatus.ACCEPTED_RISK])
@pytest.mark.parametrize("why", Why)
def test_there_are_words_for_every_patch_and_every_reason(
    rulebook: MappingsRulebook, narrow: MappingsRulebook, status: FindingStatus, why: Why
) -> None:
    for book in (rulebook, narrow):
        note = book.note(KEY, FINDING, PatchFinding(status, why), (JIRA,), AT)  # type: ignore[arg-type]  # all three
        comment = book.comment(KEY, FINDING, why, JIRA, AT)
        assert note.strip()
        assert KEY.ref in comment


def test_notes_of_different_meaning_differ(rulebook: MappingsRulebook) -> None:
    patches = [
        PatchFinding(FindingStatus.REVIEWING, Why.NEW),
        PatchFinding(FindingStatus.REVIEWING, Why.FOUND_AGAIN),
        PatchFinding(FindingStatus.RESOLVED, Why.TICKET_DONE),
        PatchFinding(FindingStatus.ACCEPTED_RISK, Why.TICKET_DONE),
    ]
    assert len({rulebook.note(KEY, FINDING, patch, (JIRA,), AT) for patch in patches}) == len(patches)
