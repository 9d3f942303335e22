"""Deliveries that were not read yet, or that nobody can read, and that name a case: their bodies go with the case."""

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from remediation.deliveries.events import FindingNoticed, Sender
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.cases.records import MARK_PREFIX, ref_of_mark
from remediation.domain.errors import KeyMissing, Unreadable
from remediation.mapping.config.trackers.kinds import sender_named
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, DeliveryState, milliseconds
from remediation.store.keys import INBOX, PARKED, PENDING
from remediation.store.server.connection import Connection

_AT_ONCE = 100
_PARKED_DELIVERY = b"delivery/"


@dataclass(frozen=True, slots=True)
class Concern:
    """What is meant: one case, or a whole district, whose account's deliveries all count.

    `findings` are ids, none for an incident; `tickets` are ids of its tickets, and `words` are texts by which a body
    that cannot be read names it.
    """

    district: str
    refs: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    tickets: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    is_whole_district: bool = False

    def may_have(self, sender: Sender, account: str) -> bool:
        """Whether a delivery of this account can be about it."""
        return sender.is_tracker or account == self.district

    def has(self, sender: Sender, account: str, body: bytes) -> bool:
        """Whether this delivery is about it."""
        if not self.may_have(sender, account):
            return False
        if self.is_whole_district:
            return not sender.is_tracker or _names(body, [f"{MARK_PREFIX}{self.district}"])
        try:
            return self._is_about(sender.read(body))
        except Unreadable:
            return _names(body, self.words)

    def _is_about(self, event: object) -> bool:
        match event:
            case FindingNoticed(finding_id=finding):
                return finding in self.findings
            case TicketNoticed(change=change):
                ref = ref_of_mark(change.mark)
                return change.ticket_id in self.tickets if ref is None else ref in self.refs
            case _:
                return False


def _names(body: bytes, words: Iterable[str]) -> bool:
    """Whether one of the words stands in the body by itself, as it is or as JSON spells it."""
    spelled = {form for word in words for form in _spellings(word)}
    return any(re.search(rb"(?<![\w.-])%s(?![\w-])" % re.escape(form.encode()), body) for form in spelled)


def _spellings(word: str) -> tuple[str, str, str]:
    return word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]


@dataclass(slots=True)
class ConcernedDeliveries:
    """Those that are found: that wait to be read, that are set aside, and how many cannot be opened and may be some."""

    waiting: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    sealed: int = 0


class DeliverySearch:
    """Finds them. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def found(self, concern: Concern) -> ConcernedDeliveries:
        """The deliveries with a body that are about it."""
        found = ConcernedDeliveries()
        async for name, row in self._rows():
            state, sender_name, account, body = row
            if not body or state is None or not sender_name:
                continue
            sender, of_account = sender_named(sender_name.decode()), (account or b"").decode()
            if not concern.may_have(sender, of_account):
                continue
            try:
                opened = self._keyring.open(body, INBOX + name)
            except KeyMissing:
                found.sealed += 1
                continue
            if concern.has(sender, of_account, opened):
                is_waiting = state.decode() == DeliveryState.RECEIVED
                (found.waiting if is_waiting else found.set_aside).append(name)
        return found

    async def discard(self, delivery_id: str, audit: bytes = b"") -> bool:
        """Shred a delivery that waits to be read, and do not read it. False: it does not wait any more."""
        kept = milliseconds(FINGERPRINT_LIFETIME)
        return bool(await self._connection.run("discard_delivery", delivery_id, kept, audit))

    async def _rows(self) -> AsyncIterator[tuple[str, list[bytes | None]]]:
        """Each delivery that waits or is set aside, with its state, sender, account and body."""
        redis = self._connection.redis
        parked = await self._connection.ask(redis.zrange(PARKED, 0, -1))
        names = [*await self._connection.ask(redis.zrange(PENDING, 0, -1))]
        names += [name.removeprefix(_PARKED_DELIVERY) for name in parked if name.startswith(_PARKED_DELIVERY)]
        for start in range(0, len(names), _AT_ONCE):
            asked = redis.pipeline(transaction=False)
            some = [name.decode() for name in names[start : start + _AT_ONCE]]
            for name in some:
                asked.hmget(INBOX + name, ["state", "sender", "account", "body"])
            for name, row in zip(some, await self._connection.ask(asked.execute()), strict=True):
                yield name, row
