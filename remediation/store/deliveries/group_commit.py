"""Group commit: deliveries that wait at the same moment are stored by one script, and share its fsync."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import Context
from typing import NamedTuple

import msgspec

from remediation.store.server.connection import Connection

MOST_TOGETHER = 64
"""Deliveries that one script stores at most: while it runs, a few milliseconds, Redis serves nobody else."""

MOST_BYTES = 1_048_576
"""Bytes of the bodies that are sent together at most, for the same reason. A single delivery may have more."""

PATIENCE = 0.1
"""Seconds after which a script without an answer, perhaps on a broken connection, does not hold up the next one."""


class SealedDelivery(NamedTuple):
    """A delivery as accept_delivery.lua stores it: its head, and what is sealed of it."""

    head: Mapping[str, object]
    body: bytes = b""
    words: bytes = b""


_Member = tuple[SealedDelivery, "asyncio.Future[int]"]
"""A delivery, and the answer that its caller waits for."""


class GroupCommit:
    """Stores deliveries, those that wait at the same moment together. `terms` are what the script gets for all of them.

    A delivery that finds no script under way is sent at once; what comes meanwhile is sent with the next one.
    """

    def __init__(self, connection: Connection, *terms: int) -> None:
        self._connection = connection
        self._terms = terms
        self._waiting: deque[_Member] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._scripts: set[asyncio.Task[None]] = set()  # the event loop keeps no task alive

    async def store(self, delivery: SealedDelivery) -> int:
        """The script's answer for this delivery: whatever it was, it is durable.

        Raises StoreUnavailable where the script failed, for all its deliveries. A caller that is cancelled changes
        nothing for the others; its own delivery may have been stored.
        """
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all(), context=Context())  # it belongs to no one request
        return await answer

    async def _send_all(self) -> None:
        """Send until nothing waits, one script after the other."""
        while members := self._next():
            script = asyncio.create_task(self._send(members))
            self._scripts.add(script)
            script.add_done_callback(self._scripts.discard)
            await asyncio.wait({script}, timeout=PATIENCE)

    def _next(self) -> list[_Member]:
        """The first deliveries whose callers still wait, as many as may go together."""
        members: list[_Member] = []
        left = MOST_BYTES
        while self._waiting and len(members) < MOST_TOGETHER:
            delivery, answer = self._waiting[0]
            left -= len(delivery.body)
            if members and left < 0:
                break
            self._waiting.popleft()
            if not answer.done():
                members.append((delivery, answer))
        return members

    async def _send(self, members: Sequence[_Member]) -> None:
        args: list[str | bytes | float] = [*self._terms]
        for delivery, _ in members:
            args += (msgspec.json.encode(delivery.head), delivery.body, delivery.words)
        try:
            replies: Sequence[int | Exception] = await self._connection.run("accept_delivery", *args)
        except Exception as error:  # noqa: BLE001 - each caller raises it
            replies = [error] * len(members)
        except asyncio.CancelledError:  # the event loop ends
            for _, answer in members:
                answer.cancel()
            raise
        for (_, answer), reply in zip(members, replies, strict=True):
            if answer.done():  # its caller was cancelled meanwhile
                continue
            if isinstance(reply, Exception):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)
