"""What was seen and done about each case, in order: told once, capped, and forgotten after a time.

A look that finds what is remembered and has nothing to do writes nothing.

A timeline is one string: when (ms) it was written last, a space, and the text of all its entries, packed. A stream
takes 4 KB for its first entry, twenty times what a usual case has to tell.

The text has one line for each entry, without values that follow from the line before. `members` are those of the
entry's JSON object, without braces and without `at`. A line has one of these forms:

- `.kind members`: an entry that was written together with the one before. It has the same `at`, and the next id.
- `later told kind members`: `later` is by how many ms its `at` is later than that of the line before (for the first
  line, than 1970), and `told` by how many ms the time of its id is later than its `at`; then come `/` and the number
  of its id where that is not the next one. `told` is empty for a new entry: the script writes its time before the text.
- `=id kind object`: an entry that would not come back byte for byte: of another shape, as a later version may have.

Other times of an entry are in ms after its `at`.

A text in a form that this version does not know is shown as an UnreadableEntry, and is set apart at the next write; a
version that knows the form puts its entries back in their place.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.asyncio.client import Pipeline

from remediation.domain.errors import StoreUnavailable
from remediation.store.cases.entries import Entry, UnreadableEntry, decoded, encoded
from remediation.store.keys import APART, TIMELINE, TOLD
from remediation.store.packing import Form, packed, unpacked
from remediation.store.server.connection import Connection, passing_errors

KEPT = timedelta(days=400)
"""How long a timeline stays after its last entry, unless somebody says otherwise: a school year, and its audit."""

MOST_ENTRIES = 500
"""How many entries a case keeps; the oldest go first."""

BEGINNING = "-"

_LAST_NUMBER = 2**64 - 1
"""The highest number that an id may have, as in a stream of Redis."""

_TRIES = 20
"""How often a timeline is read again because somebody else has written meanwhile. Only the holder of a case writes its
timeline, so two do at once only where a lease was lost."""

_READ_AT_ONCE = 50
"""Timelines that one step reads: Redis does nothing else for about a millisecond."""

_ANSWERS = 3
"""Answers for one timeline."""

_MOST_WRITTEN = 256
"""Texts that a process remembers as it has written them."""

_Row = tuple[bytes, dict[bytes, Any]]
"""An entry of a stream, as an earlier version told it."""

Line = tuple[str, str, bytes]
"""An entry: its id (empty as long as nobody knows it), its kind, and the rest as JSON."""

_SHAPE = re.compile(rb'\{"at":(-?\d{1,15}(?:\.\d{1,3})?)(?:,(.+))?\}')
_TIME = re.compile(rb'"(marked_at|until|look_at)":(-?\d{1,15}(?:\.\d{1,3})?)(?=[,}]|\Z)')
_LATER = re.compile(rb'"(marked_at|until|look_at)":(-?\d{1,19})(?=[,}]|\Z)')


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
        self._written: OrderedDict[str, bytes] = OrderedDict()

    def keeping(self, kept: timedelta) -> "Timeline":
        """The same timelines, with this span for what is told from now on."""
        return Timeline(self._connection, kept)

    async def tell(self, ref: str, entries: Iterable[Entry], *, is_first: bool = False) -> None:
        """Add the entries in order, all or none. Nothing to tell costs nothing. Raises StoreUnavailable.

        What this version cannot read is set apart, and stays as long as the rest. A text that we wrote a moment ago is
        not read again, nor is one of a case of which probably nothing was told yet (`is_first`): the script refuses
        what is added to another text than the present one.
        """
        wire = [encoded(entry) for entry in entries]
        if not wire:
            return
        written = self._written.pop(ref, b"" if is_first else None)
        for attempt in range(_TRIES):
            is_known = attempt == 0 and written is not None
            kept = _KeptText(written or b"", {}, ()) if is_known else await self._kept(ref)
            lines = [*kept.lines(), *(("", kind, text) for kind, text in wire)]
            is_unknown = "1" if kept.whole and _lines(kept.whole) is None else ""
            whole = packed(text_of(lines[-MOST_ENTRIES:]), Form.TIMELINE)
            known = [name for name, text in kept.apart.items() if _lines(text) is not None]
            args: list[str | bytes | int] = [_sha1(kept.whole), len(kept.rows), whole, is_unknown, *known]
            if at := await self._connection.run("tell", ref, self._kept_ms, *args):
                self._keep(ref, b"%s %s" % (at, whole))
                return
        raise StoreUnavailable("a case's timeline is written by others all the time")

    def _keep(self, ref: str, text: bytes) -> None:
        """Remember a text as it lies in Redis now: most looks that tell of a plan tell of its outcome soon after."""
        self._written[ref] = text
        if len(self._written) > _MOST_WRITTEN:
            self._written.popitem(last=False)

    async def read(self, ref: str, limit: int = MOST_ENTRIES) -> list[Entry]:
        """The last entries, oldest first; an UnreadableEntry stands for what this version cannot read."""
        return [told.entry for told in (await self._kept(ref)).told()[-limit:]]

    async def read_each(self, refs: Sequence[str]) -> list[list[Entry]]:
        """The entries of each of these cases, as `read` returns them, asked for together. Raises StoreUnavailable."""
        found: list[list[Entry]] = []
        for begin in range(0, len(refs), _READ_AT_ONCE):
            with passing_errors():
                async with self._connection.redis.pipeline(transaction=True) as pipe:
                    for ref in refs[begin : begin + _READ_AT_ONCE]:
                        _ask_for(pipe, ref)
                    answers = await pipe.execute()
            found += [
                [told.entry for told in _kept_text(*answers[at : at + _ANSWERS]).told()]
                for at in range(0, len(answers), _ANSWERS)
            ]
        return found

    async def since(self, ref: str, after: str = BEGINNING) -> AsyncIterator[TimelineEntry]:
        """Every entry after the one with this id, oldest first, up to now. Call again with the last id to go on."""
        for told in (await self._kept(ref)).told():
            if after == BEGINNING or place_of(told.id) > place_of(after):
                yield told

    async def now(self) -> str:
        """An id after every entry so far and before every later one, by Redis's own clock.

        What is told within one millisecond has the same time, so this one is waited out.
        """
        moment = await self._moment()
        while await self._moment() == moment:
            pass
        return f"{moment}-{_LAST_NUMBER}"

    async def _moment(self) -> int:
        """The time (ms) that an entry gets now."""
        seconds, micros = await self._connection.ask(self._connection.redis.time())
        return int(seconds) * 1000 + int(micros) // 1000

    async def _kept(self, ref: str) -> "_KeptText":
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                _ask_for(pipe, ref)
                return _kept_text(*await pipe.execute())


def _ask_for(pipe: Pipeline, ref: str) -> None:
    """Ask for all that is kept of a timeline: so many answers as `_ANSWERS` says."""
    pipe.get(TOLD + ref)
    pipe.hgetall(APART + ref)
    pipe.xrange(TIMELINE + ref)


def _kept_text(whole: bytes | None, apart: Mapping[bytes, bytes], rows: Sequence[_Row]) -> "_KeptText":
    return _KeptText(whole or b"", {name.decode(): text for name, text in apart.items()}, rows)


@dataclass(frozen=True, slots=True)
class _KeptText:
    """A timeline as it lies in Redis: its text, what was set apart, and what an earlier version told in a stream."""

    whole: bytes
    apart: Mapping[str, bytes]
    rows: Sequence[_Row]

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
        lines.append((entry_id.decode() or _id_now(told_at, last_id), kind.decode(errors="replace"), wire))
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


def text_of(lines: Iterable[Line]) -> bytes:
    """These entries as a text, oldest first."""
    texts: list[bytes] = []
    last_id, last_at = "", 0
    for entry_id, kind, wire in lines:
        found = _SHAPE.fullmatch(wire)
        at = _ms(found[1]) if found else 0
        members = _relative(found[2] or b"", at) if found else b""
        if found and _whole(members, at) == wire:
            is_together = bool(texts) and at == last_at and entry_id == _following(last_id)
            head = "." if is_together else f"{at - last_at} {_told_after(entry_id, at, last_id)} "
            texts.append(b"%s%s %s\n" % (head.encode(), kind.encode(), members))
            last_at = at
        else:
            texts.append(b"=%s %s %s\n" % (entry_id.encode(), kind.encode(), wire))
        last_id = entry_id
    return b"".join(texts)


def lines_of(text: bytes, told_at: int) -> list[Line]:
    """The entries of a text, oldest first; those without a time were told at this moment (ms)."""
    lines: list[Line] = []
    at = 0
    for each in text.splitlines():
        last_id = lines[-1][0] if lines else ""
        if each.startswith(b"="):
            name, kind, wire = each[1:].split(b" ", 2)
            entry_id = name.decode() or _id_now(told_at, last_id)
        elif each.startswith(b"."):
            kind, members = each[1:].split(b" ", 1)
            entry_id, wire = _following(last_id), _whole(members, at)
        else:
            later, told, kind, members = each.split(b" ", 3)
            at += int(later)
            entry_id, wire = _told_id(told.decode(), at, last_id, told_at), _whole(members, at)
        lines.append((entry_id, kind.decode(errors="replace"), wire))
    return lines


def id_at(moment: int, last_id: str) -> str:
    """The id of an entry of this moment (ms), after the one with that id; that is empty where there is none before."""
    last_moment, last_number = place_of(last_id)
    return f"{moment}-{last_number + 1 if last_id and last_moment == moment else 0}"


def _id_now(told_at: int, last_id: str) -> str:
    """The id of an entry that was told then: after the one before, whose server may have had a clock that was ahead."""
    return id_at(max(told_at, place_of(last_id)[0]), last_id)


def place_of(entry_id: str) -> tuple[int, int]:
    """Where an id stands among others: its time (ms) and its number."""
    moment, _, number = entry_id.partition("-")
    return int(moment or 0), int(number or 0)


def _following(entry_id: str) -> str:
    """The next id of the same time; what is told now stays without."""
    return id_at(place_of(entry_id)[0], entry_id) if entry_id else ""


def _told_after(entry_id: str, at: int, last_id: str) -> str:
    if not entry_id:
        return ""
    moment, number = place_of(entry_id)
    return f"{moment - at}" if entry_id == id_at(moment, last_id) else f"{moment - at}/{number}"


def _told_id(told: str, at: int, last_id: str, told_at: int) -> str:
    if not told:
        return _id_now(told_at, last_id)
    after, _, number = told.partition("/")
    moment = at + int(after)
    return f"{moment}-{number}" if number else id_at(moment, last_id)


def _relative(members: bytes, at: int) -> bytes:
    return _TIME.sub(lambda found: b'"%s":%d' % (found[1], _ms(found[2]) - at), members)


def _whole(members: bytes, at: int) -> bytes:
    others = _LATER.sub(lambda found: b'"%s":%s' % (found[1], _seconds(at + int(found[2]))), members)
    return b'{"at":%s%s}' % (_seconds(at), b"," + others if others else b"")


def _ms(seconds: bytes) -> int:
    return round(float(seconds) * 1000)


def _seconds(ms: int) -> bytes:
    return repr(ms / 1000).encode()
