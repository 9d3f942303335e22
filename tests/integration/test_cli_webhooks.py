"""`remedy webhooks` on a real Valkey: who must sign a time, and how a person takes that back."""

import json

import pytest
from click.testing import CliRunner, Result

from remediation.redis_address import RedisAddress
from remediation.store.deliveries.signing import SignedTimes
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode

AT = 1_790_000_000.0


@pytest.fixture
async def remedy(remedy: CliRunner, redis_url: str) -> CliRunner:
    """Of lakeside a delivery with a signed time has come, and later one without, which was refused."""
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        times = SignedTimes(connection)
        await times.note("lakeside", AT, "2026-11")
        assert await times.refuses("lakeside", AT + 60)
    return remedy


def call(remedy: CliRunner, *words: str) -> Result:
    return remedy.invoke(main, ["webhooks", *words])


def test_the_list_says_since_when_and_with_which_secret(remedy: CliRunner) -> None:
    assert [json.loads(line) for line in call(remedy, "list", "--json").stdout.splitlines()] == [
        {"district": "lakeside", "since": AT, "by": "2026-11", "refused": AT + 60}
    ]
    shown = call(remedy, "list").stdout
    assert "2026-11" in shown
    assert "remedy webhooks reset DISTRICT" in shown


def audited(remedy: CliRunner) -> list[dict[str, object]]:
    """What people did, as the audit says."""
    lines = remedy.invoke(main, ["audit", "list", "--people", "--json"]).stdout.splitlines()
    return [json.loads(each)["line"] for each in lines]


def test_a_reset_takes_it_back_with_a_line_in_the_audit_that_says_who(remedy: CliRunner) -> None:
    result = call(remedy, "reset", "lakeside", "--by", "anna")
    assert result.exit_code == ExitCode.DONE
    assert result.stdout == "lakeside: deliveries without a signed time are taken again, until one with a time comes\n"
    assert call(remedy, "list").stdout == "No delivery with a signed time has come under auto.\n"
    (line,) = audited(remedy)
    assert (line["by"], line["act"], line["choice"]) == ("anna", "reset_signed_time", "lakeside")


def test_a_dry_run_changes_nothing_and_an_unknown_district_is_said(remedy: CliRunner) -> None:
    assert json.loads(call(remedy, "reset", "lakeside", "--dry-run", "--json").stdout) == {
        "district": "lakeside",
        "done": False,
    }
    assert len(call(remedy, "list", "--json").stdout.splitlines()) == 1
    unknown = call(remedy, "reset", "hillside")
    assert unknown.exit_code == ExitCode.FAILED
    assert "no signed time of hillside is known" in unknown.stderr
    assert audited(remedy) == []
