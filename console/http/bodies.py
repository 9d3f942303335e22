"""How much of a form is taken, and how long it may take to come."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.answers import BodyRefused

MOST_BYTES = 262_144
"""Bytes of a form: a thousand things that were chosen by hand have less than half as many."""

BODY_SECONDS = 10.0
"""Seconds in which a form must have come."""


class BoundedBodies:
    """Middleware: raises BodyRefused in whatever reads a body of more than MOST_BYTES, or one that comes too slowly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        await self._app(scope, _Bounded(receive), send)


class _Bounded:
    """Receives one request's body within the limits. After its end, receiving waits for the disconnection alone."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        self._bytes = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise BodyRefused("What the browser sent did not come in time. Go back, and try again.") from None
        self._bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._bytes > MOST_BYTES:
            raise BodyRefused("The browser sent more than any form of these pages has. Choose fewer things at once.")
        return message
