"""The guards over a real socket, with small limits: what one connection may do, and what becomes of it beyond that."""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from receiver.guard.protocol import GuardedProtocol
from receiver.guard.protocol import guarded as guarded_protocol
from receiver.guard.refusals import Refusal
from tests.integration.guarded_server import (
    LIMITS,
    MAX_BODY,
    Guarded,
    Talk,
    chunked,
    guarded_server,
    post,
    refused,
)

TICK = 0.02
"""Seconds by which the event loop's clock may be coarser than ours."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with guarded_server() as guarded:
        yield guarded


@pytest.fixture(autouse=True)
def hung_up(guarded: Guarded) -> Iterator[None]:
    yield
    guarded.hang_up()


@contextlib.contextmanager
def counts(refusal: Refusal, times: int = 1) -> Iterator[None]:
    """This refusal, and no other, is counted so often."""
    before = {each: refused(each) for each in Refusal}
    yield
    grown = {each: refused(each) - before[each] for each in Refusal if refused(each) != before[each]}
    assert grown == {refusal: times}


# What is right stays right.


def test_requests_on_one_connection_are_answered_one_after_the_other(guarded: Guarded) -> None:
    client = guarded.dial()
    for number in range(3):
        talk = client.send(post(body=b"x" * number)).answer()
        assert (talk.statuses, talk.last_line) == ([202], str(number).encode())


def test_a_request_may_come_byte_by_byte(guarded: Guarded) -> None:
    request = post(body=b"hello") + chunked(b"he", b"llo")
    talk = guarded.asked(*(request[at : at + 1] for at in range(len(request))), pause=0.0005)
    assert talk.statuses == [202, 202]


def test_requests_that_come_at_once_are_all_answered_in_order(guarded: Guarded) -> None:
    talk = guarded.asked(post("/slow", b"1") + post(body=b"22") + post(body=b"333") + chunked(b"4444"))
    assert talk.statuses == [202] * 4
    assert [line for line in talk.said.split(b"\r\n\r\n") if line[:1].isdigit()][-1] == b"4"


def test_while_a_request_is_answered_the_next_ones_are_held_and_reading_is_paused(guarded: Guarded) -> None:
    client = guarded.dial().send(post("/slow"))
    time.sleep(0.05)
    client.send(post() * 10)
    time.sleep(0.05)
    assert guarded.guard.places.held_bytes >= 10 * len(post())
    assert client.read(1.5).statuses == [202] * 11
    assert guarded.guard.places.held_bytes == 0


@pytest.mark.parametrize("token", [b"h2c", b"websocket", b"something/1"])
def test_an_upgrade_is_ignored_and_the_body_is_read(guarded: Guarded, token: bytes) -> None:
    asks = (b"connection: Upgrade, HTTP2-Settings", b"upgrade: " + token, b"http2-settings: AAMAAABkAAQAAP__")
    client = guarded.dial().send(post("/echo", b"hello", *asks))
    assert client.answer().last_line == b"5"
    client.send(chunked(b"he", b"llo", head=b"\r\n".join([*asks, b""]), trailers=b"x-last: 1\r\n"))
    assert client.answer().last_line == b"5"
    assert client.send(post()).answer().last_line == b"5"


def test_a_request_without_a_body_may_ask_for_an_upgrade(guarded: Guarded) -> None:
    talk = guarded.asked(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n" + post())
    assert talk.statuses == [404, 202]


def test_trailers_are_no_headers(guarded: Guarded) -> None:
    talk = guarded.asked(chunked(b"hello", trailers=b"x-signature: 1\r\nupgrade: h2c\r\n") + post())
    assert talk.last_line == b"5"
    assert b"x-signature" not in talk.said


def test_a_connection_that_its_sender_has_half_closed_gets_its_answers(guarded: Guarded) -> None:
    assert guarded.dial().send(post("/slow")).shut().read().statuses == [202]
    talk = guarded.dial().send(post("/slow") + post()).shut().read()
    assert (talk.statuses, talk.end) == ([202, 202], "closed")


def test_a_request_that_expects_100_continue_is_told_to(guarded: Guarded) -> None:
    client = guarded.dial().send(post("/echo", b"", b"expect: 100-continue").replace(b"length: 0", b"length: 5"))
    assert client.socket.recv(1000).startswith(b"HTTP/1.1 100 ")
    assert client.send(b"hello").answer().last_line == b"5"


def test_who_is_refused_already_is_not_told_to_continue(guarded: Guarded) -> None:
    head = b"POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n"
    with capture_logs() as lines:
        talk = guarded.asked(head + b"no length\r\n")
    assert (talk.statuses, talk.end) == ([400], "closed")
    assert not [line for line in lines if line["event"] == "request_failed"]


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and takes nothing after its end."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.ended = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        self.said += bytes(data)

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None: ...

    def pause_reading(self) -> None: ...


async def on_wire(app: Callable[[GuardedProtocol, Receive, Send], Awaitable[None]], request: bytes) -> Wire:
    """What an application says that has its own connection in hand; errors of callbacks are raised."""
    loop, guard, wire = asyncio.get_running_loop(), Guard.of(LIMITS, 9, 9_999, time.monotonic), Wire()
    failed: list[object] = []
    loop.set_exception_handler(lambda _loop, context: failed.append(context))
    done = asyncio.Event()

    async def called(_scope: Scope, receive: Receive, send: Send) -> None:
        await app(protocol, receive, send)
        done.set()

    protocol = guarded_protocol(guard)(uvicorn.Config(called, lifespan="off", log_config=None), ServerState(), {})
    protocol.connection_made(wire)
    protocol.data_received(request)
    await done.wait()
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    assert failed == []
    return wire


async def test_an_answer_without_a_body_is_written_before_its_connection_makes_room_for_another() -> None:
    async def app(protocol: GuardedProtocol, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        protocol.expel(Refusal.CROWDED)

    wire = await on_wire(app, b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert wire.said.startswith(b"HTTP/1.1 200 ")
    assert wire.ended


async def test_nothing_is_written_behind_a_refusal() -> None:
    async def app(protocol: GuardedProtocol, receive: Receive, _send: Send) -> None:
        body = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        protocol.expel(Refusal.BODIES)
        assert (await body)["type"] == "http.disconnect"

    wire = await on_wire(app, b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", wire.said)[-1] == b"503"
    assert wire.ended


# Bytes.


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_a_long_address_is_414(guarded: Guarded, pause: float) -> None:
    parts = [b"POST /", *[b"a" * 50] * 5, b" HTTP/1.1\r\nhost: a\r\n\r\n"]
    with counts(Refusal.URL):
        talk = guarded.asked(*parts, pause=pause) if pause else guarded.asked(b"".join(parts))
    assert (talk.statuses, talk.end) == ([414], "closed")


def test_an_address_beyond_both_limits_is_414(guarded: Guarded) -> None:
    assert guarded.asked(b"POST /" + b"a" * 2_000).statuses == [414]


@pytest.mark.parametrize(
    "head",
    [
        b"x-long: " + b"a" * 2_000,
        b"x-many: a\r\n" * 200,
        b"x-long: " + b"a" * 2_000 + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [100, 10_000])
def test_a_large_head_is_431_as_soon_as_it_is_one(guarded: Guarded, head: bytes, size: int) -> None:
    request = b"POST /echo HTTP/1.1\r\nhost: a\r\n" + head
    with counts(Refusal.HEADERS):
        talk = guarded.asked(*(request[at : at + size] for at in range(0, len(request), size)), pause=0.005)
    assert (talk.statuses, talk.end) == ([431], "closed")


def test_a_head_of_just_the_limit_is_taken(guarded: Guarded) -> None:
    room = LIMITS.head_bytes - len(post("/echo", b"", b"x-long: "))
    assert guarded.asked(post("/echo", b"", b"x-long: " + b"a" * room), seconds=0.3).statuses == [202]
    assert guarded.asked(post("/echo", b"", b"x-long: " + b"a" * (room + 1))).statuses == [431]


def test_empty_lines_before_a_request_count_as_its_head(guarded: Guarded) -> None:
    assert guarded.asked(b"\r\n" * 3 + post(), seconds=0.3).statuses == [202]
    assert guarded.asked(b"\r\n" * 600).statuses == [431]


@pytest.mark.parametrize("size", [50, 10_000])
def test_large_trailers_are_431(guarded: Guarded, size: int) -> None:
    request = chunked(b"hello", trailers=b"x-long: " + b"a" * 1_500 + b"\r\n")
    with counts(Refusal.TRAILERS):
        talk = guarded.asked(*(request[at : at + size] for at in range(0, len(request), size)))
    assert (talk.statuses, talk.end) == ([431], "closed")


def test_the_framing_of_chunks_counts_like_trailers(guarded: Guarded) -> None:
    assert guarded.asked(chunked(*[b"x" * 20] * 100), seconds=0.3).last_line == b"2000"
    assert guarded.asked(chunked(*[b"x"] * 300)).statuses == [431]


@pytest.mark.parametrize("digits", [b"9" * 18, b"9" * 19, b"9" * 20, b"9" * 700])
def test_an_announced_length_of_any_number_of_digits_is_413_at_once(guarded: Guarded, digits: bytes) -> None:
    talk = guarded.asked(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: " + digits + b"\r\n\r\n", seconds=0.4)
    assert (talk.statuses, talk.end) == ([413], "closed")


def test_zeros_before_a_length_do_not_matter(guarded: Guarded) -> None:
    request = post().replace(b"content-length: ", b"content-length: " + b"0" * 700)
    assert guarded.asked(request, seconds=0.3).statuses == [202]


# Answers that arrive.


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"POST /nowhere", 404), (b"PUT /echo", 405), (b"POST /echo", 413)],
)
@pytest.mark.parametrize("size", [MAX_BODY + 1, 3_000_000])
def test_the_answer_to_a_body_that_nobody_reads_arrives(
    guarded: Guarded, request_line: bytes, status: int, size: int
) -> None:
    head = request_line + b" HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size
    for parts in ([head, b"x" * size], [head + b"x" * size]):
        talk = guarded.asked(*parts, pause=0.02)
        assert (talk.statuses, talk.end) == ([status], "closed")


def test_an_answer_before_the_end_of_a_body_says_that_it_is_the_last(guarded: Guarded) -> None:
    talk = guarded.asked(b"PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n", b"x" * 9, pause=0.1)
    assert (talk.statuses, talk.end) == ([405], "closed")
    assert b"connection: close" in talk.said


def test_a_body_that_came_with_its_head_does_not_end_the_connection(guarded: Guarded) -> None:
    assert guarded.asked(post("/nowhere") + post()).statuses == [404, 202]


def test_a_body_that_never_comes_is_waited_for_for_a_while_only(guarded: Guarded) -> None:
    client = guarded.dial().send(b"POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nx")
    assert client.read().statuses == [404]
    began = time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() - began < 5:
            client.socket.sendall(b"x")
            time.sleep(0.02)
    assert time.monotonic() - began < LIMITS.linger_seconds + 1
    assert len(guarded.guard.places) == 0 or guarded.guard.places.open < 64


# What is no HTTP.


@pytest.mark.parametrize(
    "garbled",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /echo HTTP/1.1\nhost: a\n\n",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nhello\r\n",
        b"CONNECT receiver.example:443 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST // HTTP/1.1\r\nhost: a\r\nbad name: 1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400_and_closed(guarded: Guarded, garbled: bytes) -> None:
    with counts(Refusal.GARBLED):
        talk = guarded.asked(garbled)
    assert (talk.statuses, talk.end) == ([400], "closed")


def test_what_is_garbled_behind_a_good_request_leaves_its_answer_alone(guarded: Guarded) -> None:
    talk = guarded.asked(post("/slow") + b"\x16\x03\x01\r\n\r\n")
    assert (talk.statuses, talk.end) == ([202, 400], "closed")
    talk = guarded.asked(chunked(b"hello", path="/slow") + b"\x16\x03\x01\r\n\r\n")
    assert (talk.statuses, talk.end) == ([202], "closed")


def test_a_thousand_refusals_are_counted_and_told_in_a_line_or_two(guarded: Guarded) -> None:
    with capture_logs() as lines, counts(Refusal.GARBLED, times=200):
        for _ in range(200):
            assert guarded.asked(b"no such thing\r\n\r\n").statuses == [400]
    told = [line for line in lines if line["event"] == "requests_refused"]
    assert len(told) <= 2
    assert all(set(line) == {"event", "log_level", "status", "reason", "count"} for line in told)


# Time.


def test_a_connection_on_which_nothing_comes_is_closed(guarded: Guarded) -> None:
    began = time.monotonic()
    assert guarded.dial().read().end == "closed"
    assert LIMITS.head_seconds - TICK <= time.monotonic() - began < 2


@pytest.mark.parametrize(("first", "trickle", "statuses"), [(b"POST /", b"a", [408]), (b"", b"\r\n", [])])
def test_what_trickles_in_buys_no_time(guarded: Guarded, first: bytes, trickle: bytes, statuses: list[int]) -> None:
    client, began = guarded.dial().send(first), time.monotonic()
    client.socket.setblocking(False)
    said, ended = b"", False
    while not ended and time.monotonic() < began + 5:
        time.sleep(0.02)
        with contextlib.suppress(ConnectionError):
            client.socket.send(trickle)
        with contextlib.suppress(BlockingIOError):
            try:
                part = client.socket.recv(1_000)
            except ConnectionError:
                part = b""
            said, ended = said + part, not part
    assert LIMITS.head_seconds - TICK <= time.monotonic() - began < 3
    assert Talk(said, "").statuses == statuses


def test_a_head_that_is_not_complete_in_time_is_408(guarded: Guarded) -> None:
    with counts(Refusal.SLOW):
        talk = guarded.asked(b"POST /echo HTTP/1.1\r\nhost: a\r\n")
    assert (talk.statuses, talk.end) == ([408], "closed")


def test_a_second_head_has_the_same_time_from_its_first_byte(guarded: Guarded) -> None:
    client = guarded.dial().send(post())
    client.answer()
    time.sleep(LIMITS.idle_seconds * 0.6)
    began = time.monotonic()
    assert client.send(b"POST /echo HTTP/1.1\r\n").read().statuses == [408]
    assert LIMITS.head_seconds - TICK <= time.monotonic() - began < 2


def test_an_idle_connection_is_closed_whatever_empty_lines_come(guarded: Guarded) -> None:
    client = guarded.dial().send(post())
    client.answer()
    began = time.monotonic()
    client.send(b"\r\n", b"\r\n", pause=LIMITS.idle_seconds * 0.4)
    assert client.read().statuses == []
    assert LIMITS.idle_seconds * 0.7 <= time.monotonic() - began < 2


def test_a_slow_body_is_the_applications_matter(guarded: Guarded) -> None:
    talk = guarded.asked(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhel")
    assert talk.statuses == [408]


# Crowds.


def test_whoever_waits_longest_makes_room_for_a_new_connection() -> None:
    with guarded_server(HttpLimits(head_seconds=30), connections=4) as crowd:
        waiting = [crowd.dial() for _ in range(4)]
        time.sleep(0.1)
        assert crowd.dial().send(post()).answer().statuses == [202]
        assert waiting[0].read(1).end == "closed"
        assert [each.send(post()).answer().statuses for each in waiting[1:]] == [[202]] * 3


def test_whoever_makes_room_with_half_a_request_is_told_to_come_again() -> None:
    with guarded_server(HttpLimits(head_seconds=30), connections=2) as crowd, counts(Refusal.CROWDED, times=2):
        half = [crowd.dial().send(part) for part in (post()[:20], post()[:-2])]
        time.sleep(0.1)
        others = [crowd.dial().send(post()) for _ in range(2)]
        assert [each.answer().statuses for each in others] == [[202]] * 2
        for each in half:
            talk = each.read(1)
            assert (talk.statuses, talk.end) == ([503], "closed")
            assert b"retry-after: 5" in talk.said


def test_where_all_are_at_work_who_comes_is_told_to_come_again() -> None:
    with guarded_server(connections=3) as crowd, counts(Refusal.CROWDED, times=5):
        work = [crowd.dial().send(post("/slow")) for _ in range(3)]
        time.sleep(0.1)
        for talk in [crowd.dial().send(post()).read(1) for _ in range(5)]:
            assert (talk.statuses, talk.end) == ([503], "closed")
        assert [each.answer().statuses for each in work] == [[202]] * 3


def test_bodies_that_are_not_complete_may_not_fill_the_memory() -> None:
    with guarded_server(most_bytes=10_000) as crowd:
        half = post(body=b"x" * 4_000)[:-1]
        slow = [crowd.dial().send(half) for _ in range(5)]
        time.sleep(0.1)
        assert crowd.guard.places.held_bytes <= 10_000
        assert crowd.dial().send(post(body=b"x" * 4_000)).answer().statuses == [202]
        assert [each.read(0.2).statuses for each in slow[:3]] == [[503]] * 3


def test_a_stop_answers_half_a_request_and_waits_for_nobody_who_is_answered() -> None:
    with guarded_server(HttpLimits(head_seconds=30, linger_seconds=30)) as ending:
        unread = ending.dial().send(post("/nowhere", b"x" * 100)[:-1])
        assert unread.read(0.2).statuses == [404]
        half, slow = ending.dial().send(post()[:20]), ending.dial().send(post("/slow"))
        time.sleep(0.1)
        began = time.monotonic()
        ending.leave(1.5)
        assert slow.read().statuses == [202]
        talk = half.read()
        assert (talk.statuses, talk.end) == ([503], "closed")
        assert b"retry-after: 5" in talk.said
        while ending.server.server_state.connections:
            time.sleep(0.02)
        assert time.monotonic() - began < 5


def test_nothing_is_left_when_all_have_gone(guarded: Guarded) -> None:
    deadline = time.monotonic() + 5
    while guarded.guard.places.open and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (guarded.guard.places.open, guarded.guard.places.held_bytes) == (0, 0)
    assert not guarded.server.server_state.connections
