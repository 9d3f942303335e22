"""The deliveries that there are rows of, newest first.

No list of them is kept, which every delivery would have to pay for: the store is gone through, some hundred keys at a
time, about ten seconds for a million. Our user needs SCAN for it.
"""

import heapq
from dataclasses import dataclass

from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.keys import INBOX
from remediation.store.server.connection import Connection

_KEYS_AT_ONCE = 250
"""Keys of any kind that one step goes through: about a millisecond, during which Redis does nothing else."""

_PARTS = 6


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
    sender, _, account = (path or "").partition("/")
    found: dict[str, ListedDelivery] = {}
    cursor, least = 0, 0
    while True:
        scanned = connection.redis.scan(cursor, match=f"{INBOX}*", count=_KEYS_AT_ONCE)
        cursor, keys = await connection.ask(scanned)
        asked = (least, sender, account, state or "")
        parts = [part.decode() for part in await connection.run("list_deliveries", *asked, *keys)]
        for at in range(0, len(parts), _PARTS):
            each = _listed(*parts[at : at + _PARTS])
            found[each.id] = each
        if len(found) > limit:
            found = {each.id: each for each in _newest(found, limit)}
            least = int(min(each.at for each in found.values()) * 1000)
        if not cursor:
            return _newest(found, limit)


def _newest(found: dict[str, ListedDelivery], limit: int) -> list[ListedDelivery]:
    return heapq.nlargest(limit, found.values(), key=lambda each: (each.at, each.id))


def _listed(name: str, at: str, sender: str, account: str, state: str, request_id: str) -> ListedDelivery:
    return ListedDelivery(name, int(at) / 1000, f"{sender}/{account}", DeliveryState(state), request_id)
