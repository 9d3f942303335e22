"""Which receivers and workers run: each reports every few seconds, and is forgotten when its reports stop."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from remediation.redaction import plain
from remediation.store.keys import PROCESSES
from remediation.store.server.connection import Connection, passing_errors

TELL_SECONDS = 10.0
"""Seconds between two reports of a process."""

GONE_SECONDS = 35.0
"""Seconds without a report after which a process counts as gone: it missed three."""

_LONGEST = 80

Role = Literal["receiver", "worker"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it reports itself. `id` is its host (a pod's name) and process number, `started` is in Unix seconds.

    `mappings` is the start of the digest of the mappings.yaml in use.
    """

    id: str
    role: str
    version: str
    started: float
    mappings: str = ""


class Processes:
    """The processes that work with this Redis. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tell(self, process: Process, now: float, before: Process | None = None) -> None:
        """Note at `now` (Unix seconds) that it runs, in place of what it told `before`, and forget who is gone."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                if before is not None and before != process:
                    pipe.zrem(PROCESSES, _row(before))
                pipe.zadd(PROCESSES, {_row(process): int(now * 1000)})
                pipe.zremrangebyscore(PROCESSES, "-inf", f"({_oldest(now)}")
                pipe.pexpire(PROCESSES, int(GONE_SECONDS * 1000))
                await pipe.execute()

    async def leave(self, process: Process) -> None:
        """Report that it has ended."""
        await self._connection.ask(self._connection.redis.zrem(PROCESSES, _row(process)))

    async def running(self, now: float) -> list[Process]:
        """Every process that reported lately, by role and id."""
        rows = await self._connection.ask(self._connection.redis.zrangebyscore(PROCESSES, _oldest(now), "+inf"))
        found = {process.id: process for process in map(_process, rows)}
        return sorted(found.values(), key=lambda process: (process.role, process.id))


def _oldest(now: float) -> int:
    return int((now - GONE_SECONDS) * 1000)


def _row(process: Process) -> str:
    return json.dumps(asdict(process), sort_keys=True)


def _process(row: bytes) -> Process:
    """A stored report; fields that another version adds or leaves out do not matter."""
    told: Mapping[str, object] = json.loads(row)

    def text(name: str) -> str:
        return plain(str(told.get(name, "")), _LONGEST)

    return Process(text("id"), text("role"), text("version"), float(str(told.get("started", 0))), text("mappings"))
