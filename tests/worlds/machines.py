"""What both machines of random worlds have in common: how they are driven, what always holds, how a world ends."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine, invariant
from structlog.testing import capture_logs

from tests.worlds.world import World


class WorldMachine(RuleBasedStateMachine):
    """One world of one case. `world` is set by the first rule; `lines` are the log's."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    lines: ClassVar[list[Any]]
    world: World

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run this to its end."""
        return self.loop.run_until_complete(work)

    @invariant()
    def nothing_is_wrong(self) -> None:
        if hasattr(self, "world"):
            self.do(self.hold())

    async def hold(self) -> None:
        """The judge has found nothing, no tracker has two active tickets, and no job has failed but by plan."""
        world = self.world
        assert world.judge.wrongs == [], world.judge.wrongs
        for name, book in world.books.items():
            active = [each for each in book.of(world.key.mark) if each.state.is_active]
            assert len(active) <= 1, name
        mistakes = [line for line in self.lines if line["event"] == "job_failed" and line["error"] != "RuntimeError"]
        assert mistakes == []

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.do(self.end())

    async def end(self) -> None:
        """Everything comes to rest, what is parked is replayed, and then nothing is left to do."""
        world = self.world
        self.settle()
        await world.rest()
        await self.hold()
        for _ in range(3):
            if not world.shelves.parked:
                break
            await world.replay()
            await world.rest()
        assert world.on_the_list() == (set(), set())
        await self.stay_at_rest()

    def settle(self) -> None:
        """What must happen outside before everything can come to rest."""

    async def stay_at_rest(self) -> None:
        """Planning again gives an empty plan, and writes nothing at all."""
        world = self.world
        assert world.is_clean
        before, told = world.written(), len(world.shelves.told)
        await self.look_at_rest()
        await world.poll()
        assert (world.written(), len(world.shelves.told)) == (before, told)
        assert world.is_clean
        await self.hold()

    async def look_at_rest(self) -> None:
        """A look at a case at rest."""
        await self.world.look()


@contextlib.contextmanager
def with_loop(machine: type[WorldMachine]) -> Iterator[None]:
    """Give a machine its loop and the log's lines."""
    loop = asyncio.new_event_loop()
    with capture_logs() as lines:
        machine.loop, machine.lines = loop, lines
        yield
    loop.close()
