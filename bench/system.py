"""The whole system under measurement: sandbox, receiver and worker as real processes, and what it did outside."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from bench.processes import MAPPINGS
from remediation.store.keys import DIRTY, PENDING
from remedy.embedded.server import EmbeddedServer
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import Program, Stage, open_stage
from sandbox.stage.systems import Outside, open_outside_world

TRACKERS = ("servicenow", "jira")
_SETTLE_SECONDS = 30.0
_PAUSE = 0.01
_POLL_SECONDS = 60
_CRITICAL = {"severity": "critical", "domain_type": "direct_pii"}


@dataclass(frozen=True, slots=True)
class System:
    """All that runs. `redis` is the store that receiver and worker share."""

    stage: Stage
    outside: Outside
    worker: Program
    redis: Redis

    def add_finding(self) -> str:
        """A new finding, critical and for both trackers, of which SchoolScan says nothing yet."""
        return self.outside.add_findings([_CRITICAL])[0]

    def journal(self, system: str) -> list[dict[str, Any]]:
        """The requests that a system outside has got, oldest first, since they were last forgotten."""
        journal: list[dict[str, Any]] = self.outside.control(system, "GET", "requests")
        return journal

    def forget_requests(self) -> None:
        """Empty every journal."""
        for name in self.stage.outside:
            self.outside.control(name, "DELETE", "requests")

    async def settle(self) -> None:
        """Wait until nothing is left to read or to look at. Raises TimeoutError."""
        async with asyncio.timeout(_SETTLE_SECONDS):
            while await self._waits():  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(_PAUSE)

    async def _waits(self) -> bool:
        return bool(await self.redis.zcard(PENDING) or await self.redis.zcard(DIRTY))

    async def keep_clear_of_polls(self, seconds: float) -> None:
        """Wait, if need be, until no list of changes is going to be read for so long: that is once a minute here."""
        until_poll = _POLL_SECONDS - time.time() % _POLL_SECONDS
        if until_poll < seconds:
            await asyncio.sleep(until_poll + 2)


@contextlib.asynccontextmanager
async def open_system(
    prepare: Callable[[Outside], None] | None = None, districts: Sequence[str] = (DISTRICT,)
) -> AsyncIterator[System]:
    """A receiver and a worker on the embedded server and the sandbox, whose limits are out of the way.

    With `prepare` there is an incident feed, too. It is called before the worker, which reads the feed when it starts.
    """
    with _open_stage(districts, feed=prepare is not None) as stage, open_outside_world(stage.outside) as outside:
        if prepare is not None:
            prepare(outside)
        outside.control("schoolscan", "PATCH", "settings", json={"reads": 1_000_000, "writes": 1_000_000})
        stage.start_receiver()
        worker = stage.start("worker", POLL_SECONDS=str(_POLL_SECONDS))
        worker.address("worker_runs")
        async with Redis.from_url(stage.redis_url) as redis:
            yield System(stage, outside, worker, redis)


@contextlib.contextmanager
def _open_stage(districts: Sequence[str], *, feed: bool) -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="remedy-bench-") as folder,
        open_stage(Path(folder) / "stage", MAPPINGS, EmbeddedServer, feed=feed, districts=districts) as stage,
    ):
        yield stage
