"""Several streams as one."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")


async def merged(streams: Iterable[AsyncIterator[ItemT]]) -> AsyncIterator[ItemT]:
    """Everything that the streams yield, each in its own order; a stream that waits does not delay the others.

    None is no item. Holds at most one item of each stream. Raises what a stream raises, and then ends the others.
    """
    nexts = {asyncio.ensure_future(anext(stream, None)): stream for stream in streams}
    try:
        while nexts:
            ready, _ = await asyncio.wait(nexts, return_when=asyncio.FIRST_COMPLETED)
            for each in ready:
                stream = nexts.pop(each)
                if (item := each.result()) is not None:
                    nexts[asyncio.ensure_future(anext(stream, None))] = stream
                    yield item
    finally:
        for each in nexts:
            each.cancel()
        await asyncio.gather(*nexts, return_exceptions=True)
