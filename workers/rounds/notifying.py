"""Round: tell people by their channels what needs them: what is new, what stands, what is over, and the week's figures.

A message that is not taken, or a server that hangs, delays no other channel and no other round, and nothing is parked:
it is tried again later. What was told is remembered after it was told (see store/notifications/memories.py).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from remediation.mapping.config.notifying import WeeklyTime
from remediation.outbound.channels import SendResult
from remediation.read_model.notifications.notices import Notice, is_wanted, notices_of, wanted_by
from remediation.read_model.notifications.planning import (
    ChannelTerms,
    NotificationPlan,
    in_vain,
    is_weekly_due,
    may_send,
    notification_plan,
    with_week_begun,
    with_weekly,
)
from remediation.read_model.notifications.weekly import weekly_message, weeks_of
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

_AT_ONCE = 4
"""Messages that are on their way at once, each in a process of its own."""

_ASKER = "the worker that tells"


@never_raising
async def notify(context: WorkerContext) -> None:
    """Tell what is due by each channel. Without channels, nothing is asked of Redis."""
    channels, now = context.notifying.channels, context.clock()
    if not channels:
        return
    here = replace(context.notifying.installed(now), is_refused=context.notifying.is_refused())
    status = await service_status(context.connection, here, context.notifying.version, now, _ASKER)
    notices, slots = notices_of(status_sections(status), status.risks.first), asyncio.Semaphore(_AT_ONCE)
    names = [*channels]
    context.chance.shuffle(names)  # where servers hang, this round may not come to all of them
    telling = (_told(context, name, channels[name], notices, slots) for name in names)
    for failed in await asyncio.gather(*telling, return_exceptions=True):
        if failed is not None:
            raise failed


async def _told(
    context: WorkerContext, name: str, channel: OpenChannel, notices: Sequence[Notice], slots: asyncio.Semaphore
) -> None:
    """Tell by one channel what is due, if no other worker does; and remember it."""
    memories = ChannelMemories(context.connection)
    planned = partial(_plan, context, name, channel, notices)
    known = await memories.memory(name)
    plan = planned(known or ChannelMemory(context.clock()))
    if plan.is_silent and not _is_weekly_due(channel, plan.memory, context.clock()):
        if plan.memory != known:
            await memories.remember(name, plan.memory)
        return
    async with slots, memories.turn(name) as is_ours:
        if not is_ours:
            return
        # another worker may have told meanwhile
        plan = planned(await memories.memory(name) or ChannelMemory(context.clock()))
        memory = plan.memory
        if not plan.is_silent:
            message = message_of(plan)
            result = await _sent(name, channel, message)
            now = context.clock()
            memory = plan.told(now) if result.outcome.is_over else in_vain(plan.memory, result.words, now)
            await memories.remember(name, memory)
        weekly = channel.config.weekly
        if weekly is not None and _is_weekly_due(channel, memory, context.clock()):
            await memories.remember(name, await _with_weekly(context, name, channel, weekly, memory))


def _plan(
    context: WorkerContext, name: str, channel: OpenChannel, notices: Sequence[Notice], memory: ChannelMemory
) -> NotificationPlan:
    config = channel.config
    wanted, now = [*wanted_by(name, config, notices)], context.clock()
    begun = with_week_begun(memory, config.weekly, now)
    return notification_plan(begun, wanted, ChannelTerms.of(config), now, partial(is_wanted, name, config))


def _is_weekly_due(channel: OpenChannel, memory: ChannelMemory, now: float) -> bool:
    config = channel.config
    if config.weekly is None or not may_send(memory, ChannelTerms.of(config), now):
        return False
    return is_weekly_due(memory, config.weekly, now)


async def _with_weekly(
    context: WorkerContext, name: str, channel: OpenChannel, weekly: WeeklyTime, memory: ChannelMemory
) -> ChannelMemory:
    """Send the week's figures. Returns what is remembered of that."""
    districts = channel.config.districts or context.notifying.districts
    weeks = await weeks_of(context.connection, districts, context.clock())
    result = await _sent(name, channel, weekly_message(weeks, context.clock()))
    now = context.clock()
    return with_weekly(memory, weekly, now) if result.outcome.is_over else in_vain(memory, result.words, now)


async def _sent(name: str, channel: OpenChannel, message: Notification) -> SendResult:
    """Send a message, and say in the log and the metrics what became of it."""
    result = await channel.send(message.title, message.text)
    NOTIFICATIONS.labels(name, result.outcome.value).inc()
    tell = logger.info if result.outcome.is_over else logger.warning
    tell("notification_sent", channel=name, outcome=result.outcome.value, status=result.status)
    return result
