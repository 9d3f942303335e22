"""B9: from the start of a process to its being ready, held to the barest server on the same libraries."""

import contextlib
import http
import http.client
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.effort import Effort
from bench.processes import cpu_seconds, environment_for, running
from bench.report import Line, Report, median_ratio
from remedy.embedded.server import EmbeddedServer
from sandbox.wire.ports import free_port

MOST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
_PAUSE = 0.005

ANCHOR = "anchor: a bare Starlette route on uvicorn"


_PORT = "{port}"


@dataclass(frozen=True, slots=True)
class Starter:
    """A process to start. It is ready when `path` answers 200 (the anchor knows no path: any answer will do)."""

    name: str
    module: tuple[str, ...]
    path: str
    ready: int = http.HTTPStatus.OK

    def start(self, folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
        """Seconds from the start of the process to its being ready, and of processor time. Raises TimeoutError."""
        port = str(free_port())
        module = [port if word == _PORT else word for word in self.module]
        started = time.perf_counter()
        with running(
            "starting", module, folder, {**environment, "RECEIVER_PORT": port, "WORKER_PORT": port}
        ) as program:
            while _status(int(port), self.path) != self.ready:
                if time.perf_counter() - started > LONGEST_SECONDS:
                    raise TimeoutError(self.name)
                time.sleep(_PAUSE)
            return time.perf_counter() - started, cpu_seconds(program.pid)


STARTERS = (
    Starter(ANCHOR, ("bench.anchors", "ceiling", "", _PORT), "/", http.HTTPStatus.NOT_FOUND),
    Starter("receiver", ("remedy", "run", "receiver"), "/readyz"),
    Starter("worker", ("remedy", "run", "worker"), "/livez"),
)


def _status(port: int, path: str) -> int | None:
    """The status of a GET; None while nobody answers."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_SECONDS)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def measure(effort: Effort) -> Report:
    """Interleaved starts on a store that is up already, with modules compiled by a first start that does not count."""
    taken: dict[str, list[tuple[float, float]]] = {each.name: [] for each in STARTERS}
    with tempfile.TemporaryDirectory(prefix="remedy-bench-") as name:
        folder = Path(name)
        with EmbeddedServer(folder / "redis") as redis:
            environment = environment_for(folder, redis.url)
            for each in STARTERS:
                each.start(folder, environment)
            for _ in range(effort.rounds):
                for each in STARTERS:
                    taken[each.name].append(each.start(folder, environment))
    return Report(
        topic="starting",
        lines=tuple(_line(name, taken) for name in taken),
        figures={"seconds_and_cpu_seconds": taken},
        unit="seconds from start to ready",
        bars={name: median(_seconds(values)) for name, values in taken.items()},
    )


def _line(name: str, taken: Mapping[str, list[tuple[float, float]]]) -> Line:
    seconds, cpu = median(_seconds(taken[name])), median(cpu for _, cpu in taken[name])
    measured = f"{seconds:.2f} s ({cpu:.2f} s CPU)"
    if name == ANCHOR:
        return Line("B9", name, measured)
    ratio = median_ratio(_seconds(taken[name]), _seconds(taken[ANCHOR]))
    what, wanted = f"{name}: start to ready", f"≤ {MOST_SECONDS:.1f} s"
    return Line("B9", what, f"{measured}, {ratio:.1f} anchors", wanted, seconds <= MOST_SECONDS)


def _seconds(taken: list[tuple[float, float]]) -> list[float]:
    return [seconds for seconds, _ in taken]
