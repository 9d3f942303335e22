"""P2, nothing twice: which ticket belongs to a case, and which one we were about to open; under the case's lease."""

import json

from remediation.cases import Link
from remediation.errors import LeaseLost
from remediation.store.connection import Connection
from remediation.store.todo import Lease, Todo
from remediation.tickets import Ticket


class LeasedLinks:
    """The links of the case that a worker holds. Every write raises LeaseLost when it no longer does."""

    def __init__(self, connection: Connection, lease: Lease) -> None:
        self._connection = connection
        self._todo = Todo(connection)
        self._lease = lease

    async def hold(self) -> None:
        """Make sure that the case is still in hand, and renew the lease."""
        if not await self._todo.renew(self._lease):
            raise LeaseLost(self._lease.ref)

    async def intend(self, tracker: str, now: float) -> None:
        """Write down durably that a create is about to be sent (at `now`), and renew the lease."""
        if not await self._todo.renew(self._lease, {f"intent:{tracker}": repr(now)}):
            raise LeaseLost(self._lease.ref)

    async def link(self, ticket: Ticket) -> Link:
        """Remember the ticket and forget the intent."""
        text = json.dumps([ticket.id, ticket.key, ticket.url])
        await self._write(ticket.tracker, ticket.id, text)
        return Link(ticket.tracker, ticket.id, ticket.key, ticket.url)

    async def unlink(self, tracker: str) -> None:
        """Forget a ticket that is gone, and any intent."""
        await self._write(tracker, "", "")

    async def _write(self, tracker: str, ticket_id: str, text: str) -> None:
        if not await self._connection.run("link_ticket", self._lease.ref, self._lease.token, tracker, ticket_id, text):
            raise LeaseLost(self._lease.ref)
