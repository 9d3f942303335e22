"""Sending signed webhooks, and sending them again until they are taken."""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from sandbox.schoolscan.signing import SignatureForm, signed_headers
from sandbox.schoolscan.values import Clock, Event

_LONGEST_WAIT_SECONDS = 5.0


@dataclass(slots=True)
class Endpoint:
    """Where a district's webhooks go, and how badly.

    A delivery is tried `attempts` times in all, first again after `first_wait` seconds, then after twice that, up to
    5 s. `copies` sends everything that often; `reorder` sends what happens together last things first.
    """

    url: str
    secret: str = field(repr=False)
    form: SignatureForm = "hex"
    attempts: int = 8
    first_wait: float = 0.2
    copies: int = 1
    reorder: bool = False


@dataclass(slots=True)
class Delivery:
    """One delivery, with what came of each attempt: an HTTP status, or the name of an error."""

    district: str
    event_id: str
    type: str
    body: str
    copy: int
    attempts: list[dict[str, Any]] = field(default_factory=list)
    taken: bool = False


class Courier:
    """Sends events to the districts' endpoints: per district in order, repeats in the background."""

    def __init__(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.deliveries: list[Delivery] = []

    def send(self, events: Sequence[Event]) -> None:
        """Send these after what is already being sent. Events of a district without an endpoint go nowhere."""
        for district in dict.fromkeys(event.district for event in events):
            endpoint = self.endpoints.get(district)
            if endpoint is not None:
                together = [event for event in events if event.district == district]
                self._in_background(self._send_in_turn(district, _deliveries(together, endpoint)))

    async def close(self) -> None:
        """Give up whatever is still to be sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send_in_turn(self, district: str, deliveries: Sequence[Delivery]) -> None:
        async with self._turns.setdefault(district, asyncio.Lock()):
            self.deliveries.extend(deliveries)
            for delivery in deliveries:
                await self._attempt(delivery)
                if not delivery.taken:
                    self._in_background(self._repeat(delivery))

    async def _repeat(self, delivery: Delivery) -> None:
        while not delivery.taken and (endpoint := self.endpoints.get(delivery.district)) is not None:
            if len(delivery.attempts) >= endpoint.attempts:
                return
            wait = endpoint.first_wait * 2.0 ** (len(delivery.attempts) - 1)
            await asyncio.sleep(min(wait, _LONGEST_WAIT_SECONDS))
            await self._attempt(delivery)

    async def _attempt(self, delivery: Delivery) -> None:
        endpoint = self.endpoints.get(delivery.district)
        if endpoint is None:
            return
        body = delivery.body.encode()
        signed = signed_headers(endpoint.form, endpoint.secret, body, delivery.event_id, self._clock())
        result: Mapping[str, object]
        try:
            answer = await self._client.post(
                endpoint.url, content=body, headers={**signed, "Content-Type": "application/json"}
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            result = {"error": type(error).__name__}
        else:
            result = {"status": answer.status_code}
            delivery.taken = answer.is_success
        delivery.attempts.append({"at": self._clock(), **result})

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _deliveries(events: Sequence[Event], endpoint: Endpoint) -> list[Delivery]:
    ordered = list(reversed(events)) if endpoint.reorder else events
    return [
        Delivery(event.district, event.id, event.body["type"], json.dumps(event.body), copy)
        for event in ordered
        for copy in range(endpoint.copies)
    ]
