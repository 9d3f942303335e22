"""Webhooks of the sandbox's trackers on their way: signed, in order, and repeated by those who repeat."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from uuid import uuid4

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_REPEATED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send, the secret that signs, and which events."""

    url: str
    secret: str = field(repr=False)
    events: tuple[str, ...]


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


Headers = Callable[[Webhook, Delivery, int], dict[str, str]]
"""What is sent beside a delivery's body; the number is 0 for the first time."""


class Sender:
    """Delivers, one after the other. `wait` is the first pause, in seconds, before one of `attempts` in all is made."""

    def __init__(self, webhook: Webhook | None, headers: Headers, *, attempts: int, wait: float) -> None:
        self.webhook = webhook
        self.attempts: list[Attempt] = []
        self._headers, self._most, self._wait = headers, attempts, wait
        self._waiting: list[Delivery] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    def wants(self, event: str) -> bool:
        """Whether anybody is to be told of such an event."""
        return self.webhook is not None and event in self.webhook.events

    def send(self, event: str, body: bytes) -> None:
        """Note a delivery; it leaves when the sender's own task runs. May be called from any thread."""
        self._waiting.append(Delivery(str(uuid4()), event, body))
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
        for retry in range(self._most):
            status = await self._post(client, delivery, retry)
            self.attempts.append(Attempt(delivery.identifier, delivery.event, retry, status))
            if (status is not None and status not in _REPEATED) or retry + 1 == self._most:
                return
            await asyncio.sleep(self._wait * 2**retry)

    async def _post(self, client: httpx2.AsyncClient, delivery: Delivery, retry: int) -> int | None:
        webhook = self.webhook
        if webhook is None:
            return 204
        headers = {"Content-Type": "application/json; charset=UTF-8", **self._headers(webhook, delivery, retry)}
        try:
            return (await client.post(webhook.url, content=delivery.body, headers=headers)).status_code
        except httpx2.HTTPError:
            return None


def control_routes(sender: Sender, events: tuple[str, ...]) -> list[Route]:
    """`PUT|DELETE /_sandbox/webhook` ({"url", "secret", "events"?}: where to send) and `GET /_sandbox/deliveries`."""

    async def change(request: Request) -> Response:
        sender.webhook = None
        if request.method == "PUT":
            order = await request.json()
            sender.webhook = Webhook(order["url"], order["secret"], tuple(order.get("events", events)))
        return Response(status_code=204)

    async def show(_request: Request) -> Response:
        return JSONResponse([asdict(attempt) for attempt in sender.attempts])

    return [
        Route("/_sandbox/webhook", change, methods=["PUT", "DELETE"]),
        Route("/_sandbox/deliveries", show),
    ]
