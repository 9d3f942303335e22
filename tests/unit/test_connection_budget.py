"""A connection's budget, with the real parser and without any connection: what is parsed when, and how much at most."""

import contextlib
import itertools
import math
from collections.abc import Iterator

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.guard.budget import BODY, CLOSING, HEAD, IDLE, WORK, ConnectionBudget, Drained, HttpLimits, OverBudget
from receiver.guard.refusals import Refusal

LIMITS = HttpLimits(url_bytes=60, head_bytes=300, head_seconds=10.0, idle_seconds=30.0, linger_seconds=5.0)


class Reading:
    """Reads requests as the protocol does, and answers each at once when it is told to."""

    def __init__(self) -> None:
        self.budget = ConnectionBudget(LIMITS, 0.0)
        self.parser = httptools.HttpRequestParser(self)
        self.bodies: list[bytes] = []
        self.held = b""
        self.largest_head = 0
        self.length: int | None = 0

    def read(self, data: bytes) -> None:
        """Parse what may be parsed. Raises OverBudget."""
        data, start = self.held + data, 0
        while start < len(data):
            end = self.budget.piece_end(data, start)
            if end == start:
                break
            before = len(self.bodies)
            self.parser.feed_data(data[start:end])
            assert len(self.bodies) <= before + 1, "a piece never reaches beyond the end of a request"
            self.largest_head = max(self.largest_head, self.budget.head)
            start = end
        self.held = data[start:]
        self.budget.check()

    def answer(self) -> None:
        self.budget.answered(0.0)
        self.read(b"")

    def on_message_begin(self) -> None:
        assert self.budget.phase is IDLE
        self.budget.phase, self.length = HEAD, 0
        self._body = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.budget.phase is HEAD and name == b"content-length":
            self.length = int(value)
        if self.budget.phase is HEAD and name == b"transfer-encoding":
            self.length = None

    def on_headers_complete(self) -> None:
        self.budget.head_ends(self.length)

    def on_body(self, body: bytes) -> None:
        self._body += body
        self.budget.body_comes(len(body))

    def on_message_complete(self) -> None:
        self.budget.phase = WORK
        self.bodies.append(self._body)


def announced(body: bytes, extra: int = 0) -> bytes:
    return b"POST /a HTTP/1.1\r\nx: %b\r\ncontent-length: %d\r\n\r\n%b" % (b"x" * extra, len(body), body)


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The data, cut there."""
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return (data[start:end] for start, end in itertools.pairwise(places))


BODIES = st.lists(st.tuples(st.binary(max_size=120), st.booleans()), min_size=1, max_size=4)
CUTS = st.lists(st.integers(0, 1_200), max_size=12)


@given(bodies=BODIES, cuts=CUTS)
def test_requests_are_read_one_by_one_however_they_come(bodies: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    """A request in chunks ends the connection where another follows in the same piece: so each comes alone here."""
    reading = Reading()
    for body, chunked in bodies:
        for piece in pieces(in_chunks(body, 10) if chunked else announced(body), cuts):
            reading.read(piece)
        assert reading.budget.phase is WORK
        reading.answer()
    assert reading.bodies == [body for body, _ in bodies]


@given(bodies=st.lists(st.binary(max_size=120), min_size=1, max_size=4), cuts=CUTS)
def test_what_follows_a_request_is_not_parsed_before_the_answer(bodies: list[bytes], cuts: list[int]) -> None:
    reading = Reading()
    for piece in pieces(b"".join(map(announced, bodies)), cuts):
        reading.read(piece)
    assert reading.bodies == bodies[:1]
    assert reading.held == b"".join(map(announced, bodies[1:]))
    for number in range(2, len(bodies) + 1):
        reading.answer()
        assert reading.bodies == bodies[:number]


def refusal_of(reading: Reading, data: bytes, cuts: list[int]) -> Refusal | None:
    """Why it is not read to its end."""
    try:
        for piece in pieces(data, cuts):
            reading.read(piece)
    except OverBudget as error:
        return error.refusal
    return None


@given(extra=st.integers(0, 600), cuts=CUTS)
def test_a_head_is_taken_up_to_its_limit_however_it_comes(extra: int, cuts: list[int]) -> None:
    request, reading = announced(b"", extra), Reading()
    refusal = refusal_of(reading, request, cuts)
    assert refusal is (Refusal.HEADERS if len(request) > LIMITS.head_bytes else None)
    assert reading.bodies == ([] if refusal else [b""])
    assert reading.largest_head <= LIMITS.head_bytes


@given(size=st.integers(1, 40), count=st.integers(1, 200), cuts=CUTS)
def test_framing_is_taken_up_to_its_limit_however_it_comes(size: int, count: int, cuts: list[int]) -> None:
    body = b"x" * size * count
    request, reading = in_chunks(body, size), Reading()
    framing = len(request) - request.index(b"\r\n\r\n") - 4 - len(body)
    refusal = refusal_of(reading, request, cuts)
    assert refusal is (Refusal.TRAILERS if framing > LIMITS.head_bytes else None)
    assert refusal or reading.bodies == [body]


@given(data=st.binary(max_size=600), cuts=CUTS)
def test_whatever_comes_no_more_than_the_limit_of_a_head_is_parsed_without_one(data: bytes, cuts: list[int]) -> None:
    reading = Reading()
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        refusal_of(reading, data, cuts)
    assert reading.budget.head <= LIMITS.head_bytes


def test_a_parser_that_wants_more_of_a_body_than_was_announced_gets_it_byte_by_byte() -> None:
    budget = ConnectionBudget(LIMITS, 0.0)
    budget.head_ends(0)
    assert budget.piece_end(b"abc", 0) == 1


# Time.


def test_the_first_heads_time_runs_from_the_beginning() -> None:
    budget = ConnectionBudget(LIMITS, 100.0)
    budget.phase = HEAD
    budget.runs_dry(105.0)
    assert budget.deadline == 110.0


def test_a_later_heads_time_runs_from_its_first_piece_whatever_comes_later() -> None:
    budget = ConnectionBudget(LIMITS, 100.0)
    budget.answered(105.0)
    assert (budget.phase, budget.deadline) == (IDLE, 135.0)
    budget.runs_dry(106.0)  # an empty line is no request
    assert budget.deadline == 135.0
    budget.phase = HEAD
    for now in (107.0, 108.0, 116.0):
        budget.runs_dry(now)
        assert budget.deadline == 117.0


def test_whoever_does_not_take_an_answer_has_a_while_for_it() -> None:
    budget = ConnectionBudget(LIMITS, 100.0)
    budget.head_ends(0)
    assert budget.deadline == math.inf
    budget.blocked(101.0)
    budget.blocked(102.0)
    assert budget.deadline == 106.0
    budget.taken()
    assert budget.deadline == math.inf


def test_a_stop_makes_the_end_shorter_and_never_longer() -> None:
    budget = ConnectionBudget(LIMITS, 100.0)
    budget.closes(100.0)
    assert (budget.phase, budget.deadline) == (CLOSING, 105.0)
    budget.closes(101.0, 1.0)
    budget.closes(101.5, 1.0)
    assert budget.deadline == 102.0


@pytest.mark.parametrize(
    ("length", "sizes", "expected"),
    [
        (10, [4, 6], [Drained.MORE, Drained.ALL]),
        (None, [4, 6], [Drained.MORE, Drained.MORE]),
        (None, [16_777_216, 1], [Drained.MORE, Drained.TOO_MUCH]),
        (2**40, [16_777_217], [Drained.TOO_MUCH]),
    ],
)
def test_what_comes_after_the_last_answer_is_thrown_away_up_to_a_limit(
    length: int | None, sizes: list[int], expected: list[Drained]
) -> None:
    budget = ConnectionBudget(LIMITS, 0.0)
    budget.head_ends(length)
    assert budget.phase is BODY
    budget.closes(0.0)
    assert [budget.drains(size) for size in sizes] == expected
