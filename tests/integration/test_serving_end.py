"""The end of a server: nobody who has dialled, or is speaking, is cut off."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop

from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from remedy.runtime.http.serving import SPEAKS_WITHIN, HttpServer, _without_news, listener, server

REQUEST = b"GET %b HTTP/1.1\r\nhost: receiver.example\r\n\r\n"
BEFORE = 0.15
"""Seconds: longer than uvicorn takes to notice that it shall end."""


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Plain ASGI: at once, a little later, or at the very end."""
    try:
        await asyncio.sleep({"/slow": 0.4, "/never": 60}.get(scope["path"], 0))
    except asyncio.CancelledError:
        await asyncio.sleep(0.1)  # to say so takes a moment
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def served(play: Callable[[HttpServer, tuple[str, int]], Coroutine[Any, Any, None]]) -> None:
    """Play with a server, which has ended afterwards, and with one that has guards."""

    async def main(guard: Guard | None = None) -> None:
        with listener("127.0.0.1", 0, "TEST") as bound:
            serving = server(app, guard)
            running = asyncio.create_task(serving.serve([bound]))
            while not serving.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            await asyncio.wait_for(play(serving, bound.getsockname()), 20)
            await asyncio.wait_for(running, 20)

    uvloop.run(main())
    uvloop.run(main(Guard.of(HttpLimits(), 64, 1_000_000, time.monotonic)))


def ask(connection: socket.socket, path: bytes = b"/") -> bytes:
    connection.sendall(REQUEST % path)
    return answer(connection)


def answer(connection: socket.socket) -> bytes:
    """All that comes until there is a whole answer, or the end."""
    connection.settimeout(15)
    read = b""
    while not read.endswith(b"ok") and (more := connection.recv(1000)):
        read += more
    return read


def test_whoever_has_dialled_and_was_not_accepted_yet_is_answered() -> None:
    async def play(serving: HttpServer, address: tuple[str, int]) -> None:
        serving.leave(5)
        dialled = [socket.create_connection(address) for _ in range(20)]
        for connection in dialled:
            connection.sendall(REQUEST % b"/")
        time.sleep(BEFORE)  # noqa: ASYNC251 - the loop stands still: the server ends before it accepts anybody
        answers = await asyncio.gather(*(asyncio.to_thread(answer, each) for each in dialled))
        for connection in dialled:
            connection.close()
        assert [each[:12] for each in answers] == [b"HTTP/1.1 200"] * 20

    served(play)


def test_what_is_in_hand_ends_on_its_connection_and_nobody_else_is_taken() -> None:
    async def play(serving: HttpServer, address: tuple[str, int]) -> None:
        with socket.create_connection(address) as slow, socket.create_connection(address) as idle:
            assert await asyncio.to_thread(ask, idle)
            asking = asyncio.create_task(asyncio.to_thread(ask, slow, b"/slow"))
            await asyncio.sleep(0.1)
            serving.leave(5)
            assert (await asking).endswith(b"ok")
            await asyncio.sleep(BEFORE)
            refused = 0
            try:
                socket.create_connection(address).close()
            except ConnectionRefusedError:
                refused = 1
            assert refused
            assert await asyncio.to_thread(slow.recv, 1) == b"", "its last"
            assert await asyncio.to_thread(idle.recv, 1) == b"", "nothing was begun on it"

    served(play)


def test_who_speaks_late_on_a_kept_connection_is_answered() -> None:
    async def play(serving: HttpServer, address: tuple[str, int]) -> None:
        with socket.create_connection(address) as kept, socket.create_connection(address) as halting:
            assert await asyncio.to_thread(ask, kept)
            await asyncio.to_thread(halting.sendall, (REQUEST % b"/")[:20])
            serving.leave(5)
            await asyncio.sleep(BEFORE + SPEAKS_WITHIN / 2)
            assert (await asyncio.to_thread(ask, kept)).endswith(b"ok")
            await asyncio.sleep(SPEAKS_WITHIN)
            await asyncio.to_thread(halting.sendall, (REQUEST % b"/")[20:])
            assert (await asyncio.to_thread(answer, halting)).endswith(b"ok"), "half of its head had come"

    served(play)


def test_what_never_ends_is_given_up_and_may_say_so() -> None:
    async def play(serving: HttpServer, address: tuple[str, int]) -> None:
        with socket.create_connection(address) as never:
            asking = asyncio.create_task(asyncio.to_thread(ask, never, b"/never"))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            serving.leave(30)
            await asyncio.sleep(0.2)
            serving.leave(0)
            assert (await asking).endswith(b"ok")
            assert time.monotonic() - began < 5

    served(play)


@dataclass
class Transport:
    end: socket.socket

    def get_extra_info(self, _name: str) -> socket.socket:
        return self.end

    def is_closing(self) -> bool:
        return False


@dataclass
class Cycle:
    response_complete: bool
    scope: object


@dataclass
class Connection:
    """As much of uvicorn's as is asked."""

    transport: Transport
    cycle: Cycle | None = None
    scope: object = None


def test_only_a_connection_on_which_a_request_begins_is_left_alone() -> None:
    pairs = [socket.socketpair() for _ in range(6)]
    scope, next_scope = object(), object()
    silent, spoke, busy, unread, unread_first, halting = (Connection(Transport(pair[0])) for pair in pairs)
    spoke.cycle, spoke.scope = Cycle(response_complete=True, scope=scope), scope
    busy.cycle, busy.scope = Cycle(response_complete=False, scope=scope), scope
    unread.cycle, unread.scope = Cycle(response_complete=True, scope=scope), scope
    halting.cycle, halting.scope = Cycle(response_complete=True, scope=scope), next_scope
    for connection in (busy, unread, unread_first):
        pairs[[silent, spoke, busy, unread, unread_first, halting].index(connection)][1].sendall(b"GET")
    assert _without_news([silent, spoke, busy, unread, unread_first, halting]) == [silent, spoke, busy]
    for pair in pairs:
        for end in pair:
            end.close()
