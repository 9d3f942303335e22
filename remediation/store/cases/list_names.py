"""The names of the lists of cases, as a process has learnt them: which lists have what is asked for.

A list is called by what its cases have in common, and has a number that no other list ever gets (see
lua/case_lists.lua). So what was learnt of one stays true; a list that is gone is empty, and harms nobody.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache

from remediation.sharing import SharedReading
from remediation.store.keys import CASE_LISTS
from remediation.store.server.connection import Connection

_NAMES_AT_ONCE = 1_000
_MOST_NEW = 10_000
"""Numbers that were given since the names were learnt last, and are asked for; after more, all names are read anew."""

_MOST_GONE = 1_000
"""Lists that are gone, and are remembered: with more, all names are read anew."""


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


class ListPart(StrEnum):
    """What a list's name tells of its cases."""

    DISTRICT = "district"
    STATE = "state"
    SEVERITY = "severity"
    RULE = "rule"
    TRACKER = "tracker"


MARKS: Mapping[str, CaseState] = {"p": CaseState.PARKED, "c": CaseState.CONFLICT}
"""What may be true of a case besides, by its letter in a name."""


def parts_of(name: str) -> Iterator[tuple[ListPart, str]]:
    """What the name of a list tells: of states and trackers there may be several. Severity and rule may be empty."""
    district, state, marks, severity, rule, trackers = name.split("|")
    yield ListPart.DISTRICT, district
    yield ListPart.STATE, state
    for mark in marks:
        yield ListPart.STATE, MARKS[mark]
    yield ListPart.SEVERITY, severity
    yield ListPart.RULE, rule
    for tracker in filter(None, trackers.split(",")):
        yield ListPart.TRACKER, tracker


@lru_cache(maxsize=_MOST_NEW)
def told_by(name: str) -> tuple[str, tuple[CaseState, ...], str, str, tuple[str, ...]]:
    """What the name of a list tells of each of its cases: district, states, severity, rule and trackers."""
    district, state, marks, severity, rule, trackers = name.split("|")
    states = (CaseState(state), *(MARKS[mark] for mark in marks))
    return district, states, severity, rule, tuple(filter(None, trackers.split(",")))


class KnownLists:
    """The lists by their numbers and by what their names tell. Methods that ask Redis raise StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.names: dict[str, str] = {}
        self.given = 0
        self._by_word: defaultdict[tuple[ListPart, str], set[str]] = defaultdict(set)
        self._learning = SharedReading(self._learn)

    @property
    def is_read(self) -> bool:
        """Whether the names have been read before."""
        return self.given > 0

    async def learn(self) -> None:
        """Learn the names of the lists that there are by now. One round trip, where few are new.

        Those who ask at the same time learn together.
        """
        await self._learning()

    async def _learn(self) -> None:
        before = self.given
        asked = self._connection.redis.pipeline(transaction=False)
        asked.hget(CASE_LISTS, "")
        asked.hlen(CASE_LISTS)
        counted, fields = await self._connection.ask(asked.execute())
        given, lists = int(counted or 0), fields // 2
        if not before <= given <= before + _MOST_NEW or not self.is_read:
            await self._read(given)
        elif given > before:
            await self._learn_new(before, given)
        if not lists <= len(self.names) <= 2 * lists + _MOST_GONE:  # those of another store, or mostly gone
            await self._read(given)

    async def _learn_new(self, before: int, given: int) -> None:
        numbers = [str(number) for number in range(before + 1, given + 1)]
        asked = self._connection.redis.pipeline(transaction=False)
        for at in range(0, len(numbers), _NAMES_AT_ONCE):
            asked.hmget(CASE_LISTS, [f"#{each}" for each in numbers[at : at + _NAMES_AT_ONCE]])
        found = [name for names in await self._connection.ask(asked.execute()) for name in names]
        self._add({number: name.decode() for number, name in zip(numbers, found, strict=True) if name})
        self.given = max(self.given, given)

    async def _read(self, given: int) -> None:
        """Read all names, some at a time. A list that comes meanwhile is learnt the next time."""
        names: dict[str, str] = {}
        cursor = 0
        while True:
            scanned = self._connection.redis.hscan(CASE_LISTS, cursor, match="#*", count=_NAMES_AT_ONCE)
            cursor, found = await self._connection.ask(scanned)
            names.update({number.decode()[1:]: name.decode() for number, name in found.items()})
            if not cursor:
                break
        self.forget()
        self._add(names)
        self.given = given

    def _add(self, names: Mapping[str, str]) -> None:
        self.names.update(names)
        for number, name in names.items():
            for part in parts_of(name):
                self._by_word[part].add(number)

    def forget(self) -> None:
        """What was learnt counts no more: somebody has put another store into its place."""
        self.names, self.given = {}, 0
        self._by_word.clear()

    def fitting(self, asked: Mapping[ListPart, frozenset[str]]) -> list[str]:
        """The numbers of the lists that have, of each part that is asked for, one of the words; the oldest first."""
        groups = [set().union(*(self._by_word.get((part, word), ()) for word in asked[part])) for part in asked]
        found = set.intersection(*groups) if groups else self.names
        return sorted(found, key=int)

    def words(self, asked: Mapping[ListPart, frozenset[str]]) -> Mapping[ListPart, frozenset[str]]:
        """By part the words of the lists that fit, or that fitted when their names were learnt; never the empty one."""
        told = (
            self._by_word
            if not asked
            else {part for each in self.fitting(asked) for part in parts_of(self.names[each])}
        )
        return {part: frozenset(word for each, word in told if each is part and word) for part in ListPart}
