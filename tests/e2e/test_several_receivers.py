"""Several receivers behind one port are one receiver to senders, to Prometheus and to whoever stops them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from sandbox.secrets import ENVIRONMENT, TRACKER_WEBHOOKS
from sandbox.stage.processes import Program
from tests.e2e.metrics import counted
from tests.e2e.scene import ENDS_WITHIN, REPOSITORY, Scene, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually
from tests.processes import children_of

COUNT = 2
TAKEN = "remedy_deliveries_total"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


@dataclass
class Group:
    """Receivers that run behind one port."""

    program: Program

    @property
    def address(self) -> str:
        return self.program.address("receiver_listens")

    @property
    def metrics(self) -> str:
        return self.program.address("metrics_listen")

    @property
    def pids(self) -> list[int]:
        return children_of(self.program.pid)

    def counted(self, metric: str, **labels: str) -> float:
        return counted(self.metrics, metric, **labels)

    @property
    def taken(self) -> float:
        return self.counted(TAKEN, answer="202")

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.program.logged().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


@pytest.fixture(scope="module")
def groups() -> Iterator[list[Group]]:
    groups: list[Group] = []
    yield groups
    for each in groups:
        each.program.stop()


@pytest.fixture
def group(scene: Scene, groups: list[Group]) -> Group:
    """That of an earlier test where it still runs."""
    if not groups or groups[-1].program.process.poll() is not None:
        groups.append(Group(scene.stage.command("run", "receiver", "--processes", str(COUNT))))
    becomes(lambda: groups[-1].counted("remedy_receiver_processes"), float(COUNT))
    return groups[-1]


@dataclass
class Senders:
    """Threads that deliver for as long as they may, each delivery over a connection of its own."""

    address: str
    is_over: threading.Event = field(default_factory=threading.Event)
    stored: list[str] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)

    def send_on(self) -> None:
        number = 0
        while not self.is_over.is_set():
            number += 1
            event_id = f"evt_{threading.get_ident()}_{number}"
            try:
                if delivered(self.address, critical("fnd_1", event_id)).status_code == 202:
                    self.stored.append(event_id)
            except httpx2.ConnectError:
                return
            except httpx2.HTTPError as error:
                self.cut_off.append(type(error).__name__)


def test_they_share_the_connections_of_one_port_and_every_delivery_is_counted(group: Group) -> None:
    assert len(group.pids) == COUNT
    before = {pid: descriptors(pid) for pid in group.pids}
    taken, told, timed = group.taken, group.counted(TAKEN), group.counted("remedy_accept_seconds_count")
    split = urlsplit(group.address)
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection((str(split.hostname), int(split.port or 0))))
        becomes(lambda: group.counted("remedy_connections"), 60.0)
        assert all(descriptors(pid) > before[pid] for pid in group.pids), "one of them got none"
    for number in range(30):
        assert delivered(group.address, critical("fnd_1", f"evt_shared_{number}")).status_code == 202
    assert delivered(group.address, critical("fnd_1"), secret="test-only-wrong").status_code == 401
    assert (group.taken - taken, group.counted(TAKEN) - told) == (30, 31)
    assert group.counted("remedy_accept_seconds_count") - timed == 30
    assert group.counted("remedy_process_info", role="receiver") == 1
    assert group.counted("remedy_redis_up") == 1
    assert httpx2.get(f"{group.metrics}/readyz", trust_env=False).json() == {"ready": True, "problems": []}


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def test_one_that_is_killed_is_replaced_and_nothing_that_was_answered_is_lost(scene: Scene, group: Group) -> None:
    senders, sums, died = Senders(group.address), list[float](), group.counted("remedy_receiver_deaths_total")
    with ThreadPoolExecutor(4) as threads:
        sending = [threads.submit(senders.send_on) for _ in range(4)]
        eventually(lambda: len(senders.stored) > 20)
        sums.append(group.taken)
        os.kill(group.pids[0], signal.SIGKILL)
        eventually(lambda: group.logged("receiver_process_died"))
        sums.append(group.taken)
        becomes(lambda: group.counted("remedy_receiver_processes"), float(COUNT))
        sums.append(group.taken)
        senders.is_over.set()
        for each in sending:
            each.result()
    assert sums == sorted(sums), "a counter fell"
    assert group.counted("remedy_receiver_deaths_total") == died + 1
    assert len(group.pids) == COUNT
    assert [event_id for event_id in senders.stored if not scene.row(event_id)] == []


def test_a_stop_answers_everybody_who_has_dialled(scene: Scene, group: Group) -> None:
    senders = Senders(group.address)
    with ThreadPoolExecutor(4) as threads:
        sending = [threads.submit(senders.send_on) for _ in range(4)]
        eventually(lambda: len(senders.stored) > 20)
        group.program.process.send_signal(signal.SIGTERM)
        eventually(lambda: len(group.logged("receiver_stopping")) == COUNT)
        answer = httpx2.get(f"{group.metrics}/readyz", trust_env=False)
        assert (answer.status_code, answer.json()["problems"]) == (503, ["stopping"])
        assert group.program.process.wait(30) == 0
        for each in sending:
            each.result()
    assert senders.cut_off == []
    assert len(group.logged("receiver_stopped")) == COUNT
    assert [event_id for event_id in senders.stored if not scene.row(event_id)] == []


def test_a_changed_file_reaches_all_of_them(scene: Scene, group: Group) -> None:
    path = scene.stage.folder / "mappings.yaml"
    before = path.read_text()
    path.write_text(f"{before}# changed\n")
    try:
        group.program.process.send_signal(signal.SIGHUP)
        becomes(lambda: len(group.logged("mappings_reloaded")), COUNT)
        assert group.counted("remedy_mappings_info") == 1
    finally:
        path.write_text(before)


def test_where_the_process_above_is_killed_they_end_and_leave_the_port(group: Group) -> None:
    address, pids = urlsplit(group.address), group.pids
    group.program.process.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), int(address.port or 0)))


def refusal(scene: Scene, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "remedy", "run", *words],
        cwd=REPOSITORY,
        env={**scene.stage.environment, **environment},
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN,
        check=False,
    )


def test_a_port_that_another_group_has_is_not_shared_with_it(scene: Scene, group: Group) -> None:
    port = str(urlsplit(group.address).port)
    result = refusal(scene, "receiver", "--processes", "2", RECEIVER_PORT=port)
    assert result.returncode == 2
    assert f"RECEIVER_PORT: cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (("receiver", "--processes", "2"), {"SCHOOLSCAN_WEBHOOK_SECRET": ""}, "SCHOOLSCAN_WEBHOOK_SECRET"),
        (("receiver", "--processes", "2"), {"MAPPINGS_PATH": "missing.yaml"}, "missing.yaml"),
        (("receiver", "--processes", "0"), {}, "--processes"),
        (("worker", "--processes", "2"), {}, "as many workers as you like"),
    ],
)
def test_a_mistake_ends_the_start_and_is_told_once(
    scene: Scene, words: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    result = refusal(scene, *words, **environment)
    assert result.returncode == 2
    assert sum(said in line for line in result.stderr.splitlines()) == 1, result.stderr
    assert "Traceback" not in result.stderr


@contextmanager
def started(environment: Mapping[str, str], *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A command, and the address at which it takes deliveries; ended by force where it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "remedy", *words], cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        address, deadline = "", time.monotonic() + ENDS_WITHIN
        assert process.stderr is not None
        while not address and time.monotonic() < deadline and (said := process.stderr.readline()):
            with suppress(ValueError):
                line = json.loads(said)
                address = line["address"] if line["event"] == "receiver_listens" else ""
        yield process, address
    finally:
        process.kill()
        process.communicate()


def test_with_the_embedded_server_the_process_above_holds_it(scene: Scene, tmp_path: Path) -> None:
    environment = {**scene.stage.environment, "DATA_DIR": str(tmp_path / "data"), "RECEIVER_PORT": "0"}
    environment |= {"METRICS_PORT": "0", "REDIS_URL": ""}
    with started(environment, "run", "receiver", "--processes", "2") as (process, address):
        assert delivered(address, critical("fnd_1")).status_code == 202
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_WITHIN) == 0


@pytest.mark.parametrize("by_variable", [True, False])
def test_each_reads_its_context_itself_and_of_that_only_the_secrets_that_a_receiver_needs(
    scene: Scene, tmp_path: Path, *, by_variable: bool
) -> None:
    environment = {**scene.stage.environment, "RECEIVER_PORT": "0", "METRICS_PORT": "0"}
    environment["REMEDY_CONTEXTS"] = str(contexts := tmp_path / "contexts")
    contexts.mkdir(mode=0o700)
    settings = {"DATA_DIR": str(tmp_path / "data"), "MAPPINGS_PATH": environment["MAPPINGS_PATH"]}
    secrets = {"JIRA_TOKEN": {"file": str(tmp_path / "missing")}}
    for name in ("DATA_KEYS", *TRACKER_WEBHOOKS, *(each for each in ENVIRONMENT if "WEBHOOK" in each)):
        (tmp_path / name).write_text(environment.pop(name), encoding="utf-8")
        secrets[name] = {"file": str(tmp_path / name)}
    path = contexts / "lab.yaml"
    path.write_text(json.dumps({"settings": settings, "secrets": secrets}), encoding="utf-8")
    path.chmod(0o600)
    environment |= {"REMEDY_CONTEXT": "lab"} if by_variable else {}
    chosen = () if by_variable else ("--context", "lab")
    with started(environment, *chosen, "run", "receiver", "--processes", "2") as (process, address):
        assert delivered(address, critical("fnd_1")).status_code == 202
        listed = [Path(f"/proc/{pid}/environ").read_bytes() for pid in children_of(process.pid)]
        assert not any(
            (tmp_path / name).read_bytes() in each for name in secrets for each in listed if name != "JIRA_TOKEN"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN) == 0
