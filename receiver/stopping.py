"""A receiver's stop, as its requests see it: it is told to everybody, and what cannot be done in time is answered."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remediation.domain.errors import RemediationError

STOPPING = "stopping"
"""What /readyz names as the problem."""

SILENCE = 1.0
"""Seconds without a delivery after which a receiver that stops takes nobody to send to it any more. A load balancer,
or Kubernetes's endpoints, learn of a stop a little later than the process."""

_LINGERS = 0.5
"""The share of a stop's time that goes by at most before nothing new is accepted: what is in hand needs some, too."""

_PAUSE = 0.05


class OutOfTime(RemediationError):
    """The receiver stops and cannot wait for this request any longer. Its sender comes again."""


class Stop:
    """The stop of one receiver. Nothing of it shows before it begins."""

    def __init__(self) -> None:
        self._deadline: float | None = None  # in the time of the running event loop, as all here
        self._requests: set[asyncio.Timeout] = set()
        self._came_at = -math.inf

    @property
    def is_begun(self) -> bool:
        """Whether the receiver stops."""
        return self._deadline is not None

    @property
    def left(self) -> float:
        """How many seconds requests in hand have from now on; without end before the stop."""
        return math.inf if self._deadline is None else max(0.0, self._deadline - asyncio.get_running_loop().time())

    def begin(self, seconds: float) -> None:
        """From now on answers close their connections, and requests have so many seconds at most. Again: make it less.

        Must be called in the event loop.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        if self._deadline is not None and self._deadline <= deadline:
            return
        self._deadline = deadline
        for request in self._requests:
            if not request.expired():
                request.reschedule(deadline)

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """For a delivery, from its first byte to its answer. Raises OutOfTime where the stop does not wait for it."""
        self._came_at = asyncio.get_running_loop().time()
        request = asyncio.timeout_at(self._deadline)
        try:
            async with request:
                self._requests.add(request)
                try:
                    yield
                finally:
                    self._requests.discard(request)
        except TimeoutError:
            if request.expired():
                raise OutOfTime("the receiver stops") from None
            raise

    async def silence(self) -> None:
        """Wait until no delivery has come for a while, at most for half of the stop's time, not at all without any."""
        began, most = asyncio.get_running_loop().time(), self.left * _LINGERS
        while (now := asyncio.get_running_loop().time()) < max(began, self._came_at) + SILENCE:
            if now >= began + most or self.left == 0:
                return
            await asyncio.sleep(_PAUSE)


class LastAnswers:
    """Middleware: while the receiver stops, each answer closes its connection, so that its sender dials anew."""

    def __init__(self, app: ASGIApp, stop: Stop) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI."""

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stop.is_begun:
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message = {**message, "headers": [*kept, (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, closing_send)
