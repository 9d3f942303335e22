"""The cases that wait for a look which brings them to rest: the longest of them, and how many each district has."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseLists
from remediation.store.keys import DIRTY, DIRTY_SINCE
from remediation.store.server.connection import Connection

_WAITING = frozenset({CaseState.DIRTY, CaseState.PUT_OFF})

MOST_SEEN = 1_000
"""Cases that are looked through, those that wait longest: a thousand names are some ten kilobytes."""

_STEPS = ((0, 20), (20, MOST_SEEN))
"""Places that are read together: as a rule the first case of all waits still, and is the reader's."""


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case by its reference, and since when (Unix seconds) it waits."""

    ref: str
    since: float


async def longest_waiting(connection: Connection, districts: AbstractSet[str] | None = None) -> WaitingCase | None:
    """The case that waits longest, of all or of these districts; None where none does.

    Of some districts, it is one of the MOST_SEEN that wait longest of all. Raises StoreUnavailable.
    """
    for begin, end in _STEPS:
        asked = connection.redis.zrange(DIRTY_SINCE, begin, end - 1, withscores=True)
        oldest = [WaitingCase(ref.decode(), since / 1000) for ref, since in await connection.ask(asked)]
        shown = [each for each in oldest if districts is None or each.ref.partition(":")[0] in districts]
        if found := await _first_waiting(connection, shown):
            return found
        if len(oldest) < end - begin:
            break
    return None


async def _first_waiting(connection: Connection, cases: Sequence[WaitingCase]) -> WaitingCase | None:
    """The first of them that waits still: an earlier version leaves behind since when one has waited."""
    asked = connection.redis.pipeline(transaction=False)
    for each in cases:
        asked.zscore(DIRTY, each.ref)
    waits = await connection.ask(asked.execute()) if cases else []
    return next((each for each, at in zip(cases, waits, strict=True) if at is not None), None)


async def waiting_by_district(lists: CaseLists) -> Counter[str]:
    """How many cases wait, of each district that has one. Its cost follows how many lists of cases there are.

    Raises StoreUnavailable.
    """
    named = await lists.named()
    waiting = [(number, each.district) for number, each in named if each.states[0] in _WAITING]
    counts = await lists.sizes([number for number, _ in waiting])
    found: Counter[str] = Counter()
    for (_, district), count in zip(waiting, counts, strict=True):
        found[district] += count
    return +found
