"""`remedy purge` on a real Valkey: what it says, what it asks, and how it ends."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis
from structlog.testing import capture_logs

from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remedy.main import main
from remedy.purge import command
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode
from tests.integration.test_relations import MAPPINGS, School

REF = "lakeside:finding:fnd_zz9"


@pytest.fixture
def remedy(remedy: CliRunner, redis_url: str, data_keys: str, tmp_path: Path) -> CliRunner:
    """A command line, and a Redis in which one finding of `lakeside` has tickets; workers know `harbor`, too."""
    with PlainRedis.from_url(redis_url) as redis:
        redis.hset("remedy:districts", mapping={"lakeside": 1, "harbor": 1})

    async def fill() -> None:
        async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
            await School(connection, Keyring.parse(data_keys)).found("fnd_zz9")

    with capture_logs():
        asyncio.run(fill())
    path = tmp_path / "mappings.yaml"
    path.write_text(MAPPINGS, encoding="utf-8")
    return CliRunner(env={**remedy.env, "MAPPINGS_PATH": str(path)})


def call(remedy: CliRunner, *words: str, answer: str | None = None) -> Result:
    return remedy.invoke(main, ["purge", *words], input=answer)


def kept(redis_url: str) -> int:
    with PlainRedis.from_url(redis_url) as redis:
        return int(str(redis.exists(f"remedy:case:{REF}")))


def test_it_says_what_goes_what_stays_and_what_others_hold(remedy: CliRunner, redis_url: str) -> None:
    result = call(remedy, "--finding", "fnd_zz9", "--dry-run")
    assert result.exit_code == ExitCode.DONE, result.stderr
    shown = result.stdout
    assert shown.startswith("Would be removed:\n")
    for words in ("  cases: 1\n", "ticket KEY-1 in jira", "ticket KEY-1 in snow", "fingerprints of deliveries"):
        assert words in shown
    assert "if it is not deleted there, the next webhook, scan or remedy reconcile brings the case back" in shown
    assert "lines of the audit (1): each line proves" in shown
    assert "retention.audit: 400 days after each was written, the last on 20" in shown
    assert kept(redis_url)
    removed = call(remedy, "--finding", "fnd_zz9", "--yes", "--by", "officer")
    assert removed.exit_code == ExitCode.DONE, removed.stderr
    assert removed.stdout.startswith("Removed:\n")
    assert "Redis has rewritten its append-only file since" in removed.stdout
    assert not kept(redis_url)
    again = call(remedy, "--case", REF, "--yes")
    assert again.exit_code == ExitCode.FAILED
    assert f"nothing is kept of --case {REF}; " in again.stderr
    assert "lines of the audit about it stay" in again.stderr
    told = remedy.invoke(main, ["audit", "list", "--people"]).stdout
    assert "purged" in told
    assert "officer" in told
    assert remedy.invoke(main, ["audit", "verify"]).exit_code == ExitCode.DONE
    assert remedy.invoke(main, ["case", "list"]).exit_code == ExitCode.DONE


def test_programs_get_one_object(remedy: CliRunner) -> None:
    would = json.loads(call(remedy, "--case", REF, "--dry-run", "--json").stdout)
    done = json.loads(call(remedy, "--case", REF, "--yes", "--json").stdout)
    assert (would["done"], would["file"], done["done"], done["file"]) == (False, None, True, "rewritten")
    assert would["removed"] == done["removed"]
    assert would["tickets"] == done["tickets"] == [{"tracker": name, "key": "KEY-1"} for name in ("jira", "snow")]
    assert done["held"] == []
    assert {each["what"] for each in done["stays"]} >= {"lines of the audit", "fingerprints of deliveries"}


def test_a_person_is_asked_and_a_pipe_is_not(
    remedy: CliRunner, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = call(remedy, "--case", REF)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "say --yes, or --dry-run" in result.stderr
    monkeypatch.setattr(command, "can_ask", lambda: True)
    refused = call(remedy, "--case", REF, answer="n\n")
    assert refused.exit_code == ExitCode.INTERRUPTED
    assert "Would be removed:" in refused.stderr
    assert kept(redis_url)
    assert call(remedy, "--case", REF, answer="y\n").exit_code == ExitCode.DONE
    assert not kept(redis_url)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], ExitCode.CONFIGURATION, "say what to delete: --case REF, --finding ID, or --district NAME"),
        (["--case", REF, "--district", "lakeside"], ExitCode.CONFIGURATION, "--case names the district, too"),
        (["--finding", "a\nb"], ExitCode.CONFIGURATION, "--finding is no id"),
        (["--district", "No District"], ExitCode.CONFIGURATION, "--district is no name of a district"),
        (["--case", "lakeside:finding:fnd_2"], ExitCode.FAILED, "nothing is kept of --case lakeside:finding:fnd_2"),
        (
            ["--case", "nowhere:finding:fnd_2"],
            ExitCode.FAILED,
            "no district is called nowhere; known are: harbor",
        ),
        (["--case", "what/is:this"], ExitCode.FAILED, "names no case"),
        (
            ["--finding", "fnd_2"],
            ExitCode.FAILED,
            "no district is known to have this finding: say --district (harb",
        ),
        (
            ["--finding", "fnd_2", "--district", "harbor"],
            ExitCode.FAILED,
            "nothing is kept of --finding fnd_2",
        ),
        (["--district", "nowhere"], ExitCode.FAILED, "no district is called nowhere"),
        (
            ["--district", "lakeside"],
            ExitCode.CONFIGURATION,
            "fill again, as mappings.yaml names it: take it out",
        ),
        (["--district", "harbor"], ExitCode.CONFIGURATION, "as workers use a mappings.yaml that names it"),
    ],
)
def test_each_wrong_use_gets_one_clear_message(
    remedy: CliRunner, words: list[str], code: ExitCode, says: str, redis_url: str
) -> None:
    result = call(remedy, *words, "--yes")
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in " ".join(result.stderr.split())
    assert kept(redis_url)


def test_a_district_goes_where_nobody_names_it_or_somebody_insists(remedy: CliRunner, redis_url: str) -> None:
    result = call(remedy, "--district", "lakeside", "--still-named", "--yes")
    assert result.exit_code == ExitCode.DONE, result.stderr
    assert "the feed holds the incident itself" in result.stdout
    assert not kept(redis_url)
    assert call(remedy, "--district", "harbor", "--dry-run").exit_code == ExitCode.DONE


def test_a_case_that_a_worker_looks_at_is_told(
    remedy: CliRunner, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediation.operations.purging.deletion.HELD_FOR", 0.0)
    with PlainRedis.from_url(redis_url) as redis:
        redis.set(f"remedy:lease:{REF}", "a token")
    result = call(remedy, "--case", REF, "--yes")
    assert result.exit_code == ExitCode.FAILED
    assert f"a worker looks at {REF}" in result.stderr
    assert kept(redis_url)


def test_it_works_without_mappings_yaml(remedy: CliRunner) -> None:
    result = remedy.invoke(main, ["purge", "--case", REF, "--dry-run"], env={"MAPPINGS_PATH": "/nowhere.yaml"})
    assert result.exit_code == ExitCode.DONE, result.stderr


def test_redis_that_is_away_is_told(remedy: CliRunner) -> None:
    result = remedy.invoke(main, ["purge", "--case", REF, "--yes"], env={"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert result.exit_code == ExitCode.UNREACHABLE
