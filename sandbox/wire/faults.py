"""A journal of what came in over the wire, and faults to order.

Control routes of every server: `POST /_sandbox/faults`, `DELETE /_sandbox/faults`, `GET /_sandbox/requests`,
`DELETE /_sandbox/requests`, and `DELETE /_sandbox/connections`, which closes those on which no request is under way, as
servers do with what was idle for too long. Other paths under `/_sandbox/` belong to the stand-in itself; no fault hits
them, and they are not in the journal.
"""

import asyncio
import gzip
import re
import socket
import struct
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args
from weakref import WeakSet

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FaultKind = Literal["slow", "status", "lost_reply", "reset", "hang_up", "half", "cut", "html", "large", "trickle"]
"""hang_up: the connection is closed at the very moment of a request, as one that was idle for too long just then.

Nothing is done then, and nobody answers. half: a reset in the middle of the answer's body. cut: the body ends there,
and HTTP says that it is whole, as from a program that failed while it wrote. large: the answer is filled up with
blanks, before JSON and behind XML, which allow that. trickle: the answer comes byte by byte, its status line and
headers too, as from a server or a line that is all but stuck.
"""

TRANSPORT = "sandbox.transport"
"""The extension of the ASGI scope through which the server lends its transport."""

_CONTROL = "/_sandbox/"
_JOURNAL_LENGTH = 100_000
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: closing then sends RST instead of FIN."""
_HALF_ARRIVES_SECONDS = 0.05
"""A reset throws away what the other side has not read yet, so the half that was sent gets time to be read."""
_CLOSED_SECONDS = 0.01
"""asyncio closes a socket in one of its next turns."""
_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>"


@dataclass(slots=True)
class Fault:
    """What goes wrong, for which requests, and how many more times.

    `path` and `query` are searched as regular expressions.
    `times` None means until cleared. `seconds` belongs to slow, and to trickle, where they pass before each byte;
    `status` and `headers` to status; `size` (bytes, before compression) and `gzip` to large.
    """

    kind: FaultKind
    method: str | None = None
    path: str = ""
    query: str = ""
    times: int | None = 1
    seconds: float = 1.0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 100_000
    gzip: bool = False

    def hits(self, method: str, path: str, query: str) -> bool:
        """Whether a request with this method, path and query is meant."""
        searched = re.search(self.path, path) and re.search(self.query, query)
        return self.method in {None, method} and searched is not None


@dataclass(slots=True)
class Entry:
    """One request as it came in. `status` is None where nobody answered; `scheme` is Authorization's first word.

    From `at` to `ended_at` (Unix seconds) the stand-in had it in hand; None while it has.
    """

    method: str
    path: str
    query: str
    at: float
    user_agent: str
    scheme: str
    status: int | None = None
    fault: FaultKind | None = None
    ended_at: float | None = None


def fault_from(order: object) -> Fault:
    """The fault that a control request's JSON describes. Raises ValueError or TypeError where it describes none."""
    if not isinstance(order, dict):
        raise TypeError("a fault is an object")
    fault = Fault(**order)
    if fault.kind not in get_args(FaultKind):
        raise ValueError("no such kind of fault")
    re.compile(fault.path)
    re.compile(fault.query)
    return fault


class FaultyApp:
    """An ASGI application that keeps a journal of another's requests and lets ordered faults happen to them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.faults: list[Fault] = []
        self.journal: deque[Entry] = deque(maxlen=_JOURNAL_LENGTH)
        self._idle: WeakSet[asyncio.Transport] = WeakSet()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer control requests; let the fault that is due happen to others; pass on the rest."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path: str = scope["path"]
        if path in {f"{_CONTROL}faults", f"{_CONTROL}requests", f"{_CONTROL}connections"}:
            answer = await self._obey(Request(scope, receive))
            return await answer(scope, receive, send)
        if path.startswith(_CONTROL):
            return await self.app(scope, receive, send)
        entry = _entry(scope)
        self.journal.append(entry)
        fault = self._due(entry)
        entry.fault = fault.kind if fault else None
        transport = scope["extensions"][TRANSPORT]["transport"]
        self._idle.discard(transport)
        try:
            await _perform(fault, self.app, entry, scope, receive, send)
        finally:
            entry.ended_at = time.time()
        return self._idle.add(transport)

    async def _obey(self, request: Request) -> Response:
        match request.method, request.url.path.removeprefix(_CONTROL):
            case "POST", "faults":
                try:
                    fault = fault_from(await request.json())
                except (ValueError, TypeError, re.error) as error:
                    return JSONResponse({"error": str(error)}, 400)
                self.faults.append(fault)
            case "DELETE", "faults":
                self.faults.clear()
            case "GET", "requests":
                return JSONResponse([asdict(entry) for entry in self.journal])
            case "DELETE", "requests":
                self.journal.clear()
            case "DELETE", "connections":
                await self._close_idle()
            case _:
                return JSONResponse({"error": "no such control"}, 405)
        return Response(status_code=204)

    async def _close_idle(self) -> None:
        """Close every connection without a request, and come back when the other sides can see it."""
        for transport in self._idle:
            transport.close()
        self._idle.clear()
        await asyncio.sleep(_CLOSED_SECONDS)

    def _due(self, entry: Entry) -> Fault | None:
        """The first ordered fault that hits this request, counted down."""
        for fault in self.faults:
            if fault.hits(entry.method, entry.path, entry.query):
                if fault.times is not None:
                    fault.times -= 1
                    self.faults = [each for each in self.faults if each.times != 0]
                return fault
        return None


def _entry(scope: Scope) -> Entry:
    headers = Headers(scope=scope)
    return Entry(
        method=scope["method"],
        path=scope.get("raw_path", scope["path"].encode()).decode(),
        query=scope["query_string"].decode(),
        at=time.time(),
        user_agent=headers.get("user-agent", ""),
        scheme=headers.get("authorization", "").partition(" ")[0],
    )


async def _perform(fault: Fault | None, app: ASGIApp, entry: Entry, scope: Scope, receive: Receive, send: Send) -> None:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry.status = message["status"]
        await send(message)

    match fault:
        case None:
            await app(scope, receive, noting)
        case Fault(kind="status"):
            await Response(status_code=fault.status, headers=fault.headers)(scope, receive, noting)
        case Fault(kind="html"):
            await HTMLResponse(_PAGE)(scope, receive, noting)
        case Fault(kind="reset"):
            await _reset(scope, receive)
        case Fault(kind="hang_up"):
            await _close(scope, receive)
        case _:
            answer = await _carry_out(app, entry, scope, receive)
            await _spoil(fault, answer, scope, receive, noting)


async def _carry_out(app: ASGIApp, entry: Entry, scope: Scope, receive: Receive) -> list[Message]:
    """Let the application do its work, and keep its answer back."""
    answer: list[Message] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry.status = message["status"]
        answer.append(message)

    await app(scope, receive, keep)
    return answer


async def _spoil(fault: Fault, answer: list[Message], scope: Scope, receive: Receive, send: Send) -> None:
    body = b"".join(message.get("body", b"") for message in answer)
    match fault.kind:
        case "slow":
            await asyncio.sleep(fault.seconds)
            for message in answer:
                await send(message)
            return
        case "large":
            await _enlarged(fault, answer[0], body)(scope, receive, send)
            return
        case "cut":
            await _answered(answer[0], body[: len(body) // 2])(scope, receive, send)
            return
        case "trickle":
            await _trickle(fault, answer[0], body, scope, receive)
            return
        case "half":
            await send(answer[0])
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await asyncio.sleep(_HALF_ARRIVES_SECONDS)
        case _:
            pass
    await _reset(scope, receive)


def _enlarged(fault: Fault, start: Message, body: bytes) -> Response:
    """The same answer with blanks, compressed where that was ordered."""
    is_xml = "xml" in Headers(raw=start["headers"]).get("content-type", "")
    content = body.ljust(fault.size) if is_xml else body.rjust(fault.size)
    if not fault.gzip:
        return _answered(start, content)
    response = _answered(start, gzip.compress(content))
    response.headers["content-encoding"] = "gzip"
    return response


def _answered(start: Message, content: bytes) -> Response:
    """The same answer with another body."""
    headers = Headers(raw=start["headers"]).mutablecopy()
    headers["content-length"] = str(len(content))
    return Response(content, start["status"], headers)


async def _trickle(fault: Fault, start: Message, body: bytes, scope: Scope, receive: Receive) -> None:
    """Write the answer to the connection byte by byte, for as long as the other side listens, and close it then.

    The answer says that it does: whoever asked sends nothing more on this connection.
    """
    transport = scope["extensions"][TRANSPORT]["transport"]
    headers = b"".join(b"%b: %b\r\n" % pair for pair in start["headers"])
    answer = b"HTTP/1.1 %d OK\r\n%bConnection: close\r\n\r\n%b" % (start["status"], headers, body)
    for at in range(len(answer)):
        await asyncio.sleep(fault.seconds)
        if transport.is_closing():
            break
        transport.write(answer[at : at + 1])
    await _close(scope, receive)


async def _reset(scope: Scope, receive: Receive) -> None:
    """End the connection with a TCP reset, and wait until the server has noticed."""
    transport = scope["extensions"][TRANSPORT]["transport"]
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    await _gone(receive)


async def _close(scope: Scope, receive: Receive) -> None:
    """End the connection in the usual way, and wait until the server has noticed."""
    scope["extensions"][TRANSPORT]["transport"].close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
