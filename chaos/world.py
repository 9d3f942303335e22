"""What an experiment plays on: a store, the sandbox, several receivers and workers, and the means to break them."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from redis import Redis
from redis.exceptions import RedisError

from chaos.journal import Delivery, Journal
from chaos.senders import Flow
from remediation.store.keys import DIRTY, LEASE, PARKED, PENDING, SCANS
from remedy.embedded.server import EmbeddedServer
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import Program, Stage, open_stage
from sandbox.stage.systems import Outside, open_outside_world
from sandbox.wire.ports import free_port

MAPPINGS = Path(__file__).parent.parent / "mappings.yaml"
START_SECONDS = 30.0
OTHER_DISTRICT = "riverside"
REST_SECONDS = 90.0
"""How long work may stand still before it counts as unsettled: longer than any wait that an experiment makes ours."""


BOTH = ({"severity": "critical", "domain_type": "direct_pii"}, ("jira", "servicenow"))
IN_JIRA = ({"severity": "low", "domain_type": "metadata"}, ("jira",))
IN_SERVICENOW = ({"severity": "low", "domain_type": "vendor_exposure"}, ("servicenow",))
"""Kinds of findings, and the trackers that the shipped rules name for them."""

Kind = tuple[dict[str, str], tuple[str, ...]]

_PAUSE = 0.03
_NO_LIMIT = {"reads": 1_000_000, "writes": 1_000_000}


class Rest(NamedTuple):
    """How long it took until nothing was left to be done, or until no more was done; and how much was left."""

    seconds: float
    left: int


@dataclass(slots=True)
class Slot:
    """A place for one receiver or worker, which may die and be started again with the same settings."""

    role: str
    name: str
    module: Sequence[str]
    environment: dict[str, str]
    program: Program

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.program.process.poll() is None


@dataclass(slots=True)
class World:
    """One store with all around it. `redis` asks the store directly; `journal` is of the experiment at hand."""

    stage: Stage
    outside: Outside
    redis: Any  # a blocking Redis, whose types say that every answer may be awaitable
    chance: random.Random
    journal: Journal = field(default_factory=Journal)
    receivers: list[Slot] = field(default_factory=list)
    workers: list[Slot] = field(default_factory=list)
    began: dict[Path, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    parked_before: int = 0
    remarks: list[str] = field(default_factory=list)
    """What was found wrong, one by one, for whoever looks into it."""

    planted: str = ""
    """A known bug that every process gets from now on; for tests of the suite itself."""

    def begin(self) -> None:
        """A new journal; what was logged and parked before is not looked at again, and nothing is broken."""
        self.journal = Journal()
        self.remarks.clear()
        self.parked_before = int(self.redis.zcard(PARKED))
        self.outside.mend()
        self.began = {log: log.stat().st_size for log in self.stage.folder.glob("*.log")}

    # processes

    def start(
        self, role: str, *, name: str = "", words: Sequence[str] = (), wait: bool = True, **environment: str
    ) -> Slot:
        """One more receiver or worker; `words` are options of chaos.launch, without which it is the plain command."""
        self.numbers[role] = self.numbers.get(role, 0) + 1
        name = name or f"{role}-{self.numbers[role]}"
        if role == "receiver":
            environment = {"RECEIVER_PORT": str(free_port()), **environment}
        module = self._module(words)
        slot = Slot(role, name, module, environment, _started(self.stage, name, [*module, "run", role], environment))
        if wait:
            self.wait_until_ready(slot)
        return slot

    def wait_until_ready(self, slot: Slot) -> None:
        """Wait until a process that was started works."""
        slot.program.address("receiver_listens" if slot.role == "receiver" else "worker_runs")
        deadline = time.monotonic() + START_SECONDS
        while slot.role == "receiver" and time.monotonic() < deadline and slot.lives:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{address_of(slot)}/readyz", timeout=2, trust_env=False).is_success:
                    return
            time.sleep(_PAUSE)

    def staff(self, receivers: int = 2, workers: int = 2) -> None:
        """See to it that exactly so many of each run."""
        new: list[Slot] = []
        for role, slots, count in (("receiver", self.receivers, receivers), ("worker", self.workers, workers)):
            slots[:] = [slot for slot in slots if slot.lives]
            for slot in slots[count:]:
                slot.program.stop()
            del slots[count:]
            started = [self.start(role, wait=False) for _ in range(count - len(slots))]
            slots.extend(started)
            new += started
        for slot in new:
            self.wait_until_ready(slot)

    def dismiss(self, slots: list[Slot]) -> None:
        """End these gently."""
        for slot in slots:
            slot.program.stop()
        slots.clear()

    def again(self, slot: Slot, *, wait: bool = False) -> None:
        """Start a process that has ended once more, with the settings that it had."""
        slot.program = _started(self.stage, slot.name, [*slot.module, "run", slot.role], slot.environment)
        if wait:
            self.wait_until_ready(slot)

    def _module(self, words: Sequence[str]) -> list[str]:
        planted = ["--planted", self.planted] if self.planted else []
        return ["chaos.launch", *words, *planted] if words or planted else ["remedy"]

    @property
    def addresses(self) -> list[str]:
        """Where deliveries can go."""
        return [address_of(slot) for slot in self.receivers]

    # the store

    @property
    def redis_pid(self) -> int:
        """The store's process."""
        return int((self.stage.redis_folder / "server.lock").read_text(encoding="ascii"))

    def kill_redis(self, away: float = 0.0) -> None:
        """Kill (-9) the store, and start it again on its data."""
        os.kill(self.redis_pid, signal.SIGKILL)
        self.stage.stop_redis()
        time.sleep(away)
        self.stage.start_redis()

    @contextlib.contextmanager
    def redis_stopped(self) -> Iterator[None]:
        """The store stands still, with all its connections open."""
        pid = self.redis_pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def end_leases(self) -> None:
        """Let the leases of dead workers run out now, and what is put off fall due. No living worker may hold one."""
        leases = list(self.redis.scan_iter(LEASE + "*", count=1_000))
        if leases:
            self.redis.delete(*leases)
        self.fall_due()

    def fall_due(self) -> None:
        """Let what is put off fall due now."""
        now = int(time.time() * 1000)
        for waiting in (DIRTY, PENDING, SCANS):
            for name in self.redis.zrange(waiting, 0, -1):
                self.redis.zadd(waiting, {name: now}, xx=True)

    # findings and deliveries

    def find(self, count: int, kind: Kind = IN_JIRA) -> list[str]:
        """Let SchoolScan find so many of a kind, without a word. Returns their ids."""
        fields, trackers = kind
        ids = self.outside.add_findings([fields] * count)
        self.journal.findings |= dict.fromkeys(ids, trackers)
        return ids

    def events(self, findings: Sequence[str], event: str = "finding.critical") -> list[Delivery]:
        """A delivery for each of these findings, each an event of its own."""
        return [delivery_of(finding_id, event, self.chance) for finding_id in findings]

    def flow(self, deliveries: Iterator[Delivery] | Sequence[Delivery], **options: Any) -> Flow:
        """Senders of these, for a `with`."""
        return Flow(self.journal, options.pop("addresses", self.addresses), deliveries, **options)

    def deliver(self, deliveries: Iterator[Delivery] | Sequence[Delivery], **options: Any) -> None:
        """Send these, and wait until each was taken or given up."""
        with self.flow(deliveries, **options) as flow:
            flow.finish()

    # coming to rest

    def left_to_do(self) -> int:
        """How much is still to be read, listed or looked at."""
        return sum(int(self.redis.zcard(name)) for name in (PENDING, SCANS, DIRTY))

    def settle(self, patience: float = REST_SECONDS) -> Rest:
        """Wait until nothing is left to be done, or until it has not become less for so many seconds."""
        began = moved = time.monotonic()
        least = sys.maxsize
        while least > 0 and time.monotonic() - moved < patience:
            with contextlib.suppress(RedisError):
                if (left := self.left_to_do()) < least:
                    least, moved = left, time.monotonic()
            if least > 0:
                time.sleep(_PAUSE)
        return Rest(time.monotonic() - began, least)

    def logged(self) -> str:
        """What our processes have logged since the experiment began; the sandbox is none of them."""
        parts = []
        for log in sorted(set(self.stage.folder.glob("*.log")) - {self.stage.folder / "sandbox.log"}):
            with log.open("rb") as content:
                content.seek(self.began.get(log, 0))
                parts.append(content.read().decode(errors="replace"))
        return "\n".join(parts)


def delivery_of(finding_id: str, event: str, chance: random.Random) -> Delivery:
    """A delivery that names a finding, with an id of its own."""
    event_id = f"evt_{chance.getrandbits(64):016x}"
    body = b'{"id":"%b","type":"%b","data":{"finding_id":"%b"}}' % (
        event_id.encode(),
        event.encode(),
        finding_id.encode(),
    )
    return Delivery(event_id, finding_id, body)


def address_of(slot: Slot) -> str:
    """Where a receiver listens, before and after a restart."""
    return f"http://127.0.0.1:{slot.environment['RECEIVER_PORT']}"


def _started(stage: Stage, name: str, words: Sequence[str], environment: dict[str, str]) -> Program:
    log = stage.folder / f"{name}.log"
    with log.open("ab") as output:
        begins_at = output.tell()
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, with arguments of ours
            [sys.executable, "-m", *words],
            env={**stage.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    program = Program(name, log, process, begins_at)
    stage.programs.append(program)
    return program


@contextlib.contextmanager
def open_world(seed: int, districts: Sequence[str] = (DISTRICT, OTHER_DISTRICT)) -> Iterator[World]:
    """A world with nothing of ours running yet; its feed shows nothing, and SchoolScan's limits are out of the way."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))  # short: there is a socket in it
    try:
        with contextlib.ExitStack() as stack:
            stage = stack.enter_context(open_stage(folder, MAPPINGS, EmbeddedServer, feed=True, districts=districts))
            outside = stack.enter_context(open_outside_world(stage.outside))
            redis = stack.enter_context(contextlib.closing(Redis.from_url(stage.redis_url, socket_timeout=10)))
            outside.control("schoolscan", "PATCH", "settings", json=_NO_LIMIT)
            yield World(stage, outside, redis, random.Random(seed))  # noqa: S311 - repeatable on purpose
    finally:
        shutil.rmtree(folder)
