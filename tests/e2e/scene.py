"""What end-to-end tests play on: a stage of real processes in a folder of its own, the world outside, and Redis."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from redis import Redis
from ruamel.yaml import YAML

from remediation.deliveries.events import delivery_id
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.settings import environ
from remediation.store.keys import DIRTY, INBOX, PENDING, SCANS
from remedy.embedded.server import EmbeddedServer
from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.stage.processes import Program, Stage, open_stage
from sandbox.stage.systems import Outside, SeenTicket, open_outside_world
from tests.e2e.watching import becomes

REPOSITORY = Path(__file__).parents[2]
BOTH = {"severity": "critical", "domain_type": "direct_pii"}
"""A finding for which the shipped rules want a ticket in each tracker."""

ENDS_WITHIN = 40.0


@dataclass(frozen=True, slots=True)
class State:
    """A finding's status and its tickets, one word each: two words of one tracker are a duplicate."""

    status: str
    tickets: tuple[str, ...]


REVIEWING = State("reviewing", ("jira open", "servicenow open"))
RESOLVED = State("resolved", ("jira done", "servicenow done"))


@dataclass(slots=True)
class Scene:
    """One stage and everything around it. `redis` answers bytes."""

    stage: Stage
    outside: Outside
    redis: Any  # a blocking Redis, whose types say that every answer may be awaitable

    def start_worker(self, name: str = "worker", **environment: str) -> Program:
        """A worker, waited for until it runs."""
        worker = self.stage.start("worker", name, **environment)
        worker.address("worker_runs")
        return worker

    def find(self, **fields: object) -> str:
        """Let SchoolScan find something critical, and say so. Answers the finding's id."""
        (finding_id,) = self.outside.scan([{**BOTH, **fields}])
        return finding_id

    def opened(self, **fields: object) -> str:
        """A new finding whose tickets are open already in both trackers."""
        finding_id = self.find(**fields)
        self.settles(finding_id, REVIEWING)
        return finding_id

    def state(self, finding_id: str) -> State:
        """How the outside shows a finding."""
        tickets = self.outside.tickets(finding_id)
        words = sorted(f"{ticket.tracker} {'open' if ticket.is_active else 'done'}" for ticket in tickets)
        return State(str(self.outside.finding(finding_id)["status"]), tuple(words))

    def settles(self, finding_id: str, state: State, seconds: float = 30.0) -> None:
        """Wait until the outside shows the finding like this, and nothing is left to be done."""
        becomes(lambda: self.state(finding_id), state, seconds)
        self.comes_to_rest(seconds)
        assert self.state(finding_id) == state

    def comes_to_rest(self, seconds: float = 30.0) -> None:
        """Wait until all that SchoolScan tells is taken and read, every scan listed and every case settled or parked.

        A tracker may still tell of what was done there: that makes a look, and changes nothing.
        """
        becomes(lambda: all(each["taken"] for each in self.outside.deliveries()), wanted=True, seconds=seconds)
        becomes(self.left_to_do, dict.fromkeys((PENDING, SCANS, DIRTY), 0), seconds)

    def left_to_do(self) -> dict[str, int]:
        """How much waits in each list. The queue does not count: it holds wake-ups, also those of workers that died."""
        return {name: int(self.redis.zcard(name)) for name in (PENDING, SCANS, DIRTY)}

    def deliveries(self, event_id: str) -> list[dict[str, Any]]:
        """SchoolScan's deliveries of one event, with their attempts."""
        return [each for each in self.outside.deliveries() if each["event_id"] == event_id]

    def told(self, kind: str, data: Mapping[str, Any], event_id: str | None = None) -> str:
        """Let SchoolScan send an event, and wait until the receiver has taken every copy of it. Answers its id."""
        before = len(self.deliveries(event_id)) if event_id else 0
        sent = self.outside.send(kind, data, event_id)
        becomes(lambda: [each["taken"] for each in self.deliveries(sent)][before:][:1], [True])
        becomes(lambda: all(each["taken"] for each in self.deliveries(sent)), wanted=True)
        return sent

    def row(self, event_id: str) -> dict[str, bytes]:
        """The inbox row of an event."""
        row = self.redis.hgetall(INBOX + delivery_id("schoolscan", DISTRICT, event_id))
        return {name.decode(): value for name, value in row.items()}

    def ticket(self, finding_id: str, tracker: str) -> SeenTicket:
        """The finding's one ticket in a tracker."""
        (ticket,) = (each for each in self.outside.tickets(finding_id) if each.tracker == tracker)
        return ticket

    def contents(self, finding_id: str, tracker: str) -> dict[str, Any]:
        """All that the finding's one ticket in a tracker holds."""
        return self.outside.contents(self.ticket(finding_id, tracker))

    def remedy(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run the remedy command to its end, as a person would on this stage."""
        return remedy(*words, environment={**self.stage.environment, **environment})

    def parked(self) -> dict[str, dict[str, Any]]:
        """What `remedy parked list --json` shows, by name."""
        listed = self.remedy("parked", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        items = [json.loads(line) for line in listed.stdout.splitlines()]
        return {item["name"]: item for item in items}

    def mappings(self, name: str, change: Callable[[Any], None]) -> str:
        """The path of a copy of the stage's mappings.yaml after a change to its tree."""
        yaml = YAML()
        tree = yaml.load(self.stage.folder / "mappings.yaml")
        change(tree)
        path = self.stage.folder / name
        yaml.dump(tree, path)
        return str(path)


@contextlib.contextmanager
def open_scene(
    mappings: Path = REPOSITORY / "mappings.yaml", *, feed: bool = False, archive: bool = False
) -> Iterator[Scene]:
    """A stage (see open_stage) without a receiver and a worker yet. SchoolScan's limits are high."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))  # short: there is a socket in it
    try:
        with contextlib.ExitStack() as stack:
            stage = stack.enter_context(open_stage(folder, mappings, EmbeddedServer, feed=feed, archive=archive))
            outside = stack.enter_context(open_outside_world(stage.outside))
            redis = stack.enter_context(contextlib.closing(Redis.from_url(stage.redis_url, socket_timeout=10)))
            outside.control("schoolscan", "PATCH", "settings", json={"reads": 1_000_000, "writes": 1_000_000})
            yield Scene(stage, outside, redis)
    finally:
        shutil.rmtree(folder)


def remedy(*words: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the remedy command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "remedy", *words],
        cwd=REPOSITORY,
        env=dict(environment if environment is not None else environ()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN,
        check=False,
    )


def delivered(
    receiver: str,
    body: bytes,
    secret: str = ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"],
    more: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """The receiver's answer to a delivery of ours, signed as SchoolScan signs, with more headers."""
    signed = sign(body, secret, SignatureFormat.TIMESTAMPED, time.time(), "")
    headers = {name.decode(): value.decode() for name, value in signed}
    url = f"{receiver}/webhooks/schoolscan/{DISTRICT}"
    with httpx2.Client(timeout=10, trust_env=False) as client:
        return client.post(url, content=body, headers={**headers, **(more or {}), "Content-Type": "application/json"})


def critical(finding_id: str, event_id: str | None = None) -> bytes:
    """The body of a finding.critical delivery."""
    event = {
        "id": event_id or f"evt_{uuid.uuid4().hex}",
        "type": "finding.critical",
        "data": {"finding_id": finding_id},
    }
    return json.dumps(event).encode()
