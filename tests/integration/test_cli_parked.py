"""`remedy parked` on a real Valkey: what is set aside is listed, shown, taken up again or given up."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
ACTION, DELIVERY = f"{KEY.ref}/open:jira", "delivery/d1"
WORDS = "customfield_10010: is required \x1b[2J\x1b]0;owned\x07"
AT = 1_790_000_000.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[None]:
    yield
    assert list(tmp_path.iterdir()) == [], "no embedded server, nothing written"


@pytest.fixture
async def filled(remedy: CliRunner, redis_url: str, data_keys: str) -> CliRunner:
    """An action that Jira refused twice, and a delivery that nobody can read."""
    keyring = Keyring.parse(data_keys)
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        await Todo(connection).mark([(KEY, None)], AT)
        work = ParkedWork(connection, keyring)
        for at in (AT, AT + 60):
            error = Refused("jira", WORDS, status=400)
            await work.park(ParkedKind.ACTION, KEY.ref, error, at, district="lakeside", action="open:jira")
        inbox = Inbox(connection, keyring)
        await inbox.accept("d1", SCHOOLSCAN, "lakeside", b"{", AT + 30, unreadable="the body is not JSON")
    return remedy


@pytest.fixture
def old(filled: CliRunner, redis_url: str) -> CliRunner:
    """The same, set aside longer ago than any test lasts."""
    long_ago = (time.time() - 7_200) * 1000
    with PlainRedis.from_url(redis_url) as redis:
        redis.zadd("remedy:parked", {ACTION: long_ago, DELIVERY: long_ago - 60_000})
    return filled


def call(remedy: CliRunner, *words: str, confirm: str | None = None, **environment: str) -> Result:
    return remedy.invoke(main, ["parked", *words], input=confirm, env=environment)


def names(remedy: CliRunner) -> list[str]:
    listed = call(remedy, "list", "--json")
    return [json.loads(line)["name"] for line in listed.stdout.splitlines()]


def test_with_nothing_parked_it_says_so(remedy: CliRunner) -> None:
    result = call(remedy, "list")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "Nothing is parked.\n")
    assert (call(remedy, "list", "--json").exit_code, call(remedy, "list", "--json").stdout) == (ExitCode.DONE, "")


def test_the_list_is_a_table_of_groups_with_harmless_words(filled: CliRunner) -> None:
    result = call(filled, "list")
    assert result.exit_code == ExitCode.DONE
    for words in ("Refused jira 400", "customfield_10010: is required", "Unreadable", "the body is not JSON"):
        assert words in result.stdout
    for words in ("2026-09-21 14:13 UTC", "2026-09-21 14:14 UTC", "2 pieces parked, in 2 groups"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


@pytest.mark.parametrize("words", [("--all",), ("*",)])
def test_every_piece_is_a_row_with_the_newest_first(filled: CliRunner, words: tuple[str, ...]) -> None:
    result = call(filled, "list", *words)
    assert result.exit_code == ExitCode.DONE
    assert result.stdout.index("open:jira") < result.stdout.index(DELIVERY)
    for shown in ("Refused jira 400", "2026-09-21 14:13 UTC", "customfield_10010: is required", "2 of 2 parked"):
        assert shown in result.stdout
    assert "\x1b" not in result.stdout


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
        "status": 400,
        "words": WORDS,
        "attempts": 2,
        "replays": 0,
        "first_at": "2026-09-21T14:13:20+00:00",
        "at": "2026-09-21T14:14:20+00:00",
    }
    assert (second["name"], second["kind"], second["status"]) == (DELIVERY, "quarantined", None)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("error", ["Refused jira 400", "Unreadable"]),
        ("system", ["(ourselves)", "jira"]),
        ("action", ["open:jira", "quarantined"]),
        ("district", ["lakeside"]),
    ],
)
def test_groups_are_made_by_what_was_asked_for(filled: CliRunner, by: str, groups: list[str]) -> None:
    lines = [json.loads(line) for line in call(filled, "list", "--by", by, "--json").stdout.splitlines()]
    assert [line["name"] for line in lines] == groups
    assert sum(line["count"] for line in lines) == 2
    assert sum(line["attempts"] for line in lines) == 3
    assert all(name in call(filled, "list", "--by", by).stdout for name in groups)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--district", "lakeside"), {ACTION, DELIVERY}),
        (("--district", "hillside"), set()),
        (("--kind", "quarantined"), {DELIVERY}),
        (("--system", "jira"), {ACTION}),
        (("--error", "Unreadable"), {DELIVERY}),
        (("--action", "open:jira"), {ACTION}),
        (("--action", "open:jira", "--error", "Unreadable"), set()),
        (("*/open:*",), {ACTION}),
        (("delivery/?1", "*jira"), {ACTION, DELIVERY}),
        (("nothing*",), set()),
        (("--since", "1h"), set()),
        (("--older-than", "1h"), {ACTION, DELIVERY}),
    ],
)
def test_what_is_listed_can_be_chosen(old: CliRunner, words: tuple[str, ...], found: set[str]) -> None:
    listed = call(old, "list", "--json", *words)
    assert {json.loads(line)["name"] for line in listed.stdout.splitlines()} == found
    if not found:
        assert call(old, "list", *words).stdout == "Nothing that is parked fits.\n"


def test_a_long_list_is_cut_and_says_of_how_many(filled: CliRunner) -> None:
    result = call(filled, "list", "--all", "--limit", "1")
    assert "1 of 2 parked" in result.stdout
    assert DELIVERY not in result.stdout


def test_all_that_is_parked_of_a_case_is_shown_by_its_reference_and_noted(filled: CliRunner) -> None:
    shown = call(filled, "show", KEY.ref)
    assert shown.exit_code == ExitCode.DONE, shown.output
    assert shown.stdout == call(filled, "show", ACTION).stdout
    assert call(filled, "show", KEY.mark, "--json").stdout == call(filled, "show", ACTION, "--json").stdout
    audited = filled.invoke(main, ["audit", "list", "--people", "--json"]).stdout.splitlines()
    assert [json.loads(line)["line"]["piece"] for line in audited] == [ACTION] * 4


def test_a_case_of_which_nothing_is_parked_says_so(filled: CliRunner) -> None:
    other = call(filled, "show", "lakeside:finding:fnd_2")
    assert (other.exit_code, "nothing parked is called lakeside:finding:fnd_2" in other.stderr) == (1, True)
    call(filled, "discard", ACTION, "--yes")
    assert "nothing is parked of lakeside:finding:fnd_1" in call(filled, "show", KEY.ref).stderr


def test_one_piece_is_shown_with_all_that_is_known(filled: CliRunner) -> None:
    result = call(filled, "show", ACTION)
    assert result.exit_code == ExitCode.DONE
    for words in ("attempts:  2", "system:    jira", "error:     Refused", "status:    400", "is required"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert json.loads(call(filled, "show", ACTION, "--json").stdout)["name"] == ACTION


def test_an_error_of_our_own_is_shown_with_its_trace_and_listed_without(
    remedy: CliRunner, redis_url: str, data_keys: str
) -> None:
    secret = "ZZPII-canary"

    def broken(row: str) -> None:
        raise ValueError(f"of {row}: authorization: Bearer {row}")

    async def park() -> str:
        try:
            broken(secret)
        except ValueError as error:
            async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
                work = ParkedWork(connection, Keyring.parse(data_keys))
                return await work.park(ParkedKind.CASE, KEY.ref, error, AT, district="lakeside", action="look")
        raise AssertionError

    name = asyncio.run(park())
    shown = call(remedy, "show", name)
    assert "a defect of remedy's own: ValueError at test_cli_parked.py:" in shown.stdout
    assert secret not in shown.stdout
    assert "raise" not in shown.stdout
    assert json.loads(call(remedy, "show", name, "--json").stdout)["trace"].startswith(
        "ValueError\n  test_cli_parked.py"
    )
    (listed,) = (json.loads(line) for line in call(remedy, "list", "--json").stdout.splitlines())
    assert (listed["error"], "trace" in listed) == ("ValueError", False)
    with PlainRedis.from_url(redis_url) as redis:
        assert b"broken" not in b"".join(redis.dump(key) or b"" for key in redis.scan_iter())


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


@pytest.mark.parametrize("words", [("list",), ("show", ACTION), ("replay", ACTION), ("discard", ACTION, "--yes")])
def test_without_redis_it_says_so_in_plain_words(remedy: CliRunner, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = call(remedy, *words, REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert result.stderr.startswith("error: Redis does not answer")


def test_without_data_keys_it_says_how_to_get_some(remedy: CliRunner) -> None:
    result = call(remedy, "list", DATA_KEYS="")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "remedy keys generate" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("show",),
        ("replay",),
        ("replay", "--all", ACTION),
        ("replay", "--all", "--system", "jira"),
        ("replay", ACTION, "--rate", "0"),
        ("replay", ACTION, "--by", "some body"),
        ("discard", "--yes"),
        ("list", "--limit", "many"),
        ("list", "--limit", "-1"),
        ("audit", "--limit", "0"),
        ("list", "--by", "error", "--all"),
        ("list", "--since", "yesterday"),
        ("list", "--kind", "nonsense"),
    ],
)
def test_a_wrong_command_line_is_a_matter_of_usage(remedy: CliRunner, words: tuple[str, ...]) -> None:
    assert call(remedy, *words).exit_code == ExitCode.CONFIGURATION


def test_the_text_of_an_error_that_an_earlier_version_kept_is_not_shown(
    remedy: CliRunner, redis_url: str, data_keys: str
) -> None:
    keyring, name = Keyring.parse(data_keys), f"{KEY.ref}/look"

    async def park() -> None:
        async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
            work = ParkedWork(connection, keyring)
            await work.park(ParkedKind.CASE, KEY.ref, ValueError(), AT, district="lakeside", action="look")

    asyncio.run(park())
    with PlainRedis.from_url(redis_url) as redis:
        for field in ("words", "trace"):
            redis.hset(f"remedy:parked:{name}", field, keyring.seal(b"ValueError: ZZPII", f"{field}:{name}"))
        redis.hdel(f"remedy:parked:{name}", "lines")
    for words in (("show", name), ("show", name, "--json"), ("list",), ("list", "--all"), ("list", "--json")):
        shown = call(remedy, *words)
        assert "ZZPII" not in shown.output
        assert "earlier version" in shown.output
