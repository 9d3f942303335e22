"""In which places linked tickets are, as far as their ids tell: ServiceNow's tables."""

from collections import Counter

from remediation.domain.tickets import place_in
from remediation.store.keys import TICKETS
from remediation.store.server.connection import Connection

_AT_ONCE = 1_000


async def linked_places(connection: Connection, tracker: str) -> Counter[str]:
    """How many linked tickets each place has; those whose ids tell none are left out. Raises StoreUnavailable.

    It reads the ids of all tickets of the tracker. One that was deleted counts for as long as its id is remembered.
    """
    places: Counter[str] = Counter()
    cursor = 0
    while True:
        cursor, tickets = await connection.ask(connection.redis.hscan(TICKETS + tracker, cursor, count=_AT_ONCE))
        places.update(place for ticket_id in tickets if (place := place_in(ticket_id.decode())))
        if not cursor:
            return places
