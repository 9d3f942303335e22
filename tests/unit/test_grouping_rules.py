"""What a rule with `group_by` groups, what is refused, and that a case of a group keeps its rule."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from remediation.domain.cases.groups import GroupField, group_of, numbered
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.mapping.explain.in_step import in_step
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.rulebook import MappingsRulebook

FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: ONE}, webhook: {secrets: [{env: ONE}]}}
  hillside:
    schoolscan: {token: {env: ONE}, webhook: {secrets: [{env: ONE}]}}
    identity: {by: [url], key: {env: ONE}}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: ONE}}}
templates: {body: "See: {{ finding.id }}"}
rules:
  - name: worst
    match: {severity: critical}
    tickets: {jira: {project: TOP}}
  - name: leaks
    match: {district: lakeside}
    group_by: GROUP
    tickets: {jira: {project: SEC}}
  - name: rest
    tickets: none
"""
AT = datetime(2026, 4, 15, tzinfo=UTC)
FINDING = Finding("fnd_1", Status.OPEN, Severity.HIGH, DomainType.METADATA, site="www.lakeside.example")
BY = (GroupField.DOMAIN_TYPE, GroupField.SITE)
GROUP = group_of("lakeside", "leaks", BY, FINDING)


def loaded(by: str = "[domain_type, site]", **changes: str) -> Loaded:
    text = FILE.replace("GROUP", by)
    usual = {"match": "{district: lakeside}", "tickets": "{jira: {project: SEC}}", "name": "leaks"}
    for word, value in changes.items():
        text = text.replace(usual[word], value)
    return loaded_of(text, "m.yaml")


def rulebook(by: str = "[domain_type, site]", **changes: str) -> MappingsRulebook:
    return MappingsRulebook(loaded(by, **changes).mappings)


def own(finding: Finding) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, finding.id)


def grouped(finding: Finding, book: MappingsRulebook | None = None) -> CaseKey | None:
    return (book or rulebook()).group_of(subject_of(own(finding), finding), AT)


def test_the_rule_that_takes_a_finding_says_of_which_group_it_is() -> None:
    assert grouped(FINDING) == grouped(replace(FINDING, id="fnd_2", severity=Severity.LOW)) == GROUP is not None
    assert grouped(replace(FINDING, site="old.lakeside.example")) not in {GROUP, None}


def test_a_finding_that_another_rule_takes_or_that_lacks_a_field_is_of_no_group() -> None:
    assert grouped(replace(FINDING, severity=Severity.CRITICAL)) is None
    assert grouped(replace(FINDING, site=None)) is None


def test_only_districts_whose_findings_a_grouping_rule_may_take_have_groups() -> None:
    assert rulebook().groups("lakeside")
    assert not rulebook().groups("hillside")


def test_a_case_of_a_group_keeps_its_rule_when_its_worst_finding_would_be_of_another() -> None:
    assert GROUP
    worse = subject_of(numbered(GROUP, 2), replace(FINDING, severity=Severity.CRITICAL))
    assert rulebook().ruling(worse, AT, "leaks").place("jira") == "SEC"
    assert rulebook().ruling(worse, AT, "").place("jira") == "TOP"
    assert rulebook(name="renamed").ruling(worse, AT, "leaks").place("jira") == "TOP"


def test_one_word_stands_for_a_list_of_one() -> None:
    assert grouped(replace(FINDING, site=None), rulebook("domain_type")) is not None


def test_what_follows_says_that_findings_share_a_ticket() -> None:
    said = in_step(loaded().mappings.rules[1])
    assert said[0] == "Findings of one group share its open tickets, which list them; closed tickets take no new ones."


@pytest.mark.parametrize(
    ("by", "changes", "words"),
    [
        ("[title]", {}, "must be domain_type or site"),
        ("[site, site]", {}, "must not name a field twice"),
        ("[]", {}, "group_by"),
        ("site", {"tickets": "none"}, "groups nothing: the rule says tickets: none"),
        ("site", {"match": "{status: open}"}, "cannot be used for districts.hillside, which has an identity"),
        ("site", {"match": "{district: [lakeside, hillside]}"}, "cannot be used for districts.hillside"),
        ("site", {"tickets": "{jira: {project: SEC}}\n    verify: scan"}, "cannot be used with verify: scan"),
        ("site", {"name": "leaks\n    of: incidents\n    severity: high"}, "belongs to a rule of findings"),
    ],
)
def test_what_cannot_be_grouped_is_refused_with_its_place(by: str, changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        loaded(by, **changes)
    (told, *_) = [str(each) for each in refusal.value.problems if "group_by" in str(each)]
    assert re.match(r"m\.yaml:1[79]:[0-9]+: rules\[1\]\.group_by", told)
    assert words in told
