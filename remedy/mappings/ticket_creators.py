"""Who opened the tickets that are linked, compared with our accounts, for commands. Nothing is written."""

import asyncio
from collections.abc import Collection

from remediation.domain.errors import OutsideError
from remediation.domain.tickets import Ticket
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection, right, untold
from remediation.mapping.reading.loading import Loaded
from remediation.ports import Tracker
from remediation.redaction import plain
from remediation.store.cases.links import some_linked_tickets
from remediation.store.server.connection import Connection
from remedy.from_store import from_store

_MOST_TICKETS = 10
"""How many linked tickets of a tracker are read."""
_LONGEST_ACCOUNT = 100

_LOST = "after a loss of Redis such tickets are not taken for ours"


def linked_remembered(loaded: Loaded) -> dict[str, tuple[str, ...]]:
    """Some linked tickets of each tracker of the file; empty where there is no Redis, or it does not answer."""

    async def ask(connection: Connection) -> dict[str, tuple[str, ...]]:
        found = {name: await some_linked_tickets(connection, name, _MOST_TICKETS) for name in loaded.mappings.trackers}
        return {name: tickets for name, tickets in found.items() if tickets}

    return from_store(ask, {})


class CreatorInspector:
    """Inspects one thing: whether accounts that count as ours opened these linked tickets."""

    def __init__(self, tracker: Tracker, tickets: Collection[str]) -> None:
        self._tracker = tracker
        self._tickets = tickets

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """The answer, if any of the tickets can be read."""
        del mappings
        where = ("trackers", self._tracker.name, "former_accounts")
        try:
            accounts = await self._tracker.accounts()
        except OutsideError:
            return ()
        read = await asyncio.gather(*map(self._read, self._tickets))
        opened = [ticket.opened_by for ticket in read if ticket is not None and ticket.created_at is not None]
        others = sorted({plain(each, _LONGEST_ACCOUNT) for each in opened if each and each not in accounts})
        if accounts and others:
            words = (
                f"opened tickets that cases are linked to, and count neither as ours nor as former: {', '.join(others)}"
            )
            return (untold(where, words, f"name them here if they opened them for us: {_LOST}"),)
        if opened and (not accounts or None in opened):
            advice = f"let our account read sys_created_by and its own sys_user, or name it here: {_LOST}"
            return (untold(where, "it is not told who opened linked tickets, or who we are", advice),)
        return (right(where, "accounts of ours opened the linked tickets that were looked at"),) if opened else ()

    async def close(self) -> None:
        """Close the tracker."""
        await self._tracker.close()

    async def _read(self, ticket_id: str) -> Ticket | None:
        try:
            return await self._tracker.read(ticket_id)
        except OutsideError:
            return None
