"""What holds for every unit test: it reaches no network and starts no process."""

import socket
import sys
from collections.abc import Iterator

import pysnow  # noqa: F401 - importing it runs ldconfig and tries IPv6: before the guard is on, whoever imports it first
import pytest

PROCESSES = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
NETWORK = {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}


class Guard:
    """Refuses, while it is on, what a unit test does not do, and keeps what was tried.

    The interpreter tells of each such step before it is made (PEP 578). A pair of connected local sockets, by which an
    event loop wakes itself, is allowed: nobody else hears them.
    """

    def __init__(self) -> None:
        self.on = False
        self.tried: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Takes what the interpreter tells. Raises RuntimeError for a step that is refused."""
        if self.on and _is_refused(event, arguments):
            self.tried.append(event)
            raise RuntimeError(f"{event}: a unit test opens no socket and starts no process")


def _is_refused(event: str, arguments: tuple[object, ...]) -> bool:
    if event == "socket.__new__":
        return arguments[1] != socket.AF_UNIX
    return event in PROCESSES or event in NETWORK


GUARD = Guard()
sys.addaudithook(GUARD)  # for good: the interpreter takes no hook back


@pytest.fixture(autouse=True)
def _guarded() -> Iterator[None]:
    """Fails a test that opens a socket or starts a process, even if the test does not notice."""
    GUARD.on = True
    yield
    GUARD.on = False
    tried, GUARD.tried = GUARD.tried, []
    assert tried == []
