"""The deliveries that there are rows of, newest first.

No list of them is kept, which every delivery would have to pay for: the store is gone through key by key, a second or
so for a million keys. Our user needs SCAN for it.
"""

import heapq
from collections.abc import AsyncIterator
from dataclasses import dataclass

from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.keys import INBOX
from remediation.store.server.connection import Connection

_KEYS_AT_ONCE = 1_000
_FIELDS = ("state", "at", "sender", "account", "request_id")


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """A delivery without its body. `at` (Unix seconds) is when it was accepted, `path` whose it is.

    `request_id` is the sender's, or the proxy's, as it came; empty where there was none.
    """

    id: str
    at: float
    path: str
    state: DeliveryState
    request_id: str = ""


async def newest_deliveries(
    connection: Connection, limit: int, *, path: str | None = None, state: DeliveryState | None = None
) -> list[ListedDelivery]:
    """The newest `limit` deliveries, of this account and in this state where these are given.

    Raises StoreUnavailable, StoreRefuses where our user may not SCAN.
    """
    found: dict[str, ListedDelivery] = {}
    async for each in _every_delivery(connection):
        if path in {None, each.path} and state in {None, each.state}:
            found[each.id] = each
            if len(found) > 2 * limit + _KEYS_AT_ONCE:
                found = {one.id: one for one in _newest(found, limit)}
    return _newest(found, limit)


def _newest(found: dict[str, ListedDelivery], limit: int) -> list[ListedDelivery]:
    return heapq.nlargest(limit, found.values(), key=lambda each: (each.at, each.id))


async def _every_delivery(connection: Connection) -> AsyncIterator[ListedDelivery]:
    cursor = 0
    while True:
        asked = connection.redis.scan(cursor, match=f"{INBOX}*", count=_KEYS_AT_ONCE)
        cursor, keys = await connection.ask(asked)
        for each in await _rows(connection, keys):
            yield each
        if not cursor:
            return


async def _rows(connection: Connection, keys: list[bytes]) -> list[ListedDelivery]:
    if not keys:
        return []
    asked = connection.redis.pipeline(transaction=False)
    for key in keys:
        asked.hmget(key.decode(), list(_FIELDS))
    rows = await connection.ask(asked.execute())
    pairs = zip(keys, rows, strict=True)
    return [_listed(key, row) for key, row in pairs if row[0] is not None and row[1] is not None]


def _listed(key: bytes, row: list[bytes | None]) -> ListedDelivery:
    state, at, sender, account, request_id = ((each or b"").decode() for each in row)
    name = key.decode().removeprefix(INBOX)
    return ListedDelivery(name, int(at) / 1000, f"{sender}/{account}", DeliveryState(state), request_id)
