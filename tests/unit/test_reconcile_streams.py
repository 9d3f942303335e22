import asyncio
from collections.abc import AsyncIterator

import pytest

from remedy.reconcile.streams import merged


async def stream(*items: str) -> AsyncIterator[str]:
    for item in items:
        await asyncio.sleep(0)
        yield item


async def test_everything_comes_and_each_stream_in_its_own_order() -> None:
    seen = [item async for item in merged([stream("a1", "a2", "a3"), stream(), stream("b1", "b2")])]
    assert sorted(seen) == ["a1", "a2", "a3", "b1", "b2"]
    assert [item for item in seen if item < "b"] == ["a1", "a2", "a3"]


async def test_nothing_of_nothing() -> None:
    assert [item async for item in merged(list[AsyncIterator[str]]())] == []


async def test_what_is_falsy_does_not_end_a_stream() -> None:
    assert [item async for item in merged([stream("", "b")])] == ["", "b"]


async def test_a_stream_that_waits_keeps_no_other_waiting() -> None:
    others_are_over = asyncio.Event()

    async def waiting() -> AsyncIterator[str]:
        await others_are_over.wait()
        yield "late"

    seen: list[str] = []
    async with asyncio.timeout(20):
        async for item in merged([waiting(), stream("early", "too")]):
            seen.append(item)
            if seen == ["early", "too"]:
                others_are_over.set()
    assert seen == ["early", "too", "late"]


async def test_what_a_stream_raises_is_raised_and_ends_the_others() -> None:
    ended: list[str] = []

    async def endless() -> AsyncIterator[str]:
        try:
            await asyncio.Event().wait()
            yield "never"
        finally:
            ended.append("endless")

    async def broken() -> AsyncIterator[str]:
        yield "once"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        _ = [item async for item in merged([endless(), broken()])]
    assert ended == ["endless"]
