import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from remedy.main import main
from remedy.runtime.failures import ExitCode

ROOT = Path(__file__).parents[2]
OLD = ROOT / "mappings.yaml"
FINDINGS = [
    {"id": "fnd_1", "status": "open", "severity": "critical", "domain_type": "direct_pii"},
    {"id": "fnd_2", "status": "open", "severity": "high", "domain_type": "direct_pii"},
    {"id": "fnd_3", "status": "open", "severity": "low", "domain_type": "vendor_exposure"},
    {"id": "fnd_4", "status": "resolved", "severity": "critical", "domain_type": "education_records"},
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAPPINGS_PATH", "LOG_LEVEL", "SCHOOLSCAN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def findings(tmp_path: Path) -> Path:
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(FINDINGS))
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new.yaml"
    text = OLD.read_text()
    assert "priority: {critical: Highest, high: High," in text
    path.write_text(text.replace("priority: {critical: Highest, high: High,", "priority: {critical: Blocker,", 1))
    return path


def diff(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["mappings", "diff", *(str(each) for each in arguments)], input=stdin)


def told(result: Result) -> Any:
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)


def test_the_same_file_changes_nothing(findings: Path) -> None:
    result = diff(OLD, OLD, "--findings", findings)
    assert (result.exit_code, result.stdout) == (0, "0 of 4 findings would change\n")


def test_what_changes_is_grouped_and_counted(findings: Path, new: Path) -> None:
    result = diff(OLD, new, "--findings", findings, "--json")
    said = told(result)
    assert (result.exit_code, said["findings"], said["changed"]) == (1, 4, 3)
    assert said["groups"] == [
        {
            "rule": {"before": "students-exposed", "after": "students-exposed"},
            "kind": "finding",
            "count": 3,
            "what": ["tickets.jira.priority"],
            "values": {
                "tickets.jira.priority": [
                    {"before": "Highest", "after": "Blocker", "count": 2},
                    {"before": "High", "after": None, "count": 1},
                ]
            },
        }
    ]
    assert [each["finding"] for each in said["changes"]] == ["fnd_1", "fnd_2", "fnd_4"]
    assert said["changes"][1]["changes"] == [{"what": "tickets.jira.priority", "before": "High", "after": None}]


def test_text_shows_each_group_with_its_values(findings: Path, new: Path) -> None:
    result = diff(OLD, new, "--findings", findings)
    assert result.exit_code == 1
    assert "3 findings of rule students-exposed (fnd_1, fnd_2, fnd_4)" in result.stdout
    assert "Blocker" in result.stdout
    assert result.stdout.endswith("3 of 4 findings would change\n")


def test_a_changed_text_is_told_without_the_text(findings: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(OLD.read_text().replace("What to do", "ZZ what now"))
    result = diff(OLD, other, "--findings", findings)
    assert "ZZ what now" not in result.stdout
    assert "(another text)" in result.stdout
    assert "ZZ what now" in diff(OLD, other, "--findings", findings, "--json").stdout


@pytest.mark.parametrize(
    "written",
    [
        json.dumps({"data": FINDINGS, "next_cursor": None}),
        "\n".join(json.dumps(finding) for finding in FINDINGS) + "\n\n",
        json.dumps(FINDINGS, indent=2),
    ],
)
def test_findings_come_as_a_list_as_a_page_or_one_a_line(new: Path, written: str) -> None:
    assert told(diff(OLD, new, "--findings", "-", "--json", stdin=written))["findings"] == 4


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"id": "a"}\nnot json\n', "standard input:2:1: is not a finding"),
        ('[{"id": "a"}, {"severity": "low"}]', "standard input: entry 1 is not a finding: it has no id"),
    ],
)
def test_what_is_no_finding_ends_with_2_and_its_place(new: Path, written: str, said: str) -> None:
    result = diff(OLD, new, "--findings", "-", stdin=written)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_file_with_mistakes_ends_with_2(findings: Path) -> None:
    broken = ROOT / "tests/payloads/mappings/repeated_keys.yaml"
    assert diff(OLD, broken, "--findings", findings).exit_code == 2
    assert diff(broken, OLD, "--findings", findings).exit_code == 2


def test_without_a_file_the_findings_are_read_with_the_districts_token() -> None:
    result = diff(OLD, OLD, "--district", "lakeside")
    assert result.exit_code == 2
    assert "environment variable SCHOOLSCAN_TOKEN is not set" in result.stderr


def test_a_district_must_be_in_both_files(findings: Path) -> None:
    result = diff(OLD, OLD, "--findings", findings, "--district", "harbor")
    assert result.exit_code == 2
    assert "there is no district harbor; there is lakeside" in result.stderr


def test_an_id_from_outside_commands_no_terminal(new: Path) -> None:
    result = diff(OLD, new, "--findings", "-", stdin=json.dumps([{**FINDINGS[0], "id": "f[bold]"}]))
    assert "(f[bold])" in result.stdout
    refused = diff(OLD, new, "--findings", "-", stdin=json.dumps([{**FINDINGS[0], "id": "f\x1b[2J[bold]"}]))
    assert (refused.exit_code, "\x1b" in refused.output) == (ExitCode.CONFIGURATION, False)


def test_a_rule_that_is_gone_is_said_and_only_redis_can_count_its_cases(findings: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.yaml"
    renamed.write_text(OLD.read_text().replace("name: students-exposed", "name: pupils"))
    result = diff(OLD, renamed, "--findings", findings)
    assert "rule students-exposed is gone: how many cases live by it, only Redis can tell (REDIS_URL)" in result.stdout
    said = told(diff(OLD, renamed, "--findings", findings, "--json"))
    assert said["rules"] == [{"rule": "students-exposed", "state": "gone", "living_cases": None}]


def test_changed_words_of_a_tracker_are_named_for_they_count_for_every_ticket(findings: Path, tmp_path: Path) -> None:
    files = []
    for number, words in enumerate(
        ("{done: fixed, later: cancelled}", "{done: fixed, later: not_solved, no: cancelled}")
    ):
        files.append(tmp_path / f"{number}.yaml")
        lines = f"    resolutions: {words}\n    read_timeout: {number + 5}s\n"
        files[-1].write_text(OLD.read_text().replace("    kind: jira\n", f"    kind: jira\n{lines}", 1))
    result = diff(*files, "--findings", findings)
    assert result.stdout.splitlines()[-2:] == [
        "tracker jira: resolutions.later is not_solved (before: cancelled)",
        "tracker jira: resolutions.no is cancelled (before: nothing)",
    ]
    assert result.exit_code == ExitCode.FAILED
    assert told(diff(*files, "--findings", findings, "--json"))["trackers"][0] == {
        "tracker": "jira",
        "what": "resolutions.later",
        "before": "cancelled",
        "after": "not_solved",
    }
