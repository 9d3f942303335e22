"""What becomes of deliveries, for whoever follows them. Nothing is written while nobody does.

A listener says that it is there, and for as long as it does, the scripts that take up and finish deliveries add a line
to a short stream.
"""

from dataclasses import dataclass

from remediation.store.keys import HEARD, LISTENING
from remediation.store.server.connection import Connection
from remediation.store.terms import LISTENING_MS

RENEW_SECONDS = LISTENING_MS / 3000
"""How often a listener says that it is there."""

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class HeardDelivery:
    """What became of a delivery. `place` sorts by time; `at` is in Unix seconds, by Redis's clock.

    `state` is received, quarantined, ignored or parked, or as what it was read: done, marked, known, foreign, nothing.
    """

    place: str
    at: float
    id: str
    state: str
    path: str


class HeardDeliveries:
    """The stream. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def listen(self) -> None:
        """Say that somebody follows deliveries."""
        await self._connection.ask(self._connection.redis.set(LISTENING, "1", px=LISTENING_MS))

    async def now(self) -> str:
        """The place after which what is told from now on will be."""
        seconds, micros = await self._connection.ask(self._connection.redis.time())
        return f"{int(seconds) * 1000 + int(micros) // 1000}-0"

    async def since(self, place: str) -> list[HeardDelivery]:
        """What was told after a place, oldest first, a thousand lines at most."""
        rows = await self._connection.ask(self._connection.redis.xrange(HEARD, min=f"({place}", count=_AT_ONCE))
        return [_heard(name.decode(), fields) for name, fields in rows]


def _heard(place: str, fields: dict[bytes, bytes]) -> HeardDelivery:
    told = {name: value.decode(errors="replace") for name, value in fields.items()}
    at = int(place.partition("-")[0]) / 1000
    return HeardDelivery(place, at, told.get(b"d", ""), told.get(b"s", ""), told.get(b"a", ""))
