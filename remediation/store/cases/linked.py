"""The links that cases have, tracker by tracker: whose they are and to where, without a look at any case."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from remediation.domain.status import Status
from remediation.domain.tickets import TicketState
from remediation.store.cases.rows import memory_kept
from remediation.store.keys import DISTRICTS, TRACKERS
from remediation.store.server.connection import Connection

_AT_ONCE = 500
"""Tickets that one question looks at: a few milliseconds of Redis."""


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """One link: the reference of its case, and the ticket's key for people (see Link).

    `at_rest` says that nobody waited for anything when the case was remembered: its finding was solved or gone, and the
    ticket done.
    """

    ref: str
    ticket_key: str
    at_rest: bool

    @property
    def district(self) -> str:
        """The district whose case it is."""
        return self.ref.partition(":")[0]


async def trackers_heard_of(connection: Connection) -> frozenset[str]:
    """Every tracker that mappings.yaml ever named. Raises StoreUnavailable."""
    return frozenset(name.decode() for name in await connection.ask(connection.redis.hkeys(TRACKERS)))


async def districts_heard_of(connection: Connection) -> frozenset[str]:
    """Every district that mappings.yaml ever named. Raises StoreUnavailable."""
    return frozenset(name.decode() for name in await connection.ask(connection.redis.hkeys(DISTRICTS)))


async def linked_cases(connection: Connection, tracker: str) -> AsyncIterator[list[LinkedCase]]:
    """Every link to a ticket there, page by page; one made meanwhile may come twice. Raises StoreUnavailable."""
    cursor = ""
    while True:
        answer, *told = await connection.run("linked_cases", tracker, cursor, _AT_ONCE)
        cursor, links = answer.decode(), zip(told[::3], told[1::3], told[2::3], strict=True)
        yield [
            LinkedCase(ref.decode(), json.loads(link)[1], _is_at_rest(tracker, memory)) for ref, link, memory in links
        ]
        if not cursor:
            return


def _is_at_rest(tracker: str, kept: bytes) -> bool:
    """Whether the memory says so; one in a form that this version does not know says nothing."""
    if not kept:
        return False
    try:
        memory = memory_kept(kept)
    except ValueError:
        return False
    return memory.finding in {Status.RESOLVED, Status.GONE} and memory.tickets.get(tracker) is TicketState.DONE
