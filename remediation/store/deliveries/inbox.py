"""P1, nothing lost: a delivery is in here, durably, before its sender gets a 2xx, and stays until it has been read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from remediation.deliveries.events import DeliveryLimit, Sender
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import FirstLooksFull, OverLimit, QuarantineFull
from remediation.domain.tickets import TicketChange
from remediation.mapping.config.trackers.kinds import sender_named
from remediation.sealing import Keyring
from remediation.store.cases.rows import change_wire
from remediation.store.cases.todo import LEASE_SECONDS, Mark, marks_of
from remediation.store.deliveries.crash_counter import CrashCounter, Crashes
from remediation.store.deliveries.group_commit import GroupCommit, SealedDelivery
from remediation.store.keys import BEGUN, INBOX
from remediation.store.server.connection import Connection, passing_errors
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


class ChangeOutcome(StrEnum):
    """The result for a ticket's change: its case is marked, its version was known, or the ticket is not ours."""

    MARKED = "marked"
    KNOWN = "known"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery that waits to be read, of one of a sender's accounts: a district or a tracker.

    `body` is unsealed; `token` identifies the worker that reads it; `origin` is how it came.
    """

    id: str
    sender: Sender
    account: str
    body: bytes
    token: str = ""
    crashes: Crashes = field(default_factory=Crashes)
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a delivery came, and what is decided in the step that stores it.

    `origin` is kept in clear. `limit` is how many the account may bring. `signers` are the ids of the secrets that
    signed it, `others` those of the account's other secrets; where both are empty, their use is not noted.
    """

    origin: Origin = NOWHERE
    limit: DeliveryLimit | None = None
    signers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def head(self) -> dict[str, object]:
        """What of it goes into the head of a delivery, for the script."""
        head: dict[str, object] = {}
        if self.origin.request_id:
            head["request_id"] = self.origin.request_id
        if self.origin.trace:
            head["trace"] = self.origin.trace
        if self.limit:
            head["limit"] = (self.limit.interval * 1e6, self.limit.burst)
        if self.signers or self.others:
            head |= {"secrets": (*self.signers, *self.others), "signers": len(self.signers)}
        return head


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


class Inbox:
    """The rows of deliveries. `kept` is how long fingerprints stay once their deliveries have been read."""

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

    async def take(self, delivery_id: str, now: float) -> StoredDelivery | None:
        """The delivery, if nobody has read it yet. Raises KeyMissing when its data key is missing.

        The caller must `let_go` of it.
        """
        args = ("delivery", int(LEASE_SECONDS * 1000))
        taken = await self._beginnings.take("take_up", f"delivery/{delivery_id}", delivery_id, now, *args)
        if taken is None:
            return None
        row = taken.row
        try:
            body = self._keyring.open(row["body"], INBOX + delivery_id)
            sender, account = sender_named(row["sender"].decode()), row["account"].decode()
            return StoredDelivery(delivery_id, sender, account, body, taken.token, taken.crashes, _origin_in(row))
        except BaseException:  # the key is missing or the row cannot be read: no worker died
            await self._beginnings.let_go(taken.token)
            raise

    async def unopened(self, delivery_id: str) -> StoredDelivery:
        """The account and origin of a delivery whose body cannot be opened. The delivery is not taken up."""
        fields = ["sender", "account", "request_id", "trace"]
        values = await self._connection.ask(self._connection.redis.hmget(INBOX + delivery_id, fields))
        row = {name: value or b"" for name, value in zip(fields, values, strict=True)}
        sender, account = sender_named(row["sender"].decode()), row["account"].decode()
        return StoredDelivery(delivery_id, sender, account, b"", origin=_origin_in(row))

    async def let_go(self, delivery: StoredDelivery) -> None:
        """Report that the process which read the delivery is alive, whatever the result was."""
        await self._beginnings.let_go(delivery.token)

    async def finish(
        self, delivery_id: str, now: float, cases: Iterable[Mark] = (), scan: ScanNote | None = None
    ) -> None:
        """Mark the cases and the scan that it named, shred its body and keep its fingerprint, in one step."""
        scan_args = (scan.ref, scan.id, "listing" if scan.completed else "started") if scan else ("", "", "")
        marks = marks_of(cases)
        await self._connection.run("finish_delivery", delivery_id, int(now * 1000), self._kept_ms, *scan_args, *marks)

    async def finish_ticket(
        self, delivery_id: str, now: float, tracker: str, change: TicketChange, key: CaseKey | None
    ) -> ChangeOutcome | None:
        """Mark the ticket's case, if it has one, shred the body and keep the fingerprint, in one step.

        A version that we know, or that is older than the one we know, marks nothing; an empty one always does.
        None: the delivery was finished before.
        """
        marks = (tracker, *change_wire(change, key)) if key else ()
        args: tuple[str | int, ...] = (delivery_id, int(now * 1000), self._kept_ms, *marks)
        outcome = await self._connection.run("finish_ticket_delivery", *args)
        return ChangeOutcome(outcome.decode()) if outcome else None

    async def ignore(self, delivery_id: str) -> None:
        """Shred and keep as above a stored delivery whose event we do not know, and do nothing else."""
        await self._connection.run("ignore_delivery", delivery_id, self._kept_ms)

    async def stumble(self, delivery_id: str) -> int:
        """Count an attempt that ended in an error of our own. Returns how many there were."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(INBOX + delivery_id, "attempts", 1)
                pipe.delete(f"{BEGUN}delivery/{delivery_id}")
                attempts, _ = await pipe.execute()
        return int(attempts)

    async def state(self, delivery_id: str) -> DeliveryState | None:
        """The delivery's state; None where nothing is known of it."""
        state = await self._connection.ask(self._connection.redis.hget(INBOX + delivery_id, "state"))
        return DeliveryState(state.decode()) if state else None


def _head(
    delivery_id: str, sender: Sender, account: str, now: float, state: DeliveryState, arrival: Arrival
) -> dict[str, object]:
    """The head of a delivery, as accept_delivery.lua reads it."""
    called = "system" if sender.is_tracker else "district"
    of_delivery = {"id": delivery_id, "now": int(now * 1000), "state": state, "sender": sender.name}
    return {**of_delivery, "account": account, "called": called, **arrival.head}


def _origin_in(row: Mapping[str, bytes]) -> Origin:
    """The origin in a row; a row of an earlier version has none."""
    return Origin.parse(row.get("request_id", b"").decode(), row.get("trace", b"").decode())
