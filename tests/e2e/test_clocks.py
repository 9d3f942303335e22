"""Sweeps and polls go on whatever becomes of the machine's clock, and what a pause missed is done once."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from remedy.embedded.server import EmbeddedServer
from tests.debian import laid_out
from tests.e2e.alone import Running, running
from tests.e2e.scene import Scene, open_scene
from tests.e2e.watching import eventually

PAUSE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of day of whoever runs in this environment: the machine's, and what a file adds to it."""

    library: Path
    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """With it a process has this clock, and the machine's steady one."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        """Move it."""
        self.file.write_text(offset)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


def sweeps(worker: Running) -> float:
    return sum(worker.samples("remedy_sweeps_total").values())


def polls(worker: Running) -> float:
    """Of both trackers together."""
    return sum(worker.samples("remedy_polls_total").values())


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that begins as the machine's own."""
    folder = laid_out("libfaketime")
    libraries = list(folder.glob("usr/lib/*/faketime/libfaketimeMT.so.1")) if folder else []
    if not libraries:
        pytest.skip("needs Debian's package libfaketime, which cannot be had here")
    clock = Clock(libraries[0], tmp_path / "clock")
    clock.set("+0s")
    return clock


@pytest.mark.parametrize("moved", ["-600s", "+600s"])
def test_a_workers_clock_that_is_set_stops_neither_sweeps_nor_polls(scene: Scene, clock: Clock, moved: str) -> None:
    with running({**scene.stage.environment, **clock.environment}, "worker") as worker:
        goes_on_when(worker, lambda: clock.set(moved))


@pytest.mark.parametrize("moved", ["-600s", "+600s"])
def test_a_machines_clock_that_is_set_stops_neither_sweeps_nor_polls(
    scene: Scene, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    """Of a machine on which Redis runs, too."""
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    with EmbeddedServer(tmp_path / "redis") as redis:
        environment = {**scene.stage.environment, **clock.environment, "REDIS_URL": redis.url}
        with running(environment, "worker") as worker:
            goes_on_when(worker, lambda: clock.set(moved))


def goes_on_when(worker: Running, happens: Callable[[], None]) -> None:
    eventually(lambda: sweeps(worker) and polls(worker))
    happens()
    swept, polled = sweeps(worker), polls(worker)
    eventually(lambda: sweeps(worker) >= swept + 3 and polls(worker) >= polled + 6)
    assert worker.answers()
    assert worker.stop() == 0


def test_what_a_pause_missed_is_done_once(scene: Scene) -> None:
    with running(scene.stage.environment, "worker") as worker:
        eventually(lambda: polls(worker) >= 2)
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        worker.process.send_signal(signal.SIGCONT)
        polled, began = polls(worker), time.monotonic()
        time.sleep(1.5)
        passed = time.monotonic() - began
        assert polls(worker) - polled <= 2 * (2 + passed), "of two trackers: one for the pause, and one a second"
