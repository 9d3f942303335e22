"""What is kept of a district besides its cases: its scans, feeds, limits, and how its sender signs. All of it can go.

Fingerprints of its deliveries stay for their time: they hold ids only. A district that mappings.yaml names fills again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

from remediation.store.keys import ABSENT, CASE, DISTRICTS, SCAN
from remediation.store.server.connection import Connection

_KEYS_AT_ONCE = 1_000
_SCANS_AT_ONCE = 200
"""Scans that one step deletes."""


class DistrictForgetting:
    """Deletes districts. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def is_named(self, district: str) -> bool:
        """Whether the mappings.yaml of workers names it, as far as they have said."""
        known = await self._connection.ask(self._connection.redis.hexists(DISTRICTS, district))
        absent = await self._connection.ask(self._connection.redis.hexists(ABSENT, district))
        return bool(known) and not absent

    async def has_cases(self, district: str) -> bool:
        """Whether it has a case. Goes through all keys until there is one."""
        async for _ in self._refs(CASE, district):
            return True
        return False

    async def cases(self, district: str) -> list[str]:
        """The references of its cases. Goes through all keys; what is written meanwhile may be missing."""
        return [ref async for ref in self._refs(CASE, district)]

    async def scans(self, district: str) -> list[str]:
        """The references of its scans, likewise."""
        return [ref async for ref in self._refs(SCAN, district)]

    async def counted(self, district: str, scans: Sequence[str]) -> Mapping[str, int]:
        """How many entries of each kind `forget` would delete."""
        return await self._run(district, "1", b"", scans)

    async def forget(self, district: str, scans: Sequence[str], audit: bytes = b"") -> Mapping[str, int]:
        """Delete all of it. Returns how many entries of each kind; `audit` is a line added where something was deleted.

        Where there are many scans, the last step deletes the rest.
        """
        counts: dict[str, int] = {}
        for start in range(0, max(len(scans), 1), _SCANS_AT_ONCE):
            some = await self._run(district, "", audit, scans[start : start + _SCANS_AT_ONCE])
            audit = b"" if some else audit
            counts = {kind: counts.get(kind, 0) + some.get(kind, 0) for kind in counts.keys() | some.keys()}
        return counts

    async def _run(self, district: str, trial: str, audit: bytes, scans: Sequence[str]) -> Mapping[str, int]:
        answer = await self._connection.run("forget_district", district, trial, audit, *scans)
        return {kind.decode(): int(count) for kind, count in zip(answer[::2], answer[1::2], strict=True)}

    async def _refs(self, prefix: str, district: str) -> AsyncIterator[str]:
        cursor, begin = 0, f"{prefix}{district}:"
        while True:
            scanned = self._connection.redis.scan(cursor, match=f"{begin}*", count=_KEYS_AT_ONCE)
            cursor, found = await self._connection.ask(scanned)
            for key in found:
                yield key.decode().removeprefix(prefix)
            if not cursor:
                return
