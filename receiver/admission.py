"""What a receiver remembers between deliveries, so that it reads from Redis, and writes to it, only where it must."""

import time
from collections.abc import Callable

from receiver.accounts import Account
from remediation.deliveries.events import DeliveryLimit
from remediation.domain.errors import OverLimit
from remediation.store.deliveries.inbox import Arrival
from remediation.telemetry import Origin

NOTED_SECONDS = 60.0
"""After a receiver has noted the use of a secret, it does not note it again for so many seconds. The notes are read to
find secrets that were unused for days, so minutes do not matter."""


class Admission:
    """Whether and how a delivery is stored.

    Redis holds the limits that count for all receivers; this saves calls to it.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._noted_until: dict[tuple[str, tuple[str, ...]], float] = {}
        self._full_until: dict[tuple[str, DeliveryLimit | None], float] = {}

    def arrival(self, account: Account, signers: tuple[str, ...], origin: Origin) -> Arrival:
        """How to store a delivery that was signed with the secrets of these ids.

        Raises OverLimit while the account's limit is known to be used up, so that such deliveries cost Redis nothing.
        """
        now = self._steady()
        wait = self._full_until.get((account.path, account.limit), now) - now
        if wait > 0:
            raise OverLimit(wait)
        if self._noted_until.get((account.path, signers), now) > now:
            return Arrival(origin, account.limit)
        others = tuple(each.id for each in account.secrets if each.id not in signers)
        return Arrival(origin, account.limit, signers, others)

    def stored(self, account: Account, arrival: Arrival) -> None:
        """Note that a new delivery was stored with this arrival."""
        if arrival.signers:
            self._noted_until[account.path, arrival.signers] = self._steady() + NOTED_SECONDS

    def refused(self, account: Account, error: OverLimit) -> None:
        """Note that Redis refused a delivery because the account's limit is used up."""
        self._full_until[account.path, account.limit] = self._steady() + error.after
