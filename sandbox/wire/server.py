"""The wire under every stand-in: real HTTP on a real port, in a thread or in the running event loop."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.wire.faults import TRANSPORT, FaultyApp

__all__ = ["FaultyApp", "PortTaken", "run_servers", "serve", "stop_accepting"]

_LOOPBACK = "127.0.0.1"
_BACKLOG = 1024
_TICK_SECONDS = 0.01
_ANSWERS_END_WITHIN_SECONDS = 1
_STOP_WITHIN_SECONDS = 15
_TURNS_TO_MAKE = 4
"""asyncio hands a connection that it has accepted to its protocol, and that to its application, over so many turns."""


async def stop_accepting(server: asyncio.Server) -> None:
    """Close the listener once each connection that it has accepted is known to its protocol, which can close it.

    asyncio refuses to make the transport of a connection that was accepted just before its server was closed, and
    leaves the socket to the collector.
    """
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(_TURNS_TO_MAKE):
        await asyncio.sleep(0)
    server.close()


class _Protocol(HttpToolsProtocol):
    """The server's HTTP protocol, which also lends its transport to the application so that it can be reset."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it, stops at once, and leaves no connection behind.

    Its clock is `ahead` by so many seconds, as its answers tell.
    """

    ahead = 0.0

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn has it, which writes the time into the headers of all answers."""
        is_ending = await super().on_tick(counter)
        if self.ahead:
            date = (b"date", formatdate(time.time() + self.ahead, usegmt=True).encode())
            self.server_state.default_headers = [date, *self.config.encoded_headers]
        return is_ending

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # noqa: ASYNC110 - uvicorn is stopped by setting a plain attribute
            await asyncio.sleep(_TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature
        for server in self.servers:
            await stop_accepting(server)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            _, held = await asyncio.wait(self.server_state.tasks, timeout=_ANSWERS_END_WITHIN_SECONDS)
            for task in held:
                task.cancel()
        await asyncio.sleep(0)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        await self.lifespan.shutdown()


def _server(app: ASGIApp) -> _Server:
    faulty = app if isinstance(app, FaultyApp) else FaultyApp(app)
    return _Server(
        uvicorn.Config(
            faulty,
            http=_Protocol,
            loop="asyncio",
            ws="none",
            log_config=None,
            access_log=False,
        )
    )


class PortTaken(OSError):
    """A port cannot be listened on; its text says which one, and why."""


def _listener(port: int) -> socket.socket:
    """A listening socket on the loopback. Raises PortTaken.

    Its protocol is named, because asyncio turns Nagle's algorithm off only where it is: else each answer takes 40 ms.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"port {port} cannot be listened on: {error.strerror}") from None
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _address(listener: socket.socket) -> str:
    return f"http://{_LOOPBACK}:{listener.getsockname()[1]}"


@contextmanager
def serve(app: ASGIApp, port: int = 0, *, ahead: float = 0.0) -> Iterator[str]:
    """Run the application in a thread, on a free loopback port unless one is given; yields its address.

    By so many seconds the clock is `ahead` that its answers tell.
    The application is wrapped in FaultyApp (unless it is one). Leaving the context stops the server and its thread.
    """
    listener = _listener(port)
    address = _address(listener)
    server = _server(app)
    server.ahead = ahead
    thread = threading.Thread(target=server.run, args=([listener],), name=f"sandbox {address}", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the sandbox server did not start")
            time.sleep(0.002)
        yield address
    finally:
        server.should_exit = True
        thread.join(_STOP_WITHIN_SECONDS)
        listener.close()


@asynccontextmanager
async def run_servers(apps: Mapping[str, ASGIApp], ports: Mapping[str, int]) -> AsyncIterator[dict[str, str]]:
    """Run several applications in this event loop; yields their addresses by name. A missing port is a free one."""
    async with AsyncExitStack() as running:
        yield {name: await running.enter_async_context(_serving(app, ports.get(name, 0))) for name, app in apps.items()}


@asynccontextmanager
async def _serving(app: ASGIApp, port: int) -> AsyncIterator[str]:
    listener = _listener(port)
    address = _address(listener)
    server = _server(app)
    task: asyncio.Task[Any] = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            if task.done():
                raise RuntimeError("the sandbox server did not start")
            await asyncio.sleep(0.002)
        yield address
    finally:
        server.should_exit = True
        await task
        listener.close()
