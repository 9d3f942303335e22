"""Where a SchoolScan's world meets time: scans that take a while, and the courier who carries its events."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.schoolscan.envelopes import Envelope
from sandbox.schoolscan.files import FileStore
from sandbox.schoolscan.values import Event, Run
from sandbox.schoolscan.webhooks import Courier
from sandbox.schoolscan.world import World


@dataclass(slots=True)
class Behaviour:
    """What may be different from one SchoolScan to the next; settable while running.

    A scan that is started through the API runs for `scan_seconds` and finds `scan_finds` new things, and again those of
    `scan_finds_again`, by their ids; the next `scan_fails` of them fail. A report takes `report_seconds`.
    """

    envelope: Envelope = "cursor"
    scan_seconds: float = 2.0
    scan_finds: int = 3
    scan_finds_again: Sequence[str] = ()
    scan_fails: int = 0
    report_seconds: float = 0.0


class Stage:
    """Plays scans and sends events. Belongs to one event loop."""

    def __init__(self, world: World, behaviour: Behaviour, courier: Courier) -> None:
        self.world = world
        self.behaviour = behaviour
        self.courier = courier
        self.files = FileStore(world.reports)
        self._scans: set[asyncio.Task[None]] = set()

    def send(self, events: list[Event]) -> None:
        """Send what happened."""
        self.courier.send(events)

    def play(self, run: Run, seconds: float) -> None:
        """Let a scan that has begun run for so long, and end. With 0 seconds it has ended on return."""
        if seconds <= 0:
            return self.send([*self.world.started(run), *self.world.finish(run)])
        self.send(self.world.started(run))
        task = asyncio.create_task(self._finish_after(run, seconds))
        self._scans.add(task)
        return task.add_done_callback(self._scans.discard)

    async def close(self) -> None:
        """Give up whatever has not ended yet."""
        for task in self._scans:
            task.cancel()
        await asyncio.gather(*self._scans, return_exceptions=True)
        await self.courier.close()
        await self.files.close()

    async def _finish_after(self, run: Run, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.send(self.world.finish(run))
