"""Whether this Redis can be used: it lets us in, takes writes, and keeps them.

The start of a process, a readiness probe, the metrics and `remedy doctor` ask the same questions. None of them changes
anything.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from remediation.domain.errors import StoreRefuses, StoreUnavailable
from remediation.store.server.connection import Connection, KnownRights, passing_errors
from remediation.store.server.dialing import why_silent
from remediation.store.server.refusals import ConnectionCause
from remediation.store.server.rights import denied

DEADLINE = 2.5
"""Seconds for the whole answer: a readiness probe does not wait for long."""

UNTOLD = "CONFIG GET is not allowed, so its durability cannot be checked"

_CONNECT_SECONDS = 1.0
"""Seconds of DEADLINE for making a connection: the rest is for finding out why there is none."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """The result of one check.

    `trouble` prevents all work; where there is none, `weaknesses` say how Redis may lose what it acknowledged.
    `answers` is whether it let us in at all, and `is_primary` whether it is the server to write to.
    """

    trouble: ConnectionCause | None = None
    weaknesses: tuple[str, ...] = ()
    answers: bool = True
    is_primary: bool = True

    @property
    def takes_writes(self) -> bool:
        """Whether it takes writes now."""
        return self.trouble is None

    def problems(self, *, allow_weak_durability: bool) -> list[str]:
        """Everything that is wrong, in words; empty where all is well.

        Weak durability is no problem if it is allowed.
        """
        if self.trouble:
            return [self.trouble.words]
        return [] if allow_weak_durability else list(self.weaknesses)


async def store_state(connection: Connection) -> StoreState:
    """Check everything, on a new connection. Raises nothing: that Redis does not answer is also a result.

    After a fail-over behind one address the old primary keeps our connections, and after a change of a password the
    server does. So an old connection proves nothing; where there is trouble, the idle ones are closed.
    """
    async with _new_connection(connection) as fresh:
        try:
            async with asyncio.timeout(DEADLINE):
                state = await _looked(fresh, connection.known_rights)
        except TimeoutError:
            state = StoreState(ConnectionCause.AWAY, answers=False, is_primary=False)
        except StoreUnavailable as error:
            state = StoreState(_cause(error), answers=False, is_primary=False)
        except RedisError as error:
            words = f"Redis answers with an error that we do not know ({type(error).__name__})"
            state = StoreState(ConnectionCause(words, "unknown"))
    if state.trouble == ConnectionCause.AWAY:
        state = dataclasses.replace(
            state, trouble=await why_silent(connection.redis.connection_pool) or ConnectionCause.AWAY
        )
    if state.trouble:
        with contextlib.suppress(StoreUnavailable):
            await connection.redial()
    return state


@contextlib.asynccontextmanager
async def _new_connection(connection: Connection) -> AsyncIterator[Connection]:
    """A connection with our options that is made when it is used, once: a failure is not repeated."""
    ours = connection.redis.connection_pool
    options = {**ours.connection_kwargs, "retry": Retry(NoBackoff(), 0), "socket_connect_timeout": _CONNECT_SECONDS}
    pool = BlockingConnectionPool(connection_class=ours.connection_class, max_connections=1, **options)
    try:
        yield Connection(Redis(connection_pool=pool))
    finally:
        with contextlib.suppress(RedisError, OSError):
            await pool.aclose()


async def store_problems(connection: Connection, *, allow_weak_durability: bool) -> list[str]:
    """Why Redis takes nothing, or would not keep it; empty where all is well.

    Weak durability is no problem if allowed.
    """
    return (await store_state(connection)).problems(allow_weak_durability=allow_weak_durability)


async def must_be_ours(connection: Connection) -> None:
    """Check for a command that this Redis can be used at all. Rights are not checked.

    Raises StoreRefuses for a cluster, which would answer as if nothing was stored, and for a sentinel; StoreUnavailable
    where Redis does not answer, with the reason if that can be found out.
    """
    try:
        trouble = trouble_in(await connection.ask(connection.redis.info()))
    except StoreUnavailable as error:
        if error.reason == "rights":  # perhaps only to INFO
            return
        trouble = _cause(error)
        if error.reason == ConnectionCause.AWAY.reason:
            trouble = await why_silent(connection.redis.connection_pool) or trouble
        raise _error(trouble) from None
    if trouble and trouble.refuses:
        raise _error(trouble)


def _error(cause: ConnectionCause) -> StoreUnavailable:
    return (StoreRefuses if cause.refuses else StoreUnavailable)(cause.words, cause.reason)


async def lets_us_work(connection: Connection) -> bool:
    """Whether Redis answers, takes writes, and allows all that we do."""
    return (await store_state(connection)).trouble is None


async def _looked(connection: Connection, known: KnownRights) -> StoreState:
    """One check. Raises StoreUnavailable where Redis does not answer, or does not let us in."""
    try:
        told = await connection.ask(connection.redis.info())
    except StoreRefuses:
        if not (lack := await denied(connection)):
            raise
        return _unusable(lack)  # INFO is refused, and other commands too: all are named together
    if standing := trouble_in(told):
        return _unusable(standing)
    try:
        if lack := await _denied(connection, str(told.get("run_id", "")), known):
            return StoreState(lack)
    except StoreUnavailable as error:  # it answers, although it may be full
        return StoreState(_cause(error))
    return StoreState(weaknesses=tuple(await durability_problems(connection.redis)))


async def _denied(connection: Connection, server: str, known: KnownRights) -> ConnectionCause | None:
    """The rights that our user lacks.

    Found rights are remembered for a short time; missing ones are tried each time.
    """
    if known.hold(server) and await denied(connection, is_known=True) is None:
        return None
    known.forget()
    lack = await denied(connection)
    if not lack:
        known.found(server)
    return lack


def _unusable(cause: ConnectionCause) -> StoreState:
    """Why this server takes no writes of ours: because of its state, or because of our rights."""
    return StoreState(cause, is_primary=cause.reason == "rights")


def _cause(error: StoreUnavailable) -> ConnectionCause:
    return ConnectionCause(str(error), error.reason, refuses=isinstance(error, StoreRefuses))


def trouble_in(told: Mapping[str, Any]) -> ConnectionCause | None:
    """Why the server that INFO describes takes no writes, from any user."""
    mode = told.get("redis_mode") or told.get("server_mode")  # the second field is Valkey's
    if mode == "sentinel":
        return ConnectionCause.SENTINEL
    if mode == "cluster" or told.get("cluster_enabled"):
        return ConnectionCause.CLUSTER
    if told.get("role") == "slave":
        return ConnectionCause.REPLICA
    return ConnectionCause.LOADING if told.get("loading") else None


async def durability_problems(redis: Redis) -> list[str]:
    """Why this Redis may lose what it acknowledged; empty when its answers can be relied on.

    Raises StoreUnavailable. A server that does not allow CONFIG counts as a problem: then it cannot be known.
    """
    wanted: dict[str, str] = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    with passing_errors():
        try:
            found = await redis.config_get(*wanted)  # type: ignore[arg-type]  # one pattern each, whatever the stub says
        except ResponseError:
            return [UNTOLD]
    texts = {_text(name): _text(value) for name, value in found.items()}
    return [f"{name} is {texts.get(name)}, not {value}" for name, value in wanted.items() if texts.get(name) != value]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
