from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import Finding
from remediation.domain.status import Severity
from remediation.domain.subjects import subject_of
from remediation.mapping.config.policies import spelt_out
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.jira import JiraTicket
from remediation.mapping.config.trackers.servicenow import ServiceNowTicket
from remediation.mapping.reading.loading import loaded_of
from remediation.rulebook import MappingsRulebook

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")


def mappings_of(defaults: str, rules: str) -> Mappings:
    text = f"""
version: 1
districts:
  lakeside:
    schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: W}}]}}}}
trackers:
  jira: {{kind: jira, url: "https://jira.example", auth: {{bearer: {{env: J}}}}}}
  now: {{kind: servicenow, url: "https://now.example", auth: {{bearer: {{env: N}}}}}}
templates: {{body: usual}}
defaults: {defaults}
rules: {rules}
"""
    return loaded_of(text, "m.yaml").mappings


def rule_of(defaults: str, rule: str) -> Rule:
    return mappings_of(defaults, f"[{{name: all, {rule}}}]").rules[0]


def jira_of(defaults: str, rule: str) -> JiraTicket:
    ticket = rule_of(defaults, rule).tickets["jira"]
    assert isinstance(ticket, JiraTicket)
    return ticket


def now_of(defaults: str, rule: str) -> ServiceNowTicket:
    ticket = rule_of(defaults, rule).tickets["now"]
    assert isinstance(ticket, ServiceNowTicket)
    return ticket


def spans(ticket: JiraTicket | ServiceNowTicket) -> dict[str, int]:
    return {severity.value: span.days for severity, span in (ticket.due or {}).items()}


def test_a_word_that_a_ticket_does_not_write_is_the_default() -> None:
    defaults = "{tickets: {jira: {project: SEC, type: Bug, labels: [a], summary: s}}}"
    ticket = jira_of(defaults, "tickets: {jira: {project: WEB}}")
    assert (ticket.project, ticket.type, ticket.labels, ticket.summary) == ("WEB", "Bug", ["a"], "s")


def test_a_ticket_for_which_nothing_is_written_is_all_default() -> None:
    assert jira_of("{tickets: {jira: {project: SEC}}}", "tickets: {jira: }").project == "SEC"


def test_a_list_takes_the_place_of_the_default_list() -> None:
    assert jira_of("{tickets: {jira: {project: SEC, labels: [a]}}}", "tickets: {jira: {labels: [b]}}").labels == ["b"]


def test_a_map_completes_the_default_map() -> None:
    defaults = "{tickets: {jira: {project: SEC, priority: {critical: Highest, low: Low}, fields: {a: 1, b: 2}}}}"
    ticket = jira_of(defaults, "tickets: {jira: {priority: {critical: High}, fields: {b: 3}}}")
    assert ticket.priority == {Severity.CRITICAL: "High", Severity.LOW: "Low"}
    assert ticket.fields == {"a": 1, "b": 3}


def test_one_word_for_every_severity_takes_the_place_of_the_default_map() -> None:
    ticket = now_of("{tickets: {now: {impact: {critical: 1}}}}", "tickets: {now: {impact: 3}}")
    assert ticket.impact == dict.fromkeys(Severity, "3")


def test_null_takes_a_default_away() -> None:
    defaults = "{due: 7d, tickets: {jira: {project: SEC, priority: High}}}"
    ticket = jira_of(defaults, "tickets: {jira: {priority: null, due: null}}")
    assert (ticket.priority, ticket.due) == (None, None)


def test_what_is_due_is_said_by_the_ticket_then_the_rule_then_the_defaults_of_the_tracker_then_of_all() -> None:
    defaults = "{due: {critical: 1d, high: 1d, medium: 1d, low: 1d}, tickets: {jira: {project: SEC, due: {high: 2d}}}}"
    rule = "due: {medium: 3d}, tickets: {jira: {due: {low: 4d}}, now: {}}"
    assert spans(jira_of(defaults, rule)) == {"critical": 1, "high": 2, "medium": 3, "low": 4}
    assert spans(now_of(defaults, rule)) == {"critical": 1, "high": 1, "medium": 3, "low": 1}


def test_the_default_detail_is_that_of_rules_that_do_not_say() -> None:
    assert rule_of("{detail: restricted}", "tickets: none").detail == "restricted"
    assert rule_of("{detail: restricted}", "detail: minimal, tickets: none").detail == "minimal"
    assert rule_of("{}", "tickets: none").detail == "minimal"


def test_how_to_keep_in_step_is_completed_choice_by_choice() -> None:
    defaults = "{reopen: never, outcomes: {cancelled: resolved}, accept: {at_most: 365d}, resolve_when: any}"
    rule = rule_of(
        defaults, "outcomes: {duplicate: reviewing}, accept: {at_most: 90d}, when_gone: close, tickets: none"
    )
    said = spelt_out(rule)
    assert (said["resolve_when"], said["reopen"], said["when_gone"]) == ("any", "never", "close")
    assert (said["outcomes.cancelled"], said["outcomes.duplicate"], said["outcomes.unknown"]) == (
        "resolved",
        "reviewing",
        "reviewing",
    )
    assert said["accept.at_most"] == "90d"


@pytest.mark.parametrize(
    ("usual", "own", "counts"),
    [
        ("never", "always", "always"),
        ("{within: 14d}", "never", "never"),
        ("always", "{within: 48h}", "within 2d"),
        ("{within: 14d}", "{within: 90m}", "within 90m"),
    ],
)
def test_a_rules_own_word_for_reopening_takes_the_place_of_the_default(usual: str, own: str, counts: str) -> None:
    assert spelt_out(rule_of(f"{{reopen: {usual}}}", f"reopen: {own}, tickets: none"))["reopen"] == counts
    assert spelt_out(rule_of(f"{{reopen: {own}}}", "tickets: none"))["reopen"] == counts


def test_parts_of_a_demand_come_together_from_both() -> None:
    text = "{accept: {reason: optional, at_most: 365d}}"
    said = spelt_out(rule_of(text, "accept: {expiry: required}, tickets: none"))
    assert [said[f"accept.{word}"] for word in ("reason", "expiry", "at_most")] == ["optional", "required", "365d"]
    said = spelt_out(rule_of(text, "accept: {at_most: null}, tickets: none"))
    assert said["accept.at_most"] is None


def test_what_closing_demands_is_completed_field_by_field() -> None:
    defaults = "{tickets: {jira: {project: SEC, close_fields: {a: 1, b: 2}}}}"
    assert jira_of(defaults, "tickets: {jira: {close_fields: {b: 3}}}").close_fields == {"a": 1, "b": 3}


def test_defaults_make_no_ticket_by_themselves() -> None:
    assert rule_of("{tickets: {jira: {project: SEC}}}", "tickets: {now: {}}").tickets.keys() == {"now"}


def test_a_mistake_in_a_default_is_shown_where_it_was_written() -> None:
    with pytest.raises(ConfigurationError) as caught:
        mappings_of("{tickets: {jira: {labels: [a b]}}}", "[{name: x, tickets: {jira: {project: SEC}}}]")
    (problem,) = caught.value.problems
    assert str(problem) == (
        "m.yaml:10:38: defaults.tickets.jira.labels[0]: "
        "a label has 1 to 255 characters and no spaces; did you mean 'a-b'?"
    )


def test_deliberately_no_ticket_is_no_gap() -> None:
    rules = (
        "[{name: never, match: {severity: low}, tickets: none}, {name: bad, match: {severity: high}, tickets: {now: }}]"
    )
    rulebook = MappingsRulebook(mappings_of("{}", rules))
    low, high, other = (Finding("f", severity=severity) for severity in (Severity.LOW, Severity.HIGH, Severity.MEDIUM))
    policies = [rulebook.ruling(subject_of(KEY, finding), AT).policy for finding in (low, high, other)]
    assert [policy.trackers for policy in policies] == [(), ("now",), ()]
    assert [policy.rule for policy in policies] == ["never", "bad", ""]


def test_the_mappings_that_we_ship_leave_nothing_to_defaults() -> None:
    text = (Path(__file__).parents[2] / "mappings.yaml").read_text()
    for rule in loaded_of(text, "mappings.yaml").mappings.rules:
        assert all(ticket.due for ticket in rule.tickets.values())
