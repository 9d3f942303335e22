import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remedy.main import main

ROOT = Path(__file__).parents[2]
CASES = """\
cases:
  - name: right
    finding: {severity: critical, domain_type: direct_pii}
    expect: {rule: students-exposed, tickets: {servicenow: {impact: 1}, jira: {priority: Highest}}}
  - name: wrong
    at: 2026-04-15T14:02:00Z
    finding: {severity: low, domain_type: metadata}
    expect: {rule: directory-and-metadata, tickets: {jira: {project: SEC, labels: [schoolscan]}}}
"""


@pytest.fixture(autouse=True)
def shipped_mappings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    monkeypatch.setenv("MAPPINGS_PATH", str(ROOT / "mappings.yaml"))


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.yaml"
    path.write_text(CASES)
    return path


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["mappings", "test", str(path), *arguments])


def test_the_cases_that_we_ship_hold_for_the_mappings_that_we_ship() -> None:
    result = run(ROOT / "mappings.tests.yaml")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith("cases, all as expected\n")


def test_a_case_that_does_not_hold_says_what_was_expected_and_what_is(cases: Path) -> None:
    result = run(cases)
    assert (result.exit_code, result.stdout.splitlines()) == (
        1,
        [
            f"ok   {cases}:2:5: right",
            f"FAIL {cases}:5:5: wrong",
            "       tickets.jira.project: expected SEC, is WEB",
            "1 of 2 cases not as expected",
        ],
    )


def test_json_says_the_same_to_a_program(cases: Path) -> None:
    result = run(cases, "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], [case["ok"] for case in said["cases"]]) == (1, False, [True, False])
    assert said["cases"][1] == {
        "name": "wrong",
        "ok": False,
        "where": str(cases),
        "line": 5,
        "mismatches": [{"what": "tickets.jira.project", "expected": "SEC", "actual": "WEB", "hint": ""}],
    }


def test_a_finding_that_needs_nobody_gets_no_ticket(cases: Path) -> None:
    cases.write_text(CASES.replace("{severity: low,", "{severity: low, status: resolved,"))
    assert "tickets: expected jira, is nothing" in " ".join(run(cases).stdout.split())


def test_other_mappings_can_be_put_to_the_same_cases(cases: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text((ROOT / "mappings.yaml").read_text().replace("project: WEB", "project: SEC"))
    assert run(cases, "--mappings", str(other)).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("severity: low", "severity: lwo", ":7:25: cases[1].finding.severity: must be critical"),
        ("name: wrong", "name: wrong\n    district: harbor", ":6:15: cases[1].district: there is no district harbor"),
    ],
)
def test_a_mistake_in_the_cases_ends_with_2_and_its_place(cases: Path, old: str, new: str, said: str) -> None:
    cases.write_text(CASES.replace(old, new))
    result = run(cases)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{cases}{said}" in result.stderr


def test_mappings_that_cannot_be_used_end_with_2(cases: Path) -> None:
    broken = ROOT / "tests/payloads/mappings/repeated_keys.yaml"
    assert run(cases, "--mappings", str(broken)).exit_code == 2


def test_a_name_from_the_file_commands_no_terminal(cases: Path) -> None:
    cases.write_text(CASES.replace("name: right", 'name: "ri\\e[2Jght"'))
    assert "\x1b[2J" not in run(cases).stdout
