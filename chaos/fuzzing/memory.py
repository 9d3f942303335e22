"""What the application stores and asks, in this process: stand-ins without Redis."""

from datetime import timedelta

from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries.group_commit import SealedDelivery
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.signing import SignedTimes


class MemoryInbox(Inbox):
    """Remembers which deliveries it has. `trouble` is what it raises instead."""

    def __init__(self) -> None:
        self.rows: dict[str, SealedDelivery] = {}
        self.trouble: Exception | None = None
        self._keyring = Keyring.parse(generate_key())
        self._kept_ms = timedelta(days=1) // timedelta(milliseconds=1)

    async def _store(self, delivery: SealedDelivery) -> bool:
        if self.trouble:
            raise self.trouble
        delivery_id = str(delivery.head["id"])
        is_new = delivery_id not in self.rows
        self.rows[delivery_id] = delivery
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
