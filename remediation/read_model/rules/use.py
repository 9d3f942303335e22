"""Which mappings.yaml is in use, since when, and by which processes. Reads only."""

import asyncio
from dataclasses import dataclass

from remediation.store.keys import AUDIT_RULES, RULES_SINCE
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class RulesUse:
    """The digest of the file that workers used last, since when (Unix seconds), and the processes that run.

    The digest is empty where no worker has noted one, the time None where that was noted by an earlier version.
    """

    digest: str
    since: float | None
    processes: tuple[Process, ...]

    def using(self, digest: str) -> tuple[Process, ...]:
        """The processes that use the file with this digest."""
        return tuple(each for each in self.processes if each.mappings == digest)

    def using_others(self, digest: str) -> tuple[Process, ...]:
        """Those that use another one."""
        return tuple(each for each in self.processes if each.mappings and each.mappings != digest)


async def rules_use(connection: Connection, now: float) -> RulesUse:
    """What is used at `now` (Unix seconds). Raises StoreUnavailable."""
    (digest, since), running = await asyncio.gather(
        connection.ask(connection.redis.mget(AUDIT_RULES, RULES_SINCE)), Processes(connection).running(now)
    )
    return RulesUse(digest.decode() if digest else "", int(since) / 1000 if since else None, tuple(running))
