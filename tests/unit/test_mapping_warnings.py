from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.mapping.reading.loading import Loaded, load_mappings, loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.mapping.rules.coverage import Kind, Kinds
from remediation.mapping.rules.matching import Matcher, facts_of, holds
from tests.examples import examples
from tests.unit.mapping_subjects import found

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)


def loaded_with(*matches: str, auth: str = "basic: {user: u, password: {env: J}}") -> Loaded:
    rules = "".join(f"\n  - {{name: r{number}, match: {match}, tickets: none}}" for number, match in enumerate(matches))
    text = f"""
version: 1
districts:
  lakeside: &district {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: W}}]}}}}}}
  harbor: *district
trackers:
  jira: {{kind: jira, url: "https://jira.example", auth: {{{auth}}}}}
templates: {{body: x}}
rules:{rules}
"""
    return loaded_of(text, "m.yaml")


def warned(*matches: str) -> list[str]:
    return [problem.message for problem in warnings_of(loaded_with(*matches))]


def never(number: int, *matches: str) -> str | None:
    """What is said of a rule among the rules, if anything; a last rule takes the rest."""
    found = [message for message in warned(*matches, "{}") if message.startswith(f"rules[{number}].name: ")]
    return found[0].partition(": ")[2] if found else None


def test_the_mappings_that_we_ship_need_no_warning() -> None:
    assert warnings_of(load_mappings(ROOT / "mappings.yaml")) == ()


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("{}", "{severity: low}"),
        ("{severity: [low, high]}", "{severity: low, site: a.example}"),
        ("{not: {severity: high}}", "{severity: low}"),
        ("{any: [{severity: low}, {severity: high}]}", "{severity: high}"),
        ("{site: '*.example'}", "{site: [a.example, '*.b.example']}"),
        ("{path: /board/**}", "{path: [/board/2024/*.pdf, /board], severity: low}"),
        ("{path: '/**'}", "{path: /a}"),
        ("{age: {over: 1d}}", "{age: {over: 2d, under: 9d}}"),
        ("{site: a.example, severity: low}", "{site: a.example, severity: low, not: {path: /x}}"),
    ],
)
def test_a_rule_whose_findings_are_all_taken_before_can_never_match(earlier: str, later: str) -> None:
    assert never(1, earlier, later) == (
        "can never take a finding: rule r0, which comes earlier, takes all that it would"
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("{severity: low}", "{}"),
        ("{site: a.example}", "{severity: low}"),
        ("{site: '*.a.example'}", "{site: a.example}"),
        ("{path: /board/*}", "{path: /board/**}"),
        ("{path: /board/2024}", "{path: /board}"),
        ("{age: {over: 2d}}", "{age: {over: 1d}}"),
        ("{age: {over: 0s}}", "{age: {under: 9d}}"),
        ("{site: a.example, not: {severity: low}}", "{site: a.example}"),
        ("{status: open}", "{severity: low}"),
    ],
)
def test_a_rule_for_which_something_is_left_is_not_warned_of(earlier: str, later: str) -> None:
    assert never(1, earlier, later) is None


def test_several_rules_together_can_leave_nothing() -> None:
    assert never(2, "{severity: [critical, high]}", "{severity: [medium, low, unknown]}", "{site: a.example}") == (
        "can never take a finding: rules r0, r1, which come earlier, take all that it would"
    )


def test_conditions_that_exclude_each_other_are_told() -> None:
    assert never(0, "{severity: low, not: {severity: [low, high]}}") == (
        "can never take a finding: its conditions exclude each other"
    )


def test_findings_that_no_rule_takes_are_summed_up() -> None:
    assert warned("{severity: [critical, high], domain_type: direct_pii}", "{not: {domain_type: direct_pii}}") == [
        "rules: no rule takes findings of domain_type direct_pii; severity medium, low or unknown"
    ]
    assert warned("{district: lakeside}") == ["rules: no rule takes findings of district harbor"]
    assert warned("{not: {severity: low, status: open}}") == [
        "rules: no rule takes findings of severity low; status open"
    ]


def test_a_rule_that_may_take_them_is_no_gap() -> None:
    assert warned("{site: a.example}") == []


def test_a_personal_access_token_is_not_for_the_cloud() -> None:
    (problem,) = warnings_of(loaded_with("{}", auth="bearer: {env: J}"))
    assert str(problem).startswith("m.yaml:7:58: trackers.jira.auth.bearer: is how Jira Data Center signs in")


IN_STEP = """
version: 1
districts: {{lakeside: {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: W}}]}}}}}}}}
trackers:
  jira: {{kind: jira, url: "https://jira.example", auth: {{basic: {{user: u, password: {{env: J}}}}}}}}
  web: {{kind: jira, url: "https://web.example", auth: {{basic: {{user: u, password: {{env: J}}}}}}}}
templates: {{body: x}}
{more}
rules:
  - name: all
    {rule}
"""
ONE = "tickets: {jira: {project: SEC}}"
TWO = "tickets: {jira: {project: SEC}, web: {project: WEB}}"
MUTE = "notes: {resolved: a, accepted_risk: b}"
SAME = "is the same as all: the rule makes one ticket only"
HALF = (
    "is only about words that nothing maps: closed without any reason, a ticket resolves its finding; write what none "
    "means, too"
)
UNREAD = "copies what nobody reads: neither notes.resolved nor notes.accepted_risk speaks of words"


@pytest.mark.parametrize(
    ("rule", "more", "said"),
    [
        (f"resolve_when: any\n    {ONE}", "", [f"11:19: rules[0].resolve_when: {SAME}"]),
        (f"resolve_when: any\n    {TWO}", "", []),
        (f"resolve_when: all\n    {ONE}", "", []),
        ("resolve_when: any\n    tickets: none", "", []),
        (
            ONE,
            "defaults: {resolve_when: any}",
            ["8:26: defaults.resolve_when: is the same as all: no rule makes more than one ticket"],
        ),
        (TWO, "defaults: {resolve_when: any}", []),
        (f"copy_comments: closing\n    detail: restricted\n    {ONE}", "", []),
        (
            f"copy_comments: closing\n    detail: restricted\n    {ONE}",
            MUTE,
            [f"11:20: rules[0].copy_comments: {UNREAD}"],
        ),
        (f"copy_comments: closing\n    detail: restricted\n    {ONE}", "notes: {resolved: a}", []),
        (f"copy_comments: none\n    {ONE}", MUTE, []),
        (
            ONE,
            f"{MUTE}\ndefaults: {{copy_comments: closing, detail: restricted}}",
            [f"9:27: defaults.copy_comments: {UNREAD}"],
        ),
        (f"outcomes: {{unknown: reviewing}}\n    {ONE}", "", [f"11:25: rules[0].outcomes.unknown: {HALF}"]),
        (ONE, "defaults: {outcomes: {unknown: reviewing}}", [f"8:32: defaults.outcomes.unknown: {HALF}"]),
        (f"outcomes: {{unknown: reviewing, none: resolved}}\n    {ONE}", "", []),
        (f"outcomes: {{unknown: reviewing}}\n    {ONE}", "defaults: {outcomes: {none: reviewing}}", []),
        (f"outcomes: {{unknown: resolved}}\n    {ONE}", "", []),
    ],
)
def test_choices_that_change_nothing_or_say_half_are_told(rule: str, more: str, said: list[str]) -> None:
    loaded = loaded_of(IN_STEP.format(rule=rule, more=more), "m.yaml")
    assert [f"{each.line}:{each.column}: {each.message}" for each in warnings_of(loaded)] == said


@pytest.mark.parametrize(
    ("rule", "more", "said"),
    [
        ("tickets: {jira: {project: SEC, close_fields: {comment: x}}}", "", []),
        ("tickets: {web: {project: SEC, close_fields: {worklog: {timeSpent: 5m}}}}", "", []),
        (
            "tickets: {web: {project: SEC, close_fields: {comment: x}}}",
            "",
            ["11:59: rules[0].tickets.web.close_fields.comment"],
        ),
        (
            TWO,
            "defaults: {tickets: {web: {close_fields: {comment: x}}}}",
            ["8:52: defaults.tickets.web.close_fields.comment"],
        ),
    ],
)
def test_a_comment_that_is_never_sent_is_told(rule: str, more: str, said: list[str]) -> None:
    written = IN_STEP.format(rule=rule, more=more).replace("web: {kind: jira,", "web: {kind: jira, comments: internal,")
    unsent = ": is never sent: trackers.web writes internal comments, and this would be none"
    found = [f"{each.line}:{each.column}: {each.message}" for each in warnings_of(loaded_of(written, "m.yaml"))]
    assert found == [place + unsent for place in said]


PIECES = {
    "severity": ["low", "[low, high]", "unknown"],
    "domain_type": ["metadata", "[metadata, unknown]"],
    "district": ["lakeside"],
    "status": ["open"],
    "site": ["a.example", "'*.a.example'", "[a.example, '*.example']"],
    "path": ["/a/**", "/a/b", "'/*/b'", "'/**'"],
    "age": ["{over: 1d}", "{under: 1d}"],
    "not": ["{severity: low}", "[{path: /a/b}, {domain_type: metadata}]"],
    "any": ["[{severity: low}, {site: a.example}]", "[{not: {status: open}}]"],
}


@st.composite
def written(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(sorted(PIECES)), max_size=3, unique=True))
    return "{" + ", ".join(f"{word}: {draw(st.sampled_from(PIECES[word]))}" for word in words) + "}"


FINDINGS = st.builds(
    Finding,
    id=st.just("f"),
    severity=st.sampled_from([Severity.LOW, Severity.HIGH, Severity.UNKNOWN]),
    domain_type=st.sampled_from([DomainType.METADATA, DomainType.DIRECT_PII, DomainType.UNKNOWN]),
    status=st.sampled_from([Status.OPEN, Status.REVIEWING]),
    site=st.sampled_from([None, "a.example", "x.a.example"]),
    url=st.sampled_from([None, "https://x/a", "https://x/a/b", "https://x/c/b"]),
    detected_at=st.sampled_from([None, AT, datetime(2026, 1, 1, tzinfo=UTC)]),
)


@given(st.lists(written(), min_size=1, max_size=5), st.lists(FINDINGS, min_size=20, max_size=20))
@examples(60)
def test_no_warning_is_ever_false(matches: list[str], findings: list[Finding]) -> None:
    loaded = loaded_with(*matches)
    rules, matcher = loaded.mappings.rules, Matcher(loaded.mappings.rules)
    said = " ".join(problem.message for problem in warnings_of(loaded))
    for finding in findings:
        if rule := matcher.rule_for(found(finding), AT):
            assert f"rules[{rule.name[1:]}].name: can never" not in said
            assert "no rule takes any finding" not in said
        kinds = Kinds([Kind(CaseKind.FINDING, "lakeside", finding.status, finding.severity, finding.domain_type)])
        for rule in rules:
            held, reach = holds(rule.match, facts_of(found(finding), AT)), kinds.reach(rule)
            assert reach.must <= held <= reach.may
