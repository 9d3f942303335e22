"""The ids that outside systems gave to our writes: noted where an answer arrives, read by the task that asked.

They belong to that task and to the tasks that it starts; requests of other tasks are not included.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORM = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_MOST = 100
"""More than any action needs. They are kept in a case's timeline."""

_noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_requests() -> Iterator[list[str]]:
    """The ids of all writes that are answered inside the block, in the order of their answers.

    In nested blocks only the inner one gets them.
    """
    ids: list[str] = []
    token = _noted.set(ids)
    try:
        yield ids
    finally:
        _noted.reset(token)


def note_request(request_id: str | None) -> None:
    """Note the id that an answer carries, once. Anything that does not look like an id is ignored."""
    ids = _noted.get()
    if ids is None or request_id is None or not _FORM.fullmatch(request_id):
        return
    if request_id not in ids and len(ids) < _MOST:
        ids.append(request_id)
