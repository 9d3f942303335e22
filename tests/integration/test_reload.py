"""Real processes take a changed mappings.yaml while they run, mounted as Kubernetes mounts a ConfigMap."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.store.cases.rows import memory_json, record_of
from remedy.embedded.server import EmbeddedServer
from sandbox.secrets import ENVIRONMENT, JIRA_USER, SERVICENOW_USER
from sandbox.stage.processes import Program, Stage, open_stage
from sandbox.stage.systems import Outside, SeenTicket, open_outside_world

SHIPPED = Path(__file__).parents[2] / "mappings.yaml"
WEBHOOK_SECRET = ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"]


@dataclass
class Rules:
    """What a test varies in mappings.yaml."""

    label: str = "first"
    rule: Mapping[str, Any] = field(default_factory=lambda: {"name": "all"})
    servicenow: bool = False
    districts: tuple[str, ...] = ("lakeside",)
    more: str = ""
    jira: str = "jira"
    formerly: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=lambda: {"table": "incident"})

    def text(self, outside: dict[str, str], secrets: Path) -> str:
        """The file, as YAML; its last line is `more`."""
        limits = {"search_horizon": "3s", "read_timeout": "9s", "connect_timeout": "1s"}
        trackers = {
            self.jira: {
                "kind": "jira",
                "formerly": list(self.formerly),
                "deployment": "cloud",
                "url": outside["jira"],
                "auth": {"basic": {"user": JIRA_USER, "password": {"file": str(secrets / "jira")}}},
                **limits,
            },
            "servicenow": {
                "kind": "servicenow",
                "url": outside["servicenow"],
                "auth": {"basic": {"user": SERVICENOW_USER, "password": {"env": "SERVICENOW_PASSWORD"}}},
                **self.context,
                **limits,
            },
        }
        tickets: dict[str, Any] = {self.jira: {"project": "SEC", "labels": [self.label]}, "servicenow": {}}
        wanted = [self.jira, *(["servicenow"] if self.servicenow else [])]
        account = {
            "url": f"{outside['schoolscan']}/v1",
            "token": {"env": "SCHOOLSCAN_TOKEN"},
            "webhook": {"secrets": [{"file": str(secrets / "webhook")}]},
        }
        document = {
            "version": 1,
            "districts": {name: {"schoolscan": account} for name in self.districts},
            "trackers": {name: trackers[name] for name in wanted},
            "rules": [{**self.rule, "tickets": {name: tickets[name] for name in wanted}}],
            "templates": {"summary": "Exposed", "body": "What to do"},
        }
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
        return "\n".join([*lines, self.more, ""])


@dataclass
class Scene:
    """A receiver and a worker, and a folder as the kubelet mounts it."""

    stage: Stage
    outside: Outside
    mounted: Path
    secrets: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    programs: dict[str, Program] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start both, on the first rules."""
        self.keep("jira", ENVIRONMENT["JIRA_TOKEN"])
        self.keep("webhook", WEBHOOK_SECRET)
        self.mount(Rules())
        for role, event in (("receiver", "receiver_listens"), ("worker", "worker_runs")):
            program = self.stage.start(role, MAPPINGS_PATH=str(self.mounted / "mappings.yaml"))
            self.programs[role], self.addresses[role] = program, program.address(event)
        self.addresses["metrics"] = self.programs["receiver"].address("metrics_listen")
        self.stage.subscribe(self.addresses["receiver"])

    def mount(self, rules: Rules) -> None:
        """A new version in a folder of its own, and one atomic swap of a link."""
        version = self.mounted / f"..{next(self.numbers)}"
        version.mkdir()
        (version / "mappings.yaml").write_text(rules.text(dict(self.stage.outside), self.secrets))
        data = self.mounted / "..data"
        before = data.resolve() if data.exists() else None
        (self.mounted / "..data_tmp").symlink_to(version.name)
        (self.mounted / "..data_tmp").replace(data)
        if before is not None:
            shutil.rmtree(before)
        else:
            (self.mounted / "mappings.yaml").symlink_to("..data/mappings.yaml")

    def keep(self, secret: str, value: str) -> None:
        """Rotate a secret in its file."""
        (self.secrets / secret).write_text(f"{value}\n")

    def events(self, role: str, event: str) -> int:
        """How often a process has logged this."""
        return self.programs[role].log.read_text().count(f'"{event}"')

    def hang_up(self) -> None:
        """SIGHUP to both."""
        for program in self.programs.values():
            program.process.send_signal(signal.SIGHUP)

    @contextlib.contextmanager
    def reloading(self, event: str = "mappings_reloaded") -> Iterator[None]:
        """Leave when both have answered what was done inside with this event."""
        before = {role: self.events(role, event) for role in self.programs}
        yield
        for role, count in before.items():
            until(lambda role=role, count=count: self.events(role, event) > count)  # type: ignore[misc]  # binds now

    def change(self, rules: Rules) -> None:
        """Mount these rules and wait until they are in use."""
        with self.reloading():
            self.mount(rules)

    def readiness(self, role: str) -> tuple[int, dict[str, Any]]:
        """What /readyz answers where no stranger comes."""
        where = "metrics" if role == "receiver" else role
        answer = httpx2.get(f"{self.addresses[where]}/readyz", trust_env=False)
        return answer.status_code, answer.json()

    def measured(self, where: str, name: str) -> float:
        """One figure of ours without labels."""
        lines = httpx2.get(f"{self.addresses[where]}/metrics", trust_env=False).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"remedy_mappings_{name} "))

    def find(self) -> str:
        """SchoolScan finds something and says so."""
        (finding_id,) = self.outside.scan([{"severity": "critical", "domain_type": "direct_pii"}])
        return finding_id

    def status(self, finding_id: str) -> str:
        """The finding's status in SchoolScan."""
        return str(self.outside.finding(finding_id)["status"])

    def trackers(self, finding_id: str) -> list[str]:
        """Where the finding has tickets, duplicates and all."""
        return sorted(ticket.tracker for ticket in self.outside.tickets(finding_id))

    def labels(self, finding_id: str) -> list[str]:
        """The rule's labels on the finding's one Jira issue; none while there is none."""
        keys = [ticket.key for ticket in self.outside.tickets(finding_id) if ticket.tracker == "jira"]
        issues = [each for each in self.outside.control("jira", "GET", "issues") if each["key"] in keys]
        return [label for each in issues for label in each["fields"]["labels"] if not label.startswith("remedy")]

    def is_at_rest(self) -> bool:
        """Whether no case waits to be looked at."""
        with Redis.from_url(self.stage.redis_url) as redis:
            return bool(redis.zcard("remedy:dirty") == 0)

    def forget_what_was_said(self) -> None:
        """As if an earlier version had remembered every case: of its rule it kept the name."""
        with Redis.from_url(self.stage.redis_url) as redis:
            for key in redis.scan_iter("remedy:case:*"):
                row = {name.decode(): value for name, value in redis.hgetall(key).items()}
                memory = record_of(key.decode().removeprefix("remedy:case:"), row).memory
                if memory.said is not None:
                    redis.hset(key, "memory", memory_json(replace(memory, said=None)))

    def last(self, role: str, word: str) -> dict[str, Any]:
        """The last line that a process has logged with this word."""
        lines = [line for line in self.programs[role].log.read_text().splitlines() if f'"{word}"' in line]
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def is_read(self, ticket: SeenTicket) -> bool:
        """Whether a worker has read the record since the list of requests was emptied."""
        came = self.outside.requests("servicenow")
        return any(each["method"] == "GET" and each["path"].endswith(ticket.id) for each in came)

    def close(self, finding_id: str, resolution: str) -> None:
        """A person closes the finding's one issue, or corrects why it is closed."""
        (ticket,) = self.outside.tickets(finding_id)
        self.outside.reopen_as_priya(ticket)
        self.outside.resolve_as_priya(ticket, resolution)

    def comments(self, finding_id: str) -> list[str]:
        """What is said on the finding's one issue."""
        (ticket,) = self.outside.tickets(finding_id)
        (issue,) = [each for each in self.outside.control("jira", "GET", "issues") if each["key"] == ticket.key]
        return [each["body"] for each in issue["fields"]["comment"]["comments"]]

    def days_left(self, kind: str) -> set[int]:
        """How many days the rows of this kind are still kept."""
        with Redis.from_url(self.stage.redis_url) as redis:
            return {round(redis.ttl(key) / 86_400) for key in redis.scan_iter(f"remedy:{kind}:*")}

    def deliver(self, district: str = "lakeside", secret: str = WEBHOOK_SECRET) -> int:
        """The receiver's answer to a scan.started of its own, signed with this secret."""
        number = next(self.numbers)
        body = json.dumps({"id": f"evt_{number}", "type": "scan.started", "data": {"scan_id": f"scn_{number}"}})
        signed = sign(body.encode(), secret, SignatureFormat.TIMESTAMPED, time.time(), "")
        headers = [*signed, (b"content-type", b"application/json")]
        url = f"{self.addresses['receiver']}/webhooks/schoolscan/{district}"
        return httpx2.post(url, content=body.encode(), headers=headers, trust_env=False).status_code


def until(what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))  # short: there is a socket in it
    with open_stage(folder, SHIPPED, EmbeddedServer) as stage, open_outside_world(stage.outside) as outside:
        scene = Scene(stage, outside, folder / "mounted", folder / "secrets")
        scene.mounted.mkdir()
        scene.secrets.mkdir()
        scene.start()
        yield scene
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def same_processes(scene: Scene) -> Iterator[None]:
    """Whatever a test changes, nothing is restarted, and both are well afterwards."""
    yield
    for role, program in scene.programs.items():
        assert program.process.poll() is None
        assert scene.readiness(role) == (200, {"ready": True, "problems": []})


def test_a_changed_rule_holds_for_the_next_finding(scene: Scene) -> None:
    scene.change(Rules(label="before"))
    earlier = scene.find()
    until(lambda: scene.labels(earlier) == ["before"])
    loaded = scene.measured("worker", "loaded_timestamp_seconds")
    scene.change(Rules(label="after"))
    later = scene.find()
    until(lambda: scene.labels(later) == ["after"])
    assert scene.labels(earlier) == ["before"]
    assert scene.measured("worker", "loaded_timestamp_seconds") > loaded


def test_a_broken_file_is_refused_and_the_earlier_one_stays(scene: Scene) -> None:
    scene.change(Rules(label="kept"))
    failures = {where: scene.measured(where, "reload_failures_total") for where in ("worker", "metrics")}
    with scene.reloading("mappings_refused"):
        scene.mount(Rules(label="wrong", more="rulez: [test-only-secret-value]"))
    problem = f"mappings.yaml was refused: {scene.mounted}/mappings.yaml:6:1: rulez: is not known here"
    for role, status in (("worker", 503), ("receiver", 200)):
        found, body = scene.readiness(role)
        assert (found, body["ready"]) == (status, status == 200)
        assert [each.split(";")[0] for each in body["problems"]] == [problem]
    for where, count in failures.items():
        assert scene.measured(where, "valid") == 0
        assert scene.measured(where, "reload_failures_total") == count + 1
    assert scene.deliver() == 202
    finding_id = scene.find()
    until(lambda: scene.labels(finding_id) == ["kept"])
    scene.change(Rules(label="mended"))
    assert scene.measured("worker", "valid") == scene.measured("metrics", "valid") == 1
    for program in scene.programs.values():
        assert "test-only-secret-value" not in program.log.read_text()


def test_a_file_that_is_as_it_was_is_left_alone(scene: Scene) -> None:
    scene.change(Rules(label="same"))
    before = scene.events("worker", "mappings_reloaded")
    scene.mount(Rules(label="same"))
    with scene.reloading("mappings_unchanged"):
        scene.hang_up()
    assert scene.events("worker", "mappings_reloaded") == before


def test_a_hang_up_rotates_secrets(scene: Scene) -> None:
    scene.change(Rules(label="rotated"))
    try:
        with scene.reloading():
            scene.keep("jira", "test-only-token-of-yesterday")
            scene.keep("webhook", "test-only-webhook-secret-of-tomorrow")
            scene.hang_up()
        until(lambda: scene.deliver() == 401)
        assert scene.deliver(secret="test-only-webhook-secret-of-tomorrow") == 202
    finally:
        scene.keep("webhook", WEBHOOK_SECRET)
    until(lambda: scene.deliver() == 202)
    finding_id = scene.find()
    until(lambda: scene.events("worker", "system_waited_for") > 0)
    assert scene.labels(finding_id) == []
    scene.keep("jira", ENVIRONMENT["JIRA_TOKEN"])
    until(lambda: scene.labels(finding_id) == ["rotated"], 60)


def test_a_tracker_can_be_added(scene: Scene) -> None:
    scene.change(Rules(label="alone"))
    earlier = scene.find()
    until(lambda: scene.trackers(earlier) == ["jira"])
    scene.change(Rules(label="both", servicenow=True))
    later = scene.find()
    until(lambda: scene.trackers(later) == ["jira", "servicenow"])


@pytest.mark.parametrize("more", ["", "defaults: {outcomes: {duplicate: resolved}}"])
def test_a_rule_that_is_renamed_or_deleted_goes_on_counting_for_its_tickets(scene: Scene, more: str) -> None:
    scene.change(Rules(rule={"name": "students", "outcomes": {"duplicate": "reviewing"}}))
    finding_id = scene.find()
    until(lambda: scene.status(finding_id) == "reviewing" and scene.is_at_rest())
    others = {"name": "others", "match": {"domain_type": "metadata"}}
    before = scene.events("worker", "living_cases_touched")
    scene.change(Rules(rule=others, more=more))
    until(lambda: scene.events("worker", "living_cases_touched") > before)
    assert {"rule": "students", "state": "gone"}.items() <= scene.last("worker", "gone").items()
    scene.close(finding_id, "Duplicate")
    until(lambda: any("does not settle" in each for each in scene.comments(finding_id)))
    assert scene.status(finding_id) == "reviewing"
    scene.close(finding_id, "Done")


def test_a_renamed_tracker_keeps_its_tickets_and_a_person_closes_them_under_the_new_name(scene: Scene) -> None:
    scene.change(Rules(label="named"))
    finding_id = scene.find()
    until(lambda: scene.status(finding_id) == "reviewing" and scene.is_at_rest())
    scene.change(Rules(jira="jira-cloud", formerly=("jira",)))
    scene.close(finding_id, "Done")
    until(lambda: scene.status(finding_id) == "resolved" and scene.is_at_rest())
    assert scene.trackers(finding_id) == ["jira"]
    later = scene.find()
    until(lambda: scene.status(later) == "reviewing" and scene.is_at_rest())
    scene.change(Rules(formerly=("jira-cloud",)))
    scene.close(later, "Done")
    until(lambda: scene.status(later) == "resolved" and scene.is_at_rest())
    assert scene.trackers(later) == ["jira"]


def test_a_ticket_is_read_by_the_states_of_its_own_table_after_the_table_was_changed(scene: Scene) -> None:
    scene.change(Rules(servicenow=True))
    finding_id = scene.find()
    until(lambda: scene.status(finding_id) == "reviewing" and scene.is_at_rest())
    scene.change(Rules(servicenow=True, context={"table": "sn_si_incident", "former_tables": {"incident": {}}}))
    tickets = {ticket.tracker: ticket for ticket in scene.outside.tickets(finding_id)}
    on_hold = {"state": "3"}  # of a security incident it would be Closed
    scene.outside.edit_as_priya(tickets["servicenow"], on_hold)
    scene.outside.resolve_as_priya(tickets["jira"])
    scene.outside.control("servicenow", "DELETE", "requests")
    until(lambda: scene.is_read(tickets["servicenow"]) and scene.is_at_rest())
    assert scene.status(finding_id) == "reviewing"
    scene.outside.resolve_as_priya(tickets["servicenow"])
    until(lambda: scene.status(finding_id) == "resolved" and scene.is_at_rest())
    assert scene.trackers(finding_id) == ["jira", "servicenow"]


def test_what_a_district_misses_while_it_is_not_in_the_file_is_done_once_it_is_back(scene: Scene) -> None:
    scene.change(Rules(label="there"))
    finding_id = scene.find()
    until(lambda: scene.status(finding_id) == "reviewing" and scene.is_at_rest())
    scene.change(Rules(districts=("hillside",)))
    scene.close(finding_id, "Done")
    until(lambda: not scene.is_at_rest())  # a poll has told of it
    assert scene.status(finding_id) == "reviewing"
    scene.change(Rules(label="back"))
    until(lambda: scene.status(finding_id) == "resolved" and scene.is_at_rest())
    assert scene.trackers(finding_id) == ["jira"]


def test_where_a_rule_never_counted_the_defaults_do(scene: Scene) -> None:
    others = {"name": "others", "match": {"domain_type": "metadata"}}
    scene.change(Rules())
    finding_id = scene.find()
    until(lambda: scene.status(finding_id) == "reviewing" and scene.is_at_rest())
    scene.change(Rules(rule=others, more="defaults: {outcomes: {duplicate: reviewing}}"))
    scene.forget_what_was_said()
    scene.close(finding_id, "Duplicate")
    until(lambda: any("does not settle" in each for each in scene.comments(finding_id)))
    assert scene.status(finding_id) == "reviewing"
    scene.close(finding_id, "Done")


def test_a_changed_retention_holds_for_what_is_kept_from_then_on(scene: Scene) -> None:
    scene.change(Rules(more="retention: {deliveries: 2d, timelines: 8d}"))
    scene.find()
    until(lambda: 2 in scene.days_left("inbox"))
    until(lambda: 8 in scene.days_left("told"))


def test_a_district_can_be_added_and_taken_away(scene: Scene) -> None:
    scene.change(Rules())
    assert scene.deliver("hillside") == 404
    scene.change(Rules(districts=("lakeside", "hillside")))
    assert scene.deliver("hillside") == 202
    scene.change(Rules())
    assert scene.deliver("hillside") == 404


def test_work_in_flight_goes_on_with_what_it_started_with(scene: Scene) -> None:
    scene.change(Rules(label="old"))
    scene.outside.control("jira", "DELETE", "requests")
    slow = {"kind": "slow", "method": "POST", "path": "/issue$", "seconds": 6}  # longer than the reload takes
    scene.outside.control("jira", "POST", "faults", json=slow)
    finding_id = scene.find()
    until(lambda: any(_creates(each) for each in scene.outside.control("jira", "GET", "requests")))
    with scene.reloading():
        scene.mount(Rules(label="new"))
        scene.hang_up()
    assert scene.status(finding_id) == "open"
    until(lambda: scene.status(finding_id) == "reviewing")
    assert scene.labels(finding_id) == ["old"]
    later = scene.find()
    until(lambda: scene.labels(later) == ["new"])
    assert scene.trackers(finding_id) == ["jira"]


def _creates(request: dict[str, Any]) -> bool:
    return bool(request["method"] == "POST" and request["path"].endswith("/issue"))


def test_a_worker_whose_terminal_is_closed_stops(scene: Scene) -> None:
    terminal, its_end = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "remedy", "run", "worker"],
        env={**scene.stage.environment, "MAPPINGS_PATH": str(scene.mounted / "mappings.yaml")},
        stdin=subprocess.DEVNULL,
        stderr=its_end,
        start_new_session=True,
    )
    os.close(its_end)
    timer = threading.Timer(30, process.kill)
    timer.start()
    shown = b""
    while b"worker_runs" not in shown:
        shown += os.read(terminal, 4096)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    process.wait(30)
    timer.cancel()
    assert process.returncode == 0
