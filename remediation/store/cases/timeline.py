"""What was seen and done about each case, in order: told once, capped, and forgotten after a time.

A look that finds what is remembered and has nothing to do writes nothing.

A timeline is one string: when (ms) it was told of last, a space, and all its entries, packed (see timeline_text.py). A
stream takes 4 KB for its first entry, twenty times what a usual case has to tell.

A text in a form that this version does not know is shown as an UnreadableEntry, and is set apart at the next write; a
version that knows the form puts its entries back in their place.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from remediation.domain.errors import StoreUnavailable
from remediation.store.cases.entries import Entry, UnreadableEntry, decoded, encoded
from remediation.store.cases.timeline_text import Line, id_at, lines_of, place_of, text_of
from remediation.store.keys import APART, TIMELINE, TOLD
from remediation.store.packing import Form, packed, unpacked
from remediation.store.server.connection import Connection, passing_errors

KEPT = timedelta(days=400)
"""How long a timeline stays after its last entry, unless somebody says otherwise: a school year, and its audit."""

MOST_ENTRIES = 500
"""How many entries a case keeps; the oldest go first."""

BEGINNING = "-"

_TRIES = 20
"""How often a timeline is read again because somebody else has written meanwhile. Only the holder of a case writes its
timeline, so two do at once only where a lease was lost."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
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
        """Add the entries in order, all or none. Nothing to tell costs nothing. Raises StoreUnavailable.

        What this version cannot read is set apart, and stays as long as the rest.
        """
        wire = [encoded(entry) for entry in entries]
        if not wire:
            return
        for _ in range(_TRIES):
            kept = await self._kept(ref)
            lines = [*kept.lines(), *(("", kind, text) for kind, text in wire)]
            is_unknown = "1" if kept.whole and _lines(kept.whole) is None else ""
            whole = packed(text_of(lines[-MOST_ENTRIES:]), Form.TIMELINE)
            known = [name for name, text in kept.apart.items() if _lines(text) is not None]
            args: list[str | bytes | int] = [_sha1(kept.whole), len(kept.rows), whole, is_unknown, *known]
            if await self._connection.run("tell", ref, self._kept_ms, *args):
                return
        raise StoreUnavailable("a case's timeline is written by others all the time")

    async def read(self, ref: str, limit: int = MOST_ENTRIES) -> list[Entry]:
        """The last entries, oldest first; an UnreadableEntry stands for what this version cannot read."""
        return [told.entry for told in (await self._kept(ref)).told()[-limit:]]

    async def since(self, ref: str, after: str = BEGINNING) -> AsyncIterator[TimelineEntry]:
        """Every entry after the one with this id, oldest first, up to now. Call again with the last id to go on."""
        for told in (await self._kept(ref)).told():
            if after == BEGINNING or place_of(told.id) > place_of(after):
                yield told

    async def now(self) -> str:
        """An id after every entry so far and before every later one, by Redis's own clock."""
        seconds, micros = await self._connection.ask(self._connection.redis.time())
        return f"{int(seconds) * 1000 + int(micros) // 1000 - 1}-0"

    async def _kept(self, ref: str) -> "_KeptText":
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.get(TOLD + ref)
                pipe.hgetall(APART + ref)
                pipe.xrange(TIMELINE + ref)
                whole, apart, rows = await pipe.execute()
        return _KeptText(whole or b"", {name.decode(): text for name, text in apart.items()}, rows)


@dataclass(frozen=True, slots=True)
class _KeptText:
    """A timeline as it lies in Redis: its text, what was set apart, and what an earlier version told in a stream."""

    whole: bytes
    apart: Mapping[str, bytes]
    rows: Sequence[tuple[bytes, dict[bytes, Any]]]

    def lines(self) -> list[Line]:
        """All that this version can read, oldest first."""
        earlier = [
            (entry_id.decode(), fields.get(b"kind", b"").decode(errors="replace"), fields.get(b"is", b""))
            for entry_id, fields in self.rows
        ]
        apart = [line for text in self.apart.values() for line in _lines(text) or ()]
        lines = (_lines(self.whole) if self.whole else None) or []
        return sorted([*earlier, *apart, *lines], key=lambda line: place_of(line[0])) if earlier or apart else lines

    def told(self) -> list[TimelineEntry]:
        """All that was told, oldest first; an entry of a kind that this version does not know is passed over."""
        told = [each for each in map(_told, self.lines()) if each is not None]
        texts = [text for text in (self.whole, *self.apart.values()) if text and _lines(text) is None]
        unknown = [TimelineEntry(f"{_told_at(text)}-0", UnreadableEntry(_told_at(text) / 1000)) for text in texts]
        return sorted([*unknown, *told], key=lambda each: place_of(each.id)) if unknown else told


def _lines(whole: bytes) -> list[Line] | None:
    """The lines of a text of a timeline, oldest first; None where this version cannot read it."""
    kept, told_at = whole.partition(b" ")[2], _told_at(whole)
    read = lines_of if kept.startswith(Form.TIMELINE.value) else _earlier_lines
    try:
        return read(unpacked(kept), told_at)
    except ValueError:
        return None


def _earlier_lines(text: bytes, told_at: int) -> list[Line]:
    """The lines as an earlier version wrote them: id, kind and JSON of each, the last ones without an id."""
    lines: list[Line] = []
    for each in text.splitlines():
        entry_id, kind, wire = each.split(b" ", 2)
        last_id = lines[-1][0] if lines else ""
        lines.append((entry_id.decode() or id_at(told_at, last_id), kind.decode(errors="replace"), wire))
    return lines


def _told_at(whole: bytes) -> int:
    """When (ms) a text was told of last, as far as its beginning says so."""
    at = whole.partition(b" ")[0]
    return int(at) if at.isdigit() else 0


def _sha1(whole: bytes) -> str:
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest() if whole else ""


def _told(line: Line) -> TimelineEntry | None:
    entry_id, kind, wire = line
    entry = decoded(kind, wire)
    return TimelineEntry(entry_id, entry) if entry else None
