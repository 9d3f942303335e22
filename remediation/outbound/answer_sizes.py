"""The largest answer of an outside system that is read, and the error for a larger one. Pure."""

from remediation.domain.errors import TryLater, Waiting

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes after decompression, unless a setting says otherwise: several times the size of a page with a hundred long
findings, or of a list of thousands of custom fields. A parsed answer takes a multiple of it, and several may come at
once."""


def too_large(system: str, limit: int, *, status: int, wrote: bool) -> TryLater:
    """The error for an answer of more bytes than the limit.

    It may be retried: the next answer may be shorter, or the setting may be raised. Nothing is parked. A write that was
    answered so has been done.
    """
    words = f"the answer is larger than MAX_ANSWER_BYTES, {limit:,} bytes"
    return TryLater(system, words, ambiguous=wrote, status=status, waiting=Waiting.TOO_LARGE)
