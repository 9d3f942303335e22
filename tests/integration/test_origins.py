"""Which request a look comes of: from the wire over Redis into the lines of the jobs, for rows of any version."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation.deliveries.events import SCHOOLSCAN, delivery_id
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.log_context import facts_here, merge_facts
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import Arrival, Inbox
from remediation.store.keys import CASE, INBOX
from remediation.store.server.connection import Connection
from remediation.store.terms import MOST_ORIGINS
from remediation.telemetry import Origin
from tests.integration.offices import Office
from tests.integration.receivers import ADDRESS, Receiver, event
from workers.jobs.cases import look_at_case
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan

OWN = "0123456789abcdef0123456789abcdef"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def receiver(connection: Connection, keyring: Keyring) -> Receiver:
    return Receiver(connection, keyring)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[merge_facts]) as lines:
        yield lines


async def asked(receiver: Receiver, headers: list[tuple[bytes, bytes]]) -> str:
    """The id that the receiver answers."""
    answer = await receiver.post(headers, event())
    assert answer.status_code == 401
    return str(answer.headers["x-request-id"])


@pytest.mark.parametrize("given", [OWN, OWN.upper(), "7f3a9c52-1b7e-4a60-9d2f-0c5e8a9b1d23", "0" * 16])
async def test_a_well_formed_id_of_a_proxy_is_taken(receiver: Receiver, given: str) -> None:
    assert await asked(receiver, [(b"x-request-id", given.encode())]) == given


@pytest.mark.parametrize(
    "given",
    [
        *(b"", b"0" * 15, b"0" * 37, b"ZZPII-name-of-a-student", OWN.encode() + b" ", b" " + OWN.encode()),
        *(OWN.encode() + b"\n", OWN.encode()[:-1] + b"g", OWN.encode()[:-1] + b"\xb2", b"123-45-6789", b"a" * 16_384),
    ],
)
async def test_anything_else_is_not_and_an_id_of_our_own_is_made(receiver: Receiver, given: bytes) -> None:
    own = await asked(receiver, [(b"x-request-id", given)])
    assert own.encode() != given
    assert len(own) == 32
    assert int(own, 16) >= 0


async def test_two_ids_are_none(receiver: Receiver) -> None:
    headers = [(b"x-request-id", OWN.encode()), (b"x-request-id", OWN[::-1].encode())]
    answer = await receiver.post(headers, event())
    assert answer.headers["x-request-id"] not in {OWN, OWN[::-1]}


async def test_an_answer_of_any_kind_has_the_id_of_its_log_line(receiver: Receiver, logged: list[EventDict]) -> None:
    answers = [await receiver.deliver(event()), await receiver.deliver(event(), path="/webhooks/schoolscan/nowhere")]
    answers.append(await receiver.ask("POST", ADDRESS, content=event()))
    assert [answer.status_code for answer in answers] == [202, 404, 415]
    told = [line for line in logged if line["event"] in {"delivery_accepted", "delivery_not_taken"}]
    assert [line["request_id"] for line in told] == [answer.headers["x-request-id"] for answer in answers]
    assert [(line.get("status"), line.get("reason")) for line in told[1:]] == [
        (404, "unknown_district"),
        (415, "MediaTypeRefused"),
    ]
    assert facts_here() == {}


async def accepted(office: Office, number: int, body: bytes, origin: Origin) -> str:
    row = delivery_id("schoolscan", "lakeside", f"evt_{number}")
    assert await office.context.inbox.accept(row, SCHOOLSCAN, "lakeside", body, office.clock(), Arrival(origin))
    return row


def noticed(number: int, finding: str = "fnd_1") -> bytes:
    return json.dumps({"id": f"evt_{number}", "type": "finding.critical", "data": {"finding_id": finding}}).encode()


async def test_a_look_carries_the_requests_of_its_deliveries_until_it_has_come_to_an_end(
    office: Office, logged: list[EventDict]
) -> None:
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    ids = [f"{number:032x}" for number in range(MOST_ORIGINS + 2)]
    for number, request_id in enumerate(ids):
        row = await accepted(office, number, noticed(number), Origin(request_id, TRACE))
        await read_delivery(office.arq_context, row)
    lease = await office.context.todo.take(key.ref, office.clock())
    assert lease is not None
    assert {origin.request_id for origin in lease.origins.values()} == {*ids[2:]}, "of many the last ones"
    assert {origin.trace for origin in lease.origins.values()} == {TRACE}
    await office.context.todo.let_go(lease)
    await office.context.todo.put_off(lease, office.clock(), office.clock())
    await look_at_case(office.arq_context, key.ref)
    fields = [name async for name, _ in office.redis.hscan_iter(CASE + key.ref)]
    assert not [name for name in fields if name.startswith(b"origin:")]
    (done, *_) = (line for line in logged if line["event"] in {"action_done", "action_failed", "case_parked"})
    assert set(done["request_id"].split(",")) == {*ids[2:]}
    assert (done["job"], done["case"]) == ("look_at_case", key.ref)
    read = [line for line in logged if line["event"] == "delivery_read"]
    assert [(line["request_id"], line["case"], line["job"]) for line in read] == [
        (request_id, key.ref, "read_delivery") for request_id in ids
    ]
    assert facts_here() == {}


async def test_a_delivery_of_an_earlier_version_comes_of_no_request(office: Office, logged: list[EventDict]) -> None:
    row = await accepted(office, 1, noticed(1), Origin(OWN, TRACE))
    await office.connection.ask(office.redis.hdel(INBOX + row, "request_id", "trace"))
    await read_delivery(office.arq_context, row)
    (line,) = (line for line in logged if line["event"] == "delivery_read")
    assert "request_id" not in line
    assert line["delivery"] == row


async def test_what_has_not_the_form_is_not_believed(office: Office) -> None:
    row = await accepted(office, 1, noticed(1), Origin())
    foreign = {"request_id": "ZZPII-name", "trace": "ZZPII"}
    await office.connection.ask(office.redis.hset(INBOX + row, mapping=foreign))
    (delivery,) = (await office.context.inbox.readings.take_some(row, office.clock())).deliveries
    assert delivery.origin == Origin()


async def test_a_delivery_whose_key_is_missing_is_told_with_its_request(
    office: Office, connection: Connection, logged: list[EventDict]
) -> None:
    from remediation.sealing import generate_key  # noqa: PLC0415

    body = noticed(1)
    row = delivery_id("schoolscan", "lakeside", "evt_1")
    other = Inbox(connection, Keyring.parse(generate_key()))
    await other.accept(row, SCHOOLSCAN, "lakeside", body, office.clock(), Arrival(Origin(OWN)))
    await read_delivery(office.arq_context, row)
    (line,) = (line for line in logged if line["event"] == "delivery_set_aside")
    assert (line["request_id"], line["delivery"]) == (OWN, row)


async def test_all_cases_of_a_scan_come_of_the_request_that_named_it(office: Office, logged: list[EventDict]) -> None:
    body = json.dumps({"id": "evt_1", "type": "scan.completed", "data": {"scan_id": "scan_1"}}).encode()
    row = await accepted(office, 1, body, Origin(OWN, TRACE))
    office.source.findings["fnd_1"] = replace(office.source.findings["fnd_1"], scan_id="scan_1")
    await read_delivery(office.arq_context, row)
    await page_scan(office.arq_context, "lakeside:scan:scan_1")
    told = [line for line in logged if line.get("scan") == "lakeside:scan:scan_1"]
    assert {line["request_id"] for line in told} == {OWN}
    assert {"delivery_read", "scan_page_listed"} <= {line["event"] for line in told}
    refs = [key.decode().removeprefix(CASE) for key in await office.redis.keys(f"{CASE}*")]
    assert refs
    for ref in refs:
        lease = await office.context.todo.take(ref, office.clock())
        assert lease is not None
        assert [origin.request_id for origin in lease.origins.values()] == [OWN]
