"""Talking to Redis: the connection, the scripts, and what its errors mean to us."""

import re
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from remediation.errors import StoreUnavailable
from remediation.store.keys import PRELUDE

_PASSING = ("OOM", "BUSY", "TRYAGAIN")
"""First words of Redis errors that go away without us, on whatever connection: no memory, a script that runs."""

_PASSING_KINDS = (OutOfMemoryError,)
"""Those of them from which redis-py takes the first word away."""

_ELSEWHERE = re.compile(r"(?:^|: -)(?:READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|MISCONF|LOADING)\b")
"""Replies of a server that is not, or no longer, the one to ask: a replica, a primary without its replicas or its disk,
one that has just started. Older servers quote it in the reply to a script: `ERR Error running script …: -READONLY …`.
"""


_CLOSED = "unable to perform operation on"
"""How uvloop's RuntimeError begins where a connection was closed just before something is written to it. No library
between makes a connection error of it; nothing was sent, and redis-py drops the connection."""


class ServedElsewhere(RedisConnectionError):
    """The server takes nothing, but another one behind the same address may.

    After a fail-over the old primary keeps our connections, and would answer so for ever. As a kind of ConnectionError
    it makes redis-py close the connection, dial again, and repeat what it asked, as after a connection that broke.
    """


class _Parser(DefaultParser):  # type: ignore[valid-type,misc]  # redis-py chooses it when it is imported
    """Replies of Redis, each error as what it means to a connection."""

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        """The exception for an error reply. It is raised, or stands in a list of replies."""
        if _ELSEWHERE.search(response):
            return ServedElsewhere(response.partition(" ")[0])
        error: Exception = super().parse_error(response)
        return error


def open_pool(url: str, *, socket_timeout: float, retries: int, max_connections: int = 64) -> ConnectionPool:
    """A pool that connects when it is first used. Each wait ends after `socket_timeout` seconds, then `retries` more.

    The blocking kind, although nothing should ever wait for a place in it: the other one holds a lock for all while
    one of them connects, so that a hanging server is waited for once after another.

    Every script is safe to repeat, so a reply that was lost on the way is simply asked for again, and so is one of a
    server that is no longer the one to ask. arq has neither limits nor retries of its own, and ends its worker when
    Redis is away for two seconds.
    """
    pool: ConnectionPool = BlockingConnectionPool.from_url(
        url,
        timeout=socket_timeout,
        socket_timeout=socket_timeout,
        socket_connect_timeout=socket_timeout,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError, RuntimeError],  # see _CLOSED
        max_connections=max_connections,
    )
    pool.connection_kwargs |= {"parser_class": _Parser, "decode_responses": False}  # whatever the URL says
    return pool


@contextmanager
def passing_errors() -> Iterator[None]:
    """Turn what passes (slow, full, away) into StoreUnavailable, without Redis's words; the rest is a bug of ours."""
    try:
        yield
    except ResponseError as error:
        if isinstance(error, _PASSING_KINDS) or any(word in str(error) for word in _PASSING):
            raise _unavailable(error) from None
        raise
    except (RedisError, OSError) as error:
        raise _unavailable(error) from None
    except RuntimeError as error:
        if _CLOSED in str(error):
            raise _unavailable(error) from None
        raise


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"Redis does not answer, or takes nothing ({type(error).__name__})")


@cache
def _source(name: str) -> str:
    scripts = files("remediation.store") / "scripts"
    return "\n".join([PRELUDE, (scripts / "shared.lua").read_text(), (scripts / f"{name}.lua").read_text()])


class Connection:
    """Redis as the stores use it: Lua scripts, which run from first line to last or not at all, and plain commands."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._loaded: dict[str, AsyncScript] = {}

    async def begin(self, now: float) -> None:
        """Note when (Unix seconds) this Redis was first worked with since its server started, if nobody has.

        Raises StoreUnavailable.
        """
        await self.run("begin_store", int(now * 1000))

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        """Run `scripts/<name>.lua`. Raises StoreUnavailable."""
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded[name] = self.redis.register_script(_source(name))
        return await self.ask(script(args=args))

    async def ask(self, command: Awaitable[Any] | Any) -> Any:
        """The reply to a redis-py command, whose types say it might not be awaitable. Raises StoreUnavailable."""
        with passing_errors():
            return await command

    async def redial(self) -> None:
        """Close the connections that nobody uses: the next request dials anew."""
        with passing_errors():
            await self.redis.connection_pool.disconnect(inuse_connections=False)
