"""Whether anything that pages show has changed: one small question for all who look at them."""

import hashlib
from collections.abc import Sequence

from remediation.store.keys import (
    ACCEPTED,
    AUDIT_HEAD,
    CASE,
    CASE_LISTS_USED,
    DIRTY,
    LEASE,
    PARKED,
    REFUSED,
    SYSTEMS,
    TASKS,
    TOLD,
    UNREAD,
)
from remediation.store.server.connection import Connection, passing_errors

_DIGITS = 16


async def read_pulse(connection: Connection) -> str:
    """A short text that is another one after a change; the same for every process that asks.

    It follows cases that change, deliveries that come in, are read or are refused, what is parked, systems in trouble,
    lines of the audit, and how far tasks of consoles are. It costs the same whatever the number of cases.
    Raises StoreUnavailable.
    """
    with passing_errors():
        async with connection.redis.pipeline(transaction=False) as pipe:
            pipe.zrevrange(CASE_LISTS_USED, 0, 0, withscores=True)
            pipe.zrevrange(PARKED, 0, 0, withscores=True)
            pipe.zcard(PARKED)
            pipe.zcard(UNREAD)
            pipe.hgetall(ACCEPTED)
            pipe.zrevrange(REFUSED, 0, 0, withscores=True)
            pipe.smembers(SYSTEMS)
            pipe.get(AUDIT_HEAD)
            pipe.zrevrange(TASKS, 0, 0, withscores=True)
            answers = await pipe.execute()
    return _digest(answers)


async def case_pulse(connection: Connection, ref: str) -> str:
    """The same for one case: its row, its timeline, and whether a worker has it. Raises StoreUnavailable."""
    with passing_errors():
        async with connection.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(CASE + ref)
            pipe.get(TOLD + ref)
            pipe.zscore(DIRTY, ref)
            pipe.exists(LEASE + ref)
            answers = await pipe.execute()
    return _digest(answers)


def _digest(answers: Sequence[object]) -> str:
    return hashlib.sha256(repr([_in_order(each) for each in answers]).encode()).hexdigest()[:_DIGITS]


def _in_order(answer: object) -> object:
    match answer:
        case set():
            return sorted(answer)
        case dict():
            return sorted(answer.items())
        case _:
            return answer
