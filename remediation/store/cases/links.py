"""P2, nothing twice: which ticket belongs to a case, and which one we were about to open; under the case's lease."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from remediation.domain.cases import Link
from remediation.domain.errors import LeaseLost
from remediation.domain.tickets import Ticket
from remediation.store.cases.rows import link_of, link_wire
from remediation.store.cases.todo import Lease, Todo
from remediation.store.server.connection import Connection

NO_SITES: Mapping[str, str] = MappingProxyType({})


class LeasedLinks:
    """The links of a case, for the worker that holds its lease. Every write raises LeaseLost when it is lost.

    `sites` names the site of each tracker, where it is known.
    """

    def __init__(
        self,
        connection: Connection,
        lease: Lease,
        sites: Mapping[str, str] = NO_SITES,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._sites = sites
        self._clock = clock
        self._todo = Todo(connection)
        self._lease = lease

    async def hold(self) -> None:
        """Verify that the lease is still held, and renew it."""
        if not await self._todo.renew(self._lease):
            raise LeaseLost(self._lease.ref)

    async def intend(self, tracker: str, now: float, place: str = "") -> None:
        """Store durably that a create is about to be sent, when and to which place, and renew the lease."""
        if not await self._todo.renew(self._lease, {f"intent:{tracker}": repr(now), f"place:{tracker}": place}):
            raise LeaseLost(self._lease.ref)

    async def link(self, ticket: Ticket) -> Link:
        """Store the link and delete the intent.

        A case to which the ticket was linked until now must be looked at again.
        """
        link = link_of(ticket, self._sites.get(ticket.tracker, ""), self._lease.record.born)
        await self._write("link_ticket", ticket.tracker, ticket.id, *link_wire(link), int(self._clock() * 1000))
        return link

    async def unlink(self, tracker: str) -> None:
        """Delete the link to a ticket that is gone, and any intent."""
        await self._write("unlink_ticket", tracker, "", "", "")

    async def disown(self, link: Link, *, replaced: bool) -> None:
        """Delete the link to a ticket that is not the case's; later changes of it are then news for the case.

        With `replaced`, another ticket is linked next; until then a look must search for it.
        """
        expects = "1" if replaced else ""
        await self._write("unlink_ticket", link.tracker, link.ticket_id, link.ticket_key, expects)

    async def _write(self, script: str, *args: str | bytes | int) -> None:
        if not await self._connection.run(script, self._lease.ref, self._lease.token, *args):
            raise LeaseLost(self._lease.ref)
