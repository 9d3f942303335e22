"""What was seen and done about each case, in order: told once, capped, and forgotten after a time.

A look that finds what is remembered and has nothing to do tells nothing.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from remediation.store.connection import Connection, passing_errors
from remediation.store.entries import Entry, decoded, encoded
from remediation.store.keys import TIMELINE

KEPT = timedelta(days=400)
"""How long a timeline stays after its last entry, unless somebody says otherwise: a school year, and its audit."""

MOST_ENTRIES = 500
"""About how many entries a case keeps; the oldest go first."""

_BATCH = 100
BEGINNING = "-"


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as it stands in a timeline. `id` sorts by time; whoever follows goes on after it."""

    id: str
    entry: Entry


class Timeline:
    """The timelines of all cases. `kept` is how long each stays after its last entry."""

    def __init__(self, connection: Connection, kept: timedelta = KEPT) -> None:
        self._connection = connection
        self._kept_ms = kept // timedelta(milliseconds=1)

    def keeping(self, kept: timedelta) -> "Timeline":
        """The same timelines, with this span for what is told from now on."""
        return Timeline(self._connection, kept)

    async def tell(self, ref: str, entries: Iterable[Entry]) -> None:
        """Add the entries in order, in one round trip. Nothing to tell costs nothing. Raises StoreUnavailable."""
        wire = [encoded(entry) for entry in entries]
        if not wire:
            return
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                for kind, text in wire:
                    pipe.xadd(TIMELINE + ref, {"kind": kind, "is": text}, maxlen=MOST_ENTRIES, approximate=True)
                pipe.pexpire(TIMELINE + ref, self._kept_ms)
                await pipe.execute()

    async def read(self, ref: str, limit: int = MOST_ENTRIES) -> list[Entry]:
        """The last entries, oldest first."""
        rows = await self._connection.ask(self._connection.redis.xrevrange(TIMELINE + ref, count=limit))
        return [told.entry for told in map(_told, reversed(rows)) if told is not None]

    async def since(self, ref: str, after: str = BEGINNING) -> AsyncIterator[Told]:
        """Every entry after the one with this id, oldest first, up to now. Call again with the last id to go on."""
        while True:
            first = after if after == BEGINNING else f"({after}"
            rows = await self._connection.ask(self._connection.redis.xrange(TIMELINE + ref, min=first, count=_BATCH))
            for row in rows:
                if told := _told(row):
                    yield told
            if len(rows) < _BATCH:
                return
            after = rows[-1][0].decode()

    async def now(self) -> str:
        """An id that goes before everything still to be told and after everything told, by Redis's own clock."""
        seconds, micros = await self._connection.ask(self._connection.redis.time())
        return f"{int(seconds) * 1000 + int(micros) // 1000 - 1}-0"


def _told(row: tuple[bytes, dict[bytes, Any]]) -> Told | None:
    entry_id, fields = row
    entry = decoded(fields.get(b"kind", b"").decode(errors="replace"), fields.get(b"is", b""))
    return Told(entry_id.decode(), entry) if entry else None
