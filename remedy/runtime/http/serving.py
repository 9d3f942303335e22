"""Serving HTTP with uvicorn: bound before anything else starts, stopped by the process and not by the server."""

import asyncio
import contextlib
import errno
import os
import select
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import uvicorn

from receiver.guard.connection import Guard
from receiver.guard.protocol import GuardedProtocol, guarded
from remediation.domain.errors import ConfigurationError, Problem

BACKLOG = 512
"""Connections that may wait to be accepted. All may be accepted at once: descriptors are reserved for them."""

SPEAKS_WITHIN = 0.5
"""Seconds in which a connection that was just accepted must send its request, when the server ends."""

_GIVEN_UP_AFTER = 1
"""Seconds that uvicorn waits for what did not end in time, and that a cancelled request has for its answer."""

_PAUSE = 0.05

_TICK = 1.0
"""Seconds between two ticks of uvicorn's, with which the date in its answers is renewed."""

_RENEWS_DATE = 0
"""The number of a tick with which uvicorn renews the date: a multiple of ten."""

_NOT_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""An address of another machine, or of a protocol that this machine does not have."""


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves signals to its process, which may run several, and that ends without a rude word.

    uvicorn resets whoever has dialled and was not accepted yet, and whoever sends the next request on a kept connection
    while it ends. Their senders cannot know whether the request was carried out.
    """

    _leaves_at = 0.0
    """When requests in hand are given up, in the event loop's time."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_to_leave = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does nothing: the process calls `leave`."""
        yield

    def leave(self, seconds: float) -> None:
        """Accept no more connections, let requests in hand end within so many seconds, and end.

        A second call changes the time.
        """
        self._leaves_at = asyncio.get_running_loop().time() + seconds
        self.should_exit = True
        self._told_to_leave.set()

    async def main_loop(self) -> None:
        """Called by uvicorn: serve until told to leave.

        uvicorn's own loop looks ten times a second whether it was told, a fifth of what an idle worker costs.
        """
        while not await self.on_tick(_RENEWS_DATE):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_leave.wait(), _TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn: end as `leave` said."""
        loop = asyncio.get_running_loop()
        accepted = _all_accepted(sockets or ())
        for server in (*self.servers, *(sockets or ())):  # without an await after the last accept
            server.close()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)
        begins_at = loop.time()
        while self.server_state.connections and (now := loop.time()) < self._leaves_at:
            if now > begins_at + SPEAKS_WITHIN:
                for each in _without_news(self.server_state.connections):
                    each.shutdown()
            await asyncio.sleep(_PAUSE)
        await super().shutdown(sockets)
        if self.server_state.tasks:  # they were cancelled, and answer their senders
            await asyncio.wait(self.server_state.tasks, timeout=_GIVEN_UP_AFTER)

    def _protocol(self) -> asyncio.Protocol:
        """The protocol that uvicorn creates for each connection."""
        make: Any = self.config.http_protocol_class
        made: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=None
        )
        return made


def _all_accepted(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """Accept every connection that waits in the kernel's queue."""
    accepted = []
    for listening in sockets:
        listening.setblocking(False)
        with contextlib.suppress(OSError):  # none is left
            while True:
                accepted.append(listening.accept()[0])
    return accepted


def _without_news(connections: Iterable[Any]) -> list[Any]:
    """The connections that answer their last request now, or on which no request has begun.

    On the others a request is arriving: uvicorn has read a part of its head, or it waits in the kernel.
    """
    waiting = {_descriptor(each): each for each in connections if not each.transport.is_closing()}
    poll = select.poll()
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    unread = {descriptor for descriptor, _ in poll.poll(0)}
    return [
        each
        for descriptor, each in waiting.items()
        if not _is_idle(each) or _is_answered(each) or not (descriptor in unread or _has_begun(each))
    ]


def _descriptor(connection: Any) -> int:
    return int(connection.transport.get_extra_info("socket").fileno())


def _is_idle(connection: Any) -> bool:
    return connection.cycle is None or bool(connection.cycle.response_complete)


def _is_answered(connection: Any) -> bool:
    """Whether the connection had its last answer, and is only read so that the answer arrives."""
    return isinstance(connection, GuardedProtocol) and connection.is_answered


def _has_begun(connection: Any) -> bool:
    """Whether a part of a request's head has come: its scope exists, and the cycle that answers it does not yet."""
    return connection.scope is not (connection.cycle and connection.cycle.scope)


def listener(host: str, port: int, setting: str, *, shared: bool = False) -> socket.socket:
    """A bound socket. Raises ConfigurationError when the address cannot be used.

    The error names which of `<setting>_HOST` and `<setting>_PORT` is wrong. A `shared` one shares its port with others
    that are.
    """
    try:
        return socket.create_server((host, port), family=_family(host), backlog=BACKLOG, reuse_port=shared)
    except (OSError, UnicodeError) as error:
        wrong, why = _not_to_be_had(error)
        message = f"cannot listen on {host}:{port}: {why}"
        raise ConfigurationError([Problem(f"{setting}_{wrong}", message)]) from None


def _not_to_be_had(error: OSError | UnicodeError) -> tuple[str, str]:
    """Which part of an address is wrong, and why. Errors of name resolution have negative numbers."""
    number = error.errno or 0 if isinstance(error, OSError) else -1
    if number < 0:
        return "HOST", "no address of that name is known"
    return "HOST" if number in _NOT_OURS else "PORT", os.strerror(number)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def address(bound: socket.socket) -> str:
    """The http address of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(app: Any, guard: Guard | None = None) -> HttpServer:
    """A server for an ASGI application, without logs of its own: an access log would hold addresses.

    Without a `guard` it has uvicorn's own protocol, which a single connection can keep busy: for ports that only we
    reach.
    """
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=guarded(guard) if guard else "httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_GIVEN_UP_AFTER,
    )
    return HttpServer(config)
