"""Which rules are no longer what they were, and how many living cases that touches."""

import pytest

from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.rule_changes import RuleChanges
from remediation.mapping.reading.loading import loaded_of

RULES = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
defaults: {outcomes: {duplicate: reviewing}, tickets: {jira: {project: SEC}}}
rules:
  - {name: students, match: {domain_type: direct_pii}, tickets: {jira: }}
  - {name: vendor, match: {domain_type: vendor_exposure}, outcomes: {duplicate: resolved}, tickets: {jira: }}
  - {name: rest, tickets: {jira: }}
"""


def rules(old: str = "", new: str = "") -> Mappings:
    assert old in RULES
    return loaded_of(RULES.replace(old, new) if old else RULES, "m.yaml").mappings


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("", "", RuleChanges()),
        ("name: students", "name: pupils", RuleChanges(gone=("students",))),
        ("  - {name: rest, tickets: {jira: }}\n", "", RuleChanges(gone=("rest",))),
        ("duplicate: reviewing", "duplicate: resolved", RuleChanges(changed=("students", "rest"))),
        ("project: SEC", "project: WEB", RuleChanges(changed=("students", "vendor", "rest"))),
        ("{domain_type: direct_pii}", "{domain_type: metadata}", RuleChanges(changed=("students",))),
        ("https://jira.example", "https://jira.example.org", RuleChanges()),
    ],
)
def test_a_rule_is_gone_with_its_name_and_changed_by_whatever_counts_for_it(
    old: str, new: str, changes: RuleChanges
) -> None:
    assert RuleChanges.between(rules(), rules(old, new)) == changes


def test_a_rule_that_is_new_touches_nobody() -> None:
    more = rules("rules:\n", "rules:\n  - {name: first, match: {severity: low}, tickets: {jira: }}\n")
    assert RuleChanges.between(rules(), more) == RuleChanges()


def test_the_living_cases_of_rules_that_are_gone_or_changed_are_counted() -> None:
    changes = RuleChanges(("students",), ("rest",))
    assert changes.living({"students": 14, "rest": 2, "vendor": 100}) == 16
    assert changes.living({}) == 0
