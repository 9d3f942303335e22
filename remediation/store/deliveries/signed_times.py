"""P3, nobody else: districts whose sender has signed a time. From then on `auto` refuses formats without one."""

from remediation.store.keys import SIGNED_TIMES
from remediation.store.server.connection import Connection


class SignedTimes:
    """Kept in Redis, so that every receiver knows it, also after a restart.

    A receiver asks again only when a delivery without a signed time comes in.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: set[str] = set()

    async def required(self, district: str) -> bool:
        """Whether this district's deliveries must carry a signed time. Raises StoreUnavailable."""
        if district not in self._seen and await self._connection.ask(
            self._connection.redis.sismember(SIGNED_TIMES, district)
        ):
            self._seen.add(district)
        return district in self._seen

    async def note(self, district: str) -> None:
        """Remember that this district's sender signed a time. Raises StoreUnavailable."""
        if district not in self._seen:
            await self._connection.ask(self._connection.redis.sadd(SIGNED_TIMES, district))
            self._seen.add(district)
