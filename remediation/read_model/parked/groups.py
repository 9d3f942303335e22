"""Groups of parked work for a page: as many as a person wants to see, each with what usually helps. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remediation.read_model.parked.advice import advice_words
from remediation.read_model.parked.work import Grouping, group_name
from remediation.store.deliveries.parked import Parked
from remediation.store.parked.groups import CountedParked, ParkedCommon

NONE = "-"
"""Stands in an address for what has no such word: no system refused it, it is of no district."""

PIECE_COLUMNS = (
    *("name", "kind", "district", "subject", "action", "system", "error", "status", "attempts", "replays"),
    *("first_at", "at"),
)
"""What a list of pieces has as a file. The words of refusals stay here."""


@dataclass(frozen=True, slots=True)
class MergedParked:
    """A group as the page has it. `narrows` are the words of an address that lists it alone, besides its filters.

    `first` and `last` (Unix seconds) are when a piece of it was set aside, `newest` the name of the last; `advice` is
    empty where pieces have not all the same error.
    """

    name: str
    narrows: Mapping[str, str]
    count: int
    first: float
    last: float
    newest: str
    advice: str


def merged_groups(groups: Iterable[CountedParked], by: Grouping) -> list[MergedParked]:
    """The groups by what a person wants to see them by, the largest first."""
    found: dict[tuple[tuple[str, str], ...], list[CountedParked]] = {}
    for each in groups:
        found.setdefault(tuple(_narrowing(each.common, by).items()), []).append(each)
    merged = [_merged(dict(words), members, by) for words, members in found.items()]
    return sorted(merged, key=lambda group: (-group.count, group.name, -group.last))


def piece_row(item: Parked) -> Mapping[str, object]:
    """A piece as a row of a file."""
    return {name: getattr(item, name) for name in PIECE_COLUMNS if name != "kind"} | {"kind": str(item.kind)}


def _narrowing(common: ParkedCommon, by: Grouping) -> Mapping[str, str]:
    match by:
        case "error":
            status = "" if common.status is None else str(common.status)
            return _words(error=common.error, system=common.system, status=status, shape=common.shape)
        case "system":
            return _words(system=common.system)
        case "action":
            return _words(kind=str(common.kind), action=common.action)
        case "district":
            return _words(district=common.district)


def _words(**words: str) -> Mapping[str, str]:
    return {name: word or NONE for name, word in words.items()}


def _merged(narrows: Mapping[str, str], members: list[CountedParked], by: Grouping) -> MergedParked:
    last = max(members, key=lambda each: each.last)
    return MergedParked(
        group_name(last.common, by),
        narrows,
        sum(each.count for each in members),
        min(each.first for each in members),
        last.last,
        last.newest,
        _advice({advice_words(each.common.error, each.common.system, each.common.status) for each in members}),
    )


def _advice(words: set[str]) -> str:
    return words.pop() if len(words) == 1 else ""
