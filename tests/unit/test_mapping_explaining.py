from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.mapping.config.rules import Age, Match, Rule
from remediation.mapping.config.trackers.jira import JiraTicket
from remediation.mapping.config.trackers.kinds import Ticket
from remediation.mapping.explain.reasons import Condition, Explanation, Trial, explained
from remediation.mapping.rules.matching import Matcher
from tests.examples import examples
from tests.unit.mapping_subjects import found

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
TICKETS: dict[str, Ticket] = {"jira": JiraTicket(project="SEC")}
FINDING = Finding(
    "fnd_9d2",
    status=Status.OPEN,
    severity=Severity.CRITICAL,
    domain_type=DomainType.DIRECT_PII,
    url="https://www.school.example/Board/minutes.pdf",
    site="www.school.example",
    detected_at=AT - timedelta(days=4, hours=3),
)


def match_of(**words: object) -> Match:
    return Match.model_validate(words)


def rules_of(*matches: Match) -> list[Rule]:
    return [Rule(name=f"rule-{number}", match=match, tickets=TICKETS) for number, match in enumerate(matches)]


def explanation_of(*matches: Match, finding: Finding = FINDING) -> Explanation:
    return explained(rules_of(*matches), found(finding), AT)


def conditions_of(match: Match, finding: Finding = FINDING) -> tuple[Condition, ...]:
    return explanation_of(match, finding=finding).trials[0].conditions


def test_rules_are_tried_in_order_until_one_takes_the_finding() -> None:
    explanation = explanation_of(match_of(severity="low"), match_of(severity="critical"), Match())
    assert explanation.rule is not None
    assert explanation.rule.name == "rule-1"
    assert [(trial.rule, trial.held) for trial in explanation.trials] == [("rule-0", False), ("rule-1", True)]


def test_where_no_rule_takes_it_every_rule_was_tried() -> None:
    explanation = explanation_of(match_of(severity="low"), match_of(district="harbor"))
    assert explanation.rule is None
    assert [trial.held for trial in explanation.trials] == [False, False]


def test_a_rule_without_conditions_takes_everything_and_needs_no_reason() -> None:
    assert explanation_of(Match()).trials == (Trial("rule-0", ()),)


def test_each_condition_says_what_it_wants_and_what_it_found() -> None:
    match = match_of(
        district=["harbor", "lakeside"],
        severity="low",
        domain_type="direct_pii",
        status="open",
        site="*.school.example",
        path="/board/**",
        age={"over": "3d", "under": "30d"},
    )
    assert conditions_of(match) == (
        Condition("district", "harbor, lakeside", "lakeside", held=True),
        Condition("severity", "low", "critical", held=False),
        Condition("domain_type", "direct_pii", "direct_pii", held=True),
        Condition("status", "open", "open", held=True),
        Condition("site", "*.school.example", "www.school.example", held=True),
        Condition("path", "/board/**", "/board/minutes.pdf", held=True),
        Condition("age", "over 3d and under 30d", "4d 3h", held=True),
    )


def test_what_is_not_known_is_said_to_be_so() -> None:
    finding = Finding("f", severity=Severity.UNKNOWN, words={"severity": "dire"})
    match = match_of(severity="low", site="a.example", path="/a", age={"under": "2h"})
    assert [(each.value, each.held) for each in conditions_of(match, finding)] == [
        ("unknown (dire)", False),
        ("(not known)", False),
        ("(not known)", False),
        ("(not known)", False),
    ]


def test_sets_of_conditions_are_shown_with_what_stands_inside() -> None:
    match = match_of(**{"any": [{"severity": "low"}, {"status": "open"}], "not": {"site": "*.school.example"}})
    one, other = conditions_of(match)
    inside = (
        (Condition("severity", "low", "critical", held=False),),
        (Condition("status", "open", "open", held=True),),
    )
    assert one == Condition("any", "at least one of these", "1 of 2", held=True, sets=inside)
    site = Condition("site", "*.school.example", "www.school.example", held=True)
    assert other == Condition("not", "none of these", "1 of 1", held=False, sets=((site,),))


def test_an_age_is_told_in_its_two_largest_units() -> None:
    ages = {
        timedelta(0): "0h 0m",
        timedelta(minutes=61, seconds=59): "1h 1m",
        timedelta(days=400, hours=5, minutes=7): "400d 5h",
        timedelta(minutes=-90): "-1h 30m",
    }
    for age, text in ages.items():
        (condition,) = conditions_of(match_of(age={"under": "1d"}), Finding("f", detected_at=AT - age))
        assert condition.value == text


SITES = st.sampled_from(["a.example", "b.a.example", "other.example"])
PATTERNS = st.sampled_from(["a.example", "*.a.example", "*.example", "other.example"])
GLOBS = st.sampled_from(["/**", "/a/**", "/a/*", "/a/b", "/*/b", "/b/**/c"])
FLAT: dict[str, st.SearchStrategy[object]] = {
    "district": st.lists(st.sampled_from(["lakeside", "harbor"]), min_size=1, max_size=2),
    "severity": st.lists(st.sampled_from(list(Severity)), min_size=1, max_size=3),
    "domain_type": st.lists(st.sampled_from(list(DomainType)), min_size=1, max_size=3),
    "status": st.lists(st.sampled_from([Status.OPEN, Status.REVIEWING]), min_size=1, max_size=2),
    "site": st.lists(PATTERNS, min_size=1, max_size=2),
    "path": st.lists(GLOBS, min_size=1, max_size=2),
    "age": st.sampled_from([{"over": "1d"}, {"under": "1d"}, {"over": "1h", "under": "2d"}]),
}
MATCHES = st.recursive(
    st.fixed_dictionaries({}, optional=FLAT).filter(bool),
    lambda inner: st.fixed_dictionaries(
        {}, optional={**FLAT, "any": st.lists(inner, min_size=1, max_size=2), "not": st.lists(inner, min_size=1)}
    ).filter(bool),
    max_leaves=3,
)
FINDINGS = st.builds(
    Finding,
    st.just("f"),
    status=st.sampled_from(Status),
    severity=st.sampled_from(Severity),
    domain_type=st.sampled_from(DomainType),
    site=st.none() | SITES,
    url=st.sampled_from([None, "https://a.example/", "https://a.example/a/b", "https://a.example/b/x/c"]),
    detected_at=st.none() | st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda age: AT - age),
)


@given(st.lists(MATCHES, max_size=5), FINDINGS, st.sampled_from(["lakeside", "harbor", "hilltop"]))
@examples(300)
def test_the_rule_that_is_explained_is_the_rule_that_is_used(
    written: list[dict[str, object]], finding: Finding, district: str
) -> None:
    rules, subject = rules_of(*(Match.model_validate(each) for each in written)), found(finding, district)
    assert explained(rules, subject, AT).rule == Matcher(rules).rule_for(subject, AT)


def test_a_bound_by_itself_is_told_by_itself() -> None:
    (condition,) = conditions_of(Match(age=Age(over=timedelta(days=2))))
    assert (condition.wanted, condition.held) == ("over 2d", True)
