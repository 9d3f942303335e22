"""A receiver that stops: not ready at once, every answer the last on its connection, and 503 where time runs out."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from receiver.app import stop_of
from receiver.context import Limits
from receiver.stopping import SILENCE
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.failpoints import turn_off, turn_on
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from tests.integration.receivers import ADDRESS, JSON_TYPE, SECRET, Receiver, event


@pytest.fixture
def receiver(connection: Connection, keyring: Keyring) -> Receiver:
    return Receiver(connection, keyring)


async def half_a_body(gate: asyncio.Event) -> AsyncIterator[bytes]:
    yield event()[:10]
    await gate.wait()


def late(receiver: Receiver, gate: asyncio.Event) -> "asyncio.Task[object]":
    """A delivery of which only the first half has come."""
    signed = sign(event(), SECRET, SignatureFormat.TIMESTAMPED, receiver.clock(), "msg_1")
    asking = receiver.ask("POST", ADDRESS, [*signed, JSON_TYPE], half_a_body(gate))
    return asyncio.create_task(asking)


async def test_it_is_not_ready_from_the_first_moment_and_alive_to_the_last(receiver: Receiver) -> None:
    stop_of(receiver.app).begin(5)
    ready = await receiver.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "problems": ["stopping"]})
    assert (await receiver.ask("GET", "/livez")).status_code == 200


async def test_it_takes_what_still_comes_and_asks_for_a_new_connection(receiver: Receiver) -> None:
    assert "connection" not in (await receiver.deliver(event(1))).headers
    stop_of(receiver.app).begin(5)
    for answer, status in (
        (await receiver.deliver(event(2)), 202),
        (await receiver.deliver(event(3), secret="test-only-wrong"), 401),
        (await receiver.ask("GET", "/nowhere"), 404),
        (await receiver.post((), b"x" * 5000), 413),
    ):
        assert (answer.status_code, answer.headers.get_list("connection")) == (status, ["close"])


async def test_what_is_not_done_in_time_is_answered_503(connection: Connection, keyring: Keyring) -> None:
    receiver, gate = Receiver(connection, keyring), asyncio.Event()
    receiver.app.state.context.limits = Limits(body_deadline=30.0)
    asking, began = late(receiver, gate), time.monotonic()
    await asyncio.sleep(0.05)
    stop_of(receiver.app).begin(0.2)
    answer = await asyncio.wait_for(asking, 5)
    assert time.monotonic() - began < 3
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")  # type: ignore[attr-defined]


async def test_a_second_signal_leaves_no_time(connection: Connection, keyring: Keyring) -> None:
    receiver, gate = Receiver(connection, keyring), asyncio.Event()
    receiver.app.state.context.limits = Limits(body_deadline=30.0)
    asking = late(receiver, gate)
    await asyncio.sleep(0.05)
    stop = stop_of(receiver.app)
    stop.begin(60)
    stop.begin(120)
    assert stop.left <= 60, "it is never made longer"
    stop.begin(0)
    assert (await asyncio.wait_for(asking, 5)).status_code == 503  # type: ignore[attr-defined]
    assert (await receiver.deliver(event(2))).status_code == 503, "and what comes later has none either"


async def test_what_is_done_in_time_is_not_disturbed(receiver: Receiver) -> None:
    turn_on("verified=sleep:0.2")
    try:
        asking = asyncio.create_task(receiver.deliver(event()))
        stop_of(receiver.app).begin(5)
        assert (await asking).status_code == 202
    finally:
        turn_off()


async def test_it_waits_until_no_delivery_comes_any_more(receiver: Receiver) -> None:
    stop, began = stop_of(receiver.app), time.monotonic()
    stop.begin(20)
    waiting = asyncio.create_task(stop.silence())
    await asyncio.sleep(SILENCE / 2)
    await receiver.deliver(event())
    await receiver.ask("GET", "/readyz")
    await asyncio.wait_for(waiting, 10)
    assert time.monotonic() - began > SILENCE * 1.4


async def test_it_waits_for_half_of_its_time_at_most(receiver: Receiver) -> None:
    stop, began = stop_of(receiver.app), time.monotonic()
    stop.begin(0.6)
    await asyncio.wait_for(stop.silence(), 10)
    assert time.monotonic() - began < 0.5
    stop.begin(0)
    await asyncio.wait_for(stop.silence(), 0.1)
