"""`remedy parked replay` and `discard` on a real Valkey: one, some or all, with a question, a limit and an audit."""

import getpass
import json
import time

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import MOST_REPLAYS, ParkedKind, ParkedWork
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode

KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(1, 61)]
KEY = KEYS[0]
ACTION, DELIVERY = f"{KEY.ref}/open:jira", "delivery/d1"
AT = 1_790_000_000.0


async def refused(redis_url: str, data_keys: str, keys: list[CaseKey]) -> None:
    """Jira refused to open a ticket for each of these cases."""
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        await Todo(connection).mark([(key, None) for key in keys], AT)
        work = ParkedWork(connection, Keyring.parse(data_keys))
        for key in keys:
            error = Refused("jira", f"{key.id}: priority cannot be set", status=400)
            await work.park(ParkedKind.ACTION, key.ref, error, AT, district="lakeside", action="open:jira")


@pytest.fixture
async def filled(remedy: CliRunner, redis_url: str, data_keys: str) -> CliRunner:
    """An action that Jira refused, and a delivery that nobody can read."""
    await refused(redis_url, data_keys, [KEY])
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        inbox = Inbox(connection, Keyring.parse(data_keys))
        await inbox.accept("d1", SCHOOLSCAN, "lakeside", b"{", AT + 30, unreadable="the body is not JSON")
    return remedy


@pytest.fixture
async def crowded(filled: CliRunner, redis_url: str, data_keys: str) -> CliRunner:
    """Sixty such actions, and the delivery."""
    await refused(redis_url, data_keys, KEYS[1:])
    return filled


def call(remedy: CliRunner, *words: str, confirm: str | None = None, **environment: str) -> Result:
    return remedy.invoke(main, ["parked", *words], input=confirm, env=environment)


def rows(remedy: CliRunner) -> list[dict[str, object]]:
    return [json.loads(line) for line in call(remedy, "list", "--json").stdout.splitlines()]


def names(remedy: CliRunner) -> list[object]:
    return [row["name"] for row in rows(remedy)]


def audited(remedy: CliRunner) -> list[dict[str, object]]:
    return [json.loads(line) for line in call(remedy, "audit", "--json").stdout.splitlines()]


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


def test_what_is_to_be_done_in_a_tracker_that_no_worker_finds_named_stays_parked_and_says_so(
    filled: CliRunner, redis_url: str
) -> None:
    with PlainRedis.from_url(redis_url) as redis:
        redis.hset("remedy:trackers", "jira", int((AT - 600) * 1000))
        redis.set("remedy:last-sweep", int(AT * 1000))
    for words in (("replay", ACTION), ("replay", ACTION, "--dry-run"), ("replay", ACTION, "--again")):
        result = call(filled, *words)
        assert result.exit_code == ExitCode.FAILED
        assert result.stdout.startswith(f"{ACTION}: left: mappings.yaml does not name its tracker")
    result = call(filled, "replay", "--all", "--yes", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"name": DELIVERY, "found": True, "done": True},
        {"name": ACTION, "found": True, "done": False, "why": "its tracker is not named"},
    ]
    assert names(filled) == [ACTION]
    with PlainRedis.from_url(redis_url) as redis:
        redis.hset("remedy:trackers", "jira", int(AT * 1000))
    assert call(filled, "replay", ACTION).stdout == f"{ACTION}: replayed\n"


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


def test_an_action_that_was_given_up_is_named_so_and_nobody_is_sent_to_the_parked_list(filled: CliRunner) -> None:
    call(filled, "discard", ACTION, "--yes")
    shown = filled.invoke(main, ["case", "show", KEY.ref])
    assert "given up" in shown.stdout
    assert "remedy parked" not in shown.stdout
    kept = json.loads(filled.invoke(main, ["case", "show", KEY.ref, "--json"]).stdout)
    assert (kept["parked"], kept["given_up"]) == ([], ["open:jira"])


def test_discarding_with_yes_needs_nobody(filled: CliRunner, redis_url: str) -> None:
    result = call(filled, "discard", DELIVERY, ACTION, "--yes")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, f"{DELIVERY}: discarded\n{ACTION}: discarded\n")
    assert names(filled) == []
    with PlainRedis.from_url(redis_url) as redis:
        assert redis.hget("remedy:inbox:d1", "state") == b"discarded"
        assert not redis.hexists("remedy:inbox:d1", "body")


# Many at once.


def test_a_selection_is_replayed_after_it_was_shown_and_agreed_to(crowded: CliRunner) -> None:
    words = ("replay", "--error", "Refused", "--system", "jira")
    no = call(crowded, *words, confirm="n\n")
    assert no.exit_code == ExitCode.INTERRUPTED
    for shown in ("60", "Refused jira 400", "priority cannot be set", "Replay 60?"):
        assert shown in no.stderr
    assert len(names(crowded)) == 61
    yes = call(crowded, *words, confirm="y\n")
    assert (yes.exit_code, yes.stdout) == (ExitCode.DONE, "60 replayed\n")
    assert names(crowded) == [DELIVERY]


def test_all_is_replayed_without_a_question_where_yes_is_said(crowded: CliRunner) -> None:
    result = call(crowded, "replay", "--all", "--yes")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "61 replayed\n")
    assert names(crowded) == []


def test_a_pattern_that_fits_nothing_does_nothing(crowded: CliRunner) -> None:
    result = call(crowded, "replay", "hillside:*")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "Nothing that is parked fits.\n")
    assert audited(crowded) == []


def test_a_dry_run_of_a_selection_says_how_many_and_what(crowded: CliRunner) -> None:
    result = call(crowded, "discard", "--kind", "action", "--dry-run")
    assert result.exit_code == ExitCode.DONE
    assert "Refused jira 400" in result.stdout
    assert result.stdout.endswith("60 would be discarded\n")
    assert (len(names(crowded)), audited(crowded)) == (61, [])


def test_many_are_replayed_at_a_rate_and_not_all_at_once(crowded: CliRunner) -> None:
    began = time.monotonic()
    assert call(crowded, "replay", "--all", "--yes", "--rate", "100").exit_code == ExitCode.DONE
    assert time.monotonic() - began >= 0.5, "61 pieces, and a pause after each 25"


def test_there_is_no_progress_bar_where_there_is_no_terminal(crowded: CliRunner) -> None:
    result = call(crowded, "replay", "--all", "--yes")
    (line,) = result.stderr.splitlines()
    assert json.loads(line)["event"] == "parked_work_decided"


# The limit.


def worn(redis_url: str, *, times: int = MOST_REPLAYS) -> None:
    """The action was replayed and parked again so many times."""
    with PlainRedis.from_url(redis_url) as redis:
        redis.set(f"remedy:replays:{ACTION}", times)


def test_what_was_replayed_too_often_stays_parked_unless_asked_for_again(crowded: CliRunner, redis_url: str) -> None:
    worn(redis_url)
    result = call(crowded, "replay", ACTION)
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.startswith(f"{ACTION}: left: replayed 5 times within thirty days and parked again each time.")
    assert json.loads(call(crowded, "replay", ACTION, "--json").stdout)["why"] == "replayed too often"
    others = call(crowded, "replay", "--all", "--yes")
    assert others.exit_code == ExitCode.FAILED
    assert others.stdout.startswith("60 replayed\n1 left: replayed 5 times")
    assert names(crowded) == [ACTION]
    again = call(crowded, "replay", ACTION, "--again")
    assert (again.exit_code, again.stdout) == (ExitCode.DONE, f"{ACTION}: replayed\n")


def test_what_was_replayed_too_often_is_replayed_again_once_thirty_days_are_over(
    filled: CliRunner, redis_url: str
) -> None:
    worn(redis_url)
    assert call(filled, "replay", ACTION, "--dry-run").exit_code == ExitCode.FAILED
    with PlainRedis.from_url(redis_url) as redis:
        redis.delete(f"remedy:replays:{ACTION}")  # as Redis does by itself
    (shown,) = [each for each in rows(filled) if each["name"] == ACTION]
    assert shown["replays"] == json.loads(call(filled, "show", ACTION, "--json").stdout)["replays"] == 0
    result = call(filled, "replay", ACTION)
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, f"{ACTION}: replayed\n")


async def test_replays_are_counted_although_the_row_is_made_anew(
    filled: CliRunner, redis_url: str, data_keys: str
) -> None:
    async with open_connection(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1) as connection:
        work = ParkedWork(connection, Keyring.parse(data_keys))
        for count in range(MOST_REPLAYS):
            item = await work.one(ACTION)
            assert item is not None
            assert item.replays == count
            assert await work.replay(ACTION, AT, most=MOST_REPLAYS)
            await refused(redis_url, data_keys, [KEY])
        assert await work.replay(ACTION, AT, most=MOST_REPLAYS) == 2
        assert await work.discard(ACTION, AT)
        await refused(redis_url, data_keys, [KEY])
        item = await work.one(ACTION)
        assert item is not None
        assert item.replays == 0, "what was given up begins anew"


# The audit.


def test_every_decision_is_written_down_with_who_what_and_how_much(crowded: CliRunner) -> None:
    assert call(crowded, "audit").stdout == "Nobody has decided anything yet.\n"
    call(crowded, "replay", ACTION)
    call(crowded, "discard", "--system", "jira", "--since", "9999d", "--yes", "--by", "priya@lakeside.example")
    last, first = audited(crowded)
    assert (first["who"], first["what"], first["choice"]) == (getpass.getuser(), "replay", ACTION)
    assert (first["count"], first["done"]) == (1, 1)
    assert (last["who"], last["what"]) == ("priya@lakeside.example", "discard")
    assert (last["choice"], last["count"], last["done"]) == ("--system jira --since 9999d", 59, 59)
    table = call(crowded, "audit").stdout
    for words in ("priya@lakeside.example", "--system jira", "59", ACTION):
        assert words in table


def test_a_decision_is_logged(filled: CliRunner) -> None:
    line = json.loads(call(filled, "replay", ACTION, "--by", "priya").stderr)
    assert (line["event"], line["action"], line["by"]) == ("parked_work_decided", "replay", "priya")
    assert (line["count"], line["total"]) == (1, 1)


def test_a_decision_of_an_earlier_version_is_told_apart(filled: CliRunner, redis_url: str) -> None:
    """Nothing proves it, and one whose end was never written says so."""
    with PlainRedis.from_url(redis_url) as redis:
        redis.xadd("remedy:audit", {"at": 1, "who": "priya", "what": "replay", "choice": "--all", "count": 7})
        call(filled, "replay", ACTION)
        assert redis.xlen("remedy:audit") == 1
        assert redis.ttl("remedy:audit") > 0
    last, first = audited(filled)
    assert (last["chained"], last["done"], first["chained"], first["done"]) == (True, 1, False, None)
    assert "did not end" in call(filled, "audit").stdout
    assert "(unchained)" in call(filled, "audit").stdout


def test_a_long_stream_of_an_earlier_version_is_read_as_far_as_it_is_shown(remedy: CliRunner, redis_url: str) -> None:
    with PlainRedis.from_url(redis_url) as redis:
        pipeline = redis.pipeline(transaction=False)
        for number in range(1_500):
            line = {"at": number, "who": "priya", "what": "replay", "choice": f"piece {number}", "count": 1}
            pipeline.xadd("remedy:audit", line, id=f"{number + 1}-0")
            pipeline.xadd("remedy:audit", {"of": f"{number + 1}-0", "done": 1}, id=f"{number + 1}-1")
        pipeline.execute()
        before = redis.info("stats")["total_net_output_bytes"]
        shown = [json.loads(line) for line in call(remedy, "audit", "--json", "--limit", "3").stdout.splitlines()]
        assert redis.info("stats")["total_net_output_bytes"] - before < 100_000
    assert [each["choice"] for each in shown] == [f"piece {number}" for number in (1499, 1498, 1497)]
    assert {(each["done"], each["chained"]) for each in shown} == {(1, False)}
    every = call(remedy, "audit", "--json", "--limit", "9999").stdout.splitlines()
    assert len(every) == 1_500
