"""How long cases are kept: one that came to its end long enough ago is deleted with all that is kept of it.

Cases are looked through list by list (see lists.py), some at a time, from where the last step ended, and each of them
once a day. What lives has no lifetime. A case is deleted by one script, together with the line of the audit that says
so; whatever is heard of it later makes a new one, which finds its earlier tickets by their marks.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import Forgotten, ForgottenCause, forgotten
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseLists, ListedCase
from remediation.store.cases.rows import record_of
from remediation.store.keys import CASE, CASE_LIST, FORGETTING
from remediation.store.server.connection import Connection

STEP = 200
"""Cases that are looked at in one step: some milliseconds of Redis and of the worker."""

_AT_ONCE = 100
"""Rows that one script deletes, 50 to 100 µs each; more only where so many findings belong to one case."""

_PASS_SECONDS = 86_400.0
"""Seconds between the ends of two passes through all cases."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A case as it was read, with its generation then."""

    ref: str
    generation: str
    record: CaseRecord

    @property
    def members(self) -> list[str]:
        """The references of the own cases of its findings."""
        key = self.record.key
        return [CaseKey(key.district, key.kind, name).ref for name in sorted(self.record.members)]

    @property
    def note(self) -> str | None:
        """What is to be noted of its end: '1' that it came to it, '' that it did not; None where nothing is."""
        if self.record.ended is None:
            return "1" if self.record.memory.is_over else None
        return None if self.record.memory.is_over else ""


class CaseRetention:
    """Deletes cases. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection, audit: AuditKeys) -> None:
        self._connection = connection
        self._audit = audit

    async def forget(self, kept: timedelta, now: float, steps: int) -> Mapping[str, int]:
        """Look at some more cases, and delete those that came to their end so long before `now` (Unix seconds).

        Returns how many were deleted, by district. A case of an earlier version counts from when it is first looked at
        here. Nothing is done within a day after all were looked at.
        """
        deleted: Counter[str] = Counter()
        number, place, last = await self._reached()
        if number is None and last is not None and 0 <= now - last < _PASS_SECONDS:
            return deleted
        for each, case in await self._lists(number or 0):
            place = place if each == number else 0
            while True:
                if not steps:
                    return deleted
                steps -= 1
                refs = await self._page(each, place)
                gone = await self._look_at(refs, kept, now)
                deleted[case.district] += gone
                place += len(refs) - gone
                await self._stay(each, place)
                if len(refs) < STEP:
                    break
        await self._end(now)
        return deleted

    async def _reached(self) -> tuple[int | None, int, float | None]:
        """The list and the place where the next step begins, if a pass is under way, and when the last one ended."""
        asked = self._connection.redis.hmget(FORGETTING, ["list", "place", "cases_at"])
        number, place, last = await self._connection.ask(asked)
        return (None if number is None else int(number)), int(place or 0), (None if last is None else int(last) / 1000)

    async def _lists(self, first: int) -> list[tuple[int, ListedCase]]:
        """The lists of cases at rest, by number, from this one on; each with what it tells of its cases.

        A case that goes from one list to another meanwhile is looked at by this pass or the next one.
        """
        named = await CaseLists(self._connection).named()
        at_rest = ((number, case) for number, case in named if CaseState.AT_REST in case.states)
        return sorted(
            ((number, case) for number, case in at_rest if number >= first and CaseState.PARKED not in case.states),
            key=lambda pair: pair[0],
        )

    async def _page(self, number: int, place: int) -> list[str]:
        found = await self._connection.ask(
            self._connection.redis.zrange(f"{CASE_LIST}{number}", place, place + STEP - 1)
        )
        return [ref.decode() for ref in found]

    async def _look_at(self, refs: Sequence[str], kept: timedelta, now: float) -> int:
        """Look at the cases of a page. Returns how many were deleted."""
        until = now - kept.total_seconds()
        read = await self._read(await self._to_read(refs, until)) if refs else []
        due = [each for each in read if each.record.is_at_its_end and _is_over_by(each.record.ended, until)]
        deleted = sum([await self._delete(some, now) for some in _batches(due)])
        await self._note_ends(read, now)  # afterwards: a Redis that is full takes no notes, and deletes
        return deleted

    async def _to_read(self, refs: Sequence[str], until: float) -> list[str]:
        """Those of the cases whose rows must be read: their end is not known, or was long enough ago."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.hget(CASE + ref, "ended")
        ends = await self._connection.ask(asked.execute())
        return [ref for ref, end in zip(refs, ends, strict=True) if end is None or int(end) <= until]

    async def _read(self, refs: Sequence[str]) -> list[_Read]:
        """The cases, without those that this version cannot read."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.hgetall(CASE + ref)
        rows = await self._connection.ask(asked.execute()) if refs else []
        return [found for ref, row in zip(refs, rows, strict=True) if (found := _read_case(ref, row)) is not None]

    async def _note_ends(self, read: Sequence[_Read], now: float) -> None:
        parts = [part for each in read if (note := each.note) is not None for part in (each.ref, each.generation, note)]
        if parts:
            await self._connection.run("note_ends", int(now * 1000), *parts)

    async def _delete(self, cases: Sequence[_Read], now: float) -> int:
        """Delete these cases, less those that were marked since: the line of the audit has to say how many that are."""
        district = cases[0].record.key.district
        latest = max(each.record.ended or 0.0 for each in cases)
        parts: list[str | int] = []
        for each in cases:
            named = sum(each.record.members.values())
            parts += [each.ref, each.generation, named, len(each.members), *each.members]
        told, left = -1, len(cases)
        while told != left:
            told, line = left, self._line(district, left, now)
            left = int(await self._connection.run("forget_cases", int(latest * 1000), told, line, *parts))
        return told

    def _line(self, district: str, count: int, now: float) -> bytes:
        entry = forgotten(Forgotten.CASES, district, count, ForgottenCause.AGE, now)
        return waiting(entry, self._audit) if count else b""

    async def _stay(self, number: int, place: int) -> None:
        await self._connection.ask(self._connection.redis.hset(FORGETTING, mapping={"list": number, "place": place}))

    async def _end(self, now: float) -> None:
        redis = self._connection.redis
        await self._connection.ask(redis.hset(FORGETTING, "cases_at", str(int(now * 1000))))
        await self._connection.ask(redis.hdel(FORGETTING, "list", "place"))


def _is_over_by(ended: float | None, until: float) -> bool:
    return ended is not None and ended <= until


def _read_case(ref: str, row: Mapping[bytes, bytes]) -> _Read | None:
    """A case as it was read; None where the row is gone, or this version cannot read it."""
    try:
        record = record_of(ref, {name.decode(): value for name, value in row.items()})
    except (KeyError, ValueError):
        return None
    return _Read(ref, row.get(b"gen", b"").decode(), record)


def _batches(cases: Sequence[_Read]) -> Iterator[Sequence[_Read]]:
    """The cases in pieces that one script deletes."""
    some: list[_Read] = []
    rows = 0
    for case in cases:
        if some and rows + 1 + len(case.members) > _AT_ONCE:
            yield some
            some, rows = [], 0
        some.append(case)
        rows += 1 + len(case.members)
    if some:
        yield some
