"""`remedy keys list|rotate|retire`: what is under each key is counted exactly, and no key that is needed goes."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.errors import Refused
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, entries_in, generate_key
from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.trail import AuditTrail
from remediation.store.cursors import SealedCursors
from remediation.store.data_keys import uses_of_keys
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.keys import CURSOR, INCIDENTS, SCAN
from remediation.store.processes import Process, Processes
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode

OLD, NEW = generate_key(), generate_key()
OLD_ID, NEW_ID = (entry.partition(":")[0] for entry in (OLD, NEW))
AT = 1_800_000_000.0
UNDER_OLD = {
    "deliveries": 2,
    "parked work": 2,
    "incidents": 1,
    "how far lists were read": 2,
    "lines of the audit": 2,
    "names in the audit": 1,
}
"""One delivery waits and one is quarantined, which has words; so has the refused action."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data-keys"
    path.write_text(f"{NEW}\n{OLD}\n", encoding="ascii")
    path.chmod(0o640)
    return path


@pytest.fixture
def remedy(remedy: CliRunner, file: Path) -> CliRunner:
    """The command with the keys of a file."""
    return CliRunner(env={**remedy.env, "DATA_KEYS": None, "DATA_KEYS_FILE": str(file)})


@pytest.fixture
async def used(remedy: CliRunner, redis_url: str) -> CliRunner:
    """Everything that may be under a key is under the old one."""
    old = Keyring.parse(OLD)
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        inbox, work, cursors = Inbox(connection, old), ParkedWork(connection, old), SealedCursors(old)
        await inbox.accept("d1", SCHOOLSCAN, "lakeside", b"{}", AT)
        await inbox.accept("d2", SCHOOLSCAN, "lakeside", b"{", AT, unreadable="the body is not JSON")
        error = Refused("jira", "priority cannot be set", status=400)
        await work.park(ParkedKind.ACTION, "lakeside:finding:f1", error, AT, district="lakeside", action="open:jira")
        redis = connection.redis
        await connection.ask(redis.hset(f"{INCIDENTS}lakeside/handbook", "i1", old.seal(b"row", "i1")))  # type: ignore[arg-type]  # bytes, too
        await connection.ask(redis.set(f"{CURSOR}jira", cursors.sealed(f"{CURSOR}jira", "next")))
        await connection.ask(redis.hset(f"{SCAN}s1", "cursor", cursors.sealed(f"{SCAN}s1", "next")))
        keys = AuditKeys(old)
        entry = AuditEntry(AuditAct.RECONCILE, int(AT * 1000), by="anna")
        await connection.run("note_audit", "id", 1_000, waiting(entry, keys, "priya.patel"))
        await AuditTrail(connection, keys).chain(AT)
    return remedy


@pytest.fixture
async def in_audit_alone(used: CliRunner, redis_url: str) -> CliRunner:
    """All else was worked on."""
    with PlainRedis.from_url(redis_url) as redis:
        gone = [key for key in redis.scan_iter("remedy:*") if not key.startswith(b"remedy:audit")]
        redis.delete(*gone)
    return used


def told(redis_url: str, *keys: str) -> None:
    """A worker with these keys reports."""
    asyncio.run(_told(redis_url, *keys))


async def _told(redis_url: str, *keys: str) -> None:
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        seconds, _ = await connection.ask(connection.redis.time())
        await Processes(connection).tell(Process("pod/1", "worker", "1", seconds, "", ",".join(keys)), seconds)


def call(remedy: CliRunner, *words: str, **environment: str | None) -> Result:
    result = remedy.invoke(main, ["keys", *words], env=environment)
    assert not any(entry.partition(":")[2] in result.stderr for entry in (OLD, NEW))
    return result


def shown(remedy: CliRunner) -> dict[str, Any]:
    result = call(remedy, "list", "--json")
    assert result.exit_code == ExitCode.DONE, result.stderr
    assert not any(entry.partition(":")[2] in result.stdout for entry in (OLD, NEW))
    return {each["id"]: each for each in json.loads(result.stdout)["keys"]}


def test_list_counts_everything_under_a_key_by_where_it_is(used: CliRunner) -> None:
    keys = shown(used)
    assert list(keys) == [NEW_ID, OLD_ID]
    assert (keys[NEW_ID]["role"], keys[OLD_ID]["role"]) == ("seals", "opens")
    assert (keys[NEW_ID]["sealed"], keys[OLD_ID]["sealed"]) == ({}, UNDER_OLD)


async def test_list_reads_the_beginning_of_a_body_and_leaves_the_rest_in_redis(
    remedy: CliRunner, redis_url: str
) -> None:
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        inbox, old = Inbox(connection, Keyring.parse(OLD)), Keyring.parse(OLD)
        for number in range(5):
            await inbox.accept(f"d{number}", SCHOOLSCAN, "lakeside", b"x" * 200_000, AT)
        rows = {f"i{number}": old.seal(b"row" * 100, f"i{number}") for number in range(1_000)}
        await connection.ask(connection.redis.hset(f"{INCIDENTS}lakeside/handbook", mapping=rows))
        before = await connection.ask(connection.redis.info("stats"))
        assert await uses_of_keys(connection) == {OLD_ID: {"deliveries": 5, "incidents": 1_000}}
        after = await connection.ask(connection.redis.info("stats"))
    assert after["total_net_output_bytes"] - before["total_net_output_bytes"] < 150_000


def test_list_says_since_when_a_key_is_known_and_who_lacks_it(used: CliRunner, redis_url: str) -> None:
    assert shown(used)[OLD_ID]["known_since"] is None
    told(redis_url, OLD_ID)
    keys = shown(used)
    assert keys[OLD_ID]["known_since"] == keys[OLD_ID]["sealed_since"] > 1_700_000_000
    assert (keys[OLD_ID]["processes_without"], keys[NEW_ID]["processes_without"]) == ([], ["pod/1"])
    table = call(used, "list").stdout
    assert f"{NEW_ID} is not known to pod/1" in table
    assert "deliveries (2)" in table
    assert "Redis's append-only file has nothing that was shredded; no rewrite was proven." in table


def test_list_names_a_key_that_is_missing(used: CliRunner, file: Path) -> None:
    file.write_text(NEW, encoding="ascii")
    assert shown(used)[OLD_ID]["role"] == "missing"
    assert "not in DATA_KEYS" in call(used, "list").stdout


def test_a_key_that_seals_something_is_not_retired(used: CliRunner, file: Path) -> None:
    before = file.read_bytes()
    result = call(used, "retire", OLD_ID, "--leave-audit")
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert (
        result.stderr == f"error: {OLD_ID} is still needed: it seals deliveries (2), incidents (1), parked work (2)\n"
    )
    assert file.read_bytes() == before


def test_a_key_of_the_audit_is_not_retired_unless_one_says_so(in_audit_alone: CliRunner, file: Path) -> None:
    result = call(in_audit_alone, "retire", OLD_ID)
    assert result.exit_code == ExitCode.FAILED
    assert "lines of the audit (2), names in the audit (1) could not be proven or read any more" in result.stderr
    planned = call(in_audit_alone, "retire", OLD_ID, "--leave-audit", "--dry-run")
    assert (planned.exit_code, len(entries_in(file.read_text(encoding="ascii")))) == (ExitCode.DONE, 2)
    done = call(in_audit_alone, "retire", OLD_ID, "--leave-audit", "--by", "anna")
    assert (done.exit_code, file.read_text(encoding="ascii")) == (ExitCode.DONE, f"{NEW}\n")
    verified = in_audit_alone.invoke(main, ["audit", "verify"])
    assert verified.exit_code == ExitCode.CONFIGURATION
    assert OLD_ID in verified.stdout
    lines = in_audit_alone.invoke(main, ["audit", "list", "--json"]).stdout
    assert [(each["act"], each["by"], each["choice"]) for each in acts(lines)][-1:] == [("retire_key", "anna", OLD_ID)]


def acts(lines: str) -> list[dict[str, Any]]:
    return [line["line"] for line in map(json.loads, lines.splitlines()) if line["line"]["act"].endswith("_key")]


def test_a_key_with_which_a_process_or_the_list_seals_is_not_retired(remedy: CliRunner, redis_url: str) -> None:
    told(redis_url, OLD_ID, NEW_ID)
    assert f"pod/1 still seals with {OLD_ID}" in call(remedy, "retire", OLD_ID).stderr
    assert f"{NEW_ID} is the one that seals" in call(remedy, "retire", NEW_ID).stderr
    assert "is not in the list, and nothing needs it" in call(remedy, "retire", "k0").stderr


def test_rotating_adds_a_key_and_makes_it_the_first_once_all_have_it(
    remedy: CliRunner, redis_url: str, file: Path
) -> None:
    added = json.loads(call(remedy, "rotate", "--json").stdout)
    assert (added["keys"][:2], added["written"], "list" in added) == ([NEW_ID, OLD_ID], str(file), False)
    told(redis_url, NEW_ID, OLD_ID)
    assert f"{added['key']} is not known to pod/1" in call(remedy, "rotate", "--first", added["key"]).stderr
    told(redis_url, NEW_ID, OLD_ID, added["key"])
    assert call(remedy, "rotate", "--first", added["key"]).exit_code == ExitCode.DONE
    assert list(entries_in(file.read_text(encoding="ascii"))) == [added["key"], NEW_ID, OLD_ID]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640, "the processes may still read it"
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_new_file_is_for_its_owner_alone_and_nothing_is_overwritten(remedy: CliRunner, file: Path) -> None:
    other = file.with_name("keys.new")
    assert call(remedy, "rotate", "--output", str(other)).exit_code == ExitCode.DONE
    assert (stat.S_IMODE(other.stat().st_mode), len(entries_in(other.read_text(encoding="ascii")))) == (0o600, 3)
    again = call(remedy, "rotate", "--output", str(other))
    assert (again.exit_code, "File exists" in again.stderr) == (ExitCode.CONFIGURATION, True)
    assert len(entries_in(file.read_text(encoding="ascii"))) == 2


def test_keys_from_the_environment_are_printed_for_a_person_to_set(remedy: CliRunner) -> None:
    result = call(remedy, "rotate", DATA_KEYS=OLD, DATA_KEYS_FILE=None)
    assert next(iter(entries_in(result.stdout))) == OLD_ID
    assert "set it everywhere, and restart" in result.stderr
    assert result.stdout.strip() not in result.stderr


def test_a_file_behind_links_is_replaced_where_it_lies(remedy: CliRunner, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert call(remedy, "rotate", DATA_KEYS_FILE=str(link)).exit_code == ExitCode.DONE
    assert (link.is_symlink(), len(entries_in(file.read_text(encoding="ascii")))) == (True, 3)
