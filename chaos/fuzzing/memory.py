"""What the application stores and asks, in this process: stand-ins without Redis."""

from datetime import timedelta

from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries.inbox import Arrival, Inbox
from remediation.store.deliveries.signing import SignedTimes


class MemoryInbox(Inbox):
    """Remembers which deliveries it has, and how they came. `trouble` is what it raises instead."""

    def __init__(self) -> None:
        self.rows: dict[str, Arrival] = {}
        self.trouble: Exception | None = None
        self._keyring = Keyring.parse(generate_key())
        self._kept_ms = timedelta(days=1) // timedelta(milliseconds=1)

    async def _accept(self, args: tuple[str | bytes | float, ...], arrival: Arrival) -> bool:
        if self.trouble:
            raise self.trouble
        delivery_id = str(args[0])
        is_new = delivery_id not in self.rows
        self.rows[delivery_id] = arrival
        return is_new


class MemorySignedTimes(SignedTimes):
    """Which senders were seen to sign a time, in this process."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    async def refuses(self, district: str, now: float) -> bool:
        """As the real one, in this process."""
        del now
        return district in self._seen

    async def note(self, district: str, now: float, by: str) -> None:
        """As the real one, in this process."""
        del now, by
        self._seen.add(district)
