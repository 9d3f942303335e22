"""How cases stand: at rest, waiting for a look, being looked at, or put off. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remediation.store.keys import SWEPT, TICKET_KEYS
from remediation.store.server.connection import Connection


class Stand(StrEnum):
    """Where a case is in its round. PUT_OFF: looked at since it was last marked, and waiting for the next look."""

    SETTLED = "settled"
    WAITING = "waiting"
    HELD = "held"
    PUT_OFF = "put_off"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands. `due` (Unix seconds) is when the sweep looks after it; `parked` are actions set aside."""

    ref: str
    stand: Stand
    due: float
    parked: tuple[str, ...]


class Standings:
    """Asks how cases stand, and whether anybody is there to look at them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, refs: Sequence[str]) -> list[Standing]:
        """How each of these stands, in one round trip: at most some hundreds at once."""
        if not refs:
            return []
        answer = await self._connection.run("standing", *refs)
        parts = [part.decode() for part in answer]
        return [
            Standing(ref, Stand(parts[3 * i]), float(parts[3 * i + 1]) / 1000, tuple(parts[3 * i + 2].split()))
            for i, ref in enumerate(refs)
        ]

    async def anybody_at_work(self) -> bool:
        """Whether a worker has swept within the last seconds."""
        return bool(await self._connection.ask(self._connection.redis.exists(SWEPT)))

    async def refs_of_ticket(self, key: str, trackers: Sequence[str]) -> Mapping[str, str]:
        """The case whose ticket people call so, by tracker."""
        asked = {
            name: await self._connection.ask(self._connection.redis.hget(TICKET_KEYS + name, key.upper()))
            for name in trackers
        }
        return {name: ref.decode() for name, ref in asked.items() if ref}
