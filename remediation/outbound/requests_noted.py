"""Which ids outside systems gave to our writes: noted where an answer comes in, read by whoever asked for it.

The ids belong to the task that asked, and to whatever it starts: other tasks' requests are not among them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORM = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_MOST = 100
"""More than any action needs: what is noted ends up in a case's timeline."""

_noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_requests() -> Iterator[list[str]]:
    """The ids of all writes that are answered inside the block, in the order of their answers.

    Inside another such block the inner one alone gets them.
    """
    ids: list[str] = []
    token = _noted.set(ids)
    try:
        yield ids
    finally:
        _noted.reset(token)


def note_request(request_id: str | None) -> None:
    """Note the id that an answer carries. What has not the form of an id is not one; each is noted once."""
    ids = _noted.get()
    if ids is None or request_id is None or not _FORM.fullmatch(request_id):
        return
    if request_id not in ids and len(ids) < _MOST:
        ids.append(request_id)
