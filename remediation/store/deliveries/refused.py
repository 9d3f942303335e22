"""Deliveries that were refused: whose they claimed to be, when, and why. Nothing of what they said is kept.

Anybody can be refused a million times a second, so a row counts all of one day that have the same account, answer and
reason: how many rows there are follows our own words and mappings.yaml, and not what strangers send.
"""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta

from remediation.store.deliveries.inbox import milliseconds
from remediation.store.keys import REFUSED, REFUSED_COUNTS
from remediation.store.server.connection import Connection

KEPT = timedelta(days=14)
"""How long a row is kept after its last delivery."""

MOST_ROWS = 2_000
"""Rows that are kept, the newest: some hundred kilobytes. An account has about ten on a bad day."""


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """What refused deliveries have in common: an account, the status that they were answered, and why.

    `sender` and `account` are `unknown` where the address is nobody's. `seen` is the format of a signature that did not
    verify, as its header looks.
    """

    sender: str
    account: str
    status: int
    reason: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class RefusedDeliveries:
    """Those of one kind on one day (UTC). `first` and `last` (Unix seconds) are right to some seconds."""

    kind: RefusalKind
    count: int
    first: float
    last: float


class RefusedLog:
    """The rows in Redis. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection, most: int = MOST_ROWS) -> None:
        self._connection = connection
        self._most = most

    async def note(self, fresh: Iterable[tuple[RefusalKind, int]], now: float) -> None:
        """Count these, which were refused just now. Where the answer is lost, they may have been counted."""
        day = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        parts = [part for kind, count in fresh for part in (json.dumps([day, *astuple(kind)]), count)]
        await self._connection.run("note_refused", int(now * 1000), milliseconds(KEPT), self._most, *parts)

    async def listed(self) -> list[RefusedDeliveries]:
        """Every row, the latest first."""
        asked = self._connection.redis.pipeline(transaction=False)
        asked.zrevrange(REFUSED, 0, -1, withscores=True)
        asked.hgetall(REFUSED_COUNTS)
        rows, counts = await self._connection.ask(asked.execute())
        return [_refused(row, counts[row], at) for row, at in rows if row in counts]


def _refused(row: bytes, counted: bytes, last: float) -> RefusedDeliveries:
    _, sender, account, status, reason, seen = json.loads(row)
    first, count = counted.split()
    return RefusedDeliveries(
        RefusalKind(sender, account, int(status), reason, seen), int(count), int(first) / 1000, last / 1000
    )
