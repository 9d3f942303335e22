"""The delivery of a trigger: signed as mappings.yaml says, and followed until workers have read it."""

import asyncio
import secrets
import time
from dataclasses import dataclass

from remediation.deliveries.events import SCHOOLSCAN, EventKind, delivery_id
from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.reading.loading import Loaded
from remediation.settings import Settings
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.processes import Processes
from remediation.store.server.connection import Connection
from remedy.send import Delivery, ReceiverAnswer, address_of, body_of, receiver_url, sent, signed_delivery
from remedy.signing import signing_of

_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Event:
    """What a delivery says: the event, and which finding or scan it is about."""

    kind: EventKind
    finding: str | None = None
    scan: str | None = None

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.kind} {self.scan if self.kind.is_about_scan else self.finding}"


@dataclass(frozen=True, slots=True)
class Sending:
    """A delivery that is ready, and the id of its row in the inbox."""

    delivery: Delivery
    event_id: str
    row: str

    async def send(self) -> ReceiverAnswer:
        """The receiver's answer. Raises TryLater where there is none."""
        return await asyncio.to_thread(sent, self.delivery)


def sending_of(loaded: Loaded, settings: Settings, district: str, event: Event, url: str | None) -> Sending:
    """The delivery of an event to the receiver. Raises ConfigurationError for a secret that is missing."""
    signing, now, event_id = signing_of(loaded, district), time.time(), f"evt_test_{secrets.token_hex(8)}"
    body = body_of(event.kind, event_id, event.finding, event.scan, now)
    address = address_of(url or receiver_url(settings), district)
    delivery = signed_delivery(address, body, signing, now, event_id)
    return Sending(delivery, event_id, delivery_id(SCHOOLSCAN.name, district, event_id))


async def read_by_workers(inbox: Inbox, row: str, seconds: float) -> DeliveryState:
    """What became of a delivery once it is not waiting to be read any more. Raises TimeoutError, StoreUnavailable."""
    deadline = time.monotonic() + seconds
    while True:
        state = await inbox.state(row)
        if state is not None and state is not DeliveryState.RECEIVED:
            return state
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(_PAUSE)


async def must_run(
    connection: Connection, now: float, needed: frozenset[str] = frozenset({"receiver", "worker"})
) -> None:
    """Raises ConfigurationError where one of the needed processes does not run with this Redis: it would do nothing."""
    missing = sorted(needed - {each.role for each in await Processes(connection).running(now)})
    if missing:
        words = f"no {' and no '.join(missing)} runs here, so nothing would come of it: remedy run {missing[0]}"
        raise ConfigurationError([Problem("Redis", words)])
