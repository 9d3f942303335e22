"""Is every write on the disk before it is answered, and what if the disk says no? Seen by strace from outside."""

import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.experiment import Experiment, Outcome
from chaos.experiments.deaths import until
from chaos.figures import figures
from chaos.world import World

_CALLS = "write,writev,sendto,sendmsg,fdatasync,fsync"
_CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(?P<call>\w+)\((?P<fd>\d+)<(?P<file>[^>]*)>")
_ATTACHES_SECONDS = 1.0


class StraceMissing(Exception):
    """There is no strace here, or it may not be used: nothing was measured."""


@dataclass(frozen=True, slots=True)
class Order:
    """What strace saw: replies to clients, syncs, and replies that left while something written was not yet synced."""

    replies: int
    syncs: int
    too_early: int


def order_in(trace: str) -> Order:
    """Read strace's lines (with `-y`) of a single-threaded server: writes to `.aof` files, syncs, and socket writes."""
    unsynced, replies, syncs, early = False, 0, 0, 0
    for line in trace.splitlines():
        found = _CALL.match(line)
        if found is None:
            continue
        into_log = found["file"].endswith(".aof")
        if found["call"] in {"fdatasync", "fsync"}:
            if into_log and line.rstrip().endswith("= 0"):
                unsynced, syncs = False, syncs + 1
        elif into_log:
            unsynced = True
        elif "socket:" in found["file"] or found["file"].startswith(("TCP:", "UNIX")):
            replies += 1
            early += unsynced
    return Order(replies, syncs, early)


@contextlib.contextmanager
def straced(pid: int, output: Path, *options: str) -> Iterator[None]:
    """Have strace on a process, for as long as this is open. Raises StraceMissing."""
    found = shutil.which("strace")
    if found is None:
        raise StraceMissing("strace is not installed: not measured")
    words = [found, "-p", str(pid), "-y", "-s", "0", "-o", str(output), *options]
    tracer = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - options of ours
    try:
        time.sleep(_ATTACHES_SECONDS)
        if tracer.poll() is not None and _runs(pid):
            raise StraceMissing("strace may not look at processes here: not measured")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            tracer.send_signal(signal.SIGINT)
        tracer.wait()


def synced_before_answered(world: World, times: int) -> Outcome:
    """Watch the store's system calls while so many deliveries are taken; then let its next sync fail under load."""
    world.staff()
    findings, output = world.find(10), world.stage.folder / "calls.txt"
    events = world.events(world.chance.choices(findings, k=times))
    try:
        with straced(world.redis_pid, output, "-e", f"trace={_CALLS}"):
            world.deliver(events)
        order = order_in(output.read_text(encoding="utf-8", errors="replace"))
        failed = _sync_fails(world, output)
    except StraceMissing as reason:
        world.deliver(world.events(findings))
        return Outcome({"nothing": 1}, figures(world), notes=(str(reason),))
    seen = f"{order.replies} replies of Redis and {order.syncs} syncs seen"
    notes = (seen, f"after the sync that failed: {failed}")
    zeros = {"replies before their sync": order.too_early, "times without any sync": int(order.syncs == 0)}
    return Outcome({"202 watched": times, "failing fsync": 1}, figures(world), notes=notes, zeros=zeros)


def _sync_fails(world: World, output: Path) -> str:
    """From some sync on, the disk answers EIO. What the store did then."""
    pid, events = world.redis_pid, world.events(world.find(10) * 20)
    injection = "inject=fdatasync,fsync:error=EIO:when=20+"
    with world.flow(events, senders=4) as flow:
        with straced(pid, output, "-e", "trace=fdatasync,fsync", "-e", injection):
            until(lambda: not _runs(pid), 20.0)
        ended = not _runs(pid)
        world.stage.stop_redis()
        world.stage.start_redis()
        flow.finish()
    answers = world.journal.answers()
    refused = f"{answers['503']} answers 503 until it was started again"
    return f"Redis {'ended itself' if ended else 'went on'}, {refused}"


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


EXPERIMENTS = (
    Experiment(
        "fsync", "every write is on the disk before its 202; a failing fsync", synced_before_answered, 60, 1_000
    ),
)
