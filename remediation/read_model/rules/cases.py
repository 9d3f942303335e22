"""How many cases went by which rule at their last look, and those that went by none. Reads only.

What it costs follows how many lists of cases there are (see store/cases/lists.py), and not how many cases.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from remediation.domain.cases.records import CaseKey, CaseKind, key_of_ref
from remediation.store.cases.lists import CaseLists, ListedCase
from remediation.store.keys import CASE_LIST
from remediation.store.server.connection import Connection

MOST_LISTS = 50
"""Lists that are looked into for the newest cases without a rule."""


@dataclass(frozen=True, slots=True)
class UnruledFinding:
    """A finding that no rule took at the last look at it. `changed_at` is when that was news, in Unix seconds."""

    key: CaseKey
    severity: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class RuledCases:
    """How many cases each rule has, by name; and by severity how many went by none. `newest` are some of those.

    Of an incident or a scan no rule need take it, so that only findings are among the newest.
    """

    by_rule: Mapping[str, int]
    without: Mapping[str, int]
    newest: tuple[UnruledFinding, ...]


async def ruled_cases(
    connection: Connection, lists: CaseLists, districts: frozenset[str] | None, most: int
) -> RuledCases:
    """The cases of these districts, or of all; with `most` of the newest that went by no rule.

    A case that no look has come to the end of is not counted. Raises StoreUnavailable.
    """
    told = [
        (number, each)
        for number, each in await lists.named()
        if each.severity and (districts is None or each.district in districts)
    ]
    by_rule: Counter[str] = Counter()
    without: Counter[str] = Counter()
    for (_, each), count in zip(told, await lists.sizes([number for number, _ in told]), strict=True):
        if each.rule:
            by_rule[each.rule] += count
        else:
            without[each.severity] += count
    unruled = [(number, each) for number, each in told if not each.rule]
    return RuledCases(by_rule, +without, await _newest(connection, unruled, most))


async def _newest(
    connection: Connection, unruled: Sequence[tuple[int, ListedCase]], most: int
) -> tuple[UnruledFinding, ...]:
    lists = list(islice(reversed(unruled), MOST_LISTS))
    asked = connection.redis.pipeline(transaction=False)
    for number, _ in lists:
        asked.zrevrange(f"{CASE_LIST}{number}", 0, most - 1, withscores=True)
    found = await connection.ask(asked.execute()) if lists else []
    cases = [
        UnruledFinding(key, each.severity, at / 1000)
        for (_, each), page in zip(lists, found, strict=True)
        for ref, at in page
        if (key := key_of_ref(ref.decode())) is not None and key.kind is CaseKind.FINDING and not key.has_members
    ]
    return tuple(sorted(cases, key=lambda case: case.changed_at, reverse=True)[:most])
