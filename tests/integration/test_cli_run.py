"""`remedy run`: what it says before it runs. That it runs is the matter of the end-to-end tests."""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from remediation.sealing import generate_key
from remedy.main import main
from remedy.runtime.failures import ExitCode
from sandbox.secrets import ENVIRONMENT

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A process configures its logs once and for all; here that is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    structlog.reset_defaults()


def run(redis_url: str, *words: str, **environment: str | None) -> Result:
    usual = {
        **ENVIRONMENT,
        "REDIS_URL": redis_url,
        "DATA_KEYS": generate_key(),
        "MAPPINGS_PATH": str(ROOT / "mappings.yaml"),
    }
    return CliRunner(env={**usual, **environment}).invoke(main, ["run", *words])


def test_its_help_shows_how_to_run_both_on_a_laptop(redis_url: str) -> None:
    result = run(redis_url, "--help")
    assert result.exit_code == ExitCode.DONE
    for words in ("receiver|worker", "remedy keys generate", "remedy run receiver", "remedy run worker", "REDIS_URL"):
        assert words in result.stdout


@pytest.mark.parametrize("words", [(), ("both",)])
def test_it_must_be_told_which_of_the_two(redis_url: str, words: tuple[str, ...]) -> None:
    assert run(redis_url, *words).exit_code == ExitCode.CONFIGURATION


@pytest.mark.parametrize(
    ("role", "variable"),
    [
        ("receiver", "DATA_KEYS"),
        ("worker", "DATA_KEYS"),
        ("receiver", "SCHOOLSCAN_WEBHOOK_SECRET"),
        ("worker", "SCHOOLSCAN_TOKEN"),
        ("worker", "SERVICENOW_PASSWORD"),
        ("worker", "JIRA_TOKEN"),
    ],
)
def test_a_missing_secret_stops_the_start_with_its_name(redis_url: str, role: str, variable: str) -> None:
    result = run(redis_url, role, **{variable: None}, WORKER_PORT="0", RECEIVER_PORT="0", METRICS_PORT="0")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert variable in result.stderr
    assert not any(secret in result.output for secret in ENVIRONMENT.values())


@pytest.mark.parametrize("role", ["receiver", "worker"])
def test_broken_mappings_stop_the_start(redis_url: str, tmp_path: Path, role: str) -> None:
    broken = tmp_path / "mappings.yaml"
    broken.write_text("version: 3\n", encoding="ascii")
    result = run(redis_url, role, MAPPINGS_PATH=str(broken), WORKER_PORT="0", RECEIVER_PORT="0", METRICS_PORT="0")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert f"{broken}:1:" in result.stderr
