"""`remedy audit` on a real Valkey: what people and looks did is listed, exported and verified."""

import csv
import getpass
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.domain.errors import Refused
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import AuditAct, AuditedAction, AuditEntry
from remediation.store.audit.trail import AuditTrail
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode

CASE = "lakeside:finding:fnd_1"
NOTE = "Resolved: SEC-1 was closed as fixed by priya.patel."
AT = 1_795_000_000.0


@pytest.fixture
async def decided(remedy: CliRunner, redis_url: str, data_keys: str) -> CliRunner:
    """A look has resolved a finding, because a person had closed its ticket; something else is parked."""
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        keyring = Keyring.parse(data_keys)
        keys = AuditKeys(keyring)
        did = (
            AuditedAction("resolve:jira", "SEC-1", "ticket_done"),
            AuditedAction("patch:resolved", why="ticket_done"),
        )
        entry = AuditEntry(
            *(AuditAct.DECIDED, int(AT * 1000)), case=CASE, did=did, rule="severe", note=keys.digest("note", NOTE)
        )
        await connection.run("note_audit", "id", 1_000, waiting(entry, keys, "priya.patel"))
        work = ParkedWork(connection, keyring)
        error = Refused("jira", "priority cannot be set", status=400)
        await work.park(ParkedKind.ACTION, CASE, error, AT, district="lakeside", action="open:jira")
        await AuditTrail(connection, keys).chain(AT)
    return remedy


def call(remedy: CliRunner, *args: str, text: str | None = None, **env: str) -> Result:
    return remedy.invoke(main, ["audit", *args], input=text, env=env)


def listed(remedy: CliRunner, *args: str) -> list[dict[str, object]]:
    result = call(remedy, "list", "--json", *args)
    assert result.exit_code == ExitCode.DONE, result.stderr
    return [json.loads(line)["line"] for line in result.stdout.splitlines()]


def test_a_decision_is_listed_without_names_unless_they_are_asked_for(decided: CliRunner) -> None:
    table = call(decided, "list").stdout
    assert all(words in table for words in ("resolve:jira SEC-1 (ticket_done)", CASE, "chain_began"))
    assert "priya" not in table
    assert "priya.patel" in call(decided, "list", "--names").stdout
    (read,) = listed(decided, "--people")
    assert (read["act"], read["choice"], read["user"]) == ("read", "audit list", getpass.getuser())


def test_what_was_read_taken_up_and_given_up_has_lines_with_each_piece(decided: CliRunner) -> None:
    name = f"{CASE}/open:jira"
    decided.invoke(main, ["parked", "show", name])
    decided.invoke(main, ["parked", "discard", name, "--yes", "--by", "anna"])
    piece, begun, read = listed(decided, "--people")
    assert (read["act"], read["piece"]) == ("read", name)
    assert (begun["act"], begun["choice"], begun["count"]) == ("discard", name, 1)
    assert (piece["act"], piece["piece"], piece["of"]) == ("discarded", name, begun["id"])
    assert (piece["by"], piece["user"]) == ("anna", getpass.getuser())
    assert {each["act"] for each in listed(decided, "--case", CASE)} == {"decided", "read", "discarded"}
    assert [each["act"] for each in listed(decided, "--by", "anna")] == ["discarded", "discard"]


def test_a_note_is_found_by_its_text_exactly_as_it_was_sent(decided: CliRunner) -> None:
    found = call(decided, "list", "--json", "--note", "-", text=f"{NOTE}\n")  # as an editor saves it
    assert json.loads(found.stdout)["line"]["case"] == CASE
    assert call(decided, "list", "--note", "-", text=NOTE.replace("fixed", "moot")).stdout == (
        "No line of the audit fits.\n"
    )


def test_an_export_for_a_spreadsheet_has_no_formulas(decided: CliRunner) -> None:
    decided.invoke(main, ["parked", "discard", f"{CASE}/open:jira", "--yes", "--by", "@SUM"])
    rows = list(csv.DictReader(io.StringIO(call(decided, "export", "--format", "csv", "--names").stdout)))
    assert [row["number"] for row in rows] == [str(number) for number in range(1, 6)]
    assert (rows[1]["people"], rows[1]["case"]) == ("priya.patel", CASE)
    assert rows[2]["by"] == "'@SUM"


def test_an_export_proves_an_end_that_was_cut(decided: CliRunner, tmp_path: Path, redis_url: str) -> None:
    decided.invoke(main, ["parked", "list"])
    path = tmp_path / "audit.jsonl"
    path.write_text(call(decided, "export").stdout, encoding="utf-8")
    whole = call(decided, "verify", "--against", str(path))
    assert (whole.exit_code, whole.stdout.splitlines()[-1]) == (
        ExitCode.DONE,
        "The trail is whole, and as 3 proofs that were written out say.",
    )
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    assert call(decided, "verify").exit_code == ExitCode.DONE
    bent = call(decided, "verify", "--against", str(path), "--json")
    assert bent.exit_code == ExitCode.FAILED
    assert [bend["kind"] for bend in json.loads(bent.stdout)["bends"]] == ["wiped"]


def test_an_export_whose_words_were_changed_is_told_apart_from_a_bent_trail(decided: CliRunner, tmp_path: Path) -> None:
    decided.invoke(main, ["parked", "list"])
    path = tmp_path / "audit.jsonl"
    path.write_text(call(decided, "export").stdout.replace(CASE, f"{CASE}9"), encoding="utf-8")
    bent = call(decided, "verify", "--against", str(path))
    *_, named, summary = bent.stdout.splitlines()
    assert (bent.exit_code, summary) == (ExitCode.FAILED, "What was written out is bent, and the trail is not.")
    assert named.endswith("line 2: written out with other words than were signed: that copy was changed")
    assert "lines 1 to 3: whole" in bent.stdout


def test_what_is_bent_is_named_with_what_is_whole_around_it(decided: CliRunner, redis_url: str) -> None:
    for _ in range(5):
        decided.invoke(main, ["parked", "list"])
    with PlainRedis.from_url(redis_url) as redis:
        place = redis.xrange("remedy:audit-trail", count=4)[-1][0]
        redis.xdel("remedy:audit-trail", place)
    result = call(decided, "verify")
    assert result.exit_code == ExitCode.FAILED
    assert "lines 1 to 3: whole" in result.stdout
    assert "line 4: missing" in result.stdout
    assert "lines 5 to 7: whole" in result.stdout
    assert result.stdout.endswith("The trail is bent.\n")


def test_lines_under_a_key_that_is_not_there_are_counted(decided: CliRunner, data_keys: str) -> None:
    other = generate_key()
    result = call(decided, "verify", DATA_KEYS=other)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert f"2 lines are signed under the data key {data_keys.partition(':')[0]}" in result.stdout


def test_a_file_without_a_line_of_an_audit_is_refused(decided: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "other.log").write_text("nothing\n{}\n", encoding="utf-8")
    result = call(decided, "verify", "--against", str(tmp_path / "other.log"))
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "has no line of an audit" in result.stderr


def test_what_is_shown_before_a_question_or_by_a_dry_run_was_read(decided: CliRunner) -> None:
    decided.invoke(main, ["parked", "discard", f"{CASE}/open:jira"], input="n\n")
    decided.invoke(main, ["parked", "replay", "--system", "jira", "--dry-run"])
    dry, asked = listed(decided, "--people")
    assert (asked["act"], asked["choice"]) == ("read", f"parked discard {CASE}/open:jira")
    assert (dry["act"], dry["choice"], dry["count"]) == ("read", "parked replay --system jira", 1)
