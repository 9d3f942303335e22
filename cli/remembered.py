"""What the store remembers, for commands that go on without it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cli.assembly import open_connection, redis_address
from remediation.errors import RemediationError
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.connection import Connection

Thing = TypeVar("Thing")


def remembered(ask: Callable[[Connection], Awaitable[list[Thing]]]) -> list[Thing]:
    """What is asked for; nothing where there is no Redis, or it does not tell."""

    async def asked(address: RedisAddress) -> list[Thing]:
        async with open_connection(address, socket_timeout=2.0, retries=0) as connection:
            return await ask(connection)

    try:
        settings = load_settings()
        if settings.redis_url is None and not settings.data_dir.exists():
            return []
        with redis_address(settings) as address:
            return asyncio.run(asked(address))
    except RemediationError:
        return []
