"""How long incidents are kept: their rows and what was decided about them are deleted, a few at a time.

What stays is sealed anew where another data key is the first one by now, so that the one before can be retired. Each
step that deletes something adds a line to the audit, in the same script.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from remediation.domain.incidents import Kept
from remediation.sealing import Keyring
from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import Forgotten, ForgottenCause, forgotten
from remediation.store.incidents.records import new_told_key
from remediation.store.incidents.rows import known, renewed, renewed_told
from remediation.store.keys import FEED, FEEDS, INCIDENTS, INCIDENTS_TOLD
from remediation.store.server.connection import Connection

STEP = 200
"""About how many rows are looked at in one step: some milliseconds of Redis and of the worker."""


@dataclass(frozen=True, slots=True)
class ForgetStep:
    """One step through a feed's rows: how many were deleted, and whether it was the last step."""

    deleted: int
    is_last: bool


class IncidentRetention:
    """Deletes incidents, and seals others anew. A feed is named `district/feed`.

    Every method raises StoreUnavailable.
    """

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        self._audit = AuditKeys(keyring)

    async def name(self, feeds: Mapping[str, timedelta], now: float) -> dict[str, float]:
        """Note that mappings.yaml names these feeds, and how often each is read.

        Returns every feed that is known, with when (Unix seconds) the file last named it.
        """
        parts = [part for name, every in feeds.items() for part in (name, int(every.total_seconds() * 1000))]
        flat = await self._connection.run("name_feeds", int(now * 1000), *parts)
        return {name.decode(): int(at) / 1000 for name, at in zip(flat[::2], flat[1::2], strict=True)}

    async def last_pass(self, feed: str) -> float | None:
        """When (Unix seconds) all rows of the feed were last looked through; None for never."""
        found = await self._connection.ask(self._connection.redis.hget(FEED + feed, "forgotten_at"))
        return int(found) / 1000 if found else None

    async def step(self, feed: str, others: Collection[str], is_over: Callable[[Kept], bool], now: float) -> ForgetStep:
        """Look at some rows of the feed, from where the last step ended, and delete those whose time is over.

        `others` are the district's other feeds: what was decided stays for an incident that one of them shows. A row
        that cannot be read stays. One that stays is sealed with the first data key from then on.
        """
        rows, follows = await self._rows(feed)
        over = {
            name: row
            for name, row in rows.items()
            if (kept := known(row, name.decode(), feed, self._keyring)) is not None and is_over(kept)
        }
        await self._renew(feed, {name.decode(): row for name, row in rows.items() if name not in over})
        return await self._delete(feed, others, over, follows, now, ForgottenCause.AGE)

    async def forget_feed(self, feed: str, others: Collection[str], now: float) -> ForgetStep:
        """Delete some of the rows of a feed that is not named any more, and all that is known of it with the last.

        A pass that began before its time was over has left rows at its beginning: the next one deletes them, each with
        what was decided.
        """
        rows, follows = await self._rows(feed)
        step = await self._delete(feed, others, rows, follows, now, ForgottenCause.UNNAMED)
        redis = self._connection.redis
        if step.is_last and not await self._connection.ask(redis.hlen(INCIDENTS + feed)):
            await self._connection.ask(redis.delete(INCIDENTS + feed, FEED + feed))
            await self._connection.ask(redis.hdel(FEEDS, feed))
        return step

    async def _renew(self, feed: str, rows: Mapping[str, bytes]) -> None:
        """Seal these rows anew, and what was told of their incidents. What changes meanwhile is sealed so already."""
        if not rows:
            return
        district, told_rows = feed.partition("/")[0], INCIDENTS_TOLD + feed.partition("/")[0]
        found = await self._connection.ask(self._connection.redis.hmget(told_rows, list(rows)))
        told = {name: row for name, row in zip(rows, found, strict=True) if row is not None}
        anew = {name: renewed(row, name, feed, self._keyring) for name, row in rows.items()}
        await self._replace(INCIDENTS + feed, rows, anew)
        told_anew = {name: renewed_told(row, name, district, self._keyring, new_told_key) for name, row in told.items()}
        await self._replace(told_rows, told, told_anew)

    async def _replace(self, key: str, before: Mapping[str, bytes], after: Mapping[str, bytes | None]) -> None:
        parts = [part for name, row in after.items() if row is not None for part in (name, before[name], row)]
        if parts:
            await self._connection.run("renew_rows", key, *parts)

    async def _rows(self, feed: str) -> tuple[dict[bytes, bytes], int]:
        """Some rows of the feed by their names, from where the last step ended, and where it goes on."""
        redis = self._connection.redis
        begin = int(await self._connection.ask(redis.hget(FEED + feed, "forget_from")) or 0)
        follows, rows = await self._connection.ask(redis.hscan(INCIDENTS + feed, begin, count=STEP))
        return rows, int(follows)

    async def _delete(
        self,
        feed: str,
        others: Collection[str],
        rows: Mapping[bytes, bytes],
        follows: int,
        now: float,
        cause: ForgottenCause,
    ) -> ForgetStep:
        """Delete these rows, less those that have changed: the line of the audit has to say how many that are."""
        parts = [part for pair in rows.items() for part in pair]
        head = (feed, feed.partition("/")[0], follows, int(now * 1000), self._keyring.key_ids[0])
        told, unchanged = -1, len(rows)
        while told != unchanged:
            told, line = unchanged, self._line(feed, unchanged, cause, now)
            about = (told, line, len(others))
            unchanged = int(await self._connection.run("forget_incidents", *head, *about, *others, *parts))
        return ForgetStep(told, follows == 0)

    def _line(self, feed: str, count: int, cause: ForgottenCause, now: float) -> bytes:
        return waiting(forgotten(Forgotten.INCIDENTS, feed, count, cause, now), self._audit) if count else b""
