"""In which places linked tickets are, as far as their ids tell: ServiceNow's tables."""

from collections import Counter

from remediation.domain.tickets import place_in
from remediation.store.keys import INDEX, TICKETS
from remediation.store.server.connection import Connection

_AT_ONCE = 1_000
_COUNTED = b"tickets:"


async def linked_places(connection: Connection, tracker: str) -> Counter[str]:
    """How many linked tickets each place has; those whose ids tell none are left out. Raises StoreUnavailable.

    One that was deleted counts for as long as the index has it. Of a store of an earlier version it reads the ids that
    are not moved yet.
    """
    places = await _unmoved(connection, tracker)
    head = await connection.ask(connection.redis.hgetall(INDEX + tracker))
    counts = {name.removeprefix(_COUNTED).decode(): int(each) for name, each in head.items() if _COUNTED in name}
    places.update({place: count for place, count in counts.items() if place and count})
    return places


async def _unmoved(connection: Connection, tracker: str) -> Counter[str]:
    places: Counter[str] = Counter()
    cursor = 0
    while True:
        cursor, tickets = await connection.ask(connection.redis.hscan(TICKETS + tracker, cursor, count=_AT_ONCE))
        places.update(place for ticket_id in tickets if (place := place_in(ticket_id.decode())))
        if not cursor:
            return places
