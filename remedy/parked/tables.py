"""Tables of parked work for a terminal: of groups, and of single pieces."""

from collections.abc import Iterable

from remediation.read_model.parked.work import Grouping, ParkedGroup, error_text, minute_words
from remediation.redaction import terminal
from remediation.store.deliveries.parked import Parked
from remedy.screen_tables import TextTable

_LONGEST_WORDS = 60
_SAID = "what it said"


def group_table(groups: Iterable[ParkedGroup], by: Grouping) -> TextTable:
    """The groups as a table for people."""
    rows = [
        (
            str(group.count),
            group.name,
            _shortened(group.words),
            minute_words(group.oldest),
            minute_words(group.newest),
            str(group.attempts),
        )
        for group in groups
    ]
    return TextTable(("count", by, _SAID, "oldest", "newest", "attempts"), rows, name=by, prose=frozenset({_SAID}))


def piece_table(items: Iterable[Parked]) -> TextTable:
    """Single pieces as a table for people. A name begins with the case."""
    rows = [
        (
            item.name,
            error_text(item),
            str(item.attempts),
            str(item.replays),
            minute_words(item.first_at),
            minute_words(item.at),
            _shortened(item.words),
        )
        for item in items
    ]
    headings = ("name", "error", "attempts", "replays", "first", "last", _SAID)
    return TextTable(headings, rows, prose=frozenset({_SAID}))


def _shortened(words: str) -> str:
    shown = terminal(words)
    return shown if len(shown) <= _LONGEST_WORDS else shown[:_LONGEST_WORDS] + "…"
