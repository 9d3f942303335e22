"""Channels in Redis: what each has told, and which worker is telling now.

A message is sent at least once. Whoever sends holds the channel's turn, so two workers do not tell the same. A worker
that dies after the message was taken and before that is remembered leaves the turn behind, which ends by itself; the
next worker tells the same again.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from remediation.store.keys import NOTIFIED, NOTIFY_TURN
from remediation.store.notifications.memory import ChannelMemory, memory_of, memory_wire
from remediation.store.server.connection import Connection

KEPT_SECONDS = 40 * 86_400
"""How long is remembered what a channel has told, after that changed last: longer than anything stands untold again."""

TURN_SECONDS = 45
"""How long a turn lasts: longer than a round, within which every message is sent or given up."""


class ChannelMemories:
    """The memories of channels, by their names. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def memory(self, channel: str) -> ChannelMemory | None:
        """What the channel has told; None where nothing is known of it."""
        wire: bytes | None = await self._connection.ask(self._connection.redis.get(NOTIFIED + channel))
        return None if wire is None else memory_of(wire)

    async def remember(self, channel: str, memory: ChannelMemory) -> None:
        """Keep this from now on."""
        await self._connection.ask(self._connection.redis.set(NOTIFIED + channel, memory_wire(memory), ex=KEPT_SECONDS))

    @asynccontextmanager
    async def turn(self, channel: str) -> AsyncIterator[bool]:
        """Whether the caller may send by this channel, while this is open: nobody else may then."""
        token = secrets.token_hex(8)
        taken = self._connection.redis.set(NOTIFY_TURN + channel, token, nx=True, ex=TURN_SECONDS)
        is_ours = bool(await self._connection.ask(taken))
        try:
            yield is_ours
        finally:
            if is_ours:
                await self._connection.run("end_notify_turn", channel, token)
