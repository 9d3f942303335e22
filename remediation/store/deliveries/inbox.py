"""P1, nothing lost: a delivery is in here, durably, before its sender gets a 2xx, and stays until it has been read."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from remediation.deliveries.events import DeliveryLimit, Sender
from remediation.domain.errors import FirstLooksFull, OverLimit, QuarantineFull
from remediation.sealing import Keyring
from remediation.store.deliveries.crash_counter import CrashCounter
from remediation.store.deliveries.group_commit import GroupCommit, SealedDelivery
from remediation.store.deliveries.readings import DeliveryReadings
from remediation.store.keys import INBOX
from remediation.store.server.connection import Connection
from remediation.telemetry import NOWHERE, Origin

FINGERPRINT_LIFETIME = timedelta(days=30)
"""How long a delivery's fingerprint is kept after it has been read, unless configured otherwise: a late repeat is
recognised by it."""


def milliseconds(span: timedelta) -> int:
    """The span in seconds, for Redis."""
    return span // timedelta(milliseconds=1)


class DeliveryState(StrEnum):
    """The state of a delivery. Every one ends in done, ignored, parked, quarantined, or is discarded by a person.

    Ignored: we do not know its event. Its row has no body, and expires as that of a delivery that was read.
    """

    RECEIVED = "received"
    DONE = "done"
    IGNORED = "ignored"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"


class Arrival(NamedTuple):
    """How a delivery came, and what is decided in the step that stores it.

    `origin` is kept in clear. `limit` is how many the account may bring. `signers` are the ids of the secrets that
    signed it, `others` those of the account's other secrets; where both are empty, their use is not noted.
    """

    origin: Origin = NOWHERE
    limit: DeliveryLimit | None = None
    signers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def add_to(self, head: dict[str, object]) -> None:
        """Add what of it goes into the head of a delivery, for the script."""
        if self.origin.request_id:
            head["request_id"] = self.origin.request_id
        if self.origin.trace:
            head["trace"] = self.origin.trace
        if self.limit:
            head["limit"] = (self.limit.interval * 1e6, self.limit.burst)
        if self.signers or self.others:
            head |= {"secrets": (*self.signers, *self.others), "signers": len(self.signers)}


@dataclass(frozen=True, slots=True)
class MostKept:
    """How much of what nobody can use (yet) is kept for one sender; what is beyond is not accepted.

    `quarantined` are deliveries, each of which may have 256 KiB. `first_looks` are cases that it brought within a day
    and that wait for their first look, of which each takes less than a kilobyte.
    """

    quarantined: int = 200
    first_looks: int = 100_000


_MOST_KEPT = MostKept()
_STORED, _QUARANTINE_FULL, _FIRST_LOOKS_FULL = 1, 2, 3
"""Replies of the script."""

_PLAIN = Arrival()
"""An arrival without origin, without a limit, and without a note about secrets."""


class Inbox:
    """The rows of deliveries. `kept` is how long fingerprints stay once their deliveries have been read.

    `readings` is what workers do with them.
    """

    def __init__(
        self,
        connection: Connection,
        keyring: Keyring,
        kept: timedelta = FINGERPRINT_LIFETIME,
        crash_counter: CrashCounter | None = None,
        most: MostKept = _MOST_KEPT,
    ) -> None:
        self._connection = connection
        self._beginnings = crash_counter or CrashCounter(connection)
        self._keyring = keyring
        self._kept_ms = milliseconds(kept)
        self._most = most
        self.readings = DeliveryReadings(connection, keyring, self._kept_ms, self._beginnings)
        self._commits = GroupCommit(connection, self._kept_ms, most.quarantined, most.first_looks)

    def fingerprint(self, body: bytes) -> str:
        """What a delivery without an id is known by."""
        return self._keyring.fingerprint(body)

    def keeping(self, kept: timedelta) -> "Inbox":
        """The same inbox, with this span for what is read from now on."""
        return Inbox(self._connection, self._keyring, kept, self._beginnings, self._most)

    async def accept(
        self,
        delivery_id: str,
        sender: Sender,
        account: str,
        body: bytes,
        now: float,
        arrival: Arrival = _PLAIN,
        *,
        unreadable: str | None = None,
    ) -> bool:
        """Store the delivery, mark it as unread and wake a worker, in one step. False: it was stored before.

        `account` is a district or a tracker. `unreadable` (a fixed phrase) quarantines it instead. When this returns,
        the delivery is durable. Raises OverLimit, QuarantineFull and FirstLooksFull, and then it was not stored, and
        StoreUnavailable, and then it may have been.
        """
        state = DeliveryState.QUARANTINED if unreadable else DeliveryState.RECEIVED
        sealed = self._keyring.seal(body, INBOX + delivery_id)
        words = self._keyring.seal(unreadable.encode(), f"words:delivery/{delivery_id}") if unreadable else b""
        head = _head(delivery_id, sender, account, now, state, arrival)
        return await self._store(SealedDelivery(head, sealed, words))

    async def accept_ignored(
        self, delivery_id: str, sender: Sender, account: str, now: float, arrival: Arrival = _PLAIN
    ) -> bool:
        """Store that the delivery came, without its body: we do not know its event. False: it was stored before.

        It is as durable as an accepted one. Raises OverLimit and StoreUnavailable.
        """
        head = _head(delivery_id, sender, account, now, DeliveryState.IGNORED, arrival)
        return await self._store(SealedDelivery(head))

    async def _store(self, delivery: SealedDelivery) -> bool:
        answer = await self._commits.store(delivery)
        if answer < 0:
            raise OverLimit(-answer / 1000)
        if answer == _QUARANTINE_FULL:
            raise QuarantineFull("as many deliveries of this sender as are kept cannot be read")
        if answer == _FIRST_LOOKS_FULL:
            raise FirstLooksFull("too many cases of this sender wait for their first look")
        return answer == _STORED

    async def state(self, delivery_id: str) -> DeliveryState | None:
        """The delivery's state; None where nothing is known of it."""
        state = await self._connection.ask(self._connection.redis.hget(INBOX + delivery_id, "state"))
        return DeliveryState(state.decode()) if state else None


def _head(
    delivery_id: str, sender: Sender, account: str, now: float, state: DeliveryState, arrival: Arrival
) -> dict[str, object]:
    """The head of a delivery, as accept_delivery.lua reads it."""
    called = "system" if sender.is_tracker else "district"
    head: dict[str, object] = {"id": delivery_id, "now": int(now * 1000), "state": state, "sender": sender.name}
    head["account"], head["called"] = account, called
    arrival.add_to(head)
    return head
