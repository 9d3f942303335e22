"""One process of ours, on ports that are chosen for it: for tests that cannot read them in its log."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx2

from sandbox.wire.ports import free_port
from tests.e2e.metrics import ANSWERS_WITHIN, samples
from tests.e2e.scene import REPOSITORY
from tests.e2e.watching import eventually

STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process and its addresses: where it answers probes, and where it shows its metrics."""

    process: "subprocess.Popen[bytes]"
    address: str
    metrics: str

    def readyz(self) -> httpx2.Response:
        """Its word on whether it is ready, in full."""
        return httpx2.get(f"{self.metrics}/readyz", timeout=ANSWERS_WITHIN, trust_env=False)

    def answers(self) -> bool:
        """Whether it is there, and ready."""
        with contextlib.suppress(httpx2.HTTPError):
            return self.readyz().is_success
        return False

    def samples(self, name: str) -> dict[str, float]:
        """A metric's values, by its series."""
        return samples(self.metrics, name)

    def stop(self) -> int:
        """Its exit code, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextlib.contextmanager
def running(environment: Mapping[str, str], role: str, log: int = subprocess.DEVNULL) -> Iterator[Running]:
    """A receiver or a worker that is ready, with its log going to a descriptor. Killed at the end if it still runs."""
    ports = {name: str(free_port()) for name in ("RECEIVER_PORT", "METRICS_PORT", "WORKER_PORT")}
    process = subprocess.Popen(
        [sys.executable, "-m", "remedy", "run", role],
        cwd=REPOSITORY,
        env={**environment, **ports},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    own, metrics = ("RECEIVER_PORT", "METRICS_PORT") if role == "receiver" else ("WORKER_PORT", "WORKER_PORT")
    started = Running(process, f"http://127.0.0.1:{ports[own]}", f"http://127.0.0.1:{ports[metrics]}")
    try:
        eventually(lambda: started.answers() or process.poll() is not None)
        assert process.poll() is None, "it did not start"
        yield started
    finally:
        process.kill()
        process.wait()
