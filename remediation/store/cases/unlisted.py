"""Cases that an earlier version wrote, which are on no list: found once, and listed.

It goes on where it was left, whoever did that, and ends with a note that nothing is left. What changes meanwhile is
listed by the scripts that change it. The store is gone through key by key, so our user needs SCAN for it.
"""

from collections.abc import Sequence

from remediation.store.cases.lists import facts_of, readable_record
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection

KEYS_AT_ONCE = 1_000
"""Keys of any kind that one step goes through."""


class UnlistedCases:
    """The cases that are on no list yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_some(self, now: float, keys: int = KEYS_AT_ONCE) -> bool:
        """Go through some more keys, and list the cases among them. Whether nothing is left to do.

        Two that do it at once do no harm: one of them is in vain. Raises StoreUnavailable, and StoreRefuses where our
        user may not SCAN.
        """
        place = await self._connection.run("list_cursor", int(now * 1000))
        if place == [b"done"]:
            return True
        cursor, server = (part.decode() for part in place)
        scanned = self._connection.redis.scan(int(cursor), match=f"{CASE}*", count=keys)
        following, found = await self._connection.ask(scanned)
        parts = await self._parts(found)
        await self._connection.run("list_earlier", int(now * 1000), cursor, server, int(following), *parts)
        return False

    async def _parts(self, keys: Sequence[bytes]) -> list[str]:
        """The reference of each case, and what its memory says."""
        asked = self._connection.redis.pipeline(transaction=False)
        for key in keys:
            asked.hgetall(key.decode())
        rows = await self._connection.ask(asked.execute()) if keys else []
        refs = [key.decode().removeprefix(CASE) for key in keys]
        read = {ref: readable_record(ref, row) for ref, row in zip(refs, rows, strict=True)}
        known = {ref: record.memory for ref, record in read.items() if record is not None}
        return [part for ref, memory in known.items() for part in (ref, facts_of(memory, is_news=True))]
