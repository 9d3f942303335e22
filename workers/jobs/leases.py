"""Keep a case's lease while working on it, and stop working when it is lost."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from remediation.domain.errors import LeaseLost, StoreUnavailable
from remediation.store.cases.todo import LEASE_SECONDS, Lease, Todo


async def under_lease(todo: Todo, lease: Lease, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` and renew the lease meanwhile.

    Raises LeaseLost, and cancels the work, when another worker may hold it.
    """
    task = asyncio.create_task(work)
    keeper = asyncio.create_task(_keep(todo, lease))
    try:
        await asyncio.wait({task, keeper}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            await keeper
        await task
    finally:
        for other in (task, keeper):
            other.cancel()
        await asyncio.gather(task, keeper, return_exceptions=True)


async def _keep(todo: Todo, lease: Lease) -> None:
    loop = asyncio.get_running_loop()
    good_until = loop.time() + LEASE_SECONDS
    while loop.time() < good_until:
        await asyncio.sleep(LEASE_SECONDS / 3)
        asked = loop.time()
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout_at(good_until):  # Redis may hang for longer than the lease lasts
                if not await todo.renew(lease):
                    break
            good_until = asked + LEASE_SECONDS
    raise LeaseLost(lease.ref)
