"""How much of an answer is taken, whoever gives it, and what is said of one that is larger. Pure."""

from remediation.domain.errors import TryLater, Waiting

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes, after decompression, unless a setting says otherwise: several times what a page of a hundred long findings or
a list of thousands of custom fields has. Once parsed an answer takes a multiple of it, and several may come at once."""


def too_large(system: str, limit: int, *, status: int, wrote: bool) -> TryLater:
    """What it means that an answer has more bytes than the limit.

    It may be shorter another time, or the setting may be raised: nothing is parked for it. What was written stands.
    """
    words = f"the answer is larger than MAX_ANSWER_BYTES, {limit:,} bytes"
    return TryLater(system, words, ambiguous=wrote, status=status, waiting=Waiting.TOO_LARGE)
