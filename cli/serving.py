"""Serving HTTP with uvicorn: bound before anything else starts, stopped by the process and not by the server."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from remediation.errors import ConfigurationError, Problem


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its process, which may run several."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the process sets `should_exit`."""
        yield


def listener(host: str, port: int, setting: str) -> socket.socket:
    """A bound socket. Raises ConfigurationError, naming the setting, when the address is not to be had."""
    try:
        return socket.create_server((host, port), family=_family(host), backlog=2048, reuse_port=False)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a port"
        raise ConfigurationError([Problem(setting, f"cannot listen on {host}:{port}: {reason}")]) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def address(bound: socket.socket) -> str:
    """The http address of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(app: Any, completion_wait: int = 10) -> Server:
    """A server for an ASGI application, without logs of its own: an access log would hold addresses.

    `completion_wait` is how many seconds requests in hand get after a stop.
    """
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=completion_wait,
    )
    return Server(config)
