"""Whether what was deleted is out of Redis's own file: a rewrite is asked for, and waited for until it has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from remediation.store.server.connection import Connection
from remediation.store.server.rewriting import Answer, Rewriting

WAITS = 120.0
"""Seconds for which a rewrite is waited for; after that a worker's round proves it."""

_PAUSE = 0.2


class FileState(StrEnum):
    """What became of the append-only file. NONE: this Redis has none."""

    NONE = "none"
    REWRITTEN = "rewritten"
    UNDER_WAY = "under_way"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Files:
    """The append-only file, and when (Unix seconds) the last snapshot was saved, where the server tells one."""

    file: FileState
    snapshot_at: float | None = None


async def rewritten(
    connection: Connection,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    waits: float = WAITS,
) -> Files:
    """Ask for a rewrite of the file, and wait until it has ended. Raises StoreUnavailable."""
    rewriting, began = Rewriting(connection), clock()
    state, is_asked = FileState.UNDER_WAY, False
    while state is FileState.UNDER_WAY and clock() - began < waits:
        file = await rewriting.file()
        if not file.exists:
            state = FileState.NONE
        elif file.is_rewritten_now:
            await sleep(_PAUSE)
        elif is_asked:
            state = FileState.FAILED if file.has_failed else FileState.REWRITTEN
        else:
            answer = await rewriting.ask(await rewriting.shredded(), file, clock())
            state = FileState.REFUSED if answer is Answer.REFUSED else state
            is_asked = answer is Answer.BEGAN
            await sleep(_PAUSE)
    if state is FileState.REWRITTEN:
        await rewriting.note_gone(await rewriting.shredded(), clock())
    return Files(state, await _snapshot_at(connection))


async def _snapshot_at(connection: Connection) -> float | None:
    told = await connection.ask(connection.redis.info())
    saved = told.get("rdb_last_save_time")
    return float(saved) if isinstance(saved, int) else None
