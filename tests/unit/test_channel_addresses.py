"""The addresses of many channels are looked at a few at a time."""

import asyncio
from typing import Any, cast

import pytest

from remedy.notify import addresses
from remedy.notify.addresses import ChannelInspector


async def test_no_more_than_four_processes_look_at_addresses_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = set[str](), 0

    async def looked_at(url: str) -> None:
        nonlocal most
        running.add(url)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.discard(url)

    monkeypatch.setattr(addresses, "address_flaw", looked_at)
    found = await ChannelInspector({f"desk-{number}": f"jsons://h/{number}" for number in range(20)}).inspect(
        cast("Any", None)
    )
    assert (len(found), most) == (20, 4)
