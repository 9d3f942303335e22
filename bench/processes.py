"""Processes under measurement: started, asked what they cost, stopped. What they cost is read from Linux's /proc."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from remediation.sealing import generate_key
from remediation.settings import environ
from sandbox.secrets import ENVIRONMENT
from sandbox.stage.processes import Program

MAPPINGS = Path(__file__).parent.parent / "mappings.yaml"


def environment_for(folder: Path, redis_url: str) -> dict[str, str]:
    """The environment of a process of ours: the mappings as they ship, any free ports, compiled modules kept."""
    own = {
        "REDIS_URL": redis_url,
        "MAPPINGS_PATH": str(MAPPINGS),
        "DATA_KEYS": generate_key(),
        "DATA_DIR": str(folder),
        "RECEIVER_PORT": "0",
        "METRICS_PORT": "0",
        "WORKER_PORT": "0",
        "LOG_LEVEL": "info",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
    }
    return {**environ(), **ENVIRONMENT, **own}


@contextlib.contextmanager
def running(
    name: str, module: Sequence[str], folder: Path, environment: Mapping[str, str], python: str = sys.executable
) -> Iterator[Program]:
    """`python -m <module>` for as long as this is open; its log is `<name>.log` in the folder."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - an interpreter, with arguments of ours
            [python, "-m", *module],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    program = Program(name, log, process)
    try:
        yield program
    finally:
        program.stop()


def cpu_seconds(pid: int) -> float:
    """The processor time that a process and its children that run have used so far, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


def cpu_nanoseconds(pid: int) -> int:
    """The same of its first thread alone, user and system, but to the nanosecond: for rounds that are short."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def memory_mb(pid: int) -> float:
    """The memory that a process holds right now (resident, megabytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
