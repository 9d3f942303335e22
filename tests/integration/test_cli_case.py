"""`remedy case` and `remedy reconcile` on a real Valkey, with the real adapters over HTTP."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis
from redis.asyncio import Redis

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.mapping.reading.loading import load_mappings
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Band, decode
from remediation.read_model.cases.words import STANDS_STILL
from remediation.redis_address import RedisAddress
from remediation.sealing import generate_key
from remediation.settings import load_settings
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE
from remedy.main import main
from remedy.reconcile.command import reconcile
from remedy.runtime import assembly
from remedy.runtime.assembly import open_connection, open_contexts
from remedy.runtime.failures import ExitCode
from sandbox.secrets import DISTRICT
from tests.integration.live_world import READS, LiveWorld, live_world
from tests.integration.offices import JOBS

RULES = """\
rules:
  - name: severe
    match: {severity: [critical, high]}
    tickets:
      context: {}
      jira: {project: SEC, type: Task}
"""


class Bench:
    """The outside, a Redis, and the command."""

    def __init__(self, world: LiveWorld, redis_url: str) -> None:
        self.world = world
        self.redis_url = redis_url
        made = world.ask("POST", "schoolscan", "/_sandbox/findings", json={"findings": [{"severity": "high"}] * 3})
        self.findings: list[str] = made.json()["findings"]
        self.forget_requests()

    @property
    def ref(self) -> str:
        """The first case."""
        return self.key(0).ref

    def key(self, number: int) -> CaseKey:
        return CaseKey(DISTRICT, CaseKind.FINDING, self.findings[number])

    def remedy(self, *words: str, **environment: str) -> Result:
        return CliRunner(env=environment).invoke(main, words)

    def forget_requests(self) -> None:
        for name in self.world.addresses:
            self.world.ask("DELETE", name, "/_sandbox/requests")

    def look(self) -> None:
        """Something happened to the first case, and a worker looks."""
        self.mark(self.key(0))
        self.work()

    def mark(self, key: CaseKey) -> None:
        """Something happened to a case."""

        async def mark() -> None:
            async with open_connection(RedisAddress.parse(self.redis_url), socket_timeout=5.0, retries=1) as connection:
                await Todo(connection).mark([(key, Band.HIGH)], 1_800_000_000.0, "webhook:schoolscan")

        asyncio.run(mark())

    def work(self) -> None:
        """A worker works off the queue."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        settings = load_settings()
        loaded = load_mappings(settings.mappings_path)
        async with (
            open_connection(RedisAddress.parse(self.redis_url), socket_timeout=5.0, retries=1) as connection,
            open_contexts(loaded, settings, connection, time.time) as contexts,
        ):
            redis = connection.redis
            await connection.begin(0.001)  # so old that no early search is doubted
            while jobs := await redis.zrange(WORK_QUEUE, 0, 0):
                await redis.zrem(WORK_QUEUE, jobs[0])
                job = decode(await redis.get(JOB_PREFIX + jobs[0].decode()) or b"")
                await JOBS[job["f"]]({"contexts": contexts}, *job["a"])

    def rows(self) -> int:
        """How many keys there are in Redis, besides what is known of limits."""
        with PlainRedis.from_url(self.redis_url) as redis:
            return len([key for key in redis.scan_iter("*") if not key.startswith(b"remedy:budget")])

    def wipe(self) -> None:
        with PlainRedis.from_url(self.redis_url) as redis:
            redis.flushall()

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.remedy("case", "show", self.ref, "--json").stdout)
        return found

    def tickets(self) -> int:
        """How many tickets there are in both trackers."""
        records = self.world.ask("GET", "servicenow", "/_sandbox/records").json()
        issues = self.world.ask("GET", "jira", "/_sandbox/issues").json()
        return sum(DISTRICT in str(each) for each in [*records, *issues])


@pytest.fixture
def bench(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    with live_world(tmp_path) as world:
        path = tmp_path / "mappings.yaml"
        path.write_text(world.text[: world.text.index("defaults:")] + RULES)
        settings = {"REDIS_URL": redis_url, "DATA_KEYS": generate_key(), "MAPPINGS_PATH": str(path), "COLUMNS": "200"}
        for name, value in {**settings, **world.secrets}.items():
            monkeypatch.setenv(name, value)
        yield Bench(world, redis_url)


def test_a_case_that_nobody_knows_is_said_to_be_unknown(bench: Bench) -> None:
    result = bench.remedy("case", "show", bench.ref)
    assert result.exit_code == ExitCode.FAILED
    assert result.stderr.startswith(f"error: nothing is known of {bench.ref}")
    assert bench.rows() == 0


def test_what_would_be_done_is_said_with_reasons_and_not_done(bench: Bench) -> None:
    result = bench.remedy("case", "plan", bench.findings[0])
    assert result.exit_code == ExitCode.DONE, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{bench.ref}, looked at ")
    assert "  finding    open, high" in lines
    assert lines[-3:] == [
        "1. open a ticket in context (the finding is new)",
        "2. open a ticket in jira (the finding is new)",
        "3. set the finding to reviewing (the finding is new)",
    ]
    assert {method for method, _ in bench.world.journal()} <= READS
    assert bench.rows() == 0


def test_the_whole_story_of_a_case_is_told_in_order(bench: Bench) -> None:
    bench.look()
    result = bench.remedy("case", "show", bench.ref)
    assert result.exit_code == ExitCode.DONE
    lines = result.stdout.splitlines()
    assert lines[:3] == [bench.ref, f"  finding    {bench.findings[0]}, reviewing, high", "  rule       severe"]
    assert [line.split(":")[0] for line in lines[3:5]] == [
        "  ticket     INC0010001 in context, open",
        "  ticket     SEC-1 in jira, open",
    ]
    told = [line[21:] for line in lines[lines.index("Timeline (UTC)") + 1 :]]
    assert told[0] == "looked, because a webhook came in, from schoolscan"
    assert told[1] == "saw the finding open, high; no ticket"
    assert told[2].startswith("planned: open a ticket in context (the finding is new); ")
    assert sorted(told[3:5]) == ["done: opened INC0010001 in context", "done: opened SEC-1 in jira"]
    assert told[5:] == ["done: set the finding to reviewing", "at rest"]


@pytest.mark.parametrize("name", ["SEC-1", "sec-1", "INC0010001", "{finding}", "remedy:{ref}", "{ref}"])
def test_a_case_is_found_by_each_of_its_names(bench: Bench, name: str) -> None:
    bench.look()
    result = bench.remedy("case", "show", name.format(finding=bench.findings[0], ref=bench.ref))
    assert result.stdout.splitlines()[0] == bench.ref


@pytest.mark.parametrize("odd", ["a/b", "urn:uuid:7", "Board minutes 7", "https://x.example/f?id=1", "é" * 256])
def test_a_case_is_found_by_any_id_that_a_webhook_may_bring(bench: Bench, odd: str) -> None:
    key = CaseKey(DISTRICT, CaseKind.FINDING, odd)
    bench.mark(key)
    for name in (odd, f"{DISTRICT}:finding:{odd}", key.ref):
        result = bench.remedy("case", "show", name)
        assert result.stdout.splitlines()[0] == key.ref, name


@pytest.mark.parametrize("name", ["lakeside:finding", "a:b:c", ":::", "lakeside:dream:x", "\x1b[2J:x"])
def test_what_is_no_name_of_a_case_is_said_to_be_none(bench: Bench, name: str) -> None:
    for command in ("show", "plan"):
        result = bench.remedy("case", command, name)
        assert result.exit_code == ExitCode.FAILED
        assert "names no case" in result.stderr
        assert "\x1b" not in result.stderr


def test_with_several_districts_a_finding_is_named_with_its_own(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    text = path.read_text()
    block = text[text.index(f"  {DISTRICT}:\n") : text.index("trackers:")]
    path.write_text(text.replace(block, block + block.replace(DISTRICT, "hillside")))
    result = bench.remedy("case", "plan", bench.findings[0])
    assert result.exit_code == ExitCode.FAILED
    assert "a finding is named with its district" in result.stderr
    assert bench.remedy("case", "plan", bench.ref).exit_code == ExitCode.DONE
    assert bench.remedy("case", "plan", "elsewhere:finding:fnd_1").exit_code == ExitCode.CONFIGURATION


def test_a_case_that_waits_for_a_sign_in_says_so(bench: Bench) -> None:
    bench.world.fault("jira", kind="status", status=401, path="", times=None)
    bench.look()
    shown = bench.shown()
    assert shown["waits_for"].items() >= {"system": "jira", "waiting": "sign_in", "status": 401}.items()
    assert shown["timeline"][-1].items() >= {"kind": "put_off", "system": "jira", "waiting": "sign_in"}.items()
    lines = bench.remedy("case", "show", bench.ref).stdout.splitlines()
    since = next(line for line in lines if line.startswith("  waits for"))
    assert since.startswith("  waits for  jira: our sign-in, or the way there, is refused (HTTP 401) since ")


def test_the_case_as_json_holds_no_text_of_anybody(bench: Bench) -> None:
    bench.look()
    shown = bench.shown()
    assert (shown["case"], shown["stand"], shown["parked"]) == (bench.ref, "settled", [])
    assert {name: link["key"] for name, link in shown["links"].items()} == {"context": "INC0010001", "jira": "SEC-1"}
    assert [entry["kind"] for entry in shown["timeline"]] == ["trigger", "seen", "plan", *["action"] * 3, "settled"]
    assert shown["timeline"][0]["marked_at"] == "2027-01-15T08:00:00+00:00"
    finding = bench.world.ask("GET", "schoolscan", f"/_sandbox/findings?district={DISTRICT}").json()[0]
    assert finding["title"] not in json.dumps(shown["timeline"])


@pytest.mark.parametrize("name", ["SEC-1", "{finding}", "{ref}"])
def test_a_case_is_shown_by_each_of_its_names_while_mappings_yaml_cannot_be_used(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    bench.look()
    (tmp_path / "mappings.yaml").write_text("districts: [")
    words = name.format(finding=bench.findings[0], ref=bench.ref)
    assert bench.remedy("case", "show", words).stdout.splitlines()[0] == bench.ref
    assert bench.remedy("case", "plan", words).exit_code == ExitCode.CONFIGURATION


def test_a_case_whose_ticket_was_refused_is_not_said_to_be_at_rest(bench: Bench) -> None:
    bench.world.fault("jira", kind="status", status=400, times=None, path="/rest/api/2/issue", method="POST")
    bench.look()
    shown = bench.remedy("case", "show", bench.ref).stdout
    assert "parked     open a ticket in jira" in shown
    assert "at rest" not in shown
    assert f"  now        {STANDS_STILL}" in shown
    assert "at rest" not in bench.remedy("case", "list").stdout


def test_only_the_last_lines_are_shown_where_that_is_asked_for(bench: Bench) -> None:
    bench.look()
    lines = bench.remedy("case", "show", bench.ref, "--limit", "1").stdout.splitlines()
    assert [line[21:] for line in lines[lines.index("Timeline (UTC)") + 1 :]] == ["at rest"]


def test_a_case_in_step_has_nothing_to_be_done(bench: Bench) -> None:
    bench.look()
    before = bench.shown()
    bench.forget_requests()
    result = bench.remedy("case", "plan", bench.ref)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (ExitCode.DONE, "nothing: all is well")
    assert {method for method, _ in bench.world.journal()} == {"GET"}
    assert bench.shown() == before
    assert json.loads(bench.remedy("case", "plan", bench.ref, "--json").stdout)["plan"] == []


def test_a_tracker_that_is_away_is_named_and_the_rest_is_told(bench: Bench) -> None:
    bench.look()
    bench.world.fault("jira", kind="status", status=503, times=None)
    result = bench.remedy("case", "plan", bench.ref)
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "  not seen   jira: 503" in result.stdout
    shown = json.loads(bench.remedy("case", "plan", bench.ref, "--json").stdout)
    assert (shown["failures"]["jira"]["status"], shown["seen"]["unseen"]) == (503, ["jira"])


def test_a_finding_that_does_not_exist_is_refused(bench: Bench) -> None:
    result = bench.remedy("case", "plan", f"{DISTRICT}:finding:fnd_nothing")
    assert (result.exit_code, result.stderr) == (
        ExitCode.REFUSED,
        f"error: schoolscan:{DISTRICT}: 404: there is no such finding\n",
    )


def test_a_name_that_is_neither_a_ticket_nor_a_finding_is_said_to_be_neither(bench: Bench) -> None:
    for command, said in (("show", "nothing is known of"), ("plan", "there is no such finding")):
        result = bench.remedy("case", command, "SEC-999")
        assert f"no ticket SEC-999 is known, nor a case of an incident, and {said}" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("case", "show", "lakeside:finding:fnd_1"),
        ("case", "plan", "lakeside:finding:fnd_1"),
        ("reconcile", "--dry-run"),
    ],
)
def test_without_redis_it_says_so(bench: Bench, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = bench.remedy(*words, REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert result.exit_code == ExitCode.UNREACHABLE


class SlowClock(Redis):
    """A Redis whose clock is ten minutes behind this machine's."""

    async def time(self) -> tuple[int, int]:  # type: ignore[override] # redis-py says "awaitable or not"
        return int(time.time()) - 600, 0


@pytest.mark.parametrize("words", [("case", "plan", "{ref}"), ("reconcile", "--dry-run")])
def test_an_earlier_attempt_to_open_a_ticket_is_judged_by_the_clock_that_wrote_it(
    bench: Bench, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "Redis", SlowClock)
    with PlainRedis.from_url(bench.redis_url) as redis:
        redis.hset(CASE + bench.ref, mapping={"id": bench.findings[0], "intent:jira": repr(time.time() - 601)})
    result = bench.remedy(*(word.format(ref=bench.ref) for word in words))
    assert result.exit_code == ExitCode.UNREACHABLE, result.output
    unsure = "a search may not find the ticket of an earlier attempt yet"
    told = [line for line in result.stdout.splitlines() if unsure in line]
    assert len(told) == 1
    assert f"{bench.ref}: would open a ticket in jira (the finding is new)" not in result.stdout.splitlines()
    assert "1. open a ticket in jira (the finding is new)" not in result.stdout.splitlines()


# Reconciling.


def test_a_dry_run_says_what_would_be_done_and_only_reads(bench: Bench) -> None:
    result = bench.remedy("reconcile", "--dry-run")
    assert result.exit_code == ExitCode.FAILED, result.output
    lines = result.stdout.splitlines()
    assert f"{bench.ref}: would open a ticket in jira (the finding is new)" in lines
    assert lines[-1] == "3 cases looked at: 3 would change. Nothing was written."
    assert {method for method, _ in bench.world.journal()} <= READS
    assert bench.rows() == 0


def test_after_a_wipe_all_is_found_again_and_the_ticket_of_a_solved_finding_is_closed(bench: Bench) -> None:
    assert bench.remedy("reconcile", "--no-wait").exit_code == ExitCode.DONE
    bench.work()
    assert bench.tickets() == 6
    solved = f"/_sandbox/findings/{bench.findings[2]}"
    assert bench.world.ask("PATCH", "schoolscan", solved, json={"status": "resolved"}).is_success
    bench.wipe()
    dry = bench.remedy("reconcile", "--all", "--dry-run", "--json")
    *rows, summary = [json.loads(line) for line in dry.stdout.splitlines()]
    assert [row["case"] for row in rows] == [bench.key(2).ref]
    assert {step["action"] for step in rows[0]["plan"]} == {"resolve:context", "resolve:jira"}
    counts = {"cases": 3, "well": 2, "change": 1}
    nothing: dict[str, Any] = {"held_up_by": {}, "refused_by": {}, "not_listed": {}, "left_out": {}, "left_behind": []}
    assert summary == {"summary": counts, "dry_run": True, **nothing}
    assert bench.rows() == 0
    assert bench.remedy("reconcile", "--all", "--no-wait").stdout == "3 cases marked; workers look at them.\n"
    bench.work()
    assert bench.tickets() == 6
    again = bench.remedy("reconcile", "--all", "--dry-run")
    assert (again.exit_code, again.stdout) == (
        ExitCode.DONE,
        "3 cases looked at: 3 in step. Nothing was written.\n",
    )


def test_only_what_changed_lately_is_looked_at(bench: Bench) -> None:
    result = bench.remedy("reconcile", "--dry-run", "--since", "2099-01-01")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "0 cases looked at: none. Nothing was written.\n")


def test_without_a_worker_it_says_how_to_start_one(bench: Bench) -> None:
    result = bench.remedy("reconcile", "--patience", "1s", "--district", DISTRICT)
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "Start one: remedy run worker" in result.stderr
    assert "3 not looked at yet" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "soon"),
        ("--since", "7d", "--all"),
        ("--patience", "long"),
        ("--district", "elsewhere"),
    ],
)
def test_a_wrong_command_line_is_a_matter_of_usage(bench: Bench, words: tuple[str, ...]) -> None:
    assert bench.remedy("reconcile", *words).exit_code == ExitCode.CONFIGURATION


def test_a_moment_before_any_ticket_is_since_ever(bench: Bench) -> None:
    result = bench.remedy("reconcile", "--dry-run", "--since", "0001-01-01")
    assert result.exit_code == ExitCode.FAILED, result.output
    assert "3 would change" in result.stdout


@pytest.mark.parametrize("system", ["schoolscan", "jira"])
def test_a_system_that_refuses_to_be_asked_is_named_and_all_else_is_told(bench: Bench, system: str) -> None:
    path = "/search" if system == "jira" else ""
    bench.world.fault(system, kind="status", status=405, path=path, times=None)
    result = bench.remedy("reconcile", "--dry-run")
    assert result.exit_code == ExitCode.REFUSED
    assert f"INCOMPLETE: {system}" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("Nothing was written.")


@pytest.mark.parametrize("written", ["yesterday", "7", "2026-13-01"])
def test_a_moment_that_nobody_can_read_is_refused_with_both_forms_that_are_read(written: str) -> None:
    result = CliRunner().invoke(reconcile, ["--since", written])
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "such as 7d, or a date" in result.output


@pytest.fixture
def told_apart(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Two findings that say the same, in a district where that makes them one case."""
    path = tmp_path / "mappings.yaml"
    identity = "    identity: {by: [domain_type, url], key: {env: IDENTITY_KEY}}\ntrackers:"
    path.write_text(path.read_text().replace("trackers:", identity, 1))
    monkeypatch.setenv("IDENTITY_KEY", "test-only-key-of-an-identity-that-is-long")
    same = {"severity": "high", "domain_type": "direct_pii", "url": "https://www.lakeside.example/zzpii.pdf"}
    made = bench.world.ask("POST", "schoolscan", "/_sandbox/findings", json={"findings": [same] * 2})
    bench.findings[:] = made.json()["findings"]
    bench.forget_requests()
    return bench


def test_a_member_finds_its_case_which_names_all_members(told_apart: Bench) -> None:
    bench = told_apart
    planned = json.loads(bench.remedy("case", "plan", bench.ref, "--json").stdout)
    assert planned["case"].startswith(f"{DISTRICT}:finding:id-")
    assert planned["members"] == bench.findings[:1]
    assert bench.rows() == 0
    assert bench.remedy("reconcile", "--all", "--no-wait").exit_code == ExitCode.DONE
    bench.work()
    for finding in bench.findings:
        shown = bench.remedy("case", "show", f"{DISTRICT}:finding:{finding}").stdout
        assert shown.splitlines()[0] == planned["case"]
        assert [line for line in shown.splitlines() if line.startswith("  member")] == [
            f"  member     {name}, reviewing, high" for name in sorted(bench.findings)
        ]
        assert "zzpii" not in shown
    again = json.loads(bench.remedy("case", "plan", bench.findings[1], "--json").stdout)
    assert (again["members"], again["plan"]) == (sorted(bench.findings), [])
    assert len(bench.world.ask("GET", "jira", "/_sandbox/issues").json()) == 4, "three others have one each"


def test_what_is_left_of_a_case_after_a_wipe_is_not_guessed(told_apart: Bench) -> None:
    bench = told_apart
    bench.look()
    ref = json.loads(bench.remedy("case", "show", bench.ref, "--json").stdout)["case"]
    bench.wipe()
    planned = bench.remedy("case", "plan", ref)
    assert planned.exit_code == ExitCode.FAILED
    assert "no finding that is known" in planned.stderr


def test_a_plan_says_whose_words_count_where_no_rule_takes_the_finding(bench: Bench, tmp_path: Path) -> None:
    bench.look()
    path = tmp_path / "mappings.yaml"
    path.write_text(
        f"{path.read_text().partition('rules:')[0]}rules: [{{name: other, match: {{severity: low}}, tickets: none}}]\n"
    )
    result = bench.remedy("case", "plan", bench.ref)
    assert "  rule       none takes it: what severe said goes on counting" in result.stdout.splitlines()
    told = json.loads(bench.remedy("case", "plan", bench.ref, "--json").stdout)
    assert (told["rule"], told["takes_it_no_more"], told["plan"]) == ("severe", True, [])
    bench.wipe()
    result = bench.remedy("case", "plan", bench.ref)
    assert "  rule       none takes it: what `defaults` say counts" in result.stdout.splitlines()
