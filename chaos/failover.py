"""A second store that follows the first, and a fail-over between them: the old primary lives on as a replica."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redis import Redis

from remedy.embedded.server import EmbeddedServer
from sandbox.wire.ports import free_port

_PATIENCE = 20.0
_PAUSE = 0.02


class Pair:
    """Two stores with the same content. `primary` takes writes, and `replica` refuses them, until they change places.

    Both listen on a loopback port, because replication needs one.
    """

    def __init__(self, primary: Any, replica: Any) -> None:
        self.primary = primary
        self.replica = replica
        self._ports = {id(each): _listening(each) for each in (primary, replica)}

    def follow(self) -> None:
        """Let the replica follow the primary; returns when it has everything."""
        self.replica.replicaof("127.0.0.1", str(self._ports[id(self.primary)]))
        _until(lambda: self.replica.info("replication")["master_link_status"] == "up")

    def change_places(self) -> None:
        """Fail over: no write is lost, and every connection to either stays open."""
        self.primary.execute_command("FAILOVER", "TO", "127.0.0.1", str(self._ports[id(self.replica)]))
        _until(lambda: self.replica.info("replication")["role"] == "master")
        _until(lambda: self.primary.info("replication").get("master_link_status") == "up")
        self.primary, self.replica = self.replica, self.primary


@contextlib.contextmanager
def paired(first: Any) -> Iterator[tuple[Pair, Path]]:
    """The store behind `first`, which is a primary, with a second one that follows it; and the second one's socket.

    At the end the first one must be the primary again.
    """
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))
    try:
        with (
            EmbeddedServer(folder) as server,
            contextlib.closing(Redis(unix_socket_path=str(server.socket), socket_timeout=10)) as second,
        ):
            pair = Pair(first, second)
            pair.follow()
            yield pair, server.socket
            first.config_set("port", 0)
    finally:
        shutil.rmtree(folder)


def _listening(redis: Any) -> int:
    port = free_port()
    redis.config_set("port", port)
    return port


def _until(is_so: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the stores did not come to agree")
        time.sleep(_PAUSE)
