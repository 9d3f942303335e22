"""Whether our user may do in Redis what we are about to do: every command is tried, and none is carried out.

Between MULTI and DISCARD a server queues commands, and refuses at once those that it would not carry out: commands and
keys that the user may not use, and every write while it is full, a replica, or without its disk. Nothing of it is
carried out. Commands that only an administrator may use (ACL DRYRUN, ACL WHOAMI) are not needed, and every version that
knows users behaves so.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError

from remediation.queue import JOB_PREFIX
from remediation.store.server.connection import Connection, passing_errors
from remediation.store.server.refusals import ConnectionCause, command_of, not_allowed

_OURS = "remedy:tried-out"
_ARQS = f"{JOB_PREFIX}tried-out"
_NO_SCRIPT = "0" * 40

COMMANDS: tuple[str, ...] = (
    *("DEL K", "EXISTS K", "EXPIRE K 1", "PERSIST K", "PEXPIRE K 1"),
    *("GET K", "INCR K", "INCRBY K 1", "MGET K", "PSETEX K 1 0", "SET K 0", "SETEX K 1 0"),
    *(
        "HDEL K f",
        "HEXISTS K f",
        "HGET K f",
        "HGETALL K",
        "HINCRBY K f 1",
        "HKEYS K",
        "HLEN K",
        "HMGET K f",
        "HSCAN K 0",
    ),
    *("HSET K f 0", "HSETNX K f 0"),
    *("SADD K m", "SISMEMBER K m", "SMEMBERS K", "SREM K m"),
    *("ZADD K 1 m", "ZCARD K", "ZCOUNT K 0 1", "ZINCRBY K 1 m", "ZRANGE K 0 1", "ZRANGEBYSCORE K 0 1", "ZREM K m"),
    *("ZREMRANGEBYSCORE K 0 1", "ZREVRANGE K 0 1", "ZREVRANGEBYSCORE K 1 0", "ZSCORE K m"),
    *("XADD K * f 0", "XLEN K", "XRANGE K - +", "XREVRANGE K + -", "XTRIM K MAXLEN 1"),
)
"""Every command on a key that scripts, stores and arq send, with valid arguments. K is the key.

INCRBY is what redis-py sends for arq's INCR."""

KEYLESS: tuple[str, ...] = ("INFO server", "TIME", "DBSIZE", f"EVALSHA {_NO_SCRIPT} 0", "SCRIPT LOAD return")
"""The commands without a key. WATCH, MULTI and DISCARD are really sent."""


_A_WRITE: tuple[list[str], ...] = (["SET", _OURS, "0"],)
_EVERYTHING: tuple[list[str], ...] = (
    *(order.split() for order in KEYLESS),
    *([key if word == "K" else word for word in order.split()] for key in (_OURS, _ARQS) for order in COMMANDS),
)


async def denied(connection: Connection, *, is_known: bool = False) -> ConnectionCause | None:
    """What our user lacks; None where it has all rights that we need. Changes nothing.

    `is_known` says that everything was tried a short while ago: then only one write is tried, because a server can
    become full at any time.

    Raises StoreUnavailable also for any other reason why Redis takes no write of ours.
    """
    with passing_errors():
        async with _one_connection(connection) as ours:
            lacks = await _lacking(ours, _A_WRITE if is_known else _EVERYTHING)
    if not lacks:
        return None
    named = ", ".join(dict.fromkeys(lacks))
    return not_allowed(named)


async def _lacking(ours: Any, orders: Sequence[Sequence[str]]) -> list[str]:
    """What our user may not do, in words."""
    watch, multi = await _answers(ours, [["WATCH", _OURS], ["MULTI"]])
    if isinstance(multi, ResponseError):  # from here on commands would be carried out
        return [each for each in (_lack(watch, ["WATCH"]), _lack(multi, ["MULTI"]) or "MULTI") if each]
    lacks = [_lack(answer, order) for order, answer in zip(orders, await _answers(ours, orders), strict=True)]
    (last,) = await _answers(ours, [["DISCARD"]])
    return [each for each in (_lack(watch, ["WATCH"]), *lacks, _lack(last, ["DISCARD"])) if each]


async def _answers(ours: Any, orders: Sequence[Sequence[str]]) -> list[object]:
    """The reply to each command.

    An error is a reply, too, where it is about the command and not about the connection.
    """
    await ours.send_packed_command(ours.pack_commands(orders))
    return [await _answer(ours) for _ in orders]


async def _answer(ours: Any) -> object:
    try:
        return await ours.read_response()
    except OutOfMemoryError:
        raise
    except ResponseError as error:
        return error


def _lack(answer: object, order: Sequence[str]) -> str:
    """What our user may not do according to a reply; empty where it may."""
    if isinstance(answer, ResponseError) and str(answer).startswith("unknown command"):
        return order[0]
    if not isinstance(answer, NoPermissionError):
        return ""
    if command := command_of(str(answer)):
        return command
    key = next((word for word in order if word in {_OURS, _ARQS}), _OURS)
    return f"keys of the pattern {key.partition(':')[0]}:*"


@asynccontextmanager
async def _one_connection(connection: Connection) -> AsyncIterator[Any]:
    """A connection for this check alone. It is closed where anything goes wrong, and its transaction ends with it."""
    pool = connection.redis.connection_pool
    ours = await pool.get_connection()
    try:
        yield ours
    except BaseException:
        await ours.disconnect(nowait=True)
        raise
    finally:
        await pool.release(ours)
