"""One delivery as people are told of it: whose it is, when it came, what became of it, and which case it names.

Its body is opened only to tell which case that is, and nothing else of it leaves this module. Once a delivery was read,
its body is gone, and nobody can tell any more which case it named.
"""

from dataclasses import dataclass
from typing import Any

from remediation.deliveries.events import FindingNoticed, ScanCompleted, ScanStarted
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.cases.records import CaseKey, CaseKind, ref_of_mark
from remediation.domain.errors import KeyMissing, Unreadable
from remediation.mapping.config.trackers.kinds import sender_named
from remediation.read_model.cases.views import Fact
from remediation.read_model.cases.words import time_words
from remediation.read_model.delivery_list import accepted_row
from remediation.sealing import Keyring
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.deliveries.listing import ListedDelivery, one_delivery
from remediation.store.deliveries.readings import scan_ref, stored_body
from remediation.store.server.connection import Connection

_SHREDDED = "its body is not kept, so nobody can tell: the case's own timeline has it"

_SAYS = {
    DeliveryState.RECEIVED: "It waits to be read.",
    DeliveryState.DONE: "It was read. What it named was marked to be looked at, and its body was shredded.",
    DeliveryState.IGNORED: "Its event is none that we know. Nothing was done, and its body was not kept.",
    DeliveryState.PARKED: "It could not be read, and waits for a person's decision.",
    DeliveryState.QUARANTINED: "Its sender is proven, and nobody can read it. It waits for a person's decision.",
    DeliveryState.DISCARDED: "A person decided that it is not read, and its body was shredded.",
}


@dataclass(frozen=True, slots=True)
class NamedByDelivery:
    """The references of what a delivery names, empty where it is none; `unknown` says why nobody can tell either."""

    case: str = ""
    scan: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery, what became of it, and what it names."""

    delivery: ListedDelivery
    says: str
    names: NamedByDelivery

    @property
    def parked(self) -> str:
        """Its name as parked work; empty where it is not set aside."""
        is_aside = self.delivery.state in {DeliveryState.PARKED, DeliveryState.QUARANTINED}
        return f"delivery/{self.delivery.id}" if is_aside else ""


def delivery_facts(view: DeliveryView) -> list[Fact]:
    """What is known of a delivery."""
    delivery, names = view.delivery, view.names
    facts = [
        Fact("account", delivery.path),
        Fact("came", f"{time_words(delivery.at)} UTC"),
        Fact("state", str(delivery.state)),
        Fact("request", delivery.request_id or "the sender named none"),
        Fact("scan", names.scan) if names.scan else Fact("case", names.case or f"not known: {names.unknown}"),
    ]
    return [*facts, Fact("parked", view.parked)] if view.parked else facts


def delivery_json(view: DeliveryView) -> dict[str, Any]:
    """The same for programs."""
    names = view.names
    return {
        **accepted_row(view.delivery),
        "case": names.case or None,
        "scan": names.scan or None,
        "unknown": names.unknown or None,
        "parked": view.parked or None,
    }


async def delivery_view(connection: Connection, keyring: Keyring, delivery_id: str) -> DeliveryView | None:
    """The delivery with this id; None where nothing is known of it. Raises StoreUnavailable."""
    delivery = await one_delivery(connection, delivery_id)
    if delivery is None:
        return None
    return DeliveryView(delivery, _SAYS[delivery.state], await _named(connection, keyring, delivery))


async def _named(connection: Connection, keyring: Keyring, delivery: ListedDelivery) -> NamedByDelivery:
    """What it names."""
    sender, _, account = delivery.path.partition("/")
    try:
        body = await stored_body(connection, keyring, delivery.id)
        event = None if body is None else sender_named(sender).read(body)
    except KeyMissing:
        return NamedByDelivery(unknown="it is sealed with a data key that is not in DATA_KEYS")
    except Unreadable:
        return NamedByDelivery(unknown="nobody can read it")
    if isinstance(event, TicketNoticed):
        [key] = await Todo(connection).keys_of_tickets(account, [event.change.ticket_id])
        ref = ref_of_mark(event.change.mark) or (key.ref if key else "")
        return NamedByDelivery(ref, unknown="" if ref else "its ticket is not one of ours")
    return _of_source(account, event)


def _of_source(account: str, event: object) -> NamedByDelivery:
    match event:
        case FindingNoticed(finding_id=finding):
            return NamedByDelivery(CaseKey(account, CaseKind.FINDING, finding).ref)
        case ScanStarted(scan_id=scan) | ScanCompleted(scan_id=scan):
            return NamedByDelivery(scan=scan_ref(account, scan))
        case None:
            return NamedByDelivery(unknown=_SHREDDED)
        case _:
            return NamedByDelivery(unknown="it names none")
