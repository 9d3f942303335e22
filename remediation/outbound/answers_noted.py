"""What the headers of answers also say: the other side's time, and how much of a limit is left.

Noted where an answer arrives, read by the task that asked; answers to other tasks are not included.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_COUNT = re.compile(r"[0-9]{1,12}")
_MOST = 200


@dataclass(frozen=True, slots=True)
class NotedAnswer:
    """The headers of one answer. `ahead`: how many seconds the other side's clock is ahead of ours, to the second.

    `limit` and `remaining` count requests of the current window (X-RateLimit-Limit, X-RateLimit-Remaining: SchoolScan,
    Jira). What an answer does not state is None.
    """

    ahead: float | None
    limit: int | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class _Notebook:
    clock: Callable[[], float]
    answers: list[NotedAnswer]


_notebook: ContextVar[_Notebook | None] = ContextVar("notebook", default=None)


@contextmanager
def noting_answers(clock: Callable[[], float]) -> Iterator[list[NotedAnswer]]:
    """All answers that arrive inside the block, in order. `clock` is the machine's, in Unix seconds."""
    notebook = _Notebook(clock, [])
    token = _notebook.set(notebook)
    try:
        yield notebook.answers
    finally:
        _notebook.reset(token)


def note_answer(headers: Mapping[str, str]) -> None:
    """Note these headers where a block wants to know. Their names must be looked up without regard to case."""
    notebook = _notebook.get()
    if notebook is None or len(notebook.answers) >= _MOST:
        return
    sent = _moment(headers.get("Date"))
    ahead = None if sent is None else sent - notebook.clock()
    limit, remaining = (_count(headers.get(f"X-RateLimit-{part}")) for part in ("Limit", "Remaining"))
    notebook.answers.append(NotedAnswer(ahead, limit, remaining))


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _COUNT.fullmatch(text.strip()) else None
