"""What the store knows, for commands that work without it, too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from remediation.domain.errors import RemediationError
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_for_command, redis_address

AnswerT = TypeVar("AnswerT")


def from_store(ask: Callable[[Connection], Awaitable[AnswerT]], nothing: AnswerT) -> AnswerT:
    """The result of asking the store; `nothing` where there is no usable Redis."""

    async def asked(address: RedisAddress) -> AnswerT:
        async with open_for_command(address, socket_timeout=2.0, retries=0) as connection:
            return await ask(connection)

    try:
        settings = load_settings()
        with redis_address(settings) as address:
            return asyncio.run(asked(address))
    except RemediationError:
        return nothing
