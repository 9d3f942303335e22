"""Connections to Redis, the scripts, and what Redis's errors mean to us."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from remediation.domain.errors import StoreRefuses, StoreUnavailable
from remediation.redis_address import RedisAddress
from remediation.store.prelude import PRELUDE
from remediation.store.server.batching import ScriptBatches
from remediation.store.server.dialing import pool_to
from remediation.store.server.refusals import ConnectionCause, cause_of

_ELSEWHERE = re.compile(r"(?:^|: -)(READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|MISCONF|LOADING)\b")
"""Error replies of a server that is not the right one to ask, or not any more: a replica, a primary without its
replicas or its disk, one that has just started. Older servers quote it in the reply to a script: `ERR Error running
script …: -READONLY …`."""


_CLOSED = "unable to perform operation on"
"""How uvloop's RuntimeError begins where a connection was closed just before something is written to it. No library in
between makes a connection error of it; nothing was sent, and redis-py drops the connection."""

KNOWN_SECONDS = 10.0
"""Seconds during which a check may miss that a right was taken away."""


class ServedElsewhere(RedisConnectionError):
    """This server refuses everything, but another one behind the same address may accept it.

    After a fail-over the old primary keeps our connections, and would refuse for ever. As a kind of ConnectionError
    this makes redis-py close the connection, dial again, and repeat the command, as after a connection that broke.
    """


class _Parser(DefaultParser):  # type: ignore[valid-type,misc]  # redis-py chooses it when it is imported
    """A reply of Redis; an error reply becomes the exception that it means for the connection."""

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        """The exception for an error reply. It is raised, or is an item of a list of replies."""
        if found := _ELSEWHERE.search(response):
            return ServedElsewhere(found[1])
        error: Exception = super().parse_error(response)
        return error


def open_pool(
    address: RedisAddress, *, socket_timeout: float, retries: int, max_connections: int = 64
) -> ConnectionPool:
    """A pool that connects when it is first used.

    Each wait ends after `socket_timeout` seconds, and there are `retries` more.

    It is redis-py's blocking kind, although nothing should ever wait for a place in it: the other kind holds a lock for
    all while one of them connects, so that all wait for a hanging server one after another.

    Every script may be repeated safely, so a command whose reply was lost is sent again, and so is one that the wrong
    server refused. arq has neither timeouts nor retries of its own, and ends its worker when Redis is away for two
    seconds.
    """
    options = {
        "timeout": socket_timeout,
        "socket_timeout": socket_timeout,
        "socket_connect_timeout": socket_timeout,
        "retry": Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        "retry_on_error": [RedisConnectionError, RedisTimeoutError, OSError, RuntimeError],  # see _CLOSED
        "max_connections": max_connections,
        "parser_class": _Parser,
    }
    return pool_to(address, options)


@contextmanager
def passing_errors() -> Iterator[None]:
    """Turn errors of Redis into StoreUnavailable, or StoreRefuses where a person must correct something.

    Redis's words are left out. Other errors are defects of ours, and pass unchanged.
    """
    try:
        yield
    except (RedisError, OSError, RuntimeError) as error:
        cause = _cause(error)
        if cause is None:
            raise
        raise (StoreRefuses if cause.refuses else StoreUnavailable)(cause.words, cause.reason) from None


def _cause(error: Exception) -> ConnectionCause | None:
    if cause := cause_of(error):
        return cause
    if isinstance(error, ResponseError) or (isinstance(error, RuntimeError) and _CLOSED not in str(error)):
        return None
    return ConnectionCause(f"Redis does not answer, or takes nothing ({type(error).__name__})", "away")


CANCEL_PAUSE = 0.2
"""Seconds that a cancelled task gets to end before it is cancelled again."""


async def cancel_until_done(task: asyncio.Task[Any]) -> None:
    """Cancel a task that talks to Redis until it ends.

    One cancellation may not suffice: redis-py sends through `asyncio.wait_for`, and in Python 3.11 that loses a
    cancellation which comes together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_PAUSE)


_WITH = re.compile(r"-- with (\w+\.lua(?:, \w+\.lua)*)\n")
"""How a script begins that needs more than all share, which is set up anew with each call and takes some time."""


@cache
def _source(name: str) -> str:
    return script_source(_lua(name))


def script_source(lines: str) -> str:
    """These lines of Lua as a whole script, with the names of the keys and what it shares with others."""
    found = _WITH.match(lines)
    more = found[1].replace(".lua", "").split(", ") if found else ()
    return "\n".join([PRELUDE, *(_lua(each) for each in ("case_lists", "shared", *more)), lines])


def _lua(name: str) -> str:
    return (files("remediation.store") / "lua" / f"{name}.lua").read_text()


class KnownRights:
    """Remembers for a short time that our Redis user has all rights, so that not every probe tries a hundred commands.

    A refusal is not remembered. `steady` is a monotonic clock.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._server = ""
        self._until = 0.0

    def hold(self, server: str) -> bool:
        """Whether it still counts for this server, named by the id of its run; never without an id."""
        return bool(server) and server == self._server and self._steady() < self._until

    def found(self, server: str) -> None:
        """Every right was found on this server."""
        self._server, self._until = server, self._steady() + KNOWN_SECONDS

    def forget(self) -> None:
        """A right was refused."""
        self._server = ""


class Connection:
    """Redis as the stores use it: Lua scripts, each of which runs completely or not at all, and single commands."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.known_rights = KnownRights()
        self._loaded: dict[str, AsyncScript] = {}
        self._batches = ScriptBatches(redis)

    async def begin(self, now: float) -> None:
        """Store when (Unix seconds) this Redis was first used since its server started, if that is not stored yet.

        Raises StoreUnavailable.
        """
        await self.run("begin_store", int(now * 1000))

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        """Run `lua/<name>.lua`, in one message with others that are called at this moment. Raises StoreUnavailable."""
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded[name] = self.redis.register_script(_source(name))
        return await self.ask(self._batches.run(script, args))

    async def ask(self, command: Awaitable[Any] | Any) -> Any:
        """The reply to a command of redis-py, whose type hints say that it might not be awaitable.

        Raises StoreUnavailable.
        """
        with passing_errors():
            return await command

    async def redial(self) -> None:
        """Close the idle connections: the next command dials again.

        They leave the pool first. Its own `disconnect` leaves them in it while they close, so that a command which
        comes meanwhile is written to one that is half closed, and fails with an AttributeError.
        """
        idle = self.redis.connection_pool._available_connections  # noqa: SLF001 - see above
        closing, idle[:] = idle[:], []
        with passing_errors():
            await asyncio.gather(*(each.disconnect() for each in closing))
