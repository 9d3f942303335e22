"""Sealed names of people are taken out of lines of the audit, and the chain stays whole: no proof counts them.

A line of a stream cannot be changed. So the trail is copied, without these names, and the copy takes its place in one
step, if no line came or went meanwhile; otherwise what came is copied, too. A command that dies leaves the trail as it
was, and a copy that Redis deletes after an hour. The copy takes as much room as the trail.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redis.exceptions import WatchError

from remediation.domain.errors import StoreUnavailable
from remediation.store.audit.chain import Line, line_in
from remediation.store.keys import AUDIT_COPY, AUDIT_TRAIL, SHREDDED
from remediation.store.server.connection import Connection, passing_errors

_AT_ONCE = 500
_COPY_MS = 3_600_000
_TRIES = 50
"""How often what came meanwhile is copied, or the trail anew where lines were deleted."""


@dataclass(slots=True)
class LinesAbout:
    """What the trail has of some cases: lines, those with sealed names, the last of all, and the tickets they name.

    `last_at` is in Unix seconds. A ticket is a tracker's name and a key.
    """

    lines: int = 0
    with_names: int = 0
    last_at: float | None = None
    tickets: set[tuple[str, str]] = field(default_factory=set)

    def take(self, line: Line) -> None:
        """A line about one of the cases."""
        self.lines += 1
        self.with_names += bool(line.sealed)
        self.last_at = max(self.last_at or 0.0, line.entry.at / 1000)
        for did in line.entry.did:
            tracker = did.action.split(":")[1] if did.action.count(":") else ""
            if did.ticket and tracker:
                self.tickets.add((tracker, did.ticket))


class AuditNames:
    """Finds and deletes sealed names. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lines_about(self, is_meant: Callable[[str], bool]) -> LinesAbout:
        """What the trail has of the cases whose reference is meant. Reads all of it."""
        found, after = LinesAbout(), ""
        while rows := await self._rows(after):
            for place, kept in rows:
                line = _line(place, kept)
                if line is not None and is_meant(line.entry.case):
                    found.take(line)
            after = rows[-1][0]
        return found

    async def delete(self, is_meant: Callable[[str], bool]) -> int:
        """Take the sealed names out of the lines about these cases. Returns out of how many lines.

        Raises StoreRefuses where our user may not RENAME.
        """
        copy = _Copy()
        for _ in range(_TRIES):
            has_gone_on = await self._go_on(copy, is_meant)
            if not copy.count:
                await self._connection.ask(self._connection.redis.delete(AUDIT_COPY))
                return 0
            if await self._swap():
                return copy.count
            if not has_gone_on:  # lines were deleted meanwhile, or another command's copy was in the way
                copy = _Copy()
        raise StoreUnavailable("the audit is written by others all the time")

    async def _swap(self) -> bool:
        """Put the copy in the trail's place, in one step. False: the trail has other lines, or some came just now."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                await pipe.watch(AUDIT_TRAIL, AUDIT_COPY)
                if await _ends(pipe, AUDIT_TRAIL) != await _ends(pipe, AUDIT_COPY):
                    return False
                pipe.multi()  # type: ignore[no-untyped-call]  # redis-py gives it no types
                pipe.persist(AUDIT_COPY)
                pipe.rename(AUDIT_COPY, AUDIT_TRAIL)
                pipe.hincrby(SHREDDED, "count", 1)
                try:
                    await pipe.execute()
                except WatchError:
                    return False
        return True

    async def _go_on(self, copy: "_Copy", is_meant: Callable[[str], bool]) -> bool:
        """Copy the lines that follow those of the copy. Whether there were any, and nothing was in the way."""
        has_gone_on = False
        while rows := await self._rows(copy.last):
            kept = [_without_names(place, line, is_meant) for place, line in rows]
            parts = [part for (place, _), line in zip(rows, kept, strict=True) for part in (place, line)]
            if not await self._connection.run("copy_audit", _COPY_MS, copy.last, *parts):
                return False
            copy.count += sum(new != old for new, (_, old) in zip(kept, rows, strict=True))
            copy.last, has_gone_on = rows[-1][0], True
        return has_gone_on

    async def _rows(self, after: str) -> Sequence[tuple[str, bytes]]:
        begin = f"({after}" if after else "-"
        rows = await self._connection.ask(self._connection.redis.xrange(AUDIT_TRAIL, min=begin, count=_AT_ONCE))
        return [(name.decode(), fields.get(b"l", b"")) for name, fields in rows]


async def _ends(pipe: Any, stream: str) -> tuple[int, bytes, bytes]:
    """How many lines a stream has, and which are its first and last: lines are only added behind and deleted before."""
    first, last = await pipe.xrange(stream, count=1), await pipe.xrevrange(stream, count=1)
    return await pipe.xlen(stream), *(rows[0][0] if rows else b"" for rows in (first, last))


@dataclass(slots=True)
class _Copy:
    """How far the trail is copied: up to which place, and out of how many lines names were taken."""

    last: str = ""
    count: int = 0


def _line(place: str, kept: bytes) -> Line | None:
    try:
        return line_in(place, kept)
    except ValueError:
        return None


def _without_names(place: str, kept: bytes, is_meant: Callable[[str], bool]) -> bytes:
    line = _line(place, kept)
    if line is None or not line.sealed or not is_meant(line.entry.case):
        return kept
    return replace(line, sealed=b"").kept
