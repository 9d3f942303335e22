"""The receiver's application, asked in process with whatever comes, and what is promised of its answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import cast

from starlette.applications import Starlette
from starlette.types import Message, Scope

from chaos.fuzzing.memory import MemoryInbox, MemorySignedTimes
from chaos.fuzzing.script import Script
from chaos.fuzzing.signing import NOW, SECRETS, header
from receiver.accounts import Account, Accounts
from receiver.admission import Admission
from receiver.app import create_app
from receiver.context import Clocks, Limits, ReceiverContext
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.webhook_secrets import WebhookSecret
from remediation.domain.errors import OverLimit, StoreUnavailable
from remediation.mapping.config.trackers.kinds import all_senders
from remediation.readiness import Readiness
from remediation.store.server.connection import Connection

STATUSES = frozenset({200, 202, 401, 404, 405, 413, 415, 503})
MOST_BODY = 120
_METHODS = ("POST", "GET", "PUT", "HEAD", "OPTIONS", "")
_PATHS = (
    *("/webhooks/schoolscan/lakeside", "/webhooks/schoolscan", "/webhooks/jira", "/webhooks/servicenow"),
    *("/webhooks/schoolscan/", "/webhooks/nobody", "/livez", "/readyz", "/metrics", "/", "*", ""),
)
_TYPES = (
    b"application/json",
    b"application/cloudevents+json; charset=utf-8",
    b"text/plain",
    b"",
    b'application/json;charset="UTF-8"',
)
_NAMES = (b"content-length", b"content-encoding", b"x-request-id", b"traceparent", b"transfer-encoding", b"")
_BODIES = (
    b'{"id":"evt_1","type":"finding.critical","data":{"finding_id":"fnd_1"}}',
    b'{"id":"evt_2","type":"scan.completed","data":{"scan_id":"scan_1"}}',
    b'{"id":"evt_3","type":"something.new","data":{}}',
    b'{"webhookEvent":"jira:issue_updated","issue":{"id":"10001"}}',
    b"{}",
    b"[",
)


_WORDS = frozenset({b"", b"alive\n", b'{"ready":true,"problems":[]}', b"Not Found", b"Method Not Allowed"})
"""Everything that is answered beside a status's own phrase."""

_NOWHERE = cast("Connection", object())
"""Nothing here asks Redis."""


@dataclass(slots=True)
class Asked:
    """One request as ASGI gives it, and what was answered."""

    scope: Scope
    messages: list[Message]
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    is_over: bool = False

    async def receive(self) -> Message:
        """The next part of the body, and at last that the sender has gone."""
        return self.messages.pop(0) if self.messages else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """One answer: its head once, and its body once."""
        assert not self.is_over
        if message["type"] == "http.response.start":
            assert not self.status
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            assert self.status
            self.body, self.is_over = self.body + message["body"], not message.get("more_body", False)

    def values(self, name: bytes) -> list[bytes]:
        """All that the answer has under a header's name."""
        return [value for key, value in self.headers if key == name]


def play(data: bytes) -> int:
    """One request; returns its status, or 0 where nobody was there to be answered.

    Raises AssertionError where a promise is broken, and whatever the application must not raise.
    """
    script, (app, inbox) = Script(data), _application()
    inbox.rows.clear()
    inbox.trouble = script.one_of(
        (None, None, None, StoreUnavailable("away"), OverLimit(2.5), ValueError("unforeseen"))
    )
    context: ReceiverContext = app.state.context
    context.admission, context.signed_times = Admission(), MemorySignedTimes()
    asked = _request(script)
    gone = not any(message.get("more_body") is False for message in asked.messages)
    _loop().run_until_complete(app(asked.scope, asked.receive, asked.send))
    if not asked.status:
        assert gone, "only who has gone gets no answer"
        return 0
    assert asked.is_over
    assert asked.status in STATUSES
    assert (asked.status == HTTPStatus.ACCEPTED) == bool(inbox.rows), "a row and a 202, or neither"
    assert asked.status != HTTPStatus.ACCEPTED or asked.scope["method"] == "POST"
    assert bool(asked.values(b"retry-after")) == (asked.status == HTTPStatus.SERVICE_UNAVAILABLE)
    assert len(asked.values(b"x-request-id")) == 1
    assert asked.body.rstrip(b"\n") == HTTPStatus(asked.status).phrase.encode() or asked.body in _WORDS
    return asked.status


def _request(script: Script) -> Asked:
    method, path = script.one_of(_METHODS), script.one_of(_PATHS)
    if script.number(8) == 1:
        path += script.literal(20).decode("latin-1")
    body = script.one_of(_BODIES) if script.number(4) else script.literal(MOST_BODY + 20)
    headers = [(b"content-type", script.one_of(_TYPES))] if script.number(8) else []
    headers += [header(script, body) for _ in range(script.number(5))]
    headers += [(script.one_of(_NAMES), script.literal(30)) for _ in range(script.number(4))]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": script.literal(10),
        "headers": headers,
        "client": None,
        "server": ("receiver.example", 80),
        "state": {},
    }
    return Asked(scope, _messages(script, body))


def _messages(script: Script, body: bytes) -> list[Message]:
    """The body in some pieces. Now and then its sender goes before the end."""
    pieces = []
    for _ in range(script.number(4)):
        size = script.number(100)
        pieces.append(body[:size])
        body = body[size:]
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if script.number(8) != 1:
        messages.append({"type": "http.request", "body": body, "more_body": False})
    return messages


@cache
def _application() -> tuple[Starlette, MemoryInbox]:
    inbox = MemoryInbox()
    secrets = tuple(WebhookSecret(f"secret-{number}", value) for number, value in enumerate(SECRETS) if value)
    trackers: Mapping[str, Account] = {
        str(sender): Account(str(sender), secrets, SignatureFormat.AUTO, sender)
        for sender in all_senders()
        if sender.is_tracker
    }
    accounts = Accounts({"lakeside": Account("lakeside", secrets, SignatureFormat.AUTO)}, trackers)
    clocks = Clocks(lambda: NOW, lambda: NOW)
    app = create_app(accounts, _NOWHERE, inbox, clocks, limits=Limits(max_body_bytes=MOST_BODY, body_deadline=5.0))

    async def ready() -> Readiness:
        return Readiness()

    app.state.readiness = ready
    return app, inbox


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
