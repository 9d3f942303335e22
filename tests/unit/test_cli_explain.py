import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.subjects import subject_of
from remediation.mapping.reading.loading import load_mappings
from remediation.rulebook import MappingsRulebook
from remediation.sources.schoolscan.words import finding_of
from remediation.trackers.jira.issues import payload_of
from remediation.trackers.servicenow.records import opening
from remedy.main import main
from remedy.runtime.failures import ExitCode

ROOT = Path(__file__).parents[2]
AT = "2026-04-15T14:02Z"
FINDING = {
    "id": "fnd_9d2",
    "status": "open",
    "severity": "critical",
    "domain_type": "direct_pii",
    "title": "ZZPII title",
    "url": "https://www.lakeside.example/zzpii/list.pdf",
    "detected_at": "2026-04-14T10:00:00Z",
    "evidence": "ZZPII evidence",
}

RULES = """\
version: 1
districts:
  lakeside: &account
    schoolscan:
      token: {env: SCHOOLSCAN_TOKEN}
      webhook: {secrets: [{env: SCHOOLSCAN_WEBHOOK_SECRET}]}
  harbor: *account
trackers:
  web:
    kind: jira
    url: https://jira.example
    auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}
templates:
  body: "{{ finding.id }} *bold* {{ finding.severity }}"
rules:
  - name: never-mind
    match: {domain_type: metadata}
    tickets: none
  - name: bad
    match:
      severity: [critical, high]
      any: [{site: "*.lakeside.example"}, {path: /grades/**}]
    reopen: {within: 14d}
    outcomes: {cancelled: reviewing}
    tickets: {web: {project: SEC, summary: "[red]{{ finding.id }}", close_fields: {customfield_7: {value: Page}}}}
"""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAPPINGS_PATH", "LOG_LEVEL", "SCHOOLSCAN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def explain(*arguments: str | Path, finding: object = None) -> Result:
    words = ["mappings", "explain", *(str(each) for each in arguments), "--at", AT]
    if finding is None:
        return CliRunner().invoke(main, words)
    return CliRunner().invoke(main, [*words, "-"], input=json.dumps(finding))


def told(*arguments: str | Path, finding: object = None) -> Any:
    result = explain(*arguments, "--json", finding=finding or FINDING)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_says_which_rule_takes_it_and_why(rules: Path) -> None:
    said = told("--mappings", rules, "--district", "lakeside")
    assert (said["case"], said["rule"], said["opens_now"]) == ("lakeside:finding:fnd_9d2", "bad", True)
    assert [(trial["rule"], trial["held"]) for trial in said["trials"]] == [("never-mind", False), ("bad", True)]
    severity, sets = said["trials"][1]["conditions"]
    assert severity == {"name": "severity", "wanted": "critical, high", "value": "critical", "held": True, "sets": []}
    assert [inner["held"] for each in sets["sets"] for inner in each] == [True, False]


def test_what_is_shown_is_what_the_adapters_send() -> None:
    shipped = ROOT / "mappings.yaml"
    finding, rulebook = finding_of(FINDING), MappingsRulebook(load_mappings(shipped).mappings)
    at = datetime.fromisoformat(AT)
    said = told("--mappings", shipped)
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_9d2")
    ruling = rulebook.ruling(subject_of(key, finding), at)
    shown = {ticket["tracker"]: ticket["requests"][0] for ticket in said["tickets"]}
    assert shown == {
        "servicenow": opening(ruling.draft("servicenow")),
        "jira": payload_of(ruling.draft("jira"), "jira"),
    }
    link = said["tickets"][1]["requests"][1]
    assert link["object"]["url"] == "https://schoolscan.example/findings/fnd_9d2"
    assert {ticket["mark"] for ticket in said["tickets"]} == {key.mark}
    assert said["note"].startswith("Remediation is tracked in servicenow (new) and jira (new) (rule students-exposed")


def test_what_a_rule_does_not_allow_into_tickets_is_not_shown_in_them() -> None:
    said = told("--mappings", ROOT / "mappings.yaml")
    assert "zzpii" not in json.dumps([said["tickets"], said["note"]]).lower()


def test_text_shows_rule_conditions_tickets_and_note(rules: Path) -> None:
    result = explain("--mappings", rules, "--district", "lakeside", finding=FINDING)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[:2] == [
        "lakeside:finding:fnd_9d2, as of 2026-04-15 14:02 UTC",
        f"The rule bad takes this finding ({rules}:19).",
    ]
    assert "1 ticket would be opened, unless it is there already:" in lines
    assert "  project:           SEC" in lines
    assert "  summary:           [red]fnd_9d2" in lines
    assert r"  body:              fnd_9d2 \*bold\* critical" in lines
    assert '  labels:            ["remedy:lakeside:finding:fnd_9d2", "remedy"]' in lines
    assert '  when closed:       {"customfield_7": {"value": "Page"}}' in lines
    assert lines[-11:-1] == [
        "With reviewing, SchoolScan would be told:",
        "  Remediation is tracked in web (new) (rule bad, 2026-04-15 14:02 UTC).",
        "",
        "From then on:",
        "  When all its tickets are done, the finding is resolved.",
        (
            "  Closed as cancelled, not solved or a word that nothing maps, a ticket leaves the finding open, and is "
            "told so."
        ),
        "  Closed as false positive, duplicate or nothing at all, it resolves the finding.",
        "  An accepted risk needs no reason and no end, and counts until its end, if it has one.",
        "  When the finding is found again, tickets closed within 14d are opened again; new ones follow older ones.",
        "  When SchoolScan no longer has it, open tickets are told so.",
    ]
    assert lines[-1] == "  Notes say nothing of what people write in tickets."


def test_json_says_how_the_rule_keeps_its_tickets_in_step(rules: Path) -> None:
    said = told("--mappings", rules, "--district", "lakeside")
    assert (said["choices"]["reopen"], said["choices"]["outcomes.cancelled"]) == ("within 14d", "reviewing")
    assert said["in_step"][0] == "When all its tickets are done, the finding is resolved."
    assert said["tickets"][0]["closing"] == {"customfield_7": {"value": "Page"}}
    none = told("--mappings", rules, "--district", "lakeside", finding={**FINDING, "severity": "low"})
    assert (none["choices"], none["in_step"]) == ({}, [])


def test_what_comes_from_outside_commands_no_terminal(rules: Path) -> None:
    finding = {**FINDING, "url": "https://x\x1b[31m.example/\x1b[2J[bold]", "severity": "\x1b[1mdire"}
    result = explain("--mappings", rules, "--district", "lakeside", finding=finding)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    refused = explain("--mappings", rules, "--district", "lakeside", finding={**FINDING, "id": "f\x1b[2J"})
    assert (refused.exit_code, "\x1b" in refused.output) == (ExitCode.CONFIGURATION, False)


def test_a_finding_that_no_rule_takes_is_said_plainly(rules: Path) -> None:
    finding = {**FINDING, "severity": "low"}
    result = explain("--mappings", rules, "--district", "lakeside", finding=finding)
    assert "No rule takes this finding: no ticket is opened, and its status stays as it is." in result.stdout
    said = told("--mappings", rules, "--district", "lakeside", finding=finding)
    assert (said["rule"], said["tickets"], said["note"], len(said["trials"])) == (None, [], None, 2)


def test_a_rule_that_deliberately_makes_no_ticket_is_said_plainly(rules: Path) -> None:
    finding = {**FINDING, "domain_type": "metadata"}
    result = explain("--mappings", rules, "--district", "lakeside", finding=finding)
    assert f"The rule never-mind takes this finding ({rules}:16) and deliberately opens no ticket." in result.stdout
    said = told("--mappings", rules, "--district", "lakeside", finding=finding)
    assert (said["rule"], said["tickets"], said["note"]) == ("never-mind", [], None)


@pytest.mark.parametrize("status", ["resolved", "accepted_risk", "under_appeal"])
def test_a_finding_that_is_not_open_gets_nothing_now(rules: Path, status: str) -> None:
    finding = {**FINDING, "status": status}
    result = explain("--mappings", rules, "--district", "lakeside", finding=finding)
    assert f"Its status is {status}, so nothing is opened now. If it were open, 1 ticket would be:" in result.stdout
    assert told("--mappings", rules, "--district", "lakeside", finding=finding)["opens_now"] is False


def test_a_finding_in_a_file_is_read_like_one_on_standard_input(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "finding.json"
    path.write_text(json.dumps({"data": FINDING}))
    assert explain(path, "--mappings", rules, "--district", "harbor").stdout.startswith("harbor:finding:fnd_9d2")


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00Z", "9999-12-31T23:59:59+05:00"])
@pytest.mark.parametrize("detected", ["9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_the_ends_of_the_calendar_are_moments_like_any_other(rules: Path, at: str, detected: str) -> None:
    due = RULES.replace("version: 1", "version: 1\ndefaults: {due: 3650d}", 1)
    rules.write_text(due.replace("reopen: {within: 14d}", "reopen: {within: 14d}\n    due: 3650d"))
    words = ["mappings", "explain", "-", "--mappings", str(rules), "--district", "lakeside", "--at", at]
    given = json.dumps({**FINDING, "detected_at": detected, "updated_at": detected})
    assert CliRunner().invoke(main, words, input=given).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say which finding"),
        (["x.json", "--finding", "fnd_1"], "Say which finding"),
        (["no-such-file.json", "--district", "lakeside"], "no-such-file.json: cannot be read"),
        (["-", "--district", "lakeside"], "standard input: is a list of 0 findings: take one out of it"),
        (["-"], "say which district: there is harbor, lakeside"),
        (["-", "--district", "lakesid"], "there is no district lakesid; there is harbor, lakeside; did you mean"),
        (["--finding", "fnd_1", "--district", "harbor"], "environment variable SCHOOLSCAN_TOKEN is not set"),
        (["-", "--at", "tomorrow"], "must be a date and time such as 2026-04-15T14:02Z"),
        (["-", "--at", "9999-12-31T23:59:59-05:00"], "must lie between the years 1 and 9999 in UTC"),
        (["-", "--at", "0001-01-01T00:00:00+14:00"], "must lie between the years 1 and 9999 in UTC"),
    ],
)
def test_what_cannot_be_explained_ends_with_2_and_one_message(rules: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["mappings", "explain", "--mappings", str(rules), *arguments], input="[]")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "is empty: it must be a JSON object with an id"),
        ("{", "is not JSON: it must be a JSON object with an id"),
        ('{"severity": "high"}', "is not a finding: it must be a JSON object with an id"),
        ('{"data": [{"id": "fnd_1"}, {"id": "fnd_2"}]}', "is a list of 2 findings: take one out of it"),
        ('[{"id": "fnd_1"}]', "is a list of 1 finding: take one out of it"),
    ],
)
def test_a_file_that_is_no_finding_is_told_for_what_it_is(rules: Path, given: str, said: str) -> None:
    words = ["mappings", "explain", "-", "--mappings", str(rules), "--district", "lakeside"]
    result = CliRunner().invoke(main, words, input=given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: standard input: {said}")


def test_what_is_piped_is_not_cut_to_the_width_of_a_terminal(rules: Path) -> None:
    rule = "x" * 32
    rules.write_text(RULES.replace("students-exposed", rule))
    words = ["mappings", "explain", "-", "--mappings", str(rules), "--district", "lakeside"]
    lines = CliRunner().invoke(main, words, input=json.dumps(FINDING)).stdout.splitlines()
    assert any(len(line) > 80 for line in lines)


def test_an_identity_is_said_to_tell_the_case_and_needs_no_key_for_that(rules: Path) -> None:
    identity = "    identity: {by: [domain_type, url], key: {env: IDENTITY_KEY}}\n  harbor:"
    rules.write_text(
        RULES.replace("  harbor:", identity)
        .replace("lakeside: &account", "lakeside:")
        .replace("harbor: *account", "harbor: {schoolscan: {token: {env: ONE}, webhook: {secrets: [{env: TWO}]}}}")
    )
    asked = ("--mappings", rules, "--district", "lakeside")
    assert told(*asked)["identity"] == {"by": ["domain_type", "url"], "missing": []}
    assert told("--mappings", rules, "--district", "harbor")["identity"] is None
    assert "one case with all others of the same domain_type, url" in explain(*asked, finding=FINDING).output
    alone = {**FINDING, "url": None}
    assert told(*asked, finding=alone)["identity"]["missing"] == ["url"]
    assert "a case of its own, because it lacks url" in explain(*asked, finding=alone).output
