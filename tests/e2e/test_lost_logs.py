"""A log that cannot be written costs lines: no answer, no case and no stop."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.alone import Running, running
from tests.e2e.disks import small_disk
from tests.e2e.scene import BOTH, REVIEWING, Scene, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually

DELIVERIES = 60
TMPFS_BYTES = 16_384
PIPE_BYTES = 4_096
LOST = "log lines are lost"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Nothing of ours runs: each test brings its own."""
    with open_scene() as scene:
        yield scene


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
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(TMPFS_BYTES))
        except PermissionError:
            yield from _always_full()
            return
        file = stack.enter_context((disk.folder / "log").open("ab"))
        yield Log(file.fileno(), disk.fill, disk.make_room)


def _always_full() -> Iterator[Log]:
    if not Path("/dev/full").exists():
        pytest.skip("needs the right to mount a tmpfs, or /dev/full")
    with Path("/dev/full").open("wb") as full:
        yield Log(full.fileno(), lambda: None)


def lost(process: Running) -> float:
    """How many lines it has lost."""
    counted = process.samples("remedy_log_lines_lost_total")
    assert len(counted) == 3, "each reason is there from the start"
    return sum(counted.values())


LOGS = pytest.mark.parametrize("spoiled", [reader_gone, reader_standing_still, disk_full])


@LOGS
def test_a_receiver_answers_as_it_should(
    scene: Scene, spoiled: Callable[[], contextlib.AbstractContextManager[Log]]
) -> None:
    with spoiled() as log, running(scene.stage.environment, "receiver", log.descriptor) as receiver:
        log.spoil()
        (finding_id,) = scene.outside.add_findings([BOTH])
        answers = [delivered(receiver.address, critical(finding_id)).status_code for _ in range(DELIVERIES)]
        assert answers == [202] * DELIVERIES
        if spoiled is not reader_standing_still:  # 10,000 lines may wait
            eventually(lambda: lost(receiver))
            told = receiver.readyz()
            assert (told.status_code, LOST in told.text) == (200, True), "it is told, and deliveries are taken"
        assert receiver.stop() == 0


@LOGS
def test_a_worker_does_its_work_parks_nothing_and_obeys(
    scene: Scene, spoiled: Callable[[], contextlib.AbstractContextManager[Log]]
) -> None:
    scene.stage.start_receiver()
    with spoiled() as log, running(scene.stage.environment, "worker", log.descriptor) as worker:
        log.spoil()
        ids = scene.outside.scan([BOTH] * 5)
        becomes(lambda: {scene.state(finding_id) for finding_id in ids}, {REVIEWING}, 60)
        scene.comes_to_rest(60)
        if spoiled is not reader_standing_still:
            eventually(lambda: lost(worker))
            told = worker.readyz()
            assert (told.status_code, LOST in told.text) == (200, True)
        assert scene.parked() == {}
        assert worker.stop() == 0


def test_what_was_lost_is_told_in_the_log_as_soon_as_there_is_room(scene: Scene) -> None:
    with disk_full() as log, running(scene.stage.environment, "receiver", log.descriptor) as receiver:
        if log.mend is None:
            pytest.skip("needs the right to mount a tmpfs")
        log.spoil()
        (finding_id,) = scene.outside.add_findings([BOTH])
        while not lost(receiver):
            delivered(receiver.address, critical(finding_id))
        log.mend()
        delivered(receiver.address, critical(finding_id))
        eventually(lambda: "log_lines_lost" in log.text())
        assert all(line.startswith("{") for line in log.text().splitlines()), "one that was cut off has ended"
