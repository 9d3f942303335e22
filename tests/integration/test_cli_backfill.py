"""`remedy backfill` with the sandbox's SchoolScan: what it foresees, begins, shows, refuses and leaves behind."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis as PlainRedis
from redis.asyncio import Redis

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import Band
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.keys import CASE, PARKED, SCAN
from remediation.store.scans.backfills import backfill_ref
from remediation.store.scans.listing import Scans
from remediation.store.server.connection import Connection, open_pool
from remedy.runtime.failures import ExitCode
from tests.contract.tracker_world import nobody_listens
from tests.integration.school_desks import FILE, MARK, SITE, Desk, open_desk


@pytest.fixture
def desk(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(redis_url, tmp_path, monkeypatch) as desk:
        yield desk


def given(desk: Desk, *severities: str, **order: str) -> None:
    for severity in severities:
        findings = [{"severity": severity, "title": MARK + "title", **order}]
        desk.order("POST", "findings", site=SITE, findings=findings)


async def list_all(desk: Desk, keyring: Keyring, count: int) -> None:
    """List so many findings for the backfill that is under way, as a worker would."""
    pool = open_pool(RedisAddress.parse(desk.redis_url), socket_timeout=5.0, retries=1)
    scans = Scans(Connection(Redis(connection_pool=pool)), keyring)
    scan = await scans.take(backfill_ref("lakeside"), time.time())
    assert scan is not None
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"there_{number}") for number in range(count)]
    assert await scans.mark_page(scan, None, [(key, Band.LOW) for key in keys], time.time(), unmarked="known") == count
    await pool.aclose()


def lines_of_audit(desk: Desk) -> list[dict[str, Any]]:
    return [each["line"] for each in desk.audited() if each["line"]["act"] == "backfill"]


def test_a_rehearsal_says_what_would_be_opened_and_how_long_it_takes_and_writes_nothing(desk: Desk) -> None:
    given(desk, "critical", "high", "high")
    given(desk, "low", status="resolved")
    desk.asked()
    told = desk.call("backfill", "--dry-run").stdout
    assert told.splitlines() == [
        "4 findings listed: 0 with a case already, 1 solved or not asked for.",
        "3 would become cases: 1 critical, 2 high.",
        "Tickets that would be opened: 3 in jira.",
        "At the least it would take about 1 min at 60 writes a minute.",
        "Nothing was written.",
    ]
    assert {method for method, _ in desk.asked()} == {"GET"}
    (row,) = desk.rows("backfill", "--dry-run", "--severity", "high")
    assert (row["new"], row["by_severity"], row["tickets"], row["writes"]) == (2, {"high": 2}, {"jira": 2}, 2)
    assert desk.audited() == []


def test_a_rehearsal_counts_a_ticket_for_each_case_where_an_identity_tells_findings_apart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = "    identity: {by: [url], key: {env: IDENTITY_KEY}}\ntrackers:"
    desk.path.write_text(desk.path.read_text().replace("trackers:", identity, 1))
    monkeypatch.setenv("IDENTITY_KEY", "k" * 40)
    given(desk, "low", "critical", "low", url=f"https://{SITE}/same")
    given(desk, "high", url=f"https://{SITE}/other")
    shown = desk.call("backfill", "--dry-run")
    assert shown.stderr == ""
    told = shown.stdout.splitlines()
    assert told[1:3] == [
        "4 would become 2 cases: 1 critical, 1 high.",
        "Tickets that would be opened: 2 in jira.",
    ]
    (row,) = desk.rows("backfill", "--dry-run", "--severity", "low")
    assert (row["new"], row["cases"], row["tickets"], row["writes"]) == (2, 1, {"jira": 1}, 2)


def test_one_begins_once_and_the_same_words_show_how_far_it_is(desk: Desk) -> None:
    (row,) = desk.rows("backfill", "--no-wait", "--severity", "high", "--by", "kim")
    assert (row["state"], row["severities"], row["listed"]) == ("listing", ["high"], 0)
    again = desk.call("backfill", "--no-wait", "--severity", "high")
    assert again.exit_code == ExitCode.DONE
    assert "under way already" in again.stderr
    assert "The account of lakeside is being listed" in again.stdout
    (line,) = lines_of_audit(desk)
    assert (line["by"], line["choice"]) == ("kim", "--district lakeside --severity high")


def test_one_with_another_choice_is_refused_while_one_is_under_way(desk: Desk) -> None:
    desk.rows("backfill", "--no-wait")
    other = desk.call("backfill", "--severity", "low")
    assert other.exit_code == ExitCode.FAILED
    assert "another backfill of lakeside is under way (of any severity)" in other.stderr
    assert "--cancel" in other.stderr


def test_one_that_is_parked_is_told_with_what_to_do_and_leaves_no_second_line_in_the_audit(desk: Desk) -> None:
    desk.rows("backfill", "--no-wait")
    with PlainRedis.from_url(desk.redis_url) as redis:  # as park.lua leaves it
        redis.hset(f"{SCAN}{backfill_ref('lakeside')}", "state", "parked")
        redis.zadd(PARKED, {f"{backfill_ref('lakeside')}/list": 1})
    for words in (("--no-wait",), ("--severity", "low"), ()):
        told = desk.call("backfill", *words)
        assert told.exit_code == ExitCode.FAILED
        assert "The last one is parked" in told.stderr
        assert "remedy parked replay lakeside:backfill:account/list" in told.stdout
    assert len(lines_of_audit(desk)) == 1


def test_one_is_cancelled_and_a_line_in_the_audit_says_so(desk: Desk) -> None:
    assert "no backfill of lakeside is under way" in desk.call("backfill", "--cancel").stderr
    desk.rows("backfill", "--no-wait")
    (row,) = desk.rows("backfill", "--cancel")
    assert row["state"] == "cancelled"
    again = desk.call("backfill", "--cancel")
    assert (again.exit_code, "was cancelled" in again.stdout) == (ExitCode.DONE, True)
    assert [each["choice"] for each in reversed(lines_of_audit(desk))] == [
        "--district lakeside",
        "--cancel --district lakeside",
    ]


def test_cancelling_takes_back_what_was_listed_and_says_so_and_leaves_one_line_in_the_audit(
    desk: Desk, keyring: Keyring
) -> None:
    desk.rows("backfill", "--no-wait")
    asyncio.run(list_all(desk, keyring, 7))
    told = desk.call("backfill", "--cancel")
    assert told.exit_code == ExitCode.DONE
    assert "7 cases were taken back before anybody had begun to work at them." in told.stdout
    assert len(lines_of_audit(desk)) == 2
    with PlainRedis.from_url(desk.redis_url) as redis:
        assert redis.keys(f"{CASE}*") == []


def test_whoever_waits_is_told_that_nobody_works_and_that_nothing_moves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remedy.backfill.following._PAUSE", 0.05)
    result = desk.call("backfill", "--patience", "1s")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "No worker is at work" in result.stderr
    assert "is being listed" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--district", "lakesid"), 2, "there is no district lakesid"),
        (("--severity", "urgent"), 2, "'urgent' is not one of"),
        (("--since", "soon"), 2, "must be a span such as 7d, or a date"),
        (("--dry-run", "--cancel"), 2, "exclude each other"),
    ],
)
def test_what_cannot_be_meant_gets_one_clear_message(desk: Desk, words: tuple[str, ...], code: int, says: str) -> None:
    result = desk.call("backfill", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_an_account_that_is_away_or_refuses_ends_a_rehearsal_with_its_code(desk: Desk) -> None:
    refused = desk.call("backfill", "--dry-run", token="not-a-token")
    assert refused.exit_code == ExitCode.UNREACHABLE
    desk.path.write_text(FILE.replace("ADDRESS", nobody_listens()).replace("JIRA", nobody_listens()))
    away = desk.call("backfill", "--dry-run", "--patience", "1s")
    assert away.exit_code == ExitCode.UNREACHABLE


def test_nothing_of_a_findings_own_words_is_shown_or_left_in_redis(desk: Desk) -> None:
    given(desk, "critical")
    for words in (("--dry-run",), ("--dry-run", "--json"), ("--no-wait",), ("--cancel",)):
        result = desk.call("backfill", *words)
        assert MARK not in result.output
    assert MARK not in desk.everything_in_redis()
    json.loads(desk.call("backfill", "--no-wait", "--json").stdout)
