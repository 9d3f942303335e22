"""What a receiver remembers from one delivery to the next, so that Redis is told and asked no more than it must be."""

import time
from collections.abc import Callable

from receiver.accounts import Account
from remediation.deliveries.limits import DeliveryLimit
from remediation.domain.errors import OverLimit
from remediation.domain.origins import Origin
from remediation.store.deliveries.inbox import Arrival

NOTED_SECONDS = 60.0
"""For so long one receiver does not note again that a secret was used: who asks wants to know about days."""


class Admission:
    """What is settled where a delivery is stored. What counts for all receivers is in Redis; this saves work there."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._noted_until: dict[tuple[str, tuple[str, ...]], float] = {}
        self._full_until: dict[tuple[str, DeliveryLimit | None], float] = {}

    def arrival(self, account: Account, signers: tuple[str, ...], origin: Origin) -> Arrival:
        """How a delivery is stored that the secrets with these ids signed.

        Raises OverLimit while the account's limit is known to be used up: more of the same costs Redis nothing.
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
        """A new delivery was stored so."""
        if arrival.signers:
            self._noted_until[account.path, arrival.signers] = self._steady() + NOTED_SECONDS

    def refused(self, account: Account, error: OverLimit) -> None:
        """The account's limit is used up."""
        self._full_until[account.path, account.limit] = self._steady() + error.after
