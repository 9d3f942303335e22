"""Calls of scripts that wait at the same moment go to Redis in one message, over one connection.

A round trip costs this process more than most scripts cost Redis, and with each of them Redis syncs its file. Each
script is still a step of its own: whole or not at all, whatever becomes of the others in the message.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

Argument = str | bytes | float

MOST_TOGETHER = 64
"""The most calls in one message: all of them wait for the slowest one."""


_TRIES = 3
"""How often a script is loaded and called: a server that dies in between, and is started again, does not have it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call of a script that waits for its answer."""

    script: AsyncScript
    args: Sequence[Argument]
    answer: "asyncio.Future[Any]"

    def take(self, answer: object) -> None:
        """Tell whoever called, if they still wait."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        elif isinstance(answer, BaseException):
            self.answer.cancel()
        else:
            self.answer.set_result(answer)

    async def carry_out(self) -> None:
        """Call it alone: redis-py then loads the script where Redis does not have it."""
        try:
            self.take(await self._own_answer())
        except BaseException as error:
            self.take(error)
            if not isinstance(error, Exception):
                raise

    async def _own_answer(self) -> object:
        for _ in range(1, _TRIES):
            with suppress(NoScriptError):
                return await self.script(args=self.args)
        return await self.script(args=self.args)


class ScriptBatches:
    """The calls over one pool. A message waits for nothing but the end of the event loop's present round.

    A message whose answer was lost is sent again, as a single call is: every script may be repeated safely. A caller
    that stops waiting changes nothing for the others, nor for its own call once that is on its way.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[_Call] = []
        self._sent: set[asyncio.Task[None]] = set()

    async def run(self, script: AsyncScript, args: Sequence[Argument]) -> Any:
        """The script's answer. Raises what redis-py raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # whoever waited in another one does not wait any more
            self._loop, self._waiting = loop, []
        if not self._waiting:
            loop.call_soon(self._send)
        call = _Call(script, args, loop.create_future())
        self._waiting.append(call)
        return await call.answer

    def _send(self) -> None:
        calls = [call for call in self._waiting if not call.answer.done()]
        self._waiting = []
        for start in range(0, len(calls), MOST_TOGETHER):
            task = asyncio.create_task(self._carry_out(calls[start : start + MOST_TOGETHER]))
            self._sent.add(task)
            task.add_done_callback(self._sent.discard)

    async def _carry_out(self, calls: Sequence[_Call]) -> None:
        if len(calls) == 1:
            await calls[0].carry_out()
            return
        try:
            answers = await self._answers(calls)
        except BaseException as error:
            for call in calls:
                call.take(error)
            if not isinstance(error, Exception):
                raise
            return
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, NoScriptError):
                await call.carry_out()
            else:
                call.take(answer)

    async def _answers(self, calls: Sequence[_Call]) -> list[Any]:
        """The answer of each, or the error that Redis gave instead."""
        async with self._redis.pipeline(transaction=False) as message:
            for call in calls:
                message.execute_command("EVALSHA", call.script.sha, 0, *call.args)
            return list(await message.execute(raise_on_error=False))
