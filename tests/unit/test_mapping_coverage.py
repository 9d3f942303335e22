"""Which tickets a file can ask for: as every finding of a small world tells, one by one."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.findings import DomainType, Finding
from remediation.domain.ownership import Ground
from remediation.domain.status import Severity, Status
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import loaded_of
from remediation.mapping.rules.coverage import Coverage, severities_left
from remediation.mapping.rules.matching import facts_of, holds
from tests.examples import examples
from tests.unit.mapping_subjects import found
from tests.unit.test_rulebook import AT

DISTRICTS = ("harbor", "lakeside", "uptown")
HEAD = """\
version: 1
districts:
  harbor: &district {schoolscan: {token: {env: T}, webhook: {secrets: [{env: W}]}}}
  lakeside: *district
  uptown: *district
trackers:
  harbors: &jira {kind: jira, url: "https://jira.example", auth: {basic: {user: u, password: {env: J}}}}
  lakesides: *jira
  now: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: N}}}
templates: {body: x}
rules:
"""
HARBORS, LAKESIDES = "{harbors: {project: HAR}}", "{lakesides: {project: LAK}}"


def mappings_with(*rules: tuple[str, str]) -> Mappings:
    """A file with these rules: what each takes, and its tickets."""
    numbered = enumerate(rules)
    written = [
        f"  - {{name: r{number}, match: {match}, tickets: {tickets}}}\n" for number, (match, tickets) in numbered
    ]
    return loaded_of(HEAD + "".join(written), "m.yaml").mappings


@pytest.mark.parametrize(
    "harbors",
    [
        "{district: harbor}",
        "{any: [{district: harbor}]}",
        "{any: [{any: [{district: harbor}]}, {district: harbor, severity: high}]}",
        "{not: {district: [lakeside, uptown]}}",
        "{not: [{district: lakeside}, {not: {not: {district: uptown}}}]}",
        "{not: {not: {district: harbor}}}",
        "{any: [{district: harbor}, {district: lakeside}], not: {district: lakeside}}",
    ],
)
@pytest.mark.parametrize("others", ["{}", "{not: {district: harbor}}", "{any: [{district: [lakeside, uptown]}]}"])
def test_what_conditions_mean_counts_and_not_how_they_are_written(harbors: str, others: str) -> None:
    coverage = Coverage(mappings_with((harbors, HARBORS), (others, LAKESIDES)))
    assert [coverage.reaches(district, "harbors") for district in DISTRICTS] == [True, False, False]
    assert [coverage.reaches(district, "lakesides") for district in DISTRICTS] == [False, True, True]
    assert not coverage.reaches("nowhere", "lakesides")


def test_a_rule_that_only_takes_what_earlier_ones_have_taken_reaches_nothing() -> None:
    coverage = Coverage(mappings_with(("{district: harbor}", HARBORS), ("{}", LAKESIDES), ("{}", HARBORS)))
    assert [coverage.reaches(district, "harbors") for district in DISTRICTS] == [True, False, False]


def test_a_place_is_a_districts_own_ground_or_that_of_others_or_nobodys() -> None:
    rules = [("{district: harbor}", "{now: {}, harbors: {project: HAR}}"), ("{}", "{harbors: {project: WEB}, now: {}}")]
    coverage = Coverage(mappings_with(*rules))
    places = [("harbors", "HAR"), ("harbors", "web"), ("harbors", "OLD"), ("now", "incident"), ("lakesides", "HAR")]
    own, others, nobodys = Ground.OWN, Ground.OTHERS, Ground.NOBODYS
    assert [coverage.ground("harbor", *place) for place in places] == [own, others, nobodys, own, nobodys]
    assert [coverage.ground("lakeside", *place) for place in places] == [others, own, nobodys, own, nobodys]


WORST = {Severity.CRITICAL, Severity.HIGH}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("{}", set(Severity)),
        ("{severity: [critical, high]}", WORST),
        ("{not: {severity: [medium, low, unknown]}}", WORST),
        ("{not: {severity: critical, domain_type: metadata}}", set(Severity)),
        ("{not: {severity: low, district: [harbor, lakeside, uptown]}}", set(Severity) - {Severity.LOW}),
        ("{any: [{severity: critical}, {severity: high}]}", WORST),
        ("{any: [{severity: critical}, {site: www.example.org}]}", set(Severity)),
        ("{severity: high, any: [{severity: low}]}", set()),
    ],
)
def test_the_severities_of_a_rule_are_those_that_its_conditions_leave(match: str, expected: set[Severity]) -> None:
    first, rest = severities_left(mappings_with((match, HARBORS), ("{}", LAKESIDES)))
    assert first == expected
    assert rest >= set(Severity) - expected


OF_KINDS: dict[str, st.SearchStrategy[object]] = {
    "district": st.lists(st.sampled_from(DISTRICTS), min_size=1, max_size=2),
    "severity": st.lists(st.sampled_from(["critical", "low", "unknown"]), min_size=1, max_size=2),
    "domain_type": st.sampled_from(["metadata", "direct_pii"]),
    "status": st.sampled_from(["open", "reviewing"]),
}
KINDS: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries({}, optional=OF_KINDS).filter(bool)
PARTICULAR: list[dict[str, object]] = [{"site": "a.example"}, {"path": "/a/**"}, {"age": {"over": "1d"}}]
PARTS = st.one_of(KINDS, st.sampled_from(PARTICULAR))


def nested(parts: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    """Conditions that hold such parts, at any depth."""
    return st.recursive(
        parts,
        lambda inner: (
            st.fixed_dictionaries(
                {}, optional={word: st.lists(inner, min_size=1, max_size=2) for word in ("any", "not")}
            )
            .filter(bool)
            .flatmap(lambda outer: parts.map(lambda own: {**own, **outer}))
        ),
        max_leaves=6,
    )


RULES = st.lists(st.sampled_from([HARBORS, LAKESIDES, "none"]), min_size=4, max_size=4)
WORLD = [
    (district, Finding("f", status, severity, domain_type, site=site, url=url))
    for district, status, severity, domain_type, (site, url) in product(
        DISTRICTS,
        (Status.OPEN, Status.REVIEWING),
        (Severity.CRITICAL, Severity.LOW, Severity.UNKNOWN, Severity.HIGH),
        (DomainType.METADATA, DomainType.DIRECT_PII, DomainType.VENDOR_EXPOSURE),
        ((None, None), ("a.example", "https://a.example/a/b")),
    )
]


def reached(mappings: Mappings) -> Iterator[tuple[str, str]]:
    """The trackers in which a finding of this world gets a ticket, each with the finding's district."""
    for district, finding in WORLD:
        facts = facts_of(found(finding, district), AT)
        taker = next((rule for rule in mappings.rules if holds(rule.match, facts)), None)
        yield from ((district, tracker) for tracker in (taker.tickets if taker else ()))


def found_by(coverage: Coverage) -> set[tuple[str, str]]:
    return {pair for pair in product(DISTRICTS, ("harbors", "lakesides")) if coverage.reaches(*pair)}


@given(st.lists(nested(KINDS), min_size=1, max_size=4), RULES)
@examples(150)
def test_what_rules_reach_is_what_every_single_finding_gets(matches: list[object], tickets: list[str]) -> None:
    mappings = mappings_with(*((str(match), ticket) for match, ticket in zip(matches, tickets, strict=False)))
    assert found_by(Coverage(mappings)) == set(reached(mappings))


@given(st.lists(nested(PARTS), min_size=1, max_size=4), RULES)
@examples(150)
def test_no_ticket_is_forgotten_whatever_sites_paths_and_ages_leave(matches: list[object], tickets: list[str]) -> None:
    mappings = mappings_with(*((str(match), ticket) for match, ticket in zip(matches, tickets, strict=False)))
    assert found_by(Coverage(mappings)) >= set(reached(mappings))
