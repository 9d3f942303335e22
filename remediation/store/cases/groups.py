"""The cases of groups of findings (domain/cases/groups.py): which takes new ones, and how some move on to the next."""

from collections.abc import Iterable
from dataclasses import replace

from remediation.domain.cases.groups import number_of, numbered
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import LeaseLost
from remediation.store.cases.todo import Lease
from remediation.store.keys import BORN, CASE, FORGETTING
from remediation.store.server.connection import Connection


class GroupCases:
    """What the rows of these cases say of each other. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def current_of(self, group: CaseKey) -> CaseKey:
        """The case of the group that takes new findings, as far as is known; `group` is an earlier one or that one."""
        key = group
        while following := await self._connection.ask(self._connection.redis.hget(CASE + key.ref, "next")):
            key = numbered(key, int(following))
        return key

    async def move_members(
        self, lease: Lease, findings: Iterable[str], other: CaseKey, now: float, audit: bytes = b""
    ) -> None:
        """Move findings from this case of a group on to a later one, which is to be looked at. Raises LeaseLost.

        New findings of the group go there, too. `audit` is a line of the audit about that; empty for none.
        """
        key = lease.record.key
        args: list[str | int | bytes] = [lease.ref, lease.token, int(now * 1000), lease.cause, other.ref, other.id]
        args += [number_of(other), numbered(key, 1).ref, audit]
        args += [part for name in sorted(findings) for part in (replace(key, id=name).ref, name)]
        if not await self._connection.run("move_members", *args):
            raise LeaseLost(lease.ref)

    async def knows_since(self) -> float:
        """From when on (Unix seconds) the store knows all work: see CaseRecord.knows_since."""
        asked = self._connection.redis.pipeline(transaction=False)
        asked.get(BORN)
        asked.hget(FORGETTING, "forgotten")
        return max(float(each or 0) for each in await self._connection.ask(asked.execute())) / 1000
