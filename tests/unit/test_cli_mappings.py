import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remedy.main import main

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "tests/payloads/mappings/repeated_keys.yaml"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAPPINGS_PATH", raising=False)
    monkeypatch.delenv("LOG_LEVEL", raising=False)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["mappings", "check", *arguments])


def test_a_right_file_ends_with_0_and_a_summary() -> None:
    path = ROOT / "mappings.yaml"
    result = check(str(path))
    assert (result.exit_code, result.stdout) == (0, f"{path}: all is well: 1 district, 2 trackers, 5 rules\n")


def test_a_wrong_file_ends_with_2_and_one_line_for_each_problem() -> None:
    result = check(str(BROKEN))
    expected = [f"{BROKEN}:{line}" for line in BROKEN.with_suffix(".txt").read_text().splitlines()]
    assert (result.exit_code, result.stdout.splitlines()) == (2, expected)


def test_json_says_the_same_to_a_program() -> None:
    result = check(str(BROKEN), "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], len(said["problems"])) == (2, False, 2)
    assert said["problems"][0] == {
        "where": str(BROKEN),
        "message": "rules[0]: the key tickets is written twice, first in line 22",
        "line": 24,
        "column": 5,
    }
    assert json.loads(check(str(ROOT / "mappings.yaml"), "--json").stdout) == {
        "ok": True,
        "problems": [],
        "warnings": [],
    }


def test_warnings_are_told_and_are_no_errors(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text((ROOT / "mappings.yaml").read_text().replace("everything-else", "rest\n    match: {severity: low}"))
    result = check(str(path))
    warning, summary = result.stdout.splitlines()
    assert result.exit_code == 0
    assert warning.startswith(f"warning: {path}:")
    assert warning.endswith("severity critical, high, medium or unknown")
    assert summary == f"{path}: no errors: 1 district, 2 trackers, 5 rules"
    (told,) = json.loads(check(str(path), "--json").stdout)["warnings"]
    assert told["message"] in warning


def with_secret(path: Path, until: datetime) -> Path:
    secret = "{env: SCHOOLSCAN_WEBHOOK_SECRET"
    text = (ROOT / "mappings.yaml").read_text()
    path.write_text(text.replace(secret, f"{secret}_NEW}}\n          - {secret}, until: {until.date()}"))
    return path


def test_a_webhook_secret_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    path = with_secret(tmp_path / "m.yaml", datetime.now(UTC) + timedelta(days=2))
    warning, summary = check(str(path)).stdout.splitlines()
    assert warning.startswith(f"warning: {path}:18:53: districts.lakeside.schoolscan.webhook.secrets[1].until: ends")
    assert summary.startswith(f"{path}: no errors")
    (told,) = json.loads(check(str(path), "--json").stdout)["warnings"]
    assert told["message"] in warning
    assert check(str(with_secret(path, datetime.now(UTC) + timedelta(days=30)))).stdout.startswith(
        f"{path}: all is well"
    )


def test_a_webhook_without_a_secret_that_counts_is_an_error(tmp_path: Path) -> None:
    path = with_secret(tmp_path / "m.yaml", datetime(2026, 1, 31, tzinfo=UTC))
    path.write_text(path.read_text().replace("_NEW}", "_NEW, until: 2026-01-30}"))
    result = check(str(path))
    assert result.exit_code == 2
    assert result.stdout == (
        f"{path}:17:11: districts.lakeside.schoolscan.webhook.secrets: "
        "every one has ended: add the secret with which the sender signs now\n"
    )


def test_without_a_path_it_is_the_one_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPPINGS_PATH", str(ROOT / "mappings.yaml"))
    assert check().exit_code == 0


def test_with_a_path_the_settings_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    assert check(str(ROOT / "mappings.yaml")).exit_code == 0
    assert check().stdout == "LOG_LEVEL: must be debug, info, warning or error\n"


def test_a_file_that_is_not_there_is_a_problem_like_any_other(tmp_path: Path) -> None:
    result = check(str(tmp_path / "none.yaml"))
    assert (result.exit_code, result.stdout) == (
        2,
        f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory\n",
    )
