"""Rules of incidents: which incidents they take, what is refused in them, and what is warned of."""

from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import Finding
from remediation.domain.incidents import Incident, IncidentType
from remediation.domain.status import Severity, Status
from remediation.mapping.config.rules import Rule
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.mapping.rules.coverage import Coverage, Kind, Kinds, severities_left
from remediation.mapping.rules.matching import Matcher, facts_of, holds
from tests.examples import examples
from tests.unit.mapping_subjects import found, reported

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
KNIFE = Incident(
    "inc_1",
    IncidentType.REFERRAL,
    day=date(2026, 4, 14),
    school="101",
    offenses=("ASLT", "FGHT"),
    weapons=("K1",),
    injuries=("I1",),
    actions=("SUSP",),
)

HEAD = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    incidents: {handbook: {token: {env: H}}}
  harbor:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
trackers:
  jira: {kind: jira, deployment: data_center, url: "https://jira.example", auth: {bearer: {env: J}}}
  now: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: N}}}
templates: {body: "{{ finding.id }}"}
rules:
"""
REST = "  - {name: rest, tickets: {now: {}}}\n"


def loaded_with(*rules: str) -> Loaded:
    """A file with these rules (in YAML's flow style), each of incidents unless it says otherwise."""
    written = [
        f"  - {{name: r{number}, of: incidents, severity: high, tickets: {{jira: {{project: SEC}}}}, {rule}}}\n"
        for number, rule in enumerate(rules)
    ]
    return loaded_of(HEAD + "".join(written) + REST, "m.yaml")


def refused(rule: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded_of(f"{HEAD}  - {{name: r0, tickets: none, {rule}}}\n{REST}", "m.yaml")
    return [str(problem) for problem in caught.value.problems]


def warned(*rules: str) -> list[str]:
    return [problem.message for problem in warnings_of(loaded_with(*rules))]


def rules_of(*matches: dict[str, Any], of: str = "incidents") -> list[Rule]:
    return [
        Rule.model_validate({"name": f"rule-{number}", "of": of, "match": match, "tickets": "none"})
        for number, match in enumerate(matches)
    ]


def takes(match: dict[str, Any], incident: Incident = KNIFE, decided: Status | None = None) -> bool:
    return Matcher(rules_of(match)).rule_for(reported(incident, decided), AT) is not None


@pytest.mark.parametrize(
    ("match", "held"),
    [
        ({}, True),
        ({"type": "referral"}, True),
        ({"type": ["minor", "pending"]}, False),
        ({"school": "101"}, True),
        ({"school": " 101 "}, True),
        ({"school": ["0101", "1010"]}, False),
        ({"offense": "FGHT"}, True),
        ({"offense": "fght"}, False),
        ({"offense": ["THFT", "ASLT"]}, True),
        ({"weapon": "K1", "injury": "I1", "action": "SUSP"}, True),
        ({"weapon": "K1", "injury": "I2"}, False),
        ({"district": "lakeside"}, True),
        ({"district": "harbor"}, False),
        ({"status": "open"}, True),
        ({"status": "reviewing"}, False),
        ({"age": {"over": "1d", "under": "2d"}}, True),
        ({"age": {"under": "1d"}}, False),
        ({"not": {"weapon": "K1"}}, False),
        ({"not": [{"weapon": "K2"}, {"type": "minor"}]}, True),
        ({"any": [{"weapon": "K2"}, {"action": ["EXP", "SUSP"]}]}, True),
        ({"any": [{"weapon": "K2"}, {"action": "EXP"}]}, False),
    ],
)
def test_a_rule_takes_incidents_by_type_and_codes(match: dict[str, Any], *, held: bool) -> None:
    assert takes(match) is held


@pytest.mark.parametrize("word", ["school", "offense", "weapon", "injury", "action"])
def test_an_incident_without_a_code_fits_no_condition_on_it(word: str) -> None:
    assert not takes({word: "x"}, Incident("inc_2"))
    assert takes({"not": {word: "x"}}, Incident("inc_2"))


def test_an_incident_without_a_day_has_no_age() -> None:
    assert not takes({"age": {"over": "0s"}}, Incident("inc_2"))


def test_codes_are_compared_without_blanks_around_them() -> None:
    assert takes({"weapon": "K1"}, Incident("inc_2", weapons=(" K1 ",)))


def test_what_we_decided_is_the_status_of_an_incident() -> None:
    assert takes({"status": "reviewing"}, decided=Status.REVIEWING)
    assert reported(Incident("inc_2", is_deleted=True), Status.RESOLVED).status is Status.GONE


@pytest.mark.parametrize("of", ["findings", "incidents"])
def test_a_rule_takes_only_its_own_kind(of: str) -> None:
    matcher = Matcher(rules_of({}, of=of))
    assert (matcher.rule_for(found(Finding("f")), AT) is None) is (of == "incidents")
    assert (matcher.rule_for(reported(KNIFE), AT) is None) is (of == "findings")


OF = "of: incidents, severity: low"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("of: incidents", "severity: is missing: a rule of incidents says how bad they are, such as severity: high"),
        ("of: incidents, severity: null", "severity: is missing"),
        ("of: incidents, severity: unknown", "severity: must be critical, high, medium or low"),
        ("severity: high", "severity: belongs to a rule with of: incidents; a finding says it itself: write match: {"),
        ("of: incident, severity: high", "of: must be findings or incidents; did you mean 'incidents'?"),
        ("of: [incidents], severity: high", "of: must be findings or incidents"),
        ("match: {weapon: gun}", "match.weapon: is a condition on incidents, and the rule is of: findings, which have"),
        (
            "match: {any: [{type: minor}]}",
            "match.any[0].type: is a condition on incidents, and the rule is of: find",
        ),
        (
            f"{OF}, match: {{not: {{site: a.example}}}}",
            (
                "match.not.site: is a condition on findings, and the rule is of: incidents, which have action, injury, "
                "offense, school, type, weapon; both have district, status, age, any and not"
            ),
        ),
        (f"{OF}, match: {{severity: high}}", "match.severity: is a condition on findings"),
        (f"{OF}, match: {{school: 101}}", "match.school: codes are text: put 101 in quotes, as '101'"),
        (f"{OF}, match: {{weapon: [a, 7]}}", "match.weapon: codes are text: put 7 in quotes"),
        (f"{OF}, match: {{weapon: true}}", "match.weapon: codes are text: put true in quotes"),
        (f"{OF}, match: {{weapon: 1.5}}", "match.weapon: codes are text: put 1.5 in quotes"),
        (f"{OF}, match: {{weapon: ' '}}", "match.weapon: must not be empty"),
        (f"{OF}, match: {{weapon: []}}", "match.weapon: must not be empty"),
        (f"{OF}, match: {{weapon: {{}}}}", "match.weapon: must be a list"),
        (f"{OF}, match: {{type: minr}}", "did you mean 'minor'?"),
    ],
)
def test_words_of_the_other_kind_are_refused_with_what_to_write(rule: str, told: str) -> None:
    (problem,) = refused(rule)
    assert problem.startswith("m.yaml:13:")
    assert told in problem


NEVER = "rules[{}].name: can never take an incident: "
FIRST_TAKES_ALL = f"{NEVER.format(1)}rule r0, which comes earlier, takes all that it would"
IDLE = "districts.lakeside.incidents: is read for nothing: no rule takes incidents of this district"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (["weapon: K1"], []),
        (["district: harbor"], [IDLE, f"{NEVER.format(0)}no district that it names has a feed of incidents"]),
        (["type: minor, not: {type: minor}"], [IDLE, f"{NEVER.format(0)}its conditions exclude each other"]),
        (["type: minor", "type: minor"], [FIRST_TAKES_ALL]),
        (["weapon: [K1, K2]", "weapon: K1"], [FIRST_TAKES_ALL]),
        (["weapon: K1", "weapon: [K1, K2]"], []),
        (["weapon: K1", "weapon: K1, offense: A"], [FIRST_TAKES_ALL]),
        (["weapon: K1, offense: A", "weapon: K1"], []),
    ],
)
def test_what_is_certain_and_probably_not_meant_is_warned_of(rules: list[str], told: list[str]) -> None:
    assert warned(*(f"match: {{{match}}}" for match in rules)) == told


@pytest.mark.parametrize("choice", ["copy_comments: closing", "people: names"])
def test_choices_about_notes_change_nothing_for_incidents(choice: str) -> None:
    said = "changes nothing: it is about notes, and a feed of incidents takes none"
    assert warned(choice) == [f"rules[0].{choice.partition(':')[0]}: {said}"]


def test_a_feed_of_which_no_rule_takes_anything_is_warned_of() -> None:
    assert warned() == [IDLE]


def test_a_rule_of_incidents_without_any_feed_is_warned_of() -> None:
    text = (HEAD + "  - {name: r0, of: incidents, severity: low, tickets: none}\n" + REST).replace(
        "    incidents: {handbook: {token: {env: H}}}\n", ""
    )
    said = [problem.message for problem in warnings_of(loaded_of(text, "m.yaml"))]
    assert said == ["rules[0].name: can never take an incident: no district has a feed of incidents"]


def test_feeds_with_different_links_are_warned_of_and_no_link_is_written() -> None:
    feeds = "{a: {token: {env: H}, incident_link: 'https://a.example/{id}'}, b: {token: {env: H}}}"
    text = (HEAD + "  - {name: r0, of: incidents, severity: low, tickets: none}\n" + REST).replace(
        "{handbook: {token: {env: H}}}", feeds
    )
    loaded = loaded_of(text, "m.yaml")
    (said,) = (problem.message for problem in warnings_of(loaded))
    assert "an incident does not tell its feed" in said
    assert loaded.mappings.districts["lakeside"].incident_link == ""


def test_rules_of_both_kinds_tell_what_tickets_there_may_be() -> None:
    loaded = loaded_with("match: {type: referral}")
    coverage = Coverage(loaded.mappings)
    pairs = product(("lakeside", "harbor"), ("jira", "now"))
    assert {pair for pair in pairs if coverage.reaches(*pair)} == {
        ("lakeside", "jira"),
        ("lakeside", "now"),
        ("harbor", "now"),
    }
    assert severities_left(loaded.mappings) == (frozenset({Severity.HIGH}), frozenset(Severity))


CODES = st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=2, unique=True)
PLAIN: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "type": st.lists(st.sampled_from([*IncidentType]), min_size=1, max_size=2),
        "status": st.sampled_from(["open", "reviewing"]),
        "district": st.sampled_from(["lakeside", "harbor"]),
        **dict.fromkeys(("school", "offense", "weapon", "injury", "action"), CODES),
    },
).filter(bool)
MATCHES = st.recursive(
    PLAIN,
    lambda inner: st.fixed_dictionaries(
        {}, optional={"any": st.lists(inner, min_size=1, max_size=2), "not": st.lists(inner, min_size=1, max_size=2)}
    ).filter(bool),
    max_leaves=4,
)
TUPLES = st.lists(st.sampled_from(["A", "B"]), max_size=2, unique=True).map(tuple)
INCIDENTS = st.builds(
    Incident,
    uuid=st.just("inc_1"),
    type=st.sampled_from(IncidentType),
    school=st.sampled_from([None, "A", "B"]),
    offenses=TUPLES,
    weapons=TUPLES,
    injuries=TUPLES,
    actions=TUPLES,
)


@given(
    st.lists(MATCHES, min_size=1, max_size=4),
    INCIDENTS,
    st.sampled_from([Status.OPEN, Status.REVIEWING]),
    st.sampled_from(["lakeside", "harbor"]),
)
@examples(200)
def test_the_first_rule_whose_conditions_hold_takes_the_incident_and_coverage_knew(
    matches: list[dict[str, Any]], incident: Incident, status: Status, district: str
) -> None:
    rules, subject = rules_of(*matches), reported(incident, status, district)
    facts = facts_of(subject, AT)
    expected = next((rule for rule in rules if holds(rule.match, facts)), None)
    assert Matcher(rules).rule_for(subject, AT) is expected
    kinds = Kinds([Kind(CaseKind.INCIDENT, district, status, type=incident.type)])
    for rule in rules:
        reach = kinds.reach(rule)
        assert reach.must <= holds(rule.match, facts) <= reach.may


@given(st.lists(MATCHES, min_size=1, max_size=4), st.lists(INCIDENTS, min_size=10, max_size=10))
@examples(60)
def test_no_warning_about_incidents_is_ever_false(matches: list[dict[str, Any]], incidents: list[Incident]) -> None:
    loaded = loaded_with(*(f"match: {match}" for match in (repr_of(each) for each in matches)))
    said = " ".join(problem.message for problem in warnings_of(loaded))
    matcher = Matcher(loaded.mappings.rules)
    for incident in incidents:
        if rule := matcher.rule_for(reported(incident), AT):
            assert f"rules[{rule.name[1:]}].name: can never" not in said
            assert "read for nothing" not in said


def repr_of(value: object) -> str:
    """The value in YAML's flow style."""
    match value:
        case dict():
            return "{" + ", ".join(f"{word}: {repr_of(inner)}" for word, inner in value.items()) + "}"
        case list():
            return f"[{', '.join(repr_of(entry) for entry in value)}]"
        case _:
            return str(value)
