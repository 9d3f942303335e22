"""What the stand-in keeps of a ServiceNow with our business rule: each change of a record of ours is told, signed."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remediation.deliveries.servicenow import KEYS as SERVICENOW_KEYS
from remediation.deliveries.servicenow import SERVICENOW
from remediation.deliveries.signatures import SignatureFormat, by_name, verify
from remediation.deliveries.ticket_events import TicketEventKind, TicketNoticed
from remediation.domain.tickets import TicketChange
from sandbox.servicenow.stand_in import INTEGRATION, PERSON, servicenow_app
from sandbox.wire.server import serve

INCIDENTS = "/api/now/v2/table/incident"
SECRET = "test-only-rule-secret"
MARK = "remedy:lakeside:finding:fnd_1"
OURS = {"correlation_id": MARK, "correlation_display": "remedy", "short_description": "ZZPII"}


@dataclass
class Desk:
    """A ServiceNow whose rule tells a server of ours; `taken` is what came, `status` is what that answers."""

    address: str
    target: str
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 202

    def ask(self, method: str, path: str, payload: object = None, *, as_person: bool = False) -> Any:
        who = PERSON if as_person else INTEGRATION
        signed_in = (who.user_name, who.password)
        answer = httpx2.request(method, self.address + path, json=payload, auth=signed_in, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def open(self, payload: object) -> str:
        return str(self.ask("POST", INCIDENTS, payload)["result"]["sys_id"])

    def hook(self, **other: object) -> None:
        order = {"url": f"{self.target}/webhooks/servicenow", "secret": SECRET, **other}
        self.ask("PUT", "/_sandbox/webhook", order)

    def told(self, count: int) -> list[dict[str, str]]:
        deadline = time.monotonic() + 5
        while len(self.taken) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(self.taken) == count
        return [json.loads(body) for _, body in self.taken]


@pytest.fixture
def desk() -> Iterator[Desk]:
    async def take(request: Request) -> Response:
        made.taken.append((dict(request.headers), await request.body()))
        return Response(status_code=made.status)

    app = Starlette(routes=[Route("/webhooks/servicenow", take, methods=["POST"])])
    with serve(app) as target, serve(servicenow_app()) as address:
        made = Desk(address, target)
        yield made


def test_changes_of_our_records_are_told_whoever_makes_them_and_nothing_else_is(desk: Desk) -> None:
    desk.hook()
    foreign, ours = desk.open({"short_description": "ZZPII"}), desk.open(OURS)
    desk.ask("PATCH", f"{INCIDENTS}/{foreign}", {"state": "2"})
    desk.ask("PATCH", f"{INCIDENTS}/{ours}", {"work_notes": "ZZPII"})
    desk.ask("PATCH", f"{INCIDENTS}/{ours}", {"state": "2"}, as_person=True)
    desk.ask("PATCH", f"{INCIDENTS}/{ours}", {"state": "2"}, as_person=True)
    desk.ask("DELETE", f"{INCIDENTS}/{ours}", as_person=True)
    told = desk.told(3)
    assert [(each["event"], each["sys_id"], each["sys_mod_count"]) for each in told] == [
        ("update", ours, "1"),
        ("update", ours, "2"),
        ("delete", ours, "2"),
    ]
    assert {tuple(each) for each in told} == {SERVICENOW_KEYS}
    assert b"ZZPII" not in b"".join(body for _, body in desk.taken)


def test_what_is_told_is_signed_and_read_as_the_change_that_it_was(desk: Desk) -> None:
    desk.hook(events=["insert", "update"])
    sys_id = desk.open(OURS)
    record = desk.ask("PATCH", f"{INCIDENTS}/{sys_id}", {"state": "2"})["result"]
    desk.told(2)
    headers, body = desk.taken[1]
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    usual = SERVICENOW.expected_format(SignatureFormat.AUTO)
    assert verify(by_name(raw), body, [SECRET], usual, 0, header=SERVICENOW.header).format is SignatureFormat.BASE64
    assert headers["content-type"].startswith("application/json")
    noticed = SERVICENOW.read(body)
    version = f"{record['sys_updated_on']}/{record['sys_mod_count']}"
    assert noticed == TicketNoticed(TicketEventKind.CHANGED, TicketChange(f"incident/{sys_id}", MARK, version))
    created = SERVICENOW.read(desk.taken[0][1])
    assert isinstance(created, TicketNoticed)
    assert created.kind is TicketEventKind.CREATED


def test_a_business_rule_does_not_repeat_what_was_not_taken(desk: Desk) -> None:
    desk.status = 503
    desk.hook()
    sys_id = desk.open(OURS)
    desk.ask("PATCH", f"{INCIDENTS}/{sys_id}", {"state": "2"})
    desk.told(1)
    assert [each["status"] for each in desk.ask("GET", "/_sandbox/deliveries")] == [503]


def test_without_a_webhook_nothing_is_told(desk: Desk) -> None:
    desk.hook()
    desk.ask("DELETE", "/_sandbox/webhook")
    desk.ask("PATCH", f"{INCIDENTS}/{desk.open(OURS)}", {"state": "2"})
    desk.told(0)
