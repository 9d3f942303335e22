"""Tables of parked work for a terminal: of groups, and of single pieces."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from remediation.read_model.parked_work import Grouping, ParkedGroup, error_text, minute_words
from remediation.redaction import terminal
from remediation.store.deliveries.parked import Parked

_LONGEST_WORDS = 60


def group_table(groups: Iterable[ParkedGroup], by: Grouping) -> Table:
    """The groups as a table for people."""
    table = Table("count", by, "what it said", "oldest", "newest", "attempts")
    for group in groups:
        said, name = _shortened(group.words), Text(terminal(group.name), overflow="fold")
        times = (minute_words(group.oldest), minute_words(group.newest))
        table.add_row(str(group.count), name, said, *times, str(group.attempts))
    return table


def piece_table(items: Iterable[Parked]) -> Table:
    """Single pieces as a table for people. A name begins with the case."""
    table = Table("name", "error", "attempts", "replays", "first", "last", "what it said")
    for item in items:
        name, error = (Text(terminal(text), overflow="fold") for text in (item.name, error_text(item)))
        counts = (str(item.attempts), str(item.replays))
        table.add_row(name, error, *counts, minute_words(item.first_at), minute_words(item.at), _shortened(item.words))
    return table


def _shortened(words: str) -> Text:
    shown = terminal(words)
    return Text(shown if len(shown) <= _LONGEST_WORDS else shown[:_LONGEST_WORDS] + "…")
