"""An embedded server that dies is started again on its data, some times."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation.domain.errors import StoreEnded
from remedy.embedded.keeper import kept
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.restarts import WITHIN

SECONDS = 20.0


def happens(what: Callable[[], object]) -> bool:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return False


def pid_of(server: EmbeddedServer) -> int:
    return int((server.folder / "server.lock").read_text(encoding="ascii"))


def kill(server: EmbeddedServer) -> None:
    os.kill(pid_of(server), signal.SIGKILL)


def value_in(server: EmbeddedServer) -> bytes:
    try:
        with Redis.from_url(server.url) as client:
            return bytes(client.get("kept") or b"")
    except RedisError:
        return b""


def killed(server: EmbeddedServer, logged: list[EventDict]) -> bool:
    """Kill it, and wait for what becomes of that: whether it was started again."""
    before = len(outcomes(logged))
    kill(server)
    assert happens(lambda: len(outcomes(logged)) > before)
    return outcomes(logged)[-1] == "embedded_server_started_again"


def outcomes(logged: list[EventDict]) -> list[str]:
    events = [str(line["event"]) for line in logged]
    return [event for event in events if event in {"embedded_server_started_again", "embedded_server_given_up"}]


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


def test_a_server_that_is_killed_comes_back_with_its_data(tmp_path: Path, logged: list[EventDict]) -> None:
    with EmbeddedServer(tmp_path) as server, kept(server, pytest.fail):
        with Redis.from_url(server.url) as client:
            client.set("kept", "yes")
        before = pid_of(server)
        assert killed(server, logged)
        assert value_in(server) == b"yes"
        assert pid_of(server) != before
    assert [(line["event"], line.get("signal")) for line in logged] == [
        ("embedded_server_died", 9),
        ("embedded_server_started_again", None),
    ]
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(server), 0)


def test_one_that_dies_again_and_again_is_given_up_and_that_is_the_end(tmp_path: Path, logged: list[EventDict]) -> None:
    stopped = threading.Event()

    def dying() -> None:
        with EmbeddedServer(tmp_path) as server, kept(server, stopped.set, pauses=(0.0, 0.0)):
            assert killed(server, logged)
            assert killed(server, logged)
            assert not killed(server, logged)
            assert stopped.wait(SECONDS)

    with pytest.raises(StoreEnded, match=r"ended 3 times within 10 minutes.*valkey\.log"):
        dying()


def test_deaths_that_lie_long_ago_do_not_count(tmp_path: Path, logged: list[EventDict]) -> None:
    now = [0.0]
    with EmbeddedServer(tmp_path) as server, kept(server, pytest.fail, pauses=(0.0,), clock=lambda: now[0]):
        for _ in range(3):
            now[0] += WITHIN + 1
            assert killed(server, logged)


def test_one_that_is_closed_is_not_started_again(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server, kept(server, pytest.fail):
        pass
    time.sleep(0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(server), 0)


def test_one_that_cannot_be_started_again_is_tried_as_often_and_then_given_up(
    tmp_path: Path, logged: list[EventDict]
) -> None:
    stopped = threading.Event()

    def dying() -> None:
        with EmbeddedServer(tmp_path) as server, kept(server, stopped.set, pauses=(0.0, 0.1)):
            for part in (tmp_path / "appendonlydir").iterdir():
                part.write_bytes(b"no file of a server's")
            assert not killed(server, logged)

    with pytest.raises(StoreEnded):
        dying()
    assert [line["event"] for line in logged] == [
        "embedded_server_died",
        "embedded_server_not_started",
        "embedded_server_not_started",
        "embedded_server_given_up",
    ]
