"""`remedy parked` on a real Valkey: what is set aside is listed, shown, taken up again or given up."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from cli.assembly import open_connection
from cli.failures import ExitCode
from cli.main import main
from remediation.cases import CaseKey, CaseKind
from remediation.errors import Refused
from remediation.sealing import Keyring, generate_key
from remediation.senders import Sender
from remediation.store.inbox import Inbox
from remediation.store.parked import ParkedKind, ParkedWork
from remediation.store.todo import Todo

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
ACTION, DELIVERY = f"{KEY.ref}/open:jira", "delivery/d1"
WORDS = "customfield_10010: is required \x1b[2J\x1b]0;owned\x07"
AT = 1_790_000_000.0


@pytest.fixture
def data_keys() -> str:
    return generate_key()


@pytest.fixture
def remedy(redis_url: str, data_keys: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CliRunner]:
    monkeypatch.chdir(tmp_path)
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    yield CliRunner(env={"REDIS_URL": redis_url, "DATA_KEYS": data_keys, "MAPPINGS_PATH": None, "COLUMNS": "160"})
    assert list(tmp_path.iterdir()) == [], "no embedded server, nothing written"


@pytest.fixture
async def filled(remedy: CliRunner, redis_url: str, data_keys: str) -> CliRunner:
    """An action that Jira refused twice, and a delivery that nobody can read."""
    keyring = Keyring.parse(data_keys)
    async with open_connection(redis_url, socket_timeout=5.0, retries=1) as connection:
        await Todo(connection).mark([(KEY, None)], AT)
        work = ParkedWork(connection, keyring)
        for at in (AT, AT + 60):
            error = Refused("jira", WORDS, status=400)
            await work.park(ParkedKind.ACTION, KEY.ref, error, at, district="lakeside", action="open:jira")
        inbox = Inbox(connection, keyring)
        await inbox.accept("d1", Sender.SCHOOLSCAN, "lakeside", b"{", AT + 30, unreadable="the body is not JSON")
    return remedy


def call(remedy: CliRunner, *words: str, confirm: str | None = None, **environment: str) -> Result:
    return remedy.invoke(main, ["parked", *words], input=confirm, env=environment)


def names(remedy: CliRunner) -> list[str]:
    listed = call(remedy, "list", "--json")
    return [json.loads(line)["name"] for line in listed.stdout.splitlines()]


def test_with_nothing_parked_it_says_so(remedy: CliRunner) -> None:
    result = call(remedy, "list")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "Nothing is parked.\n")
    assert (call(remedy, "list", "--json").exit_code, call(remedy, "list", "--json").stdout) == (ExitCode.DONE, "")


def test_the_list_is_a_table_with_the_newest_first_and_harmless_words(filled: CliRunner) -> None:
    result = call(filled, "list")
    assert result.exit_code == ExitCode.DONE
    assert result.stdout.index("open:jira") < result.stdout.index(DELIVERY)
    for words in ("customfield_10010: is required", "the body is not JSON", "2026-09-21", "2 of 2 parked"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


def test_the_list_as_json_is_one_object_a_line(filled: CliRunner) -> None:
    first, second = (json.loads(line) for line in call(filled, "list", "--json").stdout.splitlines())
    assert first == {
        "name": ACTION,
        "kind": "action",
        "subject": KEY.ref,
        "district": "lakeside",
        "action": "open:jira",
        "system": "jira",
        "error": "Refused",
        "words": WORDS,
        "attempts": 2,
        "first_at": "2026-09-21T14:13:20+00:00",
        "at": "2026-09-21T14:14:20+00:00",
    }
    assert (second["name"], second["kind"]) == (DELIVERY, "quarantined")


def test_a_long_list_is_cut_and_says_of_how_many(filled: CliRunner) -> None:
    result = call(filled, "list", "--limit", "1")
    assert "1 of 2 parked" in result.stdout
    assert DELIVERY not in result.stdout


def test_one_piece_is_shown_with_all_that_is_known(filled: CliRunner) -> None:
    result = call(filled, "show", ACTION)
    assert result.exit_code == ExitCode.DONE
    for words in ("attempts:  2", "system:    jira", "error:     Refused", "customfield_10010: is required"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert json.loads(call(filled, "show", ACTION, "--json").stdout)["name"] == ACTION


def test_words_under_another_key_are_said_to_be_sealed(filled: CliRunner) -> None:
    result = call(filled, "show", ACTION, DATA_KEYS=generate_key())
    assert "sealed with a data key that is not in DATA_KEYS" in result.stdout
    assert "customfield" not in result.stdout


@pytest.mark.parametrize("command", ["show", "replay", "discard"])
def test_an_unknown_name_fails_and_is_harmless_on_the_screen(filled: CliRunner, command: str) -> None:
    words = [command, "no-such\x1b[2Jname", *(["--yes"] if command == "discard" else [])]
    result = call(filled, *words)
    assert result.exit_code == ExitCode.FAILED
    assert "no-such" in result.output
    assert "\x1b" not in result.output
    assert len(names(filled)) == 2


def test_replaying_takes_work_up_again(filled: CliRunner, redis_url: str) -> None:
    result = call(filled, "replay", ACTION, DELIVERY)
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, f"{ACTION}: replayed\n{DELIVERY}: replayed\n")
    assert names(filled) == []
    with PlainRedis.from_url(redis_url) as redis:
        assert redis.hget("remedy:inbox:d1", "state") == b"received"
        assert redis.hexists(f"remedy:case:{KEY.ref}", "again:open:jira")


def test_some_unknown_among_known_names_fail_and_the_known_are_done(filled: CliRunner) -> None:
    result = call(filled, "replay", ACTION, "nonsense", "--json")
    assert result.exit_code == ExitCode.FAILED
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"name": ACTION, "found": True, "done": True},
        {"name": "nonsense", "found": False, "done": False},
    ]
    assert names(filled) == [DELIVERY]


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_a_dry_run_says_what_it_would_do_and_does_nothing_and_asks_nothing(filled: CliRunner, command: str) -> None:
    result = call(filled, command, ACTION, "--dry-run")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, f"{ACTION}: would be {command.rstrip('e')}ed\n")
    shown = json.loads(call(filled, command, ACTION, "--dry-run", "--json").stdout)
    assert shown == {"name": ACTION, "found": True, "done": False}
    assert call(filled, command, "nonsense", "--dry-run").exit_code == ExitCode.FAILED
    assert len(names(filled)) == 2


def test_discarding_asks_first(filled: CliRunner) -> None:
    refused = call(filled, "discard", ACTION, confirm="n\n")
    assert refused.exit_code == ExitCode.INTERRUPTED
    assert len(names(filled)) == 2
    agreed = call(filled, "discard", ACTION, confirm="y\n")
    assert agreed.exit_code == ExitCode.DONE
    assert names(filled) == [DELIVERY]


def test_discarding_with_yes_needs_nobody(filled: CliRunner, redis_url: str) -> None:
    result = call(filled, "discard", DELIVERY, ACTION, "--yes")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, f"{DELIVERY}: discarded\n{ACTION}: discarded\n")
    assert names(filled) == []
    with PlainRedis.from_url(redis_url) as redis:
        assert redis.hget("remedy:inbox:d1", "state") == b"discarded"
        assert not redis.hexists("remedy:inbox:d1", "body")


@pytest.mark.parametrize("words", [("list",), ("show", ACTION), ("replay", ACTION), ("discard", ACTION, "--yes")])
def test_without_redis_it_says_so_in_plain_words(remedy: CliRunner, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = call(remedy, *words, REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert result.stderr.startswith("error: Redis does not answer")


def test_without_data_keys_it_says_how_to_get_some(remedy: CliRunner) -> None:
    result = call(remedy, "list", DATA_KEYS="")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "remedy keys generate" in result.stderr


@pytest.mark.parametrize("words", [("show",), ("replay",), ("discard", "--yes"), ("list", "--limit", "many")])
def test_a_wrong_command_line_is_a_matter_of_usage(remedy: CliRunner, words: tuple[str, ...]) -> None:
    assert call(remedy, *words).exit_code == ExitCode.CONFIGURATION
