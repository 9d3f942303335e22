"""Suggestions for a word that is not known."""

from collections.abc import Collection
from difflib import get_close_matches

_LONGEST_WORD = 100


def listed(words: Collection[str]) -> str:
    """The words in alphabetical order between commas, or `nothing` where there are none."""
    return ", ".join(sorted(words)) or "nothing"


def with_choice(message: str, meant: str, label: str, words: Collection[str]) -> str:
    """The message, then what was meant (a clause, or nothing), then all words that there are behind their label."""
    if not words:
        return f"{message}{meant}"
    return f"{message}{meant} ({label} {listed(words)})" if meant else f"{message}; {label} {listed(words)}"


def did_you_mean(word: object, words: Collection[str]) -> str:
    """`; did you mean 'high'?` where one of the words is close to what was written, otherwise nothing."""
    near = nearest(word, words)
    return f"; did you mean '{near}'?" if near else ""


def nearest(word: object, words: Collection[str]) -> str | None:
    """The one of the words that is close to what was written; None where none is."""
    if not isinstance(word, str) or len(word) > _LONGEST_WORD:
        return None
    return next(iter(get_close_matches(word.lower(), sorted(words), n=1)), None)
