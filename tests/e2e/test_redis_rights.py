"""From a delivery to the new status as the documented user, by TLS, with certificates on both sides."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.wire.ports import free_port
from tests.certificates import Authority
from tests.e2e.scene import RESOLVED, REVIEWING, Scene, open_scene
from tests.redis_servers import DURABLE, RedisServer, acl_line, behind_tls, debian_redis, running

PASSWORD = "test-only-p/#@:?%42"


class Secured:
    """A server that only the documented user may use, by TLS only, and who shows a certificate.

    Valkey of the wheel is built without TLS: there it stands in front.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "redis"
        self.authority = Authority(folder)
        self.own, self.ours = self.authority.issue("redis", "localhost"), self.authority.issue("remedy")

    def environment(self, port: int) -> dict[str, str]:
        """The settings of a process of ours."""
        return {
            "REDIS_URL": f"rediss://localhost:{port}/0",
            "REDIS_USERNAME": "remedy",
            "REDIS_PASSWORD": PASSWORD,
            "REDIS_CA_FILE": str(self.authority.file),
            "REDIS_CERT_FILE": str(self.ours[0]),
            "REDIS_KEY_FILE": str(self.ours[1]),
        }

    @contextlib.contextmanager
    def valkey(self) -> Iterator[tuple[RedisServer, int]]:
        """Valkey of the wheel, and the port with TLS."""
        with (
            running(RedisServer(self.folder, DURABLE)) as server,
            behind_tls(server.port, *self.own, clients=self.authority.file) as port,
        ):
            yield server, port

    @contextlib.contextmanager
    def debians(self) -> Iterator[tuple[RedisServer, int]]:
        """Redis of Debian, and the port with its own TLS."""
        server, port = RedisServer(self.folder, program=debian_redis()), free_port()
        names = ("tls-cert-file", "tls-key-file", "tls-ca-cert-file")
        files = zip(names, (*self.own, self.authority.file), strict=True)
        server.options = DURABLE | {"tls-port": str(port)} | {name: str(path) for name, path in files}
        with running(server):
            yield server, port


@pytest.fixture(params=["valkey", "debians"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A stage whose processes use that server, and not the one of the stage."""
    secured = Secured(tmp_path)
    with (
        getattr(secured, request.param)() as (server, port),
        server.client() as admin,
        open_scene() as scene,
    ):
        admin.execute_command(*acl_line(PASSWORD))
        admin.execute_command("ACL", "SETUSER", "default", "on", "resetpass", ">test-only-admin")
        scene.stage.environment = {**scene.stage.environment, **secured.environment(port)}
        scene.redis = admin
        yield scene


def test_the_whole_way(scene: Scene) -> None:
    scene.stage.start_receiver()
    worker = scene.start_worker()
    finding_id = scene.find()
    scene.settles(finding_id, REVIEWING)
    for ticket in scene.outside.tickets(finding_id):
        scene.outside.resolve_as_priya(ticket)
    scene.settles(finding_id, RESOLVED)
    for words in (("parked", "list"), ("case", "show", finding_id), ("reconcile", "--all")):
        result = scene.remedy(*words)
        assert result.returncode == 0, result.stderr
    assert worker.stop() == 0
    tried = {each[each.index(b"object") + 1] for each in scene.redis.execute_command("ACL", "LOG")}
    assert tried <= {b"bgrewriteaof"}, "nothing was tried that is not allowed, but what a server may refuse (0059)"
