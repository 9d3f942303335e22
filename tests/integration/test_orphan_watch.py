"""What a stage has started ends with the process that holds the stage, in whatever way that ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.processes import is_running

HOLDER = """
import subprocess, sys, time
from sandbox.stage.orphans import open_orphan_watch

with open_orphan_watch() as orphans:
    options = {"stdout": subprocess.DEVNULL, "start_new_session": True}
    first, second = (subprocess.Popen(["sleep", "60"], **options) for _ in range(2))
    orphans.watch([first])
    orphans.watch([first, second])
    print(first.pid, second.pid, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(("is_killed", "runs_on"), [(True, False), (False, True)])
def test_they_end_where_it_is_killed_and_are_left_to_it_where_it_ends_in_order(
    *, is_killed: bool, runs_on: bool
) -> None:
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        pids = [int(each) for each in holder.stdout.readline().split()]
        if is_killed:
            holder.kill()
        holder.communicate("\n")
    deadline = time.monotonic() + (20.0 if is_killed else 1.0)
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (len(pids), [is_running(each) for each in pids]) == (2, [runs_on] * 2)
    for pid in pids:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
