"""Deliveries that wait at the same moment share one script, and no caller's answer depends on another's."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import cast

import pytest

from remediation.domain.errors import StoreUnavailable
from remediation.store.deliveries import group_commit
from remediation.store.deliveries.group_commit import MOST_BYTES, MOST_TOGETHER, GroupCommit, SealedDelivery
from remediation.store.server.connection import Connection

TERMS = 1
REQUEST: ContextVar[str] = ContextVar("REQUEST")


@dataclass
class Scripts:
    """Stands in for a connection: scripts wait until they are answered, with the number in each delivery's body."""

    begun: list[list[int]] = field(default_factory=list)
    answers: list["asyncio.Future[None]"] = field(default_factory=list)
    second: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, name: str, *args: str | bytes | float) -> Sequence[int]:
        assert name == "accept_delivery"
        numbers = [int(cast("bytes", body).rstrip()) for body in args[TERMS + 1 :: 3]]
        self.begun.append(numbers)
        self.answers.append(asyncio.get_running_loop().create_future())
        if len(self.begun) > 1:
            self.second.set()
        await self.answers[-1]
        return numbers

    async def answer(self, script: int, error: Exception | None = None) -> None:
        """End a script, and let everybody who waited for it go on."""
        if error:
            self.answers[script].set_exception(error)
        else:
            self.answers[script].set_result(None)
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def storing(commits: GroupCommit, *numbers: int, size: int = 1) -> list["asyncio.Task[int]"]:
    bodies = (str(number).encode().ljust(size) for number in numbers)
    return [asyncio.create_task(commits.store(SealedDelivery({}, body))) for body in bodies]


@pytest.fixture
def scripts() -> Scripts:
    return Scripts()


@pytest.fixture
def commits(scripts: Scripts) -> GroupCommit:
    return GroupCommit(cast("Connection", scripts), 7)


async def test_a_delivery_alone_is_sent_at_once(commits: GroupCommit, scripts: Scripts) -> None:
    for number in range(2):
        (caller,) = storing(commits, number)
        await settled()
        assert scripts.begun[number] == [number]
        await scripts.answer(number)
        assert caller.result() == number


async def test_what_comes_while_a_script_is_under_way_goes_together_with_the_next(
    commits: GroupCommit, scripts: Scripts
) -> None:
    callers = storing(commits, 1)
    await settled()
    for number in (2, 3, 4):
        callers += storing(commits, number)
        await settled()
    assert scripts.begun == [[1]]
    await scripts.answer(0)
    assert scripts.begun == [[1], [2, 3, 4]]
    await scripts.answer(1)
    assert [caller.result() for caller in callers] == [1, 2, 3, 4]


async def test_a_script_has_so_many_deliveries_and_bytes_at_most(commits: GroupCommit, scripts: Scripts) -> None:
    callers = storing(commits, *range(MOST_TOGETHER + 1))
    callers += storing(commits, 1, 2, 3, size=MOST_BYTES // 2)
    callers += storing(commits, 4, size=2 * MOST_BYTES)
    for number in range(4):
        await settled()
        await scripts.answer(number)
    assert scripts.begun == [[*range(MOST_TOGETHER)], [MOST_TOGETHER, 1], [2, 3], [4]]
    assert all(caller.done() for caller in callers)


async def test_a_caller_that_is_cancelled_costs_no_other_its_answer(commits: GroupCommit, scripts: Scripts) -> None:
    first = storing(commits, 1, 2)
    await settled()
    second = storing(commits, 3, 4)
    await settled()
    first[0].cancel()
    second[0].cancel()
    await settled()
    await scripts.answer(0)
    await scripts.answer(1)
    assert scripts.begun == [[1, 2], [4]], "what was sent stays sent; what nobody waits for is not sent"
    assert (first[1].result(), second[1].result()) == (2, 4)
    assert first[0].cancelled()
    assert second[0].cancelled()


async def test_a_script_that_fails_fails_its_deliveries_and_no_other(commits: GroupCommit, scripts: Scripts) -> None:
    failed = storing(commits, 1, 2)
    await settled()
    stored = storing(commits, 3)
    await settled()
    await scripts.answer(0, StoreUnavailable("away"))
    await scripts.answer(1)
    assert all(isinstance(caller.exception(), StoreUnavailable) for caller in failed)
    assert stored[0].result() == 3


async def test_a_script_without_an_answer_does_not_hold_up_the_next(
    commits: GroupCommit, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", 0.001)
    (hanging,) = storing(commits, 1)
    await settled()
    (stored,) = storing(commits, 2)
    async with asyncio.timeout(5):
        await scripts.second.wait()
    await scripts.answer(1)
    assert stored.result() == 2
    assert not hanging.done()
    await scripts.answer(0)
    assert hanging.result() == 1


async def test_no_script_runs_with_what_a_request_has_bound_to_its_log_lines(
    commits: GroupCommit, scripts: Scripts
) -> None:
    seen: list[str | None] = []
    run = scripts.run

    async def watched(name: str, *args: str | bytes | float) -> Sequence[int]:
        seen.append(REQUEST.get(None))
        return await run(name, *args)

    scripts.run = watched  # type: ignore[method-assign]
    REQUEST.set("one of many")
    (caller,) = storing(commits, 1)
    await settled()
    await scripts.answer(0)
    assert caller.result() == 1
    assert seen == [None]
