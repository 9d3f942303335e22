"""What keeps unit tests by themselves: the interpreter tells of each socket and process before there is one."""

import socket

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
