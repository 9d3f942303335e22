"""The processes that run, and whether they are all alike."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble, well
from remediation.read_model.cases.words import time_words
from remediation.read_model.status.levels import SWEEP_SECONDS
from remediation.read_model.wording import by_count
from remediation.store.figures import read_figures
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remedy.runtime.heartbeat import version
from remedy.runtime.reload import digests_of, short_digest


async def look_at_processes(connection: Connection, mappings: Path, now: float) -> list[Diagnosis]:
    """The processes that reported at `now` (Unix seconds). Raises StoreUnavailable."""
    running = await Processes(connection).running(now)
    last_sweep = (await read_figures(connection, now)).last_sweep or 0.0
    workers = [each for each in running if each.role == "worker"]
    receivers = [each for each in running if each.role == "receiver"]
    is_swept = now - last_sweep <= SWEEP_SECONDS
    return [
        _workers(workers, is_swept=is_swept),
        _present(receivers, "receivers", Code.RECEIVERS_MISSING),
        *_consoles([each for each in running if each.role == "console"]),
        *_sweep(workers, last_sweep, now, is_swept=is_swept),
        *_versions(running),
        *_mappings(running, short_digest(digests_of([mappings])[mappings])),
    ]


def _workers(workers: Sequence[Process], *, is_swept: bool) -> Diagnosis:
    if not workers and is_swept:
        return trouble(Code.PROCESS_UNTOLD, "workers", "one sweeps, and does not tell which version it is")
    return _present(workers, "workers", Code.WORKERS_MISSING)


def _consoles(consoles: Sequence[Process]) -> Iterator[Diagnosis]:
    """Those that run: an installation may do without."""
    if consoles:
        yield _running(consoles, "consoles")


def _present(processes: Sequence[Process], what: str, missing: Code) -> Diagnosis:
    return _running(processes, what) if processes else trouble(missing, what, "none runs")


def _running(processes: Sequence[Process], what: str) -> Diagnosis:
    told = ", ".join(
        f"{each.id} ({each.version or 'no version'}, since {time_words(each.started)} UTC)" for each in processes
    )
    return well(what, f"{len(processes)} {by_count(len(processes), 'runs', 'run')}: {told}")


def _sweep(workers: Sequence[Process], last_sweep: float, now: float, *, is_swept: bool) -> Iterator[Diagnosis]:
    """Whether a sweep is overdue: a worker that has just started may not have swept yet."""
    if is_swept:
        yield well("last sweep", f"{time_words(last_sweep)} UTC")
    elif any(now - each.started > SWEEP_SECONDS for each in workers):
        says = f"{time_words(last_sweep)} UTC" if last_sweep else "never"
        yield trouble(Code.SWEEP_OLD, "last sweep", says)


def _versions(running: Sequence[Process]) -> Iterator[Diagnosis]:
    here = version()
    others = [f"{each.role} {each.id} is {each.version or 'of none'}" for each in running if each.version != here]
    if others:
        yield trouble(Code.VERSIONS_DIFFER, "versions", f"this is {here or 'none'}; {'; '.join(others)}")


def _mappings(running: Sequence[Process], here: str) -> Iterator[Diagnosis]:
    others = [f"{each.role} {each.id} uses {each.mappings}" for each in running if each.mappings != here]
    if others:
        yield trouble(Code.MAPPINGS_DIFFER, "mappings in use", f"here it is {here}; {'; '.join(others)}")
