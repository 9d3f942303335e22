"""A receiver whose embedded server dies: it is started again, some times, and then the process ends and says so."""

import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from remediation.deliveries.events import delivery_id
from remediation.store.keys import INBOX
from remedy.runtime.failures import ExitCode
from sandbox.secrets import DISTRICT
from tests.e2e.alone import Running, running
from tests.e2e.disks import SmallDisk, small_disk
from tests.e2e.scene import Scene, critical, delivered, open_scene
from tests.e2e.watching import eventually

DISK_BYTES = 2_000_000
GIVEN_UP_WITHIN = 60.0


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="remedy-") as folder:
        yield Path(folder)


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(DISK_BYTES))
        except PermissionError as error:
            pytest.skip(str(error))
        yield disk


def on(scene: Scene, data: Path) -> Mapping[str, str]:
    """The environment of a process with an embedded server of its own."""
    without = {name: value for name, value in scene.stage.environment.items() if name != "REDIS_URL"}
    return {**without, "DATA_DIR": str(data)}


def events_in(log: Path) -> list[str]:
    return [json.loads(line)["event"] for line in log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]


def status(receiver: Running) -> int:
    return receiver.readyz().status_code


def answer(receiver: Running, event_id: str | None = None) -> int:
    """To a delivery of this event; of another one each time where none is named."""
    return delivered(receiver.address, critical("fnd_x", event_id)).status_code


def is_kept(data: Path, event_id: str) -> bool:
    row = delivery_id("schoolscan", DISTRICT, event_id)
    with contextlib.closing(Redis(unix_socket_path=str(data / "valkey.sock"))) as client:
        return bool(client.exists(INBOX + row))


def test_a_server_that_is_killed_is_started_again_and_has_all_that_was_accepted(scene: Scene, folder: Path) -> None:
    log = folder / "log"
    with log.open("wb") as output, running(on(scene, folder), "receiver", output.fileno()) as receiver:
        assert answer(receiver, "evt_before") == 202
        os.kill(int((folder / "server.lock").read_text(encoding="ascii")), signal.SIGKILL)
        eventually(lambda: answer(receiver) == 202)
        eventually(receiver.answers)
        assert is_kept(folder, "evt_before")
        assert receiver.stop() == 0
    assert [each for each in events_in(log) if each.startswith("embedded")] == [
        "embedded_server_died",
        "embedded_server_started_again",
    ]


def test_a_full_disk_is_outlived_when_there_is_room_again(scene: Scene, disk: SmallDisk, folder: Path) -> None:
    log = folder / "log"
    with log.open("wb") as output, running(on(scene, disk.folder), "receiver", output.fileno()) as receiver:
        assert answer(receiver, "evt_before") == 202
        disk.fill()
        eventually(lambda: answer(receiver) == 503)
        disk.make_room()
        eventually(lambda: answer(receiver) == 202)
        assert is_kept(disk.folder, "evt_before")
        assert receiver.stop() == 0


def test_on_a_disk_that_stays_full_the_process_ends_and_says_so(scene: Scene, disk: SmallDisk, folder: Path) -> None:
    log = folder / "log"
    with log.open("wb") as output, running(on(scene, disk.folder), "receiver", output.fileno()) as receiver:
        disk.fill()
        deadline, statuses = time.monotonic() + GIVEN_UP_WITHIN, set()
        while receiver.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx2.HTTPError):
                assert answer(receiver) in {202, 503}, "what was begun in the last block may still fit"
                statuses.add(status(receiver))
        assert receiver.process.wait(GIVEN_UP_WITHIN) == ExitCode.STORE_ENDED
    assert 503 in statuses
    ends = ("embedded_server_died", "embedded_server_not_started")
    assert sum(each in ends for each in events_in(log)) == 6
    assert "embedded_server_given_up" in events_in(log)
    assert "the embedded server ended 6 times" in log.read_text(encoding="utf-8")
