"""The deliveries that there are rows of, newest first.

A receiver writes no list, which every delivery would have to pay for: the worker's script that finishes a delivery
lists it, and what waits to be read lies in a sorted set anyway. Each account has one list for each state that a
delivery may end in, with the newest ten thousand of the last thirty days; what is set aside is listed until it is
decided about.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.keys import DELIVERY_LIST, DELIVERY_LISTS, INBOX, PENDING_SINCE
from remediation.store.newest import ListPlace, NewestMember, newest_of
from remediation.store.server.connection import Connection

MOST_LOOKED_AT = 500
"""Rows that one page looks at, most of which may be of other accounts where many deliveries wait: some hundredths of a
second. Where more wait, a page of some accounts in any state leaves those that wait out, and says so."""

_AT_ONCE = 500
_FIELDS = ["state", "sender", "account", "at", "request_id"]


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


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant; None for any. `since` is in Unix seconds.

    `paths` are accounts, as `schoolscan/lakeside`.
    """

    paths: frozenset[str] | None = None
    state: DeliveryState | None = None
    since: float | None = None

    def takes(self, path: str) -> bool:
        """Whether deliveries of this account are meant."""
        return self.paths is None or path in self.paths


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first; one that was replayed stands where it was replayed for as long as it waits.

    `after` is where the next page begins; None at the end. A page may be short, or empty, and others follow it.
    `has_waiting` is false where it leaves out what waits to be read, because very much does.
    """

    deliveries: tuple[ListedDelivery, ...]
    after: ListPlace | None
    has_waiting: bool = True


async def delivery_page(
    connection: Connection, wanted: DeliveryFilter, limit: int, after: ListPlace | None = None
) -> DeliveryPage:
    """At most `limit` deliveries behind a place. Raises StoreUnavailable."""
    has_waiting = wanted.paths is None or wanted.state is not None or not await _many_wait(connection)
    found, behind = await _page(
        connection, await _lists(connection, wanted, has_waiting=has_waiting), wanted, limit, after
    )
    return DeliveryPage(tuple(found), behind, has_waiting)


async def _page(
    connection: Connection, lists: "_Lists", wanted: DeliveryFilter, limit: int, after: ListPlace | None
) -> tuple[list[ListedDelivery], ListPlace | None]:
    """What fits of these lists behind a place, and where the next page begins."""
    found: list[ListedDelivery] = []
    looked_at, at_once = 0, limit + 1
    while looked_at < MOST_LOOKED_AT:
        members = await newest_of(connection, [key for key, _ in lists], at_once, after)
        rows = await _rows(connection, members)
        for member, row in zip(members, rows, strict=True):
            if wanted.since is not None and member.place.at_ms < wanted.since * 1000:
                return found, None
            if len(found) == limit:
                return found, after
            after = member.place
            if row is not None and row.state == lists[member.number][1] and wanted.takes(row.path):
                found.append(row)
        if len(members) < at_once:
            return found, None
        looked_at, at_once = looked_at + at_once, _AT_ONCE
    return found, after


async def each_delivery(
    connection: Connection, wanted: DeliveryFilter, after: ListPlace | None = None
) -> AsyncIterator[ListedDelivery]:
    """Every delivery that is meant behind a place, newest first. Raises StoreUnavailable."""
    lists = await _lists(connection, wanted)
    while True:
        found, after = await _page(connection, lists, wanted, _AT_ONCE, after)
        for each in found:
            yield each
        if after is None:
            return


async def one_delivery(connection: Connection, delivery_id: str) -> ListedDelivery | None:
    """A delivery by its id; None where nothing is known of it. Raises StoreUnavailable."""
    rows = await _rows(connection, [NewestMember(0, ListPlace(0, delivery_id))])
    return rows[0]


async def _many_wait(connection: Connection) -> bool:
    return int(await connection.ask(connection.redis.zcard(PENDING_SINCE))) > MOST_LOOKED_AT


_Lists = list[tuple[str, DeliveryState]]
"""The key of each list, and the state of its deliveries."""


async def _lists(connection: Connection, wanted: DeliveryFilter, *, has_waiting: bool = True) -> _Lists:
    """The lists that may have what is meant."""
    if wanted.paths is not None and not wanted.paths:
        return []
    named = await connection.ask(connection.redis.zrange(DELIVERY_LISTS, 0, -1))
    is_waiting_meant = has_waiting and wanted.state in {None, DeliveryState.RECEIVED}
    lists = [(PENDING_SINCE, DeliveryState.RECEIVED)] if is_waiting_meant else []
    for name in sorted(each.decode() for each in named):
        path, _, state = name.rpartition("|")
        if wanted.takes(path) and wanted.state in {None, state}:
            lists.append((DELIVERY_LIST + name, DeliveryState(state)))
    return lists


async def _rows(connection: Connection, members: Sequence[NewestMember]) -> list[ListedDelivery | None]:
    """The row of each; None where it has ended meanwhile."""
    asked = connection.redis.pipeline(transaction=False)
    for member in members:
        asked.hmget(INBOX + member.place.name, _FIELDS)
    rows = await connection.ask(asked.execute()) if members else []
    return [
        _listed(member.place.name, dict(zip(_FIELDS, row, strict=True)))
        for member, row in zip(members, rows, strict=True)
    ]


def _listed(name: str, row: Mapping[str, bytes | None]) -> ListedDelivery | None:
    state, at = row["state"], row["at"]
    if state is None or at is None:
        return None
    sender, account, request_id = ((row[field] or b"").decode() for field in ("sender", "account", "request_id"))
    return ListedDelivery(name, int(at) / 1000, f"{sender}/{account}", DeliveryState(state.decode()), request_id)
