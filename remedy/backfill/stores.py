"""What `remedy backfill` works with in Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from remediation.read_model.account_work import writes_a_minute
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists
from remediation.store.cases.standings import Standings
from remediation.store.scans.backfills import Backfills
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import keyring_of

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class BackfillStores:
    """The store, as far as a backfill needs it. Every method raises StoreUnavailable."""

    connection: Connection
    clock: SharedClock

    @property
    def backfills(self) -> Backfills:
        """The backfills."""
        return Backfills(self.connection)

    async def waiting(self, district: str) -> int:
        """How many cases of the district wait for a look."""
        lists = CaseLists(self.connection)
        states = (CaseState.DIRTY, CaseState.PUT_OFF)
        return sum([await lists.count(CaseFilter(district=district, state=state)) for state in states])

    async def writes_a_minute(self, district: str) -> int:
        """The district's limit of writes, as SchoolScan's answers told it last, or else as its page says."""
        return (await writes_a_minute(self.connection, [district]))[district]

    async def anybody_at_work(self) -> bool:
        """Whether a worker is at work."""
        return await Standings(self.connection).anybody_at_work()


def with_stores(use: Callable[[BackfillStores], Awaitable[ResultT]]) -> ResultT:
    """What `use` returns. Raises ConfigurationError, and what `use` raises."""
    settings = load_settings()

    async def work(address: RedisAddress) -> ResultT:
        async with open_for_command(address) as connection:
            return await use(BackfillStores(connection, await clock_of(connection)))

    with redis_address(settings) as address:
        return asyncio.run(work(address))


def audit_of(stores: BackfillStores) -> CommandAudit:
    """The audit. Raises ConfigurationError without data keys."""
    return CommandAudit(stores.connection, keyring_of(load_settings()), stores.clock)
