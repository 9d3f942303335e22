"""What is forgotten because nothing uses it any more: names, how far lists were read, and where tickets are found.

Names of districts, trackers and data keys are remembered for 400 days after the last use (UNUSED_MS), and for as long
as a case has anything there.
"""

from collections.abc import Iterable

from remediation.store.cases.dependents import trackers_heard_of
from remediation.store.cases.links import linked_places
from remediation.store.cases.todo import list_name
from remediation.store.keys import CURSOR, FORGETTING
from remediation.store.server.connection import Connection
from remediation.store.systems import Sites
from remediation.store.terms import UNUSED_MS

_BUCKETS_AT_ONCE = 4
"""Buckets of an index that one script looks through: up to 800 entries, some milliseconds."""

_PASS_SECONDS = 86_400.0
"""Seconds between the ends of two passes through the index of a tracker's tickets."""

_DATED = "cursors_dated"
_BUCKET = "bucket:"
_TRIMMED_AT = "trimmed_at:"


class Unused:
    """Forgets what nothing uses. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def forget_names(self, now: float) -> list[str]:
        """Forget the names that nothing has used for long enough. Returns the trackers among them."""
        await self._date_cursors(now)
        old = [name.decode() for name in await self._connection.run("forget_unused", int(now * 1000))]
        return [name for name in old if await self._forget_tracker(name, now)]

    async def trim_indexes(self, now: float, steps: int) -> None:
        """Take some of what leads to no case out of the indexes of tickets, from where the last call ended.

        Each index is looked through once a day.
        """
        for tracker in sorted(await trackers_heard_of(self._connection)):
            steps = await self._trim_index(tracker, now, steps)
            if not steps:
                return

    async def _trim_index(self, tracker: str, now: float, steps: int) -> int:
        """Go on in the index of one tracker. Returns how many steps are left."""
        redis, fields = self._connection.redis, [_BUCKET + tracker, _TRIMMED_AT + tracker]
        reached, last = await self._connection.ask(redis.hmget(FORGETTING, fields))
        if reached is None and last is not None and 0 <= now - int(last) / 1000 < _PASS_SECONDS:
            return steps
        number = int(reached or 0)
        while steps:
            steps -= 1
            buckets = int(await self._connection.run("trim_index", tracker, number, _BUCKETS_AT_ONCE))
            number += _BUCKETS_AT_ONCE
            if number >= buckets:
                await self._connection.ask(redis.hset(FORGETTING, _TRIMMED_AT + tracker, str(int(now * 1000))))
                await self._connection.ask(redis.hdel(FORGETTING, _BUCKET + tracker))
                break
            await self._connection.ask(redis.hset(FORGETTING, _BUCKET + tracker, str(number)))
        return steps

    async def _forget_tracker(self, name: str, now: float) -> bool:
        lists = await self._lists_of(name)
        return bool(await self._connection.run("forget_tracker", name, int(now * 1000), *lists))

    async def _date_cursors(self, now: float) -> None:
        """Give an end to what an earlier version has stored for good: each list that is read stores its own anew."""
        redis = self._connection.redis
        if await self._connection.ask(redis.hexists(FORGETTING, _DATED)):
            return
        for tracker in await trackers_heard_of(self._connection):
            for name in await self._lists_of(tracker):
                await self._connection.ask(redis.pexpire(CURSOR + name, UNUSED_MS))
        await self._connection.ask(redis.hset(FORGETTING, _DATED, str(int(now * 1000))))

    async def _lists_of(self, tracker: str) -> Iterable[str]:
        """The names of the lists of changes that the tracker may have: of its places, on each site that it was."""
        history = await Sites(self._connection).read(tracker)
        sites = [history.site, history.before] if history else []
        endings = ["", *(f"@{each.key}" for each in sites if each)]
        places = ["", *await linked_places(self._connection, tracker)]
        return [list_name(tracker, f"{place}{ending}") for place in places for ending in endings]
