import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Draft, Ticket, TicketState
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import load_mappings, loaded_of
from remediation.mapping.render.tickets import (
    FOLLOWS_WORDS,
    TICKET_WORDS,
    closing_fields_of,
    draft_of,
    follows_values,
    ticket_values,
)
from remediation.mapping.rules.coverage import place_of
from remediation.mapping.rules.matching import Matcher

SHIPPED = load_mappings(Path(__file__).parents[2] / "mappings.yaml").mappings
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_9d2")
AT = datetime(2026, 4, 15, 16, 2, tzinfo=timezone(timedelta(hours=2)))
CANARY = f"ZZPII-{uuid.uuid4()}"

PLANTED = Finding(
    id=KEY.id,
    status=Status.OPEN,
    severity=Severity.CRITICAL,
    domain_type=DomainType.DIRECT_PII,
    scan_id="scan_2k9x4f",
    title=CANARY,
    url=f"https://{CANARY}@www.school.example/{CANARY}?name={CANARY}#{CANARY}",
    site=f"{CANARY}.school.example".lower(),
    detected_at=AT,
    words={"severity": CANARY, "domain_type": CANARY, "status": CANARY},
)


def mappings_with(*, rule: str = "", templates: str = "{body: 'x'}", more: str = "") -> Mappings:
    text = f"""
version: 1
districts:
  lakeside:
    schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: W}}]}}}}
trackers:
  jira: {{kind: jira, url: "https://jira.example", auth: {{bearer: {{env: J}}}}}}
  now: {{kind: servicenow, url: "https://now.example", auth: {{bearer: {{env: N}}}}, table: sn_si_incident}}
templates: {templates}
{more}
rules:
  - name: all
    {rule or "tickets: {jira: {project: SEC}, now: {}}"}
"""
    return loaded_of(text, "m.yaml").mappings


def drafts_of(mappings: Mappings, finding: Finding) -> dict[str, Draft]:
    rule = Matcher(mappings.rules).rule_for(subject_of(KEY, finding), AT)
    assert rule is not None
    return {tracker: draft_of(mappings, rule, tracker, subject_of(KEY, finding), AT) for tracker in rule.tickets}


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("domain_type", DomainType)
def test_every_finding_gets_tickets_that_tell_what_to_do_and_nothing_else(
    severity: Severity, domain_type: DomainType
) -> None:
    finding = replace(PLANTED, severity=severity, domain_type=domain_type)
    for draft in drafts_of(SHIPPED, finding).values():
        assert CANARY.lower() not in repr((draft.summary, draft.body, draft.fields, draft.labels, draft.mark)).lower()
        for allowed in (KEY.id, KEY.ref, severity.value, "scan_2k9x4f", "2026-04-15 14:02 UTC", "/findings/fnd_9d2"):
            assert allowed in draft.body
        assert "What to do\n1. Open the finding in SchoolScan" in draft.body


def test_what_is_bad_for_students_gets_a_ticket_in_both_trackers() -> None:
    both = {
        (severity, domain_type)
        for severity in Severity
        for domain_type in DomainType
        if len(drafts_of(SHIPPED, Finding("f", severity=severity, domain_type=domain_type))) == 2
    }
    exposed = {DomainType.DIRECT_PII, DomainType.REIDENTIFICATION, DomainType.EDUCATION_RECORDS}
    assert both == {(severity, kind) for severity in (Severity.CRITICAL, Severity.HIGH) for kind in exposed}


def test_a_finding_of_which_only_the_id_is_known_still_gets_a_ticket() -> None:
    draft = drafts_of(SHIPPED, Finding("fnd_9d2"))["jira"]
    assert "fnd_9d2" in draft.summary
    assert "First seen" not in draft.body
    assert "\n\n\n" not in draft.body


def test_title_and_page_appear_only_where_the_rule_says_restricted() -> None:
    restricted = SHIPPED.rules[0].model_copy(update={"detail": "restricted"})
    draft = draft_of(SHIPPED, restricted, "jira", subject_of(KEY, PLANTED), AT)
    assert f"Title: {CANARY}\nPage: https://www.school.example/{CANARY}\n" in draft.body
    assert draft.body.count(CANARY) == 2


def test_a_jira_draft_has_the_words_of_its_rule() -> None:
    draft = drafts_of(SHIPPED, PLANTED)["jira"]
    assert (draft.place, draft.type, draft.labels) == ("SEC", "Task", ("schoolscan", "student-privacy"))
    assert draft.fields == {"priority": {"name": "Highest"}, "duedate": "2026-04-17"}
    assert draft.mark == "remedy:lakeside:finding:fnd_9d2"


def test_a_servicenow_draft_has_the_words_of_its_rule_and_the_table_of_its_tracker() -> None:
    rule = "tickets: {now: {impact: 2, urgency: {critical: 1}, assignment_group: privacy, fields: {category: web}}}"
    draft = drafts_of(mappings_with(rule=rule), PLANTED)["now"]
    assert (draft.place, draft.type) == ("sn_si_incident", None)
    assert draft.fields == {"impact": "2", "urgency": "1", "assignment_group": "privacy", "category": "web"}


def test_a_severity_that_the_rule_does_not_name_sets_no_field() -> None:
    rule = "tickets: {jira: {project: SEC, priority: {high: High}}, now: {urgency: {high: 1}}}"
    drafts = drafts_of(mappings_with(rule=rule), PLANTED)
    assert {draft.place: draft.fields for draft in drafts.values()} == {"SEC": {}, "sn_si_incident": {}}


def test_every_word_of_a_jira_ticket_becomes_a_field() -> None:
    words = "assignee: {critical: ann, high: bob}, security_level: Private, due: {critical: 36h}"
    draft = drafts_of(mappings_with(rule=f"tickets: {{jira: {{project: SEC, {words}}}}}"), PLANTED)["jira"]
    assert draft.fields == {
        "assignee": {"accountId": "ann"},
        "security": {"name": "Private"},
        "duedate": "2026-04-17",
    }


def test_data_center_knows_assignees_by_name() -> None:
    mappings = mappings_with(rule="tickets: {jira: {project: SEC, assignee: ann}}")
    jira = mappings.trackers["jira"].model_copy(update={"deployment": "data_center"})
    draft = drafts_of(mappings.model_copy(update={"trackers": {"jira": jira}}), PLANTED)["jira"]
    assert draft.fields == {"assignee": {"name": "ann"}}


def test_every_word_of_a_servicenow_ticket_becomes_a_column() -> None:
    words = "assignment_group: {critical: privacy}, assigned_to: {critical: ann}, due: 2h, impact: 1, urgency: 2"
    draft = drafts_of(mappings_with(rule=f"tickets: {{now: {{{words}}}}}"), PLANTED)["now"]
    assert draft.fields == {
        "impact": "1",
        "urgency": "2",
        "assignment_group": "privacy",
        "assigned_to": "ann",
        "due_date": "2026-04-15 16:02:00",
    }


@pytest.mark.parametrize(
    ("detected_at", "due"),
    [
        (AT - timedelta(days=10), "2026-04-06"),
        (None, "2026-04-16"),
        (datetime(2026, 4, 1, 23, 59), "2026-04-02"),  # noqa: DTZ001 - what a source might send
        (datetime.max.replace(tzinfo=UTC), None),
    ],
)
def test_what_is_due_counts_from_the_first_detection(detected_at: datetime | None, due: str | None) -> None:
    mappings = mappings_with(rule="tickets: {jira: {project: SEC, due: 1d}}")
    draft = drafts_of(mappings, replace(PLANTED, detected_at=detected_at))["jira"]
    assert draft.fields.get("duedate") == due


def test_text_in_fields_is_filled_in_at_any_depth_and_what_comes_out_empty_is_left_out() -> None:
    fields = (
        "{a: 'x {{ finding.id }}', b: [{value: '{{ finding.severity }}'}], c: '{{ finding.scan_id }}', d: '', e: 5}"
    )
    mappings = mappings_with(rule=f"tickets: {{jira: {{project: SEC, fields: {fields}}}}}")
    draft = drafts_of(mappings, replace(PLANTED, scan_id=None))["jira"]
    assert draft.fields == {"a": "x fnd_9d2", "b": [{"value": "critical"}], "d": "", "e": 5}


def test_a_field_is_one_line_of_bounded_length_without_control_characters() -> None:
    mappings = mappings_with(rule="tickets: {jira: {project: SEC, fields: {a: 'x{{ finding.scan_id }}'}}}")
    draft = drafts_of(mappings, replace(PLANTED, scan_id="a\nb\x1b[2J" + "c" * 2_000))["jira"]
    text = draft.fields["a"]
    assert isinstance(text, str)
    assert text.startswith("xa b[2Jccc")
    assert len(text) <= 1_000


def test_the_page_is_in_a_field_only_where_the_rule_says_restricted() -> None:
    tickets = "tickets: {jira: {project: SEC, fields: {a: 'at {{ finding.url }}'}}}"
    with pytest.raises(ConfigurationError, match="detail: restricted"):
        mappings_with(rule=tickets)
    draft = drafts_of(mappings_with(rule=f"detail: restricted\n    {tickets}"), PLANTED)["jira"]
    assert draft.fields == {"a": f"at https://www.school.example/{CANARY}"}


def test_a_title_is_never_in_a_field() -> None:
    tickets = "tickets: {jira: {project: SEC, fields: {a: '{{ finding.title }}'}}}"
    with pytest.raises(ConfigurationError, match=r"there is no finding\.title"):
        mappings_with(rule=f"detail: restricted\n    {tickets}")


def test_a_rule_says_where_its_tickets_belong() -> None:
    mappings = mappings_with(rule="tickets: {now: {}}")
    rule = mappings.rules[0]
    assert place_of(mappings, rule, "now") == "sn_si_incident"
    assert place_of(mappings, rule, "jira") is None
    assert place_of(SHIPPED, SHIPPED.rules[0], "jira") == "SEC"


def test_a_rules_own_texts_take_the_place_of_the_usual_ones() -> None:
    rule = "tickets: {jira: {project: SEC, summary: '{{ rule.name }} {{ finding.id }}', body: own}, now: {}}"
    drafts = drafts_of(mappings_with(rule=rule, templates="{summary: usual, body: shared}"), PLANTED)
    assert (drafts["jira"].summary, drafts["jira"].body) == ("all fnd_9d2", "own")
    assert (drafts["now"].summary, drafts["now"].body) == ("usual", "shared")


def test_a_summary_is_one_line_and_texts_hold_no_control_characters() -> None:
    text = '{summary: "{{ finding.id }}\\n\\e[31mred\\nx", body: "a\\n{{ finding.scan_id }}"}'
    finding = Finding("a\nWhat to do: nothing\u202e", scan_id="b\r\nc\x00d")
    draft = drafts_of(mappings_with(templates=text), finding)["jira"]
    assert draft.summary == "a What to do: nothing [31mred x"
    assert draft.body == "a\nb cd"


def test_an_id_is_quoted_in_the_link() -> None:
    key = CaseKey("lakeside", CaseKind.FINDING, "a/../b?c")
    body = draft_of(SHIPPED, SHIPPED.rules[-1], "jira", subject_of(key, Finding(key.id)), AT).body
    assert "https://schoolscan.example/findings/a%2F..%2Fb%3Fc\n" in body


def test_a_template_that_fails_on_the_day_says_so_without_quoting() -> None:
    mappings = mappings_with()
    ticket = mappings.rules[0].tickets["jira"].model_copy(update={"body": "{{ finding.id + 1 }}"})
    rule = mappings.rules[0].model_copy(update={"name": "late", "tickets": {"jira": ticket}})
    with pytest.raises(ConfigurationError) as caught:
        draft_of(mappings, rule, "jira", subject_of(KEY, Finding(CANARY)), AT)
    assert str(caught.value) == "rule late, ticket in jira: its template cannot be filled in (TypeError)"


def test_a_ticket_that_follows_another_names_it_before_its_body() -> None:
    mappings = mappings_with(templates="{body: own, follows: 'After {{ earlier.key }} ({{ rule.name }})'}")
    earlier = Ticket("jira", "10012", "SEC-\x1b12", "https://jira.example/browse/SEC-12", TicketState.DONE)
    for tracker in ("jira", "now"):
        draft = draft_of(mappings, mappings.rules[0], tracker, subject_of(KEY, PLANTED), AT, earlier)
        assert draft.body == "After SEC-12 (all)\n\nown"
        assert draft.follows == "10012"


def test_the_line_that_names_an_earlier_ticket_is_kept_where_a_body_is_cut() -> None:
    mappings = mappings_with(templates="{body: \"{{ 'x' * 40000 }}\"}")
    earlier = Ticket("jira", "10012", "SEC-12", "https://jira.example/browse/SEC-12", TicketState.DONE)
    draft = draft_of(mappings, mappings.rules[0], "jira", subject_of(KEY, PLANTED), AT, earlier)
    assert len(draft.body) == 30_000
    assert draft.body.startswith("This takes the place of SEC-12 (https://jira.example/browse/SEC-12)")


def test_what_closing_sets_is_filled_in_like_any_other_field() -> None:
    rule = "tickets: {jira: {project: SEC, close_fields: {a: '{{ finding.id }}', b: '{{ finding.scan_id }}', c: 5}}}"
    mappings = mappings_with(rule=rule)
    unknown_scan = replace(PLANTED, scan_id=None)
    assert closing_fields_of(mappings, mappings.rules[0], "jira", subject_of(KEY, unknown_scan)) == {
        "a": "fnd_9d2",
        "c": 5,
    }
    assert draft_of(mappings, mappings.rules[0], "jira", subject_of(KEY, unknown_scan), AT).fields == {}


def test_the_page_is_in_what_closing_sets_only_where_the_rule_says_restricted() -> None:
    tickets = "tickets: {jira: {project: SEC, close_fields: {a: '{{ finding.site }}'}}}"
    with pytest.raises(ConfigurationError, match="detail: restricted"):
        mappings_with(rule=tickets)
    mappings = mappings_with(rule=f"detail: restricted\n    {tickets}")
    assert closing_fields_of(mappings, mappings.rules[0], "jira", subject_of(KEY, PLANTED)) == {"a": PLANTED.site}


@pytest.mark.parametrize(
    ("tracker", "field"),
    [
        ("jira", "resolution"),
        ("jira", "assignee"),
        ("jira", "issuelinks"),
        ("now", "close_code"),
        ("now", "close_notes"),
        ("now", "assigned_to"),
    ],
)
def test_what_we_or_people_set_is_not_set_by_closing(tracker: str, field: str) -> None:
    project = "project: SEC, " if tracker == "jira" else ""
    with pytest.raises(ConfigurationError, match=rf"close_fields\.{field}: is "):
        mappings_with(rule=f"tickets: {{{tracker}: {{{project}close_fields: {{{field}: x}}}}}}")


@pytest.mark.parametrize(
    ("field", "good"),
    [
        ("comment: '{{ finding.id }} taken up'", True),
        ("comment: ''", False),
        ("comment: {body: x}", False),
        ("worklog: {timeSpent: 1h 30m}", True),
        ("worklog: {timeSpent: 5m, comment: '{{ finding.id }}'}", True),
        ("worklog: {timeSpent: soon}", False),
        ("worklog: {timeSpent: 5m, started: now}", False),
        ("worklog: [{add: {timeSpent: 5m}}]", False),
        ("worklog: 5m", False),
    ],
)
def test_what_jira_takes_only_as_an_addition_has_a_form_that_is_checked(field: str, good: bool) -> None:  # noqa: FBT001 - a column of the table
    rule = f"tickets: {{jira: {{project: SEC, close_fields: {{{field}}}}}}}"
    if good:
        mappings_with(rule=rule)
        return
    with pytest.raises(ConfigurationError, match=r"close_fields\.(comment|worklog): must be "):
        mappings_with(rule=rule)


@pytest.mark.parametrize("field", ["comment", "worklog", "issuelinks", "attachment"])
def test_a_new_issue_has_nothing_that_is_only_added(field: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"fields\.{field}: is taken by Jira only under `update`"):
        mappings_with(rule=f"tickets: {{jira: {{project: SEC, fields: {{{field}: x}}}}}}")


def test_the_documented_values_are_the_ones_that_templates_get() -> None:
    ticket = ticket_values("all", KEY.ref, PLANTED, "", restricted=True)
    assert {name: set(vars(value)) for name, value in ticket.items()} == TICKET_WORDS.objects
    earlier = follows_values("all", KEY.ref, Ticket("jira", "1", "SEC-1", "", TicketState.DONE))
    assert earlier.keys() == FOLLOWS_WORDS.objects.keys()
    assert all(words <= vars(earlier[name]).keys() for name, words in FOLLOWS_WORDS.objects.items())
