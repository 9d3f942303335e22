"""The guarded protocol on a transport that only writes down: whatever comes, in whatever pieces, there is order."""

import asyncio
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaos.fuzzing.wire import Wire, connected
from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from receiver.limits import AT_ONCE

LIMITS = HttpLimits(url_bytes=60, head_bytes=300, head_seconds=10.0, idle_seconds=10.0, linger_seconds=10.0)
MOST_BYTES = 2_000
STATUSES = {202, 400, 404, 413, 414, 431, 503}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """202 with the body's length once it is complete; 404, which reads nothing, for every other address than /."""
    assert all(name != b"x-trailer" for name, _ in scope["headers"])
    status, size = 404, 0
    if scope["path"] == "/":
        status, more = 202, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
    body = b"%d;" % size
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": body})


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """The same, without a pause within an answer."""
    status, headers, body = await worked_out(scope, receive)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def swift(scope: Scope, receive: Receive, send: Send) -> None:
    """The same, with whole answers where the server takes them."""
    status, headers, body = await worked_out(scope, receive)
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    if not scope["state"][AT_ONCE](status, lines, body):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def worked_out(scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The status, headers and body of an answer: 202 with the body's length; 404, which reads nothing, elsewhere."""
    body = b""
    if scope["path"] != "/":
        return 404, [(b"content-length", b"3")], b"no;"
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    answer = b"%d;" % len(body)
    return 202, [(b"content-length", b"%d" % len(answer)), (b"x-more", b"a")], answer


async def halting(scope: Scope, receive: Receive, send: Send) -> None:
    """202, whose body comes some rounds of the event loop after its head."""

    async def sent(message: Message) -> None:
        await send(message)
        for _ in range(5):
            await asyncio.sleep(0)

    await application(scope, receive, sent)


async def played(pieces: list[bytes], app: ASGIApp = application) -> Wire:
    """A connection that says this and then waits for its answers, and leaves nothing behind."""
    guard = Guard.of(LIMITS, 4, MOST_BYTES, lambda: 0.0)
    wire = connected(app, guard)
    for piece in pieces:
        await wire.give(piece)
        assert guard.places.held_bytes <= MOST_BYTES
        await asyncio.sleep(0)
    for _ in range(60):
        await asyncio.sleep(0)
    wire.close()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (guard.places.open, guard.places.held_bytes) == (0, 0)
    assert not wire.protocol.tasks
    assert not wire.protocol.connections
    assert (wire.mistakes, wire.dropped) == ([], [])
    return wire


def request(path: str, body: bytes, form: str, *, upgrade: bool) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\n".encode()
    if upgrade:
        head += b"connection: upgrade\r\nupgrade: h2c\r\n"
    if form == "announced":
        return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:30], body[30:]) if part)
    return head + b"transfer-encoding: chunked\r\n\r\n" + parts + b"0\r\nx-trailer: 1\r\n\r\n"


REQUESTS = st.builds(
    request,
    path=st.sampled_from(["/", "/other"]),
    body=st.binary(max_size=90),
    form=st.sampled_from(["announced", "chunked"]),
    upgrade=st.booleans(),
)
BAD = st.sampled_from(
    [
        b"\r\n",
        b"POST / HTTP/1.1\r\nx: " + b"x" * 300,
        b"POST /" + b"a" * 80 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: " + b"9" * 30 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: " + b"x" * 300,
        b"POST / HTTP/1.1\r\ncontent-length: 5000\r\n\r\n" + b"x" * 2_500,
        b"\x16\x03\x01",
        b"0\r\n\r\n",
    ]
)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({each % (len(data) + 1) for each in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 2_000), max_size=10)


@given(requests=st.lists(REQUESTS, min_size=1, max_size=4), cuts=CUTS)
async def test_sound_requests_get_their_answers_in_order_however_they_come(
    requests: list[bytes], cuts: list[int]
) -> None:
    """Each request begins a piece of its own: in chunks, it may be the last one of its piece."""
    wire = await played([piece for each in requests for piece in cut(each, cuts)])
    wanted = [404 if b"/other" in each else 202 for each in requests]
    assert wire.statuses == wanted[: len(wire.statuses)]
    assert wire.statuses
    if len(wire.statuses) < len(wanted):
        assert wire.statuses[-1] == 404, "what answers before the end of a body is the last one"


@given(parts=st.lists(st.one_of(REQUESTS, BAD, st.binary(max_size=100)), max_size=6), cuts=CUTS)
async def test_whatever_comes_the_answers_are_those_that_we_promise(parts: list[bytes], cuts: list[int]) -> None:
    wire = await played(cut(b"".join(parts), cuts))
    assert set(wire.statuses) <= STATUSES
    assert len(wire.statuses) <= len(re.findall(rb"HTTP/1\.1|[^\r\n]", b"".join(parts)))


@given(parts=st.lists(st.one_of(REQUESTS, BAD, st.binary(max_size=100)), max_size=6), cuts=CUTS)
async def test_an_answer_that_is_written_at_once_is_the_one_that_is_sent_in_messages(
    parts: list[bytes], cuts: list[int]
) -> None:
    pieces = cut(b"".join(parts), cuts)
    swiftly, plainly = await played(pieces, swift), await played(pieces, plain)
    assert swiftly.said == plainly.said
    assert (swiftly.is_closed, swiftly.is_aborted) == (plainly.is_closed, plainly.is_aborted)


@given(requests=st.lists(REQUESTS, min_size=1, max_size=3), garbled=st.binary(min_size=1, max_size=40), cuts=CUTS)
async def test_what_is_garbled_behind_sound_requests_changes_none_of_their_answers(
    requests: list[bytes], garbled: bytes, cuts: list[int]
) -> None:
    sound = await played([piece for each in requests for piece in cut(each, cuts)])
    wire = await played([*(piece for each in requests for piece in cut(each, cuts)), b"\x00" + garbled])
    assert wire.statuses[: len(sound.statuses)] == sound.statuses
    assert wire.statuses[len(sound.statuses) :] in ([], [400])


# What comes at once, and is small, is given to the parser as it comes. Whatever it says, that is no other way than the
# one piece by piece.

HEADS = st.lists(
    st.sampled_from(
        [
            b"x: content-length: 3",
            b"x-content-length: 3",
            b"content-length-x: 3",
            b"x: 1\r\n content-length: 3",
            b"x:",
            b"connection: close",
            b"connection: keep-alive",
            b"expect: 100-continue",
            b"connection: upgrade\r\nupgrade: h2c",
            b"content-length: 3",
        ]
    ),
    max_size=3,
)
LENGTHS = st.sampled_from(
    [b"content-length: %d", b"Content-Length: %d", b"CONTENT-LENGTH:%d", b"content-length:   00%d "]
)
INNER = st.sampled_from([b"", b"abc", b"\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", b"0\r\n\r\n"])


def announcing(heads: list[bytes], length: bytes, body: bytes) -> bytes:
    lines = [b"POST / HTTP/1.1", b"host: a", *heads, length % len(body)]
    return b"\r\n".join([*lines, b"", body])


@given(
    requests=st.lists(st.builds(announcing, heads=HEADS, length=LENGTHS, body=INNER), min_size=1, max_size=3),
    garbled=st.sampled_from([b"", b"\r\n", b"\x00", b"no such thing\r\n\r\n"]),
)
async def test_what_comes_at_once_is_answered_as_what_comes_byte_by_byte(requests: list[bytes], garbled: bytes) -> None:
    said = b"".join(requests) + garbled
    at_once = await played([said])
    byte_by_byte = await played([said[at : at + 1] for at in range(len(said))])
    assert at_once.said == byte_by_byte.said


@pytest.mark.parametrize("name", [b"content-length", b"Content-Length", b"x: content-length: 9\r\ncontent-length"])
async def test_what_follows_a_request_in_the_same_bytes_is_held_until_it_is_answered(name: bytes) -> None:
    guard = Guard.of(LIMITS, 4, MOST_BYTES, lambda: 0.0)
    wire = connected(application, guard)
    bodies = [b"a", b"\r\n\r\n", b"abc"]
    await wire.give(b"".join(b"POST / HTTP/1.1\r\n%b: %d\r\n\r\n%b" % (name, len(each), each) for each in bodies))
    assert guard.places.held_bytes > len(bodies[1] + bodies[2])
    assert wire.protocol.is_at_work
    assert len(wire.protocol.tasks) == 1
    await wire.settle()
    assert re.findall(rb"\r\n\r\n(\d+);", wire.said) == [b"1", b"4", b"3"]
    assert (wire.is_paused, guard.places.held_bytes) == (False, 0)
    wire.close()
    await wire.settle()


@pytest.mark.parametrize("second", [b"content-length: 3", b"Content-Length: 4", b"transfer-encoding: chunked"])
async def test_two_lengths_are_400_however_they_come(second: bytes) -> None:
    said = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n%b\r\n\r\nabc" % second
    assert (await played([said])).statuses == [400]
    assert (await played([said[at : at + 1] for at in range(len(said))])).statuses == [400]


async def test_a_body_that_comes_at_once_behind_its_head_counts_if_it_is_large() -> None:
    guard = Guard.of(LIMITS, 4, 100_000, lambda: 0.0)
    wire = connected(application, guard)
    await wire.give(b"POST / HTTP/1.1\r\ncontent-length: 20000\r\n\r\n")
    assert guard.places.held_bytes == 0
    await wire.give(b"x" * 20_000)
    assert guard.places.held_bytes > 20_000
    await wire.settle()
    assert wire.said.endswith(b"20000;")
    assert guard.places.held_bytes == 0
    wire.close()
    await wire.settle()


async def test_parts_of_a_body_count_together() -> None:
    guard = Guard.of(LIMITS, 4, 100_000, lambda: 0.0)
    wire = connected(application, guard)
    await wire.give(b"POST / HTTP/1.1\r\ncontent-length: 20000\r\n\r\n")
    for _ in range(10):
        await wire.give(b"x" * 1_000)
    assert guard.places.held_bytes > 10_000
    wire.close()
    await wire.settle()
    assert guard.places.held_bytes == 0


async def test_trailers_go_nowhere_when_they_come_at_once() -> None:
    body = b"3\r\nabc\r\n0\r\nx-trailer: 1\r\nexpect: 100-continue\r\n\r\n"
    said = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + body
    wire = await played([said, said])
    assert wire.statuses == [202, 202]


async def test_an_answer_is_one_write_and_one_whose_body_comes_later_is_two() -> None:
    async def prompt(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"a"})

    counts = []
    for answering in (prompt, halting):
        wire = connected(answering, Guard.of(LIMITS, 4, MOST_BYTES, lambda: 0.0))
        await wire.give(request("/", b"", "announced", upgrade=False))
        await wire.settle()
        counts.append((wire.writes, wire.statuses))
        wire.close()
        await wire.settle()
    assert counts == [(1, [202]), (2, [202])]


async def test_an_answer_that_has_begun_when_too_much_follows_is_cut_off_and_nothing_comes_after_it() -> None:
    guard = Guard.of(LIMITS, 4, MOST_BYTES, lambda: 0.0)
    wire = connected(halting, guard)
    await wire.give(request("/", b"", "announced", upgrade=False))
    for _ in range(20):
        if not wire.said:
            await asyncio.sleep(0)
    await wire.give(b"POST / HTTP/1.1\r\ncontent-length: 5000\r\n\r\n" + b"x" * 2_500)
    await wire.settle()
    assert (wire.is_aborted, wire.statuses, wire.dropped) == (True, [202], [])
    assert (guard.places.open, guard.places.held_bytes) == (0, 0)
