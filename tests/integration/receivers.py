"""A receiver for tests: the whole application on a real Valkey, asked through ASGI, with a sender who can sign."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx2
from redis.asyncio import Redis

from receiver.accounts import Account, Accounts
from receiver.app import create_app, create_metrics_app, readiness_of
from receiver.context import Clocks, Limits
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.deliveries.webhook_secrets import WebhookSecret
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import Inbox
from remediation.store.server.connection import Connection
from tests.stand_ins import ManualClock

SECRET = "test-only-webhook-secret"
ADDRESS = "/webhooks/schoolscan/lakeside"
JSON_TYPE = (b"content-type", b"application/json")
Pairs = Sequence[tuple[bytes, bytes]]


def account(
    district: str = "lakeside",
    secrets: tuple[str, ...] = (SECRET,),
    signature: SignatureFormat = SignatureFormat.TIMESTAMPED,
) -> Account:
    return Account(district, webhook_secrets(*secrets), signature)


def webhook_secrets(*values: str) -> tuple[WebhookSecret, ...]:
    """Secrets without an end, called `first`, `second` and `third`."""
    return tuple(
        WebhookSecret(called, value) for called, value in zip(("first", "second", "third"), values, strict=False)
    )


def event(number: int = 1, **more: object) -> bytes:
    """The body of a delivery that can be read."""
    data = {"finding_id": f"fnd_{number}", "severity": "critical"}
    return json.dumps({"id": f"evt_{number}", "type": "finding.critical", "data": data, **more}).encode()


@dataclass
class Receiver:
    """An application of its own, on whatever Redis the connection leads to."""

    connection: Connection
    keyring: Keyring
    accounts: Mapping[str, Account] = field(default_factory=lambda: {"lakeside": account()})
    trackers: Mapping[str, Account] = field(default_factory=dict)
    limits: Limits = field(default_factory=lambda: Limits(max_body_bytes=4096, body_deadline=0.3))
    allow_weak_durability: bool = False
    troubles: Sequence[str] = ()
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.app = create_app(
            Accounts(self.accounts, self.trackers),
            self.connection,
            Inbox(self.connection, self.keyring),
            Clocks(self.clock, self.clock),
            limits=self.limits,
            allow_weak_durability=self.allow_weak_durability,
            troubles=lambda: self.troubles,
        )

    async def ask(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]] = (),
        content: bytes | AsyncIterator[bytes] = b"",
    ) -> httpx2.Response:
        """Send just this."""
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://receiver.example") as client:
            return await client.request(method, path, headers=list(headers), content=content)

    async def readiness(self) -> httpx2.Response:
        """What /readyz answers where no stranger comes."""
        transport = httpx2.ASGITransport(app=create_metrics_app(readiness=readiness_of(self.app)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://metrics.example") as client:
            return await client.get("/readyz")

    async def post(self, headers: Pairs, body: bytes, path: str = ADDRESS) -> httpx2.Response:
        """Deliver, with these headers and the content type of JSON."""
        return await self.ask("POST", path, [*headers, JSON_TYPE], body)

    async def deliver(
        self,
        body: bytes,
        form: SignatureFormat = SignatureFormat.TIMESTAMPED,
        *,
        secret: str = SECRET,
        path: str = ADDRESS,
        message_id: str = "msg_1",
    ) -> httpx2.Response:
        """Deliver as SchoolScan does: well signed."""
        return await self.post(sign(body, secret, form, self.clock(), message_id), body, path)


async def keyspace(redis: Redis) -> dict[bytes, bytes | None]:
    """Everything that lies in Redis, byte by byte."""
    return {key: await redis.dump(key) async for key in redis.scan_iter()}
