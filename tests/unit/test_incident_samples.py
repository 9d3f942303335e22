"""Incidents as people write them, and what the commands about mappings.yaml make of them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import ConfigurationError
from remediation.domain.incidents import Incident, IncidentType
from remediation.mapping.config.policies import PolicyWords
from remediation.mapping.explain.in_step import in_step
from remediation.mapping.explain.incident_samples import sample_of, samples_of
from remedy.main import main

RULES = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    incidents: {handbook: {token: {env: H}, time_zone: America/Chicago}}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: u, password: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules:
  - {name: findings, tickets: {jira: {project: SEC}}}
  - name: weapons
    of: incidents
    severity: critical
    match: {type: referral, any: [{weapon: [K1, K2]}, {school: "101", age: {under: 2d}}]}
    due: 2d
    tickets: {jira: {project: SAFE}}
  - {name: minor, of: incidents, severity: low, match: {type: minor}, tickets: none}
"""
SAMPLE = {"id": "a1", "type": "referral", "weapon": ["K2"], "school": "101", "date": "2026-04-15", "victims": 1}


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MAPPINGS_PATH", "LOG_LEVEL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "mappings.yaml"
    path.write_text(RULES)
    return path


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["mappings", *(str(each) for each in arguments)], input=stdin)


def explained(rules: Path, *words: str, at: str = "2026-04-16") -> Any:
    options = [part for word in words for part in ("--incident", word)]
    result = run("explain", *options, "--mappings", rules, "--at", at, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_sample_is_an_incident() -> None:
    (sample,) = samples_of(json.dumps(SAMPLE), "a.json")
    assert sample.incident == Incident(
        "a1", IncidentType.REFERRAL, day=date(2026, 4, 15), school="101", weapons=("K2",), victims=1
    )
    assert len(samples_of(f"[{json.dumps(SAMPLE)}, {{weapon: K1}}]", "a.yaml")) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{weapn: a}", "a.yaml:1:2: weapn: is not known here; did you mean 'weapon'? (allowed: action, "),
        ("[{}, {weapon: 7}]", "a.yaml:1:15: [1].weapon: codes are text: put 7 in quotes"),
        ("{school: 101}", "school: codes are text: put 101 in quotes"),
        ("{date: 15.4.2026}", "date: must be a day such as 2026-04-15"),
        ("{type: minr}", "did you mean 'minor'?"),
        ("{offenders: -1}", "offenders: must be at least 0"),
        ("{name: ZZPII}", "name: is not known here"),
        ("just text", "must be a map of words and their values"),
        ("", "a.yaml:1:1: is empty: write an incident in words, such as type: referral"),
    ],
)
def test_what_is_no_incident_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        samples_of(text, "a.yaml")
    assert told in str(caught.value.problems[0])


def test_words_say_an_incident_too() -> None:
    words = ["type=referral", "weapon=K1", "weapon = K2", "school=101", "date=2026-04-15", "victims=2", "deleted=yes"]
    sample = sample_of(words)
    assert (sample.weapon, sample.school, sample.victims, sample.deleted) == (["K1", "K2"], "101", 2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["weapon"], "must be WORD=VALUE: write weapon=… with its value"),
        (["wepon=K1"], "there is no word wepon; did you mean 'weapon'? (there is action, "),
        (["school=1", "school=2"], "school is said twice"),
        (["victims=two"], "victims must be a whole number"),
        (["deleted=perhaps"], "deleted"),
    ],
)
def test_words_that_say_no_incident_are_refused(rules: Path, words: list[str], told: str) -> None:
    options = [part for word in words for part in ("--incident", word)]
    result = run("explain", *options, "--mappings", rules)
    assert result.exit_code == 2
    assert told in result.output


def test_the_rule_of_an_incident_is_explained_condition_by_condition(rules: Path) -> None:
    said = explained(rules, "id=a1", "type=referral", "weapon=K9", "school=101", "date=2026-04-15")
    assert (said["case"], said["rule"], said["opens_now"], said["note"]) == (
        "lakeside:incident:a1",
        "weapons",
        True,
        None,
    )
    (trial,) = said["trials"]
    kind, either = trial["conditions"]
    assert (kind["name"], kind["wanted"], kind["value"], kind["held"]) == ("type", "referral", "referral", True)
    (weapon,), (school, age) = either["sets"]
    assert (weapon["wanted"], weapon["value"], weapon["held"]) == ("K1, K2", "K9", False)
    assert (school["value"], school["held"], age["value"], age["held"]) == ("101", True, "19h 0m", True)
    (ticket,) = said["tickets"]
    assert ticket["words"]["due"] == "2026-04-18", "two days from when it is opened"
    assert (said["choices"]["when_gone"], said["choices"]["severity"]) == ("close", "critical")


def test_what_no_rule_takes_is_told_without_rules_of_findings(rules: Path) -> None:
    said = explained(rules, "type=pending")
    assert (said["rule"], [trial["rule"] for trial in said["trials"]]) == (None, ["weapons", "minor"])


def test_text_says_which_line_the_rule_is_in_and_that_nothing_is_written_back(rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "incident.json"
    file.write_text(json.dumps(SAMPLE))
    result = run("explain", "--incident-file", file, "--mappings", rules, "--at", "2026-04-16")
    assert result.exit_code == 0, result.output
    assert f"The rule weapons takes this incident ({rules}:11)." in result.stdout
    assert "SchoolScan" not in result.stdout
    assert "What is decided is kept here, because a feed takes nothing back" in result.stdout
    assert "any incident" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [[], ["finding.json", "--incident", "type=minor"], ["--incident", "type=minor", "--incident-file", "-"]],
)
def test_one_subject_is_asked_about_at_a_time(rules: Path, arguments: list[str]) -> None:
    result = run("explain", *arguments, "--mappings", rules)
    assert result.exit_code == 2
    assert "or which incident: --incident WORD=VALUE, or --incident-file FILE" in " ".join(result.output.split())


CASES = """\
cases:
  - name: one with a weapon
    incident: {type: referral, weapon: K1, date: 2026-04-15}
    expect: {rule: weapons, severity: critical, when_gone: close, tickets: {jira: {project: SAFE, due: 2026-04-17}}}
  - name: a minor one
    incident: {type: minor}
    expect: {rule: minor, tickets: {}}
  - name: what is decided gets no ticket
    incident: {type: referral, weapon: K1, status: resolved}
    expect: {rule: weapons, tickets: {}}
  - name: a deleted one neither
    incident: {type: referral, weapon: K1, deleted: true}
    expect: {rule: weapons, tickets: {}}
  - name: a finding as ever
    finding: {severity: low}
    expect: {rule: findings}
"""


def test_cases_of_incidents_are_compared_like_those_of_findings(rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(CASES)
    result = run("test", file, "--mappings", rules)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "5 cases, all as expected"), result.output
    file.write_text(CASES.replace("rule: minor", "rule: none").replace("severity: critical", "severity: low"))
    result = run("test", file, "--mappings", rules)
    assert result.exit_code == 1
    assert "rule: expected none, is minor" in result.stdout
    assert "severity: expected low, is critical" in result.stdout


@pytest.mark.parametrize("subject", ["", "finding: {}\n    incident: {}\n    "])
def test_a_case_has_a_finding_or_an_incident(rules: Path, tmp_path: Path, subject: str) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(f"cases:\n  - name: odd\n    {subject}expect: {{rule: none}}\n")
    result = run("test", file, "--mappings", rules)
    assert result.exit_code == 2
    assert "cases[0]: must have either a finding or an incident" in result.output


def test_what_other_rules_make_of_incidents_is_told(rules: Path, tmp_path: Path) -> None:
    new, incidents = tmp_path / "new.yaml", tmp_path / "incidents.yaml"
    new.write_text(RULES.replace("severity: critical", "severity: high").replace("project: SAFE", "project: KEEP"))
    incidents.write_text("[{id: a1, type: referral, weapon: K1}, {id: a2, type: minor}]")
    result = run("diff", rules, new, "--incidents", incidents, "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["findings"], said["incidents"], said["changed"]) == (1, 0, 2, 1)
    assert [each["incident"] for each in said["changes"]] == ["a1"]
    assert set(said["groups"][0]["what"]) >= {"severity", "tickets.jira.project"}
    shown = run("diff", rules, new, "--incidents", incidents)
    assert "1 incident of rule weapons (a1)" in shown.stdout
    assert "1 of 2 incidents would change" in shown.stdout


def test_the_file_is_summed_up_with_its_feeds(rules: Path) -> None:
    result = run("check", rules)
    assert result.stdout.endswith("all is well: 1 district, 1 tracker, 3 rules, 1 feed\n"), result.output


def test_what_follows_for_an_incident_speaks_of_no_finding() -> None:
    said = " ".join(in_step(PolicyWords(when_gone="close"), CaseKind.INCIDENT))
    assert "finding" not in said
    assert "SchoolScan" not in said
    assert "When it was deleted, open tickets are closed with a comment." in said
