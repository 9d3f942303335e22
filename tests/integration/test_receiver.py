"""What a sender is answered, row by row of the table; the whole receiver on a real Valkey (P1, P3, P7)."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY, generate_latest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from receiver.app import create_metrics_app
from receiver.context import Limits
from remediation.deliveries.events import delivery_id
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, DeliveryState, Inbox
from remediation.store.deliveries.parked import ParkedWork
from remediation.store.keys import INBOX, PENDING, UNREAD
from remediation.store.server.connection import Connection
from tests.examples import examples
from tests.integration.receivers import ADDRESS, JSON_TYPE, SECRET, Receiver, account, event, keyspace

SIGNED = [form for form in SignatureFormat if form is not SignatureFormat.AUTO]
NOT_READABLE = [b"", b"{", b"[]", b'"x"', b"{}", b'{"type":"no such"}', b'{"type":"finding.critical"}', b"\xff\xfe"]


@pytest.fixture
def receiver(connection: Connection, keyring: Keyring) -> Receiver:
    return Receiver(connection, keyring)


def counted(answer: int, reason: str) -> float:
    account = "unknown" if reason == "unknown_district" else "lakeside"
    labels = {"sender": "schoolscan", "account": account, "answer": str(answer), "reason": reason}
    return REGISTRY.get_sample_value("remedy_deliveries_total", labels) or 0.0


# 202


@pytest.mark.parametrize("form", SIGNED)
@pytest.mark.parametrize("setting", ["the same", SignatureFormat.AUTO])
async def test_every_format_goes_from_the_wire_into_the_inbox(
    connection: Connection, keyring: Keyring, form: SignatureFormat, setting: SignatureFormat | str
) -> None:
    signature = form if setting == "the same" else SignatureFormat.AUTO
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=signature)})
    answer = await receiver.deliver(event(), form)
    assert (answer.status_code, answer.text) == (202, "Accepted\n")
    name = delivery_id("schoolscan", "lakeside", "evt_1")
    (stored,) = (await Inbox(connection, keyring).readings.take_some(name, 0.0)).deliveries
    assert stored.body == event()


async def test_a_repeat_gets_202_and_leaves_everything_as_it_is(receiver: Receiver, connection: Connection) -> None:
    assert (await receiver.deliver(event())).status_code == 202
    before, repeats = await keyspace(connection.redis), counted(202, "repeated")
    receiver.clock.pass_by(120)
    assert (await receiver.deliver(event())).status_code == 202
    assert await keyspace(connection.redis) == before
    assert counted(202, "repeated") == repeats + 1


async def test_copies_that_arrive_at_once_are_stored_once(receiver: Receiver, connection: Connection) -> None:
    answers = await asyncio.gather(*(receiver.deliver(event()) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert await connection.redis.zcard(WORK_QUEUE) == 1


async def test_the_same_event_with_another_body_is_a_repeat_and_another_event_is_not(
    receiver: Receiver, connection: Connection
) -> None:
    await receiver.deliver(event(1))
    await receiver.deliver(event(1, attempt=2))
    await receiver.deliver(event(2))
    assert await connection.redis.zcard(UNREAD) == 2


async def test_the_same_event_id_of_two_districts_is_two_deliveries(connection: Connection, keyring: Keyring) -> None:
    receiver = Receiver(connection, keyring, {name: account(name) for name in ("lakeside", "hillside")})
    for district in receiver.accounts:
        assert (await receiver.deliver(event(), path=f"/webhooks/schoolscan/{district}")).status_code == 202
    assert await connection.redis.zcard(UNREAD) == 2


async def test_without_an_id_of_its_own_the_signed_message_id_tells_deliveries_apart(
    connection: Connection, keyring: Keyring
) -> None:
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=SignatureFormat.STANDARD)})
    body = b'{"type":"finding.critical","data":{"finding_id":"fnd_1"}}'
    for message_id in ("msg_1", "msg_1", "msg_2"):
        assert (await receiver.deliver(body, SignatureFormat.STANDARD, message_id=message_id)).status_code == 202
    assert await connection.redis.zcard(UNREAD) == 2


@pytest.mark.parametrize("body", NOT_READABLE)
async def test_what_is_authentic_and_cannot_be_read_is_quarantined_and_gets_202(
    receiver: Receiver, connection: Connection, keyring: Keyring, body: bytes
) -> None:
    assert (await receiver.deliver(body)).status_code == 202
    assert (await receiver.deliver(body)).status_code == 202
    (item,) = [item async for item in ParkedWork(connection, keyring).listed()]
    assert await Inbox(connection, keyring).state(item.subject) is DeliveryState.QUARANTINED
    assert (item.district, item.error) == ("lakeside", "Unreadable")
    assert await connection.redis.zcard(WORK_QUEUE) == 0


async def test_an_event_that_nobody_knows_is_ignored_and_fills_no_list(
    receiver: Receiver, connection: Connection, keyring: Keyring
) -> None:
    body, ignored, repeated = b'{"type":"scan.paused","id":"evt_1"}', counted(202, "ignored"), counted(202, "repeated")
    assert [(await receiver.deliver(body)).status_code for _ in range(2)] == [202, 202]
    assert (counted(202, "ignored"), counted(202, "repeated")) == (ignored + 1, repeated + 1)
    row = delivery_id("schoolscan", "lakeside", None, keyring.fingerprint(body))
    assert await Inbox(connection, keyring).state(row) is DeliveryState.IGNORED
    assert [item async for item in ParkedWork(connection, keyring).listed()] == []
    assert await connection.redis.zcard(WORK_QUEUE) == await connection.redis.zcard(PENDING) == 0
    assert not await connection.ask(connection.redis.hexists(INBOX + row, "body"))
    assert 0 < await connection.redis.ttl(INBOX + row) <= FINGERPRINT_LIFETIME.total_seconds()


async def test_any_of_several_secrets_may_have_signed(connection: Connection, keyring: Keyring) -> None:
    secrets = ("test-only-old", "test-only-current", "test-only-next")
    receiver = Receiver(connection, keyring, {"lakeside": account(secrets=secrets)})
    for number, secret in enumerate(secrets):
        assert (await receiver.deliver(event(number), secret=secret)).status_code == 202
    assert (await receiver.deliver(event(9), secret="test-only-retired")).status_code == 401


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "application/x+json"])
async def test_json_in_utf_8_is_taken_under_any_of_its_names(receiver: Receiver, content_type: str) -> None:
    headers = sign(event(), SECRET, SignatureFormat.TIMESTAMPED, receiver.clock(), "msg_1")
    answer = await receiver.ask("POST", ADDRESS, [*headers, (b"content-type", content_type.encode())], event())
    assert answer.status_code == 202


# 404 and 405


async def test_with_one_district_the_address_needs_no_name(receiver: Receiver) -> None:
    assert (await receiver.deliver(event(), path="/webhooks/schoolscan")).status_code == 202


async def test_with_two_districts_an_address_without_a_name_is_unknown(
    connection: Connection, keyring: Keyring
) -> None:
    receiver = Receiver(connection, keyring, {name: account(name) for name in ("lakeside", "hillside")})
    assert (await receiver.deliver(event(), path="/webhooks/schoolscan")).status_code == 404
    assert await keyspace(connection.redis) == {}


@pytest.mark.parametrize("path", ["/webhooks/schoolscan/elsewhere", "/webhooks/jira", "/", "/webhooks"])
async def test_an_unknown_district_or_sender_is_404(receiver: Receiver, connection: Connection, path: str) -> None:
    assert (await receiver.deliver(event(), path=path)).status_code == 404
    assert await keyspace(connection.redis) == {}


@pytest.mark.parametrize("path", ["/webhooks/schoolscan/", f"{ADDRESS}/", f"{ADDRESS}//", "/livez/"])
async def test_an_address_with_a_slash_too_many_is_404_and_nobody_is_sent_elsewhere(
    receiver: Receiver, path: str
) -> None:
    assert (await receiver.deliver(event(), path=path)).status_code == 404


@pytest.mark.parametrize("path", ["/webhooks/schoolscan", ADDRESS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_405_and_told_the_right_one(receiver: Receiver, path: str, method: str) -> None:
    answer = await receiver.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# 408, 413 and 415


async def slowly(*chunks: bytes, pause: float) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(pause)


async def test_a_body_that_does_not_arrive_in_time_is_408(receiver: Receiver, connection: Connection) -> None:
    headers = [*sign(event(), SECRET, SignatureFormat.HEX, 0, ""), JSON_TYPE]
    answer = await receiver.ask("POST", ADDRESS, headers, slowly(*[b"{"] * 20, pause=0.1))
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert await keyspace(connection.redis) == {}


async def test_a_body_that_is_too_large_is_413_whether_announced_or_not(
    receiver: Receiver, connection: Connection
) -> None:
    body = event(note="x" * 4096)
    headers = [*sign(body, SECRET, SignatureFormat.TIMESTAMPED, receiver.clock(), ""), JSON_TYPE]
    announced = await receiver.ask("POST", ADDRESS, headers, body)
    streamed = await receiver.ask("POST", ADDRESS, headers, slowly(body[:2000], body[2000:], pause=0))
    for answer in (announced, streamed):
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert await keyspace(connection.redis) == {}


async def test_a_body_of_just_the_limit_is_taken(connection: Connection, keyring: Keyring) -> None:
    size = len(event())
    for limit, status in ((size, 202), (size - 1, 413)):
        receiver = Receiver(connection, keyring, limits=Limits(max_body_bytes=limit))
        assert (await receiver.deliver(event())).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/json; charset=latin-1")],
        [JSON_TYPE, JSON_TYPE],
        [JSON_TYPE, (b"content-encoding", b"gzip")],
        [JSON_TYPE, (b"content-encoding", b"identity")],
    ],
)
async def test_what_is_not_plain_json_is_415(
    receiver: Receiver, connection: Connection, headers: list[tuple[bytes, bytes]]
) -> None:
    signed = sign(event(), SECRET, SignatureFormat.TIMESTAMPED, receiver.clock(), "")
    answer = await receiver.ask("POST", ADDRESS, [*signed, *headers], event())
    assert answer.status_code == 415
    assert await keyspace(connection.redis) == {}


# Whatever comes.

_HEADER_NAMES = st.sampled_from(
    [b"x-schoolscan-signature", b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"content-type", b"x-other"]
)
_HEADER_VALUES = st.one_of(
    st.binary(max_size=80).map(lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\0")),
    st.sampled_from(
        [b"application/json", b"t=1800000000,v1=" + b"a" * 64, b"sha256=" + b"0" * 64, b"v1,", b"1800000000"]
    ),
)


@settings(examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["POST", "GET", "PUT", "BREW"]),
    path=st.one_of(
        st.just(ADDRESS), st.just("/webhooks/schoolscan"), st.text(max_size=20).map(lambda text: f"/{text}")
    ),
    headers=st.lists(st.tuples(_HEADER_NAMES, _HEADER_VALUES), max_size=6),
    body=st.binary(max_size=200),
    signed=st.booleans(),
)
async def test_no_request_whatever_makes_the_receiver_fail(
    receiver: Receiver, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes, *, signed: bool
) -> None:
    if signed:
        headers = [*headers, *sign(body, SECRET, SignatureFormat.TIMESTAMPED, receiver.clock(), "m"), JSON_TYPE]
    try:
        url = httpx2.URL(f"http://receiver.example{path}")
    except httpx2.InvalidURL:
        return
    answer = await receiver.ask(method, str(url), headers, body)
    assert answer.status_code in {200, 202, 401, 404, 405, 413, 415}


@settings(examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=100), st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode)
    )
)
async def test_every_authentic_body_is_stored_or_quarantined(
    receiver: Receiver, connection: Connection, keyring: Keyring, body: bytes
) -> None:
    assert (await receiver.deliver(body)).status_code == 202
    state = await Inbox(connection, keyring).state(
        delivery_id("schoolscan", "lakeside", None, keyring.fingerprint(body))
    )
    assert state is DeliveryState.QUARANTINED


# What is counted, logged and shown.


async def test_answers_are_counted_without_ids(receiver: Receiver) -> None:
    before = [counted(*labels) for labels in ((202, "stored"), (401, "signature"), (404, "unknown_district"))]
    await receiver.deliver(event(77))
    await receiver.deliver(event(77), secret="test-only-wrong")
    await receiver.deliver(event(77), path="/webhooks/schoolscan/secret-name")
    after = [counted(*labels) for labels in ((202, "stored"), (401, "signature"), (404, "unknown_district"))]
    assert [now - then for then, now in zip(before, after, strict=True)] == [1, 1, 1]
    transport = httpx2.ASGITransport(app=create_metrics_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://metrics.example") as client:
        shown = (await client.get("/metrics")).content
    assert b"remedy_deliveries_total" in shown
    for word in (b"evt_77", b"fnd_77", b"secret-name", delivery_id("schoolscan", "lakeside", "evt_77").encode()):
        assert word not in shown + generate_latest()


async def test_metrics_are_not_shown_where_senders_come_in(receiver: Receiver) -> None:
    assert (await receiver.ask("GET", "/metrics")).status_code == 404


async def test_a_log_line_of_a_delivery_holds_its_row_and_nothing_of_its_body(receiver: Receiver) -> None:
    with capture_logs() as lines:
        await receiver.deliver(event(1, note="ZZPII-canary"))
    assert [line["event"] for line in lines] == ["delivery_accepted"]
    assert "ZZPII" not in str(lines)
    assert "fnd_1" not in str(lines)


async def test_alive_depends_on_nothing_and_ready_on_durability(receiver: Receiver, connection: Connection) -> None:
    assert (await receiver.ask("GET", "/livez")).status_code == 200
    ready = await receiver.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "problems": []})
    assert (await receiver.readiness()).json() == ready.json()


async def test_strangers_learn_from_readiness_no_more_than_words_of_a_fixed_list(
    connection: Connection, keyring: Keyring
) -> None:
    refused = "mappings.yaml was refused: /etc/remedy/mappings.yaml:6:1: rulez: is not known here"
    receiver = Receiver(connection, keyring, troubles=(refused,))
    ready = await receiver.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "problems": ["trouble"]})
    assert (await receiver.readiness()).json() == {"ready": True, "problems": [refused]}
    await connection.redis.config_set("appendfsync", "everysec")
    try:
        ready, in_full = await receiver.ask("GET", "/readyz"), await receiver.readiness()
    finally:
        await connection.redis.config_set("appendfsync", "always")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "problems": ["store", "trouble"]})
    assert (in_full.status_code, in_full.json()["problems"]) == (503, ["appendfsync is everysec, not always", refused])


async def test_strangers_who_ask_for_readiness_at_once_have_redis_asked_once(receiver: Receiver) -> None:
    redis: Redis = receiver.connection.redis
    before = (await redis.info("commandstats"))["cmdstat_config|get"]["calls"]
    answers = await asyncio.gather(*(receiver.ask("GET", "/readyz") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await redis.info("commandstats"))["cmdstat_config|get"]["calls"] - before < 10


@pytest.mark.parametrize(
    ("name", "weak", "strong"),
    [("appendfsync", "everysec", "always"), ("maxmemory-policy", "allkeys-lru", "noeviction")],
)
async def test_a_redis_that_may_forget_is_not_ready_unless_that_is_allowed(
    connection: Connection, keyring: Keyring, name: str, weak: str, strong: str
) -> None:
    redis: Redis = connection.redis
    await redis.config_set(name, weak)
    try:
        strict = await Receiver(connection, keyring).readiness()
        lenient = await Receiver(connection, keyring, allow_weak_durability=True).ask("GET", "/readyz")
    finally:
        await redis.config_set(name, strong)
    assert (strict.status_code, strict.json()["problems"]) == (503, [f"{name} is {weak}, not {strong}"])
    assert lenient.status_code == 200
