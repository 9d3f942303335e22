from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.mapping.config.rules import Match, Rule
from remediation.mapping.rules import matching
from remediation.mapping.rules.matching import Matcher, facts_of, holds
from tests.unit.mapping_subjects import found

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)


def rules_of(*matches: dict[str, Any]) -> list[Rule]:
    return [
        Rule.model_validate({"name": f"rule-{number}", "match": match, "tickets": "none"})
        for number, match in enumerate(matches)
    ]


def taken_by(finding: Finding, *matches: dict[str, Any], district: str = "lakeside") -> str | None:
    rule = Matcher(rules_of(*matches)).rule_for(found(finding, district), AT)
    return rule.name if rule else None


def takes(match: dict[str, Any], finding: Finding) -> bool:
    return taken_by(finding, match) == "rule-0"


CRITICAL = Finding(
    "f",
    severity=Severity.CRITICAL,
    domain_type=DomainType.DIRECT_PII,
    status=Status.OPEN,
    url="https://www.school.example/Board/2024/minutes.pdf?name=x",
    site="www.school.example",
    detected_at=AT - timedelta(days=7),
)


def test_the_first_rule_that_holds_is_the_one_that_counts() -> None:
    assert taken_by(CRITICAL, {"severity": "low"}, {"severity": "critical"}, {}) == "rule-1"


def test_a_rule_without_conditions_takes_everything() -> None:
    assert taken_by(Finding("f"), {}) == "rule-0"


def test_a_finding_that_no_rule_takes_has_none() -> None:
    assert taken_by(CRITICAL, {"severity": "low"}) is None


def test_every_written_condition_must_hold() -> None:
    assert not takes({"severity": "critical", "domain_type": "metadata"}, CRITICAL)


def test_a_rule_for_a_district_takes_no_other() -> None:
    assert taken_by(CRITICAL, {"district": "harbor"}, district="harbor") == "rule-0"
    assert taken_by(CRITICAL, {"district": "harbor"}) is None


def test_a_star_takes_what_is_below_a_host_and_not_the_host() -> None:
    match = {"site": "*.school.example"}
    assert takes(match, CRITICAL)
    assert takes(match, Finding("f", site="a.b.school.example"))
    assert not takes(match, Finding("f", site="school.example"))
    assert not takes(match, Finding("f", site="myschool.example"))
    assert not takes(match, Finding("f"))


def test_an_earlier_rule_for_any_site_wins_over_a_later_one_for_this_site() -> None:
    assert taken_by(CRITICAL, {}, {"site": "www.school.example"}) == "rule-0"
    assert taken_by(CRITICAL, {"site": "www.school.example"}, {}) == "rule-0"


def test_a_severity_that_we_do_not_know_is_a_severity_of_its_own() -> None:
    assert taken_by(Finding("f"), {"severity": "low"}, {"severity": "unknown"}) == "rule-1"


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("/board/**", True),
        ("/BOARD/2024/minutes.pdf", True),
        (["/about", "/board/*/*.pdf"], True),
        ("/**/minutes.*", True),
        ("/board/*", False),
        ("/board/2024", False),
        ("/boar?/2024/**", True),
    ],
)
def test_a_path_is_taken_by_a_glob_over_its_folders(written: object, *, held: bool) -> None:
    assert takes({"path": written}, CRITICAL) is held


def test_a_path_condition_takes_no_finding_without_an_address() -> None:
    assert not takes({"path": "/**"}, Finding("f"))
    assert takes({"path": "/**"}, Finding("f", url="https://www.school.example"))


def test_status_tells_open_from_reviewing() -> None:
    assert takes({"status": "open"}, CRITICAL)
    assert not takes({"status": "reviewing"}, CRITICAL)


@pytest.mark.parametrize(
    ("age", "held"),
    [
        ({"over": "7d"}, True),
        ({"over": "8d"}, False),
        ({"under": "7d"}, False),
        ({"under": "8d"}, True),
        ({"over": "1d", "under": "30d"}, True),
        ({"under": "0s"}, False),
    ],
)
def test_age_counts_from_the_first_detection_to_this_moment(age: dict[str, str], *, held: bool) -> None:
    assert takes({"age": age}, CRITICAL) is held


def test_a_finding_without_a_detection_has_no_age() -> None:
    assert not takes({"age": {"over": "0s"}}, Finding("f"))
    assert takes({"not": {"age": {"over": "0s"}}}, Finding("f"))


def test_a_detection_without_an_offset_is_in_utc() -> None:
    naive = Finding("f", detected_at=datetime(2026, 4, 15, 14, 1))  # noqa: DTZ001 - what a source might send
    assert takes({"age": {"over": "60s", "under": "61s"}}, naive)


def test_not_takes_what_none_of_its_sets_takes() -> None:
    assert not takes({"not": {"severity": "critical"}}, CRITICAL)
    assert takes({"not": {"severity": "critical", "domain_type": "metadata"}}, CRITICAL)
    assert not takes({"not": [{"severity": "low"}, {"site": "*.school.example"}]}, CRITICAL)


def test_any_takes_what_one_of_its_sets_takes() -> None:
    assert takes({"any": [{"severity": "low"}, {"path": "/board/**"}]}, CRITICAL)
    assert not takes({"any": [{"severity": "low"}, {"path": "/news/**"}]}, CRITICAL)


def test_sets_of_conditions_may_stand_inside_of_each_other() -> None:
    match = {"any": [{"not": {"any": [{"severity": "low"}, {"severity": "medium"}]}, "status": "open"}]}
    assert takes(match, CRITICAL)


def test_each_condition_is_told_by_its_own_word() -> None:
    match = Match.model_validate(
        {"severity": "low", "age": {"over": "1d"}, "not": {"path": "/news/**"}, "any": [{"age": {"under": "9d"}}]}
    )
    told = {word: test(facts_of(found(CRITICAL), AT)) for word, test in matching.tests_of(match)}
    assert told == {"severity": False, "age": True, "not": True, "any": True}


def test_districts_that_no_rule_names_share_one_memory() -> None:
    matcher = Matcher(rules_of({}))
    for number in range(1000):
        matcher.rule_for(found(CRITICAL, f"district-{number}"), AT)
    assert len(matcher._indexes) == 1


def test_the_memory_of_a_matcher_stays_small() -> None:
    matcher = Matcher(rules_of(*({"district": f"district-{number}"} for number in range(600))))
    for number in range(600):
        rule = matcher.rule_for(found(CRITICAL, f"district-{number}"), AT)
        assert rule is not None
        assert rule.name == f"rule-{number}"
    assert len(matcher._indexes) <= 512


def listed(values: Any, most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most)


PLAIN_SETS = st.fixed_dictionaries(
    {},
    optional={
        "severity": listed([each.value for each in Severity]),
        "domain_type": listed([each.value for each in DomainType]),
        "district": listed(["lakeside", "harbor"]),
        "status": listed(["open", "reviewing"]),
        "site": listed(["a.example", "*.a.example", "b.a.example", "*.b.a.example", "*.example", "other.example"]),
        "path": listed(["/**", "/a/**", "/a/b/*", "/a/b/c", "/*/b", "/a/*/c/**", "/", "/**/c"]),
        "age": st.sampled_from([{"over": "1d"}, {"under": "1d"}, {"over": "1d", "under": "7d"}]),
    },
)
SETS = st.recursive(
    PLAIN_SETS,
    lambda inner: st.builds(
        lambda plain, word, some: {**plain, word: some},
        PLAIN_SETS,
        st.sampled_from(["any", "not"]),
        st.lists(inner.filter(bool), min_size=1, max_size=2),
    ),
    max_leaves=4,
)
FINDINGS = st.builds(
    Finding,
    id=st.just("f"),
    severity=st.sampled_from(Severity),
    domain_type=st.sampled_from(DomainType),
    status=st.sampled_from(Status),
    site=st.none() | st.sampled_from(["a.example", "b.a.example", "c.b.a.example", "other.example"]),
    url=st.none() | st.sampled_from([f"https://x{path}" for path in ("", "/a", "/a/b", "/a/b/c", "/A/x/c/d", "/c")]),
    detected_at=st.none() | st.sampled_from([AT, AT - timedelta(days=1), AT - timedelta(days=8)]),
)


@given(st.lists(SETS, max_size=8), FINDINGS, st.sampled_from(["lakeside", "harbor", "hill"]))
def test_the_index_answers_as_reading_the_rules_one_by_one_does(
    matches: list[dict[str, Any]], finding: Finding, district: str
) -> None:
    rules = rules_of(*matches)
    facts = facts_of(found(finding, district), AT)
    expected = next((rule.name for rule in rules if holds(rule.match, facts)), None)
    taker = Matcher(rules).rule_for(found(finding, district), AT)
    assert (taker.name if taker else None) == expected
