"""Round: tell people by their channels what needs them: what is new, what stands, what is over, and the week's figures.

A message that is not taken, or a server that hangs, delays no other channel and no other round, and nothing is parked:
it is tried again later. What was told is remembered after it was told (see store/notifications/memories.py).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import structlog

from remediation.outbound.channels import AT_ONCE, SendResult
from remediation.read_model.notifications.notices import Notice, is_wanted, notices_of, wanted_by
from remediation.read_model.notifications.planning import (
    ChannelTerms,
    NotificationPlan,
    in_vain,
    notification_plan,
    weekly_due,
    with_week_begun,
    with_weekly,
)
from remediation.read_model.notifications.weekly import WeekFigures, read_week, weekly_message
from remediation.read_model.notifications.wording import Notification, message_of
from remediation.read_model.status.lines import status_sections
from remediation.read_model.status.overview import service_status
from remediation.store.notifications.memories import ChannelMemories
from remediation.store.notifications.memory import ChannelMemory
from workers.channels import OpenChannel
from workers.jobs.boundary import never_raising
from workers.metrics import NOTIFICATIONS
from workers.resources import WorkerContext

logger = structlog.get_logger()

NOTIFY_SECONDS = 60.0
"""Seconds between two rounds: a trouble must last longer before it is told."""

_ASKER = "the worker that tells"


@never_raising
async def notify(context: WorkerContext) -> None:
    """Tell what is due by each channel. Without channels, nothing is asked of Redis."""
    channels, now = context.notifying.channels, context.clock()
    if not channels:
        return
    here = replace(context.notifying.installed(now), is_refused=context.notifying.is_refused())
    status = await service_status(context.connection, here, context.notifying.version, now, _ASKER)
    notices = notices_of(status_sections(status), status.risks.first)
    telling = _Telling(context, notices, _SharedWeek(context), asyncio.Semaphore(AT_ONCE))
    names = [*channels]
    context.chance.shuffle(names)  # where servers hang, this round may not come to all of them
    for failed in await asyncio.gather(*map(telling.tell, names), return_exceptions=True):
        if failed is not None:
            raise failed


class _SharedWeek:
    """The figures of the week for all channels of a round: read once, when the first one needs them."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._lock = asyncio.Lock()
        self._figures: WeekFigures | None = None

    async def figures(self) -> WeekFigures:
        """Those of all districts. Raises StoreUnavailable."""
        async with self._lock:
            if self._figures is None:
                self._figures = await read_week(self._context.connection, self._context.clock())
            return self._figures


@dataclass(frozen=True, slots=True)
class _Telling:
    """One round. `slots` are the messages that may still be on their way."""

    context: WorkerContext
    notices: Sequence[Notice]
    week: _SharedWeek
    slots: asyncio.Semaphore

    async def tell(self, name: str) -> None:
        """Tell by one channel what is due, if no other worker does; and remember it."""
        memories = ChannelMemories(self.context.connection)
        known = await memories.memory(name)
        plan = self._plan(name, known)
        is_weekly = self._weekly_due(name, plan.memory) is not None
        if plan.is_silent and not is_weekly and plan.memory != known:
            await memories.remember(name, plan.memory)
        if not plan.is_silent:
            await self._tell_news(name)
        if is_weekly:
            await self._tell_week(name, await self.week.figures())

    async def _tell_news(self, name: str) -> None:
        async with self._turn(name) as plan:
            if plan is None or plan.is_silent:
                return
            result, now = await self._sent(name, message_of(plan))
            memory = plan.told(now) if result.outcome.is_over else in_vain(plan.memory, result.words, now)
            await ChannelMemories(self.context.connection).remember(name, memory)

    async def _tell_week(self, name: str, figures: WeekFigures) -> None:
        districts = self._channel(name).config.districts or self.context.notifying.districts
        async with self._turn(name) as plan:
            moment = None if plan is None else self._weekly_due(name, plan.memory)
            if plan is None or moment is None:
                return
            message = weekly_message(map(figures.of, districts), self.context.clock())
            result, now = await self._sent(name, message)
            taken = result.outcome.is_over
            memory = with_weekly(plan.memory, moment, now) if taken else in_vain(plan.memory, result.words, now)
            await ChannelMemories(self.context.connection).remember(name, memory)

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[NotificationPlan | None]:
        """What is to be told now, while nobody else tells by the channel; None where another worker does."""
        memories = ChannelMemories(self.context.connection)
        async with self.slots, memories.turn(name) as is_ours:
            # another worker may have told meanwhile
            yield self._plan(name, await memories.memory(name)) if is_ours else None

    def _channel(self, name: str) -> OpenChannel:
        return self.context.notifying.channels[name]

    def _plan(self, name: str, known: ChannelMemory | None) -> NotificationPlan:
        config, now = self._channel(name).config, self.context.clock()
        begun = with_week_begun(known or ChannelMemory(now), config.weekly, now)
        wanted = [*wanted_by(name, config, self.notices)]
        return notification_plan(begun, wanted, ChannelTerms.of(config), now, partial(is_wanted, name, config))

    def _weekly_due(self, name: str, memory: ChannelMemory) -> float | None:
        config = self._channel(name).config
        return weekly_due(memory, config.weekly, ChannelTerms.of(config), self.context.clock())

    async def _sent(self, name: str, message: Notification) -> tuple[SendResult, float]:
        """Send a message, say in the log and the metrics what became of it, and when that was known."""
        result = await self._channel(name).send(message.title, message.text)
        NOTIFICATIONS.labels(name, result.outcome.value).inc()
        tell = logger.info if result.outcome.is_over else logger.warning
        tell("notification_sent", channel=name, outcome=result.outcome.value, status=result.status)
        return result, self.context.clock()
