from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.routing import Routing
from remediation.mapping.explain.expectations import Expected, ExpectedText, ExpectedTicket, cases_of, load_cases
from remediation.mapping.explain.judging import Mismatch, mismatches

SMALL = """\
cases:
  - name: a leak
    at: 2026-04-15T14:02:00+02:00
    finding: {severity: critical, url: "https://www.example.org/page", detected_at: 2026-04-15}
    expect:
      rule: all
      tickets:
        jira: {project: SEC, summary: all of it, body: {contains: [a, b], lacks: c}, labels: one}
  - name: another
    finding: {}
    expect: {rule: none, tickets: {}}
"""

RULES = frozenset({"all", "students-exposed"})
WORDS: dict[str, object] = {
    "project": "SEC",
    "summary": "Exposed (f1)",
    "body": "Finding: f1\nWhat to do",
    "labels": ["b", "a"],
    "impact": "1",
    "components": ["web", "sites"],
}


def wrong(expected: dict[str, object], routing: Routing | None = None) -> list[Mismatch]:
    routing = routing or Routing("all", {"jira": WORDS})
    return list(mismatches(Expected.model_validate(expected), routing, RULES))


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        cases_of(text, "t.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_what_is_written_is_what_is_expected() -> None:
    loaded = cases_of(SMALL, "t.yaml")
    first, second = loaded.cases
    assert first.at == datetime(2026, 4, 15, 12, 2, tzinfo=UTC)
    assert first.finding is not None
    assert second.finding is not None
    assert first.finding.detected_at == datetime(2026, 4, 15, tzinfo=UTC)
    assert first.expect.tickets is not None
    jira = first.expect.tickets["jira"]
    assert jira.summary == ExpectedText(exactly="all of it")
    assert jira.body == ExpectedText(contains=["a", "b"], lacks=["c"])
    assert jira.labels == ["one"]
    assert jira.model_extra == {"project": "SEC"}
    assert (second.finding.status, second.expect.tickets) == ("open", {})
    assert (loaded.place(1).line, loaded.place(1).column) == (9, 5)


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("findin: {}", "finding: {}", "10:5: cases[1].findin: is not known here; did you mean 'finding'?"),
        ("finding: {severty: low}", "finding: {}", "did you mean 'severity'?"),
        ("finding: {severity: hi}", "finding: {}", "must be critical, high, medium, low or unknown"),
        ("finding: {evidence: x}", "finding: {}", "10:15: cases[1].finding.evidence: is not known here"),
        (
            "finding: {detected_at: 9999-12-31T23:59:59-05:00}",
            "finding: {}",
            "must lie between the years 1 and 9999 in UTC",
        ),
        ("finding: {detected_at: soon}", "finding: {}", "must be a date and time such as 2026-04-15T14:02:00Z"),
        ("{contain: [a, b]", "{contains: [a, b]", "did you mean 'contains'? (allowed: contains, exactly, lacks)"),
        ("name: a leak", "name: another", "9:11: cases[1].name: is already the name of cases[0]"),
        ("{rule: none, tickets: []}", "{rule: none, tickets: {}}", "11:35: cases[1].expect.tickets: must be a map"),
    ],
)
def test_a_mistake_in_the_file_is_shown_at_its_place(wrong: str, right: str, said: str) -> None:
    assert right in SMALL
    problems = problems_of(SMALL.replace(right, wrong))
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("t.yaml:") for problem in problems)


@pytest.mark.parametrize("text", ["", "- a", "cases: []", "cases: ~", "a: [", "cases: [1]", "cases: [{expect: 1}]"])
def test_whatever_is_no_list_of_cases_is_a_problem(text: str) -> None:
    assert problems_of(text)


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_cases(tmp_path / "none.yaml")


def test_a_case_that_names_little_is_held_to_little() -> None:
    assert wrong({"rule": "all"}) == []
    assert wrong({"rule": "all", "tickets": {"jira": {}}}) == []


@pytest.mark.parametrize(
    "ticket",
    [
        {"summary": "Exposed (f1)", "body": {"contains": "What to do", "lacks": "https:"}, "project": "SEC"},
        {"labels": ["a", "b"], "impact": 1, "components": ["web", "sites"]},
        {"priority": None},
        {"body": {"exactly": "Finding: f1\nWhat to do\n"}},
    ],
)
def test_what_is_so_is_as_expected(ticket: dict[str, object]) -> None:
    assert wrong({"rule": "all", "tickets": {"jira": ticket}}) == []


@pytest.mark.parametrize(
    ("ticket", "found"),
    [
        ({"project": "WEB"}, Mismatch("tickets.jira.project", "WEB", "SEC")),
        ({"summary": "Exposed"}, Mismatch("tickets.jira.summary", "Exposed", "Exposed (f1)")),
        ({"body": {"lacks": "f1"}}, Mismatch("tickets.jira.body", {"lacks": "f1"}, WORDS["body"])),
        ({"body": {"contains": "f2"}}, Mismatch("tickets.jira.body", {"contains": "f2"}, WORDS["body"])),
        ({"labels": ["a"]}, Mismatch("tickets.jira.labels", ["a"], ["a", "b"])),
        ({"impact": 2}, Mismatch("tickets.jira.impact", 2, "1")),
        ({"impact": True}, Mismatch("tickets.jira.impact", True, "1")),
        ({"impct": 1}, Mismatch("tickets.jira.impct", 1, None, "did you mean 'impact'?")),
    ],
)
def test_what_is_not_so_is_said_with_both_values(ticket: dict[str, object], found: Mismatch) -> None:
    assert wrong({"rule": "all", "tickets": {"jira": ticket}}) == [found]


def test_the_tickets_that_a_case_names_are_all_of_them() -> None:
    assert wrong({"rule": "all", "tickets": {}}) == [Mismatch("tickets", [], ["jira"])]
    assert wrong({"rule": "all", "tickets": {"now": {}}}) == [Mismatch("tickets", ["now"], ["jira"])]
    assert wrong({"rule": "all", "tickets": {}}, Routing("all", {})) == []


def test_another_rule_is_a_mismatch_and_one_that_is_not_there_is_told_apart() -> None:
    assert wrong({"rule": "none"}, Routing(None, {})) == []
    assert wrong({"rule": "none"}) == [Mismatch("rule", "none", "all")]
    assert wrong({"rule": "students-exposed"}) == [Mismatch("rule", "students-exposed", "all")]
    hint = "there is no rule student-exposed; did you mean 'students-exposed'?"
    assert wrong({"rule": "student-exposed"}) == [Mismatch("rule", "student-exposed", "all", hint)]


def test_a_ticket_word_that_is_a_text_cannot_be_half_expected() -> None:
    assert ExpectedTicket(summary=ExpectedText(exactly="x")).model_extra == {}


CHOICES = {
    "reopen": "within 14d",
    "accept.at_most": "365d",
    "accept.reason": "optional",
    "outcomes.cancelled": "reviewing",
}


@pytest.mark.parametrize(
    ("expected", "differences"),
    [
        ({"reopen": {"within": "14d"}}, []),
        ({"reopen": "always"}, [Mismatch("reopen", "always", "within 14d")]),
        ({"accept": {"at_most": "365d"}}, []),
        ({"accept": {"at_most": "52d"}}, [Mismatch("accept.at_most", "52d", "365d")]),
        ({"accept": {"at_most": None}}, [Mismatch("accept.at_most", None, "365d")]),
        ({"outcomes": {"cancelled": "reviewing"}}, []),
        ({"outcomes": {"cancelled": "resolved"}}, [Mismatch("outcomes.cancelled", "resolved", "reviewing")]),
        ({}, []),
    ],
)
def test_a_case_names_how_its_finding_is_kept_in_step(expected: dict[str, object], differences: list[Mismatch]) -> None:
    assert wrong({"rule": "all", **expected}, Routing("all", {}, CHOICES)) == differences


def test_what_no_rule_takes_is_kept_in_step_by_nothing() -> None:
    assert wrong({"rule": "none", "reopen": "never"}, Routing(None, {})) == [Mismatch("reopen", "never", None)]


def test_a_misspelt_choice_of_a_case_is_told_with_its_place() -> None:
    text = SMALL.replace("rule: all\n", "rule: all\n      reopen: nevr\n")
    assert problems_of(text) == [
        "t.yaml:7:15: cases[0].expect.reopen: must be always, never or {within: 14d}; did you mean 'never'?"
    ]
