"""What a receiver counted that dies while it is asked."""

import asyncio
from typing import Any, cast

import pytest

from remediation.readiness import Readiness
from remedy.receiving.group import ReceiverProcess
from remedy.receiving.reports import ProcessReport
from tests.unit.test_receiver_sums import counted


class LateChannel:
    """Its answer is read when its process may be gone."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.is_read = asyncio.Event()

    async def ask(self, *, of_store: bool) -> ProcessReport:
        del of_store
        self.is_asked.set()
        await self.is_read.wait()
        return ProcessReport(counted(4), Readiness([]))


async def test_an_answer_read_after_the_death_of_its_process_is_not_counted_twice() -> None:
    process, channel = ReceiverProcess(cast("Any", None), ()), LateChannel()
    process._channel, process.report = cast("Any", channel), ProcessReport(counted(3), Readiness([]))
    asked = asyncio.create_task(process.ask())
    await channel.is_asked.wait()
    process._channel = None  # as run() leaves it
    assert process.take_counted()
    channel.is_read.set()
    with pytest.raises(ConnectionError):
        await asked
    assert process.report is None
