"""The guard of the unit tests: it hears the interpreter, and an event loop works under it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.unit.guard import Guard


def connect_nowhere() -> None:
    with socket.socket(socket.AF_UNIX) as local:
        local.connect("/nowhere")


@pytest.mark.parametrize(
    ("step", "event"),
    [
        (lambda: subprocess.run([sys.executable, "--version"], check=False), "subprocess.Popen"),
        (os.fork, "os.fork"),
        (lambda: socket.create_connection(("127.0.0.1", 9)), "socket.getaddrinfo"),
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "socket.__new__"),
        (connect_nowhere, "socket.connect"),
    ],
    ids=["a process", "a fork", "a name", "a datagram", "a local socket"],
)
def test_a_step_to_the_outside_is_refused_and_kept_for_the_end(
    step: Callable[[], object], event: str, guard: Guard
) -> None:
    with pytest.raises(RuntimeError, match="a unit test opens no socket and starts no process"):
        step()
    assert guard.tried == [event]
    guard.tried.clear()


async def test_an_event_loop_its_threads_and_files_are_no_such_steps(guard: Guard) -> None:
    assert await asyncio.to_thread(lambda: 7) == 7
    one, other = socket.socketpair()
    one.close()
    other.close()
    assert guard.tried == []
