"""How parked work is shown: as groups, and as single pieces."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from rich.table import Table
from rich.text import Text

from remediation.redaction import terminal
from remediation.store.deliveries.parked import Parked

Grouping = Literal["error", "system", "action", "district"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

_LONGEST_WORDS = 60
_NUMBERED = re.compile(r"[\w.:-]*\d[\w.:-]*")
"""Words with a digit in them: ids, keys, dates and counts, in which refusals of one kind differ."""


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """Pieces that have something in common: `name` says what, `words` are those of the newest piece."""

    name: str
    count: int
    words: str
    oldest: datetime
    newest: datetime
    attempts: int


def grouped(items: Iterable[Parked], by: Grouping) -> list[ParkedGroup]:
    """The groups, the largest first. Grouped by error, pieces have the same error, system, and words (ids excepted)."""
    found: dict[tuple[str, str], list[Parked]] = {}
    for item in items:
        words = _NUMBERED.sub("#", item.words) if by == "error" else ""
        found.setdefault((_common(item, by), words), []).append(item)
    groups = [_group(name, members) for (name, _), members in found.items()]
    return sorted(groups, key=lambda group: (-group.count, group.name))


def _common(item: Parked, by: Grouping) -> str:
    match by:
        case "error":
            return error_text(item)
        case "system":
            return item.system or "(ourselves)"
        case "action":
            return item.action or str(item.kind)
        case "district":
            return item.district or "(unknown)"


def _group(name: str, members: Sequence[Parked]) -> ParkedGroup:
    newest = max(members, key=lambda item: item.at)
    oldest = min(item.first_at for item in members)
    return ParkedGroup(name, len(members), newest.words, oldest, newest.at, sum(item.attempts for item in members))


def error_text(item: Parked) -> str:
    """The error in a few words: its class, its system, and the status."""
    return " ".join(str(part) for part in (item.error, item.system, item.status) if part)


def group_table(groups: Iterable[ParkedGroup], by: Grouping) -> Table:
    """The groups as a table for people."""
    table = Table("count", by, "what it said", "oldest", "newest", "attempts")
    for group in groups:
        said, name = _shortened(group.words), Text(terminal(group.name), overflow="fold")
        table.add_row(str(group.count), name, said, when(group.oldest), when(group.newest), str(group.attempts))
    return table


def group_json(group: ParkedGroup) -> dict[str, Any]:
    """A group as an object for programs."""
    return {**asdict(group), "oldest": group.oldest.isoformat(), "newest": group.newest.isoformat()}


def piece_table(items: Iterable[Parked]) -> Table:
    """Single pieces as a table for people. A name begins with the case."""
    table = Table("name", "error", "attempts", "replays", "first", "last", "what it said")
    for item in items:
        name, error = (Text(terminal(text), overflow="fold") for text in (item.name, error_text(item)))
        counts = (str(item.attempts), str(item.replays))
        table.add_row(name, error, *counts, when(item.first_at), when(item.at), _shortened(item.words))
    return table


def piece_json(item: Parked) -> dict[str, Any]:
    """One piece as an object for programs, without its trace."""
    fields = {**asdict(item), "first_at": item.first_at.isoformat(), "at": item.at.isoformat()}
    del fields["trace"]
    return fields


def when(moment: datetime) -> str:
    """A time for people."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _shortened(words: str) -> Text:
    shown = terminal(words)
    return Text(shown if len(shown) <= _LONGEST_WORDS else shown[:_LONGEST_WORDS] + "…")
