"""Cases that a backfill found are taken back, as long as nobody has begun to work at them.

They are on two lists of their district (see lists.py): those of cases that wait for a look and remember nothing. They
are looked through some at a time, and a script decides for each, in the step that deletes it. Whoever dies meanwhile
leaves the rest as it is, and may begin again.
"""

from collections.abc import AsyncIterator, Iterator, Sequence

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseLists, ListedCase
from remediation.store.keys import CASE, CASE_LIST
from remediation.store.server.connection import Connection

_PAGE = 200
"""Cases whose rows are read at once."""

_AT_ONCE = 50
"""Rows that one script deletes, 50 to 100 µs each; more only where so many findings belong to one case."""

_REFUSED = -1

Untouched = tuple[str, Sequence[str]]
"""The reference of a case, and those of the own cases of its findings."""


class CaseWithdrawal:
    """Takes back what the backfill with this reference and id found. Every method raises StoreUnavailable.

    `audit` is a line of the audit for withdraw_cases.lua; empty for none.
    """

    def __init__(self, connection: Connection, ref: str, backfill: str, audit: bytes = b"") -> None:
        self._connection = connection
        self._args = (ref, backfill, audit)

    async def steps(self, district: str) -> AsyncIterator[int]:
        """Take back cases of the district; yields how many with each step.

        Lists move under whoever reads them by place, so they are looked through until nothing more is found. What a
        worker has in hands by then stays, with all that nobody but a backfill would have begun.
        """
        while True:
            found = 0
            for number in await self._lists(district):
                async for count in self._of_list(number):
                    found += max(0, count)
                    if count == _REFUSED:
                        return
                    yield count
            if not found:
                return

    async def _lists(self, district: str) -> list[int]:
        """The lists on which such cases are. A case goes from the first of them to the second, and not back."""
        named = await CaseLists(self._connection).named()
        numbers = {case.states: number for number, case in named if case.district == district and _is_blank(case)}
        return [numbers[state,] for state in (CaseState.DIRTY, CaseState.PUT_OFF) if (state,) in numbers]

    async def _of_list(self, number: int) -> AsyncIterator[int]:
        place = 0
        while refs := await self._page(number, place):
            place += len(refs)
            for some in _batches(await self._found(refs)):
                parts = [part for ref, members in some for part in (ref, str(len(members)), *members)]
                count = int(await self._connection.run("withdraw_cases", *self._args, *parts))
                place -= max(0, count)
                yield count

    async def _page(self, number: int, place: int) -> list[str]:
        asked = self._connection.redis.zrange(f"{CASE_LIST}{number}", place, place + _PAGE - 1)
        return [ref.decode() for ref in await self._connection.ask(asked)]

    async def _found(self, refs: Sequence[str]) -> list[Untouched]:
        """Those of the cases that a backfill found, and about which nothing came in since."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.hkeys(CASE + ref)
        rows = await self._connection.ask(asked.execute())
        fields = [{name.decode() for name in row} for row in rows]
        return [(ref, _members(ref, row)) for ref, row in zip(refs, fields, strict=True) if "behind" in row]


def _is_blank(case: ListedCase) -> bool:
    """Whether cases of this list remember nothing, have no tickets, and nothing of them is parked."""
    return len(case.states) == 1 and not (case.severity or case.rule or case.trackers)


def _members(ref: str, fields: set[str]) -> list[str]:
    """The references of the own cases of a case's findings."""
    district = ref.partition(":")[0]
    names = sorted(field.removeprefix("member:") for field in fields if field.startswith("member:"))
    return [CaseKey(district, CaseKind.FINDING, name).ref for name in names]


def _batches(cases: Sequence[Untouched]) -> Iterator[list[Untouched]]:
    """The cases in pieces that one script deletes."""
    some: list[Untouched] = []
    rows = 0
    for case in cases:
        if some and rows + 1 + len(case[1]) > _AT_ONCE:
            yield some
            some, rows = [], 0
        some.append(case)
        rows += 1 + len(case[1])
    if some:
        yield some
