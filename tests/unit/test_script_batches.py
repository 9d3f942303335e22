"""Calls of scripts on a server that dies and is started again: it has lost the scripts that it had."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from remediation.store.server.batching import ScriptBatches


@dataclass
class LostScript:
    """A script that redis-py loads, and that the server has lost again each of these times before it is called."""

    lost: int
    calls: list[Sequence[object]] = field(default_factory=list)

    async def __call__(self, args: Sequence[object]) -> object:
        self.calls.append(args)
        if len(self.calls) <= self.lost:
            raise NoScriptError
        return "answer"


async def answer_of(script: LostScript) -> Any:
    return await ScriptBatches(cast("Redis", None)).run(cast("AsyncScript", script), ["argument"])


async def test_a_script_that_a_server_loses_between_its_loading_and_its_call_is_loaded_again() -> None:
    script = LostScript(lost=1)
    assert await answer_of(script) == "answer"
    assert script.calls == [["argument"]] * 2


async def test_a_script_that_a_server_always_loses_is_told() -> None:
    with pytest.raises(NoScriptError):
        await answer_of(LostScript(lost=99))
