"""`remedy case list` on a real Valkey: what it shows, how one goes on, and what it says to a wrong word."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.queue import Band
from remediation.redis_address import RedisAddress
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.lists import UnlistedCases
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode

NOW = 1_800_000_000.0
FILE = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}, formerly: [tickets]}}
templates: {body: "{{ finding.id }}"}
rules: [{name: severe, tickets: {jira: {project: SEC}}}, {name: unused, tickets: {jira: {project: SEC}}}]
"""


class Store:
    """A Redis, and the command."""

    def __init__(self, url: str) -> None:
        self.url = url

    def do(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        async def done() -> None:
            async with open_connection(RedisAddress.parse(self.url), socket_timeout=5.0, retries=1) as connection:
                await work(connection)

        asyncio.run(done())

    def settle(self, number: int, rule: str = "severe") -> None:
        """A case at rest, with a ticket."""

        async def settle(connection: Connection) -> None:
            todo, key = Todo(connection), CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}")
            await todo.mark([(key, Band.HIGH)], NOW + number)
            lease = await todo.take(key.ref, NOW + number)
            assert lease is not None
            ticket = Ticket(
                "jira", f"1{number}", f"SEC-{number}", f"https://jira.example/browse/SEC-{number}", TicketState.OPEN
            )
            await LeasedLinks(connection, lease, clock=lambda: NOW + number).link(ticket)
            memory = Memory(Status.REVIEWING, {"jira": TicketState.IN_PROGRESS}, severity=Severity.HIGH, rule=rule)
            assert await todo.settle(lease, memory, NOW + number)

        self.do(settle)

    def complete(self) -> None:
        """A worker has listed the cases of an earlier version."""

        async def complete(connection: Connection) -> None:
            while not await UnlistedCases(connection).list_some(NOW):
                pass

        self.do(complete)


@pytest.fixture
def store(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    (tmp_path / "mappings.yaml").write_text(FILE)
    settings = {"REDIS_URL": redis_url, "MAPPINGS_PATH": str(tmp_path / "mappings.yaml"), "COLUMNS": "200"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    made = Store(redis_url)
    made.complete()
    return made


def listed(*words: str) -> Result:
    return CliRunner().invoke(main, ("case", "list", *words))


def rows(*words: str) -> list[dict[str, Any]]:
    result = listed(*words, "--json")
    assert (result.exit_code, result.stderr) == (ExitCode.DONE, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_empty_store_says_so(store: Store) -> None:
    assert listed().stdout == "No case is known.\n"
    assert rows() == []


def test_a_case_is_a_row_without_titles_and_addresses(store: Store) -> None:
    store.settle(1)
    shown = listed().stdout
    for words in ("lakeside:finding:fnd_1", "at rest", "reviewing", "high", "severe", "SEC-1 in jira, in progress"):
        assert words in shown
    assert "2027-01-15 08:00:01" in shown
    assert "jira.example" not in shown
    assert "\n1 case. " in shown


def test_json_has_one_case_a_line_with_where_to_go_on(store: Store) -> None:
    store.settle(1)
    assert rows() == [
        {
            "case": "lakeside:finding:fnd_1",
            "district": "lakeside",
            "states": ["at_rest"],
            "finding": "reviewing",
            "severity": "high",
            "rule": "severe",
            "tickets": {"jira": {"key": "SEC-1", "state": "in_progress"}},
            "changed_at": "2027-01-15T08:00:01+00:00",
            "cursor": "1800000001000/lakeside:finding:fnd_1",
        }
    ]


def test_a_page_ends_with_the_command_for_the_next(store: Store) -> None:
    for number in range(3):
        store.settle(number)
    first = listed("--limit", "2", "--state", "at_rest").stdout
    assert first.index("fnd_2") < first.index("fnd_1")
    assert "fnd_0" not in first
    _, _, command = first.rstrip().rpartition("The next ones: remedy case list ")
    assert command == "--state at_rest --limit 2 --after 1800000001000/lakeside:finding:fnd_1"
    last = listed(*command.split()).stdout
    assert "fnd_0" in last
    assert "The next ones" not in last
    assert [each["case"][-1] for each in rows("--after", "1800000001000/lakeside:finding:fnd_1")] == ["0"]


def test_a_filter_that_no_case_passes_says_so(store: Store) -> None:
    store.settle(1)
    for words in (["--state", "conflict"], ["--rule", "unused"], ["--tracker", "tickets"], ["--severity", "low"]):
        result = listed(*words)
        assert (result.exit_code, result.stdout) == (ExitCode.DONE, "No case fits.\n")
        assert listed(*words, "--after", "1/x").stdout == "No more cases.\n"
    assert len(rows("--rule", "severe", "--tracker", "jira", "--district", "lakeside", "--severity", "high")) == 1


def test_cases_are_told_apart_by_when_they_changed_last(store: Store) -> None:
    """One changed months ago, the other one within the last hour: its time is not over yet."""
    store.settle(1)
    store.settle(-30_000_000)
    assert [each["case"][-5:] for each in rows("--changed-within", "1h")] == ["fnd_1"]
    assert [each["case"][-5:] for each in rows("--unchanged-for", "7d")] == ["00000"]
    assert rows("--changed-within", "1h", "--unchanged-for", "7d") == []
    assert listed("--unchanged-for", "9999d").stdout == "No case fits.\n"
    _, _, command = listed("--changed-within", "9999d", "--limit", "1").stdout.rstrip().rpartition("remedy case list ")
    assert command.startswith("--changed-within 9999d --limit 1 --after ")


def test_a_rule_that_only_cases_have_can_be_asked_for(store: Store) -> None:
    store.settle(1, rule="of-last-year")
    assert len(rows("--rule", "of-last-year")) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--district", "lakesid"], "there is no district lakesid; there is lakeside; did you mean 'lakeside'?"),
        (["--tracker", "snow"], "there is no tracker snow; there is jira, tickets"),
        (["--rule", "sever"], "there is no rule sever; there is severe, unused; did you mean 'severe'?"),
        (["--district", ""], "there is no district ''; there is lakeside"),
        (["--state", "open"], "'open' is not one of 'dirty', 'put_off', 'at_rest', 'parked', 'conflict'"),
        (["--severity", "bad"], "'bad' is not one of 'critical'"),
        (["--after", "7"], "'7' is no cursor: take the one that the page before ended with"),
        (["--limit", "0"], "0 is not in the range"),
        (["--unchanged-for", "soon"], "must be a whole number and a unit: 90s, 15m, 2h or 14d"),
    ],
)
def test_a_wrong_word_is_told_with_what_there_is(store: Store, words: list[str], says: str) -> None:
    store.settle(1)
    result = listed(*words)
    assert (result.exit_code, result.stdout) == (ExitCode.CONFIGURATION, "")
    assert says in result.stderr


def test_a_broken_file_is_no_reason_to_refuse_what_cases_have(store: Store, tmp_path: Path) -> None:
    store.settle(1)
    (tmp_path / "mappings.yaml").write_text("{")
    assert len(rows("--rule", "severe")) == 1
    result = listed("--rule", "unused")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "there is no rule unused; there is severe" in result.stderr


def test_until_earlier_cases_are_listed_it_says_that_some_may_be_missing(store: Store, redis_url: str) -> None:
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    result = listed("--json")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "")
    assert result.stderr.startswith("note: the workers have not yet listed all cases")
