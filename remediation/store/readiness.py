"""May an answer of ours rely on this Redis: is it there, is it the one that takes writes, and does it keep them?"""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from remediation.errors import StoreUnavailable
from remediation.store.connection import Connection, passing_errors

DEADLINE = 2.5
"""Seconds for the whole answer: who asks for readiness does not wait for long."""

AWAY = "Redis does not answer"
REPLICA = "Redis is a replica, which takes no writes"
LOADING = "Redis is still reading its data"
UNTOLD = "CONFIG GET is not allowed, so its durability cannot be checked"


async def store_problems(connection: Connection, *, allow_weak_durability: bool) -> list[str]:
    """Why Redis takes nothing, or would not keep it; empty where all is well. Weak durability is none if allowed."""
    try:
        async with asyncio.timeout(DEADLINE):
            if problem := await standing_problem(connection):
                return [problem]
            return [] if allow_weak_durability else await durability_problems(connection.redis)
    except (StoreUnavailable, TimeoutError):
        return [AWAY]


async def standing_problem(connection: Connection) -> str:
    """Why this Redis takes no writes: it is a replica, or it has just started; empty where it takes them.

    After a fail-over behind one address the old primary keeps our connections. So nobody believes an old connection:
    the idle ones are closed, and a new one is asked. Raises StoreUnavailable.
    """
    problem = await _standing(connection.redis)
    if problem:
        await connection.redial()
        problem = await _standing(connection.redis)
    return problem


async def takes_writes(connection: Connection) -> bool:
    """Whether Redis is there and takes writes."""
    try:
        return not await standing_problem(connection)
    except StoreUnavailable:
        return False


async def _standing(redis: Redis) -> str:
    try:
        with passing_errors():
            told = await redis.info()
    except ResponseError:  # not allowed to ask: the first write will tell
        return ""
    if told.get("role") == "slave":
        return REPLICA
    return LOADING if told.get("loading") else ""


async def durability_problems(redis: Redis) -> list[str]:
    """What is wrong with the way this Redis keeps what it is told; empty when an answer of ours may rely on it.

    Raises StoreUnavailable. A server that does not allow CONFIG counts as a problem: nobody knows then.
    """
    wanted: dict[str, str] = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    try:
        with passing_errors():
            found = await redis.config_get(*wanted)  # type: ignore[arg-type]  # one pattern each, whatever the stub says
    except ResponseError:
        return [UNTOLD]
    texts = {_text(name): _text(value) for name, value in found.items()}
    return [f"{name} is {texts.get(name)}, not {value}" for name, value in wanted.items() if texts.get(name) != value]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
