"""A log that cannot be written costs lines: no answer, no case and no stop."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.e2e.scene import BOTH, REPOSITORY, REVIEWING, Scene, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually

DELIVERIES = 60
TMPFS_BYTES = 16_384
PIPE_BYTES = 4_096
STOP_SECONDS = 20.0
LOST = "log lines are lost"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Nothing of ours runs: each test brings its own."""
    with open_scene() as scene:
        yield scene


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@dataclass
class Log:
    """Where a process writes its log, and what makes that impossible."""

    descriptor: int
    spoil: Callable[[], None]
    mend: Callable[[], None] | None = None
    """Makes room again, where that can be done."""

    def text(self) -> str:
        """What is in the log that a file holds."""
        return Path(f"/proc/self/fd/{self.descriptor}").resolve().read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def reader_gone() -> Iterator[Log]:
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, writing)
        yield Log(writing, lambda: os.close(reading))


@contextlib.contextmanager
def reader_standing_still() -> Iterator[Log]:
    """It holds its end of the pipe and reads nothing."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield Log(writing, lambda: None)
    finally:
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def disk_full() -> Iterator[Log]:
    """A small disk of its own where we may mount one; elsewhere the device that is always full."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(folder)],  # noqa: S607 - the system's own
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        yield from _always_full()
        return
    try:
        log, ballast = folder / "log", folder / "ballast"

        def spoil() -> None:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4_096)

        with log.open("ab") as file:
            yield Log(file.fileno(), spoil, ballast.unlink)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - as above
        folder.rmdir()


def _always_full() -> Iterator[Log]:
    if not Path("/dev/full").exists():
        pytest.skip("needs the right to mount a tmpfs, or /dev/full")
    with Path("/dev/full").open("wb") as full:
        yield Log(full.fileno(), lambda: None)


LOGS = pytest.mark.parametrize("spoiled", [reader_gone, reader_standing_still, disk_full])


@dataclass
class Running:
    """A process whose log goes where it is told."""

    process: "subprocess.Popen[bytes]"
    address: str
    metrics: str
    ended: list[int] = field(default_factory=list)

    def readyz(self) -> httpx2.Response:
        return httpx2.get(f"{self.address}/readyz", timeout=5, trust_env=False)

    def lost(self) -> float:
        text = httpx2.get(f"{self.metrics}/metrics", timeout=5, trust_env=False).text
        lines = [line for line in text.splitlines() if line.startswith("remedy_log_lines_lost_total{")]
        assert len(lines) == 3, "each reason is there from the start"
        return sum(float(line.split()[-1]) for line in lines)


@contextlib.contextmanager
def running(scene: Scene, role: str, log: Log, **environment: str) -> Iterator[Running]:
    ports = {name: free_port() for name in ("RECEIVER_PORT", "METRICS_PORT", "WORKER_PORT")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "run", role],
        cwd=REPOSITORY,
        env={**scene.stage.environment, **ports, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log.descriptor,
    )
    own, metrics = ("RECEIVER_PORT", "METRICS_PORT") if role == "receiver" else ("WORKER_PORT", "WORKER_PORT")
    started = Running(process, f"http://127.0.0.1:{ports[own]}", f"http://127.0.0.1:{ports[metrics]}")
    try:
        eventually(lambda: _answers(started))
        yield started
    finally:
        process.kill()
        process.wait()


def _answers(process: Running) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return process.readyz().is_success
    return False


def stopped(process: Running) -> int:
    process.process.send_signal(signal.SIGTERM)
    return process.process.wait(STOP_SECONDS)


@LOGS
def test_a_receiver_answers_as_it_should(
    scene: Scene, spoiled: Callable[[], contextlib.AbstractContextManager[Log]]
) -> None:
    with spoiled() as log, running(scene, "receiver", log) as receiver:
        log.spoil()
        (finding_id,) = scene.outside.add_findings([BOTH])
        answers = [delivered(receiver.address, critical(finding_id)).status_code for _ in range(DELIVERIES)]
        assert answers == [202] * DELIVERIES
        if spoiled is not reader_standing_still:  # 10,000 lines may wait
            eventually(receiver.lost)
            told = receiver.readyz()
            assert (told.status_code, LOST in told.text) == (200, True), "it is told, and deliveries are taken"
        assert stopped(receiver) == 0


@LOGS
def test_a_worker_does_its_work_parks_nothing_and_obeys(
    scene: Scene, spoiled: Callable[[], contextlib.AbstractContextManager[Log]]
) -> None:
    scene.stage.start_receiver()
    with spoiled() as log, running(scene, "worker", log) as worker:
        log.spoil()
        ids = scene.outside.scan([BOTH] * 5)
        becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING}, 60)
        scene.comes_to_rest(60)
        if spoiled is not reader_standing_still:
            eventually(worker.lost)
            told = worker.readyz()
            assert (told.status_code, LOST in told.text) == (200, True)
        assert scene.parked() == {}
        assert stopped(worker) == 0


def test_what_was_lost_is_told_in_the_log_as_soon_as_there_is_room(scene: Scene) -> None:
    with disk_full() as log, running(scene, "receiver", log) as receiver:
        if log.mend is None:
            pytest.skip("needs the right to mount a tmpfs")
        log.spoil()
        (finding_id,) = scene.outside.add_findings([BOTH])
        while not receiver.lost():
            delivered(receiver.address, critical(finding_id))
        log.mend()
        delivered(receiver.address, critical(finding_id))
        eventually(lambda: "log_lines_lost" in log.text())
        assert all(line.startswith("{") for line in log.text().splitlines()), "one that was cut off has ended"
