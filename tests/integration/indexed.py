"""The index of tickets, asked by its own functions (lua/ticket_index.lua), of which no script tells all."""

from typing import Any

from remediation.store.keys import INDEX
from remediation.store.server.connection import Connection, script_source


async def in_index(connection: Connection, lines: str, *args: str) -> Any:
    """What these lines of Lua return, with all that scripts share."""
    return await connection.ask(connection.redis.eval(script_source(f"-- with ticket_index.lua\n{lines}"), 0, *args))


async def known_version(connection: Connection, tracker: str, ticket_id: str) -> str:
    """The version of a ticket that the store knows; empty where it knows none."""
    version = await in_index(connection, "return known_version(ARGV[1], ARGV[2]) or ''", tracker, ticket_id)
    return str(version.decode())


async def forget_tickets(connection: Connection, *trackers: str) -> None:
    """Nothing is known of any ticket of these trackers."""
    for tracker in trackers:
        keys = [key async for key in connection.redis.scan_iter(f"{INDEX}{tracker}*")]
        await connection.ask(connection.redis.delete(*keys)) if keys else None
