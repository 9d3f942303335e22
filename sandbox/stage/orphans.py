"""Ends the programs of a stage whose own process was killed: they would work on with the Redis of the next one."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import IO, cast

_WAITS = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -TERM $pids'
"""Each line is all that run; the input ends when the process that holds its other end does, in whatever way."""


class OrphanWatch:
    """A process that outlives this one for as long as it takes to end those that it was told of."""

    def __init__(self, told: IO[bytes]) -> None:
        self._told = told

    def watch(self, running: Sequence["subprocess.Popen[bytes]"]) -> None:
        """Those of these that still run are all that is to be ended."""
        pids = " ".join(str(each.pid) for each in running if each.poll() is None)
        with contextlib.suppress(BrokenPipeError):  # somebody has ended it: nothing else depends on it
            self._told.write(f"{pids}\n".encode())
            self._told.flush()


@contextlib.contextmanager
def open_orphan_watch() -> Iterator[OrphanWatch]:
    """On leaving, nothing is ended: whoever gets that far has done so."""
    process = subprocess.Popen(["/bin/sh", "-c", _WAITS], stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - words of ours
    told = cast("IO[bytes]", process.stdin)
    try:
        yield OrphanWatch(told)
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(BrokenPipeError):
            told.close()
