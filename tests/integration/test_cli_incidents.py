"""`remedy incidents` on a real Valkey with the sandbox's feed: what it shows, what it reads, what it says of faults."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.domain.incidents import Incident, IncidentType, Kept
from remediation.domain.walks import FeedWalk, WalkKind
from remediation.mapping.reading.loading import load_mappings
from remediation.sealing import generate_key
from remediation.settings import load_settings
from remediation.store.incidents.feeds import Feeds
from remediation.store.keys import INCIDENTS
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remedy.incidents.polling import Polled, PollOutcome, read_now
from remedy.incidents.stores import IncidentStores, with_stores
from remedy.main import main
from remedy.reconcile.report import Screen
from remedy.runtime.assembly import open_contexts
from remedy.runtime.failures import ExitCode
from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.wire.server import serve
from tests.contract.tracker_world import nobody_listens
from workers.rounds.feeds import poll_feeds

TOKEN = "test-only-token-of-the-feed"
FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    incidents: {handbook: {url: "ADDRESS/public/v1", token: {env: F}}}
  hillside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
trackers: {jira: {kind: jira, url: "JIRA", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules:
  - {name: severe, tickets: {jira: {project: SEC}}}
  - {name: referrals, of: incidents, severity: high, match: {type: [referral]}, tickets: {jira: {project: SEC}}}
"""


class Desk:
    """A feed that is served, the file that names it, and a worker that works while a command waits."""

    def __init__(self, controls: httpx2.Client, path: Path) -> None:
        self.path = path
        self._controls = controls

    def order(self, path: str, **order: object) -> Any:
        answer = self._controls.post(path, json=order or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def add(self, *incidents: dict[str, object]) -> list[str]:
        return list(self.order("incidents", incidents=[*incidents])["incidents"])

    def call(self, *words: str) -> Result:
        return CliRunner().invoke(main, ("incidents", *words))

    def rows(self, *words: str) -> list[dict[str, Any]]:
        result = self.call(*words, "--json")
        assert (result.exit_code, result.stderr) == (ExitCode.DONE, "")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def read(self, *, sweep: bool = False, runs: bool = True) -> Polled:
        """What the command says of a feed that a worker reads while it follows."""

        async def followed(stores: IncidentStores) -> list[Polled]:
            if runs:
                process = Process("worker-0/7", "worker", "1", time.time())
                await Processes(stores.connection).tell(process, stores.clock())
            pause = partial(work, stores.connection)
            return await read_now(stores, Screen(as_json=True), pause, sweep=sweep)

        (polled,) = with_stores(followed)
        return polled


async def work(connection: Connection) -> None:
    """A worker has its round."""
    settings = load_settings()
    async with open_contexts(load_mappings(settings.mappings_path), settings, connection, time.time) as contexts:
        await poll_feeds({"contexts": contexts})


@pytest.fixture
def desk(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    world = IncidentWorld([FeedAccount("lakeside", (TOKEN,))], time.time)
    with serve(incident_feed_app(world, FeedBehaviour())) as address:
        path = tmp_path / "mappings.yaml"
        path.write_text(FILE.replace("ADDRESS", address).replace("JIRA", nobody_listens()))
        settings = {"REDIS_URL": redis_url, "MAPPINGS_PATH": str(path), "COLUMNS": "250", "DATA_KEYS": generate_key()}
        for name, value in {**settings, "T": "t" * 40, "S": "s" * 40, "J": "j" * 40, "F": TOKEN}.items():
            monkeypatch.setenv(name, value)
        with httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False) as controls:
            yield Desk(controls, path)


def test_before_a_feed_is_read_nothing_is_kept(desk: Desk) -> None:
    assert desk.call("list").stdout == "None is kept yet.\n"
    assert desk.rows("list") == [{"cursor": None, "left_out": 0}]


def test_a_poll_has_a_worker_read_the_whole_year_first_and_then_what_is_new(desk: Desk) -> None:
    (uuid,) = desk.add({"type": "referral"})
    first, second = desk.read(), desk.read()
    assert [(each.outcome, each.kind) for each in (first, second)] == [
        (PollOutcome.READ, WalkKind.SWEEP),
        (PollOutcome.READ, WalkKind.POLL),
    ]
    assert (desk.read(sweep=True)).kind is WalkKind.SWEEP
    shown, end = desk.rows("list")
    assert (shown["uuid"], shown["status"], shown["has_case"]) == (uuid, "open", True)
    assert end == {"cursor": None, "left_out": 0}


def test_a_feed_that_was_read_before_the_command_looked_again_was_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Feeds.ask

    async def asked(self: Feeds, feed: str, walk: FeedWalk, now: float) -> FeedWalk:
        in_hand = await ask(self, feed, walk, now)
        await work(self._connection)
        return in_hand

    monkeypatch.setattr(Feeds, "ask", asked)
    assert desk.read().outcome is PollOutcome.READ


def test_without_a_worker_a_poll_says_so_and_stays_asked_for(desk: Desk) -> None:
    shown = desk.call("poll", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["outcome"]) == (ExitCode.FAILED, "no_worker")
    assert desk.read(runs=False).outcome is PollOutcome.NO_WORKER
    assert desk.read().outcome is PollOutcome.READ


def test_a_token_that_the_feed_does_not_take_ends_a_poll(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("F", "another-token")
    polled = desk.read()
    assert polled.outcome is PollOutcome.PUT_OFF
    assert "401: the feed does not accept the token" in polled.says
    shown = desk.call("poll", "--dry-run")
    assert (shown.exit_code, "does not accept the token" in shown.stderr) == (ExitCode.UNREACHABLE, True)


def test_a_rehearsal_counts_and_writes_nothing(desk: Desk, redis_url: str) -> None:
    desk.add({"type": "referral"}, {"type": "minor"})
    (told,) = desk.rows("poll", "--dry-run")
    assert {name: told[name] for name in ("incidents", "new", "changed", "deleted", "cases")} == {
        "incidents": 2,
        "new": 2,
        "changed": 0,
        "deleted": 0,
        "cases": 1,
    }
    with PlainRedis.from_url(redis_url) as redis:
        assert [key for key in redis.scan_iter() if b"incident" in key or b"feed" in key or b"case" in key] == []
    desk.read()
    (uuid,) = desk.add({"type": "referral"})
    desk.order(f"incidents/{uuid}/delete")
    (told,) = desk.rows("poll", "--dry-run", "--feed", "lakeside/handbook")
    assert (told["new"], told["changed"], told["deleted"], told["cases"]) == (1, 0, 1, 0)
    assert "1 new, 0 changed (1 of all these deleted)" in desk.call("poll", "--dry-run").stdout


def test_a_rehearsal_counts_what_could_not_be_read_and_quotes_nothing_of_it(desk: Desk) -> None:
    desk.add({"type": "referral"}, {"type": "minor"})
    desk.order("spellings", instead={"incident@type": "ZZPII"}, times=None)
    (told,) = desk.rows("poll", "--dry-run")
    assert told["flaws"] == {"type": 2}
    shown = desk.call("poll", "--dry-run").stdout
    assert ("2 with an unreadable type" in shown, "ZZPII" in shown) == (True, False)


def test_a_backfill_makes_the_cases_that_a_new_rule_asks_for_once(desk: Desk) -> None:
    desk.add({"type": "minor"}, {"type": "minor"}, {"type": "referral"})
    desk.read()
    desk.path.write_text(desk.path.read_text().replace("type: [referral]", "type: [referral, minor]"))
    assert desk.rows("backfill", "--dry-run") == [
        {"looked_at": 3, "left_out": 0, "cases": 2, "by_rule": {"referrals": 2}, "dry_run": True}
    ]
    assert desk.call("backfill").stdout == "referrals: 2\n2 of 3 incidents get a case.\n"
    assert desk.rows("backfill")[0]["cases"] == 0


def test_an_incident_shows_its_codes_and_where_it_ends(desk: Desk) -> None:
    (uuid,) = desk.add({"type": "referral"})
    desk.read()
    shown = desk.call("show", uuid).stdout
    for words in ("lakeside/handbook", "referral", "open; nothing can be written back", f"lakeside:incident:{uuid}"):
        assert words in shown
    (told,) = desk.rows("show", f"remedy:lakeside:incident:{uuid}")
    assert (told["uuid"], told["tickets"], told["deleted_at"]) == (uuid, {}, None)


def test_a_case_whose_feed_is_not_named_any_more_is_no_crash(desk: Desk) -> None:
    (uuid,) = desk.add({"type": "referral"})
    desk.read()
    lines = [line for line in desk.path.read_text().splitlines() if "incidents:" not in line]
    desk.path.write_text("\n".join(lines))
    planned = CliRunner().invoke(main, ("case", "plan", f"lakeside:incident:{uuid}"))
    assert planned.exit_code == ExitCode.CONFIGURATION
    assert "the district lakeside has no feed of incidents" in planned.stderr
    assert CliRunner().invoke(main, ("case", "show", f"lakeside:incident:{uuid}")).exit_code == ExitCode.DONE


def test_incidents_that_cannot_be_opened_are_counted_and_not_denied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uuid, _) = desk.add({"type": "referral"}, {"type": "minor"})
    desk.read()
    monkeypatch.setenv("DATA_KEYS", generate_key())
    shown = desk.call("list")
    assert shown.stdout == "No incident fits.\n"
    assert shown.stderr.startswith("note: 2 incidents left out, which cannot be read")
    assert json.loads(desk.call("list", "--json").stdout) == {"cursor": None, "left_out": 2}
    made = desk.call("backfill")
    assert (made.exit_code, "2 incidents left out, which cannot be read" in made.stdout) == (ExitCode.FAILED, True)
    assert "put that key back" in desk.call("show", uuid).stderr


def test_a_case_is_found_by_the_uuid_of_its_incident_alone(desk: Desk) -> None:
    uuid, other = desk.add({"type": "referral"}, {"type": "minor"})
    desk.read()
    none = CliRunner().invoke(main, ("case", "show", other))
    assert f"no ticket {other} is known, nor a case of an incident" in none.stderr, "no rule takes it"
    shown = CliRunner().invoke(main, ("case", "show", uuid))
    assert shown.stdout.startswith(f"lakeside:incident:{uuid}\n"), shown.stderr
    assert "finding" not in shown.stdout
    planned = CliRunner().invoke(main, ("case", "plan", uuid)).stdout
    assert "  incident   open, high\n" in planned
    assert "finding" not in planned


def test_what_is_deleted_in_the_feed_is_gone_and_says_since_when(desk: Desk) -> None:
    (uuid, _) = desk.add({"type": "referral"}, {"type": "referral"})
    desk.read()
    desk.order(f"incidents/{uuid}/delete")
    desk.read()
    assert "gone: deleted in the feed since" in desk.call("show", uuid).stdout
    gone, _ = desk.rows("list", "--status", "gone")
    assert (gone["uuid"], gone["deleted"]) == (uuid, True)
    assert gone["deleted_at"] is not None


def test_pages_go_on_where_the_one_before_ended_and_show_every_incident(desk: Desk) -> None:
    added = {str(number) for number in desk.add(*(dict[str, object](type="minor") for _ in range(60)))}
    desk.read()
    found, words = set[str](), list[str]()
    for _ in range(60):
        *shown, end = desk.rows("list", "--limit", "5", *words)
        found |= {each["uuid"] for each in shown}
        if end["cursor"] is None:
            break
        words = ["--after", end["cursor"]]
    assert found == added
    assert (
        "The next ones: remedy incidents list --limit 5 --after lakeside/handbook/"
        in desk.call("list", "--limit", "5").stdout
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("list", "--feed", "lakeside/handbok"), "there is lakeside/handbook; did you mean 'lakeside/handbook'?"),
        (("poll", "--feed", "x"), "there is no feed x; there is lakeside/handbook"),
        (("backfill", "--district", "x"), "there is no district x; there is hillside, lakeside"),
        (
            ("list", "--district", "hillside"),
            "the district hillside has no feed of incidents; there is lakeside/handbook",
        ),
        (
            ("poll", "--district", "hillside", "--feed", "lakeside/handbook"),
            "the district hillside has no feed of incidents",
        ),
        (("list", "--after", "x"), "is no cursor"),
        (("list", "--after", f"lakeside/handbook/{2**64}"), "is no cursor"),
        (("list", "--after", "elsewhere/x/0"), "which is none of the feeds that are meant"),
    ],
)
def test_a_name_that_there_is_not_is_answered_with_those_that_there_are(
    desk: Desk, words: tuple[str, ...], says: str
) -> None:
    result = desk.call(*words)
    assert (result.exit_code, says in result.stderr) == (ExitCode.CONFIGURATION, True), result.stderr


def test_an_incident_that_nobody_knows_is_told(desk: Desk) -> None:
    result = desk.call("show", "8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01")
    assert (result.exit_code, "nothing is kept of an incident" in result.stderr) == (ExitCode.FAILED, True)
    result = desk.call("show", "lakeside:finding:fnd_1")
    assert (result.exit_code, "remedy case show tells of it" in result.stderr) == (ExitCode.FAILED, True)


def test_a_file_without_a_feed_says_where_feeds_are_explained(desk: Desk) -> None:
    lines = [line for line in desk.path.read_text().splitlines() if "incidents" not in line]
    desk.path.write_text("\n".join(lines))
    result = desk.call("list")
    assert (result.exit_code, "no district has a feed of incidents" in result.stderr) == (ExitCode.CONFIGURATION, True)


def test_without_redis_each_command_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", nobody_listens().replace("http", "redis"))
    for words in (("list",), ("poll",), ("poll", "--dry-run"), ("backfill",), ("show", "x")):
        assert desk.call(*words).exit_code == ExitCode.UNREACHABLE


def test_before_the_whole_year_was_read_nothing_is_concluded_and_the_plan_says_why(desk: Desk) -> None:
    words = ("case", "plan", "lakeside:incident:8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01")
    shown = CliRunner().invoke(main, words)
    assert (shown.exit_code, "its school year was not read whole yet" in shown.output) == (ExitCode.UNREACHABLE, True)


def test_the_example_of_the_page_about_feeds_is_a_sound_file(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "incidents.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^ *```yaml\n(.*?)^ *```$", page, re.DOTALL | re.MULTILINE)
    path = tmp_path / "mappings.yaml"
    path.write_text(f"version: 1\n{dedent(block)}")
    assert load_mappings(path).mappings.districts["lakeside"].incidents.keys() == {"handbook"}


HOSTILE = "\x1b]0;title\x07\x1b[31m\u202eevil\u2066\u200f\x9b5m\x00\x7f"
"""What would change a terminal, or the order in which people read."""
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


async def plant(stores: IncidentStores) -> None:
    """Rows as neither this version nor an earlier one wrote them, and a trouble in words that are not ours."""
    codes = (HOSTILE,)
    incident = Incident(HOSTILE, IncidentType.REFERRAL, HOSTILE, school=HOSTILE, offenses=codes, weapons=codes)
    incident = replace(incident, injuries=codes, actions=codes)
    (feed,) = stores.feeds
    rows = stores.records.rows_of(feed, [Kept(incident)])
    await stores.connection.ask(stores.connection.redis.hset(INCIDENTS + feed, mapping=dict(rows)))
    walk = FeedWalk(WalkKind.POLL, date(2026, 4, 1), date(2026, 4, 15))
    await stores.states.begin(feed, walk, time.time())
    await stores.states.put_off(feed, walk, time.time() + 60, HOSTILE)


@pytest.mark.parametrize(
    "words",
    [
        ("incidents", "list"),
        ("incidents", "show", HOSTILE),
        ("incidents", "show", f"lakeside:incident:{HOSTILE}"),
        ("incidents", "show", f"SEC-{HOSTILE}"),
        ("incidents", "list", "--feed", HOSTILE),
        ("incidents", "list", "--district", HOSTILE),
        ("incidents", "list", "--status", HOSTILE),
        ("incidents", "list", "--limit", HOSTILE),
        ("incidents", "list", "--after", HOSTILE),
        ("incidents", "list", f"--{HOSTILE}"),
        ("incidents", "list", HOSTILE),
        ("incidents", HOSTILE),
        (HOSTILE,),
        ("incidents", "poll"),
        ("incidents", "backfill"),
        ("case", "show", HOSTILE),
        ("case", "plan", f"lakeside:incident:{HOSTILE}"),
        ("mappings", "explain", "--incident", f"weapon={HOSTILE}"),
        ("mappings", "explain", "--incident", f"{HOSTILE}=1"),
        ("doctor", "--role", HOSTILE),
    ],
    ids=repr,
)
def test_nothing_that_steers_a_terminal_reaches_it(desk: Desk, words: tuple[str, ...]) -> None:
    with_stores(plant)
    for more in ((), ("--json",)):
        result = CliRunner().invoke(main, (*words, *more))
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert UNSEEN.findall(result.stdout + result.stderr) == [], (result.stdout, result.stderr)
        assert result.stdout + result.stderr
