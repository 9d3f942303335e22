"""Three sentinels, a primary and two replicas: the primary dies under load, and all ends well."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis.exceptions import RedisError

from tests.e2e.scene import BOTH, REVIEWING, Scene, open_scene
from tests.e2e.watching import becomes, eventually
from tests.redis_servers import DURABLE, RedisServer, SentinelServer, running

MASTER = "main"
OPTIONS = {**DURABLE, "masterauth": "test-only-password", "requirepass": "test-only-password"}
WATCHED = {
    f"down-after-milliseconds {MASTER}": "1000",
    f"failover-timeout {MASTER}": "10000",
    f"parallel-syncs {MASTER}": "1",
    f"auth-pass {MASTER}": "test-only-password",
}


class GuardedServer(RedisServer):
    """A server with a password."""

    def client(self, **options: Any) -> Any:
        """A connection for the test itself."""
        return super().client(password="test-only-password", **options)


@dataclass(frozen=True, slots=True)
class Group:
    """What the sentinels watch."""

    servers: list[GuardedServer]
    sentinels: list[SentinelServer]

    @property
    def url(self) -> str:
        """The address for processes of ours. The first sentinel is away, as one may be."""
        return f"redis+sentinel://127.0.0.1:1,{','.join(f'127.0.0.1:{each.port}' for each in self.sentinels)}/{MASTER}"

    def primary(self) -> GuardedServer:
        """The server that the sentinels name."""
        with self.sentinels[0].client() as client:
            _, port = client.sentinel_get_master_addr_by_name(MASTER)
        return next(each for each in self.servers if each.port == port)


def role_of(server: GuardedServer) -> str:
    """What the server is; empty while it closes its connections, as it does when it becomes a replica."""
    try:
        with server.client() as client:
            return str(client.info("replication")["role"])
    except RedisError:
        return ""


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    with contextlib.ExitStack() as stack:
        first = GuardedServer(tmp_path / "0", OPTIONS)
        replicas = [
            GuardedServer(tmp_path / str(n), {**OPTIONS, "replicaof": f"127.0.0.1 {first.port}"}) for n in (1, 2)
        ]
        servers = [first, *replicas]
        monitored = {"monitor": f"{MASTER} 127.0.0.1 {first.port} 2", **WATCHED}
        sentinels = [SentinelServer(tmp_path / f"s{n}", monitored) for n in range(3)]
        for server in (*servers, *sentinels):
            stack.enter_context(running(server))
        with sentinels[0].client() as client:
            becomes(lambda: client.sentinel_masters()[MASTER]["num-other-sentinels"], 2)
            becomes(lambda: client.sentinel_masters()[MASTER]["num-slaves"], 2)
        yield Group(servers, sentinels)


@pytest.fixture
def scene(group: Group) -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.environment = {
            **scene.stage.environment,
            "REDIS_URL": group.url,
            "REDIS_PASSWORD": "test-only-password",
        }
        scene.stage.start_receiver()
        scene.start_worker()
        yield scene


def test_a_primary_that_dies_under_load_costs_nothing_in_the_end(scene: Scene, group: Group) -> None:
    scene.redis = group.primary().client()
    before = scene.opened()
    ids = scene.outside.scan([BOTH] * 30)
    eventually(lambda: [each for each in scene.outside.requests("jira") if each["method"] == "POST"])
    dead = group.primary()
    dead.stop(kill=True)
    becomes(lambda: group.primary().port != dead.port, wanted=True)
    ready = f"{scene.stage.receiver_address}/readyz"
    becomes(lambda: httpx2.get(ready, timeout=10, trust_env=False).status_code, 200)
    scene.redis = group.primary().client()
    scene.comes_to_rest(60)
    lost = [each for each in ids if scene.state(each) != REVIEWING]
    if lost:  # what the primary had acknowledged, and no replica had yet
        assert scene.remedy("reconcile", "--all").returncode == 0
    becomes(lambda: {scene.state(each) for each in (before, *ids)}, {REVIEWING}, 60)
    assert len(scene.outside.all_tickets()) == 2 * (len(ids) + 1), "none is opened twice"
    assert [each.process.poll() for each in scene.stage.programs] == [None] * 3, "nothing needs a restart"
    dead.start()
    becomes(lambda: role_of(dead), "slave")
    after = scene.opened()
    assert scene.state(after) == REVIEWING


def test_a_change_of_the_primary_that_was_asked_for_is_followed(scene: Scene, group: Group) -> None:
    before = group.primary()
    scene.redis = before.client()
    scene.opened()
    with group.sentinels[0].client() as client:
        client.sentinel_failover(MASTER)
    becomes(lambda: group.primary().port != before.port, wanted=True)
    scene.redis = group.primary().client()
    finding_id = scene.find()
    scene.settles(finding_id, REVIEWING)
    assert [each.process.poll() for each in scene.stage.programs] == [None] * 3
