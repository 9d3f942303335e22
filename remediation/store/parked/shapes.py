"""By which words of refusals parked work is grouped."""

import re

from remediation.sealing import Keyring

_NUMBERED = re.compile(r"[\w.:-]*\d[\w.:-]*")
"""Words with a digit in them: ids, keys, dates and counts, in which refusals of one kind differ."""

_DIGITS = 16


def common_words(words: str) -> str:
    """The words of a refusal without what stands for ids in them: those of refusals of one kind are the same."""
    return _NUMBERED.sub("#", words)


def shape_of(words: str, keyring: Keyring) -> str:
    """A digest of these words without what stands for ids in them, made with a data key: it tells nobody what they are.

    With another first key it is another one: pieces from before are then in a group of their own.
    """
    return keyring.fingerprint(b"parked words:" + common_words(words).encode(errors="replace"))[:_DIGITS]
