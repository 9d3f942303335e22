"""Rounds: jobs that are repeated, most by one of all workers at a time. Repetitions that were missed are done once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from remediation.domain.errors import StoreUnavailable
from remediation.store.processes import Turns
from remediation.store.server.connection import Connection
from workers.jobs.boundary import ArqContext
from workers.metrics import STORE_ERRORS, STUMBLES

logger = structlog.get_logger()

NOT_SWEPT = 60.0
"""Seconds without a sweep of any worker that are reported: two or three seconds are usual."""

NOT_SWEPT_WORDS = "no worker has swept for a minute: what was put off, or left behind by a worker, is not taken up"


@dataclass(frozen=True, slots=True)
class Round:
    """A job that is repeated every so many seconds.

    By one of all workers, unless `by_each` says by every one: a job that usually finds nothing to do costs less than
    the question whose turn it is, which Redis writes to its disk.
    """

    name: str
    seconds: float
    job: Callable[[ArqContext], Awaitable[None]]
    by_each: bool = False


class Schedule:
    """When each round is due. `clock` is monotonic: a change of the machine's clock does not move it."""

    def __init__(self, rounds: Iterable[Round], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = dict.fromkeys(rounds, clock())

    def due(self) -> list[Round]:
        """The rounds that are due since the last call, each once."""
        now = self._clock()
        due = [each for each, at in self._due.items() if at <= now]
        for each in due:
            following = self._due[each] + each.seconds
            self._due[each] = following if following > now else now + each.seconds
        return due


async def play(ctx: ArqContext, each: Round, within: float) -> None:
    """Run the round if it is this worker's turn, for `within` seconds at the most.

    Raises nothing: an error would end arq's main loop.
    """
    try:
        async with asyncio.timeout(within):
            if each.by_each or await _is_ours(ctx, each):
                await each.job(ctx)
    except StoreUnavailable:
        STORE_ERRORS.labels(each.name).inc()
    except TimeoutError:
        logger.warning("round_cut_off", job=each.name, seconds=within)
    except Exception as error:
        STUMBLES.labels(each.name, type(error).__name__).inc()
        logger.exception("round_failed", job=each.name, error=type(error).__name__)


async def _is_ours(ctx: ArqContext, each: Round) -> bool:
    with ctx["contexts"].at_work() as context:
        return await Turns(context.connection).take(each.name, each.seconds, context.clock())


class SweepWatch:
    """Whether any worker still sweeps.

    It compares what sweeps write by a monotonic clock, because the times in the store follow Redis's clock.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._turns = Turns(connection)
        self._clock = clock
        self._last: bytes | None = None
        self._since = clock()

    async def problems(self) -> list[str]:
        """What a person should know. While Redis is away nobody can sweep, and other checks report that."""
        try:
            last = await self._turns.last_sweep()
        except StoreUnavailable:
            return []
        now = self._clock()
        if last != self._last:
            self._last, self._since = last, now
        return [NOT_SWEPT_WORDS] if now - self._since > NOT_SWEPT else []
