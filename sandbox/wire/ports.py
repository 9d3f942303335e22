"""Ports for servers that must be told theirs before they listen."""

import random
import socket

_PORTS = range(20_000, 32_000)
"""Below those that Linux gives to whoever asks for any port (ip_local_port_range begins with 32768): one of these would
be taken by somebody's connection now and then, before the server that it is for has started."""

_chance = random.SystemRandom()


def free_port() -> int:
    """A loopback port that nobody listens on. Raises OSError where a hundred in a row are taken."""
    taken = OSError()
    for _ in range(100):
        port = _chance.choice(_PORTS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError as error:
            taken = error
    raise taken
