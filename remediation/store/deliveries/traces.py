"""Where an error of our own happened, for developers: sealed with the parked work, and shown on request only."""

import traceback

from remediation.redaction import words_of

_MOST_FRAMES = 20
"""Lines of each error in the chain: the innermost ones."""

_MOST_LINES = 80


def trace_of(error: BaseException) -> str:
    """The trace of the error and of its causes: files, lines, functions, our source lines, messages.

    No values of local variables. Every line is scrubbed as a refusal's words are, and there are at most 80; where there
    are more, the first ones are left out.
    """
    told = traceback.TracebackException.from_exception(error, limit=-_MOST_FRAMES, capture_locals=False, compact=True)
    lines = [line for part in told.format() for line in part.splitlines() if line.strip(" ^~")]
    return "\n".join(_scrubbed(line) for line in lines[-_MOST_LINES:])


def _scrubbed(line: str) -> str:
    text = line.lstrip()
    return " " * (len(line) - len(text)) + words_of(text)
