from hypothesis import given
from hypothesis import strategies as st

from remediation.findings import DomainType, Finding, Severity
from remediation.mapping.matching import Matcher
from remediation.mapping.rules import JiraTicket, Match, Rule, Ticket

TICKETS: dict[str, Ticket] = {"jira": JiraTicket(project="SEC")}


def rules_of(*matches: Match) -> list[Rule]:
    return [Rule(name=f"rule-{number}", match=match, tickets=TICKETS) for number, match in enumerate(matches)]


def taken_by(finding: Finding, *matches: Match, district: str = "lakeside") -> str | None:
    rule = Matcher(rules_of(*matches)).rule_for(finding, district)
    return rule.name if rule else None


CRITICAL = Finding("f", severity=Severity.CRITICAL, domain_type=DomainType.DIRECT_PII, site="www.school.example")


def test_the_first_rule_that_holds_is_the_one_that_counts() -> None:
    matches = (Match(severity=[Severity.LOW]), Match(severity=[Severity.CRITICAL]), Match())
    assert taken_by(CRITICAL, *matches) == "rule-1"


def test_a_rule_without_conditions_takes_everything() -> None:
    assert taken_by(Finding("f"), Match()) == "rule-0"


def test_a_finding_that_no_rule_takes_has_none() -> None:
    assert taken_by(CRITICAL, Match(severity=[Severity.LOW])) is None


def test_every_written_condition_must_hold() -> None:
    match = Match(severity=[Severity.CRITICAL], domain_type=[DomainType.METADATA])
    assert taken_by(CRITICAL, match) is None


def test_a_rule_for_a_district_takes_no_other() -> None:
    match = Match(district=["harbor"])
    assert taken_by(CRITICAL, match, district="harbor") == "rule-0"
    assert taken_by(CRITICAL, match) is None


def test_a_star_takes_what_is_below_a_host_and_not_the_host() -> None:
    match = Match(site=["*.school.example"])
    assert taken_by(CRITICAL, match) == "rule-0"
    assert taken_by(Finding("f", site="a.b.school.example"), match) == "rule-0"
    assert taken_by(Finding("f", site="school.example"), match) is None
    assert taken_by(Finding("f", site="myschool.example"), match) is None
    assert taken_by(Finding("f"), match) is None


def test_an_earlier_rule_for_any_site_wins_over_a_later_one_for_this_site() -> None:
    assert taken_by(CRITICAL, Match(), Match(site=["www.school.example"])) == "rule-0"
    assert taken_by(CRITICAL, Match(site=["www.school.example"]), Match()) == "rule-0"


def test_a_severity_that_we_do_not_know_is_a_severity_of_its_own() -> None:
    assert taken_by(Finding("f"), Match(severity=[Severity.LOW]), Match(severity=[Severity.UNKNOWN])) == "rule-1"


def test_districts_that_no_rule_names_share_one_memory() -> None:
    matcher = Matcher(rules_of(Match()))
    for number in range(1000):
        matcher.rule_for(CRITICAL, f"district-{number}")
    assert len(matcher._first_by_site) == 1


SITES = st.sampled_from(["a.example", "b.a.example", "c.b.a.example", "other.example"])
PATTERNS = st.sampled_from(["a.example", "*.a.example", "b.a.example", "*.b.a.example", "*.example", "other.example"])
MATCHES = st.builds(
    Match,
    severity=st.none() | st.lists(st.sampled_from(Severity), min_size=1, max_size=2),
    domain_type=st.none() | st.lists(st.sampled_from(DomainType), min_size=1, max_size=2),
    district=st.none() | st.lists(st.sampled_from(["lakeside", "harbor"]), min_size=1),
    site=st.none() | st.lists(PATTERNS, min_size=1, max_size=2),
)
FINDINGS = st.builds(
    Finding,
    id=st.just("f"),
    severity=st.sampled_from(Severity),
    domain_type=st.sampled_from(DomainType),
    site=st.none() | SITES,
)


@given(st.lists(MATCHES, max_size=8), FINDINGS, st.sampled_from(["lakeside", "harbor", "hill"]))
def test_the_index_answers_as_reading_the_rules_one_by_one_does(
    matches: list[Match], finding: Finding, district: str
) -> None:
    expected = next((f"rule-{number}" for number, match in enumerate(matches) if holds(match, finding, district)), None)
    assert taken_by(finding, *matches, district=district) == expected


def holds(match: Match, finding: Finding, district: str) -> bool:
    site = finding.site or ""
    return (
        (match.severity is None or finding.severity in match.severity)
        and (match.domain_type is None or finding.domain_type in match.domain_type)
        and (match.district is None or district in match.district)
        and (match.site is None or any(site.endswith(p[1:]) if p[0] == "*" else site == p for p in match.site))
    )
