"""Commands without REDIS_URL: they join an embedded server that runs, or say that there is nothing to read."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis as PlainRedis

from remediation.sealing import generate_key
from remedy.main import main
from remedy.runtime.failures import ExitCode

READS = [
    ("audit", "list"),
    ("audit", "verify"),
    ("case", "list"),
    ("case", "show", "lakeside:finding:fnd_1"),
    ("parked", "list"),
    ("webhooks", "list"),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str | None]:
    return {"REDIS_URL": None, "DATA_KEYS": generate_key(), "DATA_DIR": str(tmp_path / "data"), "MAPPINGS_PATH": None}


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_where_nothing_has_run_a_reading_command_says_so_and_creates_nothing(
    environment: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner(env=environment).invoke(main, words)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stderr.startswith("error: REDIS_URL: is not set, and no embedded server has run in ")
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_server_of_another_process_is_joined(
    environment: dict[str, str | None], redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with PlainRedis.from_url(redis_url, decode_responses=True) as redis:
        redis.flushall()
        folder: str = redis.config_get("dir")["dir"]
        pid = redis.info("server")["process_id"]
        result = CliRunner(env=environment | {"DATA_DIR": folder}).invoke(main, ["parked", "list"])
        assert (result.exit_code, result.stdout) == (ExitCode.DONE, "Nothing is parked.\n")
        assert redis.info("server")["process_id"] == pid
