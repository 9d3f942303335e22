"""Which processes run, and which worker's turn it is to begin what all of them repeat.

Each process reports every few seconds, and is forgotten when its reports stop.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from remediation.redaction import plain
from remediation.store.keys import KEY_TIMES, LAST_SWEEP, PROCESSES
from remediation.store.server.connection import Connection, passing_errors

TELL_SECONDS = 10.0
"""Seconds between two reports of a process."""

GONE_SECONDS = 35.0
"""Seconds without a report after which a process counts as gone: it missed three."""

_LONGEST = 80
"""Characters of a text in a report."""

_LONGEST_KEYS = 65_536
"""As many as a file with keys may have bytes."""

_SHARE = 0.75
"""The share of the time between two turns during which a turn is taken: a worker that was late last time and is on time
now is not refused."""

Role = Literal["receiver", "worker", "console"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it reports itself. `id` is its host (a pod's name) and process number, `started` is in Unix seconds.

    `mappings` is the start of the digest of the mappings.yaml in use, `keys` are the ids of its data keys in their
    order, with commas.
    """

    id: str
    role: str
    version: str
    started: float
    mappings: str = ""
    keys: str = ""

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of its data keys, the one that seals first; empty where an earlier version reports."""
        return tuple(self.keys.split(",")) if self.keys else ()


class Processes:
    """The processes that work with this Redis. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tell(self, process: Process, now: float, before: Process | None = None) -> None:
        """Report at `now` (Unix seconds) that the process runs, and forget processes that are gone.

        `before` is its last report, which this one replaces.
        """
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                if before is not None and before != process:
                    pipe.zrem(PROCESSES, _row(before))
                pipe.zadd(PROCESSES, {_row(process): int(now * 1000)})
                pipe.zremrangebyscore(PROCESSES, "-inf", f"({_oldest(now)}")
                pipe.pexpire(PROCESSES, int(GONE_SECONDS * 1000))
                for each in process.key_ids:
                    pipe.hsetnx(KEY_TIMES, f"since:{each}", str(int(now * 1000)))
                for each in process.key_ids[:1]:
                    pipe.hsetnx(KEY_TIMES, f"first:{each}", str(int(now * 1000)))
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

    def text(name: str, longest: int = _LONGEST) -> str:
        return plain(str(told.get(name, "")), longest)

    started = float(str(told.get("started", 0)))
    return Process(text("id"), text("role"), text("version"), started, text("mappings"), text("keys", _LONGEST_KEYS))


class Turns:
    """Gives turns: of all workers, one begins each round. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, name: str, seconds: float, now: float) -> bool:
        """Whether the caller is to begin now, of all workers that ask every `seconds`. `now` is in Unix seconds."""
        return bool(await self._connection.run("take_turn", name, int(now * 1000), int(seconds * 1000 * _SHARE)))

    async def last_sweep(self) -> bytes | None:
        """The value that the last sweep wrote, to be compared with a later one."""
        written: bytes | None = await self._connection.ask(self._connection.redis.get(LAST_SWEEP))
        return written
