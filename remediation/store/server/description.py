"""What a Redis server says about itself, as values. Nothing is judged here, and nothing is written."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from remediation.store.server.connection import Connection, passing_errors

OLDEST_VERSION = (6, 2)
"""The oldest Redis with everything that our scripts use: `ZADD … LT`. Every Valkey has it."""

_TIMES_ASKED = 5
_STOPS_WRITES = "stop-writes-on-bgsave-error"


@dataclass(frozen=True, slots=True)
class ServerState:
    """The state of a server at one moment. Counts are since it started; a figure that it does not state is None.

    `version` is that of the Redis with which it is compatible, `product` what it calls itself. `uptime` is in seconds
    since its process started, `latency` the seconds for a small command, the quickest of five. `refuses_writes` says
    that it takes no writes because its last snapshot failed (MISCONF).
    """

    product: str
    version: tuple[int, ...]
    uptime: int | None
    used_memory: int | None
    max_memory: int | None
    evicted: int
    rejected: int
    clients: int | None
    most_clients: int | None
    append_failed: bool
    rewrite_failed: bool
    snapshot_failed: bool
    refuses_writes: bool
    latency: float


async def read_server(connection: Connection, steady: Callable[[], float] = time.monotonic) -> ServerState | None:
    """The server's state; None where our user may not ask for it. Raises StoreUnavailable."""
    with passing_errors():
        try:
            told = await connection.redis.info()
            return _state(told, await _settings(connection.redis), await _latency(connection.redis, steady))
        except NoPermissionError:
            return None


async def _settings(redis: Redis) -> Mapping[str, str]:
    """Settings that INFO does not show; empty where CONFIG is not allowed."""
    names = ("save", _STOPS_WRITES)
    try:
        found = await redis.config_get(*names)  # type: ignore[arg-type]  # one pattern each, whatever the stub says
    except ResponseError:
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


async def _latency(redis: Redis, steady: Callable[[], float]) -> float:
    """The quickest of several TIME commands. A server that refuses writes refuses PING as well."""
    took = []
    for _ in range(_TIMES_ASKED):
        began = steady()
        await redis.time()
        took.append(steady() - began)
    return min(took)


def _state(told: Mapping[str, Any], settings: Mapping[str, str], latency: float) -> ServerState:
    snapshot_failed = _is_bad(told, "rdb_last_bgsave_status")
    stops = bool(settings.get("save")) and settings.get(_STOPS_WRITES) == "yes"
    return ServerState(
        product=_product(told),
        version=_version(told.get("redis_version")),
        uptime=told.get("uptime_in_seconds"),
        used_memory=told.get("used_memory"),
        max_memory=told.get("maxmemory"),
        evicted=int(told.get("evicted_keys", 0)),
        rejected=int(told.get("rejected_connections", 0)),
        clients=told.get("connected_clients"),
        most_clients=told.get("maxclients"),
        append_failed=_is_bad(told, "aof_last_write_status"),
        rewrite_failed=_is_bad(told, "aof_last_bgrewrite_status"),
        snapshot_failed=snapshot_failed,
        refuses_writes=snapshot_failed and stops,
        latency=latency,
    )


def _is_bad(told: Mapping[str, Any], name: str) -> bool:
    return bool(told.get(name, "ok") != "ok")


def _product(told: Mapping[str, Any]) -> str:
    if valkey := told.get("valkey_version"):
        return f"Valkey {valkey}"
    return f"Redis {told.get('redis_version', 'of an unknown version')}"


def _version(text: object) -> tuple[int, ...]:
    """The numbers of a version; none where the text has none."""
    return tuple(int(part) for part in str(text or "").split(".") if part.isdecimal())


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
