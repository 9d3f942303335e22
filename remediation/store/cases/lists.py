"""The lists of cases, by page: newest change first, of all cases or of some.

The scripts that change a case keep it on its list (lua/case_lists.lua), together with what they change: all of it is
done, or nothing. A case is on one list, with all that agree with it in what can be asked for; a page is merged from the
lists that fit. So what it costs follows how many lists there are; each costs the logarithm of how many cases it has.

A change is what a person would want to know: that something else is remembered, a ticket linked, an action parked, a
look put off. A mark, and a look that finds all as it was, are none.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseRecord, Memory, key_of_ref
from remediation.store.cases.list_names import CaseState, KnownLists, ListPart, told_by
from remediation.store.cases.rows import memory_digest, record_of
from remediation.store.keys import CASE, CASE_LISTS_USED, CASES_LISTED
from remediation.store.server.connection import Connection

_CURSOR = re.compile(r"(\d{1,16})/(\S{1,256})")
_PARTS_OF_A_CASE = 3
_TOO_MANY_LISTS, _OTHER_LISTS = -1, -2
_LISTS_AT_ONCE = 200
"""Lists of which one call merges a page: a few milliseconds, during which Redis does nothing else."""

_MORE_LISTS_AT_ONCE = 500
"""The same where the page is full already, so that most lists have nothing for it."""

_NO_NAME = "-"
"""Called so is no district."""

_WALKED_SHARE = 8
"""The lists are walked from the one that was used last on where at least one in so many of them fits."""

_TRIES = 4
"""How often a page is read again because a list came meanwhile."""

_COUNTED_AT_ONCE = 500
_KEYS_AT_ONCE = 1_000
"""Keys of any kind that one step goes through."""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are asked for; None takes any. `tracker` is one in which the case has a ticket.

    `severity` and `rule` are those that the case remembers: of one that no look has come to the end of, there is none.
    Of the districts that `districts` leaves out there is no case, whatever else is asked for. The case changed at
    `changed_from` or later, and before `changed_until` (Unix seconds).
    """

    district: str | None = None
    state: CaseState | None = None
    severity: str | None = None
    rule: str | None = None
    tracker: str | None = None
    districts: frozenset[str] | None = None
    changed_from: float | None = None
    changed_until: float | None = None

    @property
    def parts(self) -> dict[ListPart, frozenset[str]]:
        """What the name of a list must tell, where its cases are asked for: one of these words of each part."""
        words = (self.district, self.state, self.severity, self.rule, self.tracker)
        asked = {part: frozenset({str(word)}) for part, word in zip(ListPart, words, strict=True) if word}
        if self.districts is not None:
            asked[ListPart.DISTRICT] = asked.get(ListPart.DISTRICT, self.districts) & self.districts
        return asked

    @property
    def until_ms(self) -> int | None:
        """Before when (ms) a case changed; None for any time."""
        return None if self.changed_until is None else math.ceil(self.changed_until * 1000)

    @property
    def floor_ms(self) -> int | None:
        """From when (ms) on a case changed; None for any time."""
        return None if self.changed_from is None else math.ceil(self.changed_from * 1000)

    def start(self, after: "ListCursor | None") -> "ListCursor | None":
        """Where a page begins that goes on after a case; None at the newest change."""
        if self.until_ms is None or (after is not None and after.at < self.until_ms):
            return after
        return ListCursor(self.until_ms, "")


@dataclass(frozen=True, slots=True)
class ListCursor:
    """The case after which a page begins: when it changed last (ms), and its reference. It may be gone."""

    at: int
    ref: str

    def __str__(self) -> str:
        return f"{self.at}/{self.ref}"

    @classmethod
    def parse(cls, text: str) -> "ListCursor":
        """A cursor as it was printed. Raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ValueError("not a cursor that a page ended with")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case as its list tells it. `changed_at` is in Unix seconds.

    `states` begin with one of dirty, put_off and at_rest. Severity and rule are empty where none is remembered.
    """

    ref: str
    changed_at: float
    district: str
    states: tuple[CaseState, ...]
    severity: str
    rule: str
    trackers: tuple[str, ...]

    @property
    def cursor(self) -> ListCursor:
        """Where a page begins that goes on after this case."""
        return ListCursor(round(self.changed_at * 1000), self.ref)


@dataclass(frozen=True, slots=True)
class CasePage:
    """Some cases. `cursor` is where the next page begins, None after the last one.

    `is_complete` is false as long as cases that an earlier version wrote may be missing.
    """

    cases: tuple[ListedCase, ...]
    cursor: ListCursor | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class ListedWords:
    """What at least one case has: the districts, rules and trackers that can be asked for."""

    districts: frozenset[str]
    rules: frozenset[str]
    trackers: frozenset[str]


class CaseLists:
    """The lists. Every method raises StoreUnavailable.

    One that is kept learns the names of the lists once, and those of new ones when it is asked.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = KnownLists(connection)

    async def page(self, wanted: CaseFilter, limit: int, after: ListCursor | None = None) -> CasePage:
        """At most `limit` cases, newest change first; of the same millisecond, the greater reference first.

        A case that changes meanwhile comes to the front: a reader that goes on does not see it again there.

        It is one step, unless so many lists must be read that Redis would do nothing else for long: then they are read
        some at a time, and a case that goes from one list to another meanwhile may be missing from the page.
        """
        # One more than asked for tells whether there is another page.
        is_complete, found = await self._found(_Asked(limit + 1, wanted.start(after), wanted))
        cases = tuple(found[:limit])
        last = cases[-1].cursor if len(found) > limit else None
        return CasePage(cases, last, is_complete)

    async def _found(self, asked: "_Asked") -> tuple[bool, list[ListedCase]]:
        """Whether all cases are listed, and the cases: of the lists that were used last, or of all that fit."""
        if self._known.is_read or asked.after is not None:
            await self._known.learn()
        if asked.after is None and self._is_walked(asked.wanted):
            answer = await self._connection.run("list_page", *asked.args())
            if answer[0] != _TOO_MANY_LISTS:
                return _read(answer)
            await self._known.learn()
        return await self._merged(asked)

    def _is_walked(self, wanted: CaseFilter) -> bool:
        """Whether the newest cases are found sooner among the lists that were used last than in all that fit."""
        if not self._known.is_read:
            return True
        fitting = len(self._known.fitting(wanted.parts))
        return fitting > _LISTS_AT_ONCE and fitting * _WALKED_SHARE >= len(self._known.names)

    async def _merged(self, asked: "_Asked") -> tuple[bool, list[ListedCase]]:
        """Whether all cases are listed, and the cases, from the lists that fit."""
        for _ in range(_TRIES):
            fitting = self._known.fitting(asked.wanted.parts)
            if len(fitting) > _LISTS_AT_ONCE:
                break
            answer = await self._connection.run("list_page", *asked.args(), self._known.given, ",".join(fitting))
            if answer[0] != _OTHER_LISTS:
                is_complete, cases = _read(answer)
                if all(_fits(asked.wanted.parts, case) for case in cases):
                    return is_complete, cases
                self._known.forget()
            await self._known.learn()
        return await self._merged_by_parts(asked)

    async def _merged_by_parts(self, asked: "_Asked") -> tuple[bool, list[ListedCase]]:
        """The same from some lists at a time; each is read no farther than the page so far."""
        newest: dict[str, ListedCase] = {}
        is_complete, parts, floor = await self._is_complete(), asked.wanted.parts, asked.wanted.floor_ms
        fitting = self._known.fitting(parts)
        for numbers in _groups(fitting):
            _, cases = _read(await self._connection.run("list_page", *asked.args(floor), "", ",".join(numbers)))
            # Of one that went to another list, the later word counts.
            found = newest | {case.ref: case for case in cases if _fits(parts, case)}
            in_order = sorted(found.values(), key=lambda case: (case.changed_at, case.ref.encode()), reverse=True)
            newest = {case.ref: case for case in in_order[: asked.count]}
            if len(newest) == asked.count:
                floor = in_order[asked.count - 1].cursor.at
        return is_complete, list(newest.values())

    async def _is_complete(self) -> bool:
        return bool(await self._connection.ask(self._connection.redis.hexists(CASES_LISTED, "done_at")))

    async def latest_change_ms(self) -> int:
        """When (ms) a case was last put onto a list because something of it is new; 0 for never. Costs one command."""
        latest = await self._connection.ask(self._connection.redis.zrevrange(CASE_LISTS_USED, 0, 0, withscores=True))
        return int(latest[0][1]) if latest else 0

    async def count(self, wanted: CaseFilter, most: int | None = None) -> int:
        """How many cases there are. Its cost follows how many lists fit.

        Where there are more than `most`, it is some number above that: no more lists are read than it takes to know.
        """
        await self._known.learn()
        fitting, count = self._known.fitting(wanted.parts), 0
        bounds = ["" if each is None else each for each in (wanted.floor_ms, wanted.until_ms)]
        for some in _joined(fitting):
            count += await self._connection.run("count_cases", *bounds, "" if most is None else most - count, some)
            if most is not None and count > most:
                break
        return count

    async def named(self) -> list[tuple[int, ListedCase]]:
        """The number of each list, and what it tells of its cases."""
        await self._known.learn()
        return [(int(number), _case(["", "0", name])) for number, name in self._known.names.items()]

    async def sizes(self, numbers: Sequence[int]) -> list[int]:
        """How many cases each of the lists with these numbers has."""
        return [size for some in _joined(numbers) for size in await self._connection.run("list_sizes", some)]

    async def records(self, refs: Sequence[str]) -> dict[str, CaseRecord]:
        """What is kept of each of these cases; one whose row is gone, or that this version cannot read, is left out."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.hgetall(CASE + ref)
        rows = await self._connection.ask(asked.execute()) if refs else []
        found = {ref: _readable_record(ref, row) for ref, row in zip(refs, rows, strict=True)}
        return {ref: record for ref, record in found.items() if record is not None}

    async def words(self, districts: frozenset[str] | None = None) -> ListedWords:
        """The words of all lists, or of those of some districts."""
        await self._known.learn()
        told = self._known.words(CaseFilter(districts=districts).parts)
        return ListedWords(told[ListPart.DISTRICT], told[ListPart.RULE], told[ListPart.TRACKER])


async def with_rows(connection: Connection, refs: Collection[str]) -> frozenset[str]:
    """Those of the references that the store has a row of: a case's, or that of a finding that belongs to one."""
    if not refs:
        return frozenset()
    asked = connection.redis.pipeline(transaction=False)
    for ref in refs:
        asked.exists(CASE + ref)
    found = await connection.ask(asked.execute())
    return frozenset(ref for ref, is_there in zip(refs, found, strict=True) if is_there)


async def homes_of(connection: Connection, refs: Sequence[str]) -> Mapping[str, CaseKey]:
    """The case to which each of these findings belongs, where the store says so, by the reference of its own case."""
    asked = connection.redis.pipeline(transaction=False)
    for ref in refs:
        asked.hget(CASE + ref, "home")
    found = await connection.ask(asked.execute()) if refs else []
    named = {ref: key_of_ref(home.decode()) for ref, home in zip(refs, found, strict=True) if home}
    return {ref: key for ref, key in named.items() if key is not None}


def _readable_record(ref: str, row: Mapping[bytes, bytes]) -> CaseRecord | None:
    """A row, read; None for one that is no case's, or that this version cannot read."""
    try:
        return record_of(ref, {name.decode(): value for name, value in row.items()})
    except (KeyError, ValueError):
        return None


def _groups(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    """The lists of each call."""
    yield numbers[:_LISTS_AT_ONCE]
    for at in range(_LISTS_AT_ONCE, len(numbers), _MORE_LISTS_AT_ONCE):
        yield numbers[at : at + _MORE_LISTS_AT_ONCE]


def _joined(numbers: Sequence[str] | Sequence[int]) -> Iterator[str]:
    """The lists of each call that counts, as the scripts take them."""
    for at in range(0, len(numbers), _COUNTED_AT_ONCE):
        yield ",".join(map(str, numbers[at : at + _COUNTED_AT_ONCE]))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A page as the script is asked for it: how many cases, behind which one, and which are wanted."""

    count: int
    after: ListCursor | None
    wanted: CaseFilter

    def args(self, floor_ms: int | None = None) -> tuple[str | int, ...]:
        """The arguments for the script. `floor_ms`: cases that changed before are on no page."""
        floor = self.wanted.floor_ms if floor_ms is None else floor_ms
        place = ("", "") if self.after is None else (self.after.at, self.after.ref)
        asked = self.wanted.parts
        words = [",".join(sorted(asked[part])) or _NO_NAME if part in asked else "" for part in ListPart]
        return (self.count, *place, "" if floor is None else floor, *words)


def _case(parts: Sequence[str]) -> ListedCase:
    ref, at, name = parts
    return ListedCase(ref, int(at) / 1000, *told_by(name))


def _read(answer: Sequence[Any]) -> tuple[bool, list[ListedCase]]:
    """Whether all cases are listed, and those of a page."""
    words = [part.decode() for part in answer[1:]]
    found = [_case(words[at : at + _PARTS_OF_A_CASE]) for at in range(0, len(words), _PARTS_OF_A_CASE)]
    return bool(answer[0]), found


def _fits(asked: Mapping[ListPart, frozenset[str]], case: ListedCase) -> bool:
    """Whether the case is asked for. The number of its list may be one that another store gave to other cases."""
    told: Mapping[ListPart, Collection[str]] = {
        ListPart.DISTRICT: (case.district,),
        ListPart.STATE: case.states,
        ListPart.SEVERITY: (case.severity,),
        ListPart.RULE: (case.rule,),
        ListPart.TRACKER: case.trackers,
    }
    return all(not words.isdisjoint(told[part]) for part, words in asked.items())


def facts_of(memory: Memory, *, is_news: bool) -> str:
    """What a memory says for the lists, as the scripts take it; `is_news`: the case has changed."""
    conflict = "c" if memory.conflict_at else ""
    is_open = memory.finding is not None and memory.finding.is_unsolved
    return f"{'1' if is_news else '0'}|{conflict}|{memory.severity or ''}|{memory.rule}|{'o' if is_open else ''}"


class UnlistedCases:
    """Cases that an earlier version wrote, which are on no list: found once, and listed.

    The work goes on where it was left, by whichever worker, and ends with a note that nothing is left. A case that
    changes meanwhile is listed by the script that changes it. The store is gone through key by key, so our user needs
    SCAN for it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_some(self, now: float, keys: int = _KEYS_AT_ONCE) -> bool:
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
        """The reference of each case, what its memory says, and a digest of this memory."""
        asked = self._connection.redis.pipeline(transaction=False)
        for key in keys:
            asked.hgetall(key.decode())
        rows = await self._connection.ask(asked.execute()) if keys else []
        refs = [key.decode().removeprefix(CASE) for key in keys]
        parts: list[str] = []
        for ref, row in zip(refs, rows, strict=True):
            if record := _readable_record(ref, row):
                parts += (ref, facts_of(record.memory, is_news=True), memory_digest(row))
        return parts
