"""What feeds have shown of incidents, and what was decided about each: read by looks, written by polls and by looks."""

import secrets
from collections.abc import Collection, Iterable, Mapping

from remediation.domain.incidents import Decided, DecidedPage, Incident, Kept, Told
from remediation.domain.status import Status
from remediation.sealing import Keyring
from remediation.store.cases.lists import with_rows
from remediation.store.incidents.feeds import Feeds
from remediation.store.incidents.rows import known, known_told, name_of, opened, sealed, sealed_told
from remediation.store.keys import DECISIONS, INCIDENTS, INCIDENTS_TOLD
from remediation.store.server.connection import Connection

_TOLD_KEY_BYTES = 16

_PAGE = 500
"""About how many incidents a page of a list has."""


class IncidentRecords:
    """The rows of incidents. A feed is named `district/feed`. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        self._feeds = Feeds(connection)

    async def changed(self, feed: str, shown: Iterable[Incident], now: float) -> tuple[Kept, ...]:
        """Those of the incidents that a feed shows `now` which are new, or other than it showed them before.

        Where it says of a thing what nobody can read, that is as it was before.
        """
        every = {name_of(incident.uuid): incident for incident in shown}
        if not every:
            return ()
        rows = await self._connection.ask(self._connection.redis.hmget(INCIDENTS + feed, list(every)))
        before = (known(row, name, feed, self._keyring) for name, row in zip(every, rows, strict=True))
        followed = (_following(was, incident, now) for incident, was in zip(every.values(), before, strict=True))
        return tuple(kept for kept in followed if kept is not None)

    def rows_of(self, feed: str, incidents: Iterable[Kept]) -> dict[str, bytes]:
        """The rows of incidents, by their names: what `Feeds.keep_page` keeps."""
        return {name_of(each.incident.uuid): sealed(each, feed, self._keyring) for each in incidents}

    async def kept(self, feed: str, uuids: Collection[str]) -> int:
        """How many of these incidents are kept."""
        async with self._connection.redis.pipeline(transaction=False) as pipe:
            for uuid in uuids:
                pipe.hexists(INCIDENTS + feed, name_of(uuid))
            return sum(map(bool, await self._connection.ask(pipe.execute()))) if uuids else 0

    async def with_case(self, refs: Collection[str]) -> frozenset[str]:
        """Those of the case references that the store has a case of."""
        return await with_rows(self._connection, refs)

    async def find(self, district: str, feeds: Iterable[str], uuid: str) -> tuple[str, Decided] | None:
        """An incident of a district, and the first of these feeds that ever showed it; None where none did.

        Raises KeyMissing where its data key is not there, and ValueError where it is in an unknown form.
        """
        name = name_of(uuid)
        for feed in feeds:
            row = await self._connection.ask(self._connection.redis.hget(INCIDENTS + feed, name))
            if row is not None:
                kept = opened(row, name, feed, self._keyring)
                (decided,) = await self._decided(district, {name: kept})
                return feed, decided
        return None

    def accounts_of(self, feed: str, account: str) -> tuple[str, ...]:
        """What stands in Redis for the account of a feed: by each data key, the one of the first key first."""
        return self._keyring.fingerprints(f"{feed} {account}".encode())

    async def is_swept(self, feed: str) -> bool:
        """Whether the store has every incident of the feed's school year."""
        return (await self._feeds.state(feed)).swept_at is not None

    async def page(self, district: str, feed: str, cursor: int, count: int = _PAGE) -> DecidedPage:
        """About so many incidents of a feed; 0 begins the list.

        An incident may come twice. One whose row cannot be read is left out until its feed shows it again.
        """
        follows, rows = await self._connection.ask(self._connection.redis.hscan(INCIDENTS + feed, cursor, count=count))
        read = {name.decode(): known(row, name.decode(), feed, self._keyring) for name, row in rows.items()}
        there = {name: kept for name, kept in read.items() if kept is not None}
        decided = await self._decided(district, there)
        return DecidedPage(tuple(decided), int(follows), left_out=len(read) - len(there))

    async def decide(self, district: str, feeds: Iterable[str], incident: Incident, status: Status) -> None:
        """Write down what was decided about an incident, and what it was when the first of it was.

        Nothing is written where none of these feeds has the incident any more: it would outlive the incident's time.
        """
        told = sealed_told(Told(incident, new_told_key()), district, self._keyring)
        await self._connection.run("decide_incident", district, name_of(incident.uuid), status, told, *feeds)

    async def _decided(self, district: str, kept: Mapping[str, Kept]) -> list[Decided]:
        """These incidents, by the names of their rows, with what was decided and told about each."""
        if not kept:
            return []
        async with self._connection.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(DECISIONS + district, list(kept))
            pipe.hmget(INCIDENTS_TOLD + district, list(kept))
            statuses, told = await self._connection.ask(pipe.execute())
        before = (known_told(row, name, district, self._keyring) for name, row in zip(kept, told, strict=True))
        return [
            Decided(
                each.incident,
                Status(status.decode()) if status is not None else None,
                was,
                each.changed_at,
                each.deleted_at,
            )
            for each, status, was in zip(kept.values(), statuses, before, strict=True)
        ]


def new_told_key() -> bytes:
    """A key for Told. The operating system's randomness cannot be an argument."""
    return secrets.token_bytes(_TOLD_KEY_BYTES)


def _following(was: Kept | None, incident: Incident, now: float) -> Kept | None:
    """What is kept of an incident that the feed shows now; None where it is as it was."""
    before = was.incident if was is not None else None
    completed = incident.completed_by(before)
    if completed == before:
        return None
    since = was.deleted_at if was is not None and completed.is_deleted else None
    return Kept(completed, int(now), since or (int(now) if completed.is_deleted else None))
