"""Suggestions for a word that is not known."""

from collections.abc import Collection
from difflib import get_close_matches

_LONGEST_WORD = 100


def listed(words: Collection[str]) -> str:
    """The words in alphabetical order between commas, or `nothing` where there are none."""
    return ", ".join(sorted(words)) or "nothing"


def did_you_mean(word: object, words: Collection[str]) -> str:
    """`; did you mean 'high'?` where one of the words is close to what was written, otherwise nothing."""
    if not isinstance(word, str) or len(word) > _LONGEST_WORD:
        return ""
    near = get_close_matches(word.lower(), sorted(words), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
