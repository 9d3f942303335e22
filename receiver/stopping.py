"""A receiver's stop, as its requests see it: connections close after their answers, and late requests get 503."""

import asyncio
import math

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from receiver.deadlines import Deadline, Deadlines
from remediation.domain.errors import RemediationError

SILENCE = 1.0
"""During a stop, new deliveries are accepted until none has come for so many seconds. Load balancers and Kubernetes's
endpoints learn of a stop a little later than the process."""

_LINGERS = 0.5
"""The largest share of a stop's time in which new deliveries are accepted: requests in hand need the rest."""

_PAUSE = 0.05


class OutOfTime(RemediationError):
    """The receiver stops and cannot wait for this request any longer. The sender repeats the delivery."""


class Stop:
    """The stop of one receiver. It changes nothing before it begins."""

    def __init__(self) -> None:
        self._deadline: float | None = None  # all times here are the running event loop's
        self._requests = Deadlines()
        self._came_at = -math.inf

    @property
    def is_begun(self) -> bool:
        """Whether the stop has begun."""
        return self._deadline is not None

    @property
    def left(self) -> float:
        """Seconds that requests in hand have from now on; infinite before the stop."""
        return math.inf if self._deadline is None else max(0.0, self._deadline - asyncio.get_running_loop().time())

    def begin(self, seconds: float) -> None:
        """Begin the stop: answers close their connections, requests have `seconds` at most.

        A second call can only shorten the time. Must be called in the event loop.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        if self._deadline is not None and self._deadline <= deadline:
            return
        self._deadline = deadline
        self._requests.end(deadline, OutOfTime)

    def in_time(self) -> Deadline:
        """The context of a delivery, from its first byte to its answer, in which its own deadlines are set.

        OutOfTime is raised there when the stop's time is over, and here where it is over already.
        """
        now = self._came_at = asyncio.get_running_loop().time()
        if self._deadline is not None and now >= self._deadline:
            raise OutOfTime("the receiver stops")
        return Deadline(self._requests)

    async def silence(self) -> None:
        """Wait until no delivery has come for SILENCE seconds.

        Waits for half of the stop's time at most, and not at all where no delivery has come before.
        """
        began, most = asyncio.get_running_loop().time(), self.left * _LINGERS
        while (now := asyncio.get_running_loop().time()) < max(began, self._came_at) + SILENCE:
            if now >= began + most or self.left == 0:
                return
            await asyncio.sleep(_PAUSE)


class LastAnswers:
    """Middleware: during a stop each answer closes its connection, so that its sender connects to another receiver."""

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
