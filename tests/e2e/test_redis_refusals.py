"""A Redis that will never do ends a start with one message and exit code 2; one that may do yet is waited for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from remediation.sealing import generate_key
from tests.e2e.scene import Scene, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually
from tests.redis_servers import CLUSTER, DURABLE, RedisServer, SentinelServer, acl_line, running

ROLES = ["receiver", "worker"]
PASSWORD = "test-only-password"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(RedisServer(tmp_path / "redis", DURABLE)) as server:
        yield server


def refusal(scene: Scene, role: str, **environment: str) -> str:
    """The one message with which a start ends."""
    result = scene.remedy("run", role, **environment)
    assert result.returncode == 2, result.stderr
    (message,) = (line for line in result.stderr.splitlines() if not line.startswith("{"))
    assert message.startswith("error: ")
    return message


@pytest.mark.parametrize("role", ROLES)
def test_a_cluster_ends_the_start(scene: Scene, tmp_path: Path, role: str) -> None:
    with running(RedisServer(tmp_path / "redis", {**DURABLE, **CLUSTER})) as server:
        assert "cluster mode, which is not supported" in refusal(scene, role, REDIS_URL=server.url)


@pytest.mark.parametrize("role", ROLES)
def test_a_missing_right_ends_the_start(scene: Scene, server: RedisServer, role: str) -> None:
    """TIME is what a process asks first. Both loops of a process that ends have ended: it does not hang."""
    with server.client() as admin:
        admin.execute_command(*acl_line(PASSWORD), "-time")
    message = refusal(scene, role, REDIS_URL=server.url, REDIS_USERNAME="remedy", REDIS_PASSWORD=PASSWORD)
    assert "does not allow our user: TIME" in message


def test_a_wrong_password_ends_the_start_and_a_command(scene: Scene, server: RedisServer) -> None:
    with server.client() as admin:
        admin.config_set("requirepass", PASSWORD)
    wrong = {"REDIS_URL": server.url, "REDIS_PASSWORD": "test-only-wrong"}
    assert "refuses our user or password" in refusal(scene, "worker", **wrong)
    result = scene.remedy("parked", "list", **wrong)
    assert (result.returncode, result.stdout) == (2, "")
    assert "refuses our user or password" in result.stderr


COMMANDS = [("parked", "list"), ("parked", "audit"), ("case", "show", "fnd_1"), ("reconcile", "--dry-run")]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_names_what_is_no_redis_for_us_and_does_not_call_it_empty(
    scene: Scene, server: RedisServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    with (
        running(RedisServer(tmp_path / "cluster", CLUSTER)) as cluster,
        running(SentinelServer(tmp_path / "sentinel", {"monitor": f"main 127.0.0.1 {server.port} 1"})) as sentinel,
    ):
        for url, why in (
            (cluster.url, "cluster mode, which is not supported"),
            (sentinel.url, "this is a sentinel and no Redis"),
            (server.url.replace("redis:", "rediss:"), "what answers speaks no TLS"),
        ):
            result = scene.remedy(*words, REDIS_URL=url)
            assert (result.returncode, result.stdout) == (2, "")
            assert result.stderr.startswith("error: ")
            assert why in result.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:1/0?decode_responses=false", "has a parameter other than db"),
        ("redis://:test-only/pass#word@127.0.0.1:1/0", "belongs into REDIS_USERNAME and REDIS_PASSWORD"),
        ("redis://127.0.0.1:1,127.0.0.1:2/0", "names several hosts"),
        ("redis://127.0.0.1:1/zero", "the database must be a whole number"),
    ],
)
def test_an_address_that_is_none_ends_the_start_and_is_not_repeated(scene: Scene, url: str, words: str) -> None:
    message = refusal(scene, "receiver", REDIS_URL=url)
    assert message.startswith("error: REDIS_URL: ")
    assert words in message
    assert "test-only" not in message


def told(program: Any, event: str) -> dict[str, Any]:
    """The first log line of an event, waited for."""
    lines = eventually(lambda: [line for line in program.logged().splitlines() if f'"{event}"' in line])
    entry: dict[str, Any] = json.loads(lines[0])
    return entry


def readiness(address: str) -> tuple[int, list[str]]:
    answer = httpx2.get(f"{address}/readyz", timeout=10, trust_env=False)
    return answer.status_code, answer.json()["problems"]


@pytest.mark.parametrize(("role", "event"), [("receiver", "metrics_listen"), ("worker", "worker_runs")])
def test_one_that_is_away_is_waited_for_and_refused_when_it_comes_back_as_a_cluster(
    scene: Scene, tmp_path: Path, role: str, event: str
) -> None:
    server = RedisServer(tmp_path / "redis", {**DURABLE, **CLUSTER})
    program = scene.stage.start(role, REDIS_URL=server.url)
    assert told(program, "redis_waited_for")["reason"] == "away"
    status, problems = readiness(program.address(event))
    assert (status, problems) == (503, ["Redis does not answer: nobody listens at its address"])
    with running(server):
        assert program.process.wait(30) == 2
    assert "cluster mode" in program.logged()


def test_one_that_comes_back_is_worked_with(scene: Scene, tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", DURABLE)
    receiver = scene.stage.start("receiver", REDIS_URL=server.url)
    assert told(receiver, "redis_waited_for")["reason"] == "away"
    address = receiver.address("receiver_listens")
    with running(server):
        told(receiver, "redis_can_be_used")
        assert readiness(address)[0] == 200
        assert delivered(address, critical("fnd_1")).status_code == 202
        assert receiver.stop() == 0


def test_weak_durability_is_a_log_line_also_where_it_is_allowed(scene: Scene, tmp_path: Path) -> None:
    with running(RedisServer(tmp_path / "redis", {"save": ""})) as server:
        receiver = scene.stage.start("receiver", REDIS_URL=server.url, ALLOW_WEAK_DURABILITY="true")
        assert told(receiver, "redis_may_lose_writes")["reason"] == "appendonly,appendfsync"
        assert readiness(receiver.address("metrics_listen")) == (200, [])
        assert receiver.stop() == 0


def test_a_password_that_is_changed_is_told_on_readyz_and_ends_nothing(scene: Scene, server: RedisServer) -> None:
    programs = {
        "metrics_listen": scene.stage.start("receiver", REDIS_URL=server.url),
        "worker_runs": scene.stage.start("worker", REDIS_URL=server.url),
    }
    addresses = [program.address(event) for event, program in programs.items()]
    with server.client() as admin:
        admin.config_set("requirepass", PASSWORD)
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for address in addresses:
            status, (problem,) = readiness(address)
            assert (status, problem[:36]) == (503, "Redis wants a password, and there is")
        admin.config_set("requirepass", "")
    for address in addresses:
        becomes(lambda address=address: readiness(address)[0], 200)  # type: ignore[misc]  # bound to each
    for program in programs.values():
        assert program.stop() == 0


def test_foreign_data_keys_are_told_with_their_ids(scene: Scene, server: RedisServer) -> None:
    ours, other = generate_key(), generate_key()
    receiver = scene.stage.start("receiver", REDIS_URL=server.url, DATA_KEYS=ours)
    assert delivered(receiver.address("receiver_listens"), critical("fnd_1")).status_code == 202
    kid = ours.partition(":")[0]
    for wrong, words in (
        (other, f"the data key {kid}, which is not in DATA_KEYS"),
        (f"{kid}:{other.partition(':')[2]}", f"not open under the key {kid}"),
    ):
        worker = scene.stage.start("worker", REDIS_URL=server.url, DATA_KEYS=wrong)
        eventually(lambda worker=worker: f'"key_id": "{kid}"' in worker.logged())  # type: ignore[misc]  # bound
        status, problems = readiness(worker.address("worker_runs"))
        assert (status, sum(words in each for each in problems)) == (503, 1), problems
        assert worker.stop() == 0
    worker = scene.stage.start("worker", REDIS_URL=server.url, DATA_KEYS=f"{ours},{other}")
    assert readiness(worker.address("worker_runs")) == (200, [])
    assert worker.stop() == 0
    assert receiver.stop() == 0
