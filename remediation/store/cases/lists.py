"""The lists of cases, by page: newest change first, of all cases or of some.

The scripts that change a case keep it on its list (lua/case_lists.lua), together with what they change: all of it is
done, or nothing. A case is on one list, with all that agree with it in what can be asked for; a page is merged from the
lists that fit. So what it costs follows how many lists there are; each costs the logarithm of how many cases it has.

A change is what a person would want to know: that something else is remembered, a ticket linked, an action parked, a
look put off. A mark, and a look that finds all as it was, are none.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseRecord, Memory, key_of_ref
from remediation.store.cases.rows import record_of
from remediation.store.keys import CASE, CASE_LIST, CASE_LISTS, CASE_LISTS_USED
from remediation.store.server.connection import Connection

_CURSOR = re.compile(r"(\d{1,16})/(\S{1,256})")
_PARTS_OF_A_CASE = 3
_NAMES_AT_ONCE = 1_000
_TOO_MANY_LISTS = -1
_LISTS_AT_ONCE = 200
"""Lists of which one call merges a page: some ten milliseconds, during which Redis does nothing else."""

_KEYS_AT_ONCE = 1_000
"""Keys of any kind that one step goes through."""


class CaseState(StrEnum):
    """Where a case stands. It is in one of the first three; PARKED and CONFLICT may be true of it besides.

    DIRTY: it must be looked at, or is being looked at. PUT_OFF: it was looked at since, and waits for the next look.
    PARKED: an action is set aside, and a person has still to decide about it. CONFLICT: both sides were changed, in
    ways that disagree.
    """

    DIRTY = "dirty"
    PUT_OFF = "put_off"
    AT_REST = "at_rest"
    PARKED = "parked"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are asked for; None takes any. `tracker` is one in which the case has a ticket.

    `severity` and `rule` are those that the case remembers: of one that no look has come to the end of, there is none.
    """

    district: str | None = None
    state: CaseState | None = None
    severity: str | None = None
    rule: str | None = None
    tracker: str | None = None


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
    """The lists. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, wanted: CaseFilter, limit: int, after: ListCursor | None = None) -> CasePage:
        """At most `limit` cases, newest change first; of the same millisecond, the greater reference first.

        A case that changes meanwhile comes to the front: a reader that goes on does not see it again there.

        It is one step, unless so many lists must be read that Redis would do nothing else for long: then they are read
        some at a time, and a case that goes from one list to another meanwhile may be missing from the page.
        """
        place = ("", "") if after is None else (after.at, after.ref)
        asked = (wanted.district, wanted.state, wanted.severity, wanted.rule, wanted.tracker)
        # One more than asked for tells whether there is another page.
        args = (limit + 1, *place, *(word or "" for word in asked))
        answer = await self._connection.run("list_page", *args)
        if answer[0] == _TOO_MANY_LISTS:
            is_complete, found = bool(answer[1]), await self._merged(wanted, args)
        else:
            is_complete, found = _read(answer)
        cases = tuple(found[:limit])
        last = cases[-1].cursor if len(found) > limit else None
        return CasePage(cases, last, is_complete)

    async def latest_change_ms(self) -> int:
        """When (ms) a case was last put onto a list because something of it is new; 0 for never. Costs one command."""
        latest = await self._connection.ask(self._connection.redis.zrevrange(CASE_LISTS_USED, 0, 0, withscores=True))
        return int(latest[0][1]) if latest else 0

    async def count(self, wanted: CaseFilter) -> int:
        """How many cases there are. Its cost follows how many lists there are."""
        asked = self._connection.redis.pipeline(transaction=False)
        for name, number in (await self._numbers()).items():
            if _fits(wanted, name):
                asked.zcard(CASE_LIST + number)
        return sum(await self._connection.ask(asked.execute()))

    async def _merged(self, wanted: CaseFilter, args: Sequence[str | int]) -> list[ListedCase]:
        """The cases that `list_page` answers, merged from its answers about some lists at a time."""
        fitting = [(name, number) for name, number in (await self._numbers()).items() if _fits(wanted, name)]
        newest: dict[str, ListedCase] = {}
        for at in range(0, len(fitting), _LISTS_AT_ONCE):
            words = [word for each in fitting[at : at + _LISTS_AT_ONCE] for word in each]
            _, cases = _read(await self._connection.run("list_page", *args, *words))
            found = newest | {case.ref: case for case in cases}  # of one that went to another list, the later word
            in_order = sorted(found.values(), key=lambda case: (case.changed_at, case.ref.encode()), reverse=True)
            newest = {case.ref: case for case in in_order[: int(args[0])]}
        return list(newest.values())

    async def _numbers(self) -> dict[str, str]:
        """The number of each list by its name, asked for some at a time.

        A list that comes or goes meanwhile may be missing.
        """
        numbers: dict[str, str] = {}
        cursor = 0
        while True:
            scanned = self._connection.redis.hscan(CASE_LISTS, cursor, count=_NAMES_AT_ONCE)
            cursor, found = await self._connection.ask(scanned)
            numbers.update({name.decode(): number.decode() for name, number in found.items() if b"|" in name})
            if not cursor:
                return numbers

    async def named(self) -> list[tuple[int, ListedCase]]:
        """The number of each list, and what it tells of its cases."""
        return [(int(number), _case(["", "0", name])) for name, number in (await self._numbers()).items()]

    async def records(self, refs: Sequence[str]) -> dict[str, CaseRecord]:
        """What is kept of each of these cases; one whose row is gone, or that this version cannot read, is left out."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.hgetall(CASE + ref)
        rows = await self._connection.ask(asked.execute()) if refs else []
        found = {ref: _readable_record(ref, row) for ref, row in zip(refs, rows, strict=True)}
        return {ref: record for ref, record in found.items() if record is not None}

    async def words(self) -> ListedWords:
        """The words of all lists. Its cost follows how many lists there are."""
        cases = [_case(["", "0", name]) for name in await self._numbers()]
        return ListedWords(
            frozenset(each.district for each in cases),
            frozenset(each.rule for each in cases) - {""},
            frozenset(tracker for each in cases for tracker in each.trackers),
        )


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


_MARKS: Mapping[str, CaseState] = {"p": CaseState.PARKED, "c": CaseState.CONFLICT}


def _case(parts: Sequence[str]) -> ListedCase:
    ref, at, name = parts
    district, state, marks, severity, rule, trackers = name.split("|")
    states = (CaseState(state), *(_MARKS[mark] for mark in marks))
    return ListedCase(ref, int(at) / 1000, district, states, severity, rule, tuple(filter(None, trackers.split(","))))


def _read(answer: Sequence[Any]) -> tuple[bool, list[ListedCase]]:
    """Whether all cases are listed, and those of a page."""
    words = [part.decode() for part in answer[1:]]
    found = [_case(words[at : at + _PARTS_OF_A_CASE]) for at in range(0, len(words), _PARTS_OF_A_CASE)]
    return bool(answer[0]), found


def _fits(wanted: CaseFilter, name: str) -> bool:
    """Whether the cases of this list are asked for; as in list_page.lua."""
    case = _case(["", "0", name])
    return (
        (not wanted.district or wanted.district == case.district)
        and (not wanted.state or wanted.state in case.states)
        and (not wanted.severity or wanted.severity == case.severity)
        and (not wanted.rule or wanted.rule == case.rule)
        and (not wanted.tracker or wanted.tracker in case.trackers)
    )


def facts_of(memory: Memory, *, is_news: bool) -> str:
    """What a memory says for the lists, as the scripts take it; `is_news`: the case has changed."""
    conflict = "c" if memory.conflict_at else ""
    return f"{'1' if is_news else '0'}|{conflict}|{memory.severity or ''}|{memory.rule}"


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
        """The reference of each case, and what its memory says."""
        asked = self._connection.redis.pipeline(transaction=False)
        for key in keys:
            asked.hgetall(key.decode())
        rows = await self._connection.ask(asked.execute()) if keys else []
        refs = [key.decode().removeprefix(CASE) for key in keys]
        read = {ref: _readable_record(ref, row) for ref, row in zip(refs, rows, strict=True)}
        known = {ref: record.memory for ref, record in read.items() if record is not None}
        return [part for ref, memory in known.items() for part in (ref, facts_of(memory, is_news=True))]
