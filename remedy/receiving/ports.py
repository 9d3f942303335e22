"""One port for several processes: each has a socket of its own there, and the kernel deals connections out to them."""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

from remediation.domain.errors import ConfigurationError, Problem
from remedy.runtime.http.serving import listener


@contextlib.contextmanager
def shared_port(host: str, port: int, count: int, setting: str) -> Iterator[list[socket.socket]]:
    """`count` sockets that listen at one port. Raises ConfigurationError as `listener` does.

    A port at which somebody listens is refused, although the kernel would let processes of one user share it: the other
    one would take a part of the deliveries. With port 0 all have the same free one.
    """
    if not sys.platform.startswith("linux"):
        message = (
            "needs Linux, whose kernel deals out the connections of a port; start several receivers behind a proxy"
        )
        raise ConfigurationError([Problem("--processes", message)])
    with listener(host, port, setting) as alone:
        number = alone.getsockname()[1]
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(listener(host, number, setting, shared=True)) for _ in range(count)]


@contextlib.contextmanager
def inherited(descriptor: int) -> Iterator[socket.socket]:
    """The socket that the process above has left open in a descriptor. No process of ours inherits it from here."""
    os.set_inheritable(descriptor, False)
    with socket.socket(fileno=descriptor) as opened:
        yield opened
