"""P1, nothing lost: workers take deliveries up, some at a time, and finish each in the step that marks what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from remediation.deliveries.events import Sender
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import StoreUnavailable
from remediation.domain.tickets import TicketChange
from remediation.mapping.config.trackers.kinds import sender_named
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.cases.rows import change_wire
from remediation.store.cases.todo import LEASE_SECONDS
from remediation.store.deliveries.crash_counter import CrashCounter, Crashes, row_with_crashes
from remediation.store.keys import BEGUN, INBOX, TAKEN
from remediation.store.server.connection import Connection, passing_errors
from remediation.telemetry import NOWHERE, Origin

MOST_TOGETHER = 50
"""Deliveries that a worker takes up together. Redis does nothing else meanwhile: less than five milliseconds."""

MOST_BYTES = 1 << 20
"""Bytes of rows after which it takes no more: a delivery may have 256 KiB."""


class ChangeOutcome(StrEnum):
    """The result for a ticket's change: its case is marked, its version was known, or the ticket is not ours."""

    MARKED = "marked"
    KNOWN = "known"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery that waits to be read, of one of a sender's accounts: a district or a tracker.

    `body` is unsealed; `token` identifies the worker that reads it; `origin` is how it came. `trouble` says why the
    body could not be opened, and is None otherwise.
    """

    id: str
    sender: Sender
    account: str
    body: bytes
    token: str = ""
    crashes: Crashes = field(default_factory=Crashes)
    origin: Origin = NOWHERE
    trouble: Exception | None = None

    def opened(self) -> bytes:
        """The body. Raises KeyMissing where its data key is missing."""
        if self.trouble is not None:
            raise self.trouble
        return self.body


@dataclass(frozen=True, slots=True)
class ScanNote:
    """What a delivery said of a scan: it has started, or its findings are to be listed."""

    district: str
    id: str
    completed: bool

    @property
    def ref(self) -> str:
        """The scan's reference, in the form of a case's."""
        return scan_ref(self.district, self.id)


def scan_ref(district: str, scan_id: str) -> str:
    """A scan's reference: `lakeside:scan:scan_2k9x4f`, with a digest where the id has unusual characters."""
    return CaseKey.ref_of(district, "scan", scan_id)


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """What a delivery says, as the script that finishes it acts on it."""

    delivery_id: str
    said: str
    about: tuple[str | int, ...] = ()

    @classmethod
    def of_case(cls, delivery_id: str, key: CaseKey, band: Band | None) -> Self:
        """It names a case; without a band the case keeps its own."""
        return cls(delivery_id, "case", (key.ref, key.id, -1 if band is None else int(band)))

    @classmethod
    def of_scan(cls, delivery_id: str, scan: ScanNote) -> Self:
        """It names a scan."""
        return cls(delivery_id, "scan", (scan.ref, scan.id, "listing" if scan.completed else "started"))

    @classmethod
    def of_ticket(cls, delivery_id: str, tracker: str, change: TicketChange, key: CaseKey | None) -> Self:
        """It names a ticket, and `key` is its case; None where the ticket is not ours.

        A version that we know, or that is older than the one we know, marks nothing; an empty one always does.
        """
        if key is None:
            return cls(delivery_id, "foreign")
        return cls(delivery_id, "ticket", (tracker, *change_wire(change, key)))

    @classmethod
    def unknown(cls, delivery_id: str) -> Self:
        """We do not know its event."""
        return cls(delivery_id, "ignored")

    @property
    def args(self) -> tuple[str | int, ...]:
        """The arguments for the script, always as many."""
        return (self.delivery_id, self.said, *self.about, *("",) * (6 - len(self.about)))


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """Deliveries that a worker has taken up together.

    `suspects` are the ids of deliveries that have killed workers, which are not taken up: each is tried alone. `left`
    is how many more wait.
    """

    token: str
    deliveries: Sequence[StoredDelivery]
    suspects: Sequence[str] = ()
    left: int = 0
    is_alone: bool = False


class DeliveryReadings:
    """The reading of deliveries. `kept_ms` is how long fingerprints stay once their deliveries have been read.

    Every method raises StoreUnavailable, but those that let go.
    """

    def __init__(self, connection: Connection, keyring: Keyring, kept_ms: int, crash_counter: CrashCounter) -> None:
        self._connection = connection
        self._beginnings = crash_counter
        self._keyring = keyring
        self._kept_ms = kept_ms

    async def take_some(self, wanted: str, now: float) -> DeliveryBatch:
        """Take up deliveries that wait, `wanted` among them unless it is empty or was read before.

        The caller must `let_go` of them.
        """
        rest = (MOST_TOGETHER, MOST_BYTES, int(LEASE_SECONDS * 1000), wanted)
        token, (left, suspects, *taken) = await self._beginnings.take_together(now, *rest)
        pairs = [(taken[at].decode(), row_with_crashes(taken[at + 1])) for at in range(0, len(taken), 2)]
        deliveries = [self._opened(name, row, token, crashes) for name, (row, crashes) in pairs]
        return DeliveryBatch(token, deliveries, [each.decode() for each in suspects], left)

    async def take(self, delivery_id: str, now: float) -> DeliveryBatch | None:
        """Take up one delivery alone, a suspect, too. None: it was read before, or another suspect is being tried.

        The caller must `let_go` of it.
        """
        rest = ("delivery", int(LEASE_SECONDS * 1000))
        name = f"delivery/{delivery_id}"
        taken = await self._beginnings.take("take_up", name, delivery_id, now, *rest, patient=False)
        if taken is None:
            return None
        delivery = self._opened(delivery_id, taken.row, taken.token, taken.crashes)
        return DeliveryBatch(taken.token, [delivery], is_alone=True)

    async def let_go(self, batch: DeliveryBatch, now: float, *, at_once: bool = False) -> None:
        """Report that the process which read the deliveries is alive, whatever the result was. Never raises.

        `at_once`: another worker is to read what is not finished now; otherwise the sweep brings it again.
        """
        if batch.is_alone:
            await self._beginnings.let_go(batch.token)
        else:
            await self._beginnings.let_go_together(batch.token, now, at_once=at_once)

    async def finish(self, token: str, news: Sequence[DeliveryNews], now: float) -> list[str | Exception]:
        """Mark what each delivery names, shred its body and keep its fingerprint, all in one step.

        Returns for each `done`, `ignored` or a ChangeOutcome, empty where it was finished before, or the error of its
        own for which it was not finished.
        """
        args = [part for each in news for part in each.args]
        replies = await self._connection.run("finish_deliveries", token, int(now * 1000), self._kept_ms, *args)
        return [_own(each) if isinstance(each, Exception) else each.decode() for each in replies]

    async def stumble(self, delivery: StoredDelivery) -> int:
        """Count an attempt that ended in an error of our own. Returns how many there were."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(INBOX + delivery.id, "attempts", 1)
                pipe.delete(f"{BEGUN}delivery/{delivery.id}")
                pipe.srem(TAKEN + delivery.token, delivery.id)
                attempts, *_ = await pipe.execute()
        return int(attempts)

    def _opened(self, delivery_id: str, row: Mapping[str, bytes], token: str, crashes: Crashes) -> StoredDelivery:
        body, trouble = b"", None
        try:
            body = self._keyring.open(row["body"], INBOX + delivery_id)
        except Exception as error:  # noqa: BLE001 - it is the trouble of this delivery alone
            trouble = error
        sender, account = sender_named(row.get("sender", b"").decode()), row.get("account", b"").decode()
        return StoredDelivery(delivery_id, sender, account, body, token, crashes, _origin_in(row), trouble)


async def stored_body(connection: Connection, keyring: Keyring, delivery_id: str) -> bytes | None:
    """The body of a delivery; None where it has none (any more). Raises KeyMissing and StoreUnavailable."""
    sealed = await connection.ask(connection.redis.hget(INBOX + delivery_id, "body"))
    return keyring.open(sealed, INBOX + delivery_id) if sealed else None


def _own(error: Exception) -> Exception:
    """The error of one delivery. Raises StoreUnavailable where it is the server's."""
    try:
        with passing_errors():
            raise error  # noqa: TRY301
    except StoreUnavailable:
        raise
    except Exception as own:  # noqa: BLE001 - the caller decides
        return own


def _origin_in(row: Mapping[str, bytes]) -> Origin:
    """The origin in a row; a row of an earlier version has none."""
    return Origin.parse(row.get("request_id", b"").decode(), row.get("trace", b"").decode())
