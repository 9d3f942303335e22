"""The receiver's limits as plain ASGI: what is read, what is refused, and that there is always an answer."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from receiver.limits import (
    RETRY_AFTER,
    BodyTooLarge,
    BodyTooSlow,
    LastResort,
    MediaTypeRefused,
    RequestRefused,
    SenderGone,
    read_body,
    require_json,
)
from remediation.deliveries.signatures import by_name

CANARY = "ZZPII-0b0c6f0e"


@pytest.fixture(autouse=True)
def plain_structlog() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


class Sender:
    """Sends the given chunks, then hangs up or says nothing for ever; counts what was asked for."""

    def __init__(self, *chunks: bytes, complete: bool = True, then_silent: bool = False) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        if complete:
            self._messages.append({"type": "http.request"})
        self._then_silent = then_silent
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        if self._messages:
            return self._messages.pop(0)
        if self._then_silent:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


@given(chunks=st.lists(st.binary(max_size=30), max_size=8))
async def test_a_body_within_the_limit_is_read_whole(chunks: list[bytes]) -> None:
    body = b"".join(chunks)
    assert await read_body(Sender(*chunks).receive, {}, limit=len(body)) == body


async def test_a_body_beyond_the_limit_is_refused_as_soon_as_it_is() -> None:
    sender = Sender(*[b"12345"] * 100)
    with pytest.raises(BodyTooLarge) as caught:
        await read_body(sender.receive, {}, limit=12)
    assert (caught.value.status, sender.asked) == (413, 3)


async def test_an_announced_body_beyond_the_limit_is_not_read_at_all() -> None:
    for announced in (b"13", b"9" * 18, b"9" * 19, b"9" * 5_000, b"0" * 5_000 + b"13", b"13 ", b"\t13"):
        sender = Sender(b"x")
        with pytest.raises(BodyTooLarge):
            await read_body(sender.receive, {b"content-length": [announced]}, limit=12)
        assert sender.asked == 0


@pytest.mark.parametrize("announced", [b"12", b"0", b"", b"-5", b"1e9", b"\xff", b"0" * 5_000 + b"12"])
async def test_bytes_are_counted_whatever_is_announced(announced: bytes) -> None:
    headers = {b"content-length": [announced]}
    assert await read_body(Sender(b"x" * 12).receive, headers, limit=12) == b"x" * 12
    with pytest.raises(BodyTooLarge):
        await read_body(Sender(b"x" * 13).receive, headers, limit=12)


async def test_a_sender_that_hangs_up_in_the_middle_is_gone() -> None:
    with pytest.raises(SenderGone):
        await read_body(Sender(b"x", complete=False).receive, {}, limit=12)


def test_every_refusal_has_its_status_and_closes_where_bytes_may_still_come() -> None:
    answers = {kind: (kind.status, dict(kind.headers)) for kind in RequestRefused.__subclasses__()}
    assert answers == {
        BodyTooLarge: (413, {"connection": "close"}),
        BodyTooSlow: (408, {"connection": "close"}),
        MediaTypeRefused: (415, {}),
    }


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/cloudevents+json",
        b"application/vnd.schoolscan.v1+json ; charset=UTF-8",
    ],
)
def test_json_in_utf_8_is_accepted(value: bytes) -> None:
    require_json(by_name([(b"Content-Type", value), (b"accept-encoding", b"gzip")]))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"")],
        [(b"content-type", b"text/json")],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/jsonp")],
        [(b"content-type", b"application/xml")],
        [(b"content-type", b"application/x-www-form-urlencoded")],
        [(b"content-type", b"application/json; charset=utf-16")],
        [(b"content-type", b"application/json, text/html")],
        [(b"content-type", b"application/json\n")],
        [(b"content-type", b"\xff\xfe" * 10_000)],
        [(b"content-type", b"application/json")] * 2,
        [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
        [(b"content-type", b"application/json"), (b"Content-Encoding", b"identity")],
        [(b"content-type", b"application/json"), (b"content-encoding", b"")],
    ],
)
def test_other_media_and_any_encoding_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(MediaTypeRefused) as caught:
        require_json(by_name(headers))
    assert caught.value.status == 415


async def answers(app: LastResort, kind: str = "http") -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": kind}, Sender().receive, send)
    return sent


async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError(CANARY)


async def test_an_unforeseen_error_is_answered_with_503_and_when_to_come_back() -> None:
    with capture_logs() as logs:
        start, body = await answers(LastResort(fail))
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == str(RETRY_AFTER).encode()
    assert body["body"] == b"Service Unavailable"
    assert [(log["event"], log["log_level"]) for log in logs] == [("request_failed", "error")]
    assert CANARY not in str((start, body))


async def test_a_sender_that_is_gone_gets_no_answer_and_is_no_failure() -> None:
    async def leave(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise SenderGone

    with capture_logs() as logs:
        assert await answers(LastResort(leave)) == []
    assert [log["log_level"] for log in logs] == ["info"]


async def test_an_answer_that_has_begun_is_left_as_it_is() -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with capture_logs():
        assert [message["type"] for message in await answers(LastResort(half))] == ["http.response.start"]


async def test_a_good_answer_passes_untouched() -> None:
    async def work(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert [message.get("status") for message in await answers(LastResort(work))] == [202, None]


async def test_an_error_when_starting_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        await answers(LastResort(fail), "lifespan")


async def test_a_request_that_the_server_gives_up_is_answered_503() -> None:
    async def be_cancelled(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise asyncio.CancelledError

    assert (await answers(LastResort(be_cancelled)))[0]["status"] == 503


async def test_an_answer_that_has_begun_when_the_server_gives_up_stays_cancelled() -> None:
    async def be_cancelled(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await answers(LastResort(be_cancelled))


async def test_a_sender_that_cannot_be_answered_does_not_break_the_server() -> None:
    async def send(_message: Message) -> None:
        raise BrokenPipeError

    with capture_logs():
        await LastResort(fail)({"type": "http"}, Sender().receive, send)
