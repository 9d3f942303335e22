"""The webhooks that the SchoolScan stand-in sends itself: signed in every format, repeated, doubled, out of order."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.wire.server import serve

SECRET = "test-only-webhook-secret"


@dataclass
class Receiver:
    """Takes deliveries, after refusing the first few."""

    refuse: int = 0
    taken: list[tuple[Headers, bytes]] = field(default_factory=list)
    refused: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.taken]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if self.refused < self.refuse:
            self.refused += 1
            return Response(status_code=503)
        self.taken.append((request.headers, body))
        return Response(status_code=202)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hook(receiver: Receiver) -> Iterator[str]:
    with serve(Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])) as address:
        yield f"{address}/hook"


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    world = World([account("lakeside", "test-only-token")])
    with serve(create_app(world)) as address, httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False) as http:
        yield http


def point(http: httpx2.Client, url: str, **how: object) -> None:
    order = {"url": url, "secret": SECRET, "first_wait": 0.01, **how}
    assert http.put("webhooks/lakeside", json=order).status_code == 204


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


def digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def is_signed(form: str, headers: Headers, body: bytes) -> bool:
    header = headers.get("x-schoolscan-signature", "")
    key = SECRET.encode()
    match form:
        case "hex":
            return header == digest(key, body).hex()
        case "prefixed":
            return header == f"sha256={digest(key, body).hex()}"
        case "base64":
            return base64.b64decode(header) == digest(key, body)
        case "timestamped":
            found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header)
            return (
                found is not None
                and abs(int(found[1]) - time.time()) < 60
                and found[2] == digest(key, found[1].encode() + b"." + body).hex()
            )
        case _:
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            return headers["webhook-signature"] == "v1," + base64.b64encode(digest(key, signed)).decode()


@pytest.mark.parametrize("form", ["hex", "prefixed", "base64", "timestamped", "standard"])
def test_a_delivery_is_signed_over_its_raw_bytes(http: httpx2.Client, hook: str, receiver: Receiver, form: str) -> None:
    point(http, hook, form=form)
    http.post("events", json={"type": "finding.critical", "data": {"finding_id": "fnd_1"}})
    until(lambda: len(receiver.taken) == 1)
    headers, body = receiver.taken[0]
    assert is_signed(form, headers, body)
    assert headers["content-type"] == "application/json"


def test_a_scan_sends_its_start_its_critical_findings_and_its_end_in_order(
    http: httpx2.Client, hook: str, receiver: Receiver
) -> None:
    old = http.post("findings", json={"findings": [{"severity": "critical"}]}).json()["findings"][0]
    point(http, hook)
    order = {"findings": [{"severity": "critical"}, {"severity": "low"}], "find_again": [old]}
    played = http.post("scans", json=order).json()
    until(lambda: len(receiver.taken) == 4)
    assert receiver.types == ["scan.started", "finding.critical", "finding.critical", "scan.completed"]
    assert [event["data"].get("finding_id") for event in receiver.events] == [None, played["findings"][0], old, None]
    assert {event["data"]["scan_id"] for event in receiver.events} == {played["scan_id"]}
    assert len({event["id"] for event in receiver.events}) == 4


def test_a_scan_takes_as_long_as_it_was_told(http: httpx2.Client, hook: str, receiver: Receiver) -> None:
    point(http, hook)
    http.post("scans", json={"findings": 1, "duration_seconds": 0.3})
    until(lambda: len(receiver.taken) == 1)
    assert receiver.types == ["scan.started"]
    assert http.get("findings").json() == []
    until(lambda: "scan.completed" in receiver.types)
    assert len(http.get("findings").json()) == 1


def test_a_refused_delivery_is_sent_again_with_the_same_id_and_body(
    http: httpx2.Client, hook: str, receiver: Receiver
) -> None:
    receiver.refuse = 3
    point(http, hook)
    sent = http.post("events", json={"type": "scan.completed", "id": "evt_mine"}).json()["id"]
    until(lambda: len(receiver.taken) == 1)
    assert (sent, receiver.events[0]["id"]) == ("evt_mine", "evt_mine")
    until(lambda: bool(http.get("deliveries").json()[0]["taken"]))
    (delivery,) = http.get("deliveries").json()
    assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 503, 503, 202]
    assert delivery["body"].encode() == receiver.taken[0][1]


def test_a_delivery_that_nobody_takes_is_given_up_after_its_attempts(http: httpx2.Client) -> None:
    point(http, "http://127.0.0.1:1/hook", attempts=3)
    http.post("events", json={"type": "scan.started"})
    until(lambda: len(http.get("deliveries").json()[0]["attempts"]) == 3)
    time.sleep(0.1)
    (delivery,) = http.get("deliveries").json()
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["ConnectError"] * 3
    assert delivery["taken"] is False


def test_a_lost_reply_leads_to_a_second_delivery_of_the_same_event(
    http: httpx2.Client, hook: str, receiver: Receiver
) -> None:
    httpx2.post(hook.replace("/hook", "/_sandbox/faults"), json={"kind": "lost_reply"}, trust_env=False)
    point(http, hook)
    http.post("events", json={"type": "scan.started"})
    until(lambda: len(receiver.taken) == 2)
    assert receiver.taken[0][1] == receiver.taken[1][1]


def test_everything_can_be_sent_twice(http: httpx2.Client, hook: str, receiver: Receiver) -> None:
    point(http, hook, copies=2)
    http.post("scans", json={})
    until(lambda: len(receiver.taken) == 4)
    assert receiver.types == ["scan.started", "scan.started", "scan.completed", "scan.completed"]
    assert len({event["id"] for event in receiver.events}) == 2


def test_what_happens_together_can_be_sent_last_things_first(
    http: httpx2.Client, hook: str, receiver: Receiver
) -> None:
    point(http, hook, reorder=True)
    http.post("scans", json={"findings": [{"severity": "critical"}]})
    until(lambda: len(receiver.taken) == 3)
    assert receiver.types == ["scan.completed", "finding.critical", "scan.started"]


def test_an_expert_review_is_sent_with_its_finding(http: httpx2.Client, hook: str, receiver: Receiver) -> None:
    finding = http.post("findings", json={}).json()["findings"][0]
    point(http, hook)
    http.post(f"findings/{finding}/review", json={"outcome": "false_positive", "status": "resolved"})
    until(lambda: len(receiver.taken) == 1)
    assert receiver.types == ["finding.expert_reviewed"]
    assert receiver.events[0]["data"]["finding_id"] == finding
    assert http.get("findings").json()[0]["status"] == "resolved"


def test_without_an_endpoint_nothing_is_sent(http: httpx2.Client, hook: str, receiver: Receiver) -> None:
    point(http, hook)
    http.delete("webhooks/lakeside")
    http.post("events", json={"type": "scan.started"})
    assert http.get("deliveries").json() == []
    assert receiver.taken == []


def test_an_endpoint_that_goes_away_ends_the_repeats(http: httpx2.Client, hook: str, receiver: Receiver) -> None:
    receiver.refuse = 1000
    point(http, hook, attempts=1000, first_wait=0.05)
    http.post("events", json={"type": "scan.started"})
    until(lambda: len(http.get("deliveries").json()[0]["attempts"]) == 2)
    http.delete("webhooks/lakeside")
    time.sleep(0.3)
    refused = receiver.refused
    time.sleep(0.3)
    assert receiver.refused == refused


def test_the_list_of_deliveries_can_be_cleared(http: httpx2.Client, hook: str, receiver: Receiver) -> None:
    point(http, hook)
    http.post("events", json={"type": "scan.started"})
    until(lambda: len(http.get("deliveries").json()) == 1)
    http.delete("deliveries")
    assert http.get("deliveries").json() == []
