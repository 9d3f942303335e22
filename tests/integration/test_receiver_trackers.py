"""Webhooks of trackers: every answer of the table for both kinds, and nothing in Redis without a good signature."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from receiver.accounts import Account
from receiver.context import Limits
from remediation.deliveries.events import Sender, delivery_id
from remediation.deliveries.jira import JIRA
from remediation.deliveries.servicenow import SERVICENOW
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.log_context import merge_facts
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.deliveries.parked import ParkedWork
from remediation.store.keys import UNREAD
from remediation.store.server.connection import Connection
from tests.integration.receivers import JSON_TYPE, Pairs, Receiver, account, keyspace, webhook_secrets

SAMPLES = Path(__file__).parent.parent / "payloads"
TRACKERS = [JIRA, SERVICENOW]


def secret_of(sender: Sender) -> str:
    return f"test-only-{sender}-secret"


def tracker(sender: Sender, *secrets: str, signature: SignatureFormat = SignatureFormat.AUTO) -> Account:
    return Account(f"our-{sender}", webhook_secrets(*(secrets or (secret_of(sender),))), signature, sender)


@dataclass
class Tracker:
    """One kind of tracker before a receiver that knows both of them, and one more that has no webhook."""

    receiver: Receiver
    sender: Sender

    @property
    def path(self) -> str:
        return f"/webhooks/our-{self.sender}"

    @property
    def body(self) -> bytes:
        name = {JIRA: "jira/issue-updated", SERVICENOW: "servicenow/update"}[self.sender]
        return (SAMPLES / f"{name}.json").read_bytes()

    def signed(self, body: bytes, secret: str = "", form: SignatureFormat = SignatureFormat.AUTO) -> Pairs:
        """The headers that this tracker sends with a body, or those of another secret or format."""
        wanted, key = self.sender.expected_format(form), secret or secret_of(self.sender)
        return sign(body, key, wanted, self.receiver.clock(), "msg_1", header=self.sender.header)

    async def deliver(self, body: bytes, secret: str = "", path: str = "") -> httpx2.Response:
        return await self.receiver.post(self.signed(body, secret), body, path or self.path)

    def row(self, body: bytes) -> str:
        return delivery_id(self.sender.name, f"our-{self.sender}", None, self.receiver.keyring.fingerprint(body))

    def counted(self, answer: int, reason: str) -> float:
        labels = {"sender": str(self.sender), "account": f"our-{self.sender}", "answer": str(answer), "reason": reason}
        return REGISTRY.get_sample_value("remedy_deliveries_total", labels) or 0.0


@pytest.fixture(params=TRACKERS)
def jira_or_servicenow(request: pytest.FixtureRequest, connection: Connection, keyring: Keyring) -> Tracker:
    trackers = {each.name: each for each in map(tracker, TRACKERS)}
    return Tracker(Receiver(connection, keyring, trackers=trackers), request.param)


# 202


async def test_a_signed_delivery_is_stored_sealed_before_the_answer(
    jira_or_servicenow: Tracker, connection: Connection, keyring: Keyring
) -> None:
    told = jira_or_servicenow
    before = told.counted(202, "stored")
    answer = await told.deliver(told.body)
    assert (answer.status_code, answer.text) == (202, "Accepted\n")
    (stored,) = (await Inbox(connection, keyring).readings.take_some(told.row(told.body), time.time())).deliveries
    assert (stored.sender, stored.account, stored.body) == (told.sender, f"our-{told.sender}", told.body)
    assert b"ZZPII" not in b"".join(value or b"" for value in (await keyspace(connection.redis)).values())
    assert told.counted(202, "stored") == before + 1


async def test_copies_that_arrive_at_once_and_later_are_stored_once(
    jira_or_servicenow: Tracker, connection: Connection
) -> None:
    told = jira_or_servicenow
    answers = await asyncio.gather(*(told.deliver(told.body) for _ in range(10)))
    told.receiver.clock.pass_by(3_600)
    answers.append(await told.deliver(told.body))
    assert {answer.status_code for answer in answers} == {202}
    assert await connection.redis.zcard(WORK_QUEUE) == 1


async def test_the_same_delivery_of_two_trackers_is_two_deliveries(connection: Connection, keyring: Keyring) -> None:
    secrets = webhook_secrets("test-only")
    trackers = {name: Account(name, secrets, SignatureFormat.AUTO, JIRA) for name in ("one", "two")}
    told = Tracker(Receiver(connection, keyring, trackers=trackers), JIRA)
    for name in trackers:
        assert (await told.deliver(told.body, "test-only", f"/webhooks/{name}")).status_code == 202
    assert await connection.redis.zcard(UNREAD) == 2
    assert await connection.redis.zcard(WORK_QUEUE) == 1, "one job is for both"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"webhookEvent":5}', b'{"event":"a b"}'])
async def test_what_is_authentic_and_cannot_be_read_is_quarantined_and_gets_202(
    jira_or_servicenow: Tracker, connection: Connection, keyring: Keyring, body: bytes
) -> None:
    told = jira_or_servicenow
    for _ in range(2):
        assert (await told.deliver(body)).status_code == 202
    (item,) = [item async for item in ParkedWork(connection, keyring).listed()]
    assert (item.kind, item.district, item.system) == ("quarantined", "", f"our-{told.sender}")
    assert await Inbox(connection, keyring).state(item.subject) is DeliveryState.QUARANTINED
    assert await connection.redis.zcard(WORK_QUEUE) == 0


async def test_an_event_that_nobody_knows_is_ignored_and_fills_no_list(
    jira_or_servicenow: Tracker, connection: Connection, keyring: Keyring
) -> None:
    told, before = jira_or_servicenow, jira_or_servicenow.counted(202, "ignored")
    body = b'{"webhookEvent":"sprint_started","event":"query"}'
    assert [(await told.deliver(body)).status_code for _ in range(2)] == [202, 202]
    assert told.counted(202, "ignored") == before + 1
    assert await Inbox(connection, keyring).state(told.row(body)) is DeliveryState.IGNORED
    assert [item async for item in ParkedWork(connection, keyring).listed()] == []
    assert await connection.redis.zcard(WORK_QUEUE) == 0


async def test_any_of_several_secrets_may_have_signed(connection: Connection, keyring: Keyring) -> None:
    for sender in TRACKERS:
        secrets = ("test-only-old", "test-only-new")
        told = Tracker(Receiver(connection, keyring, trackers={f"our-{sender}": tracker(sender, *secrets)}), sender)
        answers = [await told.deliver(told.body, secret) for secret in (*secrets, "test-only-retired")]
        assert [answer.status_code for answer in answers] == [202, 202, 401]


@pytest.mark.parametrize("form", [form for form in SignatureFormat if form is not SignatureFormat.AUTO])
async def test_a_format_that_is_written_down_is_the_only_one_taken(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    for sender in TRACKERS:
        trackers = {f"our-{sender}": tracker(sender, signature=form)}
        told = Tracker(Receiver(connection, keyring, trackers=trackers), sender)
        answers = {
            other: (await told.receiver.post(told.signed(told.body, form=other), told.body, told.path)).status_code
            for other in SignatureFormat
            if other is not SignatureFormat.AUTO
        }
        assert {other for other, status in answers.items() if status == 202} == {form}


# 401

CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte less": lambda value: value[:-1],
    "one byte more": lambda value: value + b"0",
    "another last byte": lambda value: value[:-2] + (b"00" if value[-2:] != b"00" else b"11"),
    "upside down": lambda value: value[::-1],
    "not ASCII": lambda value: value[:-1] + b"\xe9",
    "white space inside": lambda value: value[:20] + b" " + value[20:],
    "16 KB long": lambda value: value + b"A" * 16_384,
    "twice in one value": lambda value: value + b", " + value,
    "another algorithm": lambda value: b"sha1=" + value.removeprefix(b"sha256="),
}


async def test_no_signature_that_is_not_quite_right_is_let_in(
    jira_or_servicenow: Tracker, connection: Connection
) -> None:
    told = jira_or_servicenow
    ((name, value),) = told.signed(told.body)
    cases: list[Pairs] = [[(name, change(value))] for change in CHANGES.values()]
    cases += [[(name, value[:cut])] for cut in range(len(value))]
    cases += [[], [(name, value), (name, value)], [(b"x-schoolscan-signature", value)], [(b"authorization", value)]]
    cases += [told.signed(told.body, secret) for secret in ("test-only-other", secret_of(told.sender) + " ")]
    cases += [told.signed(body) for body in (told.body + b" ", told.body[:-1], b"")]
    cases += [
        told.signed(told.body, form=form)
        for form in SignatureFormat
        if form not in {SignatureFormat.AUTO, told.sender.expected_format(SignatureFormat.AUTO)}
    ]
    before, refused = await keyspace(connection.redis), told.counted(401, "signature")
    answers = [await told.receiver.post(headers, told.body, told.path) for headers in cases]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, b"Unauthorized\n")}
    assert await keyspace(connection.redis) == before == {}
    assert told.counted(401, "signature") == refused + len(cases)


async def test_a_signature_of_one_sender_is_worth_nothing_at_the_address_of_another(
    jira_or_servicenow: Tracker, connection: Connection
) -> None:
    told = jira_or_servicenow
    for other in {*TRACKERS} - {told.sender}:
        assert (await told.deliver(told.body, path=f"/webhooks/our-{other}")).status_code == 401
    assert (await told.deliver(told.body, path="/webhooks/schoolscan/lakeside")).status_code == 401
    assert await keyspace(connection.redis) == {}


# 404, 405, 408, 413, 415 and 503


@pytest.mark.parametrize("path", ["/webhooks/jira", "/webhooks/without", "/webhooks/", "/webhooks/our-jira/lakeside"])
async def test_a_tracker_that_there_is_not_or_that_has_no_webhook_is_404(
    jira_or_servicenow: Tracker, connection: Connection, path: str
) -> None:
    assert (await jira_or_servicenow.deliver(jira_or_servicenow.body, path=path)).status_code == 404
    assert await keyspace(connection.redis) == {}


async def test_a_tracker_that_nobody_knows_is_counted_without_its_name(jira_or_servicenow: Tracker) -> None:
    labels = {"sender": "unknown", "account": "unknown", "answer": "404", "reason": "unknown_tracker"}
    before = REGISTRY.get_sample_value("remedy_deliveries_total", labels) or 0.0
    await jira_or_servicenow.deliver(jira_or_servicenow.body, path="/webhooks/guessed")
    assert REGISTRY.get_sample_value("remedy_deliveries_total", labels) == before + 1


async def test_no_tracker_stands_in_the_way_of_schoolscan(connection: Connection, keyring: Keyring) -> None:
    """The check of mappings.yaml refuses such a name; were it let in, the address would still be SchoolScan's."""
    trackers = {"schoolscan": tracker(JIRA)}
    told = Tracker(Receiver(connection, keyring, {"lakeside": account()}, trackers=trackers), JIRA)
    assert (await told.deliver(told.body, path="/webhooks/schoolscan")).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_405_and_told_the_right_one(jira_or_servicenow: Tracker, method: str) -> None:
    answer = await jira_or_servicenow.receiver.ask(method, jira_or_servicenow.path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def slowly(*chunks: bytes, pause: float) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(pause)


async def test_a_body_that_is_late_or_too_large_or_no_json_is_refused_and_counted_for_its_sender(
    jira_or_servicenow: Tracker, connection: Connection
) -> None:
    told, large = jira_or_servicenow, json.dumps({"x": "x" * 5_000}).encode()
    ask = told.receiver.ask
    before = [told.counted(*each) for each in ((408, "BodyTooSlow"), (413, "BodyTooLarge"), (415, "MediaTypeRefused"))]
    answers = [
        await ask("POST", told.path, [*told.signed(told.body), JSON_TYPE], slowly(*[b"{"] * 9, pause=0.1)),
        await ask("POST", told.path, [*told.signed(large), JSON_TYPE], large),
        await ask("POST", told.path, [*told.signed(told.body), (b"content-type", b"text/plain")], told.body),
    ]
    after = [told.counted(*each) for each in ((408, "BodyTooSlow"), (413, "BodyTooLarge"), (415, "MediaTypeRefused"))]
    assert [answer.status_code for answer in answers] == [408, 413, 415]
    assert [now - then for then, now in zip(before, after, strict=True)] == [1, 1, 1]
    assert await keyspace(connection.redis) == {}


async def test_jiras_own_content_type_is_taken(connection: Connection, keyring: Keyring) -> None:
    told = Tracker(Receiver(connection, keyring, trackers={"our-jira": tracker(JIRA)}), JIRA)
    kind = (b"Content-Type", b"application/json; charset=UTF-8")
    answer = await told.receiver.ask("POST", told.path, [*told.signed(told.body), kind], told.body)
    assert answer.status_code == 202


async def test_where_redis_takes_nothing_the_answer_is_503_and_no_2xx(
    jira_or_servicenow: Tracker, connection: Connection
) -> None:
    told = jira_or_servicenow
    await connection.redis.config_set("maxmemory", "1")
    try:
        answer = await told.deliver(told.body)
    finally:
        await connection.redis.config_set("maxmemory", "0")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert await keyspace(connection.redis) == {}


async def test_a_log_line_names_the_tracker_and_holds_nothing_of_the_body(jira_or_servicenow: Tracker) -> None:
    told = jira_or_servicenow
    with capture_logs(processors=[merge_facts]) as lines:
        await told.deliver(told.body)
    (line,) = lines
    assert (line["tracker"], line["outcome"], line["delivery"]) == (
        f"our-{told.sender}",
        "stored",
        told.row(told.body),
    )
    assert all(word not in str(lines) for word in ("ZZPII", "10042", "fnd_9d2", "SEC-12"))


async def test_the_limits_are_those_of_every_delivery(connection: Connection, keyring: Keyring) -> None:
    for sender in TRACKERS:
        trackers = {f"our-{sender}": tracker(sender)}
        told = Tracker(Receiver(connection, keyring, trackers=trackers), sender)
        for size, status in ((len(told.body), 202), (len(told.body) - 1, 413)):
            told.receiver = Receiver(connection, keyring, trackers=trackers, limits=Limits(max_body_bytes=size))
            assert (await told.deliver(told.body)).status_code == status
