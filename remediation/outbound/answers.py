"""Answers of outside systems: the largest that is read, and what is noted of their headers.

Noted are the other side's time, how much of a limit is left, and the ids that outside systems gave to our writes. A
note is made where an answer arrives, and read by the task that asked and the tasks that it started; answers to other
tasks are not included.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from remediation.domain.errors import TryLater, Waiting
from remediation.domain.outside_words import REQUEST_ID

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes after decompression, unless a setting says otherwise: several times the size of a page with a hundred long
findings, or of a list of thousands of custom fields. A parsed answer takes a multiple of it, and several may come at
once."""


_NUMBER = re.compile(r"[0-9]+")
_MOST_ANSWERS = 200
"""More than one check of an outside system gets."""

_MOST_REQUESTS = 100
"""More than any action needs. They are kept in a case's timeline."""


def too_large(system: str, limit: int, *, status: int, wrote: bool) -> TryLater:
    """The error for an answer of more bytes than the limit.

    It may be retried: the next answer may be shorter, or the setting may be raised. Nothing is parked. `wrote`: the
    answer is to a write, which has been done.
    """
    words = f"the answer is larger than MAX_ANSWER_BYTES, {limit:,} bytes"
    return TryLater(system, words, ambiguous=wrote, status=status, waiting=Waiting.TOO_LARGE)


@contextmanager
def noting_requests() -> Iterator[list[str]]:
    """The ids of all writes that are answered inside the block, in the order of their answers.

    In nested blocks only the inner one gets them.
    """
    ids: list[str] = []
    token = _noted_requests.set(ids)
    try:
        yield ids
    finally:
        _noted_requests.reset(token)


def note_request(request_id: str | None) -> None:
    """Note the id that an answer carries, once. Anything that does not look like an id is ignored."""
    ids = _noted_requests.get()
    if ids is None or request_id is None or not REQUEST_ID.fits(request_id):
        return
    if request_id not in ids and len(ids) < _MOST_REQUESTS:
        ids.append(request_id)


@dataclass(frozen=True, slots=True)
class NotedAnswer:
    """The headers of one answer. `ahead`: how many seconds the other side's clock is ahead of ours, to the second.

    `limit` and `remaining` count requests of the current window (X-RateLimit-Limit, X-RateLimit-Remaining: SchoolScan,
    Jira). `reset` is when that window ends (X-RateLimit-Reset), in Unix seconds of the other side's clock, and
    `ends_in` in how many seconds of now on. What an answer does not state is None.
    """

    ahead: float | None
    limit: int | None
    remaining: int | None
    reset: int | None = None
    ends_in: float | None = None


@dataclass(frozen=True, slots=True)
class _Notebook:
    clock: Callable[[], float]
    answers: list[NotedAnswer]


_notebook: ContextVar[_Notebook | None] = ContextVar("notebook", default=None)
_noted_requests: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_answers(clock: Callable[[], float]) -> Iterator[list[NotedAnswer]]:
    """All answers that arrive inside the block, in order. `clock` is the machine's, in Unix seconds.

    A block around another one gets the answers of that one when it ends.
    """
    around, notebook = _notebook.get(), _Notebook(clock, [])
    token = _notebook.set(notebook)
    try:
        yield notebook.answers
    finally:
        _notebook.reset(token)
        if around is not None:
            around.answers.extend(notebook.answers[: _MOST_ANSWERS - len(around.answers)])


def note_answer(headers: Mapping[str, str]) -> None:
    """Note these headers where a block wants to know. Their names must be looked up without regard to case."""
    notebook = _notebook.get()
    if notebook is None or len(notebook.answers) >= _MOST_ANSWERS:
        return
    sent = _moment(headers.get("Date"))
    now = notebook.clock()
    ahead = None if sent is None else sent - now
    limit, remaining, reset = (
        number_in(headers.get(f"X-RateLimit-{part}")) for part in ("Limit", "Remaining", "Reset")
    )
    ends_in = None if reset is None else reset - (now if sent is None else sent)
    notebook.answers.append(NotedAnswer(ahead, limit, remaining, reset, ends_in))


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def number_in(text: str | None, most_digits: int = 12) -> int | None:
    """The number that a header says; None where it says none, another thing, or more digits than are believed."""
    word = "" if text is None else text.strip()
    return int(word) if len(word) <= most_digits and _NUMBER.fullmatch(word) else None
