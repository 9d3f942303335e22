"""The audit in Redis: lines are noted, chained shortly afterwards, read, and deleted when their time is over.

Lua knows no HMAC, and a look must not wait for one more answer of Redis. So a line is added by the same script that
carries out what it says, and waits; whoever chains reads what waits and the head, works out the lines, and adds them if
the head is still the same. It does not matter who chains, nor how many do at once, nor where one dies: a line waits, or
is in the trail, and a script that was repeated finds another head.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from remediation.domain.errors import StoreUnavailable
from remediation.sealing import Keyring
from remediation.store.audit.chain import (
    NO_PROOF,
    AuditKeys,
    Chained,
    Head,
    Line,
    beginning,
    chained,
    head_in,
    is_ours,
    is_waiting_for_another,
    line_in,
    place_in,
    place_text,
    trimmed,
    waiting,
)
from remediation.store.audit.entries import AuditAct, AuditEntry, Beginning
from remediation.store.audit.standing import AuditWaits, audit_waits, note_bends, noted_bends, signing_keys
from remediation.store.audit.verifying import BendKind, Verdict, Verifier
from remediation.store.audit.written_out import WrittenOut
from remediation.store.keys import AUDIT, AUDIT_TRAIL, AUDIT_WAITING, AUDIT_WRITTEN
from remediation.store.server.connection import Connection

KEPT = timedelta(days=400)
"""How long a line is kept, unless somebody says otherwise: a school year, and its audit."""

BENDS_WHILE_CHAINING = (
    *(BendKind.END_CUT, BendKind.DELETED, BendKind.HEAD_BEHIND),
    *(BendKind.BROKEN_OFF, BendKind.WIPED),
)
"""What whoever chains may meet, as it looks at the end of the trail only."""

_AT_ONCE = 200
"""Lines that are chained by one script: their texts are in one command."""

_READ_AT_ONCE = 1_000
_TRIES = 50
"""How often lines are worked out again because somebody else was quicker."""

_NOTED_MS = 3_600_000
_WAITS_FOR_KEY_MS = 600_000
"""How long what is signed with a data key that is not known here waits for a process that knows it: keys are given to
all processes before one of them signs, so a restart of all is over by then."""

_FIRST = "0-0"


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the trail as it is now: the head as it was kept, the last place, and whether there are cases."""

    kept: bytes
    last: str
    in_use: bool


@dataclass(frozen=True, slots=True)
class ChainNews:
    """What chaining did and found: lines added, why chains were begun, and bends at the end of the trail.

    `lost` is by how many lines the end was set back, as far as this process knows.
    """

    added: int = 0
    begun: tuple[Beginning, ...] = ()
    bends: tuple[BendKind, ...] = ()
    lost: int = 0


@dataclass(frozen=True, slots=True)
class AuditGlance:
    """The end of the trail, and what waits: `last` is the place of the last line, empty where there is none.

    `ends_well`: the head is ours and names that line. `bends` are the kinds of bends that whoever chained met lately,
    with when (Unix seconds) last. `unknown_keys` are ids of data keys that are not known here and have signed lines:
    nobody can prove these without them.
    """

    last: str
    ends_well: bool
    waits: AuditWaits
    bends: Mapping[str, float] = field(default_factory=dict)
    unknown_keys: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Remembered:
    """What this process knows of the trail.

    `head` is the latest head that it has seen: where an earlier one is found, somebody has put that in its place.
    `bent` is the end that it has found bent: it tells of that once. `rules` is the digest of mappings.yaml that it has
    noted.
    """

    head: Head | None = None
    bent: _End | None = None
    rules: str = ""


class AuditTrail:
    """The audit of one installation. `keys` sign and verify it."""

    def __init__(self, connection: Connection, keys: AuditKeys) -> None:
        self._connection = connection
        self.keys = keys
        self._remembered = _Remembered()

    @classmethod
    def sealed_by(cls, connection: Connection, keyring: Keyring) -> "AuditTrail":
        """The audit under these data keys."""
        return cls(connection, AuditKeys(keyring))

    async def note(self, entries: Sequence[AuditEntry], now: float) -> None:
        """Write the entries down, all or none and each once, and chain them. `now` is in Unix seconds.

        Returns once they are in Redis; whoever chains next chains what was left by an error. Raises StoreUnavailable.
        """
        lines = [waiting(entry, self.keys) for entry in entries]
        await self._connection.run("note_audit", entries[0].id, _NOTED_MS, *lines)
        await self.chain(now)

    async def note_rules(self, digest: str, now: float) -> None:
        """Note which mappings.yaml this process uses, by its digest, where the last one that was noted is another."""
        if digest and digest != self._remembered.rules:
            entry = AuditEntry(AuditAct.RULES, int(now * 1000), rules=digest)
            await self._connection.run("note_rules", digest, waiting(entry, self.keys), int(now * 1000))
            self._remembered.rules = digest

    async def chain(self, now: float) -> ChainNews:
        """Chain all that waits. Returns what this call did and found. Raises StoreUnavailable."""
        news = await self._chain(int(now * 1000))
        await note_bends(self._connection, news.bends, now)
        return news

    async def _chain(self, at: int) -> ChainNews:
        news = ChainNews()
        for _ in range(_TRIES):
            known = self._remembered.head  # before the end is read, which others of this process go on from, too
            end = await self._end()
            waits = await self._waiting()
            head = self._head(end, is_urgent=bool(waits) and _is_old(waits[0][0], at))
            if isinstance(head, Beginning):
                news = await self._begin(end, head, at, news)
                continue
            if head is not None:
                news = await self._looked_at(news, end, head, known)
            waits = self._ready(waits, at)
            if head is None or not waits:
                return news
            following = chained(head, [kept for _, kept in waits], self.keys, at)
            answer = await self._add(end.kept, following, until=waits[-1][0])
            news = replace(news, added=news.added + (len(waits) if answer == 1 else 0))
            if answer == _BLOCKED:
                news = await self._begin(end, Beginning.BLOCKED, at, news)
        if news.added:
            return news
        raise StoreUnavailable("the audit is written by others all the time")

    async def trim(self, before: float, now: float) -> int:
        """Delete the lines from before a moment (Unix seconds), and chain a line that says so. Returns how many.

        The line proves where the trail begins. The last line always stays.
        """
        await self.chain(now)
        end = await self._end()
        first, proof, count = None, NO_PROOF, 0
        async for line in self.lines():
            if line.entry.at >= before * 1000 or line.place == end.last:
                first = line
                break
            proof, count = line.proof, count + 1
        head = self._head(end, is_urgent=False)
        if not count or first is None or not isinstance(head, Head):
            return 0
        if first.number == 1:
            proof = NO_PROOF
        answer = await self._add(end.kept, trimmed(head, first, proof, int(now * 1000), self.keys), first=first.place)
        return count if answer == 1 else 0

    async def lines(self, after: str = _FIRST) -> AsyncIterator[Line]:
        """The lines after a place, oldest first, up to now. What cannot be read is passed over."""
        async for _, line in self.places(after):
            if line is not None:
                yield line

    async def places(self, after: str = _FIRST) -> AsyncIterator[tuple[str, Line | None]]:
        """The places after this one, oldest first, with their lines: None where this version cannot read it."""
        while True:
            begin = _next_of(after)
            rows = await self._connection.ask(
                self._connection.redis.xrange(AUDIT_TRAIL, min=begin, count=_READ_AT_ONCE)
            )
            for name, fields in rows:
                after = name.decode()
                yield after, _line(after, fields)
            if len(rows) < _READ_AT_ONCE:
                return

    async def latest(
        self, place: str = "", at_once: int = _READ_AT_ONCE, first: int | None = None
    ) -> AsyncIterator[Line]:
        """The lines before a place, or all, newest first, read `at_once`, or of these so many `first`.

        What cannot be read is passed over.
        """
        before, count = _before(place) if place else "+", first or at_once
        while True:
            rows = await self._connection.ask(self._connection.redis.xrevrange(AUDIT_TRAIL, max=before, count=count))
            for name, fields in rows:
                if line := _line(name.decode(), fields):
                    yield line
            if len(rows) < count or (before := _before(rows[-1][0].decode())) == _FIRST:
                return
            count = at_once

    async def verify(self, told: WrittenOut | None = None) -> Verdict:
        """What can be proven of the trail. `told` are proofs of lines as they were written out.

        What others add meanwhile is part of it; where that looks like a bend, a second look decides.
        """
        verdict = await self._verify(told)
        return verdict if verdict.is_whole else await self._verify(told)

    async def glance(self) -> AuditGlance:
        """What can be said without reading the trail. Raises StoreUnavailable."""
        waits, end, bends = await asyncio.gather(
            audit_waits(self._connection), self._end(), noted_bends(self._connection)
        )
        head = self._head_found(end, is_empty=not end.last)
        place = place_text((head.chain, head.number)) if isinstance(head, Head) else None
        if isinstance(head, BendKind) and not end.kept and not end.last:
            head, place = None, None  # nothing was chained yet, or all is deleted: the next chain says so
        signing = await signing_keys(self._connection, place_in(end.last)) if end.last else set()
        unknown = frozenset(key for key in signing if not self.keys.knows(key))
        ends_well = head is None or place == end.last
        return AuditGlance(end.last, ends_well, waits, bends, unknown)

    async def written(self, where: str) -> str:
        """The place of the last line that was written out there."""
        place = await self._connection.ask(self._connection.redis.hget(AUDIT_WRITTEN, where))
        return place.decode() if place else _FIRST

    async def note_written(self, where: str, place: str) -> None:
        """Note that the lines up to this place were written out there."""
        await self._connection.ask(self._connection.redis.hset(AUDIT_WRITTEN, where, place))

    async def _verify(self, told: WrittenOut | None) -> Verdict:
        verifier, is_empty = Verifier(self.keys, told), True
        async for place, line in self.places():
            is_empty = False
            if line is None:
                verifier.take_unreadable(*place_in(place))
            else:
                verifier.take(line)
        end = await self._end()
        return verifier.verdict(self._head_found(end, is_empty=is_empty))

    async def _begin(self, end: _End, why: Beginning, now: int, news: ChainNews) -> ChainNews:
        """Begin a new chain. The stream of an earlier version, to which nothing is added any more, gets an end."""
        bends = tuple(self._broken(why))
        if await self._add(end.kept, beginning(why, end.last, now, self.keys)) != 1:
            return news
        await self._connection.ask(self._connection.redis.expire(AUDIT, KEPT))
        return replace(news, begun=(*news.begun, why), bends=(*news.bends, *bends))

    def _broken(self, why: Beginning) -> Iterator[BendKind]:
        """What is bent where a new chain begins. A Redis that was used before may be of a version without a trail."""
        if why not in {Beginning.EMPTY, Beginning.IN_USE}:
            yield BendKind.BROKEN_OFF
        elif self._remembered.head is not None:
            yield BendKind.WIPED

    async def _looked_at(self, news: ChainNews, end: _End, head: Head, known: Head | None) -> ChainNews:
        """The news, with how the end of the trail is bent: its head is set back, or is not of its last line."""
        latest, place = self._remembered.head, (head.chain, head.number)
        is_back = known is not None and place < (known.chain, known.number)
        if is_back or latest is None or place > (latest.chain, latest.number):
            self._remembered.head = head
        if known is not None and is_back:
            lost = known.number - head.number if known.chain == head.chain else 0
            kind = BendKind.END_CUT if lost else BendKind.WIPED
            news = replace(news, lost=news.lost + lost, bends=(*news.bends, kind))
        elif known is not None and head.chain > known.chain and await self._is_gone(known):
            news = replace(news, bends=(*news.bends, BendKind.WIPED))  # somebody who did not know it began anew
        if end.last == place_text(place) or end == self._remembered.bent:
            return news
        self._remembered.bent = end
        kind = BendKind.HEAD_BEHIND if end.last and place_in(end.last) > place else BendKind.END_CUT
        return replace(news, bends=(*news.bends, kind if end.last else BendKind.DELETED))

    async def _is_gone(self, head: Head) -> bool:
        """Whether the trail has no line any more that this was the head of."""
        place = place_text((head.chain, head.number))
        return not await self._connection.ask(self._connection.redis.xrange(AUDIT_TRAIL, min=place, max=place))

    def _head_found(self, end: _End, *, is_empty: bool) -> Head | BendKind | None:
        if not end.kept:
            return None if is_empty and not end.in_use else BendKind.HEAD_MISSING
        try:
            head = head_in(end.kept)
        except ValueError:
            return BendKind.HEAD_UNPROVEN
        is_proven = not self.keys.knows(head.key) or is_ours(end.kept, head, self.keys)
        return head if is_proven else BendKind.HEAD_UNPROVEN

    async def _end(self) -> _End:
        kept, last, in_use = await self._connection.run("audit_end")
        return _End(kept, last.decode(), bool(in_use))

    def _head(self, end: _End, *, is_urgent: bool) -> Head | Beginning | None:
        """The head to go on from, or why a new chain begins. None: another process knows its key, and goes on."""
        if not end.kept:
            if end.last:
                return Beginning.HEAD_MISSING
            return Beginning.IN_USE if end.in_use else Beginning.EMPTY
        try:
            head = head_in(end.kept)
        except ValueError:
            return Beginning.HEAD_UNPROVEN
        if not self.keys.knows(head.key):
            return Beginning.KEY_MISSING if is_urgent else None
        return head if is_ours(end.kept, head, self.keys) else Beginning.HEAD_UNPROVEN

    async def _waiting(self) -> list[tuple[str, bytes]]:
        rows = await self._connection.ask(self._connection.redis.xrange(AUDIT_WAITING, count=_AT_ONCE))
        return [(name.decode(), fields.get(b"l", b"")) for name, fields in rows]

    def _ready(self, waits: list[tuple[str, bytes]], now: int) -> list[tuple[str, bytes]]:
        """What of it can be chained: all before the first one whose key another process may know."""
        for number, (name, kept) in enumerate(waits):
            if is_waiting_for_another(kept, self.keys) and not _is_old(name, now):
                return waits[:number]
        return waits

    async def _add(self, head: bytes, following: Chained, *, until: str = "", first: str = "") -> int:
        lines = [part for line in following.lines for part in (line.place, line.kept)]
        kept = following.head.kept(self.keys)
        waits_from = _next_of(until) if until else ""
        answer = int(await self._connection.run("chain_audit", head, kept, waits_from, first, *lines))
        if answer == 1:
            self._remembered.head = following.head
        return answer


_BLOCKED = 2


def _line(place: str, fields: dict[bytes, bytes]) -> Line | None:
    try:
        return line_in(place, fields.get(b"l", b""))
    except ValueError:
        return None


def _is_old(name: str, now: int) -> bool:
    return int(name.partition("-")[0]) < now - _WAITS_FOR_KEY_MS


def _next_of(place: str) -> str:
    """The first place after this one."""
    chain, number = place_in(place)
    return place_text((chain, number + 1))


def _before(place: str) -> str:
    """The last place before this one, as far as a stream knows: an earlier chain has lower numbers at the end."""
    chain, number = place_in(place)
    return place_text((chain, number - 1) if number else (chain - 1, 2**64 - 1))
