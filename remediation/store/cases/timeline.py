"""What was seen and done about each case, in order: told once, capped, and forgotten after a time.

A look that finds what is remembered and has nothing to do tells nothing.

A timeline is one string: when (ms) it was told of last, a space, and all its entries, packed. Each of those is a line:
its time and number, its kind, and the rest as JSON; the last ones have no time yet, as theirs is in front. A stream
takes 4 KB for its first entry, ten times what a usual case has to tell.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from remediation.domain.errors import StoreUnavailable
from remediation.store.cases.entries import Entry, decoded, encoded
from remediation.store.cases.packing import packed, unpacked
from remediation.store.keys import TIMELINE, TOLD
from remediation.store.server.connection import Connection, passing_errors

KEPT = timedelta(days=400)
"""How long a timeline stays after its last entry, unless somebody says otherwise: a school year, and its audit."""

MOST_ENTRIES = 500
"""How many entries a case keeps; the oldest go first."""

BEGINNING = "-"

_TRIES = 20
"""How often a timeline is read again because somebody else told something meanwhile: only who holds a case tells of it,
so that two do so only where a lease was lost."""

_Line = tuple[str, str, bytes]
"""An entry as it is kept: its id, its kind, and the rest as JSON."""


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
        """Add the entries in order, all or none. Nothing to tell costs nothing. Raises StoreUnavailable."""
        wire = [encoded(entry) for entry in entries]
        if not wire:
            return
        for _ in range(_TRIES):
            kept, rows = await self._kept(ref)
            lines = [*_lines(kept, rows), *(("", kind, text) for kind, text in wire)]
            seen = hashlib.sha1(kept, usedforsecurity=False).hexdigest() if kept else ""
            whole = packed(_text(lines[-MOST_ENTRIES:]))
            if await self._connection.run("tell", ref, self._kept_ms, seen, len(rows), whole):
                return
        raise StoreUnavailable("a case's timeline is written by others all the time")

    async def read(self, ref: str, limit: int = MOST_ENTRIES) -> list[Entry]:
        """The last entries, oldest first."""
        lines = _lines(*await self._kept(ref))
        return [told.entry for told in map(_told, lines[-limit:]) if told is not None]

    async def since(self, ref: str, after: str = BEGINNING) -> AsyncIterator[Told]:
        """Every entry after the one with this id, oldest first, up to now. Call again with the last id to go on."""
        for line in _lines(*await self._kept(ref)):
            is_new = after == BEGINNING or _place(line[0]) > _place(after)
            if is_new and (told := _told(line)):
                yield told

    async def now(self) -> str:
        """An id that goes before everything still to be told and after everything told, by Redis's own clock."""
        seconds, micros = await self._connection.ask(self._connection.redis.time())
        return f"{int(seconds) * 1000 + int(micros) // 1000 - 1}-0"

    async def _kept(self, ref: str) -> tuple[bytes, list[Any]]:
        """A timeline as it lies in Redis, and what an earlier version told of the case in a stream."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.get(TOLD + ref)
                pipe.xrange(TIMELINE + ref)
                kept, rows = await pipe.execute()
        return kept or b"", rows


def _lines(kept: bytes, rows: Iterable[tuple[bytes, dict[bytes, Any]]]) -> list[_Line]:
    """The lines of a timeline, oldest first. One that this version cannot unpack has none, as if it were forgotten."""
    earlier = [
        (entry_id.decode(), fields.get(b"kind", b"").decode(errors="replace"), fields.get(b"is", b""))
        for entry_id, fields in rows
    ]
    at, _, whole = kept.partition(b" ")
    try:
        told = unpacked(whole).splitlines() if whole else []
    except ValueError:
        told = []
    lines: list[_Line] = []
    for each in told:
        entry_id, kind, wire = each.split(b" ", 2)
        lines.append((entry_id.decode() or _next_id(lines, at.decode()), kind.decode(errors="replace"), wire))
    return sorted([*earlier, *lines], key=lambda line: _place(line[0])) if earlier else lines


def _next_id(lines: list[_Line], at: str) -> str:
    """The id of an entry that was told at this moment (ms), after these."""
    last_at, last = _place(lines[-1][0]) if lines else (0, 0)
    return f"{at}-{last + 1 if last_at == int(at) else 0}"


def _text(lines: Iterable[_Line]) -> bytes:
    return b"".join(b"%s %s %s\n" % (entry_id.encode(), kind.encode(), wire) for entry_id, kind, wire in lines)


def _place(entry_id: str) -> tuple[int, int]:
    at, _, number = entry_id.partition("-")
    return int(at), int(number)


def _told(line: _Line) -> Told | None:
    entry_id, kind, wire = line
    entry = decoded(kind, wire)
    return Told(entry_id, entry) if entry else None
