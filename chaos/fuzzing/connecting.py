"""One connection of the guarded server that says anything, in any pieces and at any time; and what is promised then."""

import asyncio
import re
from functools import cache

from starlette.types import Receive, Scope, Send

from chaos.fuzzing.script import Script
from chaos.fuzzing.wire import TimedLoop, Wire, connected
from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from receiver.limits import BodyTooSlow, RequestRefused, SenderGone, read_body
from remediation.deliveries.signatures import by_name

LIMITS = HttpLimits(url_bytes=60, head_bytes=300, head_seconds=10.0, idle_seconds=10.0, linger_seconds=10.0)
STATUSES = frozenset({100, 202, 400, 404, 408, 413, 414, 431, 503})
MOST_BODY, MOST_BYTES = 400, 2_000
_MOST_STEPS = 24
_WAITS = 4
"""For a head, a body, an answer that is taken, and what still comes: no connection lives longer when nothing comes."""

_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")

_WORDS = (
    *(b"POST / HTTP/1.1\r\n", b"GET /other HTTP/1.1\r\n", b"host: a\r\n", b"\r\n", b"POST /", b" HTTP/1.0\r\n"),
    *(
        b"content-length: 5\r\n",
        b"content-length: 0\r\n",
        b"content-length: ",
        b"hello",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
    ),
    *(b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"connection: upgrade\r\nupgrade: h2c\r\n"),
    *(b"expect: 100-continue\r\n", b"x-trailer: 1\r\n", b"x: ", b"\r", b"\n", b": ", b"connection: keep-alive\r\n"),
)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """202 with the body's length once it is complete; 404, which reads nothing, for every other address than these."""
    assert scope["path"] != "/sound" or all(name != b"x-trailer" for name, _ in scope["headers"])
    status, body, headers = 404, b"", []
    try:
        if scope["path"] in {"/", "/sound"}:
            async with asyncio.timeout(LIMITS.linger_seconds):
                body = await read_body(receive, by_name(scope["headers"]), limit=MOST_BODY)
            status = 202
    except SenderGone:
        return
    except TimeoutError:
        status, headers = BodyTooSlow.status, [(b"connection", b"close")]
    except RequestRefused as error:
        status, headers = error.status, [(name.encode(), value.encode()) for name, value in error.headers]
    answer = b"%d;" % len(body)
    headers.append((b"content-length", b"%d" % len(answer)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": answer})


def play(data: bytes) -> list[int]:
    """One connection; returns the statuses that it got. Raises AssertionError where a promise is broken."""
    return _loop().run_until_complete(_played(Script(data)))


async def _played(script: Script) -> list[int]:
    guard = Guard.of(LIMITS, 4, MOST_BYTES, lambda: 0.0)
    wire = connected(application, guard)
    pending = b""
    for _ in range(_MOST_STEPS):
        if script.is_over or wire.is_closed or wire.is_shut:
            break
        words = _said(script)
        if words is None:
            await wire.give(pending)
            pending = b""
            await _happens(script, wire)
        else:
            pending += words
        assert guard.places.held_bytes <= MOST_BYTES
    if pending and not wire.is_shut:
        await wire.give(pending)
    await wire.settle()
    assert set(wire.statuses) <= STATUSES
    assert _is_well_formed(wire), wire.said
    assert not wire.mistakes
    for _ in range(_WAITS):
        _loop().ahead += LIMITS.head_seconds
        await wire.settle()
    assert wire.is_closed, "nobody keeps a connection open by saying nothing"
    assert (guard.places.open, guard.places.held_bytes) == (0, 0)
    assert not wire.protocol.tasks
    assert not wire.protocol.connections
    return wire.statuses


def _said(script: Script) -> bytes | None:
    """What is said next; None: the piece ends here, and something else happens."""
    match script.number(8):
        case 0 | 1:
            return None
        case 2:
            body = script.literal(90)
            return b"POST /sound HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        case 3:
            parts = [part for part in (script.literal(40), script.literal(40)) if part]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            head = b"POST /sound HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
            return head + chunks + b"0\r\nx-trailer: 1\r\n\r\n"
        case 4:
            return script.literal(30)
        case 5:
            return script.one_of((b"a", b"x: y\r\n", b"1\r\na\r\n", b"\r\n", b"9")) * script.number(256)
        case _:
            return script.one_of(_WORDS)


async def _happens(script: Script, wire: Wire) -> None:
    """Something that is not said."""
    match script.number(8):
        case 0 | 1:
            for _ in range(script.number(8)):
                await asyncio.sleep(0)
        case 2:
            _loop().ahead += script.one_of((0.1, 4.0, 9.9, 10.1, 40.0))
            await asyncio.sleep(0)
        case 3 if not wire.is_closed:
            wire.shut()
        case 4 if not wire.is_closed:
            wire.protocol.pause_writing()
            await asyncio.sleep(0)
            if not wire.is_closed:
                wire.protocol.resume_writing()
        case 5 if not wire.is_closed:
            wire.protocol.shutdown()
        case _:
            pass


def _is_well_formed(wire: Wire) -> bool:
    """Whether whole answers were given and nothing else. Where the connection was broken off, the last may be cut."""
    at = 0
    while found := _ANSWER.match(wire.said, at):
        length = _LENGTH.search(found[0])
        at = found.end() + (int(length[1]) if length else 0)
    return at == len(wire.said) or wire.is_aborted


@cache
def _loop() -> TimedLoop:
    return TimedLoop()
