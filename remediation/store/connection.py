"""Talking to Redis: the connection, the scripts, and what its errors mean to us."""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from remediation.errors import StoreUnavailable
from remediation.store.keys import BORN, PRELUDE

_PASSING = ("OOM", "MISCONF", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "BUSY", "TRYAGAIN", "CLUSTERDOWN")
"""First words of Redis errors that go away without us: no memory, disk trouble, fail-over, start-up."""

_PASSING_KINDS = (OutOfMemoryError, ReadOnlyError)
"""Those of them from which redis-py takes the first word away."""


def open_pool(url: str, *, socket_timeout: float, retries: int, max_connections: int = 64) -> ConnectionPool:
    """A pool that connects when it is first used. Each wait ends after `socket_timeout` seconds, then `retries` more.

    The blocking kind, although nothing should ever wait for a place in it: the other one holds a lock for all while
    one of them connects, so that a hanging server is waited for once after another.

    Every script is safe to repeat, so a reply that was lost on the way is simply asked for again. arq has neither
    limits nor retries of its own, and ends its worker when Redis is away for two seconds.
    """
    pool: ConnectionPool = BlockingConnectionPool.from_url(
        url,
        timeout=socket_timeout,
        socket_timeout=socket_timeout,
        socket_connect_timeout=socket_timeout,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError],
        max_connections=max_connections,
    )
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
        """Note when (Unix seconds) this Redis was first worked with, if nobody has. Raises StoreUnavailable."""
        await self.ask(self.redis.set(BORN, int(now * 1000), nx=True))

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


async def durability_problems(redis: Redis) -> list[str]:
    """What is wrong with the way this Redis keeps what it is told; empty when an answer of ours may rely on it.

    Raises StoreUnavailable. A server that does not allow CONFIG counts as a problem: nobody knows then.
    """
    wanted: dict[str, str] = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    try:
        with passing_errors():
            found = await redis.config_get(*wanted)  # type: ignore[arg-type]  # one pattern each, whatever the stub says
    except ResponseError:
        return ["CONFIG GET is not allowed, so its durability cannot be checked"]
    texts = {_text(name): _text(value) for name, value in found.items()}
    return [f"{name} is {texts.get(name)}, not {value}" for name, value in wanted.items() if texts.get(name) != value]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
