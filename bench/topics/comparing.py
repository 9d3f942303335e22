"""B1 beside others: one receiver, two, and what one would build of FastAPI and a well-known queue, on the same store.

Each of the others verifies the signature, knows repeats, and answers when the delivery is in its queue, on the disk.
Its packages are installed from a pinned list into an environment that is gone afterwards. Nothing is decided by these
rows.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from redis import Redis

from bench.effort import TRIAL, Effort
from bench.peers import __file__ as peers_file
from bench.processes import environment_for, running
from bench.report import Line, Report, median_ratio
from bench.senders.deliveries import PATH, SECRET
from bench.senders.load import LoadFailed
from bench.topics.accepting import RECEIVER, Server
from remediation.domain.errors import ConfigurationError
from remedy.embedded.server import EmbeddedServer
from sandbox.stage.processes import Program

SEVERAL = 2
PEERS = {"arq": "FastAPI + arq", "celery": "FastAPI + Celery", "taskiq": "FastAPI + taskiq"}
LISTENS = "anchor_listens"
_ROOT = Path(__file__).parents[2]
_INSTALLS_WITHIN = 300.0
_STARTS_WITHIN = 60.0
_PAUSE = 0.05


class Skipped(Exception):
    """A peer that cannot be measured here; its words say why."""


def measure(effort: Effort) -> Report:
    """Rounds at full load in turn. A trial installs nothing."""
    skipped: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remedy-bench-")))
        store = stack.enter_context(EmbeddedServer(folder / "redis"))
        redis = stack.enter_context(Redis.from_url(store.url))
        environment = environment_for(folder, store.url)
        servers = [
            stack.enter_context(_receiver(RECEIVER, folder, environment, redis)),
            stack.enter_context(_receiver(f"{RECEIVER}, --processes {SEVERAL}", folder, environment, redis, SEVERAL)),
        ]
        peers = {} if effort.name == TRIAL.name else PEERS
        skipped |= {called: "a trial installs nothing" for name, called in PEERS.items() if name not in peers}
        for name, called in peers.items():
            try:
                servers.append(stack.enter_context(_peer(name, called, folder, store, environment, redis)))
            except Skipped as why:
                skipped[called] = str(why)
        for _ in range(effort.rounds):
            for each in servers:
                each.round(effort.seconds)
    return Report(
        topic="comparing",
        lines=(*_lines(servers), *(Line("B1", called, f"skipped: {why}") for called, why in skipped.items())),
        figures={each.name: {"rates": each.rates, "cpu_us": each.cpu} for each in servers},
        unit="deliveries/s at full load, verified, known by its id, on the disk",
        bars={each.name: median(each.rates) for each in servers},
    )


@contextlib.contextmanager
def _receiver(
    called: str, folder: Path, environment: Mapping[str, str], redis: Redis, processes: int = 1
) -> Iterator[Server]:
    """Our receiver, or several behind one port, when all of them listen."""
    words = ("remedy", "run", "receiver", "--processes", str(processes))
    with running(f"receiver-{processes}", words, folder, environment) as program:
        address = program.address("receiver_listens")
        wait_until_all_listen(program, processes, _STARTS_WITHIN)
        receiver = Server(called, 202, program, address, redis)
        receiver.load(0.5)
        yield receiver


def wait_until_all_listen(program: Program, processes: int, seconds: float) -> None:
    """Wait until so many receivers have said that they listen. Raises TimeoutError: fewer are not what is measured."""
    deadline = time.monotonic() + seconds
    while (listen := program.logged().count('"receiver_listens"')) < processes:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{listen} of {processes} receivers listen after {seconds:.0f} s")
        time.sleep(_PAUSE)


@contextlib.contextmanager
def _peer(
    name: str, called: str, folder: Path, store: EmbeddedServer, environment: Mapping[str, str], redis: Redis
) -> Iterator[Server]:
    """A peer that runs and has answered. Raises Skipped."""
    python = _installed(name, folder / name)
    words = (f"bench.peers.with_{name}", str(store.socket), PATH, SECRET)
    with running(name, words, folder, {**environment, "PYTHONPATH": str(_ROOT)}, python) as program:
        try:
            peer = Server(called, 202, program, program.address(LISTENS), redis)
            peer.load(0.5)
        except (ConfigurationError, LoadFailed) as error:
            raise Skipped(f"does not run here ({type(error).__name__})") from None
        yield peer


def _installed(name: str, place: Path) -> str:
    """The interpreter of an environment that has what is pinned for this peer. Raises Skipped."""
    pins = Path(peers_file).parent / f"{name}.txt"
    for words in (
        ("venv", "--quiet", "--python", sys.executable, str(place)),
        ("pip", "install", "--quiet", "--no-deps", "--python", str(place), "--requirement", str(pins)),
    ):
        try:
            done = subprocess.run(  # noqa: S603 - uv, with arguments of ours
                [sys.executable, "-m", "uv", *words], capture_output=True, timeout=_INSTALLS_WITHIN, check=False
            )
        except subprocess.TimeoutExpired:
            raise Skipped("the packages did not come in time") from None
        if done.returncode:
            raise Skipped("the pinned packages cannot be installed here")
    return str(place / "bin" / "python")


def _lines(servers: list[Server]) -> Iterator[Line]:
    ours, *peers = servers
    yield Line("B1", ours.name, f"{median(ours.rates):,.0f}/s, {median(ours.cpu):.0f} µs CPU each")
    for each in peers:
        measured = f"{median(each.rates):,.0f}/s, {median(each.cpu):.0f} µs CPU each"
        yield Line("B1", each.name, f"{measured}; {RECEIVER} {median_ratio(ours.rates, each.rates):.1f} times")
