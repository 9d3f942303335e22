"""A server with guards, on a real socket and in a thread of its own, and clients that speak HTTP badly."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvloop
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from receiver.answers import answer_to
from receiver.deadlines import Deadline, Deadlines
from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from receiver.guard.refusals import Refusal
from receiver.limits import BodyTooSlow, LastResort, RequestRefused, read_body
from remediation.deliveries.signatures import by_name
from remedy.runtime.http.serving import HttpServer, listener, server

MAX_BODY = 4_096
BODY_SECONDS = 1.0
LIMITS = HttpLimits(url_bytes=200, head_bytes=1_024, head_seconds=0.5, idle_seconds=0.5, linger_seconds=0.5)
SLOW_SECONDS = 0.3
"""How long /slow thinks about its answer."""

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


async def _echo(request: Request) -> Response:
    """202, with how many bytes the body has and which headers begin with `x-`."""
    with Deadline(request.app.state.deadlines) as deadline:
        deadline.set(BODY_SECONDS, BodyTooSlow)
        body = await read_body(request.receive, by_name(request.scope["headers"]), limit=MAX_BODY)
    names = sorted(name.decode() for name, _ in request.scope["headers"] if name.startswith(b"x-"))
    return PlainTextResponse(" ".join([str(len(body)), *names]), status_code=202)


async def _slow(request: Request) -> Response:
    await asyncio.sleep(SLOW_SECONDS)
    return await _echo(request)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    answer, _ = answer_to(error)
    return Response(answer.body, answer.status, dict(error.headers))


def _application() -> Starlette:
    """Reads bodies as the receiver does, or, where it answers 404 or 405, not at all."""
    app = Starlette(
        routes=[Route("/echo", _echo, methods=["POST"]), Route("/slow", _slow, methods=["POST"])],
        middleware=[Middleware(LastResort)],
        exception_handlers={RequestRefused: _refused},
    )
    app.state.deadlines = Deadlines()
    return app


def post(path: str = "/echo", body: bytes = b"hello", *headers: bytes) -> bytes:
    """A request that is sound."""
    lines = [f"POST {path} HTTP/1.1".encode(), b"host: receiver.example", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def chunked(*chunks: bytes, path: str = "/echo", trailers: bytes = b"", head: bytes = b"") -> bytes:
    """The same with a body in chunks."""
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    lines = f"POST {path} HTTP/1.1\r\nhost: receiver.example\r\ntransfer-encoding: chunked\r\n".encode()
    return b"".join([lines, head, b"\r\n", *parts, b"0\r\n", trailers, b"\r\n"])


@dataclass
class Talk:
    """All that the server said, and how it ended: closed, reset, or still open."""

    said: bytes
    end: str

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in _STATUS.findall(self.said)]

    @property
    def last_line(self) -> bytes:
        return self.said.rstrip().rpartition(b"\r\n")[2]


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def send(self, *parts: bytes, pause: float = 0.0) -> "Client":
        """Send one after the other; what the server does not want any more is not sent."""
        with contextlib.suppress(ConnectionError):
            for part in parts:
                self.socket.sendall(part)
                time.sleep(pause)
        return self

    def shut(self) -> "Client":
        """Send no more."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def read(self, seconds: float = 3.0) -> Talk:
        """Read until the server closes, or for so long."""
        said, deadline = b"", time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                part = self.socket.recv(65_536)
            except TimeoutError:
                break
            except ConnectionError:
                return Talk(said, "reset")
            if not part:
                return Talk(said, "closed")
            said += part
        return Talk(said, "open")

    def answer(self) -> Talk:
        """Read one whole answer of those that have a body here."""
        said = b""
        while b"\r\n\r\n" not in said or len(said.partition(b"\r\n\r\n")[2]) < _length(said):
            said += self.socket.recv(65_536)
        return Talk(said, "open")


def _length(said: bytes) -> int:
    found = re.search(rb"content-length: (\d+)", said)
    return int(found[1]) if found else 0


@dataclass
class Guarded:
    """The running server."""

    port: int
    guard: Guard
    server: HttpServer
    loop: asyncio.AbstractEventLoop

    clients: list[Client] = field(default_factory=list)

    def dial(self) -> Client:
        self.clients.append(Client(self.port))
        return self.clients[-1]

    def leave(self, seconds: float = 0.0) -> None:
        """Have the server end, and what it has in hand within so many seconds."""
        self.loop.call_soon_threadsafe(self.server.leave, seconds)

    def hang_up(self) -> None:
        """End all connections from this side."""
        while self.clients:
            self.clients.pop().socket.close()

    def asked(self, *parts: bytes, pause: float = 0.0, seconds: float = 3.0) -> Talk:
        """Everything that is said to these parts on a connection of their own."""
        return self.dial().send(*parts, pause=pause).read(seconds)


def refused(refusal: Refusal) -> float:
    """How often this was counted."""
    labels = {"answer": str(refusal.status), "reason": refusal.reason}
    return REGISTRY.get_sample_value("remedy_http_refusals_total", labels) or 0.0


@contextlib.contextmanager
def guarded_server(limits: HttpLimits = LIMITS, connections: int = 64, most_bytes: int = 262_144) -> Iterator[Guarded]:
    """A server, for as long as this is open."""
    guard = Guard.of(limits, connections, most_bytes, time.monotonic)
    serving = server(_application(), guard=guard)
    with listener("127.0.0.1", 0, "TEST") as bound:
        port = bound.getsockname()[1]
        loop = uvloop.new_event_loop()
        thread = threading.Thread(target=lambda: asyncio.Runner(loop_factory=lambda: loop).run(serving.serve([bound])))
        thread.start()
        guarded = Guarded(port, guard, serving, loop)
        try:
            yield guarded
        finally:
            guarded.hang_up()
            guarded.leave()
            thread.join()
