"""Admin webhooks of the sandbox's Jira: signed, in order, repeated while the other side does not take them."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2

from sandbox.jira_state import Happening, JiraState
from sandbox.jira_views import View

EVENTS = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created")
_ATTEMPTS = 5
_REPEATED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send, the secret that signs, and which events."""

    url: str
    secret: str = field(repr=False)
    events: tuple[str, ...] = EVENTS


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery: the identifier stays the same however often it is sent."""

    identifier: str
    event: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver. `status` is None where nobody answered."""

    identifier: str
    event: str
    retry: int
    status: int | None


def payload(happening: Happening, view: View) -> dict[str, object]:
    """What Jira says of a happening."""
    issue = happening.issue
    told: dict[str, object] = {
        "timestamp": round(happening.at * 1000),
        "webhookEvent": happening.event,
        "issue": view.issue(issue, ["*all"]),
    }
    if happening.comment:
        return told | {"comment": view.comment(happening.comment, issue)}
    told |= {"user": view.account(happening.actor)}
    if happening.changes:
        items = [view.change(change) for change in happening.changes]
        told |= {"issue_event_type_name": "issue_generic", "changelog": {"id": issue.histories[-1].id, "items": items}}
    return told


def signature(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Sender:
    """Delivers what happens in Jira, one after the other. `wait` is the first pause before a repetition."""

    def __init__(self, state: JiraState, webhook: Webhook | None, *, wait: float = 0.5) -> None:
        self.state = state
        self.webhook = webhook
        self.wait = wait
        self.base = "http://jira.invalid"
        self.attempts: list[Attempt] = []
        self._waiting: list[Delivery] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        state.listeners.append(self.take)

    def take(self, happening: Happening) -> None:
        """Note a delivery; it leaves when the sender's own task runs. May be called from any thread."""
        if self.webhook is None or happening.event not in self.webhook.events:
            return
        view = View(self.base, "2", self.state.is_cloud)
        body = json.dumps(payload(happening, view)).encode()
        self._waiting.append(Delivery(str(uuid4()), happening.event, body))
        if self._loop:
            self._loop.call_soon_threadsafe(self._woken.set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver in the background while this is open."""
        self._loop = asyncio.get_running_loop()
        self._woken.set()
        task = asyncio.create_task(self._deliver_all())
        try:
            yield
        finally:
            self._loop = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _deliver_all(self) -> None:
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._waiting:
                    await self._deliver(client, self._waiting.pop(0))

    async def _deliver(self, client: httpx2.AsyncClient, delivery: Delivery) -> None:
        for retry in range(_ATTEMPTS):
            status = await self._post(client, delivery, retry)
            self.attempts.append(Attempt(delivery.identifier, delivery.event, retry, status))
            if status is not None and status not in _REPEATED:
                return
            await asyncio.sleep(self.wait * 2**retry)

    async def _post(self, client: httpx2.AsyncClient, delivery: Delivery, retry: int) -> int | None:
        webhook = self.webhook
        if webhook is None:
            return 204
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian Webhook HTTP Client",
            "X-Atlassian-Webhook-Identifier": delivery.identifier,
            "X-Hub-Signature": signature(webhook.secret, delivery.body),
        }
        headers |= {"X-Atlassian-Webhook-Retry": str(retry)} if retry else {}
        try:
            return (await client.post(webhook.url, content=delivery.body, headers=headers)).status_code
        except httpx2.HTTPError:
            return None
